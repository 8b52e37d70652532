"""When an attempt, its start or the whole run has taken too long: then its pod is stopped."""

from dataclasses import dataclass
from datetime import datetime

from crontask.api.base import cut, format_duration
from crontask.api.pod import Pod
from crontask.decide.attempt.report import LONGEST_MESSAGE
from crontask.decide.attempt.reused import reuse_of
from crontask.decide.attempt.starting import (
    began_at,
    main_began_at,
    running_init_container,
    time_at_work,
    what_it_waits_for,
)
from crontask.decide.attempt.stop import NOT_STARTED, TIMED_OUT, TOTAL, stopping
from crontask.decide.decisions import RunDecisions
from crontask.decide.limits import total_deadline
from crontask.decide.run.status import running
from crontask.decide.settings import settings
from crontask.decide.views import RunView


@dataclass(frozen=True, slots=True)
class Limit:
    """An instant at which the pod is stopped, and why."""

    at: datetime
    reason: str
    message: str


def next_limit(view: RunView) -> Limit | None:
    """The limit that the attempt meets first, None without one."""
    limits = [limit for limit in (_attempt(view), _start(view), _total(view)) if limit is not None]
    return min(limits, key=lambda limit: limit.at) if limits else None


def stop(view: RunView, pod: Pod, now: datetime, reason: str, message: str | None) -> RunDecisions:
    """The attempt is to end, and has a pod: why is recorded, and then it is stopped."""
    actions, wake_at = stopping(view, pod, now)
    return RunDecisions(running(view, message, attempt_reason=reason).status, actions, wake_at=wake_at)


def _attempt(view: RunView) -> Limit | None:
    """Counted from the start of its first container: what is done before the main one is work, too.

    One that does one batch after the other begins to count when it has started itself.
    """
    timeout, began = settings(view).timeout, began_at(view.pod) if view.pod is not None else None
    if timeout is None or began is None or view.pod is None:
        return None
    if reuse_of(view.run) is not None:
        began = main_began_at(view.pod) or began
    return Limit(
        began + timeout, TIMED_OUT, _message(view, f"took longer than its timeout of {format_duration(timeout)}")
    )


def _start(view: RunView) -> Limit | None:
    """Counted from the pod's creation, without the time in which an init container was at work."""
    pod = view.pod
    if pod is None or running_init_container(pod) is not None:
        return None
    main = pod.main_status
    if main is not None and main.has_started:
        return None
    longest = settings(view).start_timeout
    at = pod.metadata.creation_timestamp + longest + time_at_work(pod)
    return Limit(at, NOT_STARTED, _message(view, f"did not start within {format_duration(longest)}"))


def _total(view: RunView) -> Limit | None:
    total, at = settings(view).total_timeout, total_deadline(view)
    if total is None or at is None:
        return None
    return Limit(at, TOTAL, _message(view, f"took longer than its totalTimeout of {format_duration(total)}"))


def _message(view: RunView, what: str) -> str:
    """What took too long; and of a pod that has not come to its main container, what it was at."""
    why = what_it_waits_for(view.pod) if view.pod is not None else None
    return cut(f"{what}: {why}" if why else what, LONGEST_MESSAGE)
