"""What `cancel: true` does: the wish is recorded, the pod stopped with its grace period; once it is gone, the end.

Callers: run.
"""

from datetime import datetime

from crontask.api.pod import Pod
from crontask.api.scheduledrun import RunPhase
from crontask.decide.decisions import DeletePod, RunDecisions, Transition
from crontask.decide.run_status import ended, running
from crontask.decide.views import RunView, ScheduledRun


def cancel_requested(run: ScheduledRun) -> bool:
    """Whether somebody wants the run to end."""
    return run.status.phase is RunPhase.CANCELING or bool(run.spec and run.spec.cancel)


def canceled_too_late(view: RunView) -> RunDecisions:
    """A wish that came after the end changes nothing, and is answered once: the condition notes its generation."""
    run, status = view.run, view.run.status
    asked = run.spec is not None and run.spec.cancel and status.phase is not RunPhase.CANCELED
    if not asked or all(c.observed_generation == run.meta.generation for c in status.conditions):
        return RunDecisions(status)
    noted = tuple(c.model_copy(update={"observed_generation": run.meta.generation}) for c in status.conditions)
    words = f"cancel came too late: the run had already ended as {status.phase}"
    told = Transition("CancelIgnored", words, task=run.task_name, run=run.meta.name)
    return RunDecisions(status.model_copy(update={"conditions": noted}), transitions=(told,))


def canceling(view: RunView, pod: Pod) -> RunDecisions:
    """Canceling is recorded first, so that a crash in between does not take the stopped pod for a lost one."""
    decided = running(view, _why(view), phase=RunPhase.CANCELING)
    recorded = view.run.status.phase is RunPhase.CANCELING
    actions = (DeletePod(pod),) if recorded and not pod.deleting else ()
    return RunDecisions(decided.status, actions, decided.transitions)


def canceled_without_pod(view: RunView, now: datetime) -> RunDecisions:
    """Canceled: there is no pod, or no more."""
    return ended(view, now, RunPhase.CANCELED, "Canceled", _why(view))


def _why(view: RunView) -> str | None:
    return (view.run.spec.cancel_reason if view.run.spec else None) or view.run.status.message
