"""Admission: what no schema and no rule of the CRDs can see is refused before it is stored, in validate's words.

The API server asks by a webhook, which may be away: then the operator says the same by the Ready condition.
Callers: app.
"""

from collections.abc import Mapping
from typing import Any

from crontask.api.validate import validate_run, validate_task

CRON_TASKS, SCHEDULED_RUNS = "crontasks", "scheduledruns"


def refusal(plural: str, new: Mapping[str, Any], old: Mapping[str, Any] | None) -> str | None:
    """Why an object may not be stored; None if it may.

    One whose spec stays as it was may: a bad one that is there already can be labelled and deleted.
    """
    spec = new.get("spec")
    if old is not None and old.get("spec") == spec:
        return None
    meta = new.get("metadata") or {}
    identity = f"{meta.get('namespace', '')}/{meta.get('name', '')}"
    _, problems = validate_task(spec, identity) if plural == CRON_TASKS else validate_run(spec)
    return "\n".join(map(str, problems)) or None
