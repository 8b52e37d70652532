"""The decision about a task as a whole: what is known and the time, and what should happen."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from task_views import (
    INSTANT,
    at,
    decide,
    decided_about,
    deleted,
    ended,
    make_run,
    make_task,
    manual_run,
    owned_by,
    pre_created,
    refused,
    run_refused,
)

from crontask.api.names import run_name
from crontask.api.phases import RunPhase
from crontask.api.task_status import TaskPhase, Timing
from crontask.decide.decisions import Adopt, CancelRun, Discard, Dropped, Launch, Reserve, StartAttempt, TaskAction
from crontask.decide.model import Config, CronTask, ScheduledRun
from crontask.decide.pod_state import Refused
from crontask.decide.refusal import Refusal
from crontask.decide.run.decide import decide_run
from crontask.decide.views import PodCheck, RunView, TaskView


def test_nothing_starts_before_its_time() -> None:
    decided = decide(make_task(), now=at(0, 59.999))
    assert decided.actions == ()
    assert decided.wake_at == at(1)


def test_what_is_due_is_launched_and_the_watermark_waits_for_it() -> None:
    decided = decide(make_task(), now=at(1))
    assert decided.actions == (Launch(at(1), run_name("t", at(1))),)
    assert decided.status.last_scheduled_time is None


def test_the_watermark_moves_once_the_pod_is_there() -> None:
    decided = decide(make_task(), make_run(at(1), pod="Pending"), now=at(1, 1))
    assert decided.actions == ()
    assert decided.status.last_scheduled_time == at(1)
    assert decided.status.scheduled_count == 1


def test_a_run_without_pod_and_status_is_carried_on_from() -> None:
    run = make_run(at(1))
    decided = decide(make_task(), run, now=at(1, 1))
    assert decided.actions == (StartAttempt(run.run, 1),)


def test_forbid_skips_and_names_the_run_in_the_way() -> None:
    running = make_run(at(1), RunPhase.RUNNING, pod="Running")
    decided = decide(make_task({"last_scheduled_time": at(1)}), running, now=at(2))
    assert decided.actions == ()
    assert decided.status.recent_decisions[0].run == running.run.meta.name
    assert decided.status.counts.skipped == 1
    assert decided.status.last_scheduled_time == at(2)


def test_a_run_that_has_ended_at_an_instant_is_not_in_the_way_at_that_instant() -> None:
    ended = make_run(at(1), RunPhase.RUNNING, pod="Succeeded")
    decided = decide(make_task({"last_scheduled_time": at(1)}), ended, now=at(2))
    assert decided.actions == (Launch(at(2), run_name("t", at(2))),)


def test_allow_starts_beside_what_runs_up_to_max() -> None:
    running = make_run(at(1), RunPhase.RUNNING, pod="Running")
    status = {"last_scheduled_time": at(1)}
    free = decide(make_task(status, concurrency={"policy": "Allow"}), running, now=at(2))
    full = decide(make_task(status, concurrency={"policy": "Allow", "max": 1}), running, now=at(2))
    assert free.actions == (Launch(at(2), run_name("t", at(2))),)
    assert full.actions == ()


def test_replace_cancels_the_oldest_and_the_new_run_waits() -> None:
    running = make_run(at(1), RunPhase.RUNNING, pod="Running")
    task = make_task({"last_scheduled_time": at(1)}, concurrency={"policy": "Replace"})
    decided = decide(task, running, now=at(2))
    new = run_name("t", at(2))
    launch = Launch(at(2), new, wait=True)
    assert decided.actions == (CancelRun(running.run, f"replaced by {new}", launch), launch)


def test_a_name_that_somebody_else_has_is_missed_and_the_watermark_goes_on() -> None:
    view = TaskView(make_task(), (), frozenset({run_name("t", at(1))}))
    decided = decided_about(view, Config(), at(1))
    assert decided.actions == ()
    assert decided.status.recent_decisions[0].reason == "NameTaken"
    assert decided.status.counts.missed == 1
    assert decided.status.last_scheduled_time == at(1)


@pytest.mark.parametrize(("config", "suspend"), [(Config(scheduling_enabled=False), False), (Config(), True)])
def test_a_paused_task_starts_nothing_and_says_why(config: Config, suspend: bool) -> None:
    decided = decide(make_task(suspend=suspend), now=at(5), config=config)
    assert decided.actions == ()
    assert decided.status.phase is TaskPhase.SUSPENDED
    assert decided.status.next_run_time is None
    assert decided.wake_at is None


def test_a_pause_writes_its_status_once() -> None:
    task = make_task(suspend=True)
    first = decide(task, now=at(5)).status
    again = decide(replace(task, status=first), now=at(9)).status
    assert again == first


def test_an_invalid_spec_says_every_problem() -> None:
    decided = decide(make_task(schedule="61 * * * *", timeZone="Mars"), now=at(5))
    assert decided.status.phase is TaskPhase.INVALID
    ready = decided.status.conditions[0]
    assert "spec.schedule" in ready.message
    assert "spec.timeZone" in ready.message


def test_a_late_writers_run_is_stale() -> None:
    task = make_task({"last_scheduled_time": at(3)})
    run = replace(make_run(at(2)), task=task)
    decided = decide_run(run, at(4))
    assert decided.status.phase is RunPhase.SKIPPED
    assert decided.status.conditions[0].reason == "Stale"


def test_what_the_api_server_will_never_take_fails() -> None:
    run = make_run(at(1))
    refused = replace(
        run, pod_state=Refused(Refusal("PodRejected", "spec.containers[0].image: Required", True, at(1), at(1)))
    )
    decided = decide_run(refused, at(1))
    assert decided.status.phase is RunPhase.FAILED
    assert decided.status.message == "spec.containers[0].image: Required"


# --- the API server refuses runs or their pods ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "wake_at", "missed"),
    [
        ({}, at(1, 32), None),
        ({"catchUp": {"policy": "None"}}, at(1, 10), "RunRejected"),
        ({"startingDeadline": "20s"}, at(1, 20), "RunRejected"),
        ({"startingDeadline": "40s"}, at(1, 32), None),
        ({"schedule": None, "delay": "0s"}, at(1, 32), None),
    ],
    ids=["the latest", "none but in time", "past its deadline", "a deadline after that", "a delay is never missed"],
)
def test_a_launch_that_is_refused_is_decided_again_when_it_is_tried_again_or_given_up(
    spec: dict[str, Any], wake_at: datetime, missed: str | None
) -> None:
    task = make_task(**spec)
    decided = decide(task, now=at(1, 1), refusal=run_refused(at(1, 32)))
    assert decided.actions == ()
    assert decided.wake_at == wake_at
    again = decide(replace(task, status=decided.status), now=wake_at, refusal=run_refused(at(1, 32)))
    assert [entry.reason for entry in again.status.recent_decisions] == ([missed] if missed is not None else [])
    assert [type(action) for action in again.actions] == ([] if missed is not None else [Launch])


def test_a_run_whose_pod_is_tried_again_has_its_slot_before_a_run_of_the_group_that_waits() -> None:
    """Also before one that is older, or has the lower name."""
    group = make_task({"last_scheduled_time": at(2)}, concurrency={"policy": "Queue", "group": "g"})
    mine, older = refused(make_run(at(2), RunPhase.PENDING), at(2, 6), since=at(1)), make_run(at(1), RunPhase.QUEUED)
    for now, wanted in ((at(2, 5), ()), (at(2, 6), (StartAttempt(mine.run, 1),))):
        assert decide(group, mine, now=now, others=(older,)).actions == wanted
        waits = decide(group, older, now=now, others=(mine,))
        assert waits.actions == ()
        assert waits.turns.queued == {older.run.meta.name}


# --- what is done ----------------------------------------------------------------------------------------------------

SKEWED, SWITCHED_OFF, USUAL = Config(clock_skewed=True), Config(scheduling_enabled=False), Config()
NOW = at(2, 5)
FIRST: dict[str, Any] = {"last_scheduled_time": at(1)}
QUEUE: dict[str, Any] = {"concurrency": {"policy": "Queue"}}
RUNNING = make_run(at(1), RunPhase.RUNNING, pod="Running")
MANUAL = manual_run("m", at(1))
QUEUED = make_run(at(1), RunPhase.QUEUED)
REFUSED: dict[str, Any] = {"refusal": run_refused(NOW + INSTANT)}
RETRIED: dict[str, Any] = {"refusal": run_refused(NOW)}


def launch(minute: int, **fields: Any) -> Launch:
    return Launch(at(minute), run_name("t", at(minute)), **fields)


@dataclass(frozen=True)
class Row:
    """A task, its runs, what is known beside them, and what is done."""

    name: str
    task: CronTask
    wanted: tuple[TaskAction, ...] = ()
    runs: tuple[RunView, ...] = ()
    known: dict[str, Any] = field(default_factory=dict)
    now: datetime = NOW
    config: Config = USUAL


START = StartAttempt(MANUAL.run, 1)
EARLY, LATER = pre_created(make_run(at(3), created=at(2, 45))), pre_created(make_run(at(4), created=at(2, 45)))
DONE = ended(manual_run("m", at(1)), RunPhase.SUCCEEDED, at(1))
DONE_UNOWNED = ended(owned_by(MANUAL, None), RunPhase.SUCCEEDED, at(1))
CANCEL = CancelRun(RUNNING.run, f"replaced by {run_name('t', at(2))}", launch(2, wait=True))

ACTIONS = (
    # --- who may start ---
    Row("a time", make_task(FIRST), (launch(2),)),
    Row("a manual run before a time", make_task(FIRST, **QUEUE), (START, launch(2, wait=True)), (MANUAL,)),
    Row("a task that is being removed does nothing", make_task(FIRST, {"deletion_timestamp": at(2)}), (), (MANUAL,)),
    Row("an invalid task starts no run", make_task(FIRST, timeZone="Mars"), (), (MANUAL,)),
    Row("a paused task starts manual runs", make_task(FIRST, suspend=True), (START,), (MANUAL,)),
    Row("where scheduling is switched off, too", make_task(FIRST), (START,), (MANUAL,), config=SWITCHED_OFF),
    Row(
        "by a clock that is wrong manual runs alone",
        make_task(FIRST, concurrency={"max": 9}),
        (START,),
        (MANUAL, QUEUED),
        config=SKEWED,
    ),
    Row(
        "by one that is right the scheduled one, too",
        make_task({"last_scheduled_time": at(2)}, concurrency={"max": 9}),
        (START, StartAttempt(QUEUED.run, 1)),
        (MANUAL, QUEUED),
    ),
    Row("a run that is dropped does not start", make_task(FIRST, suspend=True), (), (QUEUED,)),
    Row("nor one past its deadline", make_task({"last_scheduled_time": at(2)}, startingDeadline="65s"), (), (QUEUED,)),
    Row(
        "before that it does",
        make_task({"last_scheduled_time": at(2)}, startingDeadline="65s"),
        (StartAttempt(QUEUED.run, 1),),
        (QUEUED,),
        now=NOW - INSTANT,
    ),
    Row(
        "a launch that was cut short goes on",
        make_task(FIRST),
        (StartAttempt(make_run(at(2)).run, 1),),
        (make_run(at(2)),),
    ),
    Row(
        "but one of a time that is decided does not", make_task({"last_scheduled_time": at(2)}), (), (make_run(at(2)),)
    ),
    Row("no run is left", make_task({**FIRST, "scheduled_count": 1}, maxRuns=1), ()),
    # --- the API server refuses runs ---
    Row("an instant before it is tried again", make_task(FIRST), (), known=REFUSED),
    Row("when it is tried again", make_task(FIRST), (launch(2),), known=RETRIED),
    Row("meanwhile what exists starts", make_task(FIRST, concurrency={"max": 9}), (START,), (MANUAL,), REFUSED),
    Row("and nobody makes room", make_task(FIRST, concurrency={"policy": "Replace"}), (), (RUNNING,), REFUSED),
    Row(
        "but when it is tried again",
        make_task(FIRST, concurrency={"policy": "Replace"}),
        (CANCEL, launch(2, wait=True)),
        (RUNNING,),
        RETRIED,
    ),
    # --- owners ---
    Row(
        "a run without an owner is adopted",
        make_task({"last_scheduled_time": at(2)}),
        (Adopt(owned_by(RUNNING, None).run),),
        (owned_by(RUNNING, None),),
    ),
    Row("one of another owner is not", make_task({"last_scheduled_time": at(2)}), (), (owned_by(RUNNING, "other"),)),
    Row(
        "one that is being removed is not",
        make_task({"last_scheduled_time": at(2)}),
        (),
        (deleted(owned_by(RUNNING, None)),),
    ),
    Row(
        "a finished one is",
        make_task({"last_scheduled_time": at(2)}),
        (Adopt(DONE_UNOWNED),),
        (RunView(DONE_UNOWNED, None),),
    ),
    Row(
        "also by an invalid task",
        make_task(timeZone="Mars"),
        (Adopt(owned_by(RUNNING, None).run),),
        (owned_by(RUNNING, None),),
    ),
    # --- before a time ---
    Row(
        "the run of the next time is made",
        make_task({"last_scheduled_time": at(2)}),
        (Reserve(at(3), run_name("t", at(3))),),
        now=at(2, 50),
    ),
    Row(
        "not of a paused task",
        make_task({"last_scheduled_time": at(2)}, suspend=True),
        (Discard(EARLY.run),),
        known={"pre_created": (EARLY,)},
        now=at(2, 50),
    ),
    Row(
        "not by a clock that is wrong",
        make_task({"last_scheduled_time": at(2)}),
        (Discard(EARLY.run),),
        known={"pre_created": (EARLY,)},
        now=at(2, 50),
        config=SKEWED,
    ),
    Row(
        "not where no run is left",
        make_task({"last_scheduled_time": at(2), "scheduled_count": 1}, maxRuns=1),
        (),
        now=at(2, 50),
    ),
    Row(
        "the order of what is done",
        make_task(FIRST, concurrency={"max": 9}),
        (START, launch(2), Adopt(owned_by(RUNNING, None).run), Discard(LATER.run)),
        (MANUAL, owned_by(RUNNING, None)),
        {"pre_created": (EARLY, LATER)},
    ),
)


@pytest.mark.parametrize("row", ACTIONS, ids=lambda row: str(row.name))
def test_what_is_done(row: Row) -> None:
    assert decide(row.task, *row.runs, now=row.now, config=row.config, **row.known).actions == row.wanted


def test_the_status_of_a_task_that_is_being_removed_stays_as_it_is() -> None:
    task = make_task(FIRST, {"deletion_timestamp": at(2), "generation": 2})
    decided = decide(task, RUNNING, now=at(9))
    assert (decided.status, decided.wake_at, decided.transitions) == (task.status, None, ())


# --- who is dropped, and who waits -----------------------------------------------------------------------------------

BY_DEADLINE = Dropped(RunPhase.MISSED, "DeadlineExceeded", "its turn did not come before its startingDeadline")
BY_PAUSE = Dropped(
    RunPhase.SKIPPED,
    "Suspended",
    "dropped while it waited for its turn: spec.suspend is true: nothing starts on schedule; manual runs do",
)
WHILE_REFUSED = Dropped(
    RunPhase.MISSED, "DeadlineExceeded", "its startingDeadline passed while its pod was refused: exceeded quota"
)
TWENTY_LATER = at(1, 20)
BEFORE = manual_run("b", at(0, 40), RunPhase.RUNNING, pod="Running")


@dataclass(frozen=True)
class Turn:
    """A run of 12:01, which waits behind another one, and whether it is dropped."""

    name: str
    spec: dict[str, Any]
    wanted: Dropped | None
    run: RunView = QUEUED
    now: datetime = TWENTY_LATER
    config: Config = USUAL
    queued: bool = True


IN_TWENTY: dict[str, Any] = {**QUEUE, "startingDeadline": "20s"}
TURNS = (
    Turn("it waits", QUEUE, None),
    Turn("a pause drops it", {**QUEUE, "suspend": True}, BY_PAUSE),
    Turn("a pause comes before a deadline", {**IN_TWENTY, "suspend": True}, BY_PAUSE),
    Turn("an instant before its deadline", IN_TWENTY, None, now=at(1, 20) - INSTANT),
    Turn("at its deadline", IN_TWENTY, BY_DEADLINE),
    Turn("not by a clock that is wrong", IN_TWENTY, None, config=SKEWED, queued=False),
    Turn("while its pod is refused", IN_TWENTY, WHILE_REFUSED, refused(QUEUED, at(2))),
    Turn("its pod runs", IN_TWENTY, None, RUNNING, queued=False),
    Turn("a manual run has no deadline", IN_TWENTY, None, MANUAL),
    Turn("nor does a pause drop it", {**QUEUE, "suspend": True}, None, MANUAL),
)


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: str(turn.name))
def test_who_is_dropped_and_who_waits(turn: Turn) -> None:
    decided = decide(make_task(FIRST, **turn.spec), BEFORE, turn.run, now=turn.now, config=turn.config)
    name = turn.run.run.meta.name
    assert decided.actions == ()
    assert decided.turns.dropped == ({name: turn.wanted} if turn.wanted is not None else {})
    assert decided.turns.queued == ({name} if turn.queued and turn.wanted is None else set())


# --- the watermark ---------------------------------------------------------------------------------------------------

ALL: dict[str, Any] = {"catchUp": {"policy": "All", "limit": 2}}


@pytest.mark.parametrize(
    ("task", "runs", "known", "watermark", "entries"),
    [
        pytest.param(make_task(), (), REFUSED, at(1), [("Missed", 1)], id="what is before the launch that is refused"),
        pytest.param(make_task(**ALL), (), REFUSED, None, [], id="nothing is before it"),
        pytest.param(make_task(FIRST), (RUNNING,), {}, at(2), [("Skipped", 1)], id="a time that is skipped"),
        pytest.param(
            make_task(FIRST, **QUEUE),
            (BEFORE, make_run(at(2))),
            {},
            at(1),
            [],
            id="a launch that was cut short, and waits",
        ),
        pytest.param(make_task(suspend=True), (), {}, None, [("Skipped", 2)], id="a paused task decides nothing"),
    ],
)
def test_up_to_when_times_are_decided(
    task: CronTask, runs: tuple[RunView, ...], known: dict[str, Any], watermark: datetime | None, entries: list[Any]
) -> None:
    decided = decide(task, *runs, now=NOW, **known)
    assert decided.actions == ()
    assert decided.status.last_scheduled_time == watermark
    assert [(entry.type, entry.count) for entry in decided.status.recent_decisions] == entries


# --- when to look again ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wake:
    """What is known, and when to decide again; by default of a task that starts nothing on schedule."""

    name: str
    wanted: datetime | None
    spec: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    runs: tuple[RunView, ...] = ()
    known: dict[str, Any] = field(default_factory=dict)
    finished: tuple[ScheduledRun, ...] = ()
    config: Config = USUAL


LATE: dict[str, Any] = {"schedule": "* * * * *", "concurrency": {"policy": "Queue"}}
DECIDED: dict[str, Any] = {"last_scheduled_time": at(2)}
FOR_LATER = manual_run("l", at(1), at=at(7))
WAKES = (
    Wake("nothing is to come", None),
    Wake("the next start", at(2, 47.5), {"schedule": "* * * * *"}, DECIDED),
    Wake("the next start, where no run is made before", at(3), {"schedule": "* * * * *"}, DECIDED, (BEFORE,)),
    Wake("no run is left", None, {"schedule": "* * * * *", "maxRuns": 1}, {**DECIDED, "scheduled_count": 1}),
    Wake("the clock is wrong", None, {"schedule": "* * * * *"}, DECIDED, config=SKEWED),
    Wake("the end of a pause", at(5), {"suspendUntil": at(5)}),
    Wake("its end", at(5), {"endTime": at(5)}),
    Wake("its end is past", None, {"endTime": NOW}),
    Wake("a pod is shown again", at(5), known={"check": PodCheck(1, "no", retry_at=at(5))}),
    Wake("a run for later", at(7), known={"deferred": (FOR_LATER.run,)}),
    Wake("one that is not deferred yet", at(7), runs=(FOR_LATER,)),
    Wake("the earlier of two", at(6), known={"deferred": (FOR_LATER.run, manual_run("k", at(1), at=at(6)).run)}),
    Wake("a pod is tried again", at(6), runs=(refused(manual_run("m", at(2), RunPhase.PENDING), at(6)),)),
    Wake("a run cannot be used", None, runs=(manual_run("m", at(1), at="tomorrow"),)),
    Wake("nor can one whose pod was refused", None, runs=(refused(manual_run("m", at(1), at="tomorrow"), at(6)),)),
    Wake("the deadline of a run that waits", at(2, 20), {**LATE, "startingDeadline": "80s"}, DECIDED, (BEFORE, QUEUED)),
    Wake("that has passed", at(3), {**LATE, "startingDeadline": "65s"}, DECIDED, (BEFORE, QUEUED)),
    Wake(
        "a run that is refused is made again",
        at(2, 40),
        {"schedule": "* * * * *"},
        FIRST,
        (),
        {"refusal": run_refused(at(2, 40))},
    ),
    Wake(
        "or its time is given up before",
        at(2, 20),
        {"schedule": "* * * * *", "startingDeadline": "20s"},
        FIRST,
        (),
        {"refusal": run_refused(at(2, 40))},
    ),
    Wake(
        "a run may be removed",
        at(11, 30),
        {"history": {"succeeded": 0}},
        {"counted": {"through": at(1, 30)}},
        finished=(ended(MANUAL, RunPhase.SUCCEEDED, at(1), recorded=at(1, 30)),),
    ),
)


@pytest.mark.parametrize("wake", WAKES, ids=lambda wake: str(wake.name))
def test_when_to_look_again(wake: Wake) -> None:
    finished = tuple(RunView(run, None) for run in wake.finished)
    task = make_task(wake.status, **{"schedule": None, **wake.spec})
    decided = decide(task, *wake.runs, *finished, now=NOW, config=wake.config, **wake.known)
    assert decided.actions == ()
    assert decided.wake_at == wake.wanted


def test_counted_runs_are_removed_and_others_are_not() -> None:
    other = ended(manual_run("k", at(1)), RunPhase.SUCCEEDED, at(1))
    counted = {"through": at(0, 59), "runs": (DONE.meta.name,)}
    task = make_task({"counted": counted}, schedule=None, history={"succeeded": 0})
    assert decide(task, RunView(DONE, None), RunView(other, None), now=at(30)).prune == (DONE,)


@pytest.mark.parametrize(
    ("counted", "phase"),
    [
        pytest.param((), TaskPhase.SUSPENDED, id="a failure that is not counted yet"),
        pytest.param((DONE.meta.name,), TaskPhase.ACTIVE, id="one that is counted counts once"),
    ],
)
def test_failures_suspend_a_task(counted: tuple[str, ...], phase: TaskPhase) -> None:
    status = {"consecutive_failures": 1, "counted": {"through": at(0, 59), "runs": counted}}
    failed = ended(MANUAL, RunPhase.FAILED, at(1))
    task = make_task(status, schedule=None, suspendAfterFailures=2)
    assert decide(task, RunView(failed, None), now=NOW).status.phase is phase


def test_an_edit_beside_a_launch_that_was_cut_short_moves_nothing_until_that_is_recorded() -> None:
    """Of the times before it, what became of some is known by their runs, and of others by the edit alone."""
    old = Timing(hash="old", since=at(0))
    task = make_task({"last_scheduled_time": at(1), "timing": old, "observed_generation": 1}, {"generation": 2})
    running = make_run(at(3), RunPhase.RUNNING, pod="Running")
    first = decide(task, running, make_run(at(4)), now=at(5))
    assert first.status.last_scheduled_time == at(1)
    assert (first.status.timing, first.status.recent_decisions) == (old, ())
    then = decide(task, running, make_run(at(4), RunPhase.SKIPPED), now=at(5))
    assert then.status.last_scheduled_time is not None
    assert then.status.last_scheduled_time > at(1)
    (entry, *_) = then.status.recent_decisions
    assert (entry.reason, entry.nominal_time) == ("TimingChangedUnseen", at(1))
