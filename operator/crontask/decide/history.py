"""Which finished runs are removed: those beyond the task's history that have been counted and are old enough.

Callers: task.
"""

from datetime import datetime, timedelta

from crontask.api.policies import History
from crontask.api.scheduledrun import SUCCESSES
from crontask.decide.views import RunView, ScheduledRun


def runs_to_prune(
    finished: tuple[RunView, ...], history: History, keep: timedelta, now: datetime
) -> tuple[tuple[ScheduledRun, ...], datetime | None]:
    """The counted, finished runs to remove now, and when the next one may be."""
    excess = [
        *_beyond([view.run for view in finished if view.run.status.phase in SUCCESSES], history.succeeded),
        *_beyond([view.run for view in finished if view.run.status.phase not in SUCCESSES], history.failed),
    ]
    ripe = {run.meta.uid: (run.status.recorded_at() or now) + keep for run in excess}
    later = [at for at in ripe.values() if at > now]
    return tuple(run for run in excess if ripe[run.meta.uid] <= now), min(later) if later else None


def _beyond(runs: list[ScheduledRun], limit: int) -> list[ScheduledRun]:
    newest_first = sorted(runs, key=lambda run: (ended_at(run), run.meta.name), reverse=True)
    return newest_first[limit:]


def ended_at(run: ScheduledRun) -> datetime:
    """When a finished run ended, or, where that is not known, when it was created."""
    return run.status.completion_time or run.meta.creation_timestamp
