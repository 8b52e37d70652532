"""What is asked of a task or of a run alone: what is observed of it, and the answer."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from run_life import (
    START,
    annotated,
    at,
    attempt,
    caused,
    invalid_run,
    invalid_task,
    make_task,
    own_run,
    owned,
    recorded,
    run_of_time,
    scheduled_run,
    with_status,
)

from crontask.api.metadata import Condition
from crontask.api.names import run_name
from crontask.api.phases import Origin, RunPhase
from crontask.api.scheduledrun import ScheduledRunStatus
from crontask.decide.model import KEPT_ATTEMPTS, STALE, CronTask, ScheduledRun
from crontask.timetable import Jitter

MOMENT = 0.000001
MINUTES: dict[str, Any] = {"schedule": "* * * * *"}

# --- a task ----------------------------------------------------------------------------------------------------------


def test_an_object_is_valid_without_problems() -> None:
    for run in (scheduled_run(), own_run()):
        assert run.valid
        assert not invalid_run(run).valid
    assert make_task().valid
    assert not invalid_task(make_task()).valid


@pytest.mark.parametrize(
    ("limit", "scheduled", "wanted"),
    [(None, 0, None), (None, 5, None), (1, 0, 1), (1, 1, 0), (3, 1, 2), (3, 3, 0), (3, 4, 0)],
)
def test_how_many_starts_are_left(limit: int | None, scheduled: int, wanted: int | None) -> None:
    task = make_task(**MINUTES, **({"maxRuns": limit} if limit is not None else {}))
    assert with_status(task, scheduled_count=scheduled).runs_left == wanted


@pytest.mark.parametrize(
    ("task", "wanted"),
    [
        (make_task(), 0),
        (with_status(make_task(), since=-5), -5),
        (with_status(make_task(), since=5), 5),
        (with_status(make_task(), watermark=-5), 0),
        (with_status(make_task(), watermark=5), 5),
        (with_status(make_task(), since=5, watermark=4), 5),
        (with_status(make_task(), since=5, watermark=6), 6),
    ],
    ids=[
        "its creation",
        "its timing, also from before",
        "its timing",
        "a watermark from before its creation",
        "the watermark",
        "its timing after the watermark",
        "the watermark after its timing",
    ],
)
def test_up_to_when_its_times_are_recorded(task: CronTask, wanted: float) -> None:
    assert task.recorded_until == at(wanted)


def test_a_start_is_at_its_time_unless_jitter_moves_it() -> None:
    task = make_task(**MINUTES)
    assert task.start_of(at(60)) == at(60)
    starts = {replace(task, jitter=Jitter(timedelta(seconds=20), seed)).start_of(at(60)) for seed in "abcdefgh"}
    assert len(starts) > 1
    assert all(at(60) <= start < at(80) for start in starts)


@pytest.mark.parametrize(
    ("after", "now", "wanted"),
    [(0, -MOMENT, 60), (0, 0, 60), (-1, -1, 0), (0, 60 - MOMENT, 60), (0, 60, 120), (60, 30, 120), (120, 30, 180)],
)
def test_the_next_time_is_after_both_what_is_decided_and_now(after: float, now: float, wanted: float) -> None:
    assert make_task(**MINUTES).next_nominal(at(after), at(now)) == at(wanted)


def test_the_next_time_may_have_come_if_its_start_has_not() -> None:
    """Jitter moves the start."""
    task = replace(make_task(**MINUTES), jitter=Jitter(timedelta(seconds=20), "n/t"))
    start = (task.start_of(at(60)) - START).total_seconds()
    assert start > 60
    assert task.next_nominal(at(0), at(start - 0.5)) == at(60)
    assert task.next_nominal(at(0), at(start)) == at(120)
    # Once it is decided, it is not to come.
    assert task.next_nominal(at(60), at(start - 0.5)) == at(120)


@pytest.mark.parametrize(
    ("n", "wanted"), [(0, ()), (1, (60,)), (2, (60, 120)), (5, (60, 120, 180, 240, 300))], ids=["0", "1", "2", "5"]
)
def test_so_many_times_to_come(n: int, wanted: tuple[float, ...]) -> None:
    assert make_task(**MINUTES).upcoming(at(0), at(0), n) == tuple(map(at, wanted))


def test_a_task_on_demand_or_past_its_end_has_no_times_to_come() -> None:
    over = make_task(**MINUTES, endTime=at(61).isoformat())
    assert over.upcoming(at(0), at(0), 5) == (at(60),)
    for task, since in ((make_task(), 0), (over, 60)):
        assert task.next_nominal(at(since), at(since)) is None
        assert task.upcoming(at(since), at(since), 5) == ()


# --- what a run is ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """A name, a run, who made it, its nominal time if it is of the schedule, and its task."""

    name: str
    run: ScheduledRun
    origin: Origin
    nominal: datetime | None = None
    task: str | None = "t"


NAMED: dict[str, Any] = {"scheduledTime": at(60)}
UNOWNED = owned(run_of_time(60), "CronTask", "t", controller=None)
MADE = (
    Made("by the schedule", run_of_time(60), Origin.SCHEDULE, at(60)),
    Made("manual", scheduled_run(), Origin.MANUAL),
    Made("manual, with a handler of its own", own_run(), Origin.MANUAL, task=None),
    Made("manual, for a time", scheduled_run(**NAMED), Origin.MANUAL),
    Made("manual, with such a name for another time", scheduled_run(run_name("t", at(61)), **NAMED), Origin.MANUAL),
    Made("manual, with the name of another task", scheduled_run(run_name("u", at(60)), **NAMED), Origin.MANUAL),
    Made("manual, with such a name and no time", scheduled_run(run_name("t", at(60))), Origin.MANUAL),
    Made("manual, with such a name, and nobody owns it", UNOWNED, Origin.MANUAL),
    Made("manual, on its own with such a name", own_run(run_name("t", at(60)), **NAMED), Origin.MANUAL, task=None),
    Made("by the schedule, to be canceled", run_of_time(60, cancel=True), Origin.SCHEDULE, at(60)),
    Made("by an end", caused(scheduled_run()), Origin.AFTER),
    Made("by an end, before its task owns it", caused(owned(scheduled_run(), "", "", controller=None)), Origin.MANUAL),
    Made("by onComplete", caused(scheduled_run(), cause="onComplete"), Origin.ON_COMPLETE),
    Made(
        "by onComplete, before its task owns it",
        caused(owned(scheduled_run(), "", "", controller=None), cause="onComplete"),
        Origin.ON_COMPLETE,
    ),
    Made("with an annotation that somebody mangled", annotated(scheduled_run(), trigger="{"), Origin.MANUAL),
    *(
        Made(f"{origin}, as recorded", scheduled_run(status=ScheduledRunStatus(origin=origin)), origin)
        for origin in Origin
    ),
)


@pytest.mark.parametrize("row", MADE, ids=lambda row: str(row.name))
def test_who_made_a_run_and_for_when(row: Made) -> None:
    assert (row.run.origin, row.run.nominal, row.run.task_name) == (row.origin, row.nominal, row.task)


def test_annotations_that_say_what_a_run_is() -> None:
    run = scheduled_run()
    assert (run.pre_created, run.catching_up, run.replaced_by) == (False, False, None)
    assert annotated(run, reserved="").pre_created
    assert annotated(run, catch_up="").catching_up
    assert annotated(run, replaced_by="newer").replaced_by == "newer"


# --- when it may start -----------------------------------------------------------------------------------------------

AT_60: dict[str, Any] = {"at": at(60).isoformat()}


@pytest.mark.parametrize(
    ("spec", "due_at"), [({}, 10), ({"delay": "0s"}, 10), ({"delay": "5s"}, 15), (AT_60, 60)], ids=str
)
def test_when_it_is_due(spec: dict[str, Any], due_at: float) -> None:
    run = scheduled_run(created=10, **spec)
    assert run.due_at == at(due_at)
    assert run.is_due(at(due_at))
    assert run.is_due(at(due_at + MOMENT))
    # Without a time it is due as soon as it is there, whatever our clock says.
    assert run.is_due(at(due_at - MOMENT)) is (due_at == 10)


@pytest.mark.parametrize(
    ("run", "wanted"),
    [
        (scheduled_run(**AT_60), 60),
        (scheduled_run(created=10, delay="5s"), 15),
        (scheduled_run(delay="0s"), None),
        (scheduled_run(), None),
        (invalid_run(scheduled_run(**AT_60)), None),
        (own_run(**AT_60), None),
        (run_of_time(60, **AT_60), None),
        (scheduled_run(status=recorded(RunPhase.PENDING), **AT_60), 60),
        (scheduled_run(status=recorded(RunPhase.PENDING, attempt(1)), **AT_60), None),
        (scheduled_run(status=recorded(None, attempt(1)), **AT_60), None),
        *(
            (scheduled_run(status=recorded(phase), **AT_60), None)
            for phase in RunPhase
            if phase is not RunPhase.PENDING
        ),
    ],
)
def test_until_when_a_manual_run_is_deferred(run: ScheduledRun, wanted: float | None) -> None:
    assert run.deferred_until == (at(wanted) if wanted is not None else None)


def test_an_invalid_run_with_a_time_is_not_deferred() -> None:
    run = scheduled_run(**AT_60)
    assert replace(invalid_run(run), spec=run.spec).deferred_until is None


# --- how it goes, and how it ended -----------------------------------------------------------------------------------

OPEN, ENDED_1, ENDED_2 = attempt(2, 10), attempt(1, 0, 5), attempt(2, 10, 15)
TERMINAL = {
    RunPhase.SUCCEEDED,
    RunPhase.PARTIAL,
    RunPhase.FAILED,
    RunPhase.TIMED_OUT,
    RunPhase.CANCELED,
    RunPhase.SKIPPED,
    RunPhase.MISSED,
}


@pytest.mark.parametrize("phase", [None, *RunPhase])
def test_of_each_phase(phase: RunPhase | None) -> None:
    run = scheduled_run(status=recorded(phase, ENDED_1))
    assert run.ended is (phase in TERMINAL)
    assert run.succeeded is (phase in (RunPhase.SUCCEEDED, RunPhase.PARTIAL))
    assert run.has_started is (phase not in (RunPhase.SKIPPED, RunPhase.MISSED))
    assert run.cancel_requested is (phase is RunPhase.CANCELING)
    # Between attempts none is open; of an ended run the last one is the one that was expected.
    assert run.open_attempt == (ENDED_1 if phase in TERMINAL else None)
    bare = scheduled_run(status=recorded(phase), cancel=True)
    assert (bare.has_started, bare.open_attempt, bare.cancel_requested) == (False, None, True)


@pytest.mark.parametrize(
    ("attempts", "open_attempt", "earlier"),
    [
        ((), None, ()),
        ((ENDED_1,), None, (ENDED_1,)),
        ((ENDED_1, OPEN), OPEN, (ENDED_1,)),
        ((ENDED_1, ENDED_2), None, (ENDED_1, ENDED_2)),
        ((attempt(1),), attempt(1), ()),
    ],
)
def test_the_open_attempt_and_those_before(attempts: tuple[Any, ...], open_attempt: Any, earlier: Any) -> None:
    run = scheduled_run(status=recorded(RunPhase.RUNNING, *attempts))
    assert (run.open_attempt, run.earlier_attempts) == (open_attempt, earlier)


@pytest.mark.parametrize("count", [8, 9, 10])
def test_as_many_attempts_are_kept_as_leave_room_for_one_more(count: int) -> None:
    ended = tuple(attempt(number, number, number) for number in range(1, count + 1))
    between = scheduled_run(status=recorded(RunPhase.RETRYING, *ended))
    assert KEPT_ATTEMPTS == 10
    assert between.earlier_attempts == ended[-9:]
    under_way = scheduled_run(status=recorded(RunPhase.RUNNING, *ended[:-1], attempt(count, count)))
    assert under_way.earlier_attempts == ended[:-1]


def condition(type_: str, reason: str, seconds: float) -> Condition:
    return Condition(type=type_, status="True", reason=reason, last_transition_time=at(seconds))


@pytest.mark.parametrize(
    ("conditions", "recorded_at", "stale"),
    [
        ((), None, False),
        ((condition("Complete", "Completed", 7),), 7, False),
        ((condition("Failed", "Error", 7),), 7, False),
        ((condition("Odd", "Odd", 3), condition("Failed", STALE, 7)), 7, True),
        ((condition("Odd", "Odd", 3),), None, False),
    ],
)
def test_when_its_end_was_recorded(conditions: tuple[Condition, ...], recorded_at: float | None, stale: bool) -> None:
    run = scheduled_run(status=ScheduledRunStatus(conditions=conditions))
    assert run.recorded_at == (at(recorded_at) if recorded_at is not None else None)
    assert run.stale is stale


def test_when_it_ended_or_where_that_is_not_known_was_created() -> None:
    known = scheduled_run("a", 3, ScheduledRunStatus(completion_time=at(9)))
    unknown = scheduled_run("b", 3)
    assert (known.end, unknown.end) == ((at(9), "a"), (at(3), "b"))
    assert (known.ended_at, unknown.ended_at) == (at(9), at(3))
