"""How late a task is: since its first scheduled time that has neither started nor been decided otherwise.

Role: by the timetable, so that windows, skipped dates, pauses, and times that are missed or made up for are known.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from crontask.api.phases import RunPhase
from crontask.api.task_status import SCHEDULING
from crontask.decide.model import CronTask, ScheduledRun

NOT_STARTED = "NotStarted"
_NOTHING = timedelta(0)


def first_undecided(task: CronTask) -> datetime | None:
    """Its first nominal time of which the status does not say what became of it; None while nothing can be due."""
    status, timing = task.status, task.status.timing
    unseen = status.phase is None and not task.spec.suspend
    if not task.valid or not (unseen or status.phase in SCHEDULING) or task.runs_left == 0:
        return None
    if timing is not None and timing.hash != task.timing_hash:
        # What the new timing has before the edit is seen is not due.
        return None
    if task.spec.delay is not None:
        return status.upcoming[0] if status.upcoming else None
    return task.timetable.next_after(task.recorded_until)


def lateness(task: CronTask, undecided: datetime | None, runs: Iterable[ScheduledRun], now: datetime) -> timedelta:
    """How late it is: by that first undecided time, and by its runs that have not ended. Zero while nothing is late.

    A run that waits for its turn, or for somebody who suspended it, is not late.
    """
    times = [run.nominal for run in runs if run.nominal is not None and _has_to_start(run)]
    if undecided is not None:
        times.append(undecided)
    return max((_NOTHING, *(now - task.start_of(time) for time in times)))


def _has_to_start(run: ScheduledRun) -> bool:
    return (
        run.status.phase in (None, RunPhase.PENDING)
        and not run.has_started
        and not run.cancel_requested
        and not run.spec.suspend
    )
