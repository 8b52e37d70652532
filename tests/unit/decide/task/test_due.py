"""Which nominal times are undecided, and which of them may still start: what is known, the time, what is wanted."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from task_views import (
    CREATED,
    INSTANT,
    at,
    catching_up,
    condition,
    ended,
    make_run,
    make_task,
    manual_run,
    owned_by,
    run_refused,
    timing_of,
)

from crontask.api.names import run_name
from crontask.api.phases import RunPhase
from crontask.api.task_status import Timing
from crontask.decide.model import CronTask
from crontask.decide.task.due import Candidate, Undecided, decided_before, given_up_at, undecided_times
from crontask.decide.task.missed import DEADLINE_EXCEEDED, NOT_STARTED_IN_TIME, Missed, Times, deadline_of
from crontask.decide.views import RunView, TaskView

NONE = {"catchUp": {"policy": "None"}}
DELAY: dict[str, Any] = {"delay": "0s"}


def all_of(limit: int) -> dict[str, Any]:
    return {"catchUp": {"policy": "All", "limit": limit}}


def missed(first: int, last: int, reason: str = NOT_STARTED_IN_TIME) -> Missed:
    """Each minute from the one to the other."""
    return Missed(Times(last - first + 1, at(first), at(last)), reason)


def latest(*minutes: int) -> tuple[Candidate, ...]:
    return tuple(Candidate(at(minute)) for minute in minutes)


def made_up_for(*minutes: int) -> tuple[Candidate, ...]:
    return tuple(Candidate(at(minute), catching_up=True) for minute in minutes)


def pending(minute: int, **fields: Any) -> RunView:
    return make_run(at(minute), pod="Pending", **fields)


@dataclass(frozen=True)
class Row:
    """A task that is due each minute from 12:01 on; `since`: from when its timing counts, if not as recorded."""

    name: str
    now: datetime
    wanted: Undecided | None
    spec: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    runs: tuple[RunView, ...] = ()
    known: dict[str, Any] = field(default_factory=dict)
    since: datetime | None = None


def undecided(watermark: int, after: datetime = CREATED, **fields: Any) -> Undecided:
    return Undecided(after, at(watermark), **fields)


DONE = ended(pending(1), RunPhase.SUCCEEDED, at(1, 20))
RESUMED = make_run(at(1))
WAITING = catching_up(make_run(at(1), RunPhase.QUEUED))
REFUSED = {"refusal": run_refused(at(9))}
JITTERED = make_task(jitter="30s")
FIRST_START = JITTERED.start_of(at(1))

ROWS = (
    # --- what is due ---
    Row("an instant before its time", at(1) - INSTANT, None),
    Row("at its time", at(1), undecided(1, candidates=latest(1))),
    Row("an instant after it", at(1) + INSTANT, undecided(1, candidates=latest(1))),
    Row("the watermark is at it", at(1), None, status={"last_scheduled_time": at(1)}),
    Row(
        "the watermark is a second before it",
        at(1),
        undecided(1, at(0, 59), candidates=latest(1)),
        status={"last_scheduled_time": at(0, 59)},
    ),
    Row("the timing counts from it", at(1), None, since=at(1)),
    Row(
        "the timing counts from a second before", at(1), undecided(1, at(0, 59), candidates=latest(1)), since=at(0, 59)
    ),
    Row("the watermark is later than now", at(2), None, status={"last_scheduled_time": at(3)}),
    Row("on demand only", at(9), None, {"schedule": None}),
    # --- the latest ---
    Row("the latest of several", at(5), undecided(5, candidates=latest(5), missed=missed(1, 4))),
    Row("the latest, however late", at(5, 59), undecided(5, candidates=latest(5), missed=missed(1, 4))),
    # --- none but in time ---
    Row(
        "None: an instant before ten seconds",
        at(5, 10) - INSTANT,
        undecided(5, candidates=latest(5), missed=missed(1, 4)),
        NONE,
    ),
    Row("None: after ten seconds", at(5, 10), undecided(5, missed=missed(1, 5)), NONE),
    # --- all, up to a limit ---
    Row("All: in time, and alone", at(1, 10) - INSTANT, undecided(1, candidates=latest(1)), all_of(10)),
    Row("All: late", at(1, 10), undecided(1, candidates=made_up_for(1)), all_of(10)),
    Row("All: oldest first", at(3), undecided(3, candidates=made_up_for(1, 2, 3)), all_of(10)),
    Row("All: as many as the limit", at(3, 10), undecided(3, candidates=made_up_for(1, 2, 3)), all_of(3)),
    Row(
        "All: one more than the limit",
        at(4, 10),
        undecided(4, candidates=made_up_for(2, 3, 4), missed=missed(1, 1)),
        all_of(3),
    ),
    Row(
        "All: the one in time is of them",
        at(4),
        undecided(4, candidates=made_up_for(2, 3, 4), missed=missed(1, 1)),
        all_of(3),
    ),
    Row("All: of one the one in time", at(4), undecided(4, candidates=latest(4), missed=missed(1, 3)), all_of(1)),
    Row(
        "All: what waits already takes room",
        at(5, 10),
        undecided(5, at(1), candidates=made_up_for(4, 5), missed=missed(2, 3)),
        all_of(3),
        {"last_scheduled_time": at(1)},
        (WAITING,),
    ),
    Row(
        "All: what waits and the one in time take room",
        at(5),
        undecided(5, at(1), candidates=made_up_for(4, 5), missed=missed(2, 3)),
        all_of(3),
        {"last_scheduled_time": at(1)},
        (WAITING,),
    ),
    Row(
        "All: there is no room but for the one in time",
        at(5),
        undecided(5, at(1), candidates=made_up_for(5), missed=missed(2, 4)),
        all_of(1),
        {"last_scheduled_time": at(1)},
        (WAITING,),
    ),
    Row(
        "All: what waits goes first, also before one in time",
        at(2),
        undecided(2, at(1), candidates=made_up_for(2)),
        all_of(10),
        {"last_scheduled_time": at(1)},
        (WAITING,),
    ),
    Row(
        "All: what has a pod waits no more",
        at(2),
        undecided(2, at(1), candidates=latest(2)),
        all_of(10),
        {"last_scheduled_time": at(1)},
        (catching_up(make_run(at(1), RunPhase.RUNNING, pod="Running")),),
    ),
    Row(
        "All: what waits for its turn on time takes no room",
        at(3, 10),
        undecided(3, at(1), candidates=made_up_for(2, 3)),
        all_of(2),
        {"last_scheduled_time": at(1)},
        (make_run(at(1), RunPhase.QUEUED),),
    ),
    # --- deadlines ---
    Row(
        "an instant before its deadline",
        at(1, 20) - INSTANT,
        undecided(1, candidates=latest(1)),
        {"startingDeadline": "20s"},
    ),
    Row(
        "at its deadline",
        at(1, 20),
        undecided(1, missed=missed(1, 1, DEADLINE_EXCEEDED)),
        {"startingDeadline": "20s"},
    ),
    Row(
        "All: those before their deadlines",
        at(5),
        undecided(5, candidates=made_up_for(4, 5), missed=missed(1, 3, DEADLINE_EXCEEDED)),
        {"startingDeadline": "2m", **all_of(10)},
    ),
    Row(
        "the last that is missed had time left",
        at(5),
        undecided(5, candidates=latest(5), missed=missed(1, 4)),
        {"startingDeadline": "61s"},
    ),
    # --- a limit of runs ---
    Row("no run is left", at(1), None, {"maxRuns": 3}, {"scheduled_count": 3}),
    Row("one run is left", at(1), undecided(1, candidates=latest(1)), {"maxRuns": 3}, {"scheduled_count": 2}),
    Row(
        "All: the latest as far as runs are left",
        at(3),
        undecided(3, candidates=made_up_for(2, 3), missed=missed(1, 1)),
        {"maxRuns": 3, **all_of(10)},
        {"scheduled_count": 1},
    ),
    Row(
        "All: less those of undecided times that exist",
        at(3),
        undecided(3, candidates=latest(3), started=(pending(1).run,), missed=missed(2, 2)),
        {"maxRuns": 2, **all_of(10)},
        runs=(pending(1),),
    ),
    Row(
        "they have taken the last",
        at(3),
        undecided(3, started=(pending(1).run,), missed=missed(2, 3)),
        {"maxRuns": 1},
        runs=(pending(1),),
    ),
    # --- runs that are there ---
    Row("its run has a pod", at(1), undecided(1, started=(pending(1).run,)), runs=(pending(1),)),
    Row("its run has a status", at(1), undecided(1, started=(WAITING.run,)), runs=(WAITING,)),
    Row("its run has ended", at(1, 30), undecided(1, started=(DONE,)), known={"finished": (DONE,)}),
    Row("its run has neither pod nor status", at(1), undecided(1, resumed=(RESUMED,)), runs=(RESUMED,)),
    Row(
        "a run later than the others is never passed over",
        at(5),
        undecided(5, candidates=made_up_for(4, 5), started=(pending(3).run,), missed=missed(1, 2)),
        all_of(10),
        runs=(pending(3),),
    ),
    Row("a manual run is of no time", at(1), undecided(1, candidates=latest(1)), runs=(manual_run("m", at(1)),)),
    Row(
        "a run of a task of the same name that is gone",
        at(1),
        undecided(1, candidates=latest(1)),
        runs=(owned_by(pending(1), "former"),),
    ),
    Row("a run of a time to come", at(2), undecided(2, candidates=latest(2), missed=missed(1, 1)), runs=(pending(3),)),
    Row(
        "a run of a time that is decided",
        at(2),
        undecided(2, at(1), candidates=latest(2)),
        status={"last_scheduled_time": at(1)},
        runs=(pending(1),),
    ),
    Row(
        "a run of a time that is none any more",
        at(1, 50),
        Undecided(CREATED, at(1, 40), started=(make_run(at(1, 40), pod="Pending").run,), missed=missed(1, 1)),
        runs=(make_run(at(1, 40), pod="Pending"),),
    ),
    Row(
        "and no other time is due",
        at(0, 50),
        Undecided(CREATED, at(0, 40), started=(make_run(at(0, 40), pod="Pending").run,)),
        runs=(make_run(at(0, 40), pod="Pending"),),
    ),
    # --- an edit or a pause came before that was recorded ---
    Row(
        "what had started before an edit is recorded still",
        at(1, 40),
        undecided(1, at(1, 30), started=(pending(1).run,)),
        runs=(pending(1),),
        since=at(1, 30),
    ),
    Row(
        "also if it has ended",
        at(1, 40),
        undecided(1, at(1, 30), started=(DONE,)),
        known={"finished": (DONE,)},
        since=at(1, 30),
    ),
    Row("a launch that was cut short before an edit is not", at(1, 40), None, runs=(RESUMED,), since=at(1, 30)),
    # --- names that somebody else has ---
    Row("somebody else has its name", at(1), undecided(1, foreign=(at(1),)), known={"foreign": {run_name("t", at(1))}}),
    Row(
        "All: of several one",
        at(3),
        undecided(3, candidates=made_up_for(1, 3), foreign=(at(2),)),
        all_of(10),
        known={"foreign": {run_name("t", at(2))}},
    ),
    # --- the API server refuses the runs ---
    Row(
        "None: refused until it was late",
        at(1, 10),
        undecided(1, missed=missed(1, 1, "RunRejected")),
        NONE,
        known=REFUSED,
    ),
    Row(
        "the status says that they were refused",
        at(1, 20),
        undecided(1, missed=missed(1, 1, "RunRejected")),
        {"startingDeadline": "20s"},
        {"conditions": (condition("Ready", "False", "RunRejected"),)},
    ),
    # --- jitter ---
    Row("an instant before its start", FIRST_START - INSTANT, None, {"jitter": "30s"}),
    Row("at its start", FIRST_START, undecided(1, candidates=latest(1)), {"jitter": "30s"}),
    Row(
        "a deadline counts from its start",
        FIRST_START + timedelta(seconds=5) - INSTANT,
        undecided(1, candidates=latest(1)),
        {"jitter": "30s", "startingDeadline": "5s"},
    ),
    Row(
        "and so it is missed",
        FIRST_START + timedelta(seconds=5),
        undecided(1, missed=missed(1, 1, DEADLINE_EXCEEDED)),
        {"jitter": "30s", "startingDeadline": "5s"},
    ),
    # --- a delay ---
    Row("a delay: an instant before", at(0, 31) - INSTANT, None, DELAY),
    Row("a delay: at its time", at(0, 31), Undecided(CREATED, at(0, 31), (Candidate(at(0, 31), True),)), DELAY),
    Row(
        "a delay: never missed, however late",
        at(9),
        Undecided(CREATED, at(0, 31), (Candidate(at(0, 31), True),)),
        DELAY,
    ),
    Row(
        "a delay: its run is there",
        at(0, 31),
        Undecided(CREATED, at(0, 31), started=(make_run(at(0, 31), pod="Pending").run,)),
        DELAY,
        runs=(make_run(at(0, 31), pod="Pending"),),
    ),
    Row(
        "a delay: its launch was cut short",
        at(0, 31),
        Undecided(CREATED, at(0, 31), resumed=(make_run(at(0, 31)),)),
        DELAY,
        runs=(make_run(at(0, 31)),),
    ),
    Row(
        "a delay: somebody else has its name",
        at(0, 31),
        Undecided(CREATED, at(0, 31), foreign=(at(0, 31),)),
        DELAY,
        known={"foreign": {run_name("t", at(0, 31))}},
    ),
    Row("a delay: no run is left", at(9), None, {**DELAY, "maxRuns": 1}, {"scheduled_count": 1}),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_which_times_are_undecided_and_which_of_them_may_start(row: Row) -> None:
    task = make_task(row.status, **row.spec)
    timing = timing_of(task) if row.since is None else Timing(hash=task.timing_hash, since=row.since)
    assert undecided_times(TaskView(task, row.runs, **row.known), timing, row.now) == row.wanted


@pytest.mark.parametrize(
    ("watermark", "wanted"),
    [
        pytest.param(None, CREATED, id="nothing is decided yet"),
        pytest.param(CREATED - INSTANT, CREATED, id="an instant before the timing counts"),
        pytest.param(CREATED + INSTANT, CREATED + INSTANT, id="an instant after that"),
    ],
)
def test_up_to_when_nothing_is_due(watermark: datetime | None, wanted: datetime) -> None:
    task = make_task({"last_scheduled_time": watermark})
    assert task.decided_until(timing_of(task).since) == wanted


@pytest.mark.parametrize(
    ("first", "found", "wanted"),
    [
        pytest.param(at(1), undecided(5), None, id="nothing is before it"),
        pytest.param(at(3), undecided(5), undecided(2, missed=missed(1, 2)), id="what is before it is missed"),
        pytest.param(
            at(3), undecided(5, candidates=latest(3, 4)), undecided(2, missed=missed(1, 2)), id="what starts is not"
        ),
        pytest.param(
            at(3),
            undecided(5, foreign=(at(2), at(3))),
            undecided(2, foreign=(at(2),), missed=missed(1, 1)),
            id="a foreign name before it",
        ),
        pytest.param(
            at(3),
            undecided(5, started=(pending(1).run,)),
            undecided(2, started=(pending(1).run,), missed=missed(2, 2)),
            id="a run before it",
        ),
        pytest.param(
            at(1),
            Undecided(CREATED, at(5), started=(make_run(at(0, 40)).run,)),
            Undecided(CREATED, at(0, 40), started=(make_run(at(0, 40)).run,)),
            id="a run before the first time of all",
        ),
    ],
)
def test_what_is_decided_before_the_first_that_is_still_to_be_launched(
    first: datetime, found: Undecided, wanted: Undecided | None
) -> None:
    assert decided_before(TaskView(make_task(), ()), found, first, at(5)) == wanted


@pytest.mark.parametrize(
    ("task", "deadline", "given_up"),
    [
        pytest.param(make_task(), None, [], id="no deadline"),
        pytest.param(make_task(startingDeadline="90s"), at(2, 30), [at(2, 30)], id="a deadline"),
        pytest.param(make_task(**NONE), None, [at(1, 10)], id="None"),
        pytest.param(
            make_task(**NONE, startingDeadline="5s"), at(1, 5), [at(1, 5), at(1, 10)], id="None, and a deadline"
        ),
        pytest.param(
            make_task(jitter="30s", startingDeadline="5s", **NONE),
            FIRST_START + timedelta(seconds=5),
            [FIRST_START + timedelta(seconds=5), FIRST_START + timedelta(seconds=10)],
            id="jitter",
        ),
    ],
)
def test_when_a_time_is_missed(task: CronTask, deadline: datetime | None, given_up: list[datetime]) -> None:
    assert deadline_of(task, at(1)) == deadline
    assert list(given_up_at(TaskView(task, ()), undecided(1, candidates=latest(1)))) == given_up
    assert list(given_up_at(TaskView(task, ()), undecided(1))) == []


def test_jitter_moves_the_starts_of_these_tables() -> None:
    assert at(1) < FIRST_START < at(1, 30)
