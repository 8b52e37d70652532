"""Which run a backfill is: whoever asks for the same is led to the first, and nobody is kept from what is undone."""

from dataclasses import replace

import pytest
from task_views import at, make_task, manual_run, owned_by

from crontask.api.names import name_of_backfill
from crontask.api.phases import RunPhase
from crontask.api.times import format_time
from crontask.decide.model import ScheduledRun
from crontask.decide.task.backfill import BackfillPlan
from crontask.decide.task.past import Outcome, PastTime
from crontask.decide.task.range import Range

FIRST, SECOND = (name_of_backfill("t", format_time(at(1)), format_time(at(4)), "missing", number) for number in (1, 2))


def backfill(name: str, phase: RunPhase, *minutes: int) -> ScheduledRun:
    items = [format_time(at(minute)) for minute in minutes]
    fan = {"items": items, "handler": {"task": "t"}, "scheduledTime": "${item}"}
    run = owned_by(manual_run(name, at(9), taskRef=None, handler={"forEach": fan}), None).run
    return replace(run, status=run.status.model_copy(update={"phase": phase}))


def plan(only: str, outcomes: dict[int, Outcome], *runs: ScheduledRun) -> BackfillPlan:
    asked = Range(at(1), at(5), at(20))
    times = tuple(PastTime(at(minute), outcome) for minute, outcome in outcomes.items())
    return BackfillPlan(make_task(), asked, times, only, 1, runs)


MISSED = dict.fromkeys((1, 2, 3, 4), Outcome.MISSED)
DONE = dict.fromkeys((1, 2, 3, 4), Outcome.SUCCEEDED)


@pytest.mark.parametrize(
    ("outcomes", "runs", "name"),
    [
        (MISSED, [], FIRST),
        (MISSED, [backfill(FIRST, RunPhase.RUNNING, 1, 2, 3, 4)], FIRST),
        (DONE, [backfill(FIRST, RunPhase.SUCCEEDED, 1, 2, 3, 4)], FIRST),
        # The schedule was edited: of the times that there are now it does the first and the last alone.
        (MISSED, [backfill(FIRST, RunPhase.RUNNING, 1, 4)], SECOND),
        ({**MISSED, **dict.fromkeys((1, 4), Outcome.SUCCEEDED)}, [backfill(FIRST, RunPhase.SUCCEEDED, 1, 4)], SECOND),
        (MISSED, [backfill(FIRST, RunPhase.SUCCEEDED, 1, 4), backfill(SECOND, RunPhase.RUNNING, 1, 2, 3, 4)], SECOND),
    ],
)
def test_missing_times(outcomes: dict[int, Outcome], runs: list[ScheduledRun], name: str) -> None:
    found = plan("missing", outcomes, *runs)
    assert (found.name, found.nominals) == (name, [at(m) for m, o in outcomes.items() if o is Outcome.MISSED])


def named(only: str, number: int) -> str:
    return name_of_backfill("t", format_time(at(1)), format_time(at(4)), only, number)


def test_what_went_wrong_again_may_be_asked_for_again() -> None:
    one, two, three = (named("failed", number) for number in (1, 2, 3))
    wrong = dict.fromkeys((1, 2, 3, 4), Outcome.FAILED)
    over = backfill(one, RunPhase.FAILED, 1, 2, 3, 4)
    assert plan("failed", wrong, over).name == two
    assert plan("failed", wrong, over, backfill(two, RunPhase.FAILED, 1, 2, 3, 4)).name == three
    assert plan("failed", wrong, over, backfill(two, RunPhase.RUNNING, 1, 2, 3, 4)).name == two
    assert plan("failed", DONE, over).name == one


def test_all_of_them_are_done_once_unless_there_are_others() -> None:
    assert plan("all", DONE, backfill(named("all", 1), RunPhase.SUCCEEDED, 1, 2, 3, 4)).name == named("all", 1)
    assert plan("all", DONE, backfill(named("all", 1), RunPhase.SUCCEEDED, 1, 4)).name == named("all", 2)
