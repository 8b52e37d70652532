"""Tests of what a shop has registered (examples/crons/crons.py): when it runs, and what becomes of it.

    PYTHONPATH=examples/crons pytest examples/testing

No cluster is needed: the operator's own engine decides, and time passes as soon as a test says so.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from crons import Totals, crons, rebuild, ship

from crontask import errors
from crontask.testing import Outcome, Sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(now=datetime(2027, 1, 1, tzinfo=UTC)) as box:
        box.register(crons)
        yield box


def test_the_report_comes_on_working_days_at_nine_in_berlin(box: Sandbox) -> None:
    box.advance(days=4)
    reports = box.runs("daily-report")
    assert [run.scheduled_time.day for run in reports if run.scheduled_time] == [1, 4]
    assert {run.scheduled_time.hour for run in reports if run.scheduled_time} == {8}  # UTC
    assert reports[0].result() == "sales for 2027-01-01"


def test_a_build_that_fails_is_tried_three_times_more(box: Sandbox) -> None:
    box.outcome("rebuild", phase="Failed", message="no disk space", duration="20m")
    run = rebuild.trigger(box.client, index="books")
    with pytest.raises(errors.RunFailed, match="no disk space"):
        run.result()
    assert len(run.attempts) == 4


def test_a_build_that_hangs_is_stopped_after_an_hour(box: Sandbox) -> None:
    box.outcome("rebuild", phase="TimedOut", attempt=1)
    run = rebuild.trigger(box.client).wait()
    assert [attempt.reason for attempt in run.attempts] == ["TimedOut", "Completed"]
    assert run.completion_time is not None
    assert run.completion_time - run.created > timedelta(hours=1)


def test_a_build_for_no_day_fails_by_its_schema(box: Sandbox) -> None:
    box.outcome("rebuild", lambda ctx: Outcome(result={"index": ctx.args["index"]}))
    with pytest.raises(errors.RunFailed, match="documents"):
        rebuild.trigger(box.client, index="books").result()


def test_the_function_itself_is_called(box: Sandbox) -> None:
    totals = rebuild.trigger(box.client, index="books", day=date(2026, 3, 1)).result(Totals)
    assert totals == Totals("books", 3, date(2026, 3, 1))


def test_orders_are_shipped_one_after_the_other_and_each_once(box: Sandbox) -> None:
    box.outcome("ship", duration="1m")
    for order in (1, 2, 1):
        ship.trigger(box.client, order=order, key=f"order-{order}")
    box.advance(minutes=5)
    first, second = box.runs("ship")
    assert [run.result() for run in (first, second)] == [1, 2]
    assert second.start_time == first.completion_time


def test_nothing_of_a_day_without_an_operator_is_made_up_for_but_the_last_time(box: Sandbox) -> None:
    with box.outage():
        box.advance(days=1)
    box.advance(minutes=1)
    assert len(box.runs("clean-up")) == 1
    assert box.task("clean-up").status["counts"]["missed"] == 95
