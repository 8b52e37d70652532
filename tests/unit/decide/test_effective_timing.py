"""From when on a timing counts, and what an edit or a pause leaves out: what is known, and what is said of it."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from task_views import CREATED, at, decide, make_task

from crontask.api.metadata import Condition
from crontask.api.task_status import TaskPhase, Timing
from crontask.decide.model import Config, CronTask

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
    task = edited(since=at(30), last_scheduled_time=at(30))
    decided = decide(task, now=at(61), **known)
    entry = decided.status.recent_decisions[0]
    assert (entry.reason, entry.count) == (reason, 1)
    # A time that is not known is in no count.
    assert decided.status.counts.skipped == (reason == "TimingChanged")


def test_a_pause_and_an_edit_seen_by_a_wrong_clock_are_judged_by_the_timing_before() -> None:
    """Nothing came due each hour, though each minute did. Who has not seen that timing says that it is not known."""
    task = replace(edited(since=at(10)), spec=make_task(suspend=True).spec)
    skewed = Config(clock_skewed=True)
    known = decide(task, now=at(20), config=skewed, previous=HOURLY)
    unknown = decide(task, now=at(20), config=skewed)
    assert known.status.recent_decisions == ()
    assert [entry.reason for entry in unknown.status.recent_decisions] == ["TimingChangedUnseen"]
