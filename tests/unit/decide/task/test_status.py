"""The status of a task: what each field says, and what of its change becomes a transition."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from task_views import (
    CREATED,
    INSTANT,
    QUOTA,
    at,
    condition,
    decide,
    ended,
    make_run,
    make_task,
    manual_run,
    refused,
    run_refused,
)

from crontask.api.names import ANNOTATION_RESUME, run_name
from crontask.api.phases import Origin, RunPhase
from crontask.api.task_status import Counted, Counts, RunSummary, TaskPhase, Timing, Tripped
from crontask.decide.decisions import DecisionKind, Transition
from crontask.decide.model import STALE, Config, CronTask, ScheduledRun
from crontask.decide.task.record import RECENT
from crontask.decide.task.status import UPCOMING, Basis, compute_status
from crontask.decide.views import PodCheck, RunView, TaskView

SKEWED = Config(clock_skewed=True)
FIRST: dict[str, Any] = {"last_scheduled_time": at(1)}
NOW = at(1, 30)
JITTERED = make_task(jitter="30s")
START = JITTERED.start_of(at(1))


def running(minute: int, **fields: Any) -> RunView:
    return make_run(at(minute), RunPhase.RUNNING, pod="Running", **fields)


def queued(minute: int) -> RunView:
    return make_run(at(minute), RunPhase.QUEUED)


def done(minute: int, phase: RunPhase = RunPhase.SUCCEEDED, end: datetime | None = None, **status: Any) -> ScheduledRun:
    return ended(make_run(at(minute)), phase, end or at(minute), **status)


def by_hand(name: str, end: datetime, phase: RunPhase = RunPhase.SUCCEEDED, **status: Any) -> ScheduledRun:
    return ended(manual_run(name, end), phase, end, **status)


def summary(name: str, end: datetime | None) -> RunSummary:
    return RunSummary(name=name, phase="Succeeded", completion_time=end)


def name_of(minute: int) -> str:
    return run_name("t", at(minute))


@dataclass(frozen=True)
class Row:
    """A task with its status, what is known beside it, and what some fields of its next status say."""

    name: str
    task: CronTask
    wanted: dict[str, Any]
    runs: tuple[RunView, ...] = ()
    finished: tuple[ScheduledRun, ...] = ()
    known: dict[str, Any] = field(default_factory=dict)
    now: datetime = NOW
    config: Config | None = None


def after_first(status: dict[str, Any] | None = None, **spec: Any) -> CronTask:
    """A task whose first time is decided."""
    return make_task({**FIRST, **(status or {})}, **spec)


def phase(is_: TaskPhase, **other: Any) -> dict[str, Any]:
    return {"phase": is_, **other}


def since(instant: datetime, task: CronTask, resumed: datetime | None = None) -> Timing:
    return Timing(hash=task.timing_hash, since=instant, resumed=resumed)


ACTIVE, COMPLETED, SUSPENDED = TaskPhase.ACTIVE, TaskPhase.COMPLETED, TaskPhase.SUSPENDED
TO_END = make_task(endTime=at(1, 40))
LIMITED = {"concurrency": {"policy": "Queue"}}

PHASES = (
    Row("nothing special", after_first(), phase(ACTIVE)),
    Row("invalid", make_task(schedule="61 * * * *", suspend=True), phase(TaskPhase.INVALID)),
    Row("paused", make_task(suspend=True), phase(SUSPENDED)),
    Row("paused before completed", after_first({"scheduled_count": 1}, maxRuns=1, suspend=True), phase(SUSPENDED)),
    Row("an instant before its end", after_first(endTime=NOW + INSTANT), phase(ACTIVE)),
    Row("at its end", after_first(endTime=NOW), phase(COMPLETED)),
    Row("at its end, by a clock that is wrong", after_first(endTime=NOW), phase(ACTIVE), config=SKEWED),
    Row(
        "past its end, and a start is still to come",
        make_task(jitter="30s", endTime=at(1, 1)),
        phase(ACTIVE),
        now=START - INSTANT,
    ),
    Row("before its end, and no time is to come", after_first(endTime=at(1, 40)), phase(ACTIVE, upcoming=())),
    Row("one run is left", after_first({"scheduled_count": 1}, maxRuns=2), phase(ACTIVE)),
    Row("no run is left", after_first({"scheduled_count": 2}, maxRuns=2), phase(COMPLETED)),
    Row(
        "no run is left, by a clock that is wrong",
        after_first({"scheduled_count": 2}, maxRuns=2),
        phase(COMPLETED),
        config=SKEWED,
    ),
    Row("more runs than a new limit", after_first({"scheduled_count": 3}, maxRuns=2), phase(COMPLETED)),
    Row("the last one has just started", make_task(maxRuns=1), phase(COMPLETED, scheduled_count=1), (running(1),)),
    Row(
        "the last one waits, and may be dropped",
        after_first({"scheduled_count": 2}, maxRuns=2, **LIMITED),
        phase(ACTIVE),
        (running(0), queued(1)),
    ),
    Row(
        "a manual run that waits is no matter",
        after_first({"scheduled_count": 2}, maxRuns=2, **LIMITED),
        phase(COMPLETED),
        (running(0), manual_run("m", at(1), RunPhase.QUEUED)),
    ),
    Row("its runs are refused", after_first(), phase(TaskPhase.REJECTED), known={"refusal": run_refused(at(9))}),
    Row("its pods are refused", after_first(), phase(TaskPhase.REJECTED), known={"check": PodCheck(1, "no")}),
    Row("completed before refused", after_first(endTime=NOW), phase(COMPLETED), known={"check": PodCheck(1, "no")}),
)

TIMINGS = (
    Row("active", after_first(), {"timing": since(CREATED, make_task())}),
    Row("an edit", after_first({"timing": since(CREATED, TO_END)}), {"timing": since(NOW, make_task())}),
    Row(
        "an invalid spec keeps it",
        make_task({"timing": since(CREATED, TO_END)}, timeZone="Mars"),
        {"timing": since(CREATED, TO_END)},
    ),
    Row(
        "completed, as before: it does not resume",
        after_first({"phase": COMPLETED, "scheduled_count": 1}, maxRuns=1),
        {"phase": COMPLETED, "timing": since(CREATED, make_task())},
    ),
    Row(
        "completed, and edited",
        after_first({"phase": COMPLETED, "scheduled_count": 1, "timing": since(CREATED, TO_END)}, maxRuns=1),
        {"phase": COMPLETED, "timing": since(NOW, make_task())},
    ),
    Row(
        "completed no more: it resumes",
        after_first({"phase": COMPLETED, "scheduled_count": 1}, maxRuns=2),
        {"phase": ACTIVE, "timing": since(NOW, make_task(), NOW)},
    ),
    Row(
        "completed, and paused before: it resumes",
        after_first({"phase": SUSPENDED, "scheduled_count": 1}, maxRuns=1),
        {"phase": COMPLETED, "timing": since(NOW, make_task(), NOW)},
    ),
    Row(
        "completed, and nothing is recorded",
        after_first({"phase": COMPLETED, "scheduled_count": 1, "timing": None}, maxRuns=1),
        {"phase": COMPLETED, "timing": since(CREATED, make_task())},
    ),
)


def coming(*minutes: int) -> dict[str, Any]:
    times = tuple(at(minute) for minute in minutes)
    return {"upcoming": times, "next_run_time": f"2026-03-01T12:{minutes[0]:02}:00Z" if minutes else None}


COMING = (
    Row("the next five", after_first(), coming(2, 3, 4, 5, 6)),
    Row("as many as are left", after_first({"scheduled_count": 1}, maxRuns=4), coming(2, 3, 4)),
    Row("five of many that are left", after_first({"scheduled_count": 1}, maxRuns=9), coming(2, 3, 4, 5, 6)),
    Row("none is left", after_first({"scheduled_count": 3}, maxRuns=2), coming()),
    Row("up to its end", after_first(endTime=at(4)), coming(2, 3)),
    Row("of a paused task", after_first(suspend=True), coming()),
    Row("of an invalid task", make_task(timeZone="Mars"), coming()),
    Row("of a rejected task", after_first(), coming(2, 3, 4, 5, 6), known={"check": PodCheck(1, "no")}),
    Row("on demand only", make_task(schedule=None), coming()),
    Row("one whose start is to come", make_task(jitter="30s"), coming(1, 2, 3, 4, 5), now=START - INSTANT),
    Row("what is decided ahead of now", make_task({"last_scheduled_time": at(3)}), coming(4, 5, 6, 7, 8)),
    Row(
        "a delay",
        make_task(delay="1m"),
        {"upcoming": (at(2, 10),), "next_run_time": "2026-03-01T12:02:10Z"},
        (),
        (by_hand("m", at(1, 10)),),
    ),
    Row(
        "a delay, and a run is under way",
        make_task(delay="1m"),
        coming(),
        (manual_run("m", at(1), RunPhase.RUNNING, pod="Running"),),
    ),
)

DUPLICATE = ended(manual_run("m", at(1)), RunPhase.SKIPPED, at(1))
AFTER: dict[str, Any] = {"origin": Origin.AFTER}

COUNTS = (
    Row(
        "one that was dropped before its time is decided was never counted",
        after_first({"scheduled_count": 3}),
        {"scheduled_count": 3, "last_scheduled_time": at(2)},
        finished=(done(2, RunPhase.SKIPPED),),
        now=at(2, 30),
    ),
    Row(
        "no time is decided yet",
        make_task({"scheduled_count": 3}),
        {"scheduled_count": 3, "last_scheduled_time": at(1)},
        finished=(done(1, RunPhase.SKIPPED),),
    ),
    Row(
        "what is counted up to now stays as it is",
        after_first({"counted": Counted(through=NOW, runs=("gone",))}),
        {"counted": Counted(through=NOW, runs=("gone",))},
    ),
    Row("a start is recorded once", make_task(), {"scheduled_count": 1, "last_scheduled_time": at(1)}, (running(1),)),
    Row(
        "and not again",
        after_first({"scheduled_count": 1}),
        {"scheduled_count": 1, "last_scheduled_time": at(1)},
        (running(1),),
    ),
    Row(
        "one that waits has started on schedule",
        make_task(**LIMITED),
        {"scheduled_count": 1, "queued": 1},
        (manual_run("m", at(0), RunPhase.RUNNING, pod="Running"), queued(1)),
    ),
    Row(
        "one that was dropped at once has not",
        make_task(),
        {"scheduled_count": 0, "last_scheduled_time": at(1)},
        finished=(done(1, RunPhase.SKIPPED),),
    ),
    Row(
        "one that waited in vain is taken back",
        after_first({"scheduled_count": 3}),
        {"scheduled_count": 2},
        finished=(done(1, RunPhase.SKIPPED),),
    ),
    Row(
        "and one that was missed",
        after_first({"scheduled_count": 3}),
        {"scheduled_count": 2},
        finished=(done(1, RunPhase.MISSED),),
    ),
    Row("never below zero", after_first(), {"scheduled_count": 0}, finished=(done(1, RunPhase.MISSED),)),
    Row(
        "one that came too late was never counted",
        after_first({"scheduled_count": 3}),
        {"scheduled_count": 3},
        finished=(done(1, RunPhase.SKIPPED, reason=STALE),),
    ),
    Row("nor was a manual run", after_first({"scheduled_count": 3}), {"scheduled_count": 3}, finished=(DUPLICATE,)),
    Row(
        "what has run is not taken back",
        after_first({"scheduled_count": 3}),
        {"scheduled_count": 3},
        finished=(done(1, RunPhase.FAILED),),
    ),
    Row(
        "a run after another task",
        after_first({"scheduled_count": 3}),
        {"scheduled_count": 4},
        finished=(by_hand("m", at(1), **AFTER),),
    ),
    Row(
        "which never ran",
        after_first({"scheduled_count": 3}),
        {"scheduled_count": 3},
        finished=(by_hand("m", at(1), RunPhase.SKIPPED, **AFTER),),
    ),
    Row(
        "a manual run is none",
        after_first({"scheduled_count": 3}),
        {"scheduled_count": 3, "counts": Counts(succeeded=1)},
        finished=(by_hand("m", at(1)),),
    ),
    Row(
        "times without a run are counted",
        make_task(),
        {"counts": Counts(skipped=1), "scheduled_count": 0},
        (running(0, created=CREATED),),
        now=at(1),
    ),
    Row(
        "a run is counted once",
        after_first({"counts": Counts(failed=1), "counted": Counted(through=at(1))}),
        {"counts": Counts(failed=1)},
        finished=(done(1, RunPhase.FAILED),),
    ),
    Row(
        "and recorded",
        after_first(),
        {"counts": Counts(failed=1), "counted": Counted(through=at(0, 30), runs=(name_of(1),))},
        finished=(done(1, RunPhase.FAILED),),
    ),
    Row(
        "nothing is new: what is counted stays",
        after_first({"counted": Counted(through=CREATED)}, schedule=None),
        {"counted": Counted(through=CREATED)},
        now=at(9),
    ),
    Row(
        "it says that runs are counted that have not ended",
        after_first({"counted": Counted(through=NOW + INSTANT)}),
        {"counted": Counted(through=NOW)},
    ),
    Row("it is of this instant", after_first({"counted": Counted(through=NOW)}), {"counted": Counted(through=NOW)}),
    Row("it is not there", after_first({"counted": None}), {"counted": Counted(through=at(0, 30))}),
)

TRIPPED = Tripped(generation=1)
FAILED = done(1, RunPhase.FAILED)
STREAKS = (
    Row(
        "a failure",
        after_first({"consecutive_failures": 2}),
        {"consecutive_failures": 3, "tripped": None},
        finished=(FAILED,),
    ),
    Row("a success", after_first({"consecutive_failures": 2}), {"consecutive_failures": 0}, finished=(done(1),)),
    Row(
        "too many",
        after_first({"consecutive_failures": 2}, suspendAfterFailures=3),
        {"consecutive_failures": 3, "tripped": TRIPPED, "phase": SUSPENDED},
        finished=(FAILED,),
    ),
    Row(
        "more while it is suspended",
        after_first({"consecutive_failures": 3, "tripped": TRIPPED, "phase": SUSPENDED}, suspendAfterFailures=3),
        {"consecutive_failures": 4, "tripped": TRIPPED},
        finished=(FAILED,),
    ),
    Row(
        "whoever resumes it begins anew",
        make_task(
            {**FIRST, "consecutive_failures": 3, "tripped": TRIPPED, "phase": SUSPENDED},
            {"annotations": {ANNOTATION_RESUME: "a"}},
            suspendAfterFailures=3,
        ),
        {"consecutive_failures": 0, "tripped": None, "phase": ACTIVE},
    ),
    Row(
        "with what has failed since",
        make_task(
            {**FIRST, "consecutive_failures": 3, "tripped": TRIPPED, "phase": SUSPENDED},
            {"annotations": {ANNOTATION_RESUME: "a"}},
            suspendAfterFailures=3,
        ),
        {"consecutive_failures": 1, "tripped": None, "phase": ACTIVE},
        finished=(FAILED,),
    ),
)

MANY = tuple(manual_run(f"m{number:02}", at(0, 40 + number), RunPhase.RUNNING, pod="Running") for number in range(12))
OLD = tuple(summary(f"old{number}", at(0, 50 - number)) for number in range(RECENT))
NEVER_STARTED = tuple(
    RunSummary(name=f"never{number}", phase="Canceled", completion_time=each.completion_time)
    for number, each in enumerate(OLD)
)
LISTS = (
    Row(
        "of runs that ended at once the greater name first",
        after_first(),
        {"recent_runs": ("b", "a"), "last_run": "b"},
        finished=(by_hand("a", at(1)), by_hand("b", at(1))),
    ),
    Row(
        "what is under way, the oldest first",
        after_first(),
        {"active": ("b", "a"), "active_count": 2},
        tuple(
            manual_run(name, at(0, second), RunPhase.RUNNING, pod="Running") for name, second in (("a", 50), ("b", 40))
        ),
    ),
    Row(
        "ten are named",
        after_first(),
        {"active": tuple(run.run.meta.name for run in MANY[:10]), "active_count": 12},
        MANY[::-1],
    ),
    Row(
        "one whose pod has ended is active until it says so",
        after_first(),
        {"active": (name_of(1),), "active_count": 1},
        (make_run(at(1), RunPhase.RUNNING, pod="Succeeded"),),
    ),
    Row("one that waits is not", after_first(**LIMITED), {"active_count": 1, "queued": 1}, (running(0), queued(1))),
    Row(
        "runs that ended, newest first",
        after_first(),
        {"recent_runs": ("b", "a"), "last_run": "b"},
        finished=(by_hand("a", at(1)), by_hand("b", at(1, 1))),
    ),
    Row(
        "before those that are recorded",
        after_first({"recent_runs": OLD[:2]}),
        {"recent_runs": ("a", "old0", "old1"), "last_run": "a"},
        finished=(by_hand("a", at(1)),),
    ),
    Row(
        "one that was recorded late",
        after_first({"recent_runs": OLD[:2]}),
        {"recent_runs": ("old0", "a", "old1"), "last_run": "old0"},
        finished=(by_hand("a", at(0, 49.5)),),
    ),
    Row(
        "not more than ten",
        after_first({"recent_runs": OLD}),
        {"recent_runs": ("a", *(f"old{n}" for n in range(RECENT - 1))), "last_run": "a"},
        finished=(by_hand("a", at(1)),),
    ),
    Row(
        "one that was canceled before it started says nothing of the task",
        after_first({"recent_runs": OLD[:1]}),
        {"recent_runs": ("a", "old0"), "last_run": "old0"},
        finished=(by_hand("a", at(1), RunPhase.CANCELED),),
    ),
    Row(
        "one that was canceled while it ran does",
        after_first({"recent_runs": OLD[:1]}),
        {"recent_runs": ("a", "old0"), "last_run": "a"},
        finished=(by_hand("a", at(1), RunPhase.CANCELED, start_time=at(0, 59)),),
    ),
    Row(
        "nor do those that were skipped or missed",
        after_first(),
        {"recent_runs": ("b", "a"), "last_run": None},
        finished=(by_hand("a", at(1), RunPhase.SKIPPED), by_hand("b", at(1, 1), RunPhase.MISSED)),
    ),
    Row(
        "one that failed before it started does",
        after_first({"recent_runs": OLD[:1]}),
        {"recent_runs": ("a", "old0"), "last_run": "a"},
        finished=(by_hand("a", at(1), RunPhase.FAILED),),
    ),
    Row(
        "what ran last is kept beside ten that never did",
        after_first({"recent_runs": NEVER_STARTED, "last_run": OLD[0]}),
        {"recent_runs": ("a", *(f"never{n}" for n in range(RECENT - 1))), "last_run": "old0"},
        finished=(by_hand("a", at(1), RunPhase.CANCELED),),
    ),
    Row("none has ended", after_first(), {"recent_runs": (), "last_run": None, "last_successful_time": None}),
    Row(
        "the last success",
        after_first(),
        {"last_successful_time": at(1)},
        finished=(by_hand("a", at(1)), by_hand("b", at(0, 59)), by_hand("c", at(1, 1), RunPhase.FAILED)),
    ),
    Row(
        "in part is one, too",
        after_first(),
        {"last_successful_time": at(1)},
        finished=(by_hand("a", at(1), RunPhase.PARTIAL),),
    ),
    Row(
        "it never goes back",
        after_first({"last_successful_time": at(1, 1)}),
        {"last_successful_time": at(1, 1)},
        finished=(by_hand("a", at(1)),),
    ),
    Row(
        "it goes on",
        after_first({"last_successful_time": at(0, 59)}),
        {"last_successful_time": at(1)},
        finished=(by_hand("a", at(1)),),
    ),
    Row("no success is new", after_first({"last_successful_time": at(0, 59)}), {"last_successful_time": at(0, 59)}),
    Row("the list shows the schedule", after_first(), {"schedule_text": "* * * * *", "observed_generation": 1}),
    Row(
        "an invalid spec shows the one before",
        make_task({"schedule_text": "before"}, {"generation": 2}, timeZone="Mars"),
        {"schedule_text": "before", "observed_generation": 2},
    ),
)


@pytest.mark.parametrize("row", PHASES + TIMINGS + COMING + COUNTS + STREAKS + LISTS, ids=lambda row: str(row.name))
def test_what_the_status_says(row: Row) -> None:
    decided = decide(row.task, *row.runs, *_views(row.finished), now=row.now, config=row.config, **row.known)
    assert decided.actions == ()
    assert {name: _shown(getattr(decided.status, name)) for name in row.wanted} == row.wanted


def _views(finished: tuple[ScheduledRun, ...]) -> tuple[RunView, ...]:
    return tuple(RunView(run, None) for run in finished)


def _shown(value: Any) -> Any:
    """Of summaries their names."""
    if isinstance(value, RunSummary):
        return value.name
    are_summaries = isinstance(value, tuple) and all(isinstance(one, RunSummary) for one in value)
    return tuple(one.name for one in value) if are_summaries else value


def test_these_tables_have_as_many_times_as_a_status() -> None:
    assert (UPCOMING, RECENT) == (5, 10)
    assert at(1, 1) < START < NOW


def test_a_summary_says_what_the_run_does() -> None:
    said: dict[str, Any] = {
        "scheduled_time": at(1),
        "start_time": at(1, 1),
        "duration": "9s",
        "processed_count": 7,
        "error_count": 2,
    }
    run = done(1, RunPhase.PARTIAL, at(1, 10), message="x" * 1025, **said)
    summary = decide(after_first(), *_views((run,)), now=NOW).status.last_run
    wanted = {"name": name_of(1), "phase": "Partial", "completion_time": at(1, 10), "message": "x" * 1024, **said}
    assert summary == RunSummary(**wanted)


def test_a_condition_that_stays_keeps_its_time() -> None:
    ready = condition("Ready", reason="Scheduled", since=at(0, 40))
    status = decide(after_first({"conditions": (ready,)}), now=NOW).status
    times = {known.type: known.last_transition_time for known in status.conditions}
    assert times == {"Ready": at(0, 40), "Suspended": NOW}


# --- transitions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """A task with the phase that its status says, and what of its change becomes a transition."""

    name: str
    task: CronTask
    wanted: tuple[Transition, ...] = ()
    runs: tuple[RunView, ...] = ()
    known: dict[str, Any] = field(default_factory=dict)


def was(phase: TaskPhase | None, generation: int = 1, **spec: Any) -> CronTask:
    return after_first({"phase": phase, "observed_generation": generation}, **spec)


def problems(task: CronTask) -> Transition:
    message = "; ".join(map(str, task.problems))
    return Transition("InvalidSpec", message, warning=True, task="t", kind=DecisionKind.INVALID)


def rejected(reason: str, what: str) -> Transition:
    return Transition(reason, f"the API server refuses the {what}: {QUOTA}", warning=True, task="t")


def suspended(message: str, why: str, *, warning: bool = False) -> Transition:
    return Transition("Suspended", message, warning, task="t", kind=DecisionKind.SUSPEND, why=why)


def resumed(message: str) -> Transition:
    return Transition("Resumed", message, task="t", kind=DecisionKind.RESUME)


IS_COMPLETED = Transition("Completed", "maxRuns or endTime is reached", task="t", kind=DecisionKind.COMPLETE)
BY_SPEC = suspended("spec.suspend is true: nothing starts on schedule; manual runs do", "Suspended")
NEXT = resumed("next run at 2026-03-01T12:02:00Z")
BAD: dict[str, Any] = {"schedule": "61 * * * *"}
REFUSED_RUNS: dict[str, Any] = {"refusal": run_refused(at(9))}
TOO_MANY = (
    "a failure: nothing starts on schedule until the annotation crontask.dev/resume has a new value, or the "
    "spec is edited"
)

CHANGES = (
    Change("a new task is active", was(None)),
    Change("an active task stays so", was(ACTIVE)),
    Change("it becomes invalid by an edit", was(ACTIVE, 0, **BAD), (problems(make_task(**BAD)),)),
    Change("by another edit again", was(TaskPhase.INVALID, 0, **BAD), (problems(make_task(**BAD)),)),
    Change("that is said once an edit", was(TaskPhase.INVALID, 1, **BAD)),
    Change("its runs are refused", was(ACTIVE), (rejected("RunRejected", "run"),), known=REFUSED_RUNS),
    Change(
        "its pods are refused",
        was(ACTIVE),
        (rejected("PodRejected", "pod"),),
        (refused(make_run(at(1), RunPhase.PENDING), at(9)),),
    ),
    Change("they still are", was(TaskPhase.REJECTED), known=REFUSED_RUNS),
    Change("they are not any more", was(TaskPhase.REJECTED)),
    Change("it is suspended", was(ACTIVE, suspend=True), (BY_SPEC,)),
    Change("a new task is suspended", was(None, suspend=True), (BY_SPEC,)),
    Change("it still is", was(SUSPENDED, suspend=True)),
    Change("it is completed", was(ACTIVE, endTime=NOW), (IS_COMPLETED,)),
    Change("a suspended one is completed", was(SUSPENDED, endTime=NOW), (IS_COMPLETED,)),
    Change("it still is completed", was(COMPLETED, endTime=NOW)),
    Change("it is resumed", was(SUSPENDED), (NEXT,)),
    Change("it is valid again", was(TaskPhase.INVALID), (NEXT,)),
    Change("no time is to come", was(SUSPENDED, schedule=None), (resumed("no run is planned"),)),
    Change("it is completed no more", was(COMPLETED)),
)


@pytest.mark.parametrize("row", CHANGES, ids=lambda row: str(row.name))
def test_which_changes_become_transitions(row: Change) -> None:
    decided = decide(row.task, *row.runs, now=NOW, **row.known)
    assert decided.actions == ()
    assert decided.transitions == row.wanted


def test_a_suspension_by_failures_is_a_warning() -> None:
    decided = decide(after_first(suspendAfterFailures=1), *_views((FAILED,)), now=NOW)
    assert decided.transitions == (suspended(TOO_MANY, "TooManyFailures", warning=True),)


def test_times_that_did_not_start_come_before_the_phase() -> None:
    decided = decide(make_task(suspend=True), now=NOW)
    assert [transition.kind for transition in decided.transitions] == [DecisionKind.SKIP, DecisionKind.SUSPEND]
    # The run of a time says itself what became of it.
    decided = decide(after_first(), *_views((done(1, RunPhase.SKIPPED),)), now=NOW)
    assert decided.transitions == ()
    assert [(entry.type, entry.run) for entry in decided.status.recent_decisions] == [("Skipped", name_of(1))]
    assert decided.status.counts == Counts(skipped=1)


@pytest.mark.parametrize("length", [899, 900, 901])
def test_the_message_of_a_transition_is_as_long_as_fits(length: int) -> None:
    prefix = "the API server refuses the pod: "
    decided = decide(after_first(), now=NOW, check=PodCheck(1, "x" * (length - len(prefix))))
    (transition,) = decided.transitions
    assert len(transition.message) == min(length, 900)


def test_an_edit_while_the_clock_is_not_believed_has_not_been_observed() -> None:
    task = make_task({"observed_generation": 1}, {"generation": 2}, interval="1m")
    known = replace(task, status=task.status.model_copy(update={"timing": Timing(hash="old", since=at(0))}))
    basis = Basis(Timing(hash="old", since=at(0)), None, None, True, 0, at(6), at(5))
    status, _ = compute_status(TaskView(known, ()), (), None, basis)
    assert (status.observed_generation, status.timing) == (1, known.status.timing)


@pytest.mark.parametrize("recorded", [True, False])
def test_an_edit_that_is_not_recorded_yet_has_not_been_observed(recorded: bool) -> None:
    """A launch that it leaves out, and that was cut short, records itself before."""
    task = make_task({"observed_generation": 1}, {"generation": 2}, interval="1m")
    known = replace(task, status=task.status.model_copy(update={"timing": Timing(hash="old", since=at(0))}))
    edited = Timing(hash=task.timing_hash, since=at(5))
    basis = Basis(edited, None, None, False, 0, at(6), at(5), edit_is_recorded=recorded)
    status, _ = compute_status(TaskView(known, ()), (), None, basis)
    assert (status.observed_generation, status.timing) == ((2, edited) if recorded else (1, known.status.timing))
