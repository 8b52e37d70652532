"""What follows the end of an attempt: another one after a pause, or the end of the run."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from run_life import (
    NO_JITTER,
    Life,
    at,
    attempt,
    exited,
    known_of,
    pod,
    recorded,
    run_of_time,
    runs,
    scheduled_run,
)

from crontask.api.phases import RunPhase
from crontask.api.pod import PodCondition
from crontask.decide.attempt.outcome import Outcome
from crontask.decide.decisions import StartAttempt
from crontask.decide.pod_state import VANISHED
from crontask.decide.run.attempt_end import attempt_ended

S, F, R, T, C = RunPhase.SUCCEEDED, RunPhase.FAILED, RunPhase.RETRYING, RunPhase.TIMED_OUT, RunPhase.CANCELED
MOMENT = 0.000001
POD = pod(1, 0, runs(1))


def failed(ended: float | None = 5, **fields: Any) -> Outcome:
    return Outcome(F, "Error", "no disk", 3, None, at(ended) if ended is not None else None, **fields)


LOST = failed(None, lost=True)


@dataclass(frozen=True)
class Row:
    """A name, the spec, the end, the phase that follows and when the next attempt starts, if one does."""

    name: str
    spec: dict[str, Any]
    end: Outcome
    wanted: RunPhase
    following: float | None = None
    now: float = 5.5


def retrying(seconds: str = "10s", **spec: Any) -> dict[str, Any]:
    return {"retry": {"limit": 1, "initial": seconds, **NO_JITTER}, **spec}


ROWS = (
    Row("none is left", {}, failed(), F),
    Row("one is left", retrying(), failed(), R, 15.5),
    Row("one is left, and it succeeded", retrying(), replace(failed(), phase=S), S),
    Row("one is left, and it timed out", retrying(), replace(failed(), phase=T), R, 15.5),
    Row("one is left, and it was the last", retrying(), failed(final=True), F),
    Row("one is left, and it was canceled", retrying(cancel=True), failed(), F),
    Row("none is left, and it was lost", {"retry": {"initial": "10s", **NO_JITTER}}, LOST, R, 15.5),
    Row("it was lost, and may not be repeated", retrying(cancel=True), LOST, F),
    # An end is recorded to the second, rounded down: the pause may count from up to a second later.
    Row("seen at once", retrying(), failed(5), R, 15, now=5),
    Row("seen within the second", retrying(), failed(5), R, 15 + 0.999999, now=5.999999),
    Row("seen a second later", retrying(), failed(5), R, 16, now=6),
    Row("seen later", retrying(), failed(5), R, 16, now=60),
    Row("seen before it ended, by a clock that is behind", retrying(), failed(50), R, 15.5, now=5.5),
    Row("its end is not known", retrying(), failed(None), R, 70, now=60),
    # The next one has to start in time.
    Row(
        "it would start a moment before the whole run is over",
        retrying("24s", totalTimeout="30s"),
        failed(),
        R,
        30 - MOMENT,
        now=6 - MOMENT,
    ),
    Row("it would start as the whole run is over", retrying("24s", totalTimeout="30s"), failed(), F, now=6),
    Row("it would start after the whole run is over", retrying("25s", totalTimeout="30s"), failed(), F, now=6),
    Row("a lost one, too", {"retry": {"initial": "40s", "max": "40s"}, "totalTimeout": "30s"}, LOST, F),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_what_follows(row: Row) -> None:
    decided = attempt_ended(known_of(scheduled_run(**row.spec), pod=POD), at(row.now), row.end)
    wake_at = at(row.following) if row.following is not None else None
    assert decided.status.phase is row.wanted
    assert (decided.status.next_retry_time, decided.wake_at) == (wake_at, wake_at)
    (ended,) = decided.status.attempts
    assert (ended.number, ended.reason, ended.exit_code, ended.message) == (1, "Error", 3, "no disk")
    assert ended.completion_time == (row.end.ended or at(row.now))
    assert decided.status.lost_attempts == int(row.end.lost)
    # Its end may be the first that is seen of it.
    assert decided.status.pod_name == POD.metadata.name
    assert decided.actions == ()
    assert bool(decided.status.conditions) is (row.wanted is not R)


def test_a_run_that_is_being_canceled_is_not_repeated() -> None:
    """Also where the wish in the spec is gone."""
    run = scheduled_run(status=recorded(RunPhase.CANCELING), **retrying())
    assert attempt_ended(known_of(run, pod=POD), at(6), failed()).status.phase is F


@pytest.mark.parametrize(
    ("end", "how"),
    [
        (failed(), "failed: no disk"),
        (replace(failed(), message=None), "failed: Error"),
        (replace(failed(), message=""), "failed: Error"),
        (LOST, "was lost: no disk"),
    ],
    ids=["failed", "failed, no message", "failed, an empty message", "lost"],
)
def test_what_is_said_of_an_attempt_that_another_follows(end: Outcome, how: str) -> None:
    before = recorded(RunPhase.RETRYING, attempt(1, 0, 5), lost_attempts=1, start_time=at(0), pod_name="r-1")
    run = run_of_time(0, None, before, retry={"limit": 5, **NO_JITTER})
    decided = attempt_ended(known_of(run, pod=pod(2, 7, runs(7))), at(9), end)
    status = decided.status
    assert status.message == f"attempt 2 {how}"
    assert [each.number for each in status.attempts] == [1, 2]
    assert status.lost_attempts == 1 + end.lost
    assert (status.start_time, status.completion_time) == (at(0), None)
    (transition,) = decided.transitions
    # The event is the same for each attempt.
    assert transition.message == f"an attempt {how}; another one follows"
    assert transition.reason == ("AttemptLost" if end.lost else "AttemptFailed")
    assert (transition.warning, transition.task, transition.run) == (True, "t", run.meta.name)
    assert transition.nominal == at(0)


def test_the_end_of_the_run_is_that_of_its_last_attempt() -> None:
    decided = attempt_ended(known_of(pod=POD), at(9), replace(failed(), result={"rows": 3}))
    status = decided.status
    assert (status.phase, status.completion_time, status.duration) == (F, at(5), "5s")
    assert (status.message, status.result) == ("no disk", {"rows": 3})
    assert [(condition.type, condition.reason) for condition in status.conditions] == [("Failed", "Error")]


# --- in a run's life -------------------------------------------------------------------------------------------------


def test_a_failed_attempt_is_followed_after_a_pause_that_grows() -> None:
    life = Life(scheduled_run(retry={"limit": 2, **NO_JITTER}))
    pauses = []
    for number, created in ((1, 0), (2, 10), (3, 20)):
        decided = life.fails(number, created, created + 5)
        if number < 3:
            assert life.phase == RunPhase.RETRYING
            assert life.status.next_retry_time == decided.wake_at
            assert decided.wake_at is not None
            pauses.append((decided.wake_at - at(created + 5)).total_seconds())
            assert life.decide(created + 5.5).actions == ()
            again = life.decide(created + 9)
            assert [(type(a), a.number) for a in again.actions if isinstance(a, StartAttempt)] == [
                (StartAttempt, number + 1)
            ]
    assert pauses == [1, 2]
    assert life.phase == RunPhase.FAILED
    assert [a.number for a in life.status.attempts] == [1, 2, 3]
    assert [a.exit_code for a in life.status.attempts] == [1, 1, 1]
    assert life.status.next_retry_time is None
    assert [(c.type, c.reason) for c in life.status.conditions] == [("Failed", "Error")]


def test_a_success_after_a_failure_is_a_success() -> None:
    life = Life(scheduled_run(retry={"limit": 1}))
    life.fails(1, 0, 5)
    life.decide(7, pod(2, 7))
    assert (life.phase, life.status.pod_name) == (RunPhase.RUNNING, "r-2")
    assert life.status.start_time == at(0)
    life.decide(9, pod(2, 7, exited(9, 0)))
    assert life.phase == RunPhase.SUCCEEDED
    assert [a.reason for a in life.status.attempts] == ["Error", "Completed"]
    assert life.status.duration == "9s"


@pytest.mark.parametrize(
    ("retry", "end", "phase"),
    [
        ({}, {}, RunPhase.FAILED),
        ({"limit": 1}, {}, RunPhase.RETRYING),
        ({"limit": 1, "nonRetryableExitCodes": [1]}, {}, RunPhase.FAILED),
        ({"limit": 1, "nonRetryableExitCodes": [2]}, {}, RunPhase.RETRYING),
        ({"limit": 1, "onLost": "Fail"}, {}, RunPhase.RETRYING),
    ],
)
def test_whether_another_attempt_follows(retry: dict[str, Any], end: dict[str, Any], phase: RunPhase) -> None:
    life = Life(scheduled_run(retry=retry))
    life.fails(1, 0, 5, **end)
    assert life.phase == phase


def test_what_a_container_reports_as_failed_is_tried_again_and_a_partial_success_is_not() -> None:
    for report, phase in (("failed", RunPhase.RETRYING), ("partial", RunPhase.PARTIAL)):
        life = Life(scheduled_run(retry={"limit": 1}))
        life.decide(1, pod(1, 0))
        life.decide(5, pod(1, 0, exited(5, 0, f'{{"status": "{report}"}}')))
        assert life.phase == phase


def test_an_attempt_whose_pod_is_gone_is_lost_and_repeated_under_a_new_number() -> None:
    life = Life(scheduled_run(retry=NO_JITTER))
    life.decide(1, pod(1, 0, runs(1)))
    life.decide(5)
    assert (life.phase, life.status.lost_attempts) == (RunPhase.RETRYING, 1)
    assert life.status.attempts[-1].reason == "PodLost"
    decided = life.decide(6.5)
    assert [a.number for a in decided.actions if isinstance(a, StartAttempt)] == [2]


def test_a_pod_that_went_before_its_attempt_was_recorded_is_lost_too() -> None:
    life = Life()
    life.decide(5, pod_state=VANISHED)
    assert (life.phase, life.status.lost_attempts) == (RunPhase.RETRYING, 1)
    assert [(a.number, a.reason) for a in life.status.attempts] == [(1, "PodLost")]


def test_lost_attempts_have_their_own_limit_beside_that_of_failures() -> None:
    life = Life(scheduled_run(retry={"limit": 1, "maxLost": 2, **NO_JITTER}))
    number, now = 0, 0.0
    for kind in ("lost", "failed", "lost"):
        number, now = number + 1, now + 20
        life.decide(now, pod(number, now))
        life.decide(now + 5, pod(number, now, exited(now + 5, 1)) if kind == "failed" else None)
        assert life.phase == RunPhase.RETRYING, number
    life.decide(100, pod(4, 100))
    life.decide(105)
    assert (life.phase, life.status.lost_attempts) == (RunPhase.FAILED, 3)
    assert life.status.conditions[0].reason == "PodLost"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}, "Evicted"),
        ({"phase": "Failed", "reason": "OutOfcpu"}, "OutOfcpu"),
        ({"phase": "Failed"}, "PodFailed"),
        (
            {
                "state": 137,
                "conditions": (PodCondition("DisruptionTarget", "True", "EvictionByEvictionAPI", "Eviction API"),),
            },
            "EvictionByEvictionAPI",
        ),
        ({"state": 137, "reason": "Terminated", "phase": "Failed"}, "Terminated"),
        ({"state": 143, "metadata": {"deletion_timestamp": at(33), "deletion_grace_period_seconds": 30}}, "PodDeleted"),
    ],
)
def test_what_the_cluster_or_somebody_else_ended_is_lost(fields: dict[str, Any], reason: str) -> None:
    code = fields.pop("state", None)
    life = Life()
    life.decide(1, pod(1, 0))
    life.decide(6, pod(1, 0, exited(5, code) if code is not None else None, **fields))
    assert (life.phase, life.status.lost_attempts) == (RunPhase.RETRYING, 1)
    assert life.status.attempts[-1].reason == reason


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        (1, {"metadata": {"deletion_timestamp": at(60), "deletion_grace_period_seconds": 30}}),
        (None, {"phase": "Failed", "reason": "DeadlineExceeded"}),
    ],
)
def test_what_failed_by_itself_is_not_lost(code: int | None, fields: dict[str, Any]) -> None:
    life = Life()
    life.decide(1, pod(1, 0))
    life.decide(31, pod(1, 0, exited(5, code) if code is not None else None, **fields))
    assert life.phase in (RunPhase.FAILED, RunPhase.TIMED_OUT)
    assert life.status.lost_attempts == 0


@pytest.mark.parametrize(("deleted", "phase"), [(7, RunPhase.SUCCEEDED), (5, RunPhase.RETRYING)])
def test_a_success_counts_though_somebody_deletes_the_pod_after_it(deleted: float, phase: RunPhase) -> None:
    life = Life()
    metadata = {"deletion_timestamp": at(deleted + 30), "deletion_grace_period_seconds": 30}
    life.decide(7, pod(1, 0, exited(5, 0), metadata=metadata))
    assert life.phase is phase


def test_no_attempt_is_waited_for_that_would_start_too_late() -> None:
    life = Life(scheduled_run(retry={"limit": 9, "initial": "10s", **NO_JITTER}, totalTimeout="12s"))
    life.fails(1, 0, 5)
    assert (life.phase, life.status.conditions[0].reason) == (RunPhase.FAILED, "Error")
