"""Each finished run counts once, over any crash: the status says itself which runs its counts contain.

A run is counted if its end was recorded up to `counted.through`, or if `counted.runs` names it; counts and that record
change in one write. `through` lags behind now, so that an end which is being written while we count is not passed over.
Callers: task_status, history by way of task.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from crontask.api.crontask import Counted, Counts
from crontask.api.scheduledrun import RunPhase
from crontask.decide.views import CronTask, RunView

LAG = timedelta(seconds=60)
FAILURES = frozenset({RunPhase.FAILED, RunPhase.TIMED_OUT})
_FIELD = {
    RunPhase.SUCCEEDED: "succeeded",
    RunPhase.PARTIAL: "partial",
    RunPhase.FAILED: "failed",
    RunPhase.TIMED_OUT: "timed_out",
    RunPhase.CANCELED: "canceled",
}


def is_counted(view: RunView, counted: Counted | None) -> bool:
    """Whether the counts contain the finished run."""
    if counted is None:
        return False
    recorded = view.run.status.recorded_at()
    return view.run.meta.name in counted.runs or (recorded is not None and recorded <= counted.through)


def add_runs(counts: Counts, runs: Iterable[RunView]) -> Counts:
    """The counts with these runs added."""
    totals = counts.model_dump()
    for view in runs:
        # Skipped runs that people made count as skipped, beside skipped times.
        field = _FIELD.get(view.run.status.phase or RunPhase.SKIPPED, "skipped")
        totals[field] += 1
    return Counts(**totals)


def record_counted(task: CronTask, finished: Iterable[RunView], now: datetime) -> Counted:
    """The record after all `finished` runs have been counted."""
    before = task.status.counted
    floor = task.meta.creation_timestamp - timedelta(seconds=1)
    through = max(before.through if before is not None else floor, (now - LAG).replace(microsecond=0))
    names = [view.run.meta.name for view in finished if (view.run.status.recorded_at() or now) > through]
    return Counted(through=through, runs=tuple(sorted(names)))
