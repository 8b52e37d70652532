"""Which finished runs are removed: those beyond the task's history, and those past their time to live.

Never before they have been counted, nor before a late writer would meet them. Callers: task, run.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter

from crontask.api.policies import History
from crontask.api.scheduledrun import Origin
from crontask.decide.decisions import RemoveRun, RunDecisions, earliest
from crontask.decide.views import CronTask, RunView, ScheduledRun

TTL = timedelta(hours=168)


def runs_to_prune(
    task: CronTask, counted: Sequence[ScheduledRun], keep: timedelta, now: datetime
) -> tuple[tuple[ScheduledRun, ...], datetime | None]:
    """The counted, finished runs to remove now, and when the next one may be."""
    history = task.spec.history if task.spec is not None else History()
    # Who asks twice may ask late: runs with a key stay for as long as their TTL says.
    unkeyed = [run for run in counted if run.spec is None or run.spec.idempotency_key is None]
    excess = {
        run.meta.uid
        for run in (
            *_beyond([run for run in unkeyed if run.succeeded], history.succeeded),
            *_beyond([run for run in unkeyed if not run.succeeded], history.failed),
        )
    }
    ripe = [(run, _ripe_at(run, task, run.meta.uid in excess, keep, now)) for run in counted]
    return tuple(run for run, at in ripe if at <= now), min((at for _, at in ripe if at > now), default=None)


def remove_without_task(view: RunView, decided: RunDecisions, now: datetime) -> RunDecisions:
    """A finished run that no task looks after goes by itself when its time to live is over."""
    run = view.run
    if view.task is not None and run.meta.owner_uid in (None, view.task.meta.uid):
        return decided
    at = ended_at(run) + ttl_of(run, None)
    if at > now:
        return replace(decided, wake_at=earliest(decided.wake_at, at))
    return replace(decided, actions=(*decided.actions, RemoveRun(run)))


def ttl_of(run: ScheduledRun, task: CronTask | None) -> timedelta:
    """How long the finished run is kept at most: by its own word, or else its task's, or else a week."""
    own = run.spec.ttl_after_finished if run.spec is not None else None
    if own is not None:
        return own
    ttl = task.spec.ttl_after_finished if task is not None and task.spec is not None else None
    return ttl if ttl is not None else TTL


def ended_at(run: ScheduledRun) -> datetime:
    """When a finished run ended, or, where that is not known, when it was created."""
    return run.end[0]


def _ripe_at(run: ScheduledRun, task: CronTask, excess: bool, keep: timedelta, now: datetime) -> datetime:
    soonest = (run.recorded_at or now) + keep
    if excess:
        return soonest
    over = ended_at(run) + ttl_of(run, task)
    # No operator makes a person's run anew.
    return over if run.origin is Origin.MANUAL else max(soonest, over)


def _beyond(runs: list[ScheduledRun], limit: int) -> list[ScheduledRun]:
    """All but the newest."""
    return sorted(runs, key=attrgetter("end"), reverse=True)[limit:]
