"""Which timing is effective for a task, since when, and the timetable that it makes."""

from datetime import datetime, timedelta
from hashlib import sha256

import orjson

from crontask.api.base import format_duration
from crontask.api.crontask import CronTaskSpec
from crontask.api.metadata import Metadata
from crontask.api.task_status import SCHEDULING, Timing
from crontask.decide.model import Config
from crontask.decide.task.pause import SUSPENDED_UNTIL, Pause, said_paused_because, said_paused_since
from crontask.decide.views import TaskView
from crontask.timetable import (
    NO_JITTER,
    CronTimetable,
    Dst,
    IntervalTimetable,
    Jitter,
    OnDemand,
    Timetable,
    WindowedTimetable,
    holes_of,
    load_zone,
    parse_cron,
)

_FIELDS = {
    "schedule",
    "schedules",
    "interval",
    "delay",
    "after",
    "time_zone",
    "dst",
    "start_time",
    "end_time",
    "jitter",
    "skip",
}
_SECOND = timedelta(seconds=1)


def make_timetable(spec: CronTaskSpec, meta: Metadata) -> Timetable:
    """The nominal times of a spec, within its bounds."""
    timetable = _unbounded(spec, meta)
    if spec.start_time is None and spec.end_time is None and not spec.skip:
        return timetable
    dates = [(dates.from_, dates.last) for dates in spec.skip]
    return WindowedTimetable(timetable, spec.start_time, spec.end_time, holes_of(dates, load_zone(spec.time_zone)))


def _unbounded(spec: CronTaskSpec, meta: Metadata) -> Timetable:
    texts = [spec.schedule] if spec.schedule is not None else list(spec.schedules or ())
    if texts:
        expressions = [parse_cron(text, f"{meta.namespace}/{meta.name}") for text in texts]
        return CronTimetable(expressions, load_zone(spec.time_zone), Dst(spec.dst.missing, spec.dst.repeated))
    if spec.interval is not None and spec.start_time is not None:
        return IntervalTimetable(spec.start_time, spec.interval, first_k=0)
    if spec.interval is not None:
        return IntervalTimetable(meta.creation_timestamp, spec.interval)
    return OnDemand()


def make_jitter(spec: CronTaskSpec, meta: Metadata) -> Jitter:
    """How the task's starts are spread."""
    if not spec.jitter:
        return NO_JITTER
    return Jitter(spec.jitter, f"{meta.namespace}/{meta.name}")


def hash_timing(spec: CronTaskSpec) -> str:
    """A hash of the fields that say when: a new value is an edit of the timing."""
    timing = spec.model_dump(mode="json", include=_FIELDS, exclude_defaults=True)
    return sha256(orjson.dumps(timing, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def schedule_text(spec: CronTaskSpec) -> str:
    """The schedule as the list shows it."""
    if spec.interval is not None:
        return f"every {format_duration(spec.interval)}"
    if spec.delay is not None:
        return f"{format_duration(spec.delay)} after end"
    if spec.after is not None:
        return f"after {spec.after.task}"
    if spec.schedules:
        text = " | ".join(spec.schedules)
        return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
    return spec.schedule or "on demand"


_LONGEST_TEXT = 100


def effective_timing(view: TaskView, pause: Pause | None, config: Config, now: datetime) -> Timing:
    """The timing by which the task is due. An edit counts from when it is first seen, and so does a resume.

    Neither fires the past, by whatever clock that was recorded: `since` never goes back.
    """
    task, before = view.task, view.task.status.timing
    until = task.spec.suspend_until
    if before is None:
        since = task.meta.creation_timestamp
        if until is not None and since < until <= now:
            return Timing(hash=task.timing_hash, since=until - _SECOND, resumed=until)
        return Timing(hash=task.timing_hash, since=since)
    if config.clock_skewed:
        # Seen as soon as the clock is believed.
        return before
    decided_until = max(before.since, said_paused_since(task.status) or before.since)
    since = max(decided_until, now.replace(microsecond=0))
    if before.hash != task.timing_hash:
        return Timing(hash=task.timing_hash, since=since, resumed=before.resumed)
    if task.status.phase in SCHEDULING or task.status.phase is None or pause is not None:
        return before
    if until is not None and until <= now and _waited_for(until, view):
        # Times that passed since then are missed or made up for like any others.
        return Timing(hash=before.hash, since=max(decided_until, until - _SECOND), resumed=until)
    return Timing(hash=before.hash, since=since, resumed=now.replace(microsecond=0))


def _waited_for(until: datetime, view: TaskView) -> bool:
    """Whether the task was suspended until that very time: an edit resumes from when it is seen."""
    status = view.task.status
    unedited = status.observed_generation == view.task.meta.generation
    return unedited and said_paused_because(status) == SUSPENDED_UNTIL
