"""Of the runs of one task with one idempotencyKey, the first to start counts; the others are skipped, naming it.

Callers: run, overlap.
"""

from datetime import datetime

from crontask.api.scheduledrun import RunPhase
from crontask.decide.views import RunView, ScheduledRun

_NEVER_STARTED = (RunPhase.SKIPPED, RunPhase.MISSED)


def started_before(view: RunView) -> str | None:
    """The other run with its key that has started, if one has."""
    return next((run.meta.name for run in view.same_key if has_started(run)), None)


def comes_before(view: RunView, now: datetime) -> str | None:
    """The run with its key that is due as well, and starts before it: the older one."""
    earlier = [run for run in view.same_key if _may_start(run, now) and _age(run) < _age(view.run)]
    return min(earlier, key=_age).meta.name if earlier else None


def has_started(run: ScheduledRun) -> bool:
    """Whether the run has, or had, an attempt."""
    return bool(run.status.attempts) and run.status.phase not in _NEVER_STARTED


def _may_start(run: ScheduledRun, now: datetime) -> bool:
    return not (run.ended or run.spec is None or run.spec.cancel or run.spec.suspend) and run.is_due(now)


def _age(run: ScheduledRun) -> tuple[datetime, str]:
    return run.meta.creation_timestamp, run.meta.name
