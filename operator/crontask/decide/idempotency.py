"""Of the runs of one task with one idempotencyKey, the first to start counts; the others are skipped, naming it."""

from collections.abc import Iterable
from datetime import datetime

from crontask.decide.model import ScheduledRun
from crontask.decide.views import RunView


def started_before(view: RunView) -> str | None:
    """The other run with its key that has started, if one has."""
    return next((run.meta.name for run in view.same_key if run.has_started), None)


def comes_before(view: RunView, now: datetime) -> str | None:
    """The run with its key that is due as well, and starts before it: the older one."""
    return first_of(view.same_key, view.run, now)


def first_of(others: Iterable[ScheduledRun], run: ScheduledRun, now: datetime) -> str | None:
    """Of the others that could start now, the oldest, if that is older than the run."""
    earlier = [other for other in others if _competes(other, now) and _age(other) < _age(run)]
    return min(earlier, key=_age).meta.name if earlier else None


def _competes(run: ScheduledRun, now: datetime) -> bool:
    return run.valid and not (run.ended or run.spec.cancel or run.spec.suspend) and run.is_due(now)


def _age(run: ScheduledRun) -> tuple[datetime, str]:
    return run.meta.creation_timestamp, run.meta.name
