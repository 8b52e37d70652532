"""What a backfill would do: how long it takes, how many side by side, and which tasks have nothing to make up for."""

from datetime import timedelta
from typing import Any

import pytest
from task_views import at, make_task

from crontask.api.names import BACKFILL_CHOICES
from crontask.cli.backfill import MOST_RUNS as MOST_OF_THE_COMMAND
from crontask.decide.task.backfill import MOST_RUNS, TAKEN, BackfillPlan, why_never
from crontask.decide.task.local_times import LocalTimes
from crontask.decide.task.past import Outcome, PastTime
from crontask.decide.task.range import BadRangeError, Range

MINUTE = timedelta(minutes=1)


def plan(minutes: int = 60, parallel: int = 1, only: str = "missing", **spec: Any) -> BackfillPlan:
    """Of so many missed times, one a minute."""
    times = tuple(PastTime(at(minute), Outcome.MISSED) for minute in range(minutes))
    asked = Range.of(at(0), at(minutes), at(minutes))
    return BackfillPlan(make_task(**spec), asked, times, only, parallel, ())


def test_each_choice_takes_what_it_says_and_nothing_that_is_under_way() -> None:
    assert tuple(TAKEN) == BACKFILL_CHOICES
    for taken in TAKEN.values():
        assert not taken & {Outcome.RUNNING, Outcome.WAITING, Outcome.OVERDUE}
    assert not TAKEN["missing"] & TAKEN["failed"]
    assert Outcome.UNKNOWN in TAKEN["all"] - TAKEN["missing"] - TAKEN["failed"]


def test_the_command_line_has_the_same_bound() -> None:
    assert MOST_OF_THE_COMMAND == MOST_RUNS


@pytest.mark.parametrize(("minutes", "rows", "left"), [(1, 1, []), (20, 20, []), (21, 21, [1]), (60, 21, [40])])
def test_of_many_times_the_first_and_the_last_are_shown(minutes: int, rows: int, left: list[int]) -> None:
    shown = list(plan(minutes).shown(LocalTimes(make_task())))
    assert (len(shown), [each for each in shown if isinstance(each, int)]) == (rows, left)
    last = shown[-1]
    assert isinstance(last, PastTime)
    assert last.nominal == at(minutes - 1)


def test_without_a_run_that_succeeded_nobody_knows_how_long_it_takes() -> None:
    found = plan()
    assert (found.takes, found.live_times) == (None, None)
    assert list(found.meanwhile()) == ["how long it takes is not known: no run of the task that succeeded is kept"]


def test_nothing_to_do() -> None:
    assert plan(only="failed").summary == "nothing to do: none of them has failed"
    assert plan(only="failed").chosen == []
    assert plan(only="all").summary.startswith("60 runs of ")


def test_a_task_of_the_timetable_has_times() -> None:
    assert why_never(make_task()) == ""


def test_a_range_ends_now_and_nothing_of_it_is_to_come() -> None:
    assert Range.of(at(0), None, at(5)).end == at(5) + timedelta(seconds=1)
    assert Range.of(at(0), at(9), at(5)).end == at(5) + timedelta(seconds=1)
    with pytest.raises(BadRangeError, match=r"^from 2\S+ is still to come; write an earlier time$"):
        Range.of(at(6), None, at(5))
    with pytest.raises(BadRangeError, match=r"^--to 2\S+ is not after --from 2\S+; swap them$"):
        Range.of(at(3), at(3), at(5), ("--from", "--to"))
