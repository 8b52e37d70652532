"""When a task with a delay is due: that long after the end of its last run of any origin, or after its resume."""

from datetime import datetime, timedelta

from crontask.api.phases import NEVER_RAN
from crontask.api.task_status import Timing
from crontask.decide.stage import UNDER_WAY, UNSTARTED, Stage, stage_of
from crontask.decide.task.counting import that_ran
from crontask.decide.views import RunView, TaskView
from crontask.timetable import WindowedTimetable

_SECOND = timedelta(seconds=1)


def delayed_start(view: TaskView, timing: Timing, now: datetime) -> datetime | None:
    """The next nominal time; None while a run is under way, and for a task without a delay or past its end."""
    spec = view.task.spec
    if spec.delay is None or any(_under_way(run, now) for run in view.runs):
        return None
    earliest = view.task.decided_until(timing.since) + _SECOND
    ends = _ends(view)
    if ends:
        counted = max((*ends, timing.resumed)) if timing.resumed is not None else max(ends)
        earliest = max(earliest, _rounded_up(counted + spec.delay))
    return _within_bounds(view, earliest)


def _within_bounds(view: TaskView, earliest: datetime) -> datetime | None:
    """The first second from then on that the task's bounds and skipped dates leave."""
    timetable = view.task.timetable
    return timetable.first_allowed(earliest) if isinstance(timetable, WindowedTimetable) else earliest


def _ends(view: TaskView) -> list[datetime]:
    of_runs = [run.ended_at for run in that_ran(view.finished) if run.status.phase not in NEVER_RAN]
    recent = view.task.status.recent_runs
    recorded = [run.completion_time for run in recent if run.completion_time and run.phase not in NEVER_RAN]
    return [*of_runs, *recorded]


def _under_way(view: RunView, now: datetime) -> bool:
    """Whether its end is the next of which to count; a run that is due is as good as begun."""
    stage = stage_of(view)
    return stage in UNDER_WAY or (stage is not Stage.UNUSABLE and stage in UNSTARTED and view.run.is_due(now))


def _rounded_up(instant: datetime) -> datetime:
    whole = instant.replace(microsecond=0)
    return whole if whole == instant else whole + _SECOND
