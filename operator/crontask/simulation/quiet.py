"""Quiet stretches: rows of runs that start on time and end before the next one, which need no engine to be known.

While nothing runs, waits, fails too often or is edited, each time that comes due starts, whatever the policies say.
A test holds the stretches against the engine itself. Callers: simulate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from crontask.api.base import format_time
from crontask.api.names import run_name
from crontask.api.scheduledrun import RunPhase
from crontask.api.task_status import TaskPhase
from crontask.decide.counting import sort_finished
from crontask.decide.due import runs_left
from crontask.decide.views import CronTask, TaskView
from crontask.engine.ports import Document

# A shorter row is left to the engine.
_WORTH_IT = 20
_LONGEST = 10_000
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Start:
    """A run that starts on time."""

    at: datetime
    nominal: datetime
    run: str


@dataclass(frozen=True, slots=True)
class QuietStretch:
    """The starts of a stretch, the instant at which all is quiet again, and what the status says then."""

    starts: tuple[Start, ...]
    ends: datetime
    status: Document


def quiet_stretch(
    view: TaskView, now: datetime, until: datetime, takes: timedelta, fails: Callable[[str], bool]
) -> QuietStretch | None:
    """The quiet stretch that begins now, None if things are not quiet, or not for long."""
    task = view.task
    if not _is_quiet(view) or task.status.timing is None:
        return None
    after = max(filter(None, (task.status.last_scheduled_time, task.status.timing.since)))
    row = _Row(task, fails)
    nominal = task.timetable.next_after(after)
    while nominal is not None and row.may_go_on():
        following = task.timetable.next_after(nominal)
        start = task.start_of(nominal)
        over = start + takes
        if start <= now or over + _SECOND >= until or (following is not None and over > task.start_of(following)):
            break
        row.add(Start(start, nominal, run_name(task.meta.name, nominal)))
        nominal = following
    if len(row.starts) < _WORTH_IT:
        return None
    ends = row.starts[-1].at + takes
    if nominal is not None:
        # The engine wakes for the next start: everything before it is over.
        ends = min(ends + _SECOND, task.start_of(nominal))
    return QuietStretch(tuple(row.starts), ends, row.status(takes))


def _is_quiet(view: TaskView) -> bool:
    status, task = view.task.status, view.task
    if status.phase is not TaskPhase.ACTIVE or status.observed_generation != task.meta.generation or task.spec is None:
        return False
    if task.spec.delay is not None or status.timing is None or status.timing.hash != task.timing_hash:
        return False
    if task.spec.suspend or task.spec.suspend_until is not None or status.tripped is not None:
        return False
    return not view.runs and not view.asleep and not sort_finished(view).fresh


class _Row:
    """A row of starts, and what it does to the status."""

    def __init__(self, task: CronTask, fails: Callable[[str], bool]) -> None:
        self._task = task
        self._fails = fails
        self._left = runs_left(task)
        self._streak = task.status.consecutive_failures
        self._failed = 0
        self.starts: list[Start] = []

    def may_go_on(self) -> bool:
        """Whether another run changes nothing but counts: the last one, or one too many failures, is the engine's."""
        limit = self._task.spec.suspend_after_failures if self._task.spec is not None else None
        last = self._left is not None and len(self.starts) + 1 >= self._left
        return not last and (limit is None or self._streak + 1 < limit) and len(self.starts) < _LONGEST

    def add(self, start: Start) -> None:
        """One more."""
        self.starts.append(start)
        if self._fails(start.run):
            self._failed += 1
            self._streak += 1
        else:
            self._streak = 0

    def status(self, takes: timedelta) -> Document:
        """What changes of the status."""
        before, last = self._task.status, self.starts[-1]
        phase = RunPhase.FAILED if self._streak else RunPhase.SUCCEEDED
        summary = {
            "name": last.run,
            "phase": phase.value,
            "scheduledTime": format_time(last.nominal),
            "startTime": format_time(last.at),
            "completionTime": format_time(last.at + takes),
        }
        return {
            "lastScheduledTime": format_time(last.nominal),
            "scheduledCount": before.scheduled_count + len(self.starts),
            "consecutiveFailures": self._streak,
            "counts": {
                "succeeded": before.counts.succeeded + len(self.starts) - self._failed,
                "failed": before.counts.failed + self._failed,
            },
            "lastRun": summary,
            "recentRuns": [summary],
        }
