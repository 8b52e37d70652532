"""What keeps an attempt from starting now: what is known of the run and the time, and the hindrance."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from composite_views import flow, own, part, step
from run_life import (
    Life,
    annotated,
    at,
    attempt,
    exited,
    invalid_run,
    invalid_task,
    known_of,
    make_task,
    own_run,
    pod,
    recorded,
    refusal,
    run_of_time,
    runs,
    scheduled_run,
)
from several_batches import several_batches

from crontask.api.composite_status import BatchStatus, Halt, StepPhase, StepStatus
from crontask.api.phases import RunPhase
from crontask.api.scheduledrun import BatchPart, ScheduledRunStatus
from crontask.decide.attempt.outcome import Outcome
from crontask.decide.model import ScheduledRun
from crontask.decide.pod_state import VANISHED, Creating, CreationUnknown, Refused
from crontask.decide.readiness import Ends, Fails, Held, Hindrance, awaits_turn, hindrance
from crontask.decide.stage import Stage, stage_of
from crontask.decide.views import Rerun, RunView

MOMENT = 0.000001


@dataclass(frozen=True)
class Row:
    """A name, what is known of a run, the time, and what keeps its next attempt from starting then."""

    name: str
    known: RunView
    now: float
    wanted: Hindrance | None


def for_then(seconds: float, **spec: Any) -> dict[str, Any]:
    return {"at": at(seconds).isoformat(), **spec}


FIRST = attempt(1, 0, 5)
RETRYING = recorded(RunPhase.RETRYING, FIRST, start_time=at(0))
SUSPENDED = Held("held back: spec.suspend is true")
IN_PAST = Ends(
    RunPhase.FAILED,
    "AtInPast",
    "spec.at: 2026-03-01T11:58:59Z is more than a minute before the creation at 2026-03-01T12:00:00Z; "
    "write a time to come, or set allowPast: true",
)
OLDER = scheduled_run("a", -1)
BEGUN = replace(OLDER, status=recorded(RunPhase.RUNNING, attempt(1, 0)))
DUPLICATE = Ends(RunPhase.SKIPPED, "Duplicate", "run a with the same idempotencyKey started before")
AFTER_OLDER = Held("waits for run a with the same idempotencyKey")
NO_TASK = Held("waits for CronTask t, which does not exist")
BAD_TASK = Held("waits for CronTask t, whose spec is not valid")
ASKING = make_task(argsSchema={"required": ["a"]})
INVALID_TASK = invalid_task(make_task())
BAD_ARGS = Ends(RunPhase.FAILED, "ArgsInvalid", "args.a: is missing")
REFUSED = Refused(refusal(retry_at=8, since=4))


def too_long_refused(limit: str) -> Fails:
    message = f"the pod was refused for {limit}, its startTimeout: exceeded quota"
    return Fails(Outcome(RunPhase.FAILED, "PodRejected", message))


GIVEN_UP = too_long_refused("10s")
IN_TEN: dict[str, Any] = {"startTimeout": "10s"}
TOTAL: dict[str, Any] = {"totalTimeout": "30s"}
OUT_OF_TIME = Ends(RunPhase.TIMED_OUT, "TotalTimeout", None)


def held(wake_at: float | None) -> Held:
    return Held("the pod is refused: exceeded quota", at(wake_at) if wake_at is not None else None)


ROWS = (
    Row("nothing", known_of(), 0, None),
    Row("nothing, between attempts", known_of(scheduled_run(status=RETRYING)), 9, None),
    Row("nothing, of a run on its own", known_of(own_run(), alone=True), 0, None),
    # A time that had passed when it was written.
    Row("a minute before its creation", known_of(scheduled_run(**for_then(-60))), 0, None),
    Row("a moment more than a minute", known_of(scheduled_run(**for_then(-61))), 0, IN_PAST),
    Row("a microsecond more than a minute", known_of(own_run(**for_then(-60 - MOMENT)), alone=True), 0, IN_PAST),
    Row("long before, and that is meant", known_of(scheduled_run(**for_then(-3600, allowPast=True))), 0, None),
    Row("long before, and an attempt has been", known_of(scheduled_run(status=RETRYING, **for_then(-3600))), 9, None),
    Row("no time at all", known_of(scheduled_run(allowPast=False)), 0, None),
    # Held back.
    Row("held back", known_of(scheduled_run(suspend=True)), 0, SUSPENDED),
    Row("not held back", known_of(scheduled_run(suspend=False)), 0, None),
    Row("held back between attempts", known_of(scheduled_run(suspend=True, status=RETRYING)), 9, None),
    # Its time.
    Row("a moment before its time", known_of(scheduled_run(**for_then(10))), 10 - MOMENT, Held(None, at(10))),
    Row("at its time", known_of(scheduled_run(**for_then(10))), 10, None),
    Row("a moment after its time", known_of(scheduled_run(**for_then(10))), 10 + MOMENT, None),
    Row(
        "a moment before its delay is over",
        known_of(scheduled_run(created=5, delay="5s")),
        10 - MOMENT,
        Held(None, at(10)),
    ),
    Row("as its delay is over", known_of(scheduled_run(created=5, delay="5s")), 10, None),
    Row("no delay, by a clock that is behind", known_of(scheduled_run(created=5)), 0, None),
    Row(
        "before its time, with args that do not fit",
        known_of(scheduled_run(**for_then(10)), ASKING),
        0,
        Held("args.a: is missing", at(10)),
    ),
    Row("before its time, between attempts", known_of(scheduled_run(status=RETRYING, **for_then(10))), 9, None),
    # Others with its key.
    Row("another has started", known_of(same_key=(BEGUN,)), 0, DUPLICATE),
    Row("an older one is due", known_of(same_key=(OLDER,)), 0, AFTER_OLDER),
    Row(
        "an older one is due, and another has started", known_of(same_key=(scheduled_run("b", -1), BEGUN)), 0, DUPLICATE
    ),
    Row("a younger one is due", known_of(same_key=(scheduled_run("a", 1),)), 0, None),
    Row("another has started, but so has this", known_of(scheduled_run(status=RETRYING), same_key=(BEGUN,)), 9, None),
    # Its task.
    Row("no task", known_of(alone=True), 0, NO_TASK),
    Row("no task, between attempts", known_of(scheduled_run(status=RETRYING), alone=True), 9, NO_TASK),
    Row("a task that cannot be used", known_of(task=INVALID_TASK), 0, BAD_TASK),
    # Its args.
    Row("args that do not fit", known_of(task=ASKING), 0, BAD_ARGS),
    Row("args that do not fit any more", known_of(scheduled_run(status=RETRYING), ASKING), 9, BAD_ARGS),
    Row("args that fit", known_of(scheduled_run(args={"a": 1}), ASKING), 0, None),
    # The whole run.
    Row("a moment before its limit", known_of(scheduled_run(status=RETRYING, **TOTAL)), 30 - MOMENT, None),
    Row("at its limit", known_of(scheduled_run(status=RETRYING, **TOTAL)), 30, OUT_OF_TIME),
    Row(
        "after its limit, with what it said last",
        known_of(scheduled_run(status=RETRYING.model_copy(update={"message": "no"}), **TOTAL)),
        31,
        replace(OUT_OF_TIME, message="no"),
    ),
    Row("nothing has started", known_of(scheduled_run(**TOTAL)), 3600, None),
    # Its pod.
    Row("refused, a moment before the next try", known_of(pod_state=REFUSED), 8 - MOMENT, held(4 + 900)),
    Row("refused, at the next try", known_of(pod_state=REFUSED), 8, None),
    Row("refused, a moment after the next try", known_of(pod_state=REFUSED), 8 + MOMENT, None),
    Row(
        "refused, of a run on its own: it wakes by itself",
        known_of(own_run(), pod_state=REFUSED, alone=True),
        5,
        held(8),
    ),
    Row(
        "refused, of another attempt: so does it",
        known_of(scheduled_run(status=RETRYING), pod_state=REFUSED),
        5,
        held(8),
    ),
    Row(
        "refused, and given up before the next try",
        known_of(own_run(startTimeout="2s"), pod_state=REFUSED, alone=True),
        5,
        held(6),
    ),
    Row(
        "refused, and the whole run is over before",
        known_of(scheduled_run(status=RETRYING, totalTimeout="7s"), pod_state=REFUSED),
        5,
        held(7),
    ),
    Row(
        "refused, a moment before it is given up",
        known_of(scheduled_run(**IN_TEN), pod_state=REFUSED),
        14 - MOMENT,
        None,
    ),
    Row("refused, as it is given up", known_of(scheduled_run(**IN_TEN), pod_state=REFUSED), 14, GIVEN_UP),
    Row(
        "refused, after it is given up",
        known_of(scheduled_run(**IN_TEN), pod_state=REFUSED),
        15,
        too_long_refused("10s"),
    ),
    Row("refused by an answer that leaves it open", known_of(pod_state=CreationUnknown(refusal())), 5, held(4 + 900)),
    Row("its pod is gone", known_of(pod_state=VANISHED), 5, None),
    Row(
        "its pod would do several batches, and what it is a part of pauses",
        several_batches(None, FIRST, phase=RunPhase.RETRYING),
        *(5, Held("held back: run all, which it is a part of, is paused")),
    ),
    Row("the same, and that goes on", several_batches(None, FIRST, phase=RunPhase.RETRYING, paused=False), 5, None),
    Row("the same of one batch", several_batches(None, FIRST, phase=RunPhase.RETRYING, reuse=False), 5, None),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_hindrances(row: Row) -> None:
    assert hindrance(row.known, at(row.now)) == row.wanted


@pytest.mark.parametrize(
    ("name", "known", "wanted"),
    [
        ("in the past, and held back", known_of(scheduled_run(suspend=True, **for_then(-61))), IN_PAST),
        ("held back, and not due", known_of(scheduled_run(suspend=True, **for_then(10))), SUSPENDED),
        ("not due, and a duplicate", known_of(scheduled_run(**for_then(10)), same_key=(BEGUN,)), Held(None, at(10))),
        ("a duplicate without task", known_of(same_key=(BEGUN,), alone=True), DUPLICATE),
        ("after another, without task", known_of(same_key=(OLDER,), alone=True), AFTER_OLDER),
        ("no task, and refused", known_of(pod_state=REFUSED, alone=True), NO_TASK),
        (
            "args, and refused for too long",
            known_of(scheduled_run(startTimeout="1s"), ASKING, pod_state=REFUSED),
            BAD_ARGS,
        ),
        (
            "refused for too long, and the whole run over",
            known_of(scheduled_run(status=RETRYING, startTimeout="1s", totalTimeout="1s"), pod_state=REFUSED),
            too_long_refused("1s"),
        ),
        (
            "the whole run over, and refused",
            known_of(scheduled_run(status=RETRYING, totalTimeout="1s"), pod_state=REFUSED),
            OUT_OF_TIME,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_said_first(name: str, known: RunView, wanted: Hindrance) -> None:
    assert hindrance(known, at(6)) == wanted, name


# --- parts of a composite run ----------------------------------------------------------------------------------------

IN_BATCHES: dict[str, Any] = {"handler": {"batch": {"size": 10, "handler": {"container": {"image": "i"}}}}}
STEPS = tuple(StepStatus(name=name, phase=StepPhase.PENDING) for name in "ab")
WHOLE = flow(step("a"), step("b"), said=STEPS).run
HALT = Halt(phase="Failed", reason="StepFailed")
UNDO: dict[str, Any] = {"compensate": {"container": {"image": "i"}}}
HALTED = flow(step("a", **UNDO), step("b", **UNDO), said=STEPS, halt=HALT, undo=("a",)).run
PAUSED = flow(step("a"), step("b"), said=STEPS, suspend=True).run
TWO_DONE = replace(
    own_run("flow", **IN_BATCHES, status=recorded(RunPhase.RUNNING, plan={"args": {}}, batch=BatchStatus(batches=2))),
    meta=WHOLE.meta,
)
NOTHING_NEW = Ends(RunPhase.SKIPPED, "Stale", "run flow starts no more parts")
PART_OF_PAUSED = Held("held back: run flow, which it is a part of, is paused")


def part_of(parent: ScheduledRun | None, name: str = "a", **asked: Any) -> RunView:
    """The run of a part, which has not started."""
    made = part(name, None)[1]
    if asked:
        of = made.spec.parent
        assert of is not None
        known = of.model_copy(update={"step": None, **asked})
        meta = made.meta.model_copy(update={"name": own(known.part)})
        made = replace(made, meta=meta, spec=made.spec.model_copy(update={"parent": known}))
    return RunView(replace(made, status=ScheduledRunStatus()), None, parent=parent)


def batch(number: int) -> dict[str, Any]:
    return {"batch": BatchPart(number=number, size=10)}


def no_part(message: str) -> Ends:
    return Ends(RunPhase.FAILED, "NotAPart", message)


def named(known: RunView, name: str) -> RunView:
    return replace(known, run=replace(known.run, meta=known.run.meta.model_copy(update={"name": name})))


NO_SUCH_PART = no_part("run flow has no such part; only the operator makes parts")
PARTS = (
    Row("its parent wants it", part_of(WHOLE), 9, None),
    Row(
        "its parent is gone",
        part_of(None),
        9,
        Ends(RunPhase.SKIPPED, "Stale", "run flow, which it is a part of, is gone"),
    ),
    Row(
        "another has the name of its parent",
        part_of(replace(WHOLE, meta=WHOLE.meta.model_copy(update={"uid": "other"}))),
        9,
        Ends(RunPhase.SKIPPED, "Stale", "run flow, which it is a part of, is gone"),
    ),
    Row(
        "its parent has ended",
        part_of(flow(step("a"), said=STEPS, status={"phase": RunPhase.FAILED}).run),
        9,
        Ends(RunPhase.SKIPPED, "Stale", "run flow, which it is a part of, has ended"),
    ),
    Row("its parent has no such step", part_of(WHOLE, "c"), 9, NO_SUCH_PART),
    Row("it has another name", named(part_of(WHOLE), "mine"), 9, NO_SUCH_PART),
    Row(
        "its parent has no parts",
        part_of(replace(own_run("flow"), meta=WHOLE.meta)),
        9,
        NO_SUCH_PART,
    ),
    Row("nothing new of its parent starts", part_of(HALTED), 9, NOTHING_NEW),
    Row("it undoes what is to be undone", part_of(HALTED, undo="a"), 9, None),
    Row("it undoes another", part_of(HALTED, undo="b"), 9, no_part("run flow has no step b to undo")),
    Row("it always runs", part_of(HALTED, step="a", always=True), 9, None),
    Row("its parent is paused", part_of(PAUSED), 9, PART_OF_PAUSED),
    Row("its parent is paused, and it always runs", part_of(PAUSED, step="a", always=True), 9, None),
    Row("the next batch", part_of(TWO_DONE, **batch(3)), 9, None),
    Row(
        "a batch that is done already",
        part_of(TWO_DONE, **batch(2)),
        9,
        Ends(RunPhase.SKIPPED, "Stale", "batch 2 of run flow is done already"),
    ),
)


@pytest.mark.parametrize("row", PARTS, ids=lambda row: str(row.name))
def test_what_hinders_a_part(row: Row) -> None:
    assert hindrance(row.known, at(row.now)) == row.wanted


# --- running another again -------------------------------------------------------------------------------------------

AGAIN: dict[str, Any] = {"rerunOf": {"name": "x"}}
FAILED = scheduled_run("x", status=recorded(RunPhase.FAILED, FIRST))


def rerun(created: float = 5, *others: ScheduledRun, **known: Any) -> RunView:
    return known_of(scheduled_run(created=created, **AGAIN), rerun=Rerun(FAILED, others=others, **known))


WAITS_FOR_A = Held("waits for run a, which runs x again as well")
RERUNS = (
    Row("nobody else", rerun(), 9, None),
    Row("it cannot be", rerun(refused=("RerunSourceGone", "why")), 9, Ends(RunPhase.FAILED, "RerunSourceGone", "why")),
    Row("an older one is due", rerun(5, scheduled_run("a", 4, **AGAIN)), 9, WAITS_FOR_A),
    Row("a younger one is due", rerun(5, scheduled_run("a", 6, **AGAIN)), 9, None),
    Row("of the same age: by their names", rerun(5, scheduled_run("a", 5, **AGAIN)), 9, WAITS_FOR_A),
    Row("an older one is held back", rerun(5, scheduled_run("a", 4, suspend=True, **AGAIN)), 9, None),
    Row("a younger one is starting", rerun(claimed_by="a"), 9, WAITS_FOR_A),
    Row("it has started itself", known_of(scheduled_run(status=RETRYING, **AGAIN)), 9, None),
)


@pytest.mark.parametrize("row", RERUNS, ids=lambda row: str(row.name))
def test_what_hinders_a_rerun(row: Row) -> None:
    assert hindrance(row.known, at(row.now)) == row.wanted


# --- a cursor --------------------------------------------------------------------------------------------------------


def test_a_cursor_is_only_for_what_is_in_batches() -> None:
    begins = scheduled_run(cursor={"page": 2})
    message = "spec.cursor: CronTask t has no handler.batch, and begins nowhere; remove it"
    assert hindrance(known_of(begins), at(9)) == Ends(RunPhase.FAILED, "CursorInVain", message)
    again = own_run()
    again = replace(again, spec=again.spec.model_copy(update={"cursor": 2}))
    message = "spec.cursor: what runs again has no handler.batch, and begins nowhere; remove it"
    assert hindrance(known_of(again, alone=True), at(9)) == Ends(RunPhase.FAILED, "CursorInVain", message)
    assert hindrance(known_of(begins, make_task(**IN_BATCHES)), at(9)) is None
    assert hindrance(known_of(replace(begins, status=RETRYING)), at(9)) is None


# --- whose turn it may be --------------------------------------------------------------------------------------------

RESERVED = annotated(run_of_time(0), reserved="true")
OF_EACH_STAGE: tuple[tuple[Stage, RunView, bool], ...] = (
    (Stage.PRE_CREATED, known_of(RESERVED), False),
    (Stage.UNRECORDED, known_of(run_of_time(0)), True),
    (Stage.WAITING, known_of(), True),
    (Stage.CREATING, known_of(pod_state=Creating()), False),
    (Stage.CREATION_UNKNOWN, known_of(pod_state=CreationUnknown()), False),
    (Stage.REFUSED, known_of(pod_state=REFUSED), True),
    (Stage.REJECTED, known_of(pod_state=Refused(refusal(final=True))), False),
    (Stage.VANISHED, known_of(pod_state=VANISHED), False),
    (Stage.RUNNING, known_of(pod=pod(1, 0, runs(1))), False),
    (Stage.ATTEMPT_OVER, known_of(scheduled_run(retry={"limit": 1}), pod=pod(1, 0, exited(5, 1))), False),
    (Stage.ENDING, known_of(pod=pod(1, 0, exited(5, 1))), False),
    (Stage.BETWEEN_ATTEMPTS, known_of(scheduled_run(status=RETRYING)), False),
    (Stage.COMPOSED, known_of(scheduled_run(status=recorded(RunPhase.RUNNING, plan={"args": {}}))), False),
    (Stage.UNUSABLE, known_of(invalid_run(scheduled_run())), False),
    (Stage.ENDED, known_of(scheduled_run(status=recorded(RunPhase.FAILED))), False),
)


@pytest.mark.parametrize(("stage", "known", "wanted"), OF_EACH_STAGE, ids=[row[0].name for row in OF_EACH_STAGE])
def test_a_run_awaits_its_turn_in_three_of_the_stages(stage: Stage, known: RunView, wanted: bool) -> None:
    assert stage_of(known) is stage
    assert awaits_turn(known, at(9)) is wanted


def test_that_is_each_stage() -> None:
    assert [row[0] for row in OF_EACH_STAGE] == list(Stage)


@pytest.mark.parametrize(
    "known",
    [
        known_of(scheduled_run(cancel=True)),
        known_of(run_of_time(0, cancel=True)),
        known_of(scheduled_run(suspend=True)),
        known_of(run_of_time(0, suspend=True)),
        known_of(pod_state=Refused(refusal(retry_at=10))),
        known_of(alone=True),
    ],
    ids=["to be canceled", "of a time, to be canceled", "held back", "of a time, held back", "refused", "no task"],
)
def test_a_run_that_something_else_keeps_from_starting_does_not(known: RunView) -> None:
    assert not awaits_turn(known, at(9))


# --- in a run's life -------------------------------------------------------------------------------------------------


def test_a_run_that_is_held_back_does_not_start() -> None:
    life = Life(scheduled_run(suspend=True))
    life.decide(5)
    assert (life.phase, life.status.message) == (RunPhase.PENDING, "held back: spec.suspend is true")
    # What has started goes on.
    life.decide(6, pod(1, 6))
    assert life.phase == RunPhase.RUNNING
