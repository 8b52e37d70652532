"""Whether another attempt follows an end, and when: the policy and the end, and what is wanted."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from run_life import NO_JITTER, at, attempt, known_of, make_task, recorded, scheduled_run

from crontask.api.phases import TERMINAL, RunPhase
from crontask.api.policies import Retry
from crontask.api.scheduledrun import ScheduledRunStatus
from crontask.decide.attempt.outcome import Outcome
from crontask.decide.retry import may_follow, next_attempt_at, pause_after, retries_at

S, P, F, T, C = RunPhase.SUCCEEDED, RunPhase.PARTIAL, RunPhase.FAILED, RunPhase.TIMED_OUT, RunPhase.CANCELED
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Row:
    """A name, the policy, the end, how many attempts have ended before and were lost, and whether one follows."""

    name: str
    retry: dict[str, Any]
    end: Outcome
    wanted: bool
    before: int = 0
    lost: int = 0


FAILED, TIMED_OUT = Outcome(F, "Error", exit_code=3), Outcome(T, "TimedOut", exit_code=3)
LOST = Outcome(F, "PodLost", exit_code=3, lost=True)
ONCE: dict[str, Any] = {"limit": 1}
TWICE: dict[str, Any] = {"limit": 2}

ROWS = (
    Row("no policy", {}, FAILED, False),
    Row("a limit of one, first attempt", ONCE, FAILED, True),
    Row("a limit of one, second attempt", ONCE, FAILED, False, before=1),
    Row("a limit of two, second attempt", TWICE, FAILED, True, before=1),
    Row("a limit of two, third attempt", TWICE, FAILED, False, before=2),
    Row("lost ones do not count towards the limit", ONCE, FAILED, True, before=1, lost=1),
    Row("of two before, one was lost", ONCE, FAILED, False, before=2, lost=1),
    Row("timed out", ONCE, TIMED_OUT, True),
    Row("succeeded", ONCE, Outcome(S, "Completed"), False),
    Row("succeeded in part", ONCE, Outcome(P, "Completed"), False),
    Row("canceled", ONCE, Outcome(C, "Canceled"), False),
    Row("failed for good", ONCE, Outcome(F, "Error", final=True), False),
    Row("timed out for good", ONCE, Outcome(T, "TotalTimeout", final=True), False),
    Row("an exit code after which none follows", {**ONCE, "nonRetryableExitCodes": [2, 3]}, FAILED, False),
    Row("another exit code", {**ONCE, "nonRetryableExitCodes": [2, 4]}, FAILED, True),
    Row("that exit code, of a timeout", {**ONCE, "nonRetryableExitCodes": [3]}, TIMED_OUT, True),
    Row("no exit code", {**ONCE, "nonRetryableExitCodes": [0]}, Outcome(F, "PodRejected"), True),
    # Lost ones have their own limit.
    Row("lost, no policy", {}, LOST, True),
    Row("lost, the third of three", {}, LOST, True, before=2, lost=2),
    Row("lost, the fourth of three", {}, LOST, False, before=3, lost=3),
    Row("lost, none allowed", {"maxLost": 0}, LOST, False),
    Row("lost, one allowed", {"maxLost": 1}, LOST, True),
    Row("lost, one allowed, the second", {"maxLost": 1}, LOST, False, before=1, lost=1),
    Row("lost, one allowed, and failures before", {"maxLost": 1, **ONCE}, LOST, True, before=5),
    Row("lost, at most once", {"onLost": "Fail", "maxLost": 3, "limit": 9}, LOST, False),
    Row("failed, at most once", {"onLost": "Fail", **ONCE}, FAILED, True),
    Row("lost, with an exit code after which none follows", {"nonRetryableExitCodes": [3]}, LOST, True),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_whether_another_attempt_follows(row: Row) -> None:
    attempts = (attempt(row.before, 0, 5),) if row.before else ()
    status = recorded(RunPhase.RUNNING, *attempts, lost_attempts=row.lost)
    assert may_follow(known_of(scheduled_run(status=status, retry=row.retry)), row.end) is row.wanted


def test_the_policy_is_the_run_s_own_before_the_task_s() -> None:
    generous, strict = make_task(retry={"limit": 9}), scheduled_run(retry={"limit": 0})
    assert may_follow(known_of(scheduled_run(), generous), FAILED)
    assert not may_follow(known_of(strict, generous), FAILED)


# --- when ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("retry", "number", "seconds"),
    [
        ({}, 1, 1),
        ({}, 2, 2),
        ({}, 3, 4),
        ({}, 9, 256),
        ({}, 10, 300),
        ({"factor": 1}, 50, 1),
        ({"initial": "0s"}, 9, 0),
        ({"initial": "10s", "max": "5s"}, 1, 5),
        ({"initial": "10s", "max": "30s", "factor": 3}, 2, 30),
        ({"initial": "10s", "max": "31s", "factor": 3}, 2, 30),
        ({"initial": "10s", "max": "29s", "factor": 3}, 2, 29),
        ({"max": "3660d"}, 1_000_000, 3660 * 86400),
    ],
)
def test_pauses_without_jitter(retry: dict[str, Any], number: int, seconds: int) -> None:
    policy = Retry.model_validate({**retry, **NO_JITTER})
    assert pause_after(policy, number, "r") == timedelta(seconds=seconds)


@pytest.mark.parametrize(("percent", "shortest", "longest"), [(10, 54, 66), (50, 30, 90), (100, 0, 120)])
def test_jitter_goes_both_ways_also_of_the_longest_pause(percent: int, shortest: int, longest: int) -> None:
    retry = Retry.model_validate({"initial": "10m", "max": "1m", "jitterPercent": percent})
    pauses = [pause_after(retry, 1, str(uid)).total_seconds() for uid in range(300)]
    assert shortest <= min(pauses) < shortest + 2
    assert longest - 2 < max(pauses) <= longest


def test_jitter_is_of_the_run_and_of_the_attempt() -> None:
    retry = Retry.model_validate({"factor": 1})
    assert pause_after(retry, 1, "a") == pause_after(retry, 1, "a")
    assert len({pause_after(retry, 1, "a"), pause_after(retry, 2, "a"), pause_after(retry, 1, "b")}) == 3


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [((), 1), ((attempt(1, 0),), 1), ((attempt(1, 0, 5),), 2), ((attempt(1, 0, 5), attempt(2, 7)), 2)],
    ids=["before any", "the first is open", "between the first and the second", "the second is open"],
)
def test_the_pause_is_that_after_the_expected_attempt(attempts: tuple[Any, ...], seconds: int) -> None:
    run = scheduled_run(status=recorded(RunPhase.RUNNING, *attempts), retry=NO_JITTER)
    assert next_attempt_at(known_of(run), FAILED, at(20)) == at(20 + seconds)


# --- what is recorded ------------------------------------------------------------------------------------------------

LONGEST: dict[str, Any] = {"retry": {"max": "10s", "jitterPercent": 20}}
"""A pause takes twelve seconds at most; a second more is what the recorded end may be rounded by."""


def retrying(recorded_at: datetime | None, *attempts: Any) -> ScheduledRunStatus:
    return recorded(RunPhase.RETRYING, *attempts, next_retry_time=recorded_at)


ENDED_AT_5 = attempt(1, 0, 5)


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        (retrying(at(7), ENDED_AT_5), at(7)),
        (retrying(at(5 + 13) - MICROSECOND, ENDED_AT_5), at(5 + 13) - MICROSECOND),
        (retrying(at(5 + 13), ENDED_AT_5), at(5 + 13)),
        (retrying(at(5 + 13) + MICROSECOND, ENDED_AT_5), at(5 + 13)),
        (retrying(at(9999), ENDED_AT_5), at(5 + 13)),
        (retrying(None, ENDED_AT_5), at(5)),
        (retrying(at(7), attempt(1, 0)), None),
        (retrying(None, attempt(1, 0)), None),
        (retrying(at(7)), None),
        (retrying(at(40), attempt(1, 0, 5), attempt(2, 20, 30)), at(40)),
        # Whatever phase somebody has written, as long as that is not an end.
        *(
            (recorded(phase, ENDED_AT_5, next_retry_time=at(7)), None if phase in TERMINAL else at(7))
            for phase in (None, *RunPhase)
        ),
    ],
)
def test_when_a_run_that_waits_for_its_next_attempt_starts_it(
    status: ScheduledRunStatus, wanted: datetime | None
) -> None:
    assert retries_at(known_of(scheduled_run(status=status, **LONGEST))) == wanted


def test_pauses_are_bounded_and_vary_by_the_share_that_is_asked_for() -> None:
    retry = Retry.model_validate({"initial": "10s", "max": "1m", "jitterPercent": 20})
    pauses = {uid: pause_after(retry, 1, uid).total_seconds() for uid in map(str, range(500))}
    assert 8 <= min(pauses.values()) < 8.2
    assert 11.8 < max(pauses.values()) <= 12
    assert pauses == {uid: pause_after(retry, 1, uid).total_seconds() for uid in map(str, range(500))}
    bare = Retry.model_validate({"initial": "1s", "factor": 10, "max": "5m", **NO_JITTER})
    assert [pause_after(bare, n, "r").total_seconds() for n in (1, 2, 3, 4, 100)] == [1, 10, 100, 300, 300]
    still = Retry.model_validate({"initial": "3650d", "factor": 10, "max": "3650d", **NO_JITTER})
    assert pause_after(still, 100, "r") == timedelta(days=3650)
