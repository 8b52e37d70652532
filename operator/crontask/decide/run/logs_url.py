"""Where the log of a run can be read when its pod is gone: the operator's template, with what is known at its end.

Decided with the end, it is in the write that records that. Nothing of ours ever asks there.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from crontask.api.base import format_time
from crontask.api.logs_url import names_in
from crontask.api.metadata import Metadata
from crontask.api.scheduledrun import ScheduledRunStatus
from crontask.decide.decisions import RunDecisions
from crontask.decide.views import RunView

if TYPE_CHECKING:
    from uritemplate.variable import VariableValue

# A kubelet writes ends to the second, rounded down: the last lines come after that.
_SECOND = timedelta(seconds=1)


def with_logs_url(view: RunView, decided: RunDecisions, template: str) -> RunDecisions:
    """The same; where that ends the run, its status says where its log is."""
    phase = decided.status.phase
    if not template or view.run.ended or phase is None or not phase.terminal:
        return decided
    url = logs_url(template, view.run.meta, decided.status)
    return replace(decided, status=decided.status.model_copy(update={"logs_url": url}))


def logs_url(template: str, meta: Metadata, status: ScheduledRunStatus) -> str | None:
    """What the template becomes; None where it names what the run does not have.

    A run that never had a pod has no log, and a composite run has no pod: a URL with a hole in it would lead to others'
    logs, or to none.
    """
    if status.start_time is None or status.completion_time is None:
        return None
    start = status.start_time.astimezone(UTC).replace(microsecond=0)
    end = max(start, status.completion_time.astimezone(UTC).replace(microsecond=0)) + _SECOND
    values: dict[str, VariableValue] = {
        "namespace": meta.namespace,
        "run": meta.name,
        "pod": status.pod_name,
        "start": format_time(start),
        "end": format_time(end),
        "startMillis": _millis(start),
        "endMillis": _millis(end),
    }
    if any(not values[name] for name in names_in(template)):
        return None
    # The command line decides as well, for `simulate`, and has no template: it goes without the library.
    from uritemplate import URITemplate

    return URITemplate(template).expand(values)


def _millis(time: datetime) -> str:
    return str(int(time.timestamp()) * 1000)
