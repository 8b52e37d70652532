"""The status of a task, computed here and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crontask.api.base import format_time
from crontask.api.metadata import find_condition, merge_conditions
from crontask.api.phases import FAILURES, NEVER_RAN, SUCCESSES, Origin
from crontask.api.task_status import (
    SCHEDULING,
    Counted,
    CronTaskStatus,
    Decision,
    RunSummary,
    TaskPhase,
    Timing,
    Tripped,
)
from crontask.decide.decisions import DecisionKind, Transition
from crontask.decide.model import ScheduledRun
from crontask.decide.stage import UNDER_WAY, UNSTARTED, stage_of
from crontask.decide.task.batches import batch_record
from crontask.decide.task.conditions import conditions_of, is_rejected
from crontask.decide.task.counting import add_runs, failure_streak, record_counted, that_ran
from crontask.decide.task.decided import News, record_decided, runs_before
from crontask.decide.task.overdue import expected_of, overdue_changed
from crontask.decide.task.pause import TOO_MANY_FAILURES, Pause
from crontask.decide.task.record import (
    RECENT,
    Settled,
    add_decisions,
    decisions_on_runs,
    decisions_on_times,
    merge_decisions,
    transitions_of,
)
from crontask.decide.task.timing import schedule_text
from crontask.decide.views import TaskView

__all__ = ["Basis", "Settled", "compute_status"]

UPCOMING = 5
# Ends that say how a task does, of runs that never started too: a pod that cannot be made fails its run.
_TRIED = SUCCESSES | FAILURES


@dataclass(frozen=True, slots=True)
class Basis:
    """What has been decided about the task apart from its times. `next_start`: None while none is to come.

    `dropped`: times that an edit or a pause leaves out. `edit_is_recorded`: whether the status may say already that the
    timing is another one.
    """

    timing: Timing
    pause: Pause | None
    tripped: Tripped | None
    skewed: bool
    queued: int
    next_start: datetime | None
    now: datetime
    dropped: tuple[Decision, ...] = ()
    edit_is_recorded: bool = True


def compute_status(
    view: TaskView, fresh: Sequence[ScheduledRun], settled: Settled | None, basis: Basis
) -> tuple[CronTaskStatus, tuple[Transition, ...]]:
    """The status as it should be, and the transitions of its change. `fresh`: finished runs not counted yet."""
    task, before, now = view.task, view.task.status, basis.now
    uncounted, fresh = fresh, that_ran(fresh)
    settled_times = decisions_on_times(settled)
    of_times = (*basis.dropped, *settled_times)
    decisions = (*of_times, *decisions_on_runs(fresh))
    summaries = tuple(_summary(run) for run in reversed(fresh))
    recent = tuple(
        sorted((*summaries, *before.recent_runs), key=lambda s: s.completion_time or now, reverse=True)[:RECENT]
    )
    active = sorted(
        (run.run for run in view.runs if stage_of(run) in UNDER_WAY), key=lambda run: run.meta.creation_timestamp
    )
    scheduled = _scheduled_count(view, settled, fresh)
    phase = _phase(view, basis, scheduled)
    timing = _timing(view, basis, phase)
    upcoming = _upcoming(view, basis, scheduled) if phase in SCHEDULING else ()
    news = News(_runs_of_times(view, settled, basis), settled_times, basis.dropped, fresh)
    decided = record_decided(view, news, now)
    last_success = _last_success(before, fresh)
    late = expected_of(view, phase, timing, last_success).late(now)
    conditions = merge_conditions(
        before.conditions, conditions_of(view, phase, basis.pause, basis.skewed, late, fresh, now)
    )
    status = CronTaskStatus(
        # An edit has been seen when the status says by which timing the task is due.
        observed_generation=task.meta.generation if _is_seen(view, timing) else before.observed_generation,
        phase=phase,
        conditions=conditions,
        schedule_text=schedule_text(task.spec) if task.valid else before.schedule_text,
        timing=timing,
        tripped=basis.tripped,
        next_run_time=format_time(upcoming[0]) if upcoming else None,
        upcoming=upcoming,
        last_scheduled_time=settled.undecided.watermark if settled is not None else before.last_scheduled_time,
        last_run=_last_run(recent, before.last_run),
        last_successful_time=last_success,
        active=tuple(run.meta.name for run in active[:RECENT]),
        active_count=len(active),
        queued=basis.queued,
        scheduled_count=scheduled,
        decided=decided.text,
        decided_since=decided.since,
        consecutive_failures=_streak(view, fresh, basis),
        counts=add_decisions(add_runs(before.counts, fresh), of_times),
        batch=batch_record(task, fresh),
        counted=record_counted(task, view.finished, now)
        if uncounted or _is_off(before.counted, now)
        else before.counted,
        recent_runs=recent,
        recent_decisions=merge_decisions(decisions, before.recent_decisions),
    )
    changes = (*_phase_changed(view, status, basis), *overdue_changed(task, conditions))
    return status, (*transitions_of(view, of_times), *changes)


def _is_off(counted: Counted | None, now: datetime) -> bool:
    """Whether the record is not there, or says that runs are counted which have not ended yet."""
    return counted is None or counted.through > now


def _phase(view: TaskView, basis: Basis, scheduled: int) -> TaskPhase:
    spec = view.task.spec
    if not view.task.valid:
        return TaskPhase.INVALID
    if basis.pause is not None:
        return TaskPhase.SUSPENDED
    ended = spec.end_time is not None and spec.end_time <= basis.now and basis.next_start is None
    enough = spec.max_runs is not None and scheduled >= spec.max_runs
    # What waits for its turn may still be missed or dropped, and then another time may start.
    waiting = any(run.run.nominal is not None and stage_of(run) in UNSTARTED for run in view.runs)
    if (ended and not basis.skewed) or (enough and not waiting):
        return TaskPhase.COMPLETED
    return TaskPhase.REJECTED if is_rejected(view) else TaskPhase.ACTIVE


def _is_seen(view: TaskView, timing: Timing | None) -> bool:
    """Whether the timing of the status is that of the spec; one that cannot be used has none."""
    return not view.task.valid or (timing is not None and timing.hash == view.task.timing_hash)


def _timing(view: TaskView, basis: Basis, phase: TaskPhase) -> Timing | None:
    """The effective timing; of a task that stays completed, as it was: only an edit makes it due again."""
    before, timing = view.task.status, basis.timing
    if not view.task.valid or not basis.edit_is_recorded:
        return before.timing
    stays = phase is TaskPhase.COMPLETED and before.phase is TaskPhase.COMPLETED
    return before.timing if stays and before.timing is not None and before.timing.hash == timing.hash else timing


def _upcoming(view: TaskView, basis: Basis, scheduled: int) -> tuple[datetime, ...]:
    """The next nominal times: those whose start is still to come."""
    task = view.task
    left = None if task.spec.max_runs is None else task.spec.max_runs - scheduled
    wanted = UPCOMING if left is None else max(0, min(UPCOMING, left))
    if task.spec.delay is not None:
        return (basis.next_start,) if basis.next_start is not None else ()
    return task.upcoming(task.decided_until(basis.timing.since), basis.now, wanted)


def _runs_of_times(view: TaskView, settled: Settled | None, basis: Basis) -> Sequence[ScheduledRun]:
    """The runs of times that the status covers from now on."""
    before = view.task.status
    ends = before.timing is not None and (basis.pause is not None or basis.timing.hash != before.timing.hash)
    if ends and before.phase in SCHEDULING and basis.edit_is_recorded:
        return runs_before(view, basis.now)
    return settled.undecided.started if settled is not None else ()


def _scheduled_count(view: TaskView, settled: Settled | None, fresh: Sequence[ScheduledRun]) -> int:
    """Starts on schedule: runs whose time is settled, less those that then waited in vain; and runs after others."""
    watermark = view.task.status.last_scheduled_time
    started = settled.undecided.started if settled is not None else ()
    added = sum(run.status.phase not in NEVER_RAN for run in started)
    in_vain = sum(
        run.status.phase in NEVER_RAN
        and not run.stale
        and run.nominal is not None
        and watermark is not None
        and run.nominal <= watermark
        for run in fresh
    )
    after = sum(run.origin is Origin.AFTER and run.status.phase not in NEVER_RAN for run in fresh)
    return max(0, view.task.status.scheduled_count + added + after - in_vain)


def _streak(view: TaskView, fresh: Sequence[ScheduledRun], basis: Basis) -> int:
    """Failures in a row; whoever ends a suspension by failures begins anew."""
    if view.task.status.tripped is None or basis.tripped is not None:
        return failure_streak(view.task, fresh)
    return sum(run.status.phase in FAILURES for run in fresh)


def _summary(run: ScheduledRun) -> RunSummary:
    status = run.status
    return RunSummary(
        name=run.meta.name,
        phase=status.phase.value if status.phase is not None else "",
        scheduled_time=status.scheduled_time,
        start_time=status.start_time,
        completion_time=run.ended_at,
        duration=status.duration,
        processed_count=status.processed_count,
        error_count=status.error_count,
        message=status.message[:1024] if status.message else None,
    )


def _last_run(recent: Sequence[RunSummary], before: RunSummary | None) -> RunSummary | None:
    """The newest that says how the task does. It may be older than the recent ones, if none of those ever started."""
    known = recent if before is None else (*recent, before)
    return next((run for run in known if run.start_time is not None or run.phase in _TRIED), None)


def _last_success(before: CronTaskStatus, fresh: Sequence[ScheduledRun]) -> datetime | None:
    times = [run.ended_at for run in fresh if run.succeeded]
    return max((*times, before.last_successful_time) if before.last_successful_time else times, default=None)


def _phase_changed(view: TaskView, status: CronTaskStatus, basis: Basis) -> tuple[Transition, ...]:
    before, name = view.task.status, view.task.meta.name
    if status.phase is TaskPhase.INVALID and before.observed_generation != status.observed_generation:
        message = "; ".join(map(str, view.task.problems))[:900]
        return (Transition("InvalidSpec", message, warning=True, task=name, kind=DecisionKind.INVALID),)
    if status.phase is before.phase or (before.phase is None and status.phase is TaskPhase.ACTIVE):
        return ()
    if status.phase is TaskPhase.REJECTED:
        ready = find_condition(status.conditions, "Ready")
        return (Transition(ready.reason, ready.message[:900], warning=True, task=name),) if ready is not None else ()
    if basis.pause is not None:
        tripped = basis.pause.reason == TOO_MANY_FAILURES
        kind = DecisionKind.SUSPEND
        return (
            Transition("Suspended", basis.pause.message, warning=tripped, task=name, kind=kind, why=basis.pause.reason),
        )
    if status.phase is TaskPhase.COMPLETED:
        message = "maxRuns or endTime is reached"
        return (Transition("Completed", message, task=name, kind=DecisionKind.COMPLETE),)
    if before.phase not in (TaskPhase.SUSPENDED, TaskPhase.INVALID):
        return ()
    message = f"next run at {status.next_run_time}" if status.next_run_time else "no run is planned"
    return (Transition("Resumed", message, task=name, kind=DecisionKind.RESUME),)
