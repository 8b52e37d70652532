"""Whether a task is paused, and why: by the installation, by its spec, until a time, or by failures in a row."""

from dataclasses import dataclass
from datetime import datetime

from crontask.api.base import format_time
from crontask.api.metadata import find_condition
from crontask.api.names import ANNOTATION_RESUME
from crontask.api.task_status import CronTaskStatus, TaskPhase, Tripped
from crontask.decide.model import Config, CronTask

SUSPENDED_UNTIL = "SuspendedUntil"
TOO_MANY_FAILURES = "TooManyFailures"
DISABLED = "SchedulingDisabled"


@dataclass(frozen=True, slots=True)
class Pause:
    """Why nothing starts on schedule, for programs and for people; `until`, where it ends by itself."""

    reason: str
    message: str
    until: datetime | None = None


def tripped_by(task: CronTask, streak: int) -> Tripped | None:
    """The suspension by failures in a row, as it stands with that streak; None without one, or once it is resumed."""
    before, limit = task.status.tripped, task.spec.suspend_after_failures
    here = Tripped(generation=task.meta.generation, resume=task.meta.annotations.get(ANNOTATION_RESUME))
    if limit is None:
        return None
    if before is not None:
        return before if before == here else None
    return here if streak >= limit else None


def pause_of(task: CronTask, tripped: Tripped | None, config: Config, now: datetime) -> Pause | None:
    """The pause that is effective, None while the task starts on schedule."""
    spec = task.spec
    if not config.scheduling_enabled:
        return Pause(DISABLED, "scheduling is switched off for this installation: nothing starts on schedule")
    if not task.valid:
        return None
    why = f" (reason: {spec.suspend_reason})" if spec.suspend_reason else ""
    if spec.suspend:
        return Pause("Suspended", f"spec.suspend is true: nothing starts on schedule; manual runs do{why}")
    if spec.suspend_until is not None and spec.suspend_until > now:
        message = f"nothing starts on schedule until {format_time(spec.suspend_until)}; manual runs do{why}"
        return Pause(SUSPENDED_UNTIL, message, spec.suspend_until)
    if tripped is not None:
        message = (
            f"{_failures(spec.suspend_after_failures)}: nothing starts on schedule until the annotation "
            f"{ANNOTATION_RESUME} has a new value, or the spec is edited"
        )
        return Pause(TOO_MANY_FAILURES, message)
    if config.clock_skewed and task.status.phase is TaskPhase.SUSPENDED:
        # A resume counts from when it is seen: by a clock that is believed.
        unedited = task.status.observed_generation == task.meta.generation
        reason = said_paused_because(task.status) if unedited else None
        return Pause(reason or "Suspended", "resumes as soon as the operator's clock and the API server's agree")
    return None


def _failures(count: int | None) -> str:
    return f"{count} failures in a row" if count != 1 else "a failure"


def said_paused_because(status: CronTaskStatus) -> str | None:
    """The reason that the status gives for a pause, None if it says that there is none."""
    condition = find_condition(status.conditions, "Suspended")
    return condition.reason if condition is not None and condition.status == "True" else None


def said_not_by_spec(task: CronTask) -> str | None:
    """Why nothing starts on schedule though the spec asks for it, as the status says it; None where it does start.

    An edit resumes a task that has failed too often: a status of before it says nothing of what comes.
    """
    condition = find_condition(task.status.conditions, "Suspended")
    if condition is None or condition.status != "True" or condition.reason not in (TOO_MANY_FAILURES, DISABLED):
        return None
    return condition.message if task.status.observed_generation == task.meta.generation else None


def said_paused_since(status: CronTaskStatus) -> datetime | None:
    """Since when the status says that there is a pause: what came due before is recorded. None if there is none."""
    condition = find_condition(status.conditions, "Suspended")
    return condition.last_transition_time if condition is not None and condition.status == "True" else None
