"""Which timing is in force for a task, since when, and the timetable that it makes.

Callers: store (timetable and hash, once a generation), due (since when times count).
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from crontask.api.base import format_duration
from crontask.api.crontask import CronTaskSpec, TaskPhase, Timing
from crontask.api.metadata import Metadata
from crontask.decide.views import Config, TaskView
from crontask.timetable import CronTimetable, IntervalTimetable, OnDemand, Timetable, load_zone, parse_cron


def make_timetable(spec: CronTaskSpec | None, meta: Metadata) -> Timetable:
    """The nominal times of a valid spec; none for a spec that cannot be used."""
    if spec is not None and spec.schedule is not None:
        return CronTimetable(parse_cron(spec.schedule, f"{meta.namespace}/{meta.name}"), load_zone(spec.time_zone))
    if spec is not None and spec.interval is not None:
        return IntervalTimetable(meta.creation_timestamp, spec.interval)
    return OnDemand()


def hash_timing(spec: CronTaskSpec | None) -> str:
    """A hash of the fields that say when: a new value is an edit of the timing."""
    if spec is None:
        return ""
    interval = format_duration(spec.interval) if spec.interval is not None else ""
    return sha256("\n".join((spec.schedule or "", interval, spec.time_zone)).encode()).hexdigest()[:16]


def schedule_text(spec: CronTaskSpec) -> str:
    """The schedule as the list shows it."""
    if spec.schedule is not None:
        return spec.schedule
    return f"every {format_duration(spec.interval)}" if spec.interval is not None else "on demand"


def paused_because(view: TaskView, config: Config) -> str | None:
    """The reason for which nothing starts on schedule, None while it does."""
    if not config.scheduling_enabled:
        return "SchedulingDisabled"
    return "Suspended" if view.task.spec is not None and view.task.spec.suspend else None


@dataclass(frozen=True, slots=True)
class InForce:
    """The timing in force; `unseen_from`: an edit was seen late, and the old times from then on are not known."""

    timing: Timing
    unseen_from: datetime | None = None


def timing_in_force(view: TaskView, paused: str | None, now: datetime) -> InForce:
    """An edit counts from when it is first seen, and so does a resume: neither fires the past."""
    task, before = view.task, view.task.status.timing
    if before is None:
        return InForce(Timing(hash=task.timing_hash, since=task.meta.creation_timestamp))
    seen = now.replace(microsecond=0)
    was_active = task.status.phase is TaskPhase.ACTIVE
    if before.hash != task.timing_hash:
        mark = task.status.last_scheduled_time
        watched = max(before.since, mark) if mark is not None else before.since
        return InForce(Timing(hash=task.timing_hash, since=seen), watched if view.first_look and was_active else None)
    if not was_active and task.status.phase is not None and paused is None:
        return InForce(Timing(hash=before.hash, since=seen))
    return InForce(before)
