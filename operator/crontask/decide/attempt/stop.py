"""How the pod of an attempt is stopped so that its log stays, and when it has stopped.

That it is to be stopped is recorded first, so that a crash in between does not take it for a lost one. Then its kubelet
is asked to stop it, by a deadline that has passed: the containers have their grace period, and the pod stays until its
run is removed. A pod that has not started has no log, and a kubelet may not answer: those are deleted.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from crontask.api.phases import SUCCESSES, RunPhase
from crontask.api.pod import DEADLINE_EXCEEDED, STOP_NOW, Pod
from crontask.decide.attempt.fit import fitting_outcome
from crontask.decide.attempt.outcome import Outcome, end_of_main
from crontask.decide.attempt.reused import batches_of, reuse_of, so_far, with_batches, without_any
from crontask.decide.decisions import DeletePod, StopPod
from crontask.decide.views import RunView

CANCELED, REPLACED = "Canceled", "Replaced"
# Of a pod that does one batch after the other: what it is a part of is paused.
PAUSED = "Paused"
TIMED_OUT, NOT_STARTED, TOTAL = "TimedOut", "StartTimeout", "TotalTimeout"
_PHASES = {
    CANCELED: RunPhase.CANCELED,
    TIMED_OUT: RunPhase.TIMED_OUT,
    NOT_STARTED: RunPhase.FAILED,
    TOTAL: RunPhase.TIMED_OUT,
    PAUSED: RunPhase.FAILED,
}
_NOT_STARTED = (None, RunPhase.PENDING, RunPhase.QUEUED)
_OF_POD = {CANCELED: CANCELED, REPLACED: CANCELED, TIMED_OUT: TIMED_OUT, PAUSED: PAUSED}
# What a runner that has let its batch end does not end with: SIGKILL, and SIGTERM before it could note that.
_KILLED = (137, 143)
# How long a kubelet may take to stop a pod beyond the grace period of its containers.
PATIENCE = timedelta(seconds=30)


def stop_reason(view: RunView) -> str | None:
    """Why we stop, or have stopped, the pod of the expected attempt: what is recorded; None if we do not.

    Where somebody has mangled the record, the pod itself says so.
    """
    if view.run.status.phase is RunPhase.CANCELING:
        return CANCELED
    last = view.run.open_attempt
    if last is not None and last.reason in _PHASES:
        return last.reason
    request = view.pod.stop_request if view.pod is not None else None
    return _OF_POD.get(request) if request is not None else None


def end_of_attempt(view: RunView) -> Outcome | None:
    """How the expected attempt, which has a pod, ended; None while its pod runs, or is being stopped."""
    pod, reason = view.pod, stop_reason(view)
    assert pod is not None, "an attempt without a pod has no end of its own"
    if reason is None:
        return fitting_outcome(view, pod)
    if _stops(pod) and not pod.finished:
        return None
    by_itself = None if _was_stopped(pod) else fitting_outcome(view, pod)
    if by_itself is not None and not by_itself.lost:
        return by_itself
    if not pod.finished:
        return None
    return _end_after_batch(view, pod, reason) or end_of_stopped(view, reason)


def _end_after_batch(view: RunView, pod: Pod, reason: str) -> Outcome | None:
    """The end of a pod that was asked to end after its batch, and has done so; None of any other."""
    own = end_of_main(pod) if reuse_of(view.run) is not None and reason in (PAUSED, TIMED_OUT) else None
    if own is None or own.exit_code in _KILLED or batches_of(pod) is None:
        return None
    own = with_batches(view.run, pod, own)
    if own.phase not in SUCCESSES:
        # The batch failed, as it would have anyway.
        return own if reason == PAUSED else None
    if reason == TIMED_OUT and without_any(own):
        return None
    done = so_far(view.run, own.batch).batches
    why = f"{view.run.status.message or reason}; it ended after {done} {'batch' if done == 1 else 'batches'}"
    return own if own.batch is None or own.batch.done else replace(own, reason=reason, message=why)


def end_of_stopped(view: RunView, reason: str) -> Outcome:
    """The end of an attempt whose pod we have stopped, once nothing of that runs any more."""
    main = view.pod.main_status if view.pod is not None else None
    end = main.state.terminated if main is not None else None
    message = why_canceled(view) if reason == CANCELED else view.run.status.message or reason
    if reason == PAUSED:
        message = f"{message}; its pod did not end its batch in time"
    outcome = Outcome(
        _PHASES[reason],
        reason,
        message,
        end.exit_code if end is not None else None,
        end.started_at if end is not None else None,
        end.finished_at if end is not None else None,
        final=reason in (CANCELED, TOTAL),
        lost=reason == PAUSED,
    )
    if view.pod is None or reuse_of(view.run) is None:
        return outcome
    # A cancel ends it whatever it has done.
    return replace(outcome, batch=batches_of(view.pod)) if outcome.final else with_batches(view.run, view.pod, outcome)


def why_canceled(view: RunView) -> str | None:
    """What is said of a run that is canceled."""
    if view.run.spec.cancel_reason:
        return view.run.spec.cancel_reason
    if view.run.status.phase is RunPhase.RETRYING:
        return "canceled before its next attempt"
    if view.pod is None and view.run.status.phase in _NOT_STARTED:
        # What it waited for is not why it ended.
        return "canceled before it started"
    return view.run.status.message


def stopping(view: RunView, pod: Pod, now: datetime) -> tuple[tuple[StopPod | DeletePod, ...], datetime | None]:
    """What to do for a pod that is to be stopped, as it is recorded; and when to look again, if nothing changes."""
    reason = stop_reason(view)
    if reason is None or pod.deleting:
        return (), None
    if not pod.has_started:
        return (DeletePod(pod),), None
    if pod.stop_request is None:
        return (StopPod(pod, _annotation(view, reason), now),), None
    give_up = pod.stop_requested_at + timedelta(seconds=pod.grace_seconds) + PATIENCE
    return ((DeletePod(pod),), None) if give_up <= now else ((), give_up)


def has_leftovers(pod: Pod) -> bool:
    """Whether, now that the main container has ended, others go on that nobody would stop."""
    deadline = pod.spec.active_deadline_seconds
    if pod.finished or pod.deleting or (deadline is not None and deadline <= STOP_NOW):
        return False
    ended = {status.name for status in pod.status.container_statuses if status.state.terminated is not None}
    return any(container.name not in ended for container in pod.spec.containers)


def _annotation(view: RunView, reason: str) -> str:
    """Why a pod was stopped, as it says itself."""
    if reason == CANCELED:
        return REPLACED if view.run.replaced_by is not None else CANCELED
    return PAUSED if reason == PAUSED else TIMED_OUT


def _stops(pod: Pod) -> bool:
    """Whether it is on its way to its end, by us or by others."""
    return pod.stop_request is not None or pod.deleting


def _was_stopped(pod: Pod) -> bool:
    """Whether its end is the answer to that: of a deadline, the kubelet says so. Its exit code then says nothing."""
    return pod.deleting or (pod.stop_request is not None and pod.status.reason == DEADLINE_EXCEEDED)
