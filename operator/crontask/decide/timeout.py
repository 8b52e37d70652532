"""When an attempt, its start or the whole run has taken too long: then its pod is stopped.

Callers: run, attempt_end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from crontask.api.base import cut, format_duration
from crontask.api.crontask import CronTaskSpec
from crontask.api.pod import Pod
from crontask.api.scheduledrun import ScheduledRunSpec
from crontask.decide.decisions import RunDecisions
from crontask.decide.report import LONGEST_MESSAGE
from crontask.decide.run_status import running
from crontask.decide.starting import began_at, running_init_container, time_at_work, what_it_waits_for
from crontask.decide.stop import NOT_STARTED, TIMED_OUT, TOTAL, stop_reason, stopping
from crontask.decide.views import RunView

START_TIMEOUT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Limit:
    """An instant at which the pod is stopped, and why."""

    at: datetime
    reason: str
    words: str


def next_limit(view: RunView) -> Limit | None:
    """The limit that the attempt meets first, None without one."""
    limits = [limit for limit in (_attempt(view), _start(view), _total(view)) if limit is not None]
    return min(limits, key=lambda limit: limit.at) if limits else None


def total_deadline(view: RunView) -> datetime | None:
    """When the run with all its attempts and pauses has taken too long: counted from its first attempt."""
    total, since = _setting(view, lambda spec: spec.total_timeout), view.run.status.start_time
    if since is None and view.pod is not None:
        since = view.pod.metadata.creation_timestamp
    return since + total if total is not None and since is not None else None


def start_timeout_of(view: RunView) -> timedelta:
    """How long an attempt may take to start."""
    return _setting(view, lambda spec: spec.start_timeout) or START_TIMEOUT


def gives_up_at(view: RunView) -> datetime | None:
    """Until when a refused pod is tried again: the attempt has not started in time then. None for one not refused."""
    return view.finding.since + start_timeout_of(view) if view.finding is not None else None


def stop(view: RunView, pod: Pod, now: datetime, reason: str, words: str | None) -> RunDecisions:
    """The attempt is to end, and has a pod: why is recorded, and then it is stopped."""
    recorded = stop_reason(view) is not None
    actions, wake_at = stopping(view, pod, now) if recorded else ((), None)
    return RunDecisions(running(view, words, attempt_reason=reason).status, actions, wake_at=wake_at)


def _attempt(view: RunView) -> Limit | None:
    """Counted from the start of its first container: what is done before the main one is work, too."""
    timeout, began = _setting(view, lambda spec: spec.timeout), began_at(view.pod) if view.pod is not None else None
    if timeout is None or began is None:
        return None
    return Limit(
        began + timeout, TIMED_OUT, _words(view, f"took longer than its timeout of {format_duration(timeout)}")
    )


def _start(view: RunView) -> Limit | None:
    """Counted from the pod's creation, without the time in which an init container was at work."""
    pod = view.pod
    if pod is None or running_init_container(pod) is not None:
        return None
    main = pod.main_status
    if main is not None and main.has_started:
        return None
    longest = start_timeout_of(view)
    at = pod.metadata.creation_timestamp + longest + time_at_work(pod)
    return Limit(at, NOT_STARTED, _words(view, f"did not start within {format_duration(longest)}"))


def _total(view: RunView) -> Limit | None:
    total, at = _setting(view, lambda spec: spec.total_timeout), total_deadline(view)
    if total is None or at is None:
        return None
    return Limit(at, TOTAL, _words(view, f"took longer than its totalTimeout of {format_duration(total)}"))


def _words(view: RunView, what: str) -> str:
    """What took too long; and of a pod that has not come to its main container, what it was at."""
    why = what_it_waits_for(view.pod) if view.pod is not None else None
    return cut(f"{what}: {why}" if why else what, LONGEST_MESSAGE)


def _setting(view: RunView, of: Callable[[ScheduledRunSpec | CronTaskSpec], timedelta | None]) -> timedelta | None:
    """The run's own setting, or else its task's."""
    own = of(view.run.spec) if view.run.spec is not None else None
    if own is not None:
        return own
    return of(view.task.spec) if view.task is not None and view.task.spec is not None else None
