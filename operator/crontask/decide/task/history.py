"""Which finished runs are removed: those beyond the task's history, and those past their time to live.

Never before they have been counted, nor before a late writer would meet them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from crontask.api.phases import Origin
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.settings import settings_of


def runs_to_prune(
    task: CronTask, counted: Sequence[ScheduledRun], keep: timedelta, now: datetime
) -> tuple[tuple[ScheduledRun, ...], datetime | None]:
    """The counted, finished runs to remove now, and when the next one may be."""
    if not task.valid:
        # How much is to be kept cannot be read: nothing goes until it can.
        return (), None
    history = task.spec.history
    # A part goes with what it is a part of.
    counted = [run for run in counted if run.spec.parent is None]
    # A duplicate request may come late: runs with a key stay for as long as their TTL says.
    unkeyed = [run for run in counted if run.spec.idempotency_key is None]
    excess = {
        run.meta.uid
        for run in (
            *_beyond([run for run in unkeyed if run.succeeded], history.succeeded),
            *_beyond([run for run in unkeyed if not run.succeeded and not run.rerun_refused], history.failed),
            # They do not take the room of what somebody tries to run again.
            *_beyond([run for run in unkeyed if run.rerun_refused], history.failed),
        )
    }
    prunable = [(run, _prunable_at(run, task, run.meta.uid in excess, keep, now)) for run in counted]
    return tuple(run for run, at in prunable if at <= now), min((at for _, at in prunable if at > now), default=None)


def _prunable_at(run: ScheduledRun, task: CronTask, excess: bool, keep: timedelta, now: datetime) -> datetime:
    soonest = (run.recorded_at or now) + keep
    if excess:
        return soonest
    over = run.ended_at + settings_of(run, task).ttl
    # No operator makes a person's run anew.
    return over if run.origin is Origin.MANUAL else max(soonest, over)


def _beyond(runs: list[ScheduledRun], limit: int) -> list[ScheduledRun]:
    """All but the newest."""
    return sorted(runs, key=attrgetter("end"), reverse=True)[limit:]
