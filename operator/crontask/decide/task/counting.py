"""Each finished run counts once, over any crash: the status says itself which runs its counts contain.

A run is counted if its end was recorded up to `counted.through`, or if `counted.runs` names it; counts and that record
change in one write. `through` lags behind now, so that an end which is being written while we count is not passed over.
Where the clock has gone back by more than that, ends are recorded after it all the same (RunView.recorded_when).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from crontask.api.phases import FAILURES, RunPhase
from crontask.api.task_status import Counted, Counts
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.views import TaskView

LAG = timedelta(seconds=60)
_END = attrgetter("end")
_FIELD = {
    RunPhase.SUCCEEDED: "succeeded",
    RunPhase.PARTIAL: "partial",
    RunPhase.FAILED: "failed",
    RunPhase.TIMED_OUT: "timed_out",
    RunPhase.CANCELED: "canceled",
    RunPhase.SKIPPED: "skipped",
    RunPhase.MISSED: "missed",
}


@dataclass(frozen=True, slots=True)
class Finished:
    """The finished runs of a task: those that the counts contain, and the `fresh` ones in order of their ends."""

    counted: tuple[ScheduledRun, ...]
    fresh: tuple[ScheduledRun, ...]


def sort_finished(view: TaskView) -> Finished:
    """Which of the finished runs the counts contain."""
    before = view.task.status.counted
    if before is None:
        return Finished((), tuple(sorted(view.finished, key=_END)))
    through, names = before.through, frozenset(before.runs)
    counted: list[ScheduledRun] = []
    fresh: list[ScheduledRun] = []
    for run in view.finished:
        recorded = run.recorded_at
        known = (recorded is not None and recorded <= through) or run.meta.name in names
        (counted if known else fresh).append(run)
    return Finished(tuple(counted), tuple(sorted(fresh, key=_END)))


def that_ran(runs: Iterable[ScheduledRun]) -> tuple[ScheduledRun, ...]:
    """Without the reruns that were refused, and the parts of backfills that were not needed any more.

    Of their task these say nothing, and are in none of its counts.
    """
    return tuple(run for run in runs if not run.rerun_refused and not run.done_already)


def failure_streak(task: CronTask, fresh: Iterable[ScheduledRun]) -> int:
    """Failures in a row up to now; a success, and the end of a suspension by failures, set it back."""
    streak = task.status.consecutive_failures
    for run in fresh:
        if run.succeeded:
            streak = 0
        elif run.status.phase in FAILURES and not run.rerun_refused:
            streak += 1
    return streak


def add_runs(counts: Counts, runs: Iterable[ScheduledRun]) -> Counts:
    """The counts with these runs added."""
    totals = counts.model_dump()
    for run in runs:
        if run.status.phase is not None and not run.stale:
            totals[_FIELD[run.status.phase]] += 1
    return Counts(**totals)


def record_counted(task: CronTask, finished: Iterable[ScheduledRun], now: datetime) -> Counted:
    """The record after all `finished` runs have been counted."""
    before = task.status.counted
    floor = task.meta.creation_timestamp - timedelta(seconds=1)
    # Never ahead of now, whoever wrote it: of the runs that end then, none is counted.
    known = min(before.through, now.replace(microsecond=0)) if before is not None else floor
    through = max(known, (now - LAG).replace(microsecond=0))
    names = [run.meta.name for run in finished if (run.recorded_at or now) > through]
    return Counted(through=through, runs=tuple(sorted(names)))
