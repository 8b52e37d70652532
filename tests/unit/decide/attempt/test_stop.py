"""Pods that are stopped: the order of things, what is asked of whom, and what the end then is."""

from dataclasses import replace
from typing import Any

import pytest
from run_life import Life, asked_to_stop, at, attempt, exited, known_of, pod, recorded, runs, scheduled_run, stopped

from crontask.api.names import ANNOTATION_REPLACED_BY, ANNOTATION_STOP_REQUESTED_AT, ANNOTATION_STOPPED
from crontask.api.phases import RunPhase
from crontask.api.pod import Container, ContainerState, ContainerStatus, Pod, Waiting
from crontask.decide.attempt.stop import end_of_stopped, stop_reason, why_canceled
from crontask.decide.decisions import DecisionKind, DeletePod, StopLeftovers, StopPod
from crontask.decide.pod_state import NOT_MADE, Present
from crontask.decide.stage import OCCUPIES_SLOT, stage_of
from crontask.decide.views import RunView

RUNS = pod(1, 0, runs(1))
DELETED: dict[str, Any] = {"deletion_timestamp": at(42), "deletion_grace_period_seconds": 30}


def canceling(**spec: Any) -> Life:
    """A run whose pod runs, with the wish that it ends, which is recorded."""
    life = Life(scheduled_run(cancel=True, cancelReason="enough", **spec))
    assert life.decide(10, RUNS).actions == ()
    assert life.phase is RunPhase.CANCELING
    return life


def in_the_way(life: Life, known: Pod | None) -> bool:
    return stage_of(RunView(life.run, life.task, Present(known) if known is not None else NOT_MADE)) in OCCUPIES_SLOT


def replaced(life: Life, by: str = "newer") -> None:
    """Another run takes its slot."""
    meta = life.run.meta.model_copy(update={"annotations": {ANNOTATION_REPLACED_BY: by}})
    life.run = replace(life.run, meta=meta)


def test_the_wish_is_recorded_then_the_kubelet_asked_then_the_end_recorded() -> None:
    life = canceling()
    assert life.decide(12, RUNS).actions == (StopPod(RUNS, "Canceled", at(12)),)
    asked = pod(1, 0, runs(1), **asked_to_stop(12, "Canceled"))
    waiting = life.decide(13, asked)
    # Half a minute longer than its grace period.
    assert (waiting.actions, waiting.wake_at) == ((), at(12 + 30 + 30))
    assert in_the_way(life, asked)
    ended = pod(1, 0, **{**asked_to_stop(12, "Canceled"), **stopped(20)})
    assert not in_the_way(life, ended)
    decided = life.decide(21, ended)
    assert (life.phase, life.status.message, life.status.completion_time) == (RunPhase.CANCELED, "enough", at(20))
    assert [(a.reason, a.exit_code) for a in life.status.attempts] == [("Canceled", 143)]
    assert [transition.kind for transition in decided.transitions] == [DecisionKind.CANCEL]
    assert decided.before == ()


@pytest.mark.parametrize(
    "known",
    [
        pod(1, 0, runs(1), **asked_to_stop(12, "Canceled")),
        # The main container has stopped, and others have not.
        pod(1, 0, exited(13, 0), phase="Running", **asked_to_stop(12, "Canceled")),
        pod(1, 0, runs(1), metadata=DELETED),
        pod(1, 0, exited(13, 143), metadata=DELETED),
    ],
)
def test_a_pod_that_stops_is_in_the_way_and_its_end_is_not_known(known: Pod) -> None:
    life = canceling()
    assert life.decide(14, known).actions == ()
    assert (life.phase, in_the_way(life, known)) == (RunPhase.CANCELING, True)


@pytest.mark.parametrize(
    ("known", "phase"),
    [
        # It had ended before anybody was asked, or before the kubelet did anything.
        (pod(1, 0, exited(11, 0), phase="Running"), RunPhase.SUCCEEDED),
        (pod(1, 0, exited(11, 3), phase="Failed"), RunPhase.FAILED),
        (pod(1, 0, exited(13, 0), phase="Succeeded", **asked_to_stop(12, "Canceled")), RunPhase.SUCCEEDED),
        (pod(1, 0, exited(13, 3), phase="Failed", **asked_to_stop(12, "Canceled")), RunPhase.FAILED),
        # It was stopped, whatever its exit code is, and whoever came first.
        (pod(1, 0, **{**asked_to_stop(12, "Canceled"), **stopped(13, 0)}), RunPhase.CANCELED),
        (pod(1, 0, exited(13, 0), phase="Succeeded", metadata=DELETED), RunPhase.CANCELED),
        (pod(1, 0, phase="Failed", reason="Evicted"), RunPhase.CANCELED),
        (
            pod(1, 0, exited(13, 137), phase="Failed", reason="Evicted", **asked_to_stop(12, "Canceled")),
            RunPhase.CANCELED,
        ),
        (None, RunPhase.CANCELED),
    ],
)
def test_what_its_end_is(known: Pod | None, phase: RunPhase) -> None:
    life = canceling()
    if known is not None:
        assert not in_the_way(life, known)
    life.decide(14, known)
    assert (life.phase, life.status.lost_attempts) == (phase, 0)


@pytest.mark.parametrize(
    ("grace", "seconds"), [(None, 60), (0, 30), (5, 35), (3600, 3630), (10**18, 3660 * 86400 + 30), (-1, 30)]
)
def test_a_kubelet_that_does_not_stop_it_has_it_deleted(grace: int | None, seconds: int) -> None:
    life = canceling()
    asked = pod(1, 0, runs(1), **asked_to_stop(12, "Canceled", termination_grace_period_seconds=grace))
    assert life.decide(12 + seconds - 0.1, asked).actions == ()
    assert life.decide(12 + seconds, asked).actions == (DeletePod(asked),)
    deleting = pod(1, 0, runs(1), metadata={**DELETED, **asked_to_stop(12, "Canceled")["metadata"]})
    assert life.decide(12 + seconds + 1, deleting).actions == ()
    life.decide(12 + seconds + 2)
    assert life.phase is RunPhase.CANCELED


@pytest.mark.parametrize("record", ["", "yesterday", "2026-03-01T12:00:00", "9999-12-31T23:59:59Z"])
def test_a_record_that_somebody_has_mangled_ends_nothing(record: str) -> None:
    life = canceling()
    said = {ANNOTATION_STOPPED: "Canceled", ANNOTATION_STOP_REQUESTED_AT: record}
    asked = pod(1, 0, runs(1), metadata={"annotations": said}, spec={"active_deadline_seconds": 1})
    actions = life.decide(70, asked).actions
    assert actions == (() if record.startswith("9999") else (DeletePod(asked),))


def test_a_pod_that_says_so_by_itself_has_not_been_asked() -> None:
    """The deadline is what stops it."""
    life = canceling()
    forged = pod(1, 0, runs(1), metadata={"annotations": {ANNOTATION_STOPPED: "Canceled"}})
    assert life.decide(12, forged).actions == (StopPod(forged, "Canceled", at(12)),)


@pytest.mark.parametrize(
    ("known", "deleted"),
    [
        (pod(1, 0), True),
        (pod(1, 0, ContainerState(waiting=Waiting("ImagePullBackOff"))), True),
        (RUNS, False),
        # There is a log of what has run before.
        (pod(1, 0, init_container_statuses=(ContainerStatus("setup", exited(3, 0)),)), False),
        (pod(1, 0, init_container_statuses=(ContainerStatus("setup", runs(3)),)), False),
    ],
)
def test_a_pod_of_which_nothing_has_started_is_deleted(known: Pod, deleted: bool) -> None:
    life = canceling()
    wanted = DeletePod(known) if deleted else StopPod(known, "Canceled", at(12))
    assert life.decide(12, known).actions == (wanted,)


@pytest.mark.parametrize(
    ("why", "phase"),
    [("Canceled", RunPhase.CANCELED), ("Replaced", RunPhase.CANCELED), ("TimedOut", RunPhase.TIMED_OUT)],
)
def test_where_the_status_is_lost_the_pod_says_why_it_was_stopped(why: str, phase: RunPhase) -> None:
    life = Life()
    assert life.decide(13, pod(1, 0, runs(1), **asked_to_stop(12, why))).wake_at == at(72)
    life = Life()
    life.decide(14, pod(1, 0, **{**asked_to_stop(12, why), **stopped(13)}))
    assert (life.phase, life.status.lost_attempts) == (phase, 0)


def test_a_run_that_is_replaced_says_so_on_its_pod_and_is_recorded_once() -> None:
    life = canceling()
    replaced(life)
    assert life.decide(12, RUNS).actions == (StopPod(RUNS, "Replaced", at(12)),)
    decided = life.decide(14, pod(1, 0, **{**asked_to_stop(12, "Replaced"), **stopped(13)}))
    assert life.phase is RunPhase.CANCELED
    assert [transition.kind for transition in decided.transitions] == [None]


def test_words_of_a_person_that_sound_like_a_replacement_are_a_cancel() -> None:
    life = Life(scheduled_run(cancel=True, cancelReason="replaced by hand"))
    assert [transition.kind for transition in life.decide(1).transitions] == [DecisionKind.CANCEL]


def test_a_wish_that_comes_while_a_timeout_stops_the_pod_is_what_counts() -> None:
    life = Life(scheduled_run(timeout="5s", retry={"limit": 3}))
    life.decide(6, RUNS)
    assert life.decide(6, RUNS).actions == (StopPod(RUNS, "TimedOut", at(6)),)
    life.run = replace(life.run, spec=scheduled_run(timeout="5s", cancel=True).spec)
    asked = asked_to_stop(6, "TimedOut")
    life.decide(7, pod(1, 0, runs(1), **asked))
    assert life.phase is RunPhase.CANCELING
    life.decide(8, pod(1, 0, **{**asked, **stopped(8)}))
    assert life.status.phase is RunPhase.CANCELED


def test_while_another_attempt_follows_a_stopped_pod_the_run_keeps_its_slot() -> None:
    for limit in (0, 1):
        life = Life(scheduled_run(timeout="5s", retry={"limit": limit}))
        life.decide(6, RUNS)
        ended = pod(1, 0, **{**asked_to_stop(6, "TimedOut"), **stopped(8)})
        assert in_the_way(life, ended) is bool(limit)


def test_an_exit_code_with_which_it_was_stopped_ends_no_retries() -> None:
    life = Life(scheduled_run(timeout="5s", retry={"limit": 1, "nonRetryableExitCodes": [143, 137]}))
    life.decide(6, RUNS)
    life.decide(8, pod(1, 0, **{**asked_to_stop(6, "TimedOut"), **stopped(8)}))
    assert (life.phase, life.status.attempts[0].exit_code) == (RunPhase.RETRYING, 143)


# --- why, and for good or not ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "phase", "final"),
    [
        ("Canceled", RunPhase.CANCELED, True),
        ("TimedOut", RunPhase.TIMED_OUT, False),
        ("StartTimeout", RunPhase.FAILED, False),
        ("TotalTimeout", RunPhase.TIMED_OUT, True),
    ],
)
def test_the_end_of_a_pod_that_was_stopped(reason: str, phase: RunPhase, final: bool) -> None:
    for message in ("too long", None):
        run = scheduled_run(status=recorded(RunPhase.RUNNING, attempt(1, 0), message=message))
        end = end_of_stopped(known_of(run, pod=pod(1, 0, **stopped(8))), reason)
        assert (end.phase, end.reason, end.final, end.lost) == (phase, reason, final, False)
        assert end.message == (message if reason == "Canceled" or message is not None else reason)
        assert (end.exit_code, end.ended) == (143, at(8))
        gone = end_of_stopped(known_of(run), reason)
        assert (gone.phase, gone.exit_code, gone.ended) == (phase, None, None)


@pytest.mark.parametrize(
    ("phase", "of_attempt", "of_pod", "wanted"),
    [
        (RunPhase.RUNNING, None, None, None),
        (RunPhase.CANCELING, None, None, "Canceled"),
        (RunPhase.CANCELING, "TimedOut", "TimedOut", "Canceled"),
        *((RunPhase.RUNNING, why, None, why) for why in ("Canceled", "TimedOut", "StartTimeout", "TotalTimeout")),
        (RunPhase.RUNNING, "TotalTimeout", "TimedOut", "TotalTimeout"),
        (RunPhase.RUNNING, "Error", None, None),
        (RunPhase.RUNNING, "Error", "TimedOut", "TimedOut"),
        (RunPhase.RUNNING, None, "Replaced", "Canceled"),
        (RunPhase.RUNNING, None, "Canceled", "Canceled"),
        # What was left of a pod that had ended was stopped: that is not why it ended.
        (RunPhase.RUNNING, None, "Ended", None),
    ],
)
def test_why_a_pod_is_stopped(phase: RunPhase, of_attempt: str | None, of_pod: str | None, wanted: str | None) -> None:
    known = pod(1, 0, runs(1), **(asked_to_stop(5, of_pod) if of_pod is not None else {}))
    run = scheduled_run(status=recorded(phase, attempt(1, 0, reason=of_attempt)))
    assert stop_reason(known_of(run, pod=known)) == wanted


def test_an_attempt_that_has_ended_says_nothing_of_the_next() -> None:
    run = scheduled_run(status=recorded(RunPhase.RETRYING, attempt(1, 0, 5, reason="TimedOut")))
    assert stop_reason(known_of(run, pod=pod(2, 7, runs(7)))) is None


@pytest.mark.parametrize(
    ("why", "before", "wanted"),
    [("enough", "before", "enough"), ("enough", None, "enough"), (None, "before", "before"), (None, None, None)],
)
def test_what_is_said_of_a_run_that_is_canceled(why: str | None, before: str | None, wanted: str | None) -> None:
    run = scheduled_run(cancel=True, cancelReason=why, status=recorded(RunPhase.CANCELING, message=before))
    assert why_canceled(known_of(run)) == wanted


# --- leftovers -------------------------------------------------------------------------------------------------------

BESIDE = (Container("main"), Container("side"))


def beside(state: ContainerState, deadline: int | None = None, **fields: Any) -> Pod:
    """A pod whose main container has ended, and what the one beside it does."""
    statuses = (ContainerStatus("main", exited(5, 0)), ContainerStatus("side", state))
    spec = {"containers": BESIDE, "active_deadline_seconds": deadline}
    return pod(1, 0, **{"phase": "Running", "container_statuses": statuses, "spec": spec, **fields})


@pytest.mark.parametrize(
    ("known", "are_stopped"),
    [
        (beside(runs(1)), True),
        (beside(ContainerState(waiting=Waiting("ContainerCreating"))), True),
        # However far away its own deadline is.
        (beside(runs(1), 900), True),
        (beside(runs(1), 1), False),
        (beside(exited(4, 1)), False),
        (beside(runs(1), metadata=DELETED), False),
        (beside(exited(4, 1), phase="Succeeded"), False),
        # Nothing is left of a pod with one container, nor is a sidecar: its kubelet stops it.
        (pod(1, 0, exited(5, 0), phase="Running"), False),
        (pod(1, 0, exited(5, 0), phase="Running", init_container_statuses=(ContainerStatus("proxy", runs(1)),)), False),
    ],
)
def test_leftovers_are_stopped_before_the_end_is_recorded(known: Pod, are_stopped: bool) -> None:
    life = Life(scheduled_run())
    decided = life.decide(5, known)
    assert decided.before == ((StopLeftovers(known),) if are_stopped else ())
    assert life.phase is RunPhase.SUCCEEDED


def test_an_end_that_was_not_recorded_before_the_leftovers_were_stopped_is_the_same() -> None:
    """A crash in between."""
    asked = {"annotations": {ANNOTATION_STOPPED: "Ended"}}
    for known in (
        beside(runs(1), 1, metadata=asked, start_time=at(0)),
        beside(exited(9, 137), 1, metadata=asked, start_time=at(0), phase="Failed", reason="DeadlineExceeded"),
    ):
        life = Life(scheduled_run())
        assert life.decide(10, known).before == ()
        assert life.phase is RunPhase.SUCCEEDED


@pytest.mark.parametrize(
    ("phase", "why", "wanted"),
    [
        (RunPhase.QUEUED, None, "canceled before it started"),
        (RunPhase.PENDING, None, "canceled before it started"),
        (None, None, "canceled before it started"),
        (RunPhase.QUEUED, "enough", "enough"),
        (RunPhase.RETRYING, None, "canceled before its next attempt"),
    ],
)
def test_a_run_that_never_started_does_not_end_with_what_it_waited_for(
    phase: RunPhase | None, why: str | None, wanted: str
) -> None:
    status = recorded(phase, message="waits for its turn")
    assert why_canceled(known_of(scheduled_run(cancel=True, cancelReason=why, status=status))) == wanted
