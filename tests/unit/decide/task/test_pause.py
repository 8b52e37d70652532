"""Whether a task is paused, and why: which cause comes first, until when it lasts, and what failures in a row do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from task_views import CREATED, INSTANT, at, condition, make_task

from crontask.api.names import ANNOTATION_RESUME
from crontask.api.task_status import CronTaskStatus, TaskPhase, Tripped
from crontask.decide.model import Config, CronTask
from crontask.decide.task.pause import pause_of, said_paused_because, said_paused_since, tripped_by

TRIPPED = Tripped(generation=1)
USUAL, SWITCHED_OFF, SKEWED = Config(), Config(scheduling_enabled=False), Config(clock_skewed=True)
NOW = at(5)


def suspended(reason: str = "SuspendedUntil", **status: Any) -> dict[str, Any]:
    return {"phase": TaskPhase.SUSPENDED, "conditions": (condition("Suspended", reason=reason),), **status}


@dataclass(frozen=True)
class Row:
    """What is known, and the reason of the pause, and until when it lasts."""

    name: str
    task: CronTask
    reason: str | None
    until: datetime | None = None
    tripped: Tripped | None = None
    config: Config = USUAL
    now: datetime = NOW


EVERYTHING: dict[str, Any] = {"suspend": True, "suspendUntil": at(9), "suspendAfterFailures": 1}
ROWS = (
    Row("nothing pauses it", make_task(), None),
    Row("scheduling is switched off", make_task(), "SchedulingDisabled", config=SWITCHED_OFF),
    Row("that comes first", make_task(**EVERYTHING), "SchedulingDisabled", tripped=TRIPPED, config=SWITCHED_OFF),
    Row("also of an invalid task", make_task(schedule="61 * * * *"), "SchedulingDisabled", config=SWITCHED_OFF),
    Row("an invalid task is not paused", make_task(suspend=True, timeZone="Mars"), None, tripped=TRIPPED),
    Row("it says so", make_task(suspend=True), "Suspended"),
    Row("before a time and failures", make_task(**EVERYTHING), "Suspended", tripped=TRIPPED),
    Row("an instant before that time", make_task(suspendUntil=at(5)), "SuspendedUntil", at(5), now=at(5) - INSTANT),
    Row("at that time", make_task(suspendUntil=at(5)), None),
    Row("a time comes before failures", make_task(suspendUntil=at(9)), "SuspendedUntil", at(9), TRIPPED),
    Row("failures", make_task(suspendAfterFailures=3), "TooManyFailures", tripped=TRIPPED),
    Row("failures, and a time that has come", make_task(suspendUntil=at(5)), "TooManyFailures", tripped=TRIPPED),
    Row("clocks disagree, and it is active", make_task(), None, config=SKEWED),
    Row("clocks disagree, and it was paused", make_task(suspended()), "SuspendedUntil", config=SKEWED),
    Row("clocks agree, and it was paused", make_task(suspended()), None),
    Row(
        "clocks disagree, and it was paused before an edit",
        make_task(suspended(observed_generation=0)),
        "Suspended",
        config=SKEWED,
    ),
    Row(
        "clocks disagree, and the status does not say why it was paused",
        make_task({"phase": TaskPhase.SUSPENDED}),
        "Suspended",
        config=SKEWED,
    ),
    Row(
        "clocks disagree, and it is paused by its spec",
        make_task(suspended(), suspendUntil=at(9)),
        "SuspendedUntil",
        at(9),
        config=SKEWED,
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_why_a_task_is_paused_and_until_when(row: Row) -> None:
    pause = pause_of(row.task, row.tripped, row.config, row.now)
    assert (pause and (pause.reason, pause.until)) == (row.reason and (row.reason, row.until))


@pytest.mark.parametrize(
    ("spec", "tripped", "message"),
    [
        pytest.param(
            {"suspend": True}, None, "spec.suspend is true: nothing starts on schedule; manual runs do", id="no reason"
        ),
        pytest.param(
            {"suspend": True, "suspendReason": "maintenance"},
            None,
            "spec.suspend is true: nothing starts on schedule; manual runs do (reason: maintenance)",
            id="a reason",
        ),
        pytest.param(
            {"suspendUntil": at(9), "suspendReason": "maintenance"},
            None,
            "nothing starts on schedule until 2026-03-01T12:09:00Z; manual runs do (reason: maintenance)",
            id="until a time",
        ),
        pytest.param(
            {"suspendAfterFailures": 3},
            TRIPPED,
            "3 failures in a row: nothing starts on schedule until the annotation crontask.dev/resume has a new value, "
            "or the spec is edited",
            id="failures",
        ),
    ],
)
def test_what_is_said_of_a_pause(spec: dict[str, Any], tripped: Tripped | None, message: str) -> None:
    pause = pause_of(make_task(**spec), tripped, Config(), at(5))
    assert pause is not None
    assert pause.message == message


def resumed(generation: int, annotation: str | None, limit: int | None = 3, **status: Any) -> CronTask:
    annotations = {ANNOTATION_RESUME: annotation} if annotation is not None else {}
    meta = {"generation": generation, "annotations": annotations}
    return make_task(status, meta, suspendAfterFailures=limit)


@pytest.mark.parametrize(
    ("task", "streak", "wanted"),
    [
        pytest.param(resumed(1, None, limit=None), 9, None, id="no limit"),
        pytest.param(resumed(1, None), 2, None, id="one below the limit"),
        pytest.param(resumed(1, None), 3, TRIPPED, id="at the limit"),
        pytest.param(resumed(1, None), 4, TRIPPED, id="beyond the limit"),
        pytest.param(resumed(1, None, limit=1), 0, None, id="none of one"),
        pytest.param(resumed(1, None, limit=1), 1, TRIPPED, id="one of one"),
        pytest.param(resumed(2, "a"), 3, Tripped(generation=2, resume="a"), id="what would end it is recorded"),
        pytest.param(resumed(1, None, tripped=TRIPPED), 0, TRIPPED, id="it stays, whatever the streak is"),
        pytest.param(resumed(2, None, tripped=TRIPPED), 3, None, id="an edit ends it, whatever the streak is"),
        pytest.param(resumed(1, "a", tripped=TRIPPED), 3, None, id="the annotation ends it"),
        pytest.param(
            resumed(1, "a", tripped=Tripped(generation=1, resume="a")),
            0,
            Tripped(generation=1, resume="a"),
            id="the annotation was there before",
        ),
        pytest.param(
            resumed(1, "b", tripped=Tripped(generation=1, resume="a")), 0, None, id="the annotation has a new value"
        ),
        pytest.param(resumed(1, None, tripped=Tripped(generation=1, resume="a")), 0, None, id="the annotation is gone"),
        pytest.param(resumed(1, None, limit=None, tripped=TRIPPED), 3, None, id="the limit is gone"),
    ],
)
def test_failures_in_a_row_suspend_it_until_somebody_resumes_it(
    task: CronTask, streak: int, wanted: Tripped | None
) -> None:
    assert tripped_by(task, streak) == wanted


@pytest.mark.parametrize(
    ("status", "because", "since"),
    [
        pytest.param(CronTaskStatus(), None, None, id="nothing is said"),
        pytest.param(
            CronTaskStatus(conditions=(condition("Suspended", "False", "NotSuspended"),)), None, None, id="not"
        ),
        pytest.param(CronTaskStatus(conditions=(condition("Suspended", reason="Why"),)), "Why", CREATED, id="it is"),
        pytest.param(
            CronTaskStatus(conditions=(condition("Ready", reason="Why"),)), None, None, id="another condition"
        ),
    ],
)
def test_what_the_status_says_of_a_pause(status: CronTaskStatus, because: str | None, since: datetime | None) -> None:
    assert (said_paused_because(status), said_paused_since(status)) == (because, since)
