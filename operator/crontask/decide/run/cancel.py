"""What `cancel: true` does: the wish is recorded, the pod stopped with its grace; once it has stopped, the end."""

from datetime import datetime

from crontask.api.phases import RunPhase
from crontask.api.pod import Pod
from crontask.decide.attempt.stop import CANCELED, stopping, why_canceled
from crontask.decide.decisions import RunDecisions, Transition
from crontask.decide.run.status import ended, running
from crontask.decide.views import RunView


def canceled_too_late(view: RunView) -> RunDecisions:
    """A wish that came after the end changes nothing, and is answered once: the condition notes its generation."""
    run, status = view.run, view.run.status
    asked = run.spec.cancel and status.phase is not RunPhase.CANCELED
    if not asked or all(c.observed_generation == run.meta.generation for c in status.conditions):
        return RunDecisions(status)
    noted = tuple(c.model_copy(update={"observed_generation": run.meta.generation}) for c in status.conditions)
    message = f"cancel came too late: the run had already ended as {status.phase}"
    transition = Transition("CancelIgnored", message, task=run.task_name, run=run.meta.name)
    return RunDecisions(status.model_copy(update={"conditions": noted}), transitions=(transition,))


def canceling(view: RunView, pod: Pod, now: datetime) -> RunDecisions:
    """The run is to end, and has a pod: that is recorded, and then it is stopped."""
    recorded = view.run.status.phase is RunPhase.CANCELING
    actions, wake_at = stopping(view, pod, now) if recorded else ((), None)
    return RunDecisions(running(view, why_canceled(view), phase=RunPhase.CANCELING).status, actions, wake_at=wake_at)


def canceled_without_pod(view: RunView, now: datetime) -> RunDecisions:
    """Canceled: there is no pod, or no more."""
    return ended(view, now, RunPhase.CANCELED, CANCELED, why_canceled(view))
