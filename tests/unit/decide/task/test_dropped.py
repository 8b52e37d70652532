"""Which times an edit of the timing or a pause leaves out: those that had come, and had not started; and why."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from task_views import (
    CREATED,
    INSTANT,
    at,
    condition,
    decide,
    ended,
    make_run,
    make_task,
    manual_run,
    owned_by,
    run_refused,
)

from crontask.api.phases import RunPhase
from crontask.api.task_status import Decision, TaskPhase, Timing
from crontask.decide.model import Config, CronTask
from crontask.decide.task.dropped import dropped_times, launches_cut_short
from crontask.decide.task.pause import Pause
from crontask.decide.task.timing import effective_timing
from crontask.decide.views import RunView, TaskView

PAUSE, USUAL, SKEWED = Pause("Suspended", "why"), Config(), Config(clock_skewed=True)
JITTER: dict[str, Any] = {"jitter": "30s"}
MINUTELY, HOURLY, JITTERED = make_task(), make_task(schedule="0 * * * *"), make_task(**JITTER)
# The start of 12:02, which comes after that time.
START = JITTERED.start_of(at(2))
FIRST = {"last_scheduled_time": at(1)}
NOW = at(3, 30)


def edited(before: CronTask, **status: Any) -> CronTask:
    """It was due as that one was, and now it is due each hour."""
    return make_task({"timing": Timing(hash=before.timing_hash, since=CREATED), **status}, schedule="0 * * * *")


def skipped(reason: str, first: int, last: int | None = None) -> Decision:
    return _entry("Skipped", reason, first, last)


def missed(reason: str, first: int, last: int | None = None) -> Decision:
    return _entry("Missed", reason, first, last)


def _entry(type_: Any, reason: str, first: int, last: int | None) -> Decision:
    until = at(last) if last is not None else None
    return Decision(type=type_, nominal_time=at(first), until=until, reason=reason, count=(last or first) - first + 1)


@dataclass(frozen=True)
class Row:
    """A task, what is known beside it, and what is left out, newest first."""

    name: str
    task: CronTask
    wanted: tuple[Decision, ...] = ()
    pause: Pause | None = None
    now: datetime = NOW
    runs: tuple[RunView, ...] = ()
    known: dict[str, Any] = field(default_factory=dict)
    config: Config = USUAL


SEEN = {"previous": MINUTELY}
UNSEEN = Decision(type="Missed", nominal_time=CREATED, until=NOW, reason="TimingChangedUnseen")
REFUSED = {"refusal": run_refused(at(9))}
DONE = ended(make_run(at(2)), RunPhase.SUCCEEDED, at(2, 20))

ROWS = (
    # --- nothing is left out ---
    Row("neither an edit nor a pause", MINUTELY),
    Row("a new task", make_task({"timing": None}), pause=PAUSE),
    Row("a task that is paused already", make_task({"phase": TaskPhase.SUSPENDED}), pause=PAUSE),
    Row("a completed task", edited(MINUTELY, phase=TaskPhase.COMPLETED), known=SEEN),
    Row("an edit, and nothing had come", edited(MINUTELY), now=at(1) - INSTANT, known=SEEN),
    Row("a pause, and nothing had come", MINUTELY, pause=PAUSE, now=at(1) - INSTANT),
    Row("all that came is decided", make_task({"last_scheduled_time": at(3)}), pause=PAUSE),
    Row("its runs were all made", edited(MINUTELY, scheduled_count=3), known={"previous": make_task(maxRuns=3)}),
    # --- an edit ---
    Row("an edit", edited(MINUTELY), (skipped("TimingChanged", 1, 3),), known=SEEN),
    Row("an edit at a time: of that one, too", edited(MINUTELY), (skipped("TimingChanged", 1),), now=at(1), known=SEEN),
    Row(
        "an edit of a rejected task",
        edited(MINUTELY, phase=TaskPhase.REJECTED),
        (skipped("TimingChanged", 1, 3),),
        known=SEEN,
    ),
    Row("after what is decided", edited(MINUTELY, **FIRST), (skipped("TimingChanged", 2, 3),), known=SEEN),
    Row(
        "an edit by who has just begun",
        edited(MINUTELY),
        (skipped("TimingChanged", 1, 3),),
        known={**SEEN, "first_look": True},
    ),
    Row(
        "an edit of a task that has a run left",
        edited(MINUTELY, scheduled_count=2),
        (skipped("TimingChanged", 1, 3),),
        known={"previous": make_task(maxRuns=3)},
    ),
    Row("the timing before is not known", edited(MINUTELY), (UNSEEN,)),
    Row(
        "up to now, after what is decided",
        edited(MINUTELY, **FIRST),
        (UNSEEN.model_copy(update={"nominal_time": at(1)}),),
    ),
    # --- a pause ---
    Row("a pause", MINUTELY, (skipped("Suspended", 1, 3),), PAUSE),
    Row("a pause gives its reason", MINUTELY, (skipped("TooManyFailures", 1, 3),), Pause("TooManyFailures", "why")),
    Row(
        "a pause and an edit: by the timing before", edited(MINUTELY), (skipped("Suspended", 1, 3),), PAUSE, known=SEEN
    ),
    Row("a pause and an edit, and the timing before is not known", edited(MINUTELY), (UNSEEN,), PAUSE),
    Row("a pause that nobody watched", MINUTELY, (missed("PausedUnseen", 1, 3),), PAUSE, known={"first_look": True}),
    Row("a pause, by a clock that is wrong", MINUTELY, (missed("PausedUnseen", 1, 3),), PAUSE, config=SKEWED),
    Row("which nobody watched, and nothing had come", MINUTELY, (), PAUSE, at(1) - INSTANT, known={"first_look": True}),
    # --- jitter ---
    Row("an instant before a start", make_task(FIRST, **JITTER), (skipped("Suspended", 2),), PAUSE, START - INSTANT),
    Row(
        "but it is decided already",
        make_task({"last_scheduled_time": at(2)}, **JITTER),
        (),
        PAUSE,
        START - INSTANT,
    ),
    Row(
        "and the API server refuses its runs: that one was not tried",
        make_task(FIRST, **JITTER),
        (skipped("Suspended", 2),),
        PAUSE,
        START - INSTANT,
        known=REFUSED,
    ),
    Row(
        "one had started and one had not",
        make_task(**JITTER),
        (skipped("Suspended", 2), skipped("Suspended", 1)),
        PAUSE,
        START - INSTANT,
    ),
    # --- the API server refuses its runs ---
    Row("what had started was refused", MINUTELY, (missed("RunRejected", 1, 3),), PAUSE, known=REFUSED),
    Row("before an edit", edited(MINUTELY), (missed("RunRejected", 1, 3),), known={**SEEN, **REFUSED}),
    Row(
        "as the status says",
        make_task({"conditions": (condition("Ready", "False", "RunRejected"),)}),
        (missed("RunRejected", 1, 3),),
        PAUSE,
    ),
    Row(
        "one was refused, and one had not started",
        make_task(**JITTER),
        (skipped("Suspended", 2), missed("RunRejected", 1)),
        PAUSE,
        START - INSTANT,
        known=REFUSED,
    ),
    Row(
        "at the start it was refused, too",
        make_task(FIRST, **JITTER),
        (missed("RunRejected", 2),),
        PAUSE,
        START,
        known=REFUSED,
    ),
    # --- times with a run ---
    Row(
        "one has a run",
        MINUTELY,
        (skipped("Suspended", 1, 3).model_copy(update={"count": 2}),),
        PAUSE,
        runs=(make_run(at(2), pod="Pending"),),
    ),
    Row("the last has a run", MINUTELY, (skipped("Suspended", 1, 2),), PAUSE, runs=(make_run(at(3), pod="Pending"),)),
    Row(
        "a pause drops, and records, what waits",
        MINUTELY,
        (skipped("Suspended", 1, 2),),
        PAUSE,
        runs=(make_run(at(3)),),
    ),
    Row(
        "an edit leaves out what is not recorded",
        edited(MINUTELY),
        (skipped("TimingChanged", 1, 3),),
        runs=(make_run(at(3)),),
        known=SEEN,
    ),
    Row(
        "but not what is",
        edited(MINUTELY),
        (skipped("TimingChanged", 1, 2),),
        runs=(make_run(at(3), RunPhase.QUEUED),),
        known=SEEN,
    ),
    Row(
        "one has a run that has ended",
        MINUTELY,
        (skipped("Suspended", 1),),
        PAUSE,
        at(2, 30),
        known={"finished": (DONE,)},
    ),
    Row(
        "a run of another owner",
        MINUTELY,
        (skipped("Suspended", 1, 3),),
        PAUSE,
        runs=(owned_by(make_run(at(3), pod="Pending"), "former"),),
    ),
    Row("each has a run", MINUTELY, (), PAUSE, at(1, 30), (make_run(at(1), pod="Pending"),)),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_which_times_are_left_out(row: Row) -> None:
    view = TaskView(row.task, row.runs, **row.known)
    # By a clock that is wrong an edit is not seen.
    timing = effective_timing(view, row.pause, USUAL, row.now)
    assert dropped_times(view, timing, row.pause, row.config, row.now) == row.wanted


def test_the_start_of_this_table_comes_after_its_time() -> None:
    assert at(2) < START < at(2, 30)


# --- runs whose launch an edit has cut short -------------------------------------------------------------------------


EDITED = edited(MINUTELY)


@dataclass(frozen=True)
class CutShort:
    """A run of a task whose timing is another one since 12:03:30, and whether it is one of these."""

    name: str
    run: RunView
    wanted: bool
    task: CronTask = EDITED


CUT_SHORT = (
    CutShort("of a time before the edit", make_run(at(3)), True),
    CutShort("of the very time of the edit", make_run(NOW), True),
    CutShort("of a time after the edit", make_run(at(4)), False),
    CutShort("what became of it is recorded", make_run(at(3), RunPhase.QUEUED), False),
    CutShort("it has a pod", make_run(at(3), pod="Pending"), False),
    CutShort("made by somebody else under its name", owned_by(make_run(at(3)), "other"), False),
    CutShort("of no time", manual_run("m", at(3)), False),
    CutShort("nothing was edited", make_run(at(3)), False, MINUTELY),
    CutShort("of a new task", make_run(at(3)), False, make_task({"timing": None})),
)


@pytest.mark.parametrize("row", CUT_SHORT, ids=lambda row: str(row.name))
def test_which_launches_an_edit_has_cut_short(row: CutShort) -> None:
    timing = Timing(hash=row.task.timing_hash, since=NOW)
    assert launches_cut_short(TaskView(row.task, (row.run,)), timing) == ((row.run,) if row.wanted else ())


# --- what the decision about the task says of it ---------------------------------------------------------------------


def was_hourly(since: datetime, **status: Any) -> CronTask:
    """It was due each hour since then, as its status says, and now it is each minute."""
    return make_task({"timing": Timing(hash=HOURLY.timing_hash, since=since), **status})


@pytest.mark.parametrize(
    ("name", "known", "reason"),
    [
        ("who has seen it", {"previous": HOURLY}, "TimingChanged"),
        ("who has just begun, and had seen the task before", {"previous": HOURLY, "first_look": True}, "TimingChanged"),
        ("who has just begun", {"first_look": True}, "TimingChangedUnseen"),
        ("whose clock was wrong when it began", {}, "TimingChangedUnseen"),
    ],
)
def test_an_edit_says_what_it_leaves_out_to_whom_the_timing_before_was_known(
    name: str, known: dict[str, Any], reason: str
) -> None:
    task = was_hourly(at(30), last_scheduled_time=at(30))
    decided = decide(task, now=at(61), **known)
    entry = decided.status.recent_decisions[0]
    assert (entry.reason, entry.count) == (reason, 1)
    # A time that is not known is in no count.
    assert decided.status.counts.skipped == (reason == "TimingChanged")


def test_a_pause_and_an_edit_seen_by_a_wrong_clock_are_judged_by_the_timing_before() -> None:
    """Nothing came due each hour, though each minute did. Who has not seen that timing says that it is not known."""
    task = replace(was_hourly(at(10)), spec=make_task(suspend=True).spec)
    skewed = Config(clock_skewed=True)
    known = decide(task, now=at(20), config=skewed, previous=HOURLY)
    unknown = decide(task, now=at(20), config=skewed)
    assert known.status.recent_decisions == ()
    assert [entry.reason for entry in unknown.status.recent_decisions] == ["TimingChangedUnseen"]
