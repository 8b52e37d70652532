"""The conditions of a task: which there are, which of several causes is the one that is given, and since when."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from task_views import (
    QUOTA,
    at,
    condition,
    ended,
    make_run,
    make_task,
    manual_run,
    refused,
    run_refused,
)

from crontask.api.metadata import Condition, find_condition
from crontask.api.phases import RunPhase
from crontask.api.task_status import TaskPhase
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.task.conditions import (
    CLOCK_SKEWED,
    conditions_of,
    is_rejected,
    run_is_rejected,
    said_of_pod,
)
from crontask.decide.task.pause import Pause
from crontask.decide.views import PodCheck, RunView, TaskView

NOW = at(5, 7.5)
PAUSE = Pause("SuspendedUntil", "until noon")
TASK = make_task()
INVALID = make_task(schedule="61 * * * *", timeZone="Mars")
POD_REFUSED = "the API server refuses the pod: "


def view(task: CronTask = TASK, *runs: RunView, **known: Any) -> TaskView:
    return TaskView(task, runs, **known)


def check(refusal: str | None, *, final: bool = False) -> PodCheck:
    return PodCheck(1, refusal, final)


def conditions(known: TaskView, phase: TaskPhase, pause: Pause | None = None, **other: Any) -> tuple[Condition, ...]:
    return conditions_of(known, phase, pause, other.get("skewed", False), None, other.get("fresh", ()), NOW)


# --- Ready and Stalled -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """What is known, and what Ready says; `stalled`: whether nothing but an edit makes it start."""

    name: str
    known: TaskView
    status: str
    reason: str
    message: str | None = ""
    phase: TaskPhase = TaskPhase.ACTIVE
    pause: Pause | None = None
    stalled: bool = False


WAITS, WITH_ARGS = make_run(at(1), RunPhase.PENDING), manual_run("m", at(1), args={"a": 1})
IS_REFUSED = refused(WAITS, at(9))
RUN_REFUSED: dict[str, Any] = {"refusal": run_refused(at(9))}
AHEAD_MESSAGE = (
    "the status says that each time up to 2026-03-01T12:06:08Z is decided: nothing starts on schedule until then; if "
    "that is wrong, set lastScheduledTime and timing.since to the present: "
    "kubectl edit crontask NAME --subresource=status"
)
AFTER = make_task(after={"task": "extract"})
COMPLETED = "maxRuns or endTime is reached; manual runs still start"

ROWS = (
    Row("it is scheduled", view(), "True", "Scheduled"),
    Row("the task that it comes after is there", view(AFTER), "True", "Scheduled"),
    Row(
        "the task that it comes after is not there",
        view(AFTER, predecessor_missing=True),
        "True",
        "PredecessorMissing",
        "comes after CronTask extract, which does not exist: nothing starts before it does",
    ),
    Row("it is paused", view(), "True", "SuspendedUntil", phase=TaskPhase.SUSPENDED, pause=PAUSE),
    Row("it is completed", view(), "True", "Completed", COMPLETED, TaskPhase.COMPLETED),
    Row("it is paused before it is completed", view(), "True", "SuspendedUntil", "", TaskPhase.COMPLETED, PAUSE),
    # --- an invalid spec ---
    Row("it is invalid", view(INVALID), "False", "InvalidSpec", None, TaskPhase.INVALID, stalled=True),
    Row(
        "that comes before all else",
        view(INVALID, IS_REFUSED, **RUN_REFUSED),
        "False",
        "InvalidSpec",
        None,
        TaskPhase.INVALID,
        PAUSE,
        stalled=True,
    ),
    # --- refusals ---
    Row("a run is refused", view(**RUN_REFUSED), "False", "RunRejected", f"the API server refuses the run: {QUOTA}"),
    Row(
        "a run comes before a pod, and before a pause",
        view(TASK, IS_REFUSED, **RUN_REFUSED),
        "False",
        "RunRejected",
        f"the API server refuses the run: {QUOTA}",
        pause=PAUSE,
    ),
    Row("a pod is refused", view(TASK, IS_REFUSED), "False", "PodRejected", POD_REFUSED + QUOTA),
    Row("a pod comes before a pause", view(TASK, IS_REFUSED), "False", "PodRejected", POD_REFUSED + QUOTA, pause=PAUSE),
    Row(
        "and before its completion",
        view(TASK, IS_REFUSED),
        "False",
        "PodRejected",
        POD_REFUSED + QUOTA,
        TaskPhase.COMPLETED,
    ),
    Row("the first pod that is refused", view(TASK, WAITS, IS_REFUSED), "False", "PodRejected", POD_REFUSED + QUOTA),
    Row(
        "a pod with other args says nothing about the task", view(TASK, refused(WITH_ARGS, at(9))), "True", "Scheduled"
    ),
    Row("a pod that was shown is refused", view(check=check("no")), "False", "PodRejected", POD_REFUSED + "no"),
    Row(
        "one that will never be taken",
        view(check=check("no", final=True)),
        "False",
        "PodRejected",
        POD_REFUSED + "no",
        stalled=True,
    ),
    Row("a pod that was shown is taken", view(check=check(None, final=True)), "True", "Scheduled"),
    Row(
        "the pod of a run comes before one that was shown",
        view(TASK, IS_REFUSED, check=check("no")),
        "False",
        "PodRejected",
        POD_REFUSED + QUOTA,
    ),
    Row(
        "with other args, the one that was shown",
        view(TASK, refused(WITH_ARGS, at(9)), check=check("no")),
        "False",
        "PodRejected",
        POD_REFUSED + "no",
    ),
    # --- recorded ahead ---
    Row("recorded a minute ahead", view(make_task({"last_scheduled_time": at(6, 7.5)})), "True", "Scheduled"),
    Row(
        "recorded further ahead", view(make_task({"last_scheduled_time": at(6, 8)})), "True", "Scheduled", AHEAD_MESSAGE
    ),
    Row(
        "that is no matter of a completed task",
        view(make_task({"last_scheduled_time": at(6, 8)})),
        "True",
        "Completed",
        COMPLETED,
        TaskPhase.COMPLETED,
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_whether_a_task_is_ready(row: Row) -> None:
    found = conditions(row.known, row.phase, row.pause)
    ready, stalled = found[0], find_condition(found, "Stalled")
    assert (ready.type, ready.status, ready.reason) == ("Ready", row.status, row.reason)
    problems = "; ".join(map(str, row.known.task.problems))
    assert ready.message == (problems if row.message is None else row.message)
    assert (ready.last_transition_time, ready.observed_generation) == (at(5, 7), 1)
    assert (stalled is not None) is row.stalled
    if stalled is not None:
        assert (stalled.status, stalled.reason, stalled.message) == ("True", ready.reason, ready.message)


@pytest.mark.parametrize("length", [3999, 4000, 4001])
def test_a_message_is_as_long_as_fits(length: int) -> None:
    (ready, *_) = conditions(view(check=check("x" * (length - len(POD_REFUSED)))), TaskPhase.REJECTED)
    assert len(ready.message) == min(length, 4000)


def test_an_invalid_spec_has_each_of_its_problems_in_the_message() -> None:
    (ready, *_) = conditions(view(INVALID), TaskPhase.INVALID)
    assert len(INVALID.problems) == 2
    assert all(str(problem) in ready.message for problem in INVALID.problems)


# --- the other conditions --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Other:
    """What is known, and what a condition says: its status, reason and message; None where it is not there."""

    name: str
    type: str
    wanted: tuple[str, str, str] | None
    task: CronTask = TASK
    pause: Pause | None = None
    skewed: bool = False
    fresh: tuple[ScheduledRun, ...] = ()
    known: dict[str, Any] = field(default_factory=dict)


def had(type_: str, status: str = "True", message: str = "before") -> CronTask:
    return make_task({"conditions": (condition(type_, status, message=message),)})


def done(minute: int, phase: RunPhase, **status: Any) -> ScheduledRun:
    return ended(manual_run(f"r{minute}", at(minute)), phase, at(minute), **status)


OTHERS = (
    Other("no pause", "Suspended", ("False", "NotSuspended", "")),
    Other("a pause", "Suspended", ("True", "SuspendedUntil", "until noon"), pause=PAUSE),
    Other("clocks agree", "ClockSkew", None),
    Other("clocks do not", "ClockSkew", ("True", "ClockSkew", CLOCK_SKEWED), skewed=True),
    Other("clocks agree again", "ClockSkew", ("False", "ClocksAgree", ""), had("ClockSkew")),
    Other("clocks still do not", "ClockSkew", ("True", "ClockSkew", CLOCK_SKEWED), had("ClockSkew"), skewed=True),
    Other("it is not stalled", "Stalled", None),
    Other("it is not stalled any more", "Stalled", ("False", "NotStalled", ""), had("Stalled")),
    Other("a refusal that may end stalls nothing", "Stalled", None, known={"check": check("no")}),
    Other("no run has ended", "LastRunSucceeded", None),
    Other("none is new", "LastRunSucceeded", ("True", "LastRunSucceeded", "before"), had("LastRunSucceeded")),
    *(
        Other(phase.value, "LastRunSucceeded", (status, phase.value, "run r1"), fresh=(done(1, phase),))
        for status, phase in (
            ("True", RunPhase.SUCCEEDED),
            ("True", RunPhase.PARTIAL),
            ("False", RunPhase.FAILED),
            ("False", RunPhase.TIMED_OUT),
        )
    ),
    *(
        Other(f"{phase.value} says nothing", "LastRunSucceeded", None, fresh=(done(1, phase),))
        for phase in (RunPhase.CANCELED, RunPhase.SKIPPED, RunPhase.MISSED)
    ),
    Other(
        "the last of several",
        "LastRunSucceeded",
        ("False", "Failed", "run r2: out of memory"),
        fresh=(
            done(1, RunPhase.SUCCEEDED),
            done(2, RunPhase.FAILED, message="out of memory"),
            done(3, RunPhase.SKIPPED),
        ),
    ),
    Other(
        "a new one instead of the one before",
        "LastRunSucceeded",
        ("False", "Failed", "run r1"),
        had("LastRunSucceeded"),
        fresh=(done(1, RunPhase.FAILED),),
    ),
)


@pytest.mark.parametrize("row", OTHERS, ids=lambda row: f"{row.type}: {row.name}")
def test_what_else_is_said(row: Other) -> None:
    known = view(row.task, **row.known)
    found = conditions(known, TaskPhase.ACTIVE, row.pause, skewed=row.skewed, fresh=row.fresh)
    that = find_condition(found, row.type)
    assert (that and (that.status, that.reason, that.message)) == row.wanted


def test_all_of_them_have_one_order() -> None:
    found = conditions(view(INVALID), TaskPhase.INVALID, PAUSE, skewed=True, fresh=(done(1, RunPhase.FAILED),))
    assert [one.type for one in found] == ["Ready", "Suspended", "LastRunSucceeded", "ClockSkew", "Stalled"]


# --- what is rejected ------------------------------------------------------------------------------------------------

SAID_RUN = make_task({"conditions": (condition("Ready", "False", "RunRejected"),)})
SAID_POD = make_task({"conditions": (condition("Ready", "False", "PodRejected"),)})
SAID_OTHER = make_task({"conditions": (condition("Suspended", "True", "RunRejected"),)})


@pytest.mark.parametrize(
    ("known", "anything", "run"),
    [
        pytest.param(view(), False, False, id="nothing is refused"),
        pytest.param(view(**RUN_REFUSED), True, True, id="a run"),
        pytest.param(view(TASK, IS_REFUSED), True, False, id="a pod"),
        pytest.param(view(TASK, refused(WITH_ARGS, at(9))), False, False, id="a pod with other args"),
        pytest.param(view(check=check("no")), True, False, id="a pod that was shown"),
        pytest.param(view(check=check(None)), False, False, id="a pod that was shown, and is taken"),
        pytest.param(view(SAID_RUN), False, True, id="a run, by the status"),
        pytest.param(view(SAID_POD), False, False, id="a pod, by the status"),
        pytest.param(view(SAID_OTHER), False, False, id="another condition"),
    ],
)
def test_what_the_api_server_refuses(known: TaskView, anything: bool, run: bool) -> None:
    assert (is_rejected(known), run_is_rejected(known)) == (anything, run)


@pytest.mark.parametrize(
    ("task", "wanted"),
    [
        pytest.param(TASK, None, id="nothing is said"),
        pytest.param(SAID_POD, True, id="it is refused"),
        pytest.param(SAID_RUN, False, id="it is not"),
        pytest.param(
            replace(SAID_POD, meta=SAID_POD.meta.model_copy(update={"generation": 2})), None, id="of another generation"
        ),
        pytest.param(replace(SAID_POD, problems=INVALID.problems), None, id="of an invalid task"),
    ],
)
def test_what_the_status_says_of_the_pod(task: CronTask, wanted: bool | None) -> None:
    assert said_of_pod(task) is wanted
