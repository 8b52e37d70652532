"""How many times are missed, from when to when, and why: those that came due, those that are taken, and what is wanted.

When each of them is missed: test_due.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from task_views import at, condition, make_task, run_refused

from crontask.decide.model import CronTask
from crontask.decide.task.missed import DEADLINE_EXCEEDED, NOT_STARTED_IN_TIME, Missed, Times, but_for, missed_times
from crontask.decide.views import TaskView
from crontask.timetable import Due

FIVE, NOW = Due(at(1), at(5), 5), at(6)


@pytest.mark.parametrize(
    ("taken", "wanted"),
    [
        pytest.param((), (5, 1, 5), id="none is taken"),
        pytest.param((1,), (4, 2, 5), id="the first"),
        pytest.param((1, 2), (3, 3, 5), id="the first two"),
        pytest.param((5,), (4, 1, 4), id="the last"),
        pytest.param((4, 5), (3, 1, 3), id="the last two"),
        pytest.param((3,), (4, 1, 5), id="one in the middle"),
        pytest.param((0, 6), (5, 1, 5), id="others"),
        pytest.param((1, 2, 4, 5), (1, 3, 3), id="all but one"),
        pytest.param((1, 2, 3, 4, 5), None, id="all"),
    ],
)
def test_the_times_that_are_not_taken(taken: tuple[int, ...], wanted: tuple[int, int, int] | None) -> None:
    times = but_for(make_task().timetable, Due(at(1), at(5), 5), {at(minute) for minute in taken})
    assert times == (Times(wanted[0], at(wanted[1]), at(wanted[2])) if wanted is not None else None)


@dataclass(frozen=True)
class Row:
    """A task of which five times came due, one a minute, and why those that nobody started are missed."""

    name: str
    task: CronTask
    wanted: str
    now: datetime = NOW
    known: dict[str, Any] = field(default_factory=dict)


PATIENT = make_task(startingDeadline="2m")

ROWS = (
    Row("nobody could start them", make_task(), NOT_STARTED_IN_TIME),
    Row("the last is not past its deadline", PATIENT, NOT_STARTED_IN_TIME, at(6, 59)),
    Row("the last is at its deadline", PATIENT, DEADLINE_EXCEEDED, at(7)),
    Row("the API server refuses the run", PATIENT, "RunRejected", at(7), {"refusal": run_refused(at(9))}),
    Row(
        "the status says that it did",
        make_task({"conditions": (condition("Ready", "False", "RunRejected"),)}),
        "RunRejected",
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_why_times_are_missed(row: Row) -> None:
    view = TaskView(row.task, (), **row.known)
    assert missed_times(view, FIVE, {at(2)}, row.now) == Missed(Times(4, at(1), at(5)), row.wanted)
    assert missed_times(view, FIVE, {at(minute) for minute in range(1, 6)}, row.now) is None
