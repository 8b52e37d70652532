"""What the wish for an end does: what is known of a run, and what is recorded and done."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from run_life import (
    Life,
    annotated,
    asked_to_stop,
    at,
    attempt,
    known_of,
    pod,
    recorded,
    runs,
    scheduled_run,
    waits,
)

from crontask.api.metadata import Condition
from crontask.api.phases import RunPhase
from crontask.api.scheduledrun import ScheduledRunStatus
from crontask.decide.decisions import DeletePod, RunAction, StopPod
from crontask.decide.run.cancel import canceled_too_late, canceled_without_pod, canceling

MOMENT = 0.000001
RUNS, WAITS = pod(1, 0, runs(1)), pod(1, 0, waits("ErrImagePull"))
ENDS = [phase for phase in RunPhase if phase.terminal]

# --- too late --------------------------------------------------------------------------------------------------------


def ended(phase: RunPhase, *generations: int | None) -> ScheduledRunStatus:
    conditions = tuple(
        Condition(type=f"C{n}", status="True", reason="R", last_transition_time=at(5), observed_generation=generation)
        for n, generation in enumerate(generations)
    )
    return ScheduledRunStatus(phase=phase, conditions=conditions)


@pytest.mark.parametrize("phase", ENDS)
def test_a_wish_after_the_end_is_answered_once(phase: RunPhase) -> None:
    run = scheduled_run(cancel=True, status=ended(phase, 0))
    decided = canceled_too_late(known_of(run))
    if phase is RunPhase.CANCELED:
        assert (decided.status, decided.transitions) == (run.status, ())
        return
    assert decided.status == ended(phase, 1)
    (transition,) = decided.transitions
    assert (transition.reason, transition.task, transition.run) == ("CancelIgnored", "t", "r")
    assert transition.message == f"cancel came too late: the run had already ended as {phase}"
    again = canceled_too_late(known_of(replace(run, status=decided.status)))
    assert (again.status, again.transitions) == (decided.status, ())


@pytest.mark.parametrize(
    ("cancel", "generations", "answered"),
    [
        (False, (0,), False),
        (True, (0,), True),
        (True, (None,), True),
        (True, (1,), False),
        (True, (1, 0), True),
        (True, (0, 1), True),
        (True, (1, 1), False),
        # Where nothing can note it, it is not answered again and again.
        (True, (), False),
    ],
)
def test_it_is_answered_where_a_condition_is_of_another_generation(
    cancel: bool, generations: tuple[int | None, ...], answered: bool
) -> None:
    run = scheduled_run(cancel=cancel, status=ended(RunPhase.FAILED, *generations))
    decided = canceled_too_late(known_of(run))
    assert bool(decided.transitions) is answered
    assert decided.status == (ended(RunPhase.FAILED, *(1 for _ in generations)) if answered else run.status)


# --- with a pod ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A name, the phase that is recorded, the pod, the time, what is done, and when to look again."""

    name: str
    phase: RunPhase | None
    known: Any
    now: float
    wanted: tuple[RunAction, ...] = ()
    wake_at: float | None = None


ASKED = pod(1, 0, runs(1), **asked_to_stop(12, "Canceled", termination_grace_period_seconds=5))
DELETING = pod(1, 0, runs(1), metadata={"deletion_timestamp": at(40)})
CANCELING = RunPhase.CANCELING
ROWS = (
    Row("nothing is recorded", None, RUNS, 10),
    Row("it runs", RunPhase.RUNNING, RUNS, 10),
    Row("the wish is recorded", CANCELING, RUNS, 10, (StopPod(RUNS, "Canceled", at(10)),)),
    Row("the wish is recorded, and nothing has started", CANCELING, WAITS, 10, (DeletePod(WAITS),)),
    Row("it is asked to stop", CANCELING, ASKED, 13, (), 12 + 5 + 30),
    Row("a moment before its patience ends", CANCELING, ASKED, 47 - MOMENT, (), 47),
    Row("as its patience ends", CANCELING, ASKED, 47, (DeletePod(ASKED),)),
    Row("after its patience has ended", CANCELING, ASKED, 47 + MOMENT, (DeletePod(ASKED),)),
    Row("it is deleted", CANCELING, DELETING, 90),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_the_wish_is_recorded_and_then_the_pod_stopped(row: Row) -> None:
    run = scheduled_run(cancel=True, cancelReason="enough", status=recorded(row.phase))
    decided = canceling(known_of(run, pod=row.known), row.known, at(row.now))
    assert decided.actions == row.wanted
    assert decided.wake_at == (at(row.wake_at) if row.wake_at is not None else None)
    assert (decided.status.phase, decided.status.message) == (RunPhase.CANCELING, "enough")
    assert [(each.number, each.start_time, each.reason) for each in decided.status.attempts] == [(1, at(0), None)]


def test_a_pod_of_a_run_that_is_replaced_is_stopped_as_replaced() -> None:
    run = annotated(scheduled_run(cancel=True, status=recorded(CANCELING)), replaced_by="newer")
    assert canceling(known_of(run, pod=RUNS), RUNS, at(10)).actions == (StopPod(RUNS, "Replaced", at(10)),)


def test_a_pod_that_is_being_stopped_for_another_reason_is_stopped_as_canceled_once_that_is_recorded() -> None:
    late = attempt(1, 0, reason="TimedOut")
    run = scheduled_run(cancel=True, status=recorded(RunPhase.RUNNING, late))
    decided = canceling(known_of(run, pod=RUNS), RUNS, at(10))
    assert (decided.status.phase, decided.actions) == (CANCELING, ())
    again = canceling(known_of(replace(run, status=decided.status), pod=RUNS), RUNS, at(10))
    assert again.actions == (StopPod(RUNS, "Canceled", at(10)),)


# --- without a pod ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "before", "message"),
    [
        ("enough", "waits", "enough"),
        (None, "attempt 1 failed", "canceled before its next attempt"),
        (None, None, "canceled before its next attempt"),
    ],
    ids=["a reason", "no reason: not what it said last", "nothing"],
)
def test_without_a_pod_it_is_canceled_at_once(why: str | None, before: str | None, message: str | None) -> None:
    attempts = (attempt(1, 0, 5, reason="Error"),)
    run = scheduled_run(cancel=True, cancelReason=why, status=recorded(RunPhase.RETRYING, *attempts, message=before))
    decided = canceled_without_pod(known_of(run), at(9))
    assert (decided.status.phase, decided.status.message) == (RunPhase.CANCELED, message)
    assert (decided.status.completion_time, decided.status.attempts) == (at(9), attempts)
    assert [condition.reason for condition in decided.status.conditions] == ["Canceled"]
    assert decided.actions == ()


# --- in a run's life -------------------------------------------------------------------------------------------------


def test_a_run_that_waits_for_its_next_attempt_is_canceled_at_once() -> None:
    life = Life(scheduled_run(retry={"limit": 1, "initial": "1h"}))
    life.fails(1, 0, 5)
    life.run = replace(life.run, spec=scheduled_run(retry={"limit": 1}, cancel=True, cancelReason="enough").spec)
    life.decide(9)
    assert (life.phase, life.status.message) == (RunPhase.CANCELED, "enough")
    assert [a.reason for a in life.status.attempts] == ["Error"]
    assert life.status.next_retry_time is None
