"""The one place where the status of a task is computed, and with it what is told of the times that did not start.

Callers: task.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from crontask.api.base import format_time
from crontask.api.crontask import CronTaskStatus, Decision, RunSummary, TaskPhase
from crontask.api.metadata import Condition, merge_conditions
from crontask.api.scheduledrun import SUCCESSES, RunPhase
from crontask.decide.counting import FAILURES, add_runs, is_counted, record_counted
from crontask.decide.decisions import Transition
from crontask.decide.due import Undecided
from crontask.decide.history import ended_at
from crontask.decide.overlap import holds_place
from crontask.decide.timing import InForce, schedule_text
from crontask.decide.views import RunView, TaskView

RECENT = 10
UPCOMING = 5


@dataclass(frozen=True, slots=True)
class Settled:
    """Undecided times that are decided now: the mark may move over them. `skipped_for`: the run in the latest's way."""

    undecided: Undecided
    skipped_for: str | None


def compute_status(
    view: TaskView,
    settled: Settled | None,
    in_force: InForce,
    paused: str | None,
    queued: frozenset[str],
    now: datetime,
) -> tuple[CronTaskStatus, tuple[Transition, ...]]:
    """The status as it should be, and what its change tells."""
    task, before = view.task, view.task.status
    phase = TaskPhase.INVALID if task.spec is None else TaskPhase.SUSPENDED if paused else TaskPhase.ACTIVE
    finished = tuple(run for run in view.runs if run.run.ended)
    fresh = sorted((run for run in finished if not is_counted(run, before.counted)), key=lambda run: ended_at(run.run))
    decisions = _new_decisions(settled, in_force, now)
    counts = add_runs(before.counts, fresh)
    for decision in decisions:
        field = "skipped" if decision.type == "Skipped" else "missed"
        added = decision.count if decision.reason != "TimingChangedUnseen" else 0
        counts = counts.model_copy(update={field: getattr(counts, field) + added})
    summaries = tuple(_summary(run) for run in reversed(fresh))
    recent = tuple(
        sorted((*summaries, *before.recent_runs), key=lambda s: s.completion_time or now, reverse=True)[:RECENT]
    )
    active = sorted((run.run for run in view.runs if holds_place(run)), key=lambda run: run.meta.creation_timestamp)
    upcoming = task.timetable.upcoming(now, UPCOMING) if phase is TaskPhase.ACTIVE else ()
    timing = in_force.timing if task.spec is not None else before.timing
    status = CronTaskStatus(
        observed_generation=task.meta.generation,
        phase=phase,
        conditions=merge_conditions(before.conditions, _conditions(view, paused, fresh, now)),
        schedule_text=schedule_text(task.spec) if task.spec is not None else before.schedule_text,
        timing=timing,
        next_run_time=format_time(upcoming[0]) if upcoming else None,
        upcoming=upcoming,
        last_scheduled_time=settled.undecided.mark if settled is not None else before.last_scheduled_time,
        last_run=recent[0] if recent else None,
        last_successful_time=_last_success(before, fresh),
        active=tuple(run.meta.name for run in active[:RECENT]),
        active_count=len(active),
        queued=len(queued),
        scheduled_count=before.scheduled_count + (len(settled.undecided.started) if settled is not None else 0),
        consecutive_failures=_failure_streak(before.consecutive_failures, fresh),
        counts=counts,
        counted=record_counted(task, finished, now) if fresh or before.counted is None else before.counted,
        recent_runs=recent,
        recent_decisions=_merge_decisions(decisions, before.recent_decisions),
    )
    return status, (*_told(view, decisions), *_phase_told(view, status))


def _new_decisions(settled: Settled | None, in_force: InForce, now: datetime) -> tuple[Decision, ...]:
    """What to record of times that did not start, newest first."""
    found: list[Decision] = []
    if settled is not None:
        times = settled.undecided
        if settled.skipped_for is not None and times.latest is not None:
            found.append(
                Decision(type="Skipped", nominal_time=times.latest, reason="RunAlreadyActive", run=settled.skipped_for)
            )
        if times.foreign is not None:
            found.append(Decision(type="Missed", nominal_time=times.foreign, reason="NameTaken"))
        missed = times.missed
        if missed > 0 and times.missed_from is not None:
            found.append(
                Decision(
                    type="Missed",
                    nominal_time=(times.missed_until if missed == 1 else None) or times.missed_from,
                    until=times.missed_until if missed > 1 else None,
                    reason="NotStartedInTime",
                    count=missed,
                )
            )
    if in_force.unseen_from is not None:
        found.append(
            Decision(type="Missed", nominal_time=in_force.unseen_from, until=now, reason="TimingChangedUnseen")
        )
    return tuple(found)


def _merge_decisions(new: tuple[Decision, ...], old: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """Newest first; a row of equal ones is one entry with its count."""
    rows = list(old)
    for decision in reversed(new):
        last = rows[0] if rows else None
        if last is not None and (last.type, last.reason, last.run) == (decision.type, decision.reason, decision.run):
            rows[0] = last.model_copy(
                update={"until": decision.until or decision.nominal_time, "count": last.count + decision.count}
            )
        else:
            rows.insert(0, decision)
    return tuple(rows[:RECENT])


def _conditions(view: TaskView, paused: str | None, fresh: list[RunView], now: datetime) -> tuple[Condition, ...]:
    generation = view.task.meta.generation

    def condition(type_: str, holds: bool, reason: str, message: str = "") -> Condition:
        return Condition(
            type=type_,
            status="True" if holds else "False",
            reason=reason,
            message=message,
            last_transition_time=now.replace(microsecond=0),
            observed_generation=generation,
        )

    problems = view.task.problems
    ready = (
        condition("Ready", False, "InvalidSpec", "; ".join(map(str, problems))[:4000])
        if problems
        else condition("Ready", True, paused or "Scheduled")
    )
    words = {
        "Suspended": "spec.suspend is true: nothing starts on schedule; runs made by hand do",
        "SchedulingDisabled": "scheduling is switched off for this installation: nothing starts on schedule",
    }
    suspended = condition("Suspended", paused is not None, paused or "NotSuspended", words.get(paused or "", ""))
    return (ready, suspended, *_last_run_condition(view, fresh, condition))


def _last_run_condition(
    view: TaskView, fresh: list[RunView], condition: Callable[..., Condition]
) -> tuple[Condition, ...]:
    judged = [run.run for run in fresh if run.run.status.phase in SUCCESSES | FAILURES]
    if not judged:
        return tuple(c for c in view.task.status.conditions if c.type == "LastRunSucceeded")
    last = judged[-1]
    phase = last.status.phase or RunPhase.FAILED
    words = f"run {last.meta.name}" + (f": {last.status.message}" if last.status.message else "")
    return (condition("LastRunSucceeded", phase in SUCCESSES, phase.value, words),)


def _summary(view: RunView) -> RunSummary:
    status = view.run.status
    return RunSummary(
        name=view.run.meta.name,
        phase=status.phase.value if status.phase is not None else "",
        scheduled_time=status.scheduled_time,
        start_time=status.start_time,
        completion_time=status.completion_time or view.run.meta.creation_timestamp,
        duration=status.duration,
        processed_count=status.processed_count,
        error_count=status.error_count,
        message=status.message[:1024] if status.message else None,
    )


def _last_success(before: CronTaskStatus, fresh: list[RunView]) -> datetime | None:
    times = [ended_at(run.run) for run in fresh if run.run.status.phase in SUCCESSES]
    return max((*times, before.last_successful_time) if before.last_successful_time else times, default=None)


def _failure_streak(streak: int, fresh: list[RunView]) -> int:
    for run in fresh:
        if run.run.status.phase in SUCCESSES:
            streak = 0
        elif run.run.status.phase in FAILURES:
            streak += 1
    return streak


def _told(view: TaskView, decisions: tuple[Decision, ...]) -> tuple[Transition, ...]:
    """Skips and misses in CronJob's words where it has one."""
    told = []
    for decision in decisions:
        at = format_time(decision.nominal_time)
        if decision.type == "Skipped":
            reason, words = "RunAlreadyActive", f"skipped {at}: run {decision.run} is still under way"
        elif decision.reason == "NameTaken":
            reason, words = "NameTaken", f"missed {at}: another object has the name of its run"
        elif decision.reason == "TimingChangedUnseen":
            reason, words = (
                "TimingChanged",
                f"the timing was edited while no operator watched, times from {at} are unknown",
            )
        else:
            several = f"missed {decision.count} times from {at}"
            reason, words = "MissSchedule", several if decision.count > 1 else f"missed {at}"
        told.append(Transition(reason, words, warning=True, task=view.task.meta.name, nominal=decision.nominal_time))
    return tuple(told)


def _phase_told(view: TaskView, status: CronTaskStatus) -> tuple[Transition, ...]:
    before, name = view.task.status, view.task.meta.name
    if status.phase is TaskPhase.INVALID and before.observed_generation != status.observed_generation:
        return (Transition("InvalidSpec", "; ".join(map(str, view.task.problems))[:900], warning=True, task=name),)
    if status.phase is before.phase or (before.phase is None and status.phase is TaskPhase.ACTIVE):
        return ()
    if status.phase is TaskPhase.SUSPENDED:
        return (Transition("Suspended", "nothing starts on schedule", task=name),)
    return (Transition("Resumed", f"next run at {status.next_run_time}", task=name),) if before.phase else ()
