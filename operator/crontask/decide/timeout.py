"""When an attempt has taken too long, and how it is stopped.

Callers: run.
"""

from datetime import datetime, timedelta

from crontask.api.base import format_duration
from crontask.api.pod import Pod
from crontask.decide.decisions import DeletePod, RunDecisions
from crontask.decide.run_status import running
from crontask.decide.views import RunView


def timeout_of(view: RunView) -> timedelta | None:
    """The run's own timeout, or else its task's."""
    own = view.run.spec.timeout if view.run.spec else None
    if own is not None:
        return own
    return view.task.spec.timeout if view.task and view.task.spec else None


def timed_out_at(view: RunView) -> datetime | None:
    """When the attempt will have taken too long, counted from its container's start; None without a limit."""
    timeout = timeout_of(view)
    main = view.pod.main_status if view.pod is not None else None
    started = main.state.running.started_at if main is not None and main.state.running is not None else None
    if _recorded(view):
        return started or view.run.meta.creation_timestamp
    return started + timeout if started is not None and timeout is not None else None


def stop_timed_out(view: RunView, pod: Pod) -> RunDecisions:
    """The reason is recorded first, so that a crash in between does not take the stopped pod for a lost one."""
    timeout = timeout_of(view)
    words = f"took longer than its timeout of {format_duration(timeout)}" if timeout else view.run.status.message
    decided = running(view, words, attempt_reason="TimedOut")
    actions = (DeletePod(pod),) if _recorded(view) and not pod.deleting else ()
    return RunDecisions(decided.status, actions, decided.transitions)


def _recorded(view: RunView) -> bool:
    attempts = view.run.status.attempts
    return bool(attempts) and attempts[-1].reason == "TimedOut"
