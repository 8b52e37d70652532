"""Which times nobody started: how many came due and are missed, from when to when, and why."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from crontask.decide.model import CronTask
from crontask.decide.refusal import RUN_REJECTED
from crontask.decide.task.conditions import run_is_rejected
from crontask.decide.views import TaskView
from crontask.timetable import Due, Timetable

DEADLINE_EXCEEDED = "DeadlineExceeded"
NOT_STARTED_IN_TIME = "NotStartedInTime"
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Times:
    """Nominal times summed up: how many, the first and the last."""

    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Missed:
    """Times that nobody started, and why."""

    times: Times
    reason: str


def missed_times(view: TaskView, due: Due, taken: Set[datetime], now: datetime) -> Missed | None:
    """Those that came due and are not taken; None if there are none."""
    times = but_for(view.task.timetable, due, taken)
    return Missed(times, _why(view, times.last, now)) if times is not None else None


def but_for(timetable: Timetable, due: Due, taken: Set[datetime]) -> Times | None:
    """The times that came due but for those that are taken, which are few; None if there are no others."""
    count = due.count - sum(_is_among(due, timetable, time) for time in taken)
    if count <= 0:
        return None
    first: datetime | None = due.first
    while first is not None and first in taken:
        first = timetable.next_after(first)
    last: datetime | None = due.latest
    while last is not None and last in taken:
        last = timetable.previous_at_or_before(last - _SECOND)
    return Times(count, first or due.first, last or due.latest)


def _is_among(due: Due, timetable: Timetable, time: datetime) -> bool:
    """Whether that time is one of them; by an earlier timing there may have been others."""
    return due.first <= time <= due.latest and timetable.previous_at_or_before(time) == time


def _why(view: TaskView, last: datetime, now: datetime) -> str:
    if run_is_rejected(view):
        return RUN_REJECTED
    deadline = deadline_of(view.task, last)
    return DEADLINE_EXCEEDED if deadline is not None and deadline <= now else NOT_STARTED_IN_TIME


def deadline_of(task: CronTask, nominal: datetime) -> datetime | None:
    """From when on a nominal time is missed, None without a deadline."""
    if task.spec.starting_deadline is None:
        return None
    return task.start_of(nominal) + task.spec.starting_deadline
