"""Which run is made before its time, when, and which pre-created runs are let go."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from task_views import (
    INSTANT,
    at,
    ended,
    make_run,
    make_task,
    manual_run,
    pre_created,
)

from crontask.api.names import run_name
from crontask.api.phases import RunPhase
from crontask.decide.decisions import Discard, Launch, Reserve, StartAttempt
from crontask.decide.task.overlap import Slots
from crontask.decide.task.reserve import AHEAD, LATEST, SPREAD, Reservations, reservations
from crontask.decide.views import RunView, TaskView

NEXT, NAME = at(2), run_name("t", at(2))
# A task of this name has three quarters of the spread.
MADE_AT = NEXT - AHEAD + SPREAD * 0.75
RESERVE = Reservations((Reserve(NEXT, NAME),))
NOTHING = Reservations()


def early(minute: int) -> RunView:
    return pre_created(make_run(at(minute), created=at(minute - 1, 45)))


def let_go(*runs: RunView, wake_at: datetime | None = None) -> Reservations:
    return Reservations(tuple(Discard(run.run) for run in runs), wake_at)


@dataclass(frozen=True)
class Row:
    """What is known, who starts, the time that starts next, and what to make and to let go."""

    name: str
    wanted: Reservations
    now: datetime = MADE_AT
    following: datetime | None = NEXT
    runs: tuple[RunView, ...] = ()
    slots: Slots = field(default_factory=Slots)
    spec: dict[str, Any] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)


RUNNING = make_run(at(1), RunPhase.RUNNING, pod="Running")
OTHER = make_run(at(1), RunPhase.RUNNING, pod="Running", task="u")
ENDING = make_run(at(1), RunPhase.RUNNING, pod="Succeeded")
FAR_JITTER = make_task(jitter="20s")
MOVED = FAR_JITTER.start_of(NEXT)

ROWS = (
    # --- when ---
    Row("an instant before it is made", Reservations(wake_at=MADE_AT), MADE_AT - INSTANT),
    Row("at that instant", RESERVE),
    Row("as long as it is early enough", RESERVE, NEXT - LATEST),
    Row("an instant later it is made at its time", NOTHING, NEXT - LATEST + INSTANT),
    Row("its time has come", NOTHING, NEXT),
    Row("nothing is to start", NOTHING, following=None),
    Row("counted from its start", Reservations(wake_at=MADE_AT + (MOVED - NEXT)), spec={"jitter": "20s"}),
    Row("with jitter, then", RESERVE, MADE_AT + (MOVED - NEXT), spec={"jitter": "20s"}),
    Row("with jitter, too late", NOTHING, MOVED - LATEST + INSTANT, spec={"jitter": "20s"}),
    # --- what has no next time that is known ahead ---
    Row("a delay", NOTHING, spec={"delay": "1m"}),
    Row("an invalid task", NOTHING, spec={"schedule": "61 * * * *"}),
    # --- it is there, or cannot be made ---
    Row("it is there", NOTHING, known={"pre_created": (early(2),)}),
    Row("a run of that name has begun", NOTHING, runs=(make_run(NEXT),), spec={"concurrency": {"policy": "Allow"}}),
    Row(
        "a run of that name has ended", NOTHING, known={"finished": (ended(make_run(NEXT), RunPhase.CANCELED, at(1)),)}
    ),
    Row("a run of that name is for later", NOTHING, known={"deferred": (make_run(NEXT).run,)}),
    Row("somebody else has the name", NOTHING, known={"foreign": {NAME}}),
    Row("somebody else has another name", RESERVE, known={"foreign": {run_name("t", at(3))}}),
    Row("it could not be made", NOTHING, known={"not_pre_created": NAME}),
    Row("another one could not be made", RESERVE, known={"not_pre_created": run_name("t", at(1))}),
    Row("other runs are there", RESERVE, known={"finished": (ended(make_run(at(1)), RunPhase.FAILED, at(1)),)}),
    # --- there is no room ---
    Row("the limit is reached", NOTHING, runs=(RUNNING,)),
    Row("one below the limit", RESERVE, runs=(RUNNING,), spec={"concurrency": {"max": 2}}),
    Row("without a limit", RESERVE, runs=(RUNNING,), spec={"concurrency": {"policy": "Allow"}}),
    Row("by a run of its group", NOTHING, known={"others": (OTHER,)}),
    Row("by the pod of a run that is gone", NOTHING, known={"orphaned_pods": ("gone",)}),
    Row(
        "by all of them",
        NOTHING,
        runs=(RUNNING,),
        known={"others": (OTHER,), "orphaned_pods": ("gone",)},
        spec={"concurrency": {"max": 3}},
    ),
    Row("one fewer than that", RESERVE, runs=(RUNNING,), known={"others": (OTHER,)}, spec={"concurrency": {"max": 3}}),
    Row("a pod that has ended is in nobody's way", RESERVE, runs=(ENDING,)),
    Row("a run is queued", NOTHING, slots=Slots(queued=frozenset({"m"})), spec={"concurrency": {"max": 9}}),
    Row(
        "a run starts now",
        NOTHING,
        slots=Slots((StartAttempt(manual_run("m", at(1)).run, 1),)),
        spec={"concurrency": {"max": 9}},
    ),
    # --- what is let go ---
    Row(
        "its time is not the next one any more",
        Reservations((Discard(early(3).run), *RESERVE.actions)),
        known={"pre_created": (early(3),)},
    ),
    Row(
        "also before the next one is made",
        let_go(early(3), wake_at=MADE_AT),
        MADE_AT - INSTANT,
        known={"pre_created": (early(3),)},
    ),
    Row("also where there is no room", let_go(early(3)), runs=(RUNNING,), known={"pre_created": (early(3),)}),
    Row("also too late for the next one", let_go(early(3)), NEXT, known={"pre_created": (early(3),)}),
    Row("also where the next one is there", let_go(early(3)), known={"pre_created": (early(3), early(2))}),
    Row(
        "nothing is to start: all of them",
        let_go(early(2), early(3)),
        following=None,
        known={"pre_created": (early(2), early(3))},
    ),
    Row("of an invalid task", let_go(early(2)), spec={"timeZone": "Mars"}, known={"pre_created": (early(2),)}),
    Row("of a task with a delay", let_go(early(2)), spec={"delay": "1m"}, known={"pre_created": (early(2),)}),
    Row(
        "but not one that is launched now",
        let_go(early(3)),
        following=None,
        slots=Slots((Launch(at(1), run_name("t", at(1))),)),
        known={"pre_created": (early(1), early(3))},
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_what_is_made_before_its_time_and_what_is_let_go(row: Row) -> None:
    view = TaskView(make_task(**row.spec), row.runs, **row.known)
    assert reservations(view, row.slots, row.following, row.now) == row.wanted


def test_jitter_moves_the_start_of_this_table() -> None:
    assert NEXT < MOVED < NEXT + timedelta(seconds=20)


def test_names_spread_over_ten_seconds() -> None:
    times = set()
    for number in range(200):
        view = TaskView(make_task(meta={"name": f"t{number}"}), ())
        times.add(reservations(view, Slots(), NEXT, at(0)).wake_at)
    assert None not in times
    offsets = sorted(NEXT - time for time in times if time is not None)
    assert (offsets[0], offsets[-1]) == (timedelta(seconds=10) + SPREAD / 64, timedelta(seconds=20))
