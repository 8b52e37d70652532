"""What is recorded of a launch: what happened, and the transition."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from run_life import annotated, at, attempt, make_task, own_run, recorded, run_of_time, scheduled_run

from crontask.api.composite_status import FailedItem, ItemsStatus
from crontask.api.names import run_name
from crontask.api.phases import Origin, RunPhase
from crontask.api.scheduledrun import ScheduledRunStatus
from crontask.decide.decisions import CancelRun, DecisionKind, Launch, Transition
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.transitions import first_of_many, follow_up_refused, of_part, pod_refused, replaced, started
from crontask.timetable import Jitter

JITTERED = replace(make_task(schedule="* * * * *"), jitter=Jitter(timedelta(seconds=20), "n/t"))


@pytest.mark.parametrize(
    ("run", "task", "due", "start", "message"),
    [
        (run_of_time(60), make_task(), 60, 60, "started run {} due at 2026-03-01T12:01:00Z"),
        (scheduled_run(created=5), make_task(), 5, 5, "started run {} due at 2026-03-01T12:00:05Z"),
        (scheduled_run(delay="9s"), make_task(), 9, 9, "started run {} due at 2026-03-01T12:00:09Z"),
        (own_run(created=5), None, 5, 5, "started pod r-1"),
        # What is late is counted from where jitter has moved the start; that of a manual run it does not move.
        (run_of_time(60), JITTERED, 60, None, "started run {} due at 2026-03-01T12:01:00Z"),
        (scheduled_run(created=60), JITTERED, 60, 60, "started run {} due at 2026-03-01T12:01:00Z"),
    ],
    ids=["of a time", "manual", "later", "on its own", "of a time, with jitter", "manual, with jitter"],
)
def test_a_start(run: ScheduledRun, task: CronTask | None, due: float, start: float | None, message: str) -> None:
    begins = at(start) if start is not None else JITTERED.start_of(at(60))
    assert start is not None or begins > at(60)
    assert started(run, task, "r-1", at(90)) == Transition(
        "SuccessfulCreate",
        message.format(run.meta.name),
        task=run.task_name,
        run=run.meta.name,
        nominal=at(due),
        lag=at(90) - begins,
        kind=DecisionKind.START,
        origin=run.origin,
    )


@pytest.mark.parametrize(
    ("run", "origin"),
    [
        pytest.param(run_of_time(60, status=ScheduledRunStatus(phase=RunPhase.QUEUED)), Origin.SCHEDULE, id="its turn"),
        pytest.param(annotated(run_of_time(60), catch_up="true"), Origin.SCHEDULE, id="catching up"),
        pytest.param(
            run_of_time(60, status=ScheduledRunStatus(phase=RunPhase.RETRYING, attempts=(attempt(1, 60, 70),))),
            None,
            id="an attempt before: it had started",
        ),
    ],
)
def test_a_start_that_waited_for_something_is_not_late(run: ScheduledRun, origin: Origin | None) -> None:
    found = started(run, make_task(), "r-1", at(90))
    assert (found.lag, found.origin, found.kind) == (None, origin, DecisionKind.START)


def test_a_replacement_is_of_the_run_that_takes_the_slot() -> None:
    newer = run_name("t", at(60))
    found = replaced(make_task(), CancelRun(scheduled_run("old"), "replaced", Launch(at(60), newer)))
    assert (found.task, found.run, found.nominal, found.kind) == ("t", newer, at(60), DecisionKind.REPLACE)
    assert (found.message, found.event, found.warning) == (f"run {newer} replaces run old", False, False)


def test_refusals_are_warnings() -> None:
    run = scheduled_run()
    for found, message in (
        (pod_refused(run, "quota"), "the pod is refused and will be tried again: quota"),
        (follow_up_refused(run, "x", "quota"), "run x, which follows, is refused and will be tried again: quota"),
    ):
        assert found == Transition("FailedCreate", message, warning=True, task="t", run="r")


@pytest.mark.parametrize(
    ("asked", "warning", "message", "kind"),
    [
        ({"step": "a"}, False, "a: it started", DecisionKind.STEP),
        ({"step": "a"}, True, "a: it started", DecisionKind.STEP),
        ({"undo": "a"}, True, "a/undo: it started", DecisionKind.UNDO),
        ({"item": {"index": 3}}, True, "an item: Started", DecisionKind.STEP),
        ({"batch": {"number": 3, "size": 1}}, False, "a batch: Started", DecisionKind.STEP),
    ],
)
def test_what_happens_to_a_part_is_of_the_whole_and_an_event_where_it_went_wrong(
    asked: dict[str, Any], warning: bool, message: str, kind: DecisionKind
) -> None:
    parent = {"name": "w", "uid": "w", "root": "w", "depth": 1, "key": "k", **asked}
    known = Transition("SuccessfulCreate", "it started", warning=warning, run="r", lag=timedelta(0))
    found = of_part(own_run(parent=parent), known, "Started")
    assert (found.message, found.run, found.lag, found.kind) == (message, "w", None, kind)
    assert (found.event, found.why) == (warning, "Started")
    assert of_part(own_run(), known, "Started") is known


_PARENT = {"name": "w", "uid": "w", "root": "w", "depth": 1, "key": "k"}
_ITEM, _BATCH = {"item": {"index": 3}}, {"batch": {"number": 3, "size": 1}}
_LISTED = (FailedItem(index=7, message="late"), FailedItem(index=2), FailedItem(index=4, message="early"))


@pytest.mark.parametrize(
    ("asked", "phase", "warning", "listed", "wanted"),
    [
        pytest.param(_ITEM, RunPhase.FAILED, True, (), "item 3: exit code 1", id="none is known to have failed"),
        pytest.param(_ITEM, RunPhase.FAILED, True, _LISTED, "item 4: early", id="others are: the first of the list"),
        pytest.param(_ITEM, RunPhase.RETRYING, True, _LISTED, "item 3: it failed", id="it has not ended"),
        pytest.param(_ITEM, RunPhase.SUCCEEDED, False, _LISTED, None, id="it went well"),
        pytest.param(_BATCH, RunPhase.FAILED, True, (), "batch 3: exit code 1", id="a batch"),
        pytest.param({"step": "a"}, RunPhase.FAILED, True, (), None, id="a step: its event names it"),
    ],
)
def test_of_many_that_go_wrong_the_first_is_named(
    asked: dict[str, Any], phase: RunPhase, warning: bool, listed: tuple[FailedItem, ...], wanted: str | None
) -> None:
    items = ItemsStatus(total=9, failed_items=listed)
    whole = replace(own_run(), status=recorded(RunPhase.RUNNING, plan={}, items=items))
    run, known = own_run(parent={**_PARENT, **asked}), Transition("Failed", "it failed", warning=warning, run="r")
    found = first_of_many(run, known, recorded(phase, message="exit code 1"), whole)
    assert found == wanted
    told = of_part(run, known, "Failed", found).message
    assert told.endswith(f"Failed; the first that went wrong was {wanted}") is (wanted is not None)
