"""When a composite run has taken too long, the time in which it was paused left out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from crontask.api.base import format_duration
from crontask.api.composite_status import Paused
from crontask.decide.composite.model import CompositeView
from crontask.decide.model import ScheduledRun

TIMED_OUT, TOTAL = "TimedOut", "TotalTimeout"


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the run has taken too long, why, and the same for people."""

    at: datetime
    reason: str
    message: str


def deadline(view: CompositeView, now: datetime) -> Deadline | None:
    """When the run will have taken too long; None without a limit, or while it is paused."""
    plan, started, limits = view.plan, view.run.status.start_time, list[Deadline]()
    if started is None:
        return None
    if plan.timeout is not None and not view.suspended:
        pause = paused(view.run, view.suspended, now)
        left_out = timedelta(seconds=pause.seconds if pause is not None else 0)
        message = f"took longer than its timeout, {format_duration(plan.timeout)}"
        limits.append(Deadline(started + plan.timeout + left_out, TIMED_OUT, message))
    if plan.total_timeout is not None:
        message = f"took longer than its totalTimeout, {format_duration(plan.total_timeout)}"
        limits.append(Deadline(started + plan.total_timeout, TOTAL, message))
    return min(limits, key=lambda limit: limit.at, default=None)


def paused(run: ScheduledRun, suspended: bool, now: datetime) -> Paused | None:
    """Since when, and how long, the run is paused: what the status should say."""
    before = run.status.composite.paused if run.status.composite is not None else None
    if suspended:
        if before is not None and before.since is not None:
            return before
        return Paused(since=now, seconds=before.seconds if before is not None else 0)
    if before is None or before.since is None:
        return before
    return Paused(seconds=before.seconds + max(0, int((now - before.since).total_seconds())))
