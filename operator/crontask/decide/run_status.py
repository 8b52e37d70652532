"""The one place where the status of a run is computed.

Callers: the rules of a run.
"""

from datetime import datetime

from crontask.api.base import format_duration
from crontask.api.metadata import Condition, merge_conditions
from crontask.api.names import pod_name
from crontask.api.scheduledrun import SUCCESSES, Attempt, RunPhase
from crontask.decide.decisions import REPLACED_BY, DecisionKind, RunDecisions, Transition
from crontask.decide.follow_up import chain_too_deep, follow_ups
from crontask.decide.outcome import Outcome
from crontask.decide.views import RunView

_KINDS = {
    RunPhase.CANCELED: DecisionKind.CANCEL,
    RunPhase.SKIPPED: DecisionKind.SKIP,
    RunPhase.MISSED: DecisionKind.MISS,
}


def held(view: RunView, phase: RunPhase, message: str | None, wake_at: datetime | None = None) -> RunDecisions:
    """The run has not started: it waits for its time, its turn or its task."""
    status = view.run.status.model_copy(update={**_identity(view), "phase": phase, "message": message})
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
    number = before.attempts[-1].number if before.attempts else 1
    attempt = Attempt(
        number=number,
        pod=pod.metadata.name,
        start_time=pod.metadata.creation_timestamp,
        reason=attempt_reason,
        task_generation=before.attempts[-1].task_generation if before.attempts else _generation(view),
    )
    status = before.model_copy(
        update={
            **_identity(view),
            "phase": phase,
            "start_time": before.start_time or pod.metadata.creation_timestamp,
            "attempts": (*before.attempts[:-1], attempt),
            "pod_name": pod.metadata.name,
            "message": message,
        }
    )
    return RunDecisions(status, wake_at=wake_at)


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
    started = before.start_time or (view.pod.metadata.creation_timestamp if view.pod is not None else None)
    duration = format_duration(completion - started) if started is not None else None
    condition = Condition(
        type="Complete" if phase in SUCCESSES else "Failed",
        status="True",
        reason=reason,
        message=message or "",
        last_transition_time=now,
        observed_generation=view.run.meta.generation,
    )
    status = before.model_copy(
        update={
            **_identity(view),
            "phase": phase,
            "start_time": started,
            "completion_time": completion,
            "duration": duration,
            "message": message,
            "attempts": _ended_attempts(view, reason, message, completion, outcome),
            "pod_name": before.pod_name or (view.pod.metadata.name if view.pod is not None else None),
            "conditions": merge_conditions(before.conditions, (condition,)),
            "result": outcome.result if outcome is not None else None,
            "processed_count": outcome.processed_count if outcome is not None else None,
            "error_count": outcome.error_count if outcome is not None else None,
        }
    )
    told = _transition(view, phase, reason, message, duration)
    return RunDecisions(
        status,
        transitions=(told, *chain_too_deep(view, phase, completion)),
        follow_ups=follow_ups(view, phase, completion),
    )


def _identity(view: RunView) -> dict[str, object]:
    run = view.run
    due = run.due_at if run.spec is not None else run.meta.creation_timestamp
    nominal = run.spec.scheduled_time if run.spec is not None else None
    return {"origin": run.origin, "scheduled_time": nominal or due}


def _generation(view: RunView) -> int | None:
    return view.task.meta.generation if view.task is not None else None


def _ended_attempts(
    view: RunView, reason: str, message: str | None, completion: datetime, outcome: Outcome | None
) -> tuple[Attempt, ...]:
    before = view.run.status.attempts
    if view.pod is None and not before:
        return ()
    last = before[-1] if before else None
    number = last.number if last else 1
    attempt = Attempt(
        number=number,
        pod=last.pod if last else pod_name(view.run.meta.name, number),
        start_time=last.start_time if last else (view.pod.metadata.creation_timestamp if view.pod else None),
        completion_time=completion,
        exit_code=outcome.exit_code if outcome is not None else None,
        reason=reason,
        message=message,
        task_generation=last.task_generation if last else _generation(view),
    )
    return (*before[:-1], attempt)


def _transition(view: RunView, phase: RunPhase, reason: str, message: str | None, duration: str | None) -> Transition:
    took = f" after {duration}" if duration else ""
    words = f"{phase}{took}" + (f": {message}" if message else "")
    return Transition(
        reason="Completed" if phase in SUCCESSES else (reason if reason != "Error" else "Failed"),
        message=words,
        warning=phase in (RunPhase.FAILED, RunPhase.TIMED_OUT),
        task=view.run.task_name,
        run=view.run.meta.name,
        nominal=view.run.nominal,
        kind=_KINDS.get(phase) if not (message or "").startswith(REPLACED_BY) else None,
    )
