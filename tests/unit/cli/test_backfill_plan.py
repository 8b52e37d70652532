"""What `backfill` and `audit` say where there is nothing to do, or nothing to account for."""

from datetime import timedelta
from typing import Any

import pytest
from task_views import CREATED, at, make_task

from crontask.cli.audit import why_none
from crontask.cli.backfill import has_failed
from crontask.cli.backfill_plan import lines_of
from crontask.decide.model import CronTask
from crontask.decide.task.backfill import BackfillPlan
from crontask.decide.task.past import Outcome, PastTime
from crontask.decide.task.range import Range

UNKNOWN = "; of what is Unknown it is not known whether it ran: to run it, write --only all"
HOUR = timedelta(hours=1)


def plan(only: str, *outcomes: Outcome) -> BackfillPlan:
    times = tuple(PastTime(at(minute), outcome) for minute, outcome in enumerate(outcomes, 1))
    return BackfillPlan(make_task(), Range(at(0), at(9), at(9)), times, only, 1, ())


@pytest.mark.parametrize(
    ("only", "outcomes", "said"),
    [
        ("missing", (Outcome.SUCCEEDED,), "none of them is missing"),
        ("missing", (Outcome.SUCCEEDED, Outcome.UNKNOWN), f"none of them is missing{UNKNOWN}"),
        (
            "missing",
            (Outcome.SUCCEEDED, Outcome.FAILED),
            "none of them is missing; to run those again that failed, write --only failed",
        ),
        ("failed", (Outcome.UNKNOWN,), f"none of them has failed{UNKNOWN}"),
        ("failed", (Outcome.SUCCEEDED,), "none of them has failed"),
        ("all", (Outcome.RUNNING,), "each of them is still to come, or under way"),
    ],
)
def test_where_there_is_nothing_to_do_it_is_said_what_to_write(
    only: str, outcomes: tuple[Outcome, ...], said: str
) -> None:
    assert list(lines_of(plan(only, *outcomes)))[-1] == f"nothing to do: {said}"


@pytest.mark.parametrize(
    ("items", "failed"),
    [({"succeeded": 3}, False), ({"succeeded": 2, "failed": 1}, True), ({"notReached": 1}, True), ({}, False)],
)
def test_what_failed_of_a_backfill_is_spoken_of_where_something_did(items: dict[str, Any], failed: bool) -> None:
    assert has_failed({"status": {"items": items}}) is failed


@pytest.mark.parametrize(
    ("task", "start", "said"),
    [
        (
            make_task(schedule=None, interval="1h"),
            CREATED - HOUR,
            "it was created at 2026-03-01T12:00:30Z, and the next is 2026-03-01T13:00:30Z",
        ),
        (make_task(schedule="0 0 1 1 *"), CREATED, "the next is 2027-01-01T00:00:00Z"),
        (make_task(endTime="2026-03-01T12:00:30Z"), at(5), "its schedule, startTime, endTime and skip leave none"),
        (make_task(after={"task": "b"}), at(0), "it runs after b; see crontask history t"),
    ],
)
def test_why_a_range_has_no_time(task: CronTask, start: Any, said: str) -> None:
    end = max(start, CREATED) + timedelta(minutes=6)
    assert why_none(task, Range(start, end, end)).startswith(said)
