"""When a finished run goes by itself: whose it is, how long it is kept, and the time."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from run_life import Life, at, exited, known_of, make_task, own_run, owned, pod, recorded, scheduled_run

from crontask.api.composite_status import FailedItem, ItemsStatus
from crontask.api.phases import RunPhase
from crontask.decide.composite.model import PART_KEPT
from crontask.decide.decisions import LookForPod, RemoveRun, RunDecisions
from crontask.decide.model import ScheduledRun
from crontask.decide.run.decide import decide_run
from crontask.decide.run.removal import remove_without_task
from crontask.decide.views import RunView

MOMENT = 0.000001
WEEK = 168 * 3600
DONE = recorded(RunPhase.SUCCEEDED, completion_time=at(5))


@dataclass(frozen=True)
class Row:
    """A name, what is known of a finished run, the time, whether it is removed, and when to look again."""

    name: str
    known: RunView
    now: float
    removed: bool
    wake_at: float | None = None


def alone(**spec: Any) -> RunView:
    return known_of(own_run(status=DONE, **spec), alone=True)


HOUR: dict[str, Any] = {"ttlAfterFinished": "1h"}
OF_ANOTHER = owned(scheduled_run(status=DONE, **HOUR), "CronTask", "earlier")
OF_NOBODY = owned(scheduled_run(status=DONE, **HOUR), "CronTask", "earlier", controller=None)
ROWS = (
    Row("a moment before its week is over", alone(), 5 + WEEK - MOMENT, False, 5 + WEEK),
    Row("as its week is over", alone(), 5 + WEEK, True),
    Row("after its week is over", alone(), 5 + WEEK + MOMENT, True),
    Row("a moment before its hour is over", alone(**HOUR), 5 + 3600 - MOMENT, False, 5 + 3600),
    Row("as its hour is over", alone(**HOUR), 5 + 3600, True),
    Row("kept for no time", alone(ttlAfterFinished="0s"), 5, True),
    Row(
        "its end is not known: from its creation",
        known_of(own_run(created=3, status=recorded(RunPhase.FAILED), **HOUR), alone=True),
        3 + 3600,
        True,
    ),
    Row("its task is gone", known_of(scheduled_run(status=DONE, **HOUR), alone=True), 5 + 3600, True),
    Row("its task looks after it", known_of(scheduled_run(status=DONE, **HOUR)), 5 + 3600, False),
    Row("its task will own it", known_of(OF_NOBODY), 5 + 3600, False),
    Row("it was of a task that was there before", known_of(OF_ANOTHER), 5 + 3600, True),
    Row("the same, before its hour is over", known_of(OF_ANOTHER), 5 + 3599, False, 5 + 3600),
    Row(
        "how long, that task does not say",
        known_of(owned(scheduled_run(status=DONE), "CronTask", "earlier"), make_task(ttlAfterFinished="1m")),
        5 + 3600,
        False,
        5 + WEEK,
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_when_a_finished_run_goes(row: Row) -> None:
    decided = remove_without_task(row.known, RunDecisions(row.known.run.status), at(row.now))
    assert decided.actions == ((RemoveRun(row.known.run),) if row.removed else ())
    assert decided.wake_at == (at(row.wake_at) if row.wake_at is not None else None)
    assert decided.status == row.known.run.status


@pytest.mark.parametrize(
    ("other", "wanted"), [(None, at(3605)), (at(3604), at(3604)), (at(3606), at(3605))], ids=["none", "sooner", "later"]
)
def test_what_else_was_decided_stays(other: datetime | None, wanted: datetime) -> None:
    known = alone(**HOUR)
    before = RunDecisions(known.run.status, (LookForPod(known.run),), wake_at=other)
    assert remove_without_task(known, before, at(10)) == replace(before, wake_at=wanted)
    over = remove_without_task(known, before, at(3605))
    assert over.actions == (LookForPod(known.run), RemoveRun(known.run))
    assert over.wake_at == other


# --- parts -----------------------------------------------------------------------------------------------------------


def fan_out(phase: RunPhase = RunPhase.PARTIAL, ended: float | None = 20, **fields: Any) -> ScheduledRun:
    """The run that the part is one of; `i-1` is among its items that failed."""
    failed = (FailedItem(index=1, run="i-1"),)
    items: dict[str, Any] = {"items": ItemsStatus(total=2, failed_items=failed), **fields}
    completion = at(ended) if ended is not None else None
    return own_run("f", status=recorded(phase, completion_time=completion, plan={}, **items))


def of_fan_out(parent: ScheduledRun | None, name: str = "i-0", **asked: Any) -> RunView:
    item = asked or {"item": {"index": 0, "value": 1}}
    parts: dict[str, Any] = {"parent": {"name": "f", "uid": "f", "root": "f", "depth": 1, "key": "k", **item}}
    return known_of(own_run(name, status=DONE, **HOUR, **parts), alone=True, parent=parent)


KEPT = PART_KEPT.total_seconds()
PARTS = (
    Row("a moment before the time of an item is over", of_fan_out(fan_out()), 20 + KEPT - MOMENT, False, 20 + KEPT),
    Row("as the time of an item is over", of_fan_out(fan_out()), 20 + KEPT, True),
    Row("the items go on", of_fan_out(fan_out(RunPhase.RUNNING, None)), 5 + 3600, False),
    Row("an item that failed stays", of_fan_out(fan_out(), "i-1"), 20 + KEPT, False),
    Row("what collects stays", of_fan_out(fan_out(), collect=True), 20 + KEPT, False),
    Row("a step stays", of_fan_out(fan_out(items=None), step="s"), 20 + KEPT, False),
    Row("what it is a part of is gone", of_fan_out(None), 5 + 3600, True),
)


@pytest.mark.parametrize("row", PARTS, ids=lambda row: str(row.name))
def test_when_a_part_goes(row: Row) -> None:
    test_when_a_finished_run_goes(row)


# --- in a run's life -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [None, "1h"])
def test_a_finished_run_without_a_task_goes_when_its_time_is_over(kept: str | None) -> None:
    ttl: dict[str, Any] = {"ttlAfterFinished": kept} if kept is not None else {}
    life = Life(scheduled_run(**ttl))
    life.decide(5, pod(1, 0, exited(5, 0)))
    over = 5 + (3600 if kept is not None else 168 * 3600)
    alone = RunView(life.run, None)
    assert decide_run(alone, at(over - 1)).wake_at == at(over)
    assert decide_run(alone, at(over)).actions == (RemoveRun(life.run),)
    assert decide_run(RunView(life.run, life.task), at(over)).actions == ()
