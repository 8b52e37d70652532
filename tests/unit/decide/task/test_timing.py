"""From when on a timing counts, the timetable that a spec makes, and what an edit or a pause leaves out."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from task_views import CREATED, INSTANT, at, condition, decide, make_task, timing_of

from crontask.api.metadata import Condition
from crontask.api.task_status import TaskPhase, Timing
from crontask.decide.model import Config, CronTask
from crontask.decide.task.pause import Pause
from crontask.decide.task.timing import effective_timing, make_jitter, make_timetable, schedule_text
from crontask.decide.views import TaskView
from crontask.timetable import NO_JITTER

HOURLY, MINUTELY = make_task(schedule="0 * * * *"), make_task()


def edited(since: datetime = CREATED, **status: Any) -> CronTask:
    """It was due each hour since then, as its status says, and now it is each minute."""
    timing = Timing(hash=HOURLY.timing_hash, since=since)
    return make_task({"timing": timing, **status})


def suspended(since: datetime, seen: datetime) -> dict[str, Any]:
    """What a status says of a pause that was seen then."""
    condition = Condition(type="Suspended", status="True", reason="Suspended", last_transition_time=seen)
    timing = Timing(hash=MINUTELY.timing_hash, since=since)
    return {"phase": TaskPhase.SUSPENDED, "timing": timing, "conditions": (condition,)}


@pytest.mark.parametrize(
    ("name", "task", "now", "since"),
    [
        ("an edit counts from when it is seen", edited(), at(5, 7.3), at(5, 7)),
        ("not before the task was made, by a clock that goes back", edited(), at(0, 10), CREATED),
        ("not before the edit that was seen last", edited(since=at(5)), at(4, 30), at(5)),
        ("a resume counts from when it is seen", make_task(suspended(CREATED, at(2))), at(5), at(5)),
        ("not before the pause, by a clock that goes back", make_task(suspended(CREATED, at(5))), at(4, 30), at(5)),
    ],
)
def test_what_is_due_counts_from_when_a_change_is_seen_and_never_goes_back(
    name: str, task: CronTask, now: datetime, since: datetime
) -> None:
    decided = decide(task, now=now, previous=HOURLY)
    assert decided.actions == ()
    assert decided.status.timing is not None
    assert decided.status.timing.since == since


def test_an_edit_that_resumes_counts_from_the_pause_at_the_earliest() -> None:
    said = suspended(CREATED, at(5))
    task = make_task({**said, "timing": Timing(hash=HOURLY.timing_hash, since=CREATED)})
    timing = decide(task, now=at(4, 30)).status.timing
    assert timing == Timing(hash=MINUTELY.timing_hash, since=at(5))


# --- the effective timing --------------------------------------------------------------------------------------------

PAUSE, USUAL, SKEWED = Pause("Suspended", "why"), Config(), Config(clock_skewed=True)
NOW = at(5)
BEFORE = timing_of(MINUTELY)
UNTIL: dict[str, Any] = {"suspendUntil": at(5)}


def was(phase: TaskPhase | None, **status: Any) -> dict[str, Any]:
    return {"phase": phase, **status}


def waited(since: datetime = CREATED, reason: str = "SuspendedUntil", **status: Any) -> dict[str, Any]:
    """The status of a task that was suspended since then."""
    return was(TaskPhase.SUSPENDED, conditions=(condition("Suspended", reason=reason, since=since),), **status)


def since(instant: datetime, resumed: datetime | None = None, of: CronTask = MINUTELY) -> Timing:
    return Timing(hash=of.timing_hash, since=instant, resumed=resumed)


@dataclass(frozen=True)
class Row:
    """A task with its status, and the timing that is effective."""

    name: str
    task: CronTask
    wanted: Timing
    now: datetime = NOW
    pause: Pause | None = None
    config: Config = USUAL


def new(**spec: Any) -> CronTask:
    return make_task({"timing": None, "phase": None}, **spec)


ROWS = (
    # --- nothing is recorded yet ---
    Row("a new task is due from its creation on", new(), since(CREATED)),
    Row("however wrong the clock is", new(), since(CREATED), config=SKEWED),
    Row("a new task whose suspension has ended", new(**UNTIL), since(at(4, 59), at(5))),
    Row("an instant before it ends", new(**UNTIL), since(CREATED), at(5) - INSTANT, PAUSE),
    Row("it ended before the task was made", new(suspendUntil=CREATED), since(CREATED)),
    Row("it ended just after the task was made", new(suspendUntil=at(0, 31)), since(CREATED, at(0, 31))),
    # --- it stays ---
    Row("an active task", MINUTELY, BEFORE),
    Row("a rejected task", make_task(was(TaskPhase.REJECTED)), BEFORE),
    Row("a task without a phase", make_task(was(None)), BEFORE),
    Row("a paused task", make_task(was(TaskPhase.SUSPENDED)), BEFORE, pause=PAUSE),
    Row("an active task that is paused now", MINUTELY, BEFORE, pause=PAUSE),
    Row("a wrong clock sees no edit", edited(), since(CREATED, of=HOURLY), config=SKEWED),
    Row("a wrong clock sees no resume", make_task(was(TaskPhase.SUSPENDED)), BEFORE, config=SKEWED),
    # --- an edit ---
    Row("an edit counts from the second of now", edited(), since(at(5, 7)), at(5, 7.999)),
    Row("an edit during a pause", edited(phase=TaskPhase.SUSPENDED), since(at(5)), pause=PAUSE),
    Row(
        "an edit keeps the resume",
        make_task({"timing": since(CREATED, at(2), HOURLY)}),
        since(at(5), at(2)),
    ),
    Row(
        "an edit of an active task with a time of suspension",
        replace(edited(), spec=make_task(**UNTIL).spec),
        since(at(5)),
    ),
    # --- a resume ---
    Row("a resume", make_task(was(TaskPhase.SUSPENDED)), since(at(5), at(5))),
    Row(
        "a resume counts from the second of now",
        make_task(was(TaskPhase.SUSPENDED)),
        since(at(5, 7), at(5, 7)),
        at(5, 7.9),
    ),
    Row("of a completed task", make_task(was(TaskPhase.COMPLETED)), since(at(5), at(5))),
    Row("of an invalid task", make_task(was(TaskPhase.INVALID)), since(at(5), at(5))),
    Row("by a clock that went back behind the pause", make_task(waited(at(6))), since(at(6), at(5))),
    Row(
        "of a pause that ended before",
        make_task(was(TaskPhase.SUSPENDED, conditions=(condition("Suspended", "False", since=at(6)),))),
        since(at(5), at(5)),
    ),
    # --- a suspension until a time ---
    Row("that time itself is due", make_task(waited(), **UNTIL), since(at(4, 59), at(5))),
    Row("however late that is seen", make_task(waited(), **UNTIL), since(at(4, 59), at(5)), at(8)),
    Row("but nothing before it was seen", make_task(waited(at(5)), **UNTIL), since(at(5), at(5)), at(8)),
    Row("a second before it", make_task(waited(at(4, 59)), **UNTIL), since(at(4, 59), at(5)), at(8)),
    Row("lifted an instant before", make_task(waited(), **UNTIL), since(at(4, 59), at(4, 59)), at(5) - INSTANT),
    Row("suspended for another reason", make_task(waited(reason="Suspended"), **UNTIL), since(at(8), at(8)), at(8)),
    Row("edited since", make_task(waited(observed_generation=0), **UNTIL), since(at(8), at(8)), at(8)),
    Row("no time is left in the spec", make_task(waited()), since(at(8), at(8)), at(8)),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_which_timing_is_effective(row: Row) -> None:
    assert effective_timing(TaskView(row.task, ()), row.pause, row.config, row.now) == row.wanted


# --- what a spec makes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "differs"),
    [
        pytest.param({"schedule": "0 * * * *"}, True, id="schedule"),
        pytest.param({"schedules": ["* * * * *"]}, True, id="schedules"),
        pytest.param({"interval": "1m"}, True, id="interval"),
        pytest.param({"delay": "1m"}, True, id="delay"),
        pytest.param({"after": {"task": "u"}}, True, id="after"),
        pytest.param({"timeZone": "Europe/Berlin"}, True, id="timeZone"),
        pytest.param({"dst": {"missing": "Skip"}}, True, id="dst"),
        pytest.param({"startTime": at(1)}, True, id="startTime"),
        pytest.param({"endTime": at(1)}, True, id="endTime"),
        pytest.param({"jitter": "10s"}, True, id="jitter"),
        pytest.param({"skip": [{"from": "2026-12-24"}]}, True, id="skip"),
        pytest.param({"timeZone": "UTC"}, False, id="a default that is written"),
        pytest.param({"suspend": True}, False, id="suspend"),
        pytest.param({"suspendUntil": at(1)}, False, id="suspendUntil"),
        pytest.param({"maxRuns": 1}, False, id="maxRuns"),
        pytest.param({"concurrency": {"policy": "Queue"}}, False, id="concurrency"),
        pytest.param({"catchUp": {"policy": "All"}}, False, id="catchUp"),
        pytest.param({"startingDeadline": "9s"}, False, id="startingDeadline"),
        pytest.param({"args": {"a": 1}}, False, id="args"),
    ],
)
def test_which_fields_make_an_edit_of_the_timing(spec: dict[str, Any], differs: bool) -> None:
    assert (make_task(**spec).timing_hash != MINUTELY.timing_hash) is differs


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        pytest.param({"schedule": "5 * * * *"}, "5 * * * *", id="a schedule"),
        pytest.param({"schedules": ["5 * * * *", "6 * * * *"]}, "5 * * * * | 6 * * * *", id="several"),
        pytest.param({"interval": "90s"}, "every 1m30s", id="an interval"),
        pytest.param({"delay": "90s"}, "1m30s after end", id="a delay"),
        pytest.param({"after": {"task": "u"}}, "after u", id="after"),
        pytest.param({"schedule": None}, "on demand", id="on demand"),
    ],
)
def test_the_schedule_as_the_list_shows_it(spec: dict[str, Any], wanted: str) -> None:
    assert schedule_text(make_task(**spec).spec) == wanted


@pytest.mark.parametrize("length", [99, 100, 101])
def test_a_long_text_is_cut_where_it_does_not_fit(length: int) -> None:
    text = f"5 * * * * | {'6' * (length - 12)}"
    several = MINUTELY.spec.model_copy(update={"schedule": None, "schedules": tuple(text.split(" | "))})
    assert len(text) == length
    assert schedule_text(several) == (text if length <= 100 else f"{text[:99]}…")


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        pytest.param({"schedule": "*/2 * * * *"}, (at(2), at(4)), id="a schedule"),
        pytest.param({"schedules": ["3 * * * *", "2 * * * *"]}, (at(2), at(3)), id="several schedules"),
        pytest.param({"interval": "1m"}, (at(1, 30), at(2, 30)), id="an interval from the creation"),
        pytest.param({"interval": "1m", "startTime": at(2)}, (at(2), at(3)), id="an interval from its start"),
        pytest.param({"startTime": at(2)}, (at(2), at(3)), id="a start"),
        pytest.param({"startTime": at(2) + INSTANT}, (at(3), at(4)), id="a start an instant later"),
        pytest.param({"endTime": at(2) + INSTANT}, (at(1), at(2)), id="an end an instant after a time"),
        pytest.param({"endTime": at(2)}, (at(1),), id="an end at a time"),
        pytest.param(
            {"schedule": "0 12 * * *", "skip": [{"from": "2026-03-02", "to": "2026-03-03"}]},
            (at(0) + timedelta(days=3), at(0) + timedelta(days=4)),
            id="dates that are left out",
        ),
        pytest.param(
            {"schedule": "30 0 * * *", "timeZone": "Europe/Berlin", "skip": [{"from": "2026-03-02"}]},
            (at(690) + timedelta(days=1), at(690) + timedelta(days=2)),
            id="by the zone of the task",
        ),
        pytest.param({"schedule": None}, (), id="on demand"),
        pytest.param({"delay": "1m"}, (), id="a delay"),
    ],
)
def test_the_times_of_a_spec(spec: dict[str, Any], wanted: tuple[datetime, ...]) -> None:
    task = make_task(**spec)
    assert make_timetable(task.spec, task.meta).upcoming(CREATED, 2) == wanted


def test_jitter_is_by_the_name_of_the_task() -> None:
    assert make_jitter(MINUTELY.spec, MINUTELY.meta) is NO_JITTER
    task = make_task(jitter="10s")
    jitter = make_jitter(task.spec, task.meta)
    assert (jitter.width, jitter.seed) == (timedelta(seconds=10), "n/t")
