"""The times to come of a task, with what there is to say of each, or why there are none: for people."""

from dataclasses import dataclass
from datetime import datetime

from crontask.api.base import format_time
from crontask.decide.model import CronTask
from crontask.decide.task.coming import coming_times
from crontask.decide.task.local_times import LocalTimes


@dataclass(frozen=True, slots=True)
class Coming:
    """A nominal time to come, and when its run starts."""

    nominal: datetime
    start: datetime
    local: datetime
    note: str
    change: str


def coming_of(task: CronTask, instant: datetime, count: int, decided: datetime | None) -> list[Coming]:
    """The first `count` of a valid task that come after the instant; `decided` as of `coming_times`."""
    local = LocalTimes(task)
    return [
        Coming(nominal, task.start_of(nominal), local.local(nominal), local.note(nominal), local.change(nominal))
        for nominal in coming_times(task, instant, count, decided)
    ]


def why_none_comes(task: CronTask) -> str:
    """Why a valid task has no times to come."""
    spec = task.spec
    if spec.after is not None:
        return f"it runs after {spec.after.task}"
    if spec.delay is None and not (spec.schedule or spec.schedules or spec.interval):
        return "it has no schedule, and runs on demand only"
    if spec.max_runs is not None and task.status.scheduled_count >= spec.max_runs:
        return f"all of its maxRuns, {spec.max_runs}, have been started"
    if spec.end_time is not None:
        kept = " on a date that skip leaves in" if spec.skip else ""
        return f"none is left{kept} before endTime, {format_time(spec.end_time)}"
    return "the calendar ends before the next"
