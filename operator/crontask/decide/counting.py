"""Each finished run counts once, over any crash: the status says itself which runs its counts contain.

A run is counted if its end was recorded up to `counted.through`, or if `counted.runs` names it; counts and that record
change in one write. `through` lags behind now, so that an end which is being written while we count is not passed over.
Callers: task, task_status, history by way of task.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from crontask.api.scheduledrun import SUCCESSES, RunPhase
from crontask.api.task_status import Counted, Counts
from crontask.decide.history import ended_at
from crontask.decide.views import CronTask, RunView, TaskView

LAG = timedelta(seconds=60)
STALE = "Stale"
FAILURES = frozenset({RunPhase.FAILED, RunPhase.TIMED_OUT})
_FIELD = {
    RunPhase.SUCCEEDED: "succeeded",
    RunPhase.PARTIAL: "partial",
    RunPhase.FAILED: "failed",
    RunPhase.TIMED_OUT: "timed_out",
    RunPhase.CANCELED: "canceled",
    RunPhase.SKIPPED: "skipped",
    RunPhase.MISSED: "missed",
}


def is_counted(view: RunView, counted: Counted | None) -> bool:
    """Whether the counts contain the finished run."""
    if counted is None:
        return False
    recorded = view.run.status.recorded_at()
    return view.run.meta.name in counted.runs or (recorded is not None and recorded <= counted.through)


def is_stale(view: RunView) -> bool:
    """Whether the run came too late for its time, which had been decided, and counted, otherwise."""
    return any(condition.reason == STALE for condition in view.run.status.conditions)


def fresh_runs(view: TaskView) -> list[RunView]:
    """The finished runs that are not counted yet, in order of their ends."""
    found = [run for run in view.runs if run.run.ended and not is_counted(run, view.task.status.counted)]
    return sorted(found, key=lambda run: ended_at(run.run))


def failure_streak(view: TaskView) -> int:
    """Failures in a row up to now; a success, and the end of a suspension by failures, set it back."""
    streak = view.task.status.consecutive_failures
    for run in fresh_runs(view):
        if run.run.status.phase in SUCCESSES:
            streak = 0
        elif run.run.status.phase in FAILURES:
            streak += 1
    return streak


def add_runs(counts: Counts, runs: Iterable[RunView]) -> Counts:
    """The counts with these runs added."""
    totals = counts.model_dump()
    for view in runs:
        if view.run.status.phase is not None and not is_stale(view):
            totals[_FIELD[view.run.status.phase]] += 1
    return Counts(**totals)


def record_counted(task: CronTask, finished: Iterable[RunView], now: datetime) -> Counted:
    """The record after all `finished` runs have been counted."""
    before = task.status.counted
    floor = task.meta.creation_timestamp - timedelta(seconds=1)
    through = max(before.through if before is not None else floor, (now - LAG).replace(microsecond=0))
    names = [view.run.meta.name for view in finished if (view.run.status.recorded_at() or now) > through]
    return Counted(through=through, runs=tuple(sorted(names)))
