"""Whether a task is overdue: by which run or since when, in which phase, and when that is looked at next."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from task_views import CREATED, INSTANT, at, condition, decide, ended, make_run, make_task, manual_run

from crontask.api.metadata import Condition, find_condition
from crontask.api.phases import RunPhase
from crontask.api.scheduledrun import ScheduledRunStatus
from crontask.api.task_status import TaskPhase, Timing
from crontask.decide.decisions import DecisionKind
from crontask.decide.model import Config, CronTask
from crontask.decide.views import RunView

USUAL = Config()
# Nothing else is due soon.
YEARLY: dict[str, Any] = {"schedule": "0 0 1 1 *"}
BOTH = {"finishWithin": "10m", "successWithin": "1h"}
AN_HOUR_ON = at(60, 30)
"""An hour after the creation."""
NO_SUCCESS = "no run has succeeded for longer than 1h, since its creation at 2026-03-01T12:00:30Z"
TOO_LONG = "run long takes longer than 10m: it began at 2026-03-01T12:20:00Z"


def expecting(status: dict[str, Any] | None = None, expect: dict[str, str] | None = None, **spec: Any) -> CronTask:
    return make_task(status, expect=expect if expect is not None else {"successWithin": "1h"}, **{**YEARLY, **spec})


def succeeded(since: datetime) -> dict[str, Any]:
    return {"last_successful_time": since}


def since(task: CronTask, when: datetime, **status: Any) -> CronTask:
    """The same, whose timing counts since then."""
    timing = Timing(hash=task.timing_hash, since=when)
    return replace(task, status=task.status.model_copy(update={"timing": timing, **status}))


def running(name: str, began: datetime, phase: RunPhase = RunPhase.RUNNING, pod: str | None = "Running") -> RunView:
    run = manual_run(name, began, phase, pod=pod)
    status = ScheduledRunStatus(phase=phase, start_time=began, pod_name=f"{name}-1")
    return replace(run, run=replace(run.run, status=status))


@dataclass(frozen=True)
class Row:
    """What is known, when; the reason and the message, None where it is not overdue; when it is looked at next."""

    name: str
    task: CronTask
    now: datetime
    wanted: tuple[str, str] | None
    next_at: datetime | None = None
    runs: tuple[RunView, ...] = ()
    config: Config = USUAL


LATE = ("NoSuccess", NO_SUCCESS)
ROWS = (
    Row("before it", expecting(), AN_HOUR_ON - INSTANT, None, AN_HOUR_ON),
    Row("at it", expecting(), AN_HOUR_ON, LATE),
    Row("long after", expecting(), at(6000), LATE),
    Row("a success counts from its end", expecting(succeeded(at(30))), AN_HOUR_ON, None, at(90)),
    Row(
        "without another",
        expecting(succeeded(at(30))),
        at(90),
        ("NoSuccess", "no run has succeeded for longer than 1h, since the last success at 2026-03-01T12:30:00Z"),
    ),
    Row("a success that is not counted yet", expecting(), at(90), None, at(140), runs=(
        replace(make_run(at(75)), run=ended(manual_run("a", at(75)), RunPhase.SUCCEEDED, at(80))),
    )),
    Row("one in part is one", expecting(), at(90), None, at(140), runs=(
        replace(make_run(at(75)), run=ended(manual_run("a", at(75)), RunPhase.PARTIAL, at(80))),
    )),
    Row("a failure is none", expecting(), at(90), LATE, runs=(
        replace(make_run(at(75)), run=ended(manual_run("a", at(75)), RunPhase.FAILED, at(80))),
    )),
    Row("a cancel is none", expecting(), at(90), LATE, runs=(
        replace(make_run(at(75)), run=ended(manual_run("a", at(75)), RunPhase.CANCELED, at(80))),
    )),
    Row(
        "since its schedule was edited",
        since(expecting(), at(40)),
        at(100),
        (
            "NoSuccess",
            "no run has succeeded for longer than 1h, since it resumed, or its schedule was edited at "
            "2026-03-01T12:40:00Z",
        ),
    ),
    Row("before that", since(expecting(), at(40)), at(99), None, at(100)),
    Row("a success after that", since(expecting(succeeded(at(50))), at(40)), at(105), None, at(110)),
    Row("on demand", expecting(schedule=None), AN_HOUR_ON, LATE),
    Row("after another task", expecting(schedule=None, after={"task": "x"}), AN_HOUR_ON, LATE),
    Row("suspended", expecting(suspend=True), AN_HOUR_ON, None),
    Row("suspended until a time", expecting(suspendUntil=at(90)), AN_HOUR_ON, None, at(90)),
    Row("switched off", expecting(), AN_HOUR_ON, None, config=Config(scheduling_enabled=False)),
    Row(
        "it has just resumed",
        expecting({"phase": TaskPhase.SUSPENDED, "conditions": (condition("Suspended"),)}),
        at(90),
        None,
        at(150),
    ),
    Row("completed", expecting({"phase": TaskPhase.COMPLETED, "scheduled_count": 1}, maxRuns=1), AN_HOUR_ON, None),
    Row(
        "it has just been let go on",
        expecting({"phase": TaskPhase.COMPLETED, "scheduled_count": 1}, maxRuns=2),
        at(90),
        None,
        at(150),
    ),
    Row("refused by the API server", expecting({"phase": TaskPhase.REJECTED}), AN_HOUR_ON, LATE),
    Row("a run before its limit", expecting(expect={"finishWithin": "10m"}), at(30) - INSTANT, None, at(30), runs=(
        running("long", at(20)),
    )),
    Row("a run at its limit", expecting(expect={"finishWithin": "10m"}), at(30), ("RunTakesTooLong", TOO_LONG), runs=(
        running("long", at(20)),
    )),
    Row("while suspended, too", expecting(expect=BOTH, suspend=True), at(90), ("RunTakesTooLong", TOO_LONG), runs=(
        running("long", at(20)),
    )),
    Row("the longest of several, the next is looked at", expecting(expect={"finishWithin": "10m"}), at(30),
        ("RunTakesTooLong", TOO_LONG), at(35), runs=(running("a", at(25)), running("long", at(20))),
    ),
    Row("while it waits for a retry", expecting(expect={"finishWithin": "10m"}), at(30), ("RunTakesTooLong", TOO_LONG),
        runs=(running("long", at(20), RunPhase.RETRYING, pod=None),),
    ),
    Row("its pod has ended", expecting(expect={"finishWithin": "10m"}), at(30), None, runs=(
        running("long", at(20), pod="Succeeded"),
    )),
    Row("one that waits for its turn", expecting(expect={"finishWithin": "10m"}), at(300), None, at(305), runs=(
        running("ahead", at(295)), manual_run("long", at(20), RunPhase.QUEUED),
    )),
    Row("no limit for runs", expecting(), at(50), None, AN_HOUR_ON, runs=(running("long", at(20)),)),
    Row("both", expecting(expect=BOTH), AN_HOUR_ON, ("NoSuccess", f"{NO_SUCCESS}; {TOO_LONG}"), runs=(
        running("long", at(20)),
    )),
)  # fmt: skip


def overdue(conditions: tuple[Condition, ...]) -> Condition | None:
    return find_condition(conditions, "Overdue")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_what_a_task_says_when_it_is_overdue(row: Row) -> None:
    decided = decide(row.task, *row.runs, now=row.now, config=row.config)
    known = overdue(decided.status.conditions)
    assert known is not None
    assert (known.status, known.reason, known.message) == (
        ("True", *row.wanted) if row.wanted is not None else ("False", "AsExpected", "")
    )
    told = [transition for transition in decided.transitions if transition.kind is DecisionKind.OVERDUE]
    assert [(each.reason, each.why, each.message, each.warning) for each in told] == (
        [("Overdue", *row.wanted, True)] if row.wanted is not None else []
    )
    # Later there is the next scheduled time, or a run to remove.
    soon = decided.wake_at if decided.wake_at is not None and decided.wake_at < at(10_000) else None
    assert soon == row.next_at


def test_it_is_told_once() -> None:
    first = decide(expecting(), now=AN_HOUR_ON)
    again = decide(replace(expecting(), status=first.status), now=AN_HOUR_ON + INSTANT)
    assert again.status == first.status
    assert not again.transitions


def test_it_clears_by_itself_and_without_an_event() -> None:
    late = decide(expecting(), now=AN_HOUR_ON).status
    success = replace(make_run(at(61)), run=ended(manual_run("a", at(61)), RunPhase.SUCCEEDED, at(62)))
    decided = decide(replace(expecting(), status=late), success, now=at(62))
    known = overdue(decided.status.conditions)
    assert known is not None
    assert (known.status, known.last_transition_time) == ("False", at(62))
    assert [(each.reason, each.event, each.kind) for each in decided.transitions] == [("AsExpected", False, None)]


def test_another_reason_is_told_as_well() -> None:
    task = expecting(expect=BOTH)
    first = decide(task, running("long", at(20)), now=at(30))
    later = decide(replace(task, status=first.status), running("long", at(20)), now=AN_HOUR_ON)
    assert [each.why for each in (*first.transitions, *later.transitions)] == ["RunTakesTooLong", "NoSuccess"]


LATE_BEFORE = {"conditions": (condition("Overdue", reason="NoSuccess", message=NO_SUCCESS),)}


@pytest.mark.parametrize(
    ("task", "config"),
    [
        pytest.param(expecting(LATE_BEFORE), Config(clock_skewed=True), id="by a clock that is not believed"),
        pytest.param(expecting(LATE_BEFORE, timeZone="Mars"), Config(), id="by a spec that cannot be used"),
    ],
)
def test_what_nobody_can_tell_stays(task: CronTask, config: Config) -> None:
    decided = decide(task, now=CREATED, config=config)
    assert overdue(decided.status.conditions) == overdue(task.status.conditions)


def test_what_is_expected_no_more_is_not_overdue() -> None:
    known = overdue(decide(make_task(LATE_BEFORE, **YEARLY), now=at(90)).status.conditions)
    assert known is not None
    assert (known.status, known.reason) == ("False", "NothingExpected")


def test_of_what_nothing_is_expected_nothing_is_said() -> None:
    assert overdue(decide(make_task(**YEARLY), now=at(90)).status.conditions) is None
