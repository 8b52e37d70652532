"""Admission: what no schema and no rule of the CRDs can see is refused before it is stored, with validate's messages.

The API server asks by a webhook, which may be away: then the operator says the same by the Ready condition. What is
taken and has no effect is answered with warnings, which kubectl shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crontask.api.base import cut
from crontask.api.validate import validate_run, validate_task
from crontask.api.warn import run_warnings, task_warnings
from crontask.api.warn_past import passed_times

CRON_TASKS, SCHEDULED_RUNS = "crontasks", "scheduledruns"
# The API server cuts longer ones.
_LONGEST_WARNING = 256


@dataclass(frozen=True, slots=True)
class Review:
    """Why an object may not be stored, None if it may; and what has no effect in it."""

    refusal: str | None = None
    warnings: tuple[str, ...] = ()


def review(plural: str, new: Mapping[str, Any], old: Mapping[str, Any] | None, now: datetime) -> Review:
    """The answer at an instant about an object that somebody wants to store, and which was there before (`old`).

    One whose spec stays as it was may be stored: a bad one that is there already can be labelled and deleted.
    """
    spec = new.get("spec")
    if old is not None and old.get("spec") == spec:
        return Review()
    meta = new.get("metadata") or {}
    if plural == CRON_TASKS:
        task, problems = validate_task(spec, f"{meta.get('namespace', '')}/{meta.get('name', '')}")
        warnings = (*task_warnings(task), *passed_times(task, now)) if task is not None else ()
    else:
        run, problems = validate_run(spec)
        warnings = run_warnings(run, meta.get("annotations")) if run is not None else ()
        if run is not None and old is None:
            # An edit, like a cancel, comes when its time has passed.
            warnings += passed_times(run, now)
    shown = tuple(cut(str(warning), _LONGEST_WARNING) for warning in warnings)
    return Review("\n".join(map(str, problems)) or None, shown)
