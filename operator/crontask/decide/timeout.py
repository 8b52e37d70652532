"""When an attempt, its start or the whole run has taken too long, and how its pod is stopped.

Callers: run, attempt_end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from crontask.api.base import format_duration
from crontask.api.crontask import CronTaskSpec
from crontask.api.pod import Pod
from crontask.api.scheduledrun import RunPhase, ScheduledRunSpec
from crontask.decide.decisions import DeletePod, RunDecisions
from crontask.decide.outcome import Outcome, why_not_running
from crontask.decide.run_status import running, split_attempts
from crontask.decide.views import RunView

START_TIMEOUT = timedelta(minutes=15)
TIMED_OUT, NOT_STARTED, TOTAL = "TimedOut", "StartTimeout", "TotalTimeout"
_PHASES = {TIMED_OUT: RunPhase.TIMED_OUT, NOT_STARTED: RunPhase.FAILED, TOTAL: RunPhase.TIMED_OUT}


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


def stopped_because(view: RunView) -> str | None:
    """Why we stop, or have stopped, the pod of the open attempt: the reason that is recorded; None if we do not."""
    _, last = split_attempts(view)
    return last.reason if last is not None and last.reason in _PHASES else None


def end_of_stopped(view: RunView, reason: str) -> Outcome:
    """The end of an attempt whose pod we have stopped, once that is gone."""
    return Outcome(_PHASES[reason], reason, view.run.status.message or reason, final=reason == TOTAL)


def stop(view: RunView, pod: Pod, reason: str, words: str | None) -> RunDecisions:
    """The reason is recorded first, so that a crash in between does not take the stopped pod for a lost one."""
    decided = running(view, words, attempt_reason=reason)
    actions = (DeletePod(pod),) if stopped_because(view) is not None and not pod.deleting else ()
    return RunDecisions(decided.status, actions, decided.transitions)


def _attempt(view: RunView) -> Limit | None:
    timeout, started = _setting(view, lambda spec: spec.timeout), _started(view)
    if timeout is None or started is None:
        return None
    return Limit(started + timeout, TIMED_OUT, f"took longer than its timeout of {format_duration(timeout)}")


def _start(view: RunView) -> Limit | None:
    if view.pod is None or _started(view) is not None:
        return None
    longest, why = start_timeout_of(view), why_not_running(view.pod)
    words = f"did not start within {format_duration(longest)}" + (f": {why}" if why else "")
    return Limit(view.pod.metadata.creation_timestamp + longest, NOT_STARTED, words)


def _total(view: RunView) -> Limit | None:
    total, at = _setting(view, lambda spec: spec.total_timeout), total_deadline(view)
    if total is None or at is None:
        return None
    return Limit(at, TOTAL, f"took longer than its totalTimeout of {format_duration(total)}")


def _started(view: RunView) -> datetime | None:
    main = view.pod.main_status if view.pod is not None else None
    return main.state.running.started_at if main is not None and main.state.running is not None else None


def _setting(view: RunView, of: Callable[[ScheduledRunSpec | CronTaskSpec], timedelta | None]) -> timedelta | None:
    """The run's own setting, or else its task's."""
    own = of(view.run.spec) if view.run.spec is not None else None
    if own is not None:
        return own
    return of(view.task.spec) if view.task is not None and view.task.spec is not None else None
