"""What a composite run says that it waits for, while nothing of it goes on; and what its message begins with."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from composite_views import C, decided, fan_out, flow, own, part, step
from run_life import annotated, at

from crontask.api.composite_status import Halt
from crontask.api.metadata import Condition
from crontask.api.phases import RunPhase
from crontask.decide.composite.halt import why_ending
from crontask.decide.composite.model import CompositeView
from crontask.decide.composite.waiting import waits_for
from crontask.decide.model import ScheduledRun

P = RunPhase
NO_TASK = "waits for CronTask x, which does not exist"


def waits(name: str, phase: RunPhase = P.PENDING, message: str | None = NO_TASK) -> tuple[str, ScheduledRun]:
    """The run of a part, and what it says."""
    return part(name, phase, message=message)


def aside(name: str, **fields: Any) -> dict[str, Any]:
    """A step that waits for no other."""
    return step(name, dependsOn=[], **fields)


ASKS = {"name": "ok", "approval": {}, "dependsOn": []}
ONE = {"parallelism": 1}


@dataclass(frozen=True)
class Row:
    """What is known, and what the message says."""

    name: str
    known: CompositeView
    wanted: str | None


ROWS = (
    # --- a workflow ---
    Row("a step waits", flow(step("a"), parts=(waits("a"),)), f"a: {NO_TASK}"),
    Row("it queues", flow(step("a"), parts=(waits("a", P.QUEUED, "waits for its turn"),)), "a: waits for its turn"),
    Row("its container does not start", flow(step("a"), parts=(waits("a", P.RUNNING, "no image"),)), "a: no image"),
    Row("it is at work", flow(step("a"), parts=(waits("a", P.RUNNING, None),)), None),
    Row("it has failed once", flow(step("a"), parts=(waits("a", P.RETRYING, "attempt 1 failed"),)), None),
    Row("two wait", flow(aside("a"), aside("b"), parts=(waits("a"), waits("b"))), f"a: {NO_TASK}; 1 more waits"),
    Row("another is at work", flow(aside("a"), aside("b"), parts=(waits("a"), part("b"))), None),
    Row("another starts", flow(aside("a"), aside("b"), parts=(waits("a"),)), None),
    Row("another has ended", flow(aside("a"), aside("b"), parts=(waits("a"), part("b", P.SUCCEEDED))), f"a: {NO_TASK}"),
    Row("a person, too", flow(ASKS, aside("b"), parts=(waits("b"),)), f"waits for approval: ok; b: {NO_TASK}"),
    Row("a person, and another is at work", flow(ASKS, aside("b"), parts=(part("b"),)), "waits for approval: ok"),
    Row("it is paused", flow(step("a"), parts=(waits("a"),), suspend=True), "paused: spec.suspend is true"),
    # --- a fan-out ---
    Row("an item waits", fan_out(1, parts=(waits("0"),)), f"item 0: {NO_TASK}"),
    Row("all wait", fan_out(3, parts=(waits("0"), waits("1"), waits("2"))), f"item 0: {NO_TASK}; 2 more wait"),
    Row("one is at work", fan_out(2, parts=(waits("0"), part("1"))), None),
    Row("one starts", fan_out(2, parts=(waits("0"),)), None),
    Row("no more may start", fan_out(2, parts=(waits("0"),), each=ONE), f"item 0: {NO_TASK}"),
    Row("its run is gone, and its pod is not", fan_out(1, "R", orphaned=(own("0"),)), None),
    Row("it is to end", fan_out(1, parts=(waits("0"),), cancel=True), "Canceled; waits for the end of 1 run"),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_what_it_waits_for(row: Row) -> None:
    assert decided(row.known).message == row.wanted


def test_of_no_part_nothing_is_said() -> None:
    assert waits_for(()) is None
    assert waits_for((("batch 1", None),)) is None
    assert waits_for((("batch 1", waits("0")[1]),)) == f"batch 1: {NO_TASK}"


# --- what a message begins with --------------------------------------------------------------------------------------

LINES = "Traceback:\n  line 1\nValueError: x"
HALT = Halt(phase="Failed", reason="StepFailed", message=f"step b is Failed: {LINES}")


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (LINES, "Traceback:"),
        ("one line", "one line"),
        ("\n two", "two"),
        (None, "StepFailed"),
        ("", "StepFailed"),
    ],
)
def test_before_what_is_still_to_come_there_is_one_line(message: str | None, wanted: str) -> None:
    assert why_ending(Halt(phase="Failed", reason="StepFailed", message=message)) == wanted


def saga(*parts: tuple[str, ScheduledRun], **known: Any) -> CompositeView:
    done = part("a", P.SUCCEEDED, 3)
    return flow(step("a", compensate=C), step("b"), parts=(done, part("b", P.FAILED, message=LINES), *parts), **known)


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        pytest.param(saga(), "step b is Failed: Traceback:; undone: 0 of 1", id="it is being undone"),
        pytest.param(saga(part("a/undo", P.SUCCEEDED)), f"step b is Failed: {LINES}", id="all is undone"),
        pytest.param(
            saga(part("a/undo", P.FAILED, message="no")),
            f"not undone: a; step b is Failed: {LINES}",
            id="it was not undone",
        ),
        pytest.param(
            saga(halt=HALT, cancel=True, cancelMode="Immediate"),
            f"not undone: a; step b is Failed: {LINES}",
            id="it is to end at once",
        ),
        pytest.param(
            flow(step("a", compensate=C), parts=(part("a", P.CANCELED),), cancel=True, cancelMode="Immediate"),
            "not undone: a",
            id="it is to end at once, and nobody said why",
        ),
        pytest.param(
            flow(step("a"), step("b"), parts=(part("a", P.CANCELED),), cancel=True, cancelReason="no"),
            "no",
            id="there is nothing to undo",
        ),
    ],
)
def test_what_is_not_undone_comes_first(known: CompositeView, wanted: str) -> None:
    assert decided(known).message == wanted


@pytest.mark.parametrize(
    ("name", "said", "wanted"),
    [
        ("a", "it would wait for ever", "step a is Failed: it would wait for ever"),
        ("a", "step a is Failed: it would wait for ever", "step a is Failed: it would wait for ever"),
        ("a", "step a is Failed", "step a is Failed"),
        ("a", "step b is Failed: no", "step a is Failed: step b is Failed: no"),
        ("a", "step a is Failedly odd", "step a is Failed: step a is Failedly odd"),
        ("a", None, "step a is Failed: Error"),
    ],
)
def test_why_a_workflow_within_one_failed_is_said_once(name: str, said: str | None, wanted: str) -> None:
    assert decided(flow(step(name), parts=(part(name, P.FAILED, message=said),))).message == wanted


# --- an approval of what has no steps --------------------------------------------------------------------------------


def test_an_approval_that_a_fan_out_does_not_ask_for_is_told_once() -> None:
    known = fan_out(1, parts=(part("0"),))
    assert decided(known).ignored is None
    found = decided(_annotated(known, "x"))
    wanted = "crontask.dev/approve names 'x', and no step of that name asks for approval: none does"
    assert (found.ignored, found.record_first) == (wanted, True)
    assert [(told.reason, told.message, told.warning) for told in found.transitions] == [
        ("ApprovalIgnored", wanted, True)
    ]
    again = decided(_annotated(known, "x", said=wanted))
    assert (again.ignored, again.transitions, again.record_first) == (wanted, (), False)


def _annotated(known: CompositeView, name: str, said: str | None = None) -> CompositeView:
    run = annotated(known.run, approve=name)
    told = Condition(type="ApprovalIgnored", status="True", reason="x", message=said or "", last_transition_time=at(9))
    status = run.status.model_copy(update={"conditions": (told,) if said is not None else ()})
    return replace(known, run=replace(run, status=status))
