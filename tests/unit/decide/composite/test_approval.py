"""Steps that wait for a person: what the annotations and the status say, and what should be so then."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from composite_views import NAME, decided, flow, part, seconds, step
from run_life import at

from crontask.api.composite_status import Answer, Halt, StepPhase, StepStatus
from crontask.api.metadata import Condition
from crontask.api.names import ANNOTATION_APPROVE, ANNOTATION_REJECT
from crontask.api.phases import RunPhase
from crontask.decide.composite.model import CompositeDecision, CompositeView

P, S = RunPhase, StepPhase
WEEK, HOUR = 7 * 86400, 3600
A, B, CLEAN = step("a"), step("b"), step("clean", always=True)
CANCELED = Halt(phase="Canceled", reason="Canceled", message=None)
DONE = part("a", P.SUCCEEDED, 5)
YES, NO = Answer(approved=True, at=at(7), by="alice"), Answer(approved=False, at=at(7))
WAITS, BEGINS = "waits for approval: ok", ("WaitingForApproval",)


def asks(name: str = "ok", message: str | None = None, timeout: str = "7d", **fields: Any) -> dict[str, Any]:
    approval = {"timeout": timeout, **({"message": message} if message is not None else {})}
    return {"name": name, "approval": approval, **fields}


def said(phase: StepPhase, answer: Answer | None = None, since: float | None = 6, **fields: Any) -> StepStatus:
    """What is recorded of the step that asks."""
    started = at(since) if since is not None else None
    return StepStatus(name="ok", phase=phase, answer=answer, start_time=started, **fields)


OK, ASKED, EARLY = asks(), (said(S.WAITING),), (said(S.PENDING, YES, None),)


def annotated(view: CompositeView, approve: str | None, reject: str | None = None) -> CompositeView:
    given = {ANNOTATION_APPROVE: approve, ANNOTATION_REJECT: reject}
    annotations = {name: value for name, value in given.items() if value is not None}
    return replace(view, run=replace(view.run, meta=view.run.meta.model_copy(update={"annotations": annotations})))


@dataclass(frozen=True)
class Row:
    """What is known at `now`, and the annotations; the phase of each step then, the parts that should exist, the news.

    `first`: the status is written before anything follows. `answers`: as they are shown then. `end`: its reason.
    """

    name: str
    known: CompositeView
    steps: str
    approve: str | None = None
    reject: str | None = None
    wanted: tuple[str, ...] = ()
    phase: RunPhase = P.RUNNING
    first: bool = True
    news: tuple[str, ...] = ()
    answers: str = ""
    end: str | None = None
    wakes: float | None = None
    now: float = 9
    message: str | None = None


# Steps by letter: Pending, Waiting, Running, Succeeded, pArtial, Failed, Timed out, Canceled, skipped -, not reached .
ROWS = (
    # --- it is asked for ---
    Row("before its turn nobody is asked", flow(A, OK, parts=(part("a"),)), "RP", first=False),
    Row(
        "in its turn it begins to wait, and that is recorded",
        flow(A, OK, B, parts=(DONE,)),
        "SWP",
        news=BEGINS,
        wakes=9 + WEEK,
        message=WAITS,
    ),
    Row(
        "it has waited since that was recorded",
        flow(A, asks(timeout="1h"), B, parts=(DONE,), said=ASKED),
        "SWP",
        first=False,
        wakes=6 + HOUR,
        message=WAITS,
    ),
    Row(
        "its condition does not hold",
        flow(asks(when={"value": 1, "in": [2]}), B),
        "-P",
        wanted=("b",),
    ),
    Row("a delay comes before", flow(A, asks(delay="1m"), parts=(DONE,)), "SW", wakes=65),
    Row(
        "while that is recorded, nobody is asked",
        flow(A, asks(delay="1m"), parts=(DONE,), said=(said(S.WAITING, None, None),)),
        "SW",
        first=False,
        wakes=65,
    ),
    Row(
        "the delay is over",
        flow(A, asks(delay="1s"), parts=(DONE,), said=(said(S.WAITING, None, None),)),
        "SW",
        news=BEGINS,
        wakes=9 + WEEK,
        message=WAITS,
    ),
    Row(
        "who waits takes no room of others",
        flow(
            asks(dependsOn=[]),
            *(step(name, dependsOn=[]) for name in "bc"),
            beside={"maxParallel": 1},
            said=ASKED,
        ),
        "WPP",
        wanted=("b",),
        first=False,
        wakes=6 + WEEK,
        message=WAITS,
    ),
    Row(
        "nor do others take the room of who is to wait",
        flow(step("b", dependsOn=[]), asks(dependsOn=[]), beside={"maxParallel": 1}, parts=(part("b"),)),
        "RW",
        news=BEGINS,
        wakes=9 + WEEK,
        message=WAITS,
    ),
    Row(
        "a run that says that it is that step is none of its parts",
        flow(OK, B, said=ASKED, parts=(part("ok", P.SUCCEEDED),)),
        "WP",
        first=False,
        wakes=6 + WEEK,
        message=WAITS,
    ),
    # --- it is answered ---
    Row(
        "approved: that is recorded before what follows begins",
        flow(A, OK, B, parts=(DONE,), said=ASKED),
        "SSP",
        approve="ok by alice",
        wanted=("b",),
        news=("Approved",),
        answers="ok: True by alice",
    ),
    Row(
        "once it is, it stands, whatever the annotation says",
        flow(A, OK, B, parts=(DONE,), said=(said(S.SUCCEEDED, YES),)),
        "SSP",
        approve="",
        wanted=("b",),
        first=False,
        answers="ok: True by alice",
    ),
    Row(
        "several are approved, and of one it is said by whom",
        flow(A, OK, asks("legal"), B, parts=(DONE,), said=ASKED),
        "SSSP",
        approve=" legal  by bob von Holt ,ok,, ",
        wanted=("b",),
        news=("Approved", "Approved"),
        answers="ok: True, legal: True by bob von Holt",
    ),
    Row(
        "a step that is called by",
        flow(asks("by"), B),
        "SP",
        approve="by by by",
        wanted=("b",),
        news=("Approved",),
        answers="by: True by by",
    ),
    Row(
        "the last of all",
        flow(A, OK, parts=(DONE,), said=ASKED),
        "SS",
        approve="ok",
        phase=P.SUCCEEDED,
        news=("Approved",),
        answers="ok: True",
        end="Completed",
    ),
    Row(
        "rejected",
        flow(step("a", compensate={"container": {"image": "i"}}), OK, B, CLEAN, parts=(DONE,), said=ASKED),
        "SF.P",
        reject="ok by alice",
        wanted=("a/undo",),
        phase=P.COMPENSATING,
        news=("Rejected",),
        answers="ok: False by alice",
        message="step ok is Failed: rejected by alice; undone: 0 of 1",
    ),
    Row(
        "rejected, which is tolerated",
        flow(A, {**OK, "continueOnFailure": True}, B, parts=(DONE,), said=ASKED),
        "SFP",
        reject="ok",
        wanted=("b",),
        news=("Rejected",),
        answers="ok: False",
    ),
    Row(
        "a rejection wins over an approval",
        flow(A, OK, parts=(DONE,), said=ASKED),
        "SF",
        approve="ok by alice",
        reject="ok by bob",
        phase=P.FAILED,
        news=("Rejected",),
        answers="ok: False by bob",
        end="StepFailed",
        message="step ok is Failed: rejected by bob",
    ),
    Row(
        "an answer that came in time is not too late because nobody looked",
        flow(A, asks(timeout="1h"), B, parts=(DONE,), said=ASKED),
        "SSP",
        approve="ok",
        wanted=("b",),
        news=("Approved",),
        answers="ok: True",
        now=2 * HOUR,
    ),
    # --- before its turn ---
    Row(
        "an answer before its turn is recorded",
        flow(A, OK, B, parts=(part("a"),)),
        "RPP",
        approve="ok by alice",
        news=("Approved",),
        answers="ok: True by alice",
    ),
    Row(
        "and stands",
        flow(A, OK, B, parts=(part("a"),), said=EARLY),
        "RPP",
        approve="",
        first=False,
        answers="ok: True by alice",
    ),
    Row(
        "in its turn it counts",
        flow(A, OK, B, parts=(DONE,), said=EARLY),
        "SSP",
        wanted=("b",),
        answers="ok: True by alice",
    ),
    Row(
        "until then a rejection wins over it",
        flow(A, OK, B, parts=(part("a"),), said=EARLY),
        "RPP",
        reject="ok",
        news=("Rejected",),
        answers="ok: False",
    ),
    Row(
        "no approval wins over a rejection",
        flow(A, OK, B, parts=(part("a"),), said=(said(S.PENDING, NO, None),)),
        "RPP",
        approve="ok by alice",
        first=False,
        answers="ok: False",
    ),
    Row(
        "rejected before its turn",
        flow(A, OK, B, parts=(DONE,), said=(said(S.PENDING, NO, None),)),
        "SF.",
        phase=P.FAILED,
        answers="ok: False",
        end="StepFailed",
        message="step ok is Failed: rejected",
    ),
    Row(
        "beside one that was rejected before its turn, nobody is asked",
        flow(asks(dependsOn=[]), asks("legal", dependsOn=[]), step("b", dependsOn=[])),
        "F..",
        reject="ok",
        phase=P.FAILED,
        news=("Rejected",),
        answers="ok: False",
        end="StepFailed",
        message="step ok is Failed: rejected",
    ),
    # --- nobody answers ---
    Row(
        "nobody answers",
        flow(A, asks(timeout="1h"), B, parts=(DONE,), said=ASKED),
        "ST.",
        phase=P.FAILED,
        news=("ApprovalTimedOut",),
        end="StepFailed",
        now=6 + HOUR,
        message="step ok is TimedOut: nobody answered within 1h",
    ),
    Row(
        "nobody answers, which is tolerated",
        flow(A, asks(timeout="1h", continueOnFailure=True), B, parts=(DONE,), said=ASKED),
        "STP",
        wanted=("b",),
        news=("ApprovalTimedOut",),
        now=6 + HOUR,
    ),
    Row(
        "an answer after that changes nothing, and is told of",
        flow(
            A,
            asks(continueOnFailure=True),
            B,
            parts=(DONE, part("b")),
            said=(said(S.TIMED_OUT, reason="ApprovalTimedOut"),),
        ),
        "STR",
        approve="ok",
        news=("ApprovalIgnored",),
    ),
    # --- what ends the run ---
    Row(
        "a cancel waits for nobody",
        flow(A, OK, B, parts=(DONE,), said=ASKED, cancel=True),
        "SC.",
        phase=P.CANCELED,
        end="Canceled",
    ),
    Row(
        "what was approved when the cancel was seen is approved",
        flow(A, OK, B, parts=(DONE,), said=ASKED, cancel=True),
        "SS.",
        approve="ok",
        phase=P.CANCELED,
        news=("Approved",),
        answers="ok: True",
        end="Canceled",
    ),
    Row(
        "nor does the end of what runs",
        flow(A, OK, B, parts=(part("a", P.CANCELED),), halt=CANCELED, said=(said(S.CANCELED),), cancel=True),
        "CC.",
        phase=P.CANCELED,
        end="Canceled",
    ),
    Row(
        "nor the timeout of the whole",
        flow(A, OK, B, parts=(DONE,), said=ASKED, plan={"timeout": "9s"}),
        "SC.",
        phase=P.TIMED_OUT,
        end="TimedOut",
        message="took longer than its timeout, 9s",
    ),
    Row(
        "nor a failure beside it",
        flow(step("a", dependsOn=[]), asks(dependsOn=[]), parts=(part("a", P.FAILED),), said=ASKED),
        "FC",
        phase=P.FAILED,
        end="StepFailed",
        message="step a is Failed: Error",
    ),
    # --- a pause ---
    Row("in a pause nobody is asked", flow(A, OK, B, parts=(DONE,), suspend=True), "SPP", first=False,
        message="paused: spec.suspend is true"),
    Row(
        "an answer is recorded, and what follows waits",
        flow(A, OK, B, parts=(DONE,), said=ASKED, suspend=True),
        "SSP",
        approve="ok",
        news=("Approved",),
        answers="ok: True",
        message="paused: spec.suspend is true",
    ),
    Row(
        "also one of a step whose turn came in the pause",
        flow(A, OK, B, parts=(DONE,), suspend=True),
        "SPP",
        approve="ok",
        news=("Approved",),
        answers="ok: True",
        message="paused: spec.suspend is true",
    ),
    Row(
        "its time runs on",
        flow(A, asks(timeout="1h"), B, parts=(DONE,), said=ASKED, suspend=True),
        "SWP",
        first=False,
        wakes=6 + HOUR,
        message="paused: spec.suspend is true",
    ),
)  # fmt: skip
LETTERS = dict(zip(StepPhase, "PWRSAFTC-.U", strict=True))


def answered(found: CompositeDecision) -> str:
    given = [(step.name, step.answer) for step in found.steps if step.answer is not None]
    return ", ".join(f"{name}: {each.approved}" + (f" by {each.by}" if each.by else "") for name, each in given)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_what_should_be_so(row: Row) -> None:
    found = decided(annotated(row.known, row.approve, row.reject), row.now)
    assert "".join(LETTERS[step.phase] for step in found.steps) == row.steps
    assert found.phase is row.phase
    assert tuple(part.part for part in found.wanted) == row.wanted
    assert tuple(transition.reason for transition in found.transitions) == row.news
    assert answered(found) == row.answers
    assert (found.end.reason if found.end is not None else None) == row.end
    assert found.record_first is row.first
    assert seconds(found.wake_at) == row.wakes
    assert found.message == row.message


# --- what is recorded, and handed on ---------------------------------------------------------------------------------


def first_of(view: CompositeView, now: float = 9) -> StepStatus:
    (found, *_) = decided(view, now).steps
    return found


def test_while_it_waits_it_says_for_what_and_how_to_answer() -> None:
    found = first_of(flow(asks(message="refund 42 euros?")))
    command = f"kubectl annotate --overwrite -n n sr {NAME} crontask.dev/approve=ok"
    assert (found.message, found.start_time) == (f"waits for approval: refund 42 euros?; {command}", at(9))
    assert first_of(flow(OK)).message == f"waits for approval; {command}"
    (told,) = decided(flow(OK)).transitions
    assert (told.message, told.warning, told.event) == (
        f"ok: {found.message}".replace(": refund 42 euros?", ""),
        False,
        True,
    )


def test_the_longest_message_leaves_room_for_the_command() -> None:
    name = "x" * 24
    found = first_of(flow(asks(name, message="m" * 512)))
    assert (found.message or "").endswith(f"crontask.dev/approve={name}")


def test_the_result_of_an_approval() -> None:
    found = first_of(annotated(flow(OK, said=ASKED), "ok by alice"))
    assert found.result == {"approved": True, "at": "2026-03-01T12:00:09Z", "by": "alice"}
    assert (found.message, found.start_time, found.completion_time) == ("approved by alice", at(6), at(9))
    nobody = first_of(annotated(flow(OK, said=ASKED), "ok"))
    assert (nobody.result, nobody.message) == ({"approved": True, "at": "2026-03-01T12:00:09Z"}, "approved")


def test_one_that_was_approved_before_its_turn_ends_in_its_turn() -> None:
    found = first_of(flow(OK, said=EARLY))
    assert (found.start_time, found.completion_time) == (at(9), at(9))
    assert found.result == {"approved": True, "at": "2026-03-01T12:00:07Z", "by": "alice"}


def test_others_refer_to_it() -> None:
    uses = step("b", args={"who": "${steps.ok.result.by}"}, when={"value": "${steps.ok.phase}", "in": ["Succeeded"]})
    (wanted,) = decided(annotated(flow(OK, uses, said=ASKED), "ok by alice")).wanted
    assert wanted.args == {"who": "alice"}
    late = decided(annotated(flow(OK, uses, said=(said(S.SUCCEEDED, YES, result={"by": "alice"}),)), "")).wanted
    assert [part.args for part in late] == [{"who": "alice"}]
    other = decided(annotated(flow(OK, uses, said=ASKED), "ok"))
    assert other.end is not None
    assert (
        other.end.message
        == "step b is Failed: steps.ok.result.by is missing: steps.ok.result has the keys approved, at"
    )


def test_a_delay_after_it_is_counted_from_the_answer() -> None:
    found = decided(annotated(flow(OK, step("b", delay="1m"), said=ASKED), "ok"))
    assert seconds(found.wake_at) == 69


def test_it_is_the_result_of_the_run() -> None:
    found = decided(annotated(flow(OK, said=ASKED), "ok"))
    assert found.end is not None
    assert found.end.result == {"approved": True, "at": "2026-03-01T12:00:09Z"}


def test_it_counts_as_a_step() -> None:
    assert decided(annotated(flow(A, OK, B, parts=(DONE,), said=ASKED), "ok")).progress == "2/3 steps"


def test_who_is_named_at_length_is_cut() -> None:
    found = first_of(annotated(flow(OK, said=ASKED), f"ok by {'x' * 1000}"))
    assert found.answer is not None
    assert len(found.answer.by or "") == 128


def test_a_week_unless_it_says_otherwise() -> None:
    view = flow({"name": "ok", "approval": {}})
    (parsed,) = view.plan.handler.steps or ()
    assert parsed.approval is not None
    assert parsed.approval.timeout == timedelta(days=7)


# --- what nothing comes of -------------------------------------------------------------------------------------------

UNKNOWN = "and no step of that name asks for approval"
SKIPPED, SUCCEEDED = (said(S.SKIPPED, None, None),), (said(S.SUCCEEDED, YES),)
STOPPED: dict[str, Any] = {"said": (said(S.CANCELED),), "halt": CANCELED}


@pytest.mark.parametrize(
    ("known", "approve", "reject", "wanted"),
    [
        (flow(OK, B), "okk", None, f"approve names 'okk', {UNKNOWN}; did you mean ok?"),
        (flow(OK, B), None, "b", f"reject names 'b', {UNKNOWN}; write ok"),
        (flow(asks("legal"), OK), "eve", None, f"approve names 'eve', {UNKNOWN}; write legal or ok"),
        (flow(OK, B), "ok alice", None, f"approve names 'ok alice', {UNKNOWN}; write it like ok, or ok by alice"),
        (flow(A), "a", None, f"approve names 'a', {UNKNOWN}: none does"),
        (flow(OK, B, said=SKIPPED), "ok", None, "approve of ok came too late: the step is Skipped"),
        (flow(OK, B, said=SUCCEEDED), None, "ok", "reject of ok came too late: the step is Succeeded"),
        (flow(OK, B, **STOPPED), "ok", None, "approve of ok came too late: the step is Canceled"),
        # That a rejection has won is no news; and what was answered before a step was skipped had come in time.
        (flow(OK, B, said=(said(S.FAILED, NO),), halt=CANCELED), "ok", "ok", None),
        (flow(OK, B, said=(said(S.SKIPPED, YES, None),)), "ok", None, None),
        (flow(OK, B, said=SUCCEEDED), "ok by alice", None, None),
        (flow(OK, B, said=ASKED), "", ",,", None),
    ],
)
def test_what_nothing_comes_of_is_said_once(
    known: CompositeView, approve: str | None, reject: str | None, wanted: str | None
) -> None:
    view = annotated(known, approve, reject)
    found = decided(view)
    assert found.ignored == (f"crontask.dev/{wanted}" if wanted is not None else None)
    told = [transition for transition in found.transitions if transition.reason == "ApprovalIgnored"]
    assert [(transition.message, transition.warning) for transition in told] == (
        [(found.ignored, True)] if wanted is not None else []
    )
    known_by_now = Condition(
        type="ApprovalIgnored", status="True", reason="x", message=found.ignored or "", last_transition_time=at(9)
    )
    status = view.run.status.model_copy(update={"conditions": (known_by_now,)})
    again = decided(replace(view, run=replace(view.run, status=status)))
    assert "ApprovalIgnored" not in [transition.reason for transition in again.transitions]


def test_of_many_names_few_are_listed() -> None:
    found = decided(annotated(flow(OK), ",".join(f"x{number}" for number in range(20_000)))).ignored
    assert found is not None
    assert found.count("names") == 5
    assert found.endswith("; and 19995 more")
    assert len(decided(annotated(flow(OK), "y" * 100_000)).ignored or "") < 200
