"""What is asked for twice is done once.

Of the runs of one task with one idempotencyKey, the first to start counts; the others are skipped, naming it. And the
part of a backfill whose time has been done since that was asked for is skipped, unless the backfill is for all times.
"""

from collections.abc import Iterable
from datetime import datetime

from crontask.api.names import ANNOTATION_BACKFILL, BACKFILL_FAILED, BACKFILL_MISSING
from crontask.api.outcomes import Became, became_of
from crontask.decide.model import ScheduledRun
from crontask.decide.views import RunView

_DONE = (Became.SUCCEEDED, Became.PARTIAL)


def done_meanwhile(view: RunView) -> bool:
    """Whether it is to make up for a time that is recorded as done by now."""
    parent, task, time = view.parent, view.task, view.run.spec.scheduled_time
    if parent is None or task is None or time is None or not view.run.makes_up:
        return False
    if parent.meta.annotations.get(ANNOTATION_BACKFILL) not in (BACKFILL_MISSING, BACKFILL_FAILED):
        return False
    try:
        return became_of(task.status.decided, task.status.decided_since, time) in _DONE
    except ValueError:
        return False


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
