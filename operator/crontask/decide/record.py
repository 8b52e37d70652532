"""What is recorded of times that did not start, newest first, and what is told of them.

Callers: task_status.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crontask.api.base import format_time
from crontask.api.scheduledrun import RunPhase
from crontask.api.task_status import Counts, Decision
from crontask.decide.counting import is_stale
from crontask.decide.decisions import DecisionKind, Transition
from crontask.decide.due import Undecided
from crontask.decide.overlap import QUEUE_FULL, RUN_ALREADY_ACTIVE, Skip
from crontask.decide.views import ScheduledRun, TaskView

RECENT = 10
NAME_TAKEN = "NameTaken"
TIMING_UNSEEN = "TimingChangedUnseen"


@dataclass(frozen=True, slots=True)
class Settled:
    """Undecided times that are decided now, so that the mark may move over them; `skipped`: those left out."""

    undecided: Undecided
    skipped: tuple[Skip, ...]


def decisions_on_times(settled: Settled | None, unseen_from: datetime | None, now: datetime) -> tuple[Decision, ...]:
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
            missed = times.missed
            found.append(
                Decision(
                    type="Missed",
                    nominal_time=missed.first,
                    until=missed.last if missed.count > 1 else None,
                    reason=missed.reason,
                    count=missed.count,
                )
            )
    if unseen_from is not None:
        found.append(Decision(type="Missed", nominal_time=unseen_from, until=now, reason=TIMING_UNSEEN))
    return tuple(found)


def decisions_on_runs(fresh: Sequence[ScheduledRun]) -> tuple[Decision, ...]:
    """Skips and misses of times whose run waited in vain, newest first."""
    found = []
    for run in reversed(fresh):
        status, nominal = run.status, run.nominal
        if nominal is None or status.phase not in (RunPhase.SKIPPED, RunPhase.MISSED) or is_stale(run):
            continue
        type_ = "Skipped" if status.phase is RunPhase.SKIPPED else "Missed"
        reason = next((c.reason for c in status.conditions if c.type == "Failed"), type_)
        found.append(Decision(type=type_, nominal_time=nominal, reason=reason, run=run.meta.name))
    return tuple(found)


def add_decisions(counts: Counts, decisions: Sequence[Decision]) -> Counts:
    """The counts with times added that have no run. What an unseen edit left out is not known, and not counted."""
    totals = counts.model_dump()
    for decision in decisions:
        if decision.reason != TIMING_UNSEEN:
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


def tell_decisions(view: TaskView, decisions: Sequence[Decision]) -> tuple[Transition, ...]:
    """Skips and misses in CronJob's words where it has one."""
    told = []
    for decision in decisions:
        reason, words = _words(decision)
        known = decision.reason != TIMING_UNSEEN
        told.append(
            Transition(
                reason,
                words,
                warning=True,
                task=view.task.meta.name,
                run=decision.run,
                nominal=decision.nominal_time if known else None,
                count=decision.count if known else 0,
                why=decision.reason,
                kind=DecisionKind.SKIP if decision.type == "Skipped" else DecisionKind.MISS,
            )
        )
    return tuple(told)


def _words(decision: Decision) -> tuple[str, str]:
    at = format_time(decision.nominal_time)
    if decision.reason == RUN_ALREADY_ACTIVE:
        return RUN_ALREADY_ACTIVE, f"skipped {at}: run {decision.run} is still under way"
    if decision.reason == QUEUE_FULL:
        return QUEUE_FULL, f"skipped {at}: the queue is full, behind run {decision.run}"
    if decision.reason == NAME_TAKEN:
        return NAME_TAKEN, f"missed {at}: another object has the name of its run"
    if decision.reason == TIMING_UNSEEN:
        return "TimingChanged", f"the timing was edited while no operator watched, times from {at} are unknown"
    several = f"missed {decision.count} times from {at}" if decision.count > 1 else f"missed {at}"
    return "MissSchedule", f"{several}: {decision.reason}"
