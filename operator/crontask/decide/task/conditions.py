"""The conditions of a task."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crontask.api.base import format_time
from crontask.api.metadata import Condition, find_condition
from crontask.api.names import PREDECESSOR_MISSING
from crontask.api.phases import FAILURES, SUCCESSES, RunPhase
from crontask.api.task_status import TaskPhase
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.refusal import POD_REJECTED, RUN_REJECTED
from crontask.decide.task.overdue import OVERDUE, Late
from crontask.decide.task.pause import Pause
from crontask.decide.views import RunView, TaskView

_LONGEST = 4000
# Clocks are believed up to 30 s apart.
_AHEAD = timedelta(minutes=1)
_RECORDED_AHEAD = (
    "the status says that each time up to {} is decided: nothing starts on schedule until then; if that is wrong, set "
    "lastScheduledTime and timing.since to the present: kubectl edit crontask NAME --subresource=status"
)
CLOCK_SKEWED = (
    "the operator's clock and the API server's are more than 30s apart: nothing starts on schedule until they agree"
)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes conditions that observe one generation at one instant."""

    generation: int
    now: datetime

    def make(self, type_: str, holds: bool, reason: str, message: str = "") -> Condition:
        return Condition(
            type=type_,
            status="True" if holds else "False",
            reason=reason,
            message=message[:_LONGEST],
            last_transition_time=self.now.replace(microsecond=0),
            observed_generation=self.generation,
        )


def conditions_of(
    view: TaskView,
    phase: TaskPhase,
    pause: Pause | None,
    skewed: bool,
    late: Late | None,
    fresh: Sequence[ScheduledRun],
    now: datetime,
) -> tuple[Condition, ...]:
    """Ready, Suspended, and where they apply, or did, LastRunSucceeded, Overdue, ClockSkew and Stalled."""
    task = view.task
    maker = _Maker(task.meta.generation, now)
    ready = _ready(view, phase, pause, maker)
    found = [ready, _suspended(pause, maker)]
    last = _last_run_succeeded(task, fresh, maker)
    if last is not None:
        found.append(last)
    overdue = _overdue(task, late, skewed, maker)
    if overdue is not None:
        found.append(overdue)
    if skewed:
        found.append(maker.make("ClockSkew", True, "ClockSkew", CLOCK_SKEWED))
    elif find_condition(task.status.conditions, "ClockSkew") is not None:
        found.append(maker.make("ClockSkew", False, "ClocksAgree"))
    if _needs_an_edit(view):
        found.append(maker.make("Stalled", True, ready.reason, ready.message))
    elif find_condition(task.status.conditions, "Stalled") is not None:
        found.append(maker.make("Stalled", False, "NotStalled"))
    return tuple(found)


def is_rejected(view: TaskView) -> bool:
    """Whether the API server takes no run of the task, or no pod: nothing of it can start."""
    return view.refusal is not None or _pod_refusal(view) is not None


def run_is_rejected(view: TaskView) -> bool:
    """Whether the API server takes no run of the task: now, or when its status was written."""
    ready = find_condition(view.task.status.conditions, "Ready")
    return view.refusal is not None or (ready is not None and ready.reason == RUN_REJECTED)


def _pod_refusal(view: TaskView) -> str | None:
    """What the API server says against the pod of a run that waits for it, or else against one that it was shown."""
    waiting = (run.refusal.message for run in view.runs if run.refusal is not None and not _has_own_args(run))
    return next(waiting, view.check.refusal if view.check is not None else None)


def _has_own_args(run: RunView) -> bool:
    """Whether its pod is another than those of the schedule."""
    return bool(run.run.spec.args)


def _needs_an_edit(view: TaskView) -> bool:
    """Whether nothing but an edit of the task makes it start."""
    check = view.check
    return bool(view.task.problems) or (check is not None and check.refusal is not None and check.final)


def said_of_pod(task: CronTask) -> bool | None:
    """Whether the status says that a pod of this generation is refused; None if it says nothing about it."""
    ready = find_condition(task.status.conditions, "Ready")
    if ready is None or ready.observed_generation != task.meta.generation or task.problems:
        return None
    return ready.reason == POD_REJECTED


def _ready(view: TaskView, phase: TaskPhase, pause: Pause | None, maker: _Maker) -> Condition:
    task, pod_refusal = view.task, _pod_refusal(view)
    if task.problems:
        return maker.make("Ready", False, "InvalidSpec", "; ".join(map(str, task.problems)))
    if view.refusal is not None:
        return maker.make("Ready", False, RUN_REJECTED, f"the API server refuses the run: {view.refusal.message}")
    if pod_refusal is not None:
        return maker.make("Ready", False, POD_REJECTED, f"the API server refuses the pod: {pod_refusal}")
    if pause is not None:
        return maker.make("Ready", True, pause.reason)
    if phase is TaskPhase.COMPLETED:
        return maker.make("Ready", True, "Completed", "maxRuns or endTime is reached; manual runs still start")
    return maker.make("Ready", True, *_why_nothing_is_due(view, maker.now))


def _why_nothing_is_due(view: TaskView, now: datetime) -> tuple[str, str]:
    """Reason and message: what keeps a task that is scheduled from being due, which people may not have meant."""
    task = view.task
    if task.recorded_until > now + _AHEAD:
        return "Scheduled", _RECORDED_AHEAD.format(format_time(task.recorded_until))
    if view.predecessor_missing and task.spec.after is not None:
        after = f"comes after CronTask {task.spec.after.task}, which does not exist: nothing starts before it does"
        return PREDECESSOR_MISSING, after
    return "Scheduled", ""


def _suspended(pause: Pause | None, maker: _Maker) -> Condition:
    if pause is None:
        return maker.make("Suspended", False, "NotSuspended")
    return maker.make("Suspended", True, pause.reason, pause.message)


def _overdue(task: CronTask, late: Late | None, skewed: bool, maker: _Maker) -> Condition | None:
    """As it was while that is not known: by a clock that is not believed, by a spec that cannot be used."""
    before = find_condition(task.status.conditions, OVERDUE)
    if skewed or not task.valid:
        return before
    if late is not None:
        return maker.make(OVERDUE, True, late.reason, late.message)
    if task.spec.expect is not None:
        return maker.make(OVERDUE, False, "AsExpected")
    return maker.make(OVERDUE, False, "NothingExpected") if before is not None else None


def _last_run_succeeded(task: CronTask, fresh: Sequence[ScheduledRun], maker: _Maker) -> Condition | None:
    judged = [run for run in fresh if run.status.phase in SUCCESSES | FAILURES]
    if not judged:
        return find_condition(task.status.conditions, "LastRunSucceeded")
    last = judged[-1]
    phase = last.status.phase or RunPhase.FAILED
    message = f"run {last.meta.name}" + (f": {last.status.message}" if last.status.message else "")
    return maker.make("LastRunSucceeded", phase in SUCCESSES, phase.value, message)
