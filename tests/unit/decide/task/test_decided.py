"""The record of what became of each nominal time: what is known, what happens, and the text that is wanted."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from task_views import CREATED, at, condition, decide, ended, make_run, make_task, manual_run, owned_by

from crontask.api.names import ANNOTATION_REPLACED_BY
from crontask.api.outcomes import LONGEST, Became, times_of
from crontask.api.phases import Origin, RunPhase
from crontask.api.task_status import Counted, TaskPhase
from crontask.decide.model import Config, CronTask
from crontask.decide.views import RunView

SINCE = at(0, 30)


def task(decided: str | None, minute: int, *, status: dict[str, Any] | None = None, **spec: Any) -> CronTask:
    """A task that is due each minute, whose times are decided up to that one; it began at 12:00:30."""
    known = {"decided": decided, "decided_since": SINCE if decided is not None else None}
    counted = Counted(through=CREATED)
    return make_task({**known, "last_scheduled_time": at(minute), "counted": counted, **(status or {})}, **spec)


def over(run: RunView, phase: RunPhase, minute: int, **fields: Any) -> RunView:
    """The same once it has ended so."""
    return replace(run, run=ended(run, phase, at(minute, 30), **fields))


def for_time(minute: int, phase: RunPhase, *, origin: Origin = Origin.MANUAL) -> RunView:
    """A run that somebody made for a nominal time, and that has ended so."""
    return over(manual_run("made", at(9), scheduledTime=at(minute)), phase, 9, origin=origin)


def makes_up_for(minute: int, phase: RunPhase) -> RunView:
    """The part of a backfill that stands for a nominal time, and that has ended so: its parent owns it."""
    parent = {"name": "b", "uid": "b", "root": "b", "depth": 1, "key": "b/0", "item": {"index": 0}, "backfill": True}
    part = manual_run("b-0", at(9), scheduledTime=at(minute), parent=parent)
    return over(owned_by(part, "b"), phase, 9, origin=Origin.BACKFILL)


def replaced(run: RunView) -> RunView:
    """The same, which made room for another."""
    meta = run.run.meta.model_copy(update={"annotations": {ANNOTATION_REPLACED_BY: "t-other"}})
    return replace(run, run=replace(run.run, meta=meta))


@dataclass(frozen=True)
class Case:
    """`wanted`: the text, and since when."""

    name: str
    task: CronTask
    runs: tuple[RunView, ...]
    now: datetime
    wanted: tuple[str | None, datetime | None]
    known: dict[str, Any] = field(default_factory=dict)


SUSPENDED: dict[str, Any] = {"suspend": True}
RUNNING = make_run(at(3), pod="Running")
CASES = [
    Case("nothing is due", task("S30 S60", 2), (), at(2, 30), ("S30 S60", SINCE)),
    Case("no time yet, and no record", make_task(), (), at(0, 40), (None, None)),
    Case("the first time of a new task", make_task(), (make_run(at(1), pod="Running"),), at(1, 5), ("R30", CREATED)),
    Case("a time that starts", task("S30 S60", 2), (RUNNING,), at(3, 5), ("S30 S60 R60", SINCE)),
    Case("from before there was a record", task(None, 2), (RUNNING,), at(3, 5), ("R60", at(2))),
    Case(
        "its run ends well",
        task("S30 S60 R60", 3),
        (over(RUNNING, RunPhase.SUCCEEDED, 3),),
        at(3, 40),
        ("S30 S60x2", SINCE),
    ),
    Case(
        "with errors", task("S30 S60 R60", 3), (over(RUNNING, RunPhase.PARTIAL, 3),), at(3, 40), ("S30 S60 P60", SINCE)
    ),
    Case("badly", task("S30 S60 R60", 3), (over(RUNNING, RunPhase.FAILED, 3),), at(3, 40), ("S30 S60 F60", SINCE)),
    Case(
        "too late", task("S30 S60 R60", 3), (over(RUNNING, RunPhase.TIMED_OUT, 3),), at(3, 40), ("S30 S60 T60", SINCE)
    ),
    Case(
        "by cancel", task("S30 S60 R60", 3), (over(RUNNING, RunPhase.CANCELED, 3),), at(3, 40), ("S30 S60 C60", SINCE)
    ),
    Case(
        "for another",
        task("S30 S60 R60", 3),
        (replaced(over(RUNNING, RunPhase.CANCELED, 3)),),
        at(3, 40),
        ("S30 S60 r60", SINCE),
    ),
    Case(
        "in the queue", task("S30 S60 R60", 3), (over(RUNNING, RunPhase.SKIPPED, 3),), at(3, 40), ("S30 S60 s60", SINCE)
    ),
    Case(
        "in one decision", task("S30 S60", 2), (over(RUNNING, RunPhase.SUCCEEDED, 3),), at(3, 40), ("S30 S60x2", SINCE)
    ),
    Case(
        "too late for its time",
        task("S30 S60 m60", 3),
        (over(RUNNING, RunPhase.SKIPPED, 3, reason="Stale"),),
        at(3, 40),
        ("S30 S60 m60", SINCE),
    ),
    Case(
        "of an earlier task of that name",
        task("S30 S60 R60", 3),
        (over(owned_by(RUNNING, "other"), RunPhase.FAILED, 3),),
        at(3, 40),
        ("S30 S60 R60", SINCE),
    ),
    Case("a time in whose way a run is", task("S30 S60 R60", 3), (RUNNING,), at(4, 5), ("S30 S60 R60 s60", SINCE)),
    Case("an absence", task("S30 S60", 2, catchUp={"policy": "None"}), (), at(502, 30), ("S30 S60 m60x500", SINCE)),
    Case(
        "an absence, and the last starts",
        task("S30 S60", 2),
        (make_run(at(502), pod="Running"),),
        at(502, 30),
        ("S30 S60 m60x499 R60", SINCE),
    ),
    Case(
        "a name that is taken",
        task("S30 S60", 2),
        (),
        at(3, 5),
        ("S30 S60 m60", SINCE),
        {"foreign": frozenset({RUNNING.run.meta.name})},
    ),
    Case(
        "a pause that leaves nothing out", task("S30 S60", 2, **SUSPENDED), (RUNNING,), at(3, 5), ("S30 S60 R60", SINCE)
    ),
    Case(
        "a pause with a time that waits",
        task("S30 S60", 2, jitter="20s", **SUSPENDED),
        (),
        at(3),
        ("S30 S60 s60", SINCE),
    ),
    Case(
        "a pause that nobody saw begin",
        task("S30 S60", 2, **SUSPENDED),
        (),
        at(5, 5),
        (None, at(5)),
        {"first_look": True},
    ),
    Case("done again", task("S30 F60 S60", 3), (for_time(2, RunPhase.SUCCEEDED),), at(3, 40), ("S30 S60x2", SINCE)),
    Case(
        "done again in vain", task("S30 C60 S60", 3), (for_time(2, RunPhase.FAILED),), at(3, 40), ("S30 C60 S60", SINCE)
    ),
    Case(
        "done though it was done",
        task("S30 S60 S60", 3),
        (for_time(2, RunPhase.FAILED),),
        at(3, 40),
        ("S30 S60 S60", SINCE),
    ),
    Case(
        "made up for",
        task("S30 m60 S60", 3),
        (makes_up_for(2, RunPhase.PARTIAL),),
        at(3, 40),
        ("S30 P60 S60", SINCE),
    ),
    Case(
        "made up for in vain",
        task("S30 m60 S60", 3),
        (makes_up_for(2, RunPhase.FAILED),),
        at(3, 40),
        ("S30 F60 S60", SINCE),
    ),
    Case(
        "and canceled",
        task("S30 m60 S60", 3),
        (makes_up_for(2, RunPhase.CANCELED),),
        at(3, 40),
        ("S30 m60 S60", SINCE),
    ),
    Case(
        "a step of another task's run",
        task("S30 F60 S60", 3),
        (for_time(2, RunPhase.SUCCEEDED, origin=Origin.CHILD),),
        at(3, 40),
        ("S30 F60 S60", SINCE),
    ),
    Case(
        "of no time that is there",
        task("S30 F60 S60", 3),
        (for_time(7, RunPhase.SUCCEEDED),),
        at(3, 40),
        ("S30 F60 S60", SINCE),
    ),
    Case("mangled", task("what?", 2), (RUNNING,), at(3, 5), ("R60", at(2))),
    Case("cut off", task("S30", 2), (RUNNING,), at(3, 5), ("R60", at(2))),
    Case("of times to come", task("S30 S60x99", 2), (RUNNING,), at(3, 5), ("R60", at(2))),
    Case(
        "without its beginning",
        task("S30 S60", 2, status={"decided_since": None}),
        (RUNNING,),
        at(3, 5),
        ("R60", at(2)),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_became_of_each_time(case: Case) -> None:
    status = decide(case.task, *case.runs, now=case.now, **case.known).status
    assert (status.decided, status.decided_since) == case.wanted


def test_an_edit_that_nobody_saw_ends_the_record() -> None:
    edited = task("S30 S60", 2, status={"timing": {"hash": "another", "since": CREATED}})
    status = decide(edited, now=at(5, 5)).status
    assert (status.decided, status.decided_since) == (None, at(5, 5))
    later = replace(edited, status=status)
    assert decide(later, make_run(at(6), pod="Running"), now=at(6, 1)).status.decided == "R55"


def test_an_edit_that_is_seen_goes_on() -> None:
    before = task("S30 S60", 2, jitter="20s")
    edited = replace(task("S30 S60", 2, interval="1h"), status=before.status)
    status = decide(edited, now=at(3), previous=before).status
    assert (status.decided, status.decided_since) == ("S30 S60 s60", SINCE)


def test_what_is_mangled_in_a_pause_begins_anew_with_the_resume() -> None:
    said = {"phase": TaskPhase.SUSPENDED, "conditions": (condition("Suspended", since=at(5)),), "decided_since": SINCE}
    known = task("what?", 2, status=said)
    status = decide(known, now=at(8, 30)).status
    started = decide(replace(known, status=status), make_run(at(9), pod="Running"), now=at(9, 1)).status
    assert (started.decided, started.decided_since) == ("R30", at(8, 30))


@pytest.mark.parametrize(
    ("spec", "most"),
    [
        pytest.param({"schedule": "*/5 * * * *"}, 30, id="even, in UTC"),
        pytest.param({"schedule": "*/5 * * * *", "timeZone": "Europe/Berlin"}, 30, id="even, over a change of clocks"),
        pytest.param({"interval": "90s"}, 40, id="fixed rate"),
        pytest.param({"schedule": "0 9 * * 1-5"}, 300, id="on weekdays"),
    ],
)
def test_a_long_absence_is_short(spec: dict[str, Any], most: int) -> None:
    known = task("S30 S60", 2, catchUp={"policy": "None"}, **spec)
    now = at(60 * 24 * 100, 45)
    status = decide(known, now=now).status
    found = list(times_of(status.decided, status.decided_since))
    due = known.timetable.due(at(2), now)
    assert due is not None
    assert [became for _, became in found[: due.count]] == [Became.MISSED] * due.count
    assert (found[0][0], found[due.count - 1][0]) == (due.latest, due.first)
    assert len(status.decided or "") <= most


def test_what_cannot_be_found_in_time_is_not_known() -> None:
    known = task("S30 S60", 2, catchUp={"policy": "None"}, schedule="1,2,9 * * * *")
    status = decide(known, now=at(60 * 24 * 100, 45)).status
    found = list(times_of(status.decided, status.decided_since))
    assert len(found) == 150
    assert status.decided_since == known.timetable.previous_at_or_before(found[-1][0] - timedelta(seconds=1))
    assert len(status.decided or "") <= LONGEST


def test_a_record_alone_is_not_written() -> None:
    """It goes with what is written anyway: a task of which nothing new is known has the status that it had."""
    known = task(None, 2)
    status = decide(known, now=at(2, 30), config=Config()).status
    again = decide(replace(known, status=status), now=at(2, 40)).status
    assert (again.decided, again.decided_since) == (None, None)
