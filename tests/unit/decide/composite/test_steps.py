"""The policy of a workflow: what is known of its parts, and what should be so then."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from composite_views import NAME, UID, C, decided, flow, own, part, rejected, seconds, step
from run_life import at

from crontask.api.composite_status import Halt, NotCompensated, StepPhase, StepStatus
from crontask.api.names import part_name
from crontask.api.phases import RunPhase
from crontask.decide.composite.model import CompositeView

P = RunPhase
A, B, D = step("a"), step("b"), step("d")
UNDO: dict[str, Any] = {"compensate": C}
CLEAN = step("clean", always=True)
DONE = StepStatus(name="a", phase=StepPhase.REUSED, run="before-a", completion_time=at(-9))
FAILED = Halt(phase="Failed", reason="StepFailed", message="step a is Failed")
CANCELED = Halt(phase="Canceled", reason="Canceled", message=None)
ONCE: dict[str, Any] = {"retry": {"onLost": "Fail"}}
UNDONE_ONCE = step("a", compensate={**C, **ONCE})
NAMED = (StepStatus(name="a", phase=StepPhase.SUCCEEDED, run="flow-a", undo_run=own("a/undo")),)
IMMEDIATE: dict[str, Any] = {"cancel": True, "cancelMode": "Immediate"}


@dataclass(frozen=True)
class Row:
    """What is known at `now`; the phase then, the parts that should exist, those to end, and each step's phase.

    `first`: the status is written before anything follows. `end`: its reason. `wakes`: when to look again.
    """

    name: str
    known: CompositeView
    phase: RunPhase = P.RUNNING
    wanted: tuple[str, ...] = ()
    cancels: tuple[str, ...] = ()
    steps: str = ""
    halt: str | None = None
    undo: tuple[str, ...] | None = None
    first: bool = False
    end: str | None = None
    wakes: float | None = None
    now: float = 9
    left: dict[str, str] = field(default_factory=dict)


def ok(name: str, ended: float = 5, **status: Any) -> Any:
    return part(name, P.SUCCEEDED, ended, **status)


def bad(name: str, ended: float = 5, **status: Any) -> Any:
    return part(name, P.FAILED, ended, **status)


def graph(*edges: tuple[str, str], **fields: Any) -> list[dict[str, Any]]:
    """Steps, each with what it depends on, letter by letter."""
    return [step(name, dependsOn=list(before), **fields.get(name, {})) for name, before in edges]


DIAMOND = graph(("a", ""), ("b", "a"), ("c", "a"), ("d", "bc"))
WHEN: dict[str, Any] = {"when": {"value": "${steps.a.result.n}", "in": [1, True]}}
USES: dict[str, Any] = {"args": {"x": "${steps.a.result.n}"}}
DEFAULT: dict[str, Any] = {"args": {"x": {"$ref": "${steps.b.result.n}", "default": 0}}}

# Steps by letter: Pending, Waiting, Running, Succeeded, pArtial, Failed, Timed out, Canceled, skipped -, not reached .,
# reUsed.
ROWS = (
    # --- in list order ---
    Row("it begins", flow(A, B), wanted=("a",), steps="PP"),
    Row("the first runs", flow(A, B, parts=(part("a"),)), steps="RP"),
    Row("the first has succeeded", flow(A, B, parts=(ok("a"),)), wanted=("b",), steps="SP"),
    Row("in part", flow(A, B, parts=(part("a", P.PARTIAL),)), wanted=("b",), steps="AP"),
    Row("both have", flow(A, B, parts=(ok("a"), ok("b"))), P.SUCCEEDED, steps="SS", end="Completed"),
    Row("one in part", flow(A, B, parts=(part("a", P.PARTIAL), ok("b"))), P.PARTIAL, steps="AS", end="Completed"),
    Row("the run of the first has not begun", flow(A, B, parts=(part("a", P.PENDING),)), steps="RP"),
    Row("the run of the first has no status yet", flow(A, B, parts=(part("a", None),)), steps="RP"),
    # --- graphs ---
    Row("what depends on nothing starts at once", flow(*graph(("a", ""), ("b", ""))), wanted=("a", "b"), steps="PP"),
    Row("side by side", flow(*DIAMOND, parts=(ok("a"),)), wanted=("b", "c"), steps="SPPP"),
    Row("one of two has ended", flow(*DIAMOND, parts=(ok("a"), ok("b"), part("c"))), steps="SSRP"),
    Row("both have ended", flow(*DIAMOND, parts=(ok("a"), ok("b"), ok("c"))), wanted=("d",), steps="SSSP"),
    Row(
        "so many at a time",
        flow(*graph(("a", ""), ("b", ""), ("c", "")), beside={"maxParallel": 2}),
        wanted=("a", "b"),
        steps="PPP",
    ),
    Row(
        "as many run",
        flow(*graph(("a", ""), ("b", ""), ("c", "")), beside={"maxParallel": 2}, parts=(part("a"), part("b"))),
        steps="RRP",
    ),
    # --- conditions and values ---
    *(
        Row(
            f"a condition on {value}: {meant}",
            flow(A, step("b", when={"value": "${steps.a.result}", "in": [meant]}), parts=(ok("a", result=value),)),
            P.RUNNING if same else P.SUCCEEDED,
            wanted=("b",) if same else (),
            steps="SP" if same else "S-",
            end=None if same else "Completed",
        )
        for value, meant, same in (
            ({"n": [1, {}]}, {"n": [1.0, {}]}, True),
            ({"n": [True]}, {"n": [1]}, False),
            ([0], [False], False),
            ([1], [1, 1], False),
            ({"n": None}, {"m": None}, False),
        )
    ),
    Row("a condition holds", flow(A, step("b", **WHEN), parts=(ok("a", result={"n": 1}),)), wanted=("b",), steps="SP"),
    Row(
        "it does not",
        flow(A, step("b", **WHEN), parts=(ok("a", result={"n": 2}),)),
        P.SUCCEEDED,
        steps="S-",
        end="Completed",
    ),
    Row(
        "true is not 1, nor 1 true",
        flow(A, step("b", when={"value": "${steps.a.result.n}", "in": [True]}), parts=(ok("a", result={"n": 1}),)),
        P.SUCCEEDED,
        steps="S-",
        end="Completed",
    ),
    Row(
        "who only depends on what was skipped runs",
        flow(A, step("b", **WHEN), D, parts=(ok("a", result={"n": 2}),)),
        wanted=("d",),
        steps="S-P",
    ),
    Row(
        "who refers to it is skipped too",
        flow(A, step("b", **WHEN), step("d", args={"x": "${steps.b.result.n}"}), parts=(ok("a", result={"n": 2}),)),
        P.SUCCEEDED,
        steps="S--",
        end="Completed",
    ),
    Row(
        "but for one with a default",
        flow(A, step("b", **WHEN), step("d", **DEFAULT), parts=(ok("a", result={"n": 2}),)),
        wanted=("d",),
        steps="S-P",
    ),
    Row(
        "a value is missing",
        flow(A, step("b", **USES), D, parts=(ok("a", result={}),)),
        P.FAILED,
        steps="SF.",
        halt="step b is Failed: steps.a.result.n is missing: steps.a.result is an empty object",
        undo=(),
        first=True,
        end="StepFailed",
    ),
    Row(
        "a result did not fit",
        flow(A, step("b", **USES), parts=(ok("a", result_truncated=True),)),
        P.FAILED,
        steps="SF",
        halt="step b is Failed: steps.a.result.n is missing: the result of step a did not fit into its "
        "termination message, of at most 4096 bytes",
        undo=(),
        first=True,
        end="StepFailed",
    ),
    # --- delays ---
    Row("a delay", flow(A, step("b", delay="1m"), parts=(ok("a", 5),)), steps="SW", wakes=65),
    Row("it is over", flow(A, step("b", delay="4s"), parts=(ok("a", 5),)), wanted=("b",), steps="SP"),
    Row("of the first, from the start", flow(step("a", delay="30s")), steps="W", wakes=30),
    Row(
        "from the last end before it",
        flow(*graph(("a", ""), ("b", "")), step("c", dependsOn=["a", "b"], delay="1m"), parts=(ok("a", 5), ok("b", 7))),
        steps="SSW",
        wakes=67,
    ),
    # --- failures ---
    Row(
        "a step fails",
        flow(A, B, parts=(bad("a"),)),
        P.FAILED,
        steps="F.",
        halt="step a is Failed: Error",
        undo=(),
        first=True,
        end="StepFailed",
    ),
    Row(
        "one that is tolerated",
        flow(step("a", continueOnFailure=True), B, parts=(bad("a"),)),
        wanted=("b",),
        steps="FP",
    ),
    Row(
        "and then all is well",
        flow(step("a", continueOnFailure=True), B, parts=(bad("a"), ok("b"))),
        P.PARTIAL,
        steps="FS",
        end="Completed",
    ),
    Row(
        "others run, and end by themselves",
        flow(*DIAMOND, parts=(ok("a"), bad("b"), part("c"))),
        steps="SFR.",
        halt="step b is Failed: Error",
        first=True,
    ),
    Row(
        "or are ended",
        flow(*DIAMOND, parts=(ok("a"), bad("b"), part("c")), beside={"onFailure": "Cancel"}),
        cancels=("c",),
        steps="SFR.",
        halt="step b is Failed: Error",
        first=True,
    ),
    Row(
        "once that is recorded, and asked for, there is nothing more to do",
        flow(*DIAMOND, parts=(ok("a"), bad("b"), part("c", cancel=True)), beside={"onFailure": "Cancel"}, halt=FAILED),
        steps="SFR.",
        halt=FAILED.message,
    ),
    Row(
        "why it halts stays as it was recorded",
        flow(*DIAMOND, parts=(ok("a"), bad("b"), bad("c")), halt=FAILED),
        P.FAILED,
        steps="SFF.",
        halt=FAILED.message,
        undo=(),
        first=True,
        end="StepFailed",
    ),
    Row(
        "of several, the first to end is told",
        flow(*graph(("a", ""), ("b", "")), parts=(bad("a", 7), bad("b", 6))),
        P.FAILED,
        steps="FF",
        halt="step b is Failed: Error",
        undo=(),
        first=True,
        end="StepFailed",
    ),
    Row(
        "a part that came too late has done nothing",
        flow(*DIAMOND, parts=(ok("a"), bad("b"), part("c", P.SKIPPED, reason="Stale")), halt=FAILED),
        P.FAILED,
        steps="SF..",
        halt=FAILED.message,
        undo=(),
        first=True,
        end="StepFailed",
    ),
    Row(
        "the name of a part is taken",
        flow(A, B, refused={"a": "run flow-a exists"}),
        P.FAILED,
        steps="F.",
        halt="step a is Failed: run flow-a exists",
        undo=(),
        first=True,
        end="StepFailed",
    ),
    Row(
        "the name is taken of one whose failure is tolerated: that is recorded before others start",
        flow(step("a", continueOnFailure=True), B, refused={"a": "run flow-a exists"}),
        wanted=("b",),
        steps="FP",
        first=True,
    ),
    Row(
        "once it is",
        flow(
            step("a", continueOnFailure=True),
            B,
            refused={"a": "run flow-a exists"},
            said=(StepStatus(name="a", phase=StepPhase.FAILED),),
        ),
        wanted=("b",),
        steps="FP",
    ),
    # --- parts whose run the API server refuses ---
    Row(
        "refused for good: it had no effect, and is not undone",
        flow(step("a", **UNDO), B, refused={"a": rejected()}),
        P.FAILED,
        steps="F.",
        halt="step a is Failed: spec.args: Invalid value",
        undo=(),
        first=True,
        end="StepFailed",
    ),
    Row(
        "refused for good, and tolerated: that is recorded before others start",
        flow(step("a", continueOnFailure=True), B, refused={"a": rejected()}),
        wanted=("b",),
        steps="FP",
        first=True,
    ),
    Row("refused until it is tried again", flow(A, B, refused={"a": rejected(retry_at=11)}), wanted=("a",), steps="PP"),
    Row(
        "an undo is refused for good: the others go on",
        flow(
            step("a", **UNDO),
            step("b", **UNDO),
            D,
            parts=(ok("a", 2), ok("b", 3), bad("d")),
            refused={"b/undo": rejected()},
        ),
        P.COMPENSATING,
        wanted=("a/undo",),
        steps="SSF",
        halt="step d is Failed: Error",
        undo=("b", "a"),
        first=True,
        left={"b": "RunRejected"},
    ),
    Row(
        "and the run ends so",
        flow(step("a", **UNDO), D, parts=(ok("a", 2), bad("d")), refused={"a/undo": rejected()}),
        P.FAILED,
        steps="SF",
        halt="step d is Failed: Error",
        undo=("a",),
        first=True,
        end="CompensationFailed",
        left={"a": "RunRejected"},
    ),
    Row(
        "what always runs is refused for good",
        flow(A, CLEAN, parts=(ok("a"),), refused={"clean": rejected()}),
        P.FAILED,
        steps="SF",
        end="StepFailed",
    ),
    Row(
        "so it is of one of two: recorded before the other starts",
        flow(A, CLEAN, step("more", always=True), parts=(ok("a"),), refused={"clean": rejected()}),
        wanted=("more",),
        steps="SFP",
        first=True,
    ),
    # --- parts that are gone ---
    Row(
        "its run is gone, and nobody saw its end",
        flow(A, B, said=(StepStatus(name="a", phase=StepPhase.RUNNING, run="flow-a"),)),
        P.FAILED,
        steps="F.",
        halt="step a is Failed: run flow-a is gone, and nobody saw its end",
        undo=(),
        first=True,
        end="StepFailed",
    ),
    Row(
        "it may have done what is to be undone",
        flow(step("a", **UNDO), B, said=(StepStatus(name="a", phase=StepPhase.RUNNING, run="flow-a"),)),
        P.COMPENSATING,
        wanted=("a/undo",),
        steps="F.",
        halt="step a is Failed: run flow-a is gone, and nobody saw its end",
        undo=("a",),
        first=True,
    ),
    Row(
        "its run is gone, and its pod is not: it is waited for",
        flow(A, B, said=(StepStatus(name="a", phase=StepPhase.RUNNING, run="flow-a"),), orphaned=("flow-a",)),
        steps="RP",
    ),
    Row(
        "its run is gone after its end was recorded, and its pod is not",
        flow(A, B, said=(StepStatus(name="a", phase=StepPhase.SUCCEEDED, run="flow-a"),), orphaned=("flow-a",)),
        wanted=("b",),
        steps="SP",
    ),
    Row(
        "the run that undoes is gone, and its pod is not",
        flow(
            step("a", **UNDO),
            D,
            parts=(ok("a"), bad("d")),
            halt=FAILED,
            undo=("a",),
            orphaned=(part_name(NAME, UID, "a/undo"),),
        ),
        P.COMPENSATING,
        steps="SF",
        halt=FAILED.message,
        undo=("a",),
    ),
    Row(
        "it is gone, and its failure is tolerated: that is recorded before others start",
        flow(step("a", continueOnFailure=True), B, said=(StepStatus(name="a", phase=StepPhase.RUNNING, run="flow-a"),)),
        wanted=("b",),
        steps="FP",
        first=True,
    ),
    Row(
        "its run is gone after its end was recorded",
        flow(A, step("b", **USES), said=(StepStatus(name="a", phase=StepPhase.SUCCEEDED, run="r", result={"n": 1}),)),
        wanted=("b",),
        steps="SP",
    ),
    Row(
        "nothing said that it was there",
        flow(A, B, said=(StepStatus(name="a", phase=StepPhase.PENDING),)),
        wanted=("a",),
        steps="PP",
    ),
    # --- undoing ---
    Row(
        "what may have acted is undone, the last first",
        flow(step("a", **UNDO), step("b", **UNDO), D, parts=(ok("a", 3), ok("b", 4), bad("d", 5))),
        P.COMPENSATING,
        wanted=("b/undo",),
        steps="SSF",
        halt="step d is Failed: Error",
        undo=("b", "a"),
        first=True,
    ),
    Row(
        "in the order that is recorded, whatever the runs say now",
        flow(
            step("a", **UNDO),
            step("b", **UNDO),
            D,
            parts=(ok("a", 3), ok("b", 4), bad("d", 5)),
            halt=FAILED,
            undo=("a", "b"),
        ),
        P.COMPENSATING,
        wanted=("a/undo",),
        steps="SSF",
        halt=FAILED.message,
        undo=("a", "b"),
    ),
    Row(
        "one at a time",
        flow(
            step("a", **UNDO),
            step("b", **UNDO),
            D,
            parts=(ok("a"), ok("b"), bad("d"), part("b/undo")),
            halt=FAILED,
            undo=("b", "a"),
        ),
        P.COMPENSATING,
        steps="SSF",
        halt=FAILED.message,
        undo=("b", "a"),
    ),
    Row(
        "then the next, whether or not it went well",
        flow(
            step("a", **UNDO),
            step("b", **UNDO),
            D,
            parts=(ok("a"), ok("b"), bad("d"), bad("b/undo")),
            halt=FAILED,
            undo=("b", "a"),
        ),
        P.COMPENSATING,
        wanted=("a/undo",),
        steps="SSF",
        halt=FAILED.message,
        undo=("b", "a"),
        first=True,
        left={"b": "Error"},
    ),
    Row(
        "the end of one that went badly",
        flow(step("a", **UNDO), D, parts=(ok("a"), bad("d"), bad("a/undo")), halt=FAILED, undo=("a",)),
        P.FAILED,
        steps="SF",
        halt=FAILED.message,
        undo=("a",),
        end="CompensationFailed",
        first=True,
        left={"a": "Error"},
    ),
    Row(
        "a value that undoing needs is missing",
        flow(
            step("a", compensate={**C, "args": {"id": "${steps.a.result.id}"}}),
            D,
            parts=(ok("a"), bad("d")),
            halt=FAILED,
            undo=("a",),
        ),
        P.FAILED,
        steps="SF",
        halt=FAILED.message,
        undo=("a",),
        end="CompensationFailed",
        first=True,
        left={"a": "ReferenceMissing"},
    ),
    Row(
        "what is recorded of undoing counts where the run is gone",
        flow(
            step("a", **UNDO),
            step("b", **UNDO),
            D,
            parts=(ok("a"), ok("b"), bad("d")),
            halt=FAILED,
            undo=("b", "a"),
            said=(StepStatus(name="b", phase=StepPhase.SUCCEEDED, run="r", compensated=True),),
            status={"not_compensated": (NotCompensated(step="a", reason="Error"),)},
        ),
        P.FAILED,
        steps="SSF",
        halt=FAILED.message,
        undo=("b", "a"),
        end="CompensationFailed",
        left={"a": "Error"},
    ),
    # --- what always runs ---
    Row("it comes last", flow(CLEAN, A, parts=(part("a"),)), steps="PR"),
    Row("when all is well", flow(CLEAN, A, parts=(ok("a"),)), wanted=("clean",), steps="PS"),
    Row(
        "when a step failed",
        flow(A, CLEAN, parts=(bad("a"),), halt=FAILED, undo=()),
        wanted=("clean",),
        steps="FP",
        halt=FAILED.message,
        undo=(),
    ),
    Row(
        "after undoing",
        flow(step("a", **UNDO), D, CLEAN, parts=(ok("a"), bad("d"), part("a/undo")), halt=FAILED, undo=("a",)),
        P.COMPENSATING,
        steps="SFP",
        halt=FAILED.message,
        undo=("a",),
    ),
    Row(
        "one after the other",
        flow(A, CLEAN, step("last", always=True), parts=(ok("a"), part("clean"))),
        steps="SRP",
    ),
    Row(
        "the next, though one failed",
        flow(A, CLEAN, step("last", always=True), parts=(ok("a"), bad("clean"))),
        wanted=("last",),
        steps="SFP",
    ),
    Row(
        "its failure fails what had gone well",
        flow(A, CLEAN, parts=(ok("a"), bad("clean"))),
        P.FAILED,
        steps="SF",
        end="StepFailed",
    ),
    Row(
        "after a cancel",
        flow(A, CLEAN, cancel=True, parts=(ok("a"),), halt=CANCELED, undo=()),
        P.CANCELING,
        wanted=("clean",),
        steps="SP",
        halt="",
        undo=(),
    ),
    Row(
        "a timeout counts until the steps have ended",
        flow(A, CLEAN, parts=(ok("a"), part("clean")), plan={"timeout": "7s", "totalTimeout": "8s"}),
        steps="SR",
    ),
    Row(
        "a cancel then waits for it",
        flow(step("a", **UNDO), CLEAN, cancel=True, parts=(ok("a"), part("clean"))),
        P.CANCELING,
        steps="SR",
        halt="",
        first=True,
    ),
    Row(
        "or ends it at once",
        flow(A, CLEAN, cancel=True, cancelMode="Immediate", parts=(ok("a"), part("clean"))),
        P.CANCELING,
        cancels=("clean",),
        steps="SR",
        halt="",
        first=True,
    ),
    Row(
        "then all is undone",
        flow(step("a", **UNDO), CLEAN, cancel=True, parts=(ok("a"), ok("clean")), halt=CANCELED),
        P.COMPENSATING,
        wanted=("a/undo",),
        steps="SS",
        halt="",
        undo=("a",),
        first=True,
    ),
    Row(
        "and it does not run again",
        flow(
            step("a", **UNDO),
            CLEAN,
            cancel=True,
            parts=(ok("a"), ok("clean"), ok("a/undo")),
            halt=CANCELED,
            undo=("a",),
        ),
        P.CANCELED,
        steps="SS",
        halt="",
        undo=("a",),
        end="Canceled",
    ),
    Row(
        "what was undone stays recorded while it runs",
        flow(
            step("a", **UNDO),
            CLEAN,
            cancel=True,
            parts=(ok("a"), ok("a/undo"), part("clean")),
            halt=CANCELED,
            undo=("a",),
        ),
        P.CANCELING,
        steps="SR",
        halt="",
        undo=("a",),
    ),
    # --- cancels ---
    Row(
        "a cancel ends what runs",
        flow(A, B, cancel=True, parts=(part("a"),)),
        P.CANCELING,
        cancels=("a",),
        steps="R.",
        halt="",
        first=True,
    ),
    Row(
        "then it undoes",
        flow(step("a", **UNDO), B, cancel=True, parts=(part("a", P.CANCELED, reason="Canceled"),), halt=CANCELED),
        P.COMPENSATING,
        wanted=("a/undo",),
        steps="C.",
        halt="",
        undo=("a",),
        first=True,
    ),
    Row(
        "and is canceled",
        flow(
            step("a", **UNDO), B, cancel=True, parts=(part("a", P.CANCELED), ok("a/undo")), halt=CANCELED, undo=("a",)
        ),
        P.CANCELED,
        steps="C.",
        halt="",
        undo=("a",),
        end="Canceled",
    ),
    Row(
        "and is failed, where undoing was in vain",
        flow(
            step("a", **UNDO), B, cancel=True, parts=(part("a", P.CANCELED), bad("a/undo")), halt=CANCELED, undo=("a",)
        ),
        P.FAILED,
        steps="C.",
        halt="",
        undo=("a",),
        end="CompensationFailed",
        first=True,
        left={"a": "Error"},
    ),
    Row(
        "at once: nothing is undone, nor cleaned up",
        flow(step("a", **UNDO), B, CLEAN, parts=(ok("a"), part("b", P.CANCELED)), halt=CANCELED, **IMMEDIATE),
        P.CANCELED,
        steps="SC.",
        halt="",
        undo=(),
        first=True,
        end="Canceled",
        left={"a": "Immediate"},
    ),
    Row(
        "at once, while it undoes",
        flow(
            step("a", **UNDO),
            step("b", **UNDO),
            parts=(ok("a"), ok("b"), part("b/undo")),
            halt=CANCELED,
            undo=("b", "a"),
            **IMMEDIATE,
        ),
        P.COMPENSATING,
        cancels=("b/undo",),
        steps="SS",
        halt="",
        undo=("b", "a"),
    ),
    Row(
        "a cancel while it undoes changes nothing",
        flow(step("a", **UNDO), D, cancel=True, parts=(ok("a"), bad("d"), part("a/undo")), halt=FAILED, undo=("a",)),
        P.COMPENSATING,
        steps="SF",
        halt=FAILED.message,
        undo=("a",),
    ),
    Row(
        "a cancel before the first part is there",
        flow(A, cancel=True),
        P.CANCELED,
        steps=".",
        halt="",
        undo=(),
        first=True,
        end="Canceled",
    ),
    # --- time ---
    Row("a timeout is to come", flow(A, plan={"timeout": "10s"}, parts=(part("a"),)), steps="R", wakes=10),
    Row(
        "a timeout ends what runs",
        flow(A, B, plan={"timeout": "9s"}, parts=(part("a"),)),
        cancels=("a",),
        steps="R.",
        halt="took longer than its timeout, 9s",
        first=True,
    ),
    Row(
        "and then the run",
        flow(
            A, B, plan={"timeout": "9s"}, parts=(part("a", P.CANCELED),), halt=Halt(phase="TimedOut", reason="TimedOut")
        ),
        P.TIMED_OUT,
        steps="C.",
        halt="",
        undo=(),
        first=True,
        end="TimedOut",
    ),
    Row(
        "totalTimeout", flow(A, plan={"timeout": "30s", "totalTimeout": "20s"}, parts=(part("a"),)), steps="R", wakes=20
    ),
    Row(
        "a pause is left out",
        flow(A, plan={"timeout": "9s"}, parts=(part("a"),), status={"paused": {"seconds": 5}}),
        steps="R",
        wakes=14,
    ),
    # --- a pause ---
    Row("a pause starts nothing new", flow(A, B, parts=(ok("a"),), suspend=True), steps="SP"),
    Row(
        "what runs goes on, and no timeout counts",
        flow(A, plan={"timeout": "9s"}, parts=(part("a"),), suspend=True),
        steps="R",
    ),
    Row(
        "undoing is not paused",
        flow(step("a", **UNDO), D, parts=(ok("a"), bad("d")), halt=FAILED, undo=("a",), suspend=True),
        P.COMPENSATING,
        wanted=("a/undo",),
        steps="SF",
        halt=FAILED.message,
        undo=("a",),
    ),
    # --- at most once ---
    Row(
        "what happens at most once is recorded before it begins",
        flow(step("a", retry={"onLost": "Fail"})),
        wanted=("a",),
        steps="R",
        first=True,
    ),
    Row(
        "while creations are refused, it is not recorded: it would be taken for gone",
        flow(step("a", retry={"onLost": "Fail"}), held=True),
        wanted=("a",),
        steps="P",
    ),
    Row(
        "its creation had no good answer: it is tried again",
        flow(
            step("a", retry={"onLost": "Fail"}),
            said=(StepStatus(name="a", phase=StepPhase.RUNNING, run="flow-a"),),
            unmade=("flow-a",),
        ),
        wanted=("a",),
        steps="R",
        first=True,
    ),
    Row(
        "what always runs, at most once, is recorded before it begins",
        flow(A, step("clean", always=True, **ONCE), parts=(ok("a"),)),
        wanted=("clean",),
        steps="SR",
        first=True,
    ),
    Row(
        "once it is named, and its run is not there, it is gone",
        flow(
            A,
            step("clean", always=True, **ONCE),
            parts=(ok("a"),),
            said=(StepStatus(name="clean", phase=StepPhase.RUNNING, run="flow-clean"),),
        ),
        P.FAILED,
        steps="SF",
        end="StepFailed",
    ),
    Row(
        "an undo, at most once, is recorded before it begins",
        flow(UNDONE_ONCE, D, parts=(ok("a", 2), bad("d")), halt=FAILED, undo=("a",)),
        P.COMPENSATING,
        wanted=("a/undo",),
        steps="SF",
        halt=FAILED.message,
        undo=("a",),
        first=True,
    ),
    Row(
        "while it is refused, it is not",
        flow(UNDONE_ONCE, D, parts=(ok("a", 2), bad("d")), halt=FAILED, undo=("a",), held=True),
        P.COMPENSATING,
        wanted=("a/undo",),
        steps="SF",
        halt=FAILED.message,
        undo=("a",),
    ),
    Row(
        "named, and its creation had no good answer: it is tried again",
        flow(
            UNDONE_ONCE, D, parts=(ok("a", 2), bad("d")), halt=FAILED, undo=("a",), said=NAMED, unmade=(own("a/undo"),)
        ),
        P.COMPENSATING,
        wanted=("a/undo",),
        steps="SF",
        halt=FAILED.message,
        undo=("a",),
        first=True,
    ),
    Row(
        "named, and its run is not there: it may have been done, and is not made again",
        flow(UNDONE_ONCE, D, parts=(ok("a", 2), bad("d")), halt=FAILED, undo=("a",), said=NAMED),
        P.FAILED,
        steps="SF",
        halt=FAILED.message,
        undo=("a",),
        first=True,
        end="CompensationFailed",
        left={"a": "PartGone"},
    ),
    Row(
        "so it is of any undo that the status names",
        flow(step("a", **UNDO), D, parts=(ok("a", 2), bad("d")), halt=FAILED, undo=("a",), said=NAMED),
        P.FAILED,
        steps="SF",
        halt=FAILED.message,
        undo=("a",),
        first=True,
        end="CompensationFailed",
        left={"a": "PartGone"},
    ),
    # --- run again ---
    Row("what another run did is reused", flow(step("a", **UNDO), B, said=(DONE,)), wanted=("b",), steps="UP"),
    Row(
        "it is undone with the rest",
        flow(step("a", **UNDO), B, said=(DONE,), parts=(bad("b"),)),
        P.COMPENSATING,
        wanted=("a/undo",),
        steps="UF",
        halt="step b is Failed: Error",
        undo=("a",),
        first=True,
    ),
    Row(
        "unless that other run had ended well",
        flow(step("a", **UNDO), B, said=(DONE,), parts=(bad("b"),), plan={"rerun": {"stands": True}}),
        P.FAILED,
        steps="UF",
        halt="step b is Failed: Error",
        undo=(),
        first=True,
        end="StepFailed",
        left={"a": "Reused"},
    ),
    Row(
        "one that was partial makes the whole so",
        flow(A, said=(DONE,), plan={"rerun": {"partial": ["a"]}}),
        P.PARTIAL,
        steps="U",
        end="Completed",
    ),
)
LETTERS = dict(zip(StepPhase, "PWRSAFTC-.U", strict=True))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_what_should_be_so(row: Row) -> None:
    found = decided(row.known, row.now)
    assert "".join(LETTERS[state.phase] for state in found.steps) == row.steps
    assert found.phase is row.phase
    assert tuple(part.part for part in found.wanted) == row.wanted
    assert tuple(run.spec.parent.part for run in found.cancels if run.spec.parent is not None) == row.cancels
    assert (found.halt.message or "" if found.halt is not None else None) == row.halt
    assert found.undo == row.undo
    assert {entry.step: entry.reason for entry in found.not_compensated} == row.left
    assert (found.end.reason if found.end is not None else None) == row.end
    assert found.record_first is row.first
    assert seconds(found.wake_at) == row.wakes


# What is known; what each step says that has not started.
WAITS = (
    ("for the one before", flow(A, B, parts=(part("a"),)), {"b": "waits for a"}),
    ("for several", flow(*DIAMOND, parts=(ok("a"), part("b"), part("c"))), {"d": "waits for b, c"}),
    ("it starts", flow(A, B, parts=(ok("a"),)), {"b": None}),
    ("for its delay", flow(A, step("b", delay="1m"), parts=(ok("a"),)), {"b": "waits for its delay"}),
    (
        "for one of many",
        flow(*graph(("a", ""), ("b", ""), ("c", "")), beside={"maxParallel": 1}, parts=(part("a"),)),
        dict.fromkeys(("b", "c"), "waits for the end of a step: maxParallel is 1"),
    ),
    ("for the end of a pause", flow(A, B, suspend=True), {"a": "paused: spec.suspend is true", "b": "waits for a"}),
    (
        "for the API server",
        flow(A, refused={"a": rejected("exceeded quota", retry_at=11, alone=False)}),
        {"a": "its run is refused: exceeded quota"},
    ),
    (
        "what always runs, for the others",
        flow(A, CLEAN, parts=(part("a"),)),
        {"clean": "waits for the end of the other steps"},
    ),
    (
        "and then one for another",
        flow(A, CLEAN, step("more", always=True), parts=(ok("a"), part("clean"))),
        {"more": "waits for clean"},
    ),
)


@pytest.mark.parametrize(("name", "known", "says"), WAITS, ids=[row[0] for row in WAITS])
def test_a_step_says_what_it_waits_for(name: str, known: CompositeView, says: dict[str, str | None]) -> None:
    waiting = [state for state in decided(known).steps if state.phase in ("Pending", "Waiting")]
    assert {state.name: state.message for state in waiting} == says


# What is known; how far it is.
PROGRESS = (
    ("nothing has ended", flow(A, B, parts=(part("a"),)), "0/2 steps"),
    ("one is done", flow(A, B, parts=(ok("a"), part("b"))), "1/2 steps"),
    ("one is done in part", flow(A, B, parts=(part("a", P.PARTIAL), part("b"))), "1/2 steps"),
    ("one has failed", flow(A, B, step("c"), parts=(ok("a"), bad("b"))), "1/3 steps"),
    ("one ran out of time", flow(A, B, parts=(ok("a"), part("b", P.TIMED_OUT))), "1/2 steps"),
    ("one was canceled", flow(A, B, parts=(ok("a"), part("b", P.CANCELED))), "1/2 steps"),
    (
        "one is left out",
        flow(A, step("b", **WHEN), parts=(ok("a", result={"n": 2}),)),
        "2/2 steps",
    ),
)


@pytest.mark.parametrize(("name", "known", "shown"), PROGRESS, ids=[row[0] for row in PROGRESS])
def test_progress_counts_what_is_done(name: str, known: CompositeView, shown: str) -> None:
    assert decided(known).progress == shown


def test_the_status_names_the_run_of_an_undo() -> None:
    under_way = decided(
        flow(step("a", **UNDO), D, parts=(ok("a", 2), bad("d"), part("a/undo")), halt=FAILED, undo=("a",))
    )
    once = decided(flow(UNDONE_ONCE, D, parts=(ok("a", 2), bad("d")), halt=FAILED, undo=("a",)))
    over = decided(flow(step("a", **UNDO), D, parts=(ok("a", 2), bad("d")), said=NAMED, halt=FAILED, undo=("a",)))
    assert {found.steps[0].undo_run for found in (under_way, once, over)} == {own("a/undo")}
    assert under_way.steps[1].undo_run is None


def test_each_phase_of_a_step_is_in_a_row() -> None:
    assert set("".join(row.steps for row in ROWS)) == set(LETTERS.values()) - {"T"}
