"""The status of a run, computed here and nowhere else."""

from datetime import datetime

from crontask.api.base import format_duration
from crontask.api.composite_status import BatchStatus
from crontask.api.metadata import Condition, merge_conditions
from crontask.api.names import pod_name
from crontask.api.phases import SUCCESSES, RunPhase
from crontask.api.scheduledrun import Attempt, CompositeRunStatus, ScheduledRunStatus
from crontask.decide.attempt.fit import is_batch
from crontask.decide.attempt.outcome import Outcome
from crontask.decide.attempt.reused import reuse_of, so_far
from crontask.decide.decisions import DecisionKind, RunDecisions, Transition
from crontask.decide.run.follow_up import chain_too_deep, follow_ups
from crontask.decide.views import RunView

_KINDS = {
    RunPhase.CANCELED: DecisionKind.CANCEL,
    RunPhase.SKIPPED: DecisionKind.SKIP,
    RunPhase.MISSED: DecisionKind.MISS,
}


def held(view: RunView, phase: RunPhase, message: str | None, wake_at: datetime | None = None) -> RunDecisions:
    """The run has not started: it waits for its time, its turn or its task."""
    status = view.run.status.model_copy(update={**identity(view), "phase": phase, "message": message})
    queues = phase is RunPhase.QUEUED and view.run.status.phase is not RunPhase.QUEUED
    return RunDecisions(status, transitions=(_queued(view),) if queues else (), wake_at=wake_at)


def _queued(view: RunView) -> Transition:
    return Transition(
        "Queued",
        f"run {view.run.meta.name} waits for its turn",
        task=view.run.task_name,
        run=view.run.meta.name,
        nominal=view.run.nominal,
        kind=DecisionKind.QUEUE,
        event=False,
    )


def running(
    view: RunView,
    message: str | None,
    *,
    phase: RunPhase = RunPhase.RUNNING,
    attempt_reason: str | None = None,
    wake_at: datetime | None = None,
) -> RunDecisions:
    """The run has a pod. `start_time` is the pod's creation: what has to be waited for then belongs to the run."""
    pod, before = view.pod, view.run.status
    assert pod is not None
    earlier, last = view.run.earlier_attempts, view.run.open_attempt
    attempt = Attempt(
        number=before.expected_attempt,
        pod=pod.metadata.name,
        start_time=pod.metadata.creation_timestamp,
        reason=attempt_reason,
        task_generation=last.task_generation if last is not None else _generation(view),
    )
    status = before.model_copy(
        update={
            **identity(view),
            "phase": phase,
            "start_time": before.start_time or pod.metadata.creation_timestamp,
            "attempts": (*earlier, attempt),
            "pod_name": pod.metadata.name,
            "next_retry_time": None,
            "message": message,
        }
    )
    return RunDecisions(status, wake_at=wake_at)


def attempt_recorded(view: RunView) -> ScheduledRunStatus:
    """The status that records the expected attempt ahead of its pod."""
    before = view.run.status
    earlier, last = view.run.earlier_attempts, view.run.open_attempt
    number = before.expected_attempt
    if last is None:
        name = pod_name(view.run.meta.name, number)
        last = Attempt(number=number, pod=name, task_generation=_generation(view))
    return before.model_copy(
        update={
            **identity(view),
            "phase": RunPhase.RUNNING,
            "attempts": (*earlier, last),
            "next_retry_time": None,
            "message": None,
        }
    )


def ended(
    view: RunView,
    now: datetime,
    phase: RunPhase,
    reason: str,
    message: str | None,
    outcome: Outcome | None = None,
) -> RunDecisions:
    """The run has ended, for good."""
    before = view.run.status
    completion = (outcome.ended if outcome is not None else None) or now
    batch = given_back(view, phase, outcome) if is_batch(view) else before.batch
    # A part that does several batches has counted in each of its attempts.
    counted = batch if reuse_of(view.run) is not None and batch is not None else outcome
    started = before.start_time or (view.pod.metadata.creation_timestamp if view.pod is not None else None)
    duration = format_duration(completion - started) if started is not None else None
    condition = Condition(
        type="Complete" if phase in SUCCESSES else "Failed",
        status="True",
        reason=reason,
        message=message or "",
        last_transition_time=view.recorded_when(now),
        observed_generation=view.run.meta.generation,
    )
    status = before.model_copy(
        update={
            **identity(view),
            "phase": phase,
            "start_time": started,
            "completion_time": completion,
            "duration": duration,
            "message": message,
            "attempts": _ended_attempts(view, reason, message, completion, outcome),
            "lost_attempts": before.lost_attempts + (outcome is not None and outcome.lost),
            "next_retry_time": None,
            "pod_name": latest_pod(view),
            "conditions": merge_conditions(before.conditions, (condition,)),
            "result": outcome.result if outcome is not None else None,
            "processed_count": counted.processed_count if counted is not None else None,
            "error_count": counted.error_count if counted is not None else None,
            "result_truncated": outcome.result_truncated if outcome is not None else None,
            "batch": batch,
        }
    )
    if isinstance(status, CompositeRunStatus):
        # However it ends.
        status = status.model_copy(update={"display": None})
    transition = _transition(view, phase, reason, message, duration)
    return RunDecisions(
        status,
        transitions=(transition, *chain_too_deep(view, phase, completion)),
        follow_ups=follow_ups(view, status),
    )


def batch_after(view: RunView, outcome: Outcome | None) -> BatchStatus | None:
    """What a run whose pod does one batch after the other has done after an attempt; of any other, what is recorded."""
    did = outcome.batch if outcome is not None else None
    if did is None or reuse_of(view.run) is None:
        return view.run.status.batch
    return so_far(view.run, did)


def given_back(view: RunView, phase: RunPhase, outcome: Outcome | None) -> BatchStatus | None:
    """What a batch that has ended gave back; one that failed nothing that the next could begin with."""
    if reuse_of(view.run) is not None:
        return batch_after(view, outcome)
    if outcome is None or phase not in SUCCESSES:
        return None
    return BatchStatus(
        batches=1,
        partial=int(phase is RunPhase.PARTIAL),
        done=outcome.is_done,
        cursor=outcome.cursor,
        processed_count=outcome.processed_count,
        error_count=outcome.error_count,
        total=outcome.total,
    )


def identity(view: RunView) -> dict[str, object]:
    """What the status says of who made the run, and for when."""
    run = view.run
    return {"origin": run.origin, "scheduled_time": run.spec.scheduled_time or run.due_at}


def latest_pod(view: RunView) -> str | None:
    """The pod of the latest attempt that had one: its end may be the first that is seen of it."""
    return view.pod.metadata.name if view.pod is not None else view.run.status.pod_name


def _generation(view: RunView) -> int | None:
    return view.task.meta.generation if view.task is not None else None


def with_attempt(
    view: RunView, reason: str, message: str | None, completion: datetime, exit_code: int | None
) -> tuple[Attempt, ...]:
    """The attempts, the expected one among them as ended."""
    earlier, last = view.run.earlier_attempts, view.run.open_attempt
    number, pod = view.run.status.expected_attempt, view.pod
    attempt = Attempt(
        number=number,
        pod=last.pod if last is not None else pod_name(view.run.meta.name, number),
        start_time=(last.start_time if last is not None else None)
        or (pod.metadata.creation_timestamp if pod is not None else None),
        completion_time=completion,
        exit_code=exit_code,
        reason=reason,
        message=message,
        task_generation=last.task_generation if last is not None else _generation(view),
    )
    return (*earlier, attempt)


def _ended_attempts(
    view: RunView, reason: str, message: str | None, completion: datetime, outcome: Outcome | None
) -> tuple[Attempt, ...]:
    """A run that ends between two attempts, or before its first, ends without one of its own."""
    last = view.run.open_attempt
    composite = view.run.status.composite is not None
    if composite or (view.pod is None and last is None and outcome is None):
        return view.run.status.attempts
    return with_attempt(view, reason, message, completion, outcome.exit_code if outcome is not None else None)


def _transition(view: RunView, phase: RunPhase, reason: str, message: str | None, duration: str | None) -> Transition:
    took = f" after {duration}" if duration else ""
    shown = f"{phase}{took}" + (f": {message}" if message else "")
    return Transition(
        reason="Completed" if phase in SUCCESSES else (reason if reason != "Error" else "Failed"),
        message=shown,
        warning=phase in (RunPhase.FAILED, RunPhase.TIMED_OUT),
        task=view.run.task_name,
        run=view.run.meta.name,
        nominal=view.run.nominal,
        kind=_kind(view, phase),
        why=phase.value if view.run.status.composite is not None else None,
        origin=view.run.origin,
        ended=phase,
    )


def _kind(view: RunView, phase: RunPhase) -> DecisionKind | None:
    """Which decision its end is; that of an ordinary run is none."""
    if _was_replaced(view, phase):
        return None
    return _KINDS.get(phase, DecisionKind.END if view.run.status.composite is not None else None)


def _was_replaced(view: RunView, phase: RunPhase) -> bool:
    """Whether it made room for another: that has been recorded, as the decision that it was."""
    return phase is RunPhase.CANCELED and view.run.replaced_by is not None
