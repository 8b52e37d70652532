"""What is recorded of times that did not start, newest first, and what of them becomes a transition."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crontask.api.phases import NEVER_RAN, RunPhase
from crontask.api.task_status import Counts, Decision
from crontask.decide.decisions import DecisionKind, Transition
from crontask.decide.model import ScheduledRun
from crontask.decide.refusal import RUN_REJECTED
from crontask.decide.task.due import Undecided
from crontask.decide.task.missed import DEADLINE_EXCEEDED, NOT_STARTED_IN_TIME, Times
from crontask.decide.task.overlap import QUEUE_FULL, RUN_ALREADY_ACTIVE, Skip
from crontask.decide.views import TaskView

RECENT = 10
NAME_TAKEN = "NameTaken"
TIMING_CHANGED = "TimingChanged"
TIMING_UNSEEN, PAUSE_UNSEEN = "TimingChangedUnseen", "PausedUnseen"
UNKNOWN = frozenset({TIMING_UNSEEN, PAUSE_UNSEEN})
"""Reasons of entries about times of which it is not known whether they were due: they are in no count."""

# An event's reason where it is not that of the entry (CronJob's for a miss), and its text.
_MISS_SCHEDULE = "MissSchedule"
_TEXTS = {
    RUN_ALREADY_ACTIVE: (RUN_ALREADY_ACTIVE, "run {run} is still under way"),
    QUEUE_FULL: (QUEUE_FULL, "the queue is full, behind run {run}"),
    NAME_TAKEN: (NAME_TAKEN, "another object has the name of the run"),
    DEADLINE_EXCEEDED: (_MISS_SCHEDULE, "past the startingDeadline"),
    NOT_STARTED_IN_TIME: (_MISS_SCHEDULE, "no operator could start a run in time"),
    RUN_REJECTED: (_MISS_SCHEDULE, "the API server refused the run"),
    TIMING_CHANGED: (TIMING_CHANGED, "the schedule was edited between the scheduled time and its start"),
    TIMING_UNSEEN: (TIMING_CHANGED, "the schedule was edited while no operator watched; what it left out is not known"),
    PAUSE_UNSEEN: (_MISS_SCHEDULE, "due while no operator watched, and the task has been paused since"),
}


@dataclass(frozen=True, slots=True)
class Settled:
    """Undecided times that are decided now, so that the watermark may move over them; `skipped`: those left out."""

    undecided: Undecided
    skipped: tuple[Skip, ...]


def decisions_on_times(settled: Settled | None) -> tuple[Decision, ...]:
    """Skips and misses of times without a run, newest first."""
    found: list[Decision] = []
    if settled is not None:
        times = settled.undecided
        found += [
            Decision(type="Skipped", nominal_time=skip.nominal, reason=skip.reason, run=skip.run)
            for skip in reversed(settled.skipped)
        ]
        found += [Decision(type="Missed", nominal_time=time, reason=NAME_TAKEN) for time in reversed(times.foreign)]
        if times.missed is not None:
            found.append(entry("Missed", times.missed.reason, times.missed.times))
    return tuple(found)


def entry(type_: Literal["Skipped", "Missed"], reason: str, times: Times) -> Decision:
    """An entry about several times, or one."""
    last = times.last if times.count > 1 else None
    return Decision(type=type_, nominal_time=times.first, until=last, reason=reason, count=times.count)


def decisions_on_runs(fresh: Sequence[ScheduledRun]) -> tuple[Decision, ...]:
    """Skips and misses of times whose run waited in vain, newest first."""
    found = []
    for run in reversed(fresh):
        status, nominal = run.status, run.nominal
        if nominal is None or status.phase not in NEVER_RAN or run.stale:
            continue
        type_ = "Skipped" if status.phase is RunPhase.SKIPPED else "Missed"
        reason = next((c.reason for c in status.conditions if c.type == "Failed"), type_)
        found.append(Decision(type=type_, nominal_time=nominal, reason=reason, run=run.meta.name))
    return tuple(found)


def add_decisions(counts: Counts, decisions: Sequence[Decision]) -> Counts:
    """The counts with times added that have no run. What is not known to have been due is not counted."""
    totals = counts.model_dump()
    for decision in decisions:
        if decision.reason not in UNKNOWN:
            totals["skipped" if decision.type == "Skipped" else "missed"] += decision.count
    return Counts(**totals)


def merge_decisions(new: Sequence[Decision], old: tuple[Decision, ...]) -> tuple[Decision, ...]:
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


def transitions_of(view: TaskView, decisions: Sequence[Decision]) -> tuple[Transition, ...]:
    """Skips and misses, with CronJob's reasons where it has one."""
    transitions = []
    for decision in decisions:
        reason, message = _event_of(decision)
        known = decision.reason not in UNKNOWN
        transitions.append(
            Transition(
                reason,
                message,
                warning=True,
                task=view.task.meta.name,
                run=decision.run,
                nominal=decision.nominal_time if known else None,
                count=decision.count if known else 0,
                why=decision.reason,
                kind=DecisionKind.SKIP if decision.type == "Skipped" else DecisionKind.MISS,
            )
        )
    return tuple(transitions)


def _event_of(decision: Decision) -> tuple[str, str]:
    """The event's reason and text. When it was is in recentDecisions: texts that are equal are one event."""
    reason, why = _TEXTS.get(decision.reason, (_MISS_SCHEDULE, f"the task is paused ({decision.reason})"))
    several = f"{decision.count:,} times" if decision.count > 1 else "a time"
    return reason, f"{decision.type.lower()} {several}: {why.format(run=decision.run)}"
