"""The scheduled times to come of tasks that were read, by the operator's own timetable. Pure."""

from datetime import datetime, timedelta

import orjson

from crontask.client.requests import Document
from crontask.decide.model import Config, CronTask
from crontask.decide.task.coming import coming_times
from crontask.decide.task.pause import SUSPENDED_UNTIL, pause_of, said_paused_because
from crontask.engine.parse import parse_task
from crontask.sdk.objects import Upcoming

_FIRST = 8
# What an installation that is switched off says of each task; the spec does not have it.
_SWITCHED_OFF = "SchedulingDisabled"


def upcoming(tasks: list[Document], now: datetime, window: timedelta, limit: int) -> list[Upcoming]:
    """The starts within the window, in order, `limit` at most. None of a task that is paused, or cannot be used."""
    found = [each for task in tasks for each in _of_task(task, now, now + window, limit)]
    return sorted(found, key=lambda each: (each.start_time, each.namespace, each.task))[:limit]


def _of_task(document: Document, now: datetime, end: datetime, limit: int) -> list[Upcoming]:
    task = parse_task(orjson.dumps(document), lambda meta: None)
    if not task.valid or task.meta.deletion_timestamp is not None or _is_paused(task, now):
        return []
    count = _FIRST
    while True:
        times = coming_times(task, now, count, task.recorded_until)
        if len(times) < count or count > limit or task.start_of(times[-1]) > end:
            break
        count *= 4
    starts = [(time, task.start_of(time)) for time in times]
    return [Upcoming(task.meta.name, task.meta.namespace, time, start) for time, start in starts if start <= end]


def _is_paused(task: CronTask, now: datetime) -> bool:
    """Whether nothing starts until somebody resumes it; a pause with an end is none."""
    pause = pause_of(task, task.status.tripped, Config(), now)
    if pause is not None:
        return pause.reason != SUSPENDED_UNTIL
    return said_paused_because(task.status) == _SWITCHED_OFF
