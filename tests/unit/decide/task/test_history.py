"""Which finished runs are removed, and when the next may be: by their number, their time to live, and never soon."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from task_views import INSTANT, at, ended, make_run, make_task, manual_run

from crontask.api.phases import RunPhase
from crontask.decide.model import ScheduledRun
from crontask.decide.task.history import runs_to_prune

KEEP = timedelta(minutes=10)
NOW = at(30)
WEEK = timedelta(hours=168)


def done(
    minute: int, phase: RunPhase = RunPhase.SUCCEEDED, *, recorded: datetime | None = None, **spec: Any
) -> ScheduledRun:
    return ended(make_run(at(minute), **spec), phase, at(minute), recorded=recorded)


def by_hand(
    minute: int, phase: RunPhase = RunPhase.SUCCEEDED, *, recorded: datetime | None = None, **spec: Any
) -> ScheduledRun:
    return ended(manual_run(f"m{minute}", at(minute), **spec), phase, at(minute), recorded=recorded)


def refused(minute: int) -> ScheduledRun:
    """It was to run another again, which could not be."""
    again = make_run(at(minute), rerunOf={"name": "x"})
    return ended(again, RunPhase.FAILED, at(minute), reason="NothingToRerun")


def unknown(run: ScheduledRun) -> ScheduledRun:
    """When its end was recorded is not known."""
    return type(run)(run.meta, run.spec, run.problems, run.status.model_copy(update={"conditions": ()}))


@dataclass(frozen=True)
class Row:
    """The counted runs, which of them are removed, and when the next may be. `history`: how many are kept."""

    name: str
    runs: tuple[ScheduledRun, ...]
    removed: tuple[ScheduledRun, ...] = ()
    next_at: datetime | None = None
    now: datetime = NOW
    history: dict[str, int] = field(default_factory=dict)
    ttl: str | None = None


FAILED = tuple(phase for phase in RunPhase if phase.terminal and phase not in (RunPhase.SUCCEEDED, RunPhase.PARTIAL))
A, B, C, D = (done(minute) for minute in (1, 2, 3, 4))
LIMITED = {"succeeded": 1, "failed": 1}
KEYED, NEWEST_KEYED = done(1, idempotencyKey="k"), done(3, idempotencyKey="k")

ROWS = (
    Row("no run has finished", ()),
    # --- their number ---
    Row("as many as are kept", (A, B, C), (), at(1) + WEEK),
    Row("one more: the oldest", (D, B, A, C), (A,), at(2) + WEEK),
    Row(
        "a rerun that was refused takes the room of none that failed",
        (done(1, RunPhase.FAILED), refused(2), refused(3)),
        (refused(2),),
        at(1) + WEEK,
        history=LIMITED,
    ),
    Row("one is kept", (A, B), (A,), at(2) + WEEK, history=LIMITED),
    Row("none is kept", (B, A), (B, A), None, history={"succeeded": 0}),
    Row(
        "what failed is counted apart",
        (A, done(2, RunPhase.FAILED), B),
        (A,),
        at(2) + WEEK,
        history=LIMITED,
    ),
    Row(
        "partly is a success",
        (A, done(2, RunPhase.PARTIAL)),
        (A,),
        at(2) + WEEK,
        history={"succeeded": 1, "failed": 5},
    ),
    Row(
        "any other end is a failure",
        tuple(done(minute, phase) for minute, phase in enumerate(FAILED, 1)),
        tuple(done(minute, phase) for minute, phase in enumerate(FAILED[:-1], 1)),
        at(len(FAILED)) + WEEK,
        history={"succeeded": 5, "failed": 1},
    ),
    Row("manual runs count like any other", (A, by_hand(2)), (A,), at(2) + WEEK, history=LIMITED),
    Row(
        "the newest is the one that ended last",
        (ended(make_run(at(1)), RunPhase.SUCCEEDED, at(5)), B),
        (B,),
        at(5) + WEEK,
        history=LIMITED,
    ),
    Row(
        "of one end the greater name is newer",
        (by_hand(1), ended(manual_run("m0", at(1)), RunPhase.SUCCEEDED, at(1))),
        (ended(manual_run("m0", at(1)), RunPhase.SUCCEEDED, at(1)),),
        at(1) + WEEK,
        history=LIMITED,
    ),
    # --- not soon ---
    Row("an instant before it has been kept", (A, B), (), at(11), at(11) - INSTANT, LIMITED),
    Row("at that instant", (A, B), (A,), at(2) + WEEK, at(11), LIMITED),
    Row(
        "from when its end was recorded, not from its end",
        (done(1, recorded=at(5)), B),
        (),
        at(15),
        at(15) - INSTANT,
        LIMITED,
    ),
    Row("when it was recorded is not known", (unknown(A), B), (), NOW + KEEP, history=LIMITED),
    # --- a duplicate may come late ---
    Row("a run with a key stays", (KEYED, B), (), at(1) + WEEK, history=LIMITED),
    Row("and takes nobody's room", (NEWEST_KEYED, A, B), (A,), at(2) + WEEK, history=LIMITED),
    Row("as long as its time to live", (KEYED,), (KEYED,), None, at(1) + WEEK),
    # --- a time to live ---
    Row("an instant before it is over", (A,), (), at(1) + WEEK, at(1) + WEEK - INSTANT),
    Row("when it is over", (A,), (A,), None, at(1) + WEEK),
    Row("the task's", (A,), (), at(16), at(16) - INSTANT, ttl="15m"),
    Row("the run's own", (done(1, ttlAfterFinished="20m"),), (), at(21), at(21) - INSTANT, ttl="15m"),
    Row("counted from its end", (done(1, recorded=at(3)),), (), at(16), at(16) - INSTANT, ttl="15m"),
    Row("a short one: kept all the same", (A,), (), at(11), at(11) - INSTANT, ttl="1m"),
    Row("but a manual run is not", (by_hand(1),), (), at(2), at(2) - INSTANT, ttl="1m"),
    Row("nor without any", (by_hand(1),), (by_hand(1),), None, at(1), ttl="0s"),
    Row("a manual run beyond the history is kept all the same", (by_hand(1), B), (), at(11), at(11) - INSTANT, LIMITED),
    # --- when to look again ---
    Row("the earliest of what is left", (B, A), (), at(16), at(5), ttl="15m"),
    Row("not what is removed now", (A, B), (A,), at(17), at(16), ttl="15m"),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_which_finished_runs_are_removed(row: Row) -> None:
    task = make_task(history=row.history, ttlAfterFinished=row.ttl)
    removed, next_at = runs_to_prune(task, row.runs, KEEP, row.now)
    assert (removed, next_at) == (row.removed, row.next_at)


def test_nothing_is_removed_while_the_spec_cannot_be_used() -> None:
    """How much is to be kept cannot be read."""
    task = make_task(schedule="0 25 * * *")
    assert not task.valid
    assert runs_to_prune(task, (A, B, *(done(minute) for minute in range(3, 9))), KEEP, at(1) + 2 * WEEK) == ((), None)
