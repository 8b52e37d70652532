"""The status of a run: what is known of it, what happened, and what is recorded."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from run_life import (
    NO_JITTER,
    Life,
    annotated,
    at,
    attempt,
    caused,
    known_of,
    make_task,
    own_run,
    pod,
    recorded,
    run_of_time,
    runs,
    scheduled_run,
)

from crontask.api.metadata import Condition
from crontask.api.phases import Origin, RunPhase
from crontask.api.scheduledrun import Attempt, ScheduledRunStatus
from crontask.decide.attempt.outcome import Outcome
from crontask.decide.decisions import DecisionKind
from crontask.decide.model import ScheduledRun
from crontask.decide.run.follow_up import DEEPEST
from crontask.decide.run.status import attempt_recorded, ended, held, identity, running, with_attempt
from crontask.decide.views import RunView

S, P, F, T, C = RunPhase.SUCCEEDED, RunPhase.PARTIAL, RunPhase.FAILED, RunPhase.TIMED_OUT, RunPhase.CANCELED
POD = pod(1, 2, runs(3))
TERMINAL = [phase for phase in RunPhase if phase.terminal]

# --- who made it, and for when ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "origin", "scheduled"),
    [
        (run_of_time(60), Origin.SCHEDULE, 60),
        (scheduled_run(created=3), Origin.MANUAL, 3),
        (scheduled_run(created=3, delay="4s"), Origin.MANUAL, 7),
        (scheduled_run(at=at(9).isoformat()), Origin.MANUAL, 9),
        (scheduled_run(at=at(9).isoformat(), scheduledTime=at(8).isoformat()), Origin.MANUAL, 8),
        (caused(scheduled_run()), Origin.AFTER, 0),
    ],
    ids=["of the schedule", "manual", "later", "at a time", "for another time", "by an end"],
)
def test_who_made_it_and_for_when(run: ScheduledRun, origin: Origin, scheduled: float) -> None:
    known = known_of(run, pod=POD)
    assert identity(known) == {"origin": origin, "scheduled_time": at(scheduled)}
    for status in (
        held(known, RunPhase.PENDING, None).status,
        running(known, None).status,
        attempt_recorded(known),
        ended(known, at(9), F, "Error", None).status,
    ):
        assert (status.origin, status.scheduled_time) == (origin, at(scheduled))


# --- held ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [RunPhase.PENDING, RunPhase.QUEUED])
@pytest.mark.parametrize("before", [None, RunPhase.PENDING, RunPhase.QUEUED])
def test_that_it_queues_is_a_decision_once(phase: RunPhase, before: RunPhase | None) -> None:
    known = known_of(run_of_time(60, None, recorded(before, message="before")))
    decided = held(known, phase, "waits", at(9))
    assert (decided.status.phase, decided.status.message, decided.wake_at) == (phase, "waits", at(9))
    assert decided.actions == ()
    found = [(each.kind, each.task, each.nominal, each.event) for each in decided.transitions]
    queues = phase is RunPhase.QUEUED and before is not RunPhase.QUEUED
    assert found == ([(DecisionKind.QUEUE, "t", at(60), False)] if queues else [])


def test_what_it_waited_for_is_forgotten() -> None:
    assert (
        held(known_of(scheduled_run(status=recorded(None, message="before"))), RunPhase.PENDING, None).status.message
        is None
    )


# --- running ---------------------------------------------------------------------------------------------------------

FIRST, AHEAD = attempt(1, 0, 1, task_generation=3), attempt(1, task_generation=3)


@dataclass(frozen=True)
class Row:
    """A name, the attempts that are recorded, and those that are once the pod of the expected one is seen."""

    name: str
    before: tuple[Attempt, ...]
    wanted: tuple[Attempt, ...]


ROWS = (
    Row("the first", (), (attempt(1, 2, task_generation=7),)),
    Row("the first, as it was", (attempt(1, 2, task_generation=3),), (attempt(1, 2, task_generation=3),)),
    Row("the first, which was recorded ahead", (AHEAD,), (attempt(1, 2, task_generation=3),)),
    Row("the second", (FIRST,), (FIRST, attempt(2, 2, task_generation=7))),
    Row("the second, as it was", (FIRST, attempt(2, 2, task_generation=3)), (FIRST, attempt(2, 2, task_generation=3))),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_attempts_that_run(row: Row) -> None:
    number = row.wanted[-1].number
    status = recorded(RunPhase.RETRYING, *row.before, next_retry_time=at(2), message="before", pod_name="r-0")
    decided = running(known_of(scheduled_run(status=status), pod=pod(number, 2, runs(3))), "now", wake_at=at(9))
    assert decided.status.attempts == row.wanted
    assert (decided.status.phase, decided.status.message) == (RunPhase.RUNNING, "now")
    assert (decided.status.next_retry_time, decided.status.pod_name) == (None, f"r-{number}")
    assert (decided.wake_at, decided.actions, decided.transitions) == (at(9), (), ())


@pytest.mark.parametrize(("before", "wanted"), [(None, 2), (1, 1), (3, 3)])
def test_a_run_starts_with_its_first_pod(before: float | None, wanted: float) -> None:
    status = recorded(None, start_time=at(before) if before is not None else None)
    assert running(known_of(scheduled_run(status=status), pod=POD), None).status.start_time == at(wanted)


def test_phase_and_reason_are_those_that_are_asked_for() -> None:
    decided = running(known_of(pod=POD), None, phase=RunPhase.CANCELING, attempt_reason="TimedOut")
    assert (decided.status.phase, decided.status.attempts[0].reason) == (RunPhase.CANCELING, "TimedOut")
    # Of a run on its own there is no generation.
    assert running(known_of(own_run(), pod=POD, alone=True), None).status.attempts[0].task_generation is None


# --- recorded ahead of its pod ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        ((), (attempt(1, task_generation=7),)),
        ((AHEAD,), (AHEAD,)),
        ((FIRST,), (FIRST, attempt(2, task_generation=7))),
        ((attempt(1, 0),), (attempt(1, 0),)),
    ],
    ids=["the first", "again", "the second", "it is there"],
)
def test_an_attempt_is_recorded_ahead(before: tuple[Attempt, ...], wanted: tuple[Attempt, ...]) -> None:
    status = recorded(RunPhase.RETRYING, *before, next_retry_time=at(2), message="before")
    found = attempt_recorded(known_of(scheduled_run(status=status)))
    assert found.attempts == wanted
    assert (found.phase, found.next_retry_time, found.message) == (RunPhase.RUNNING, None, None)
    assert (found.pod_name, found.start_time) == (None, None)


# --- ended -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", TERMINAL)
def test_each_end_has_its_condition_and_its_decision(phase: RunPhase) -> None:
    decided = ended(known_of(run_of_time(60)), at(9), phase, "Why", "because")
    (condition,) = decided.status.conditions
    assert decided.status.phase is phase
    assert condition == Condition(
        type="Complete" if phase in (S, P) else "Failed",
        status="True",
        reason="Why",
        message="because",
        last_transition_time=at(9),
        observed_generation=1,
    )
    (transition,) = decided.transitions
    kinds = {C: DecisionKind.CANCEL, RunPhase.SKIPPED: DecisionKind.SKIP, RunPhase.MISSED: DecisionKind.MISS}
    assert transition.kind == kinds.get(phase)
    assert transition.warning is (phase in (F, T))
    assert transition.reason == ("Completed" if phase in (S, P) else "Why")
    assert transition.message == f"{phase}: because"
    assert (transition.task, transition.run, transition.nominal) == ("t", run_of_time(60).meta.name, at(60))


@pytest.mark.parametrize(
    ("phase", "by", "kind"),
    [
        (C, None, DecisionKind.CANCEL),
        (C, "newer", None),
        (RunPhase.SKIPPED, "newer", DecisionKind.SKIP),
        (F, "newer", None),
    ],
)
def test_that_it_is_replaced_was_a_decision_before(phase: RunPhase, by: str | None, kind: DecisionKind | None) -> None:
    run = annotated(scheduled_run(), replaced_by=by) if by is not None else scheduled_run()
    assert ended(known_of(run), at(9), phase, "Why", None).transitions[0].kind == kind


@pytest.mark.parametrize(
    ("phase", "reason", "message", "wanted"),
    [
        (F, "Error", "no", ("Failed", "Failed: no")),
        (F, "OOMKilled", None, ("OOMKilled", "Failed")),
        (F, "OOMKilled", "", ("OOMKilled", "Failed")),
        (S, "Odd", None, ("Completed", "Succeeded")),
    ],
)
def test_what_is_said_of_an_end(phase: RunPhase, reason: str, message: str | None, wanted: tuple[str, str]) -> None:
    decided = ended(known_of(), at(9), phase, reason, message)
    assert (decided.transitions[0].reason, decided.transitions[0].message) == wanted
    assert (decided.status.message, decided.status.conditions[0].message) == (message, message or "")


@dataclass(frozen=True)
class Times:
    """A name, what is known, when the pod ended if that is known, and start, completion and duration."""

    name: str
    known: RunView
    pod_ended: float | None
    wanted: tuple[float | None, float, str | None]


def started(seconds: float | None, **known: Any) -> RunView:
    status = recorded(RunPhase.RUNNING, start_time=at(seconds) if seconds is not None else None)
    return known_of(scheduled_run(status=status), **known)


TIMES = (
    Times("nothing started", started(None), None, (None, 9, None)),
    Times("a pod that is not recorded", started(None, pod=POD), 5, (2, 5, "3s")),
    Times("a start that is recorded", started(1, pod=POD), 5, (1, 5, "4s")),
    Times("the pod is gone", started(1), None, (1, 9, "8s")),
    Times("an end before the start, by a clock", started(7, pod=POD), 5, (7, 5, "0s")),
)


@pytest.mark.parametrize("row", TIMES, ids=lambda row: str(row.name))
def test_from_when_to_when(row: Times) -> None:
    def instant(seconds: float | None) -> datetime | None:
        return at(seconds) if seconds is not None else None

    outcome = Outcome(F, "Error", ended=instant(row.pod_ended)) if row.pod_ended is not None else None
    status = ended(row.known, at(9), F, "Error", None, outcome).status
    start, completion, duration = row.wanted
    assert (status.start_time, status.completion_time) == (instant(start), instant(completion))
    assert status.duration == duration
    assert status.conditions[0].last_transition_time == at(9)


def test_a_condition_that_is_there_keeps_its_time() -> None:
    before = Condition(type="Failed", status="True", reason="Old", last_transition_time=at(3))
    status = ScheduledRunStatus(conditions=(before,))
    (condition,) = ended(known_of(scheduled_run(status=status)), at(9), F, "Error", None).status.conditions
    assert (condition.reason, condition.last_transition_time) == ("Error", at(3))


def test_what_the_outcome_gives_back_is_kept_and_what_was_there_is_not() -> None:
    before = recorded(RunPhase.RUNNING, result=1, processed_count=1, error_count=1, result_truncated=True)
    known = known_of(scheduled_run(status=before), pod=POD)
    outcome = Outcome(S, "Completed", result={"rows": 3}, processed_count=4, error_count=0, result_truncated=True)
    for given, wanted in ((outcome, ({"rows": 3}, 4, 0, True)), (None, (None, None, None, None))):
        status = ended(known, at(9), S, "Completed", None, given).status
        assert (status.result, status.processed_count, status.error_count, status.result_truncated) == wanted
        assert (status.pod_name, status.next_retry_time) == ("r-1", None)


@pytest.mark.parametrize(
    ("known", "outcome", "attempts", "lost"),
    [
        (known_of(), None, (), 1),
        (known_of(scheduled_run(status=recorded(None, FIRST))), None, (FIRST,), 1),
        (
            known_of(scheduled_run(status=recorded(None, AHEAD))),
            None,
            (attempt(1, None, 9, reason="Why", message="so", task_generation=3),),
            1,
        ),
        (known_of(pod=POD), None, (attempt(1, 2, 9, reason="Why", message="so", task_generation=7),), 1),
        (
            known_of(),
            Outcome(F, "Why", exit_code=3, ended=at(5)),
            (attempt(1, None, 5, exit_code=3, reason="Why", message="so", task_generation=7),),
            1,
        ),
        (
            known_of(),
            Outcome(F, "Why", lost=True),
            (attempt(1, None, 9, reason="Why", message="so", task_generation=7),),
            2,
        ),
    ],
    ids=["before its first", "between two", "one is open", "a pod is there", "an outcome", "an attempt that was lost"],
)
def test_attempts_of_a_run_that_ends(
    known: RunView, outcome: Outcome | None, attempts: tuple[Attempt, ...], lost: int
) -> None:
    """Between two attempts, or before its first, it has none of its own."""
    run = replace(known.run, status=known.run.status.model_copy(update={"lost_attempts": 1}))
    status = ended(replace(known, run=run), at(9), F, "Why", "so", outcome).status
    assert (status.attempts, status.lost_attempts) == (attempts, lost)


def test_an_attempt_keeps_when_its_pod_was_seen() -> None:
    known = known_of(scheduled_run(status=recorded(RunPhase.RUNNING, attempt(1, 1))), pod=POD)
    (found,) = with_attempt(known, "Why", None, at(9), None)
    assert (found.start_time, found.completion_time) == (at(1), at(9))


def test_an_end_causes_what_follows_unless_the_chain_is_too_deep() -> None:
    run = scheduled_run(onComplete={"taskRef": {"name": "report"}})
    decided = ended(known_of(run), at(9), S, "Completed", None)
    assert len(decided.follow_ups) == 1
    deep = ended(known_of(caused(run, DEEPEST)), at(9), S, "Completed", None)
    assert (deep.follow_ups, [each.reason for each in deep.transitions]) == ((), ["Completed", "ChainTooDeep"])


def test_the_generation_is_that_of_the_task_that_is_known() -> None:
    task = make_task()
    edited = replace(task, meta=task.meta.model_copy(update={"generation": 8}))
    for each, generation in ((task, 7), (edited, 8)):
        assert with_attempt(known_of(task=each, pod=POD), "Why", None, at(9), None)[0].task_generation == generation


# --- in a run's life -------------------------------------------------------------------------------------------------


def test_ten_attempts_are_kept_and_all_are_numbered() -> None:
    life = Life(scheduled_run(retry={"limit": 100, "max": "1s", **NO_JITTER}))
    for number in range(1, 14):
        life.fails(number, number * 10, number * 10 + 5)
    assert [a.number for a in life.status.attempts] == list(range(4, 14))
    assert life.status.expected_attempt == 14


def test_an_attempt_records_the_generation_that_it_was_built_from() -> None:
    life = Life(scheduled_run(retry={"limit": 1}))
    life.fails(1, 0, 5)
    life.task = replace(life.task, meta=life.task.meta.model_copy(update={"generation": 8}))
    life.decide(7, pod(2, 7))
    assert [a.task_generation for a in life.status.attempts] == [7, 8]
