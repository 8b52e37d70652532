"""The nominal times of a task that are to come, for those who ask what will run: `crontask next`, and the SDK."""

from datetime import datetime, timedelta

from crontask.api.task_status import Timing
from crontask.decide.model import CronTask

_SECOND = timedelta(seconds=1)


def coming_times(task: CronTask, instant: datetime, count: int, decided: datetime | None) -> tuple[datetime, ...]:
    """The first `count` nominal times whose start comes after the instant; fewer if there are fewer.

    `decided`: up to when it is decided what becomes of them; None of a task that is not on a cluster.
    """
    until = task.spec.suspend_until
    if until is not None and until - _SECOND >= instant:
        # The instant at which a pause ends is due itself, and nothing before it.
        instant = decided = until - _SECOND
    left = task.runs_left
    return _nominal_times(task, instant, count if left is None else min(count, left), decided)


def _nominal_times(task: CronTask, instant: datetime, count: int, decided: datetime | None) -> tuple[datetime, ...]:
    """One whose start has come at the instant itself may have been `decided`."""
    if task.spec.delay is None:
        times = task.jitter.upcoming(task.timetable, instant, count + 1)
        return tuple(time for time in times if time > instant or decided is None or time > decided)[:count]
    # Few tasks have a delay, and it decides by much that no other needs.
    from crontask.decide.task.delay import delayed_start
    from crontask.decide.views import TaskView

    timing = task.status.timing
    if timing is None:
        timing = Timing(hash=task.timing_hash, since=instant)
    first = delayed_start(TaskView(task, ()), timing, instant)
    return (first,) if first is not None and count else ()
