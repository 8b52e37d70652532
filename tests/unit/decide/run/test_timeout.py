"""What takes too long: what is known of a run and its pod, and the limit that it meets first."""

from dataclasses import dataclass
from typing import Any

import pytest
from run_life import (
    NO_JITTER,
    Life,
    asked_to_stop,
    at,
    attempt,
    exited,
    known_of,
    make_task,
    pod,
    recorded,
    runs,
    scheduled_run,
    stopped,
    waits,
)
from several_batches import several_batches

from crontask.api.phases import RunPhase
from crontask.api.pod import Container, ContainerState, ContainerStatus, Pod, Terminated
from crontask.decide.attempt.report import LONGEST_MESSAGE
from crontask.decide.decisions import DeletePod, StopPod
from crontask.decide.run.timeout import Limit, next_limit, stop
from crontask.decide.views import RunView

MOMENT = 0.000001
SETUP: dict[str, Any] = {"spec": {"init_containers": (Container("setup"),)}}


def setup(state: ContainerState, main: ContainerState | None = None) -> Pod:
    """A pod that was created at 2, whose init container is in that state."""
    return pod(1, 2, main, init_container_statuses=(ContainerStatus("setup", state),), **SETUP)


def worked(since: float, until: float) -> ContainerState:
    return ContainerState(terminated=Terminated(0, "Completed", "", at(since), at(until)))


@dataclass(frozen=True)
class Row:
    """A name, what is known of a run, and its next limit: when, why, and how its words begin; None without one."""

    name: str
    known: RunView
    wanted: tuple[float, str, str] | None


def of(pod: Pod | None = None, start: float | None = None, **spec: Any) -> RunView:
    status = recorded(RunPhase.RUNNING, start_time=at(start) if start is not None else None)
    return known_of(scheduled_run(status=status, **spec), pod=pod)


WAITS, RUNS = pod(1, 2, waits("ContainerCreating")), pod(1, 2, runs(5))
START: dict[str, Any] = {"startTimeout": "10s"}
TIMEOUT: dict[str, Any] = {"timeout": "20s"}
TOTAL: dict[str, Any] = {"totalTimeout": "30s"}
SLOW_START, SLOW, SLOW_TOTAL = (
    "did not start within 10s",
    "took longer than its timeout of 20s",
    "took longer than its totalTimeout of 30s",
)
ALL: dict[str, Any] = {**START, **TIMEOUT, **TOTAL}

ROWS = (
    Row("no pod", of(), None),
    Row("no pod, and each limit", of(**ALL), None),
    Row("it runs, without limits", of(RUNS), None),
    Row("the default to start", of(WAITS), (2 + 900, "StartTimeout", "did not start within 15m")),
    Row("to start, from its creation", of(WAITS, **START), (12, "StartTimeout", SLOW_START)),
    Row("to start, and nothing is known of it", of(pod(1, 2), **START), (12, "StartTimeout", SLOW_START)),
    Row("to start, and it runs", of(RUNS, **START), None),
    Row("to start, and it has ended", of(pod(1, 2, exited(5, 0)), **START), None),
    Row("to start, and an init container is at work", of(setup(runs(3)), **START), None),
    Row(
        "to start, and one has been for four seconds",
        of(setup(worked(3, 7)), **START),
        (16, "StartTimeout", SLOW_START),
    ),
    Row(
        "to start, and it ended before it began, by a clock",
        of(setup(worked(7, 3)), **START),
        (12, "StartTimeout", SLOW_START),
    ),
    Row(
        "a timeout, and nothing has begun", of(WAITS, **TIMEOUT), (2 + 900, "StartTimeout", "did not start within 15m")
    ),
    Row("a timeout, from the start of the container", of(RUNS, **TIMEOUT), (25, "TimedOut", SLOW)),
    Row("a timeout, from the start of the first", of(setup(worked(3, 4), runs(5)), **TIMEOUT), (23, "TimedOut", SLOW)),
    Row("a timeout while the first is at work", of(setup(runs(3)), **TIMEOUT), (23, "TimedOut", SLOW)),
    Row(
        "a timeout of one that does several batches, from its own start",
        several_batches(setup(worked(3, 4), runs(5)), **TIMEOUT),
        (25, "TimedOut", SLOW),
    ),
    Row(
        "of such a one, while another is at work before it",
        several_batches(setup(runs(3)), **TIMEOUT),
        (23, "TimedOut", SLOW),
    ),
    Row("the whole run, from its pod", of(RUNS, **TOTAL), (32, "TotalTimeout", SLOW_TOTAL)),
    Row("the whole run, from its first pod", of(RUNS, start=1, **TOTAL), (31, "TotalTimeout", SLOW_TOTAL)),
    Row("the task's", known_of(task=make_task(**TIMEOUT), pod=RUNS), (25, "TimedOut", SLOW)),
    # Of several the first.
    Row("to start before the whole", of(WAITS, **ALL), (12, "StartTimeout", SLOW_START)),
    Row("the whole before to start", of(WAITS, start=-19, **ALL), (11, "TotalTimeout", SLOW_TOTAL)),
    Row("the attempt before the whole", of(RUNS, **ALL), (25, "TimedOut", SLOW)),
    Row("the whole before the attempt", of(RUNS, start=-6, **ALL), (24, "TotalTimeout", SLOW_TOTAL)),
    Row("both at once: the attempt, which may be repeated", of(RUNS, start=-5, **ALL), (25, "TimedOut", SLOW)),
    Row("to start and the whole at once: to start", of(WAITS, start=-18, **ALL), (12, "StartTimeout", SLOW_START)),
    Row(
        "the attempt before the start of the main one",
        of(setup(worked(3, 18)), **{**ALL, "totalTimeout": "1h"}),
        (23, "TimedOut", SLOW),
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_which_limit_it_meets_first(row: Row) -> None:
    limit = next_limit(row.known)
    if row.wanted is None:
        assert limit is None
        return
    assert limit is not None
    when, reason, message = row.wanted
    assert (limit.at, limit.reason) == (at(when), reason)
    assert limit.message.startswith(message)


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        (of(RUNS, **TIMEOUT), SLOW),
        (of(setup(runs(3)), **TIMEOUT), f"{SLOW}: init container setup is running"),
        (
            of(pod(1, 2, waits("ErrImagePull")), **START),
            f"{SLOW_START}: container main does not start: ImagePullBackOff",
        ),
        (of(pod(1, 2), **START), f"{SLOW_START}: no scheduler has taken it up"),
    ],
    ids=["it runs", "it is at work", "it is stuck", "nobody has taken it up"],
)
def test_what_it_was_at_is_said_of_a_pod_that_has_not_come_to_its_main_container(known: RunView, wanted: str) -> None:
    limit = next_limit(known)
    assert limit is not None
    assert limit.message == wanted


def test_what_is_said_has_a_bound() -> None:
    limit = next_limit(of(pod(1, 2, waits("Odd", "x " * 2000)), **START))
    assert limit is not None
    assert (len(limit.message), limit.message[-1]) == (LONGEST_MESSAGE, "…")


# --- the instants ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "limit"),
    [(of(RUNS, **TIMEOUT), 25), (of(WAITS, **START), 12), (of(RUNS, **TOTAL), 32)],
    ids=["timeout", "startTimeout", "totalTimeout"],
)
def test_it_is_over_at_the_instant_itself(known: RunView, limit: float) -> None:
    for now, wake_at in ((limit - 1, at(limit)), (limit - MOMENT, at(limit)), (limit, None), (limit + MOMENT, None)):
        life = Life(known.run)
        decided = life.decide(now, known.pod)
        reasons = [attempt.reason for attempt in life.status.attempts]
        assert decided.wake_at == wake_at
        assert decided.actions == ()
        assert (reasons == [None]) is (now < limit)


# --- stopped ---------------------------------------------------------------------------------------------------------


def test_that_it_is_to_be_stopped_is_recorded_before_it_is() -> None:
    known = of(RUNS, **TIMEOUT)
    first = stop(known, RUNS, at(25), "TimedOut", "too long")
    assert (first.actions, first.wake_at) == ((), None)
    assert (first.status.phase, first.status.message) == (RunPhase.RUNNING, "too long")
    assert [(each.number, each.reason) for each in first.status.attempts] == [(1, "TimedOut")]
    second = stop(known_of(scheduled_run(status=first.status), pod=RUNS), RUNS, at(26), "TimedOut", "too long")
    assert second.actions == (StopPod(RUNS, "TimedOut", at(26)),)
    assert second.status == first.status


@pytest.mark.parametrize("reason", ["TimedOut", "StartTimeout", "TotalTimeout"])
def test_what_is_recorded_says_why_until_the_pod_has_stopped(reason: str) -> None:
    """Whatever limits the spec has then."""
    status = recorded(RunPhase.RUNNING, attempt(1, 2, reason=reason), message="too long", start_time=at(2))
    life = Life(scheduled_run(status=status))
    assert life.decide(3, RUNS).actions == (StopPod(RUNS, "TimedOut", at(3)),)
    assert (life.status.attempts[0].reason, life.status.message) == (reason, "too long")
    asked = pod(1, 2, runs(5), **asked_to_stop(3, "TimedOut"))
    assert life.decide(4, asked).wake_at == at(3 + 60)
    assert life.decide(63 - MOMENT, asked).actions == ()
    assert life.decide(63, asked).actions == (DeletePod(asked),)


def test_a_limit_is_data() -> None:
    assert next_limit(of(RUNS, **TIMEOUT)) == Limit(at(25), "TimedOut", SLOW)


# --- in a run's life -------------------------------------------------------------------------------------------------


def test_an_attempt_that_takes_too_long_is_stopped_and_may_be_repeated() -> None:
    life = Life(scheduled_run(retry={"limit": 1, **NO_JITTER}, timeout="10s"))
    assert life.decide(2, pod(1, 0, runs(2))).wake_at == at(12)
    first = life.decide(12, pod(1, 0, runs(2)))
    assert first.actions == ()
    assert life.decide(12, pod(1, 0, runs(2))).actions == (StopPod(pod(1, 0, runs(2)), "TimedOut", at(12)),)
    # What its container then does is not its end.
    assert life.decide(13, pod(1, 0, exited(13, 0), **asked_to_stop(12, "TimedOut"))).actions == ()
    life.decide(14, pod(1, 0, **asked_to_stop(12, "TimedOut"), **stopped(13, 0)))
    assert life.phase == RunPhase.RETRYING
    life.decide(16, pod(2, 16, runs(16)))
    life.decide(26, pod(2, 16, runs(16)))
    life.decide(27)
    assert (life.phase, life.status.message) == (RunPhase.TIMED_OUT, "took longer than its timeout of 10s")
    assert [a.reason for a in life.status.attempts] == ["TimedOut", "TimedOut"]
    assert life.status.lost_attempts == 0


def test_a_pod_that_does_not_start_fails_by_its_reason() -> None:
    life = Life(scheduled_run(startTimeout="1m"))
    stuck = pod(1, 0, waits("ErrImagePull"))
    assert life.decide(1, stuck).wake_at == at(60)
    life.decide(60, stuck)
    assert [type(action) for action in life.decide(60, stuck).actions] == [DeletePod]
    life.decide(61)
    assert (life.phase, life.status.conditions[0].reason) == (RunPhase.FAILED, "StartTimeout")
    assert life.status.message == "did not start within 1m: container main does not start: ImagePullBackOff"


def test_fifteen_minutes_to_start_are_the_default_and_a_run_that_runs_has_no_such_limit() -> None:
    life = Life()
    assert life.decide(1, pod(1, 0)).wake_at == at(900)
    assert life.decide(2, pod(1, 0, runs(2))).wake_at is None


def test_a_run_with_all_its_attempts_has_a_limit_too() -> None:
    life = Life(scheduled_run(retry={"limit": 9, "initial": "10s", **NO_JITTER}, totalTimeout="30s"))
    life.fails(1, 0, 5)
    life.decide(16, pod(2, 16, runs(16)))
    assert life.decide(17, pod(2, 16, runs(16))).wake_at == at(30)
    life.decide(30, pod(2, 16, runs(16)))
    life.decide(31)
    assert (life.phase, life.status.conditions[0].reason) == (RunPhase.TIMED_OUT, "TotalTimeout")
    assert life.status.message == "took longer than its totalTimeout of 30s"


def test_a_pod_that_somebody_deletes_is_lost_and_not_timed_out_while_it_stops() -> None:
    life = Life(scheduled_run(timeout="5s", retry={"limit": 3, "onLost": "Fail"}))
    life.decide(1, pod(1, 0, runs(0)))
    deleting = pod(1, 0, runs(0), metadata={"deletion_timestamp": at(34), "deletion_grace_period_seconds": 30})
    decided = life.decide(9, deleting)
    assert (decided.actions, life.status.message) == ((), "its pod is being deleted by somebody else")
    life.decide(34)
    assert (life.phase, life.status.lost_attempts) == (RunPhase.FAILED, 1)
