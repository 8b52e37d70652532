"""What should happen to one run, from its creation to its recorded end. The first rule that applies decides.

Callers: engine.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from crontask.api.base import format_time
from crontask.api.pod import Pod
from crontask.api.scheduledrun import RunPhase
from crontask.decide.cancel import cancel_requested, canceled_too_late, canceled_without_pod, canceling
from crontask.decide.counting import STALE
from crontask.decide.decisions import RunDecisions, StartAttempt, StopLeftovers
from crontask.decide.outcome import outcome_of, why_not_running
from crontask.decide.run_status import ended, held, running
from crontask.decide.timeout import stop_timed_out, timed_out_at
from crontask.decide.views import RunView

Rule = Callable[[RunView, datetime], RunDecisions | None]
LATEST_PAST = timedelta(seconds=60)


def decide_run(view: RunView, now: datetime) -> RunDecisions:
    """The decisions for a run at an instant."""
    if view.run.ended:
        return canceled_too_late(view)
    rules = _WITHOUT_POD if view.pod is None else _WITH_POD
    return next(decided for rule in rules if (decided := rule(view, now)) is not None)


def _unusable(view: RunView, now: datetime) -> RunDecisions | None:
    if view.run.spec is not None:
        return None
    return ended(view, now, RunPhase.FAILED, "Invalid", "; ".join(map(str, view.run.problems)))


def _pod_vanished(view: RunView, now: datetime) -> RunDecisions | None:
    """The pod that the status names is gone: stopped by us, or by somebody else."""
    status = view.run.status
    if status.pod_name is None:
        return None
    if status.phase is RunPhase.CANCELING:
        return canceled_without_pod(view, now)
    if status.attempts and status.attempts[-1].reason == "TimedOut":
        return ended(view, now, RunPhase.TIMED_OUT, "TimedOut", status.message or "took longer than its timeout")
    return ended(view, now, RunPhase.FAILED, "PodLost", f"pod {status.pod_name} is gone and nobody saw its end")


def _canceled_before_start(view: RunView, now: datetime) -> RunDecisions | None:
    return canceled_without_pod(view, now) if cancel_requested(view) else None


def _dropped(view: RunView, now: datetime) -> RunDecisions | None:
    """The task's decision: it waited in vain."""
    dropped = view.dropped
    return ended(view, now, dropped.phase, dropped.reason, dropped.message) if dropped is not None else None


def _stale(view: RunView, now: datetime) -> RunDecisions | None:
    """A run without status and pod for a time that the mark covers was written by an operator that came too late."""
    run, task = view.run, view.task
    if run.status.phase is not None or run.nominal is None or task is None:
        return None
    mark, timing = task.status.last_scheduled_time, task.status.timing
    covered = (mark is not None and run.nominal <= mark) or (timing is not None and run.nominal <= timing.since)
    return ended(view, now, RunPhase.SKIPPED, STALE, "its time had been decided otherwise") if covered else None


def _refused(view: RunView, now: datetime) -> RunDecisions | None:
    """The API server will never take the pod."""
    if view.finding is None or not view.finding.final:
        return None
    return ended(view, now, RunPhase.FAILED, view.finding.reason, view.finding.message)


def _in_the_past(view: RunView, now: datetime) -> RunDecisions | None:
    spec, created = view.run.spec, view.run.meta.creation_timestamp
    if spec is None or spec.at is None or spec.allow_past or spec.at >= created - LATEST_PAST:
        return None
    message = (
        f"spec.at: {format_time(spec.at)} is more than a minute before the creation at {format_time(created)}; "
        "write a time to come, or set allowPast: true"
    )
    return ended(view, now, RunPhase.FAILED, "AtInPast", message)


def _not_due(view: RunView, now: datetime) -> RunDecisions | None:
    due = view.run.due_at
    return held(view, RunPhase.PENDING, None, wake_at=due) if due > now else None


def _task_missing(view: RunView, now: datetime) -> RunDecisions | None:
    name = view.run.task_name
    if name is None:
        return None
    if view.task is None:
        return held(view, RunPhase.PENDING, f"waits for CronTask {name}, which does not exist")
    if view.task.spec is None:
        return held(view, RunPhase.PENDING, f"waits for CronTask {name}, whose spec is not valid")
    return None


def _turn(view: RunView, now: datetime) -> RunDecisions | None:
    """The task's decision says when a run of it starts; a run on its own starts now."""
    if view.finding is not None:
        on_its_own = view.run.task_name is None
        retry = on_its_own and view.finding.retry_at <= now
        wake_at = view.finding.retry_at if on_its_own and not retry else None
        decided = held(view, RunPhase.PENDING, f"the pod is refused: {view.finding.message}", wake_at)
        return RunDecisions(decided.status, (StartAttempt(view.run, 1),) if retry else (), (), wake_at)
    if view.run.task_name is None:
        return RunDecisions(view.run.status, (StartAttempt(view.run, 1),))
    if view.queued:
        return held(view, RunPhase.QUEUED, "waits for its turn")
    return RunDecisions(view.run.status)


def _finished(view: RunView, now: datetime) -> RunDecisions | None:
    """The pod ended by itself."""
    pod, status = _pod(view), view.run.status
    outcome = outcome_of(pod)
    stopping = status.phase is RunPhase.CANCELING or (status.attempts and status.attempts[-1].reason == "TimedOut")
    if outcome is None or stopping:
        return None
    decided = ended(view, now, outcome.phase, outcome.reason, outcome.message, outcome)
    leftovers = pod.status.phase == "Running" and pod.spec.active_deadline_seconds is None and not pod.deleting
    return replace(decided, actions=(StopLeftovers(pod),)) if leftovers else decided


def _cancel(view: RunView, now: datetime) -> RunDecisions | None:
    return canceling(view, _pod(view)) if cancel_requested(view) else None


def _timeout(view: RunView, now: datetime) -> RunDecisions | None:
    at = timed_out_at(view)
    return stop_timed_out(view, _pod(view)) if at is not None and at <= now else None


def _under_way(view: RunView, now: datetime) -> RunDecisions:
    return running(view, why_not_running(_pod(view)), wake_at=timed_out_at(view))


def _pod(view: RunView) -> Pod:
    assert view.pod is not None, "rules for runs with a pod"
    return view.pod


_WITHOUT_POD: tuple[Rule, ...] = (
    _unusable,
    _pod_vanished,
    _canceled_before_start,
    _dropped,
    _stale,
    _refused,
    _in_the_past,
    _not_due,
    _task_missing,
    _turn,
)
_WITH_POD: tuple[Rule, ...] = (_finished, _cancel, _timeout, _under_way)
