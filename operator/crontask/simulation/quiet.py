"""Quiet stretches: rows of runs that start on time and end before the next one, which need no engine to be known.

While nothing runs, waits, fails too often or is edited, each time that comes due starts, whatever the policies say.
A test holds the stretches against the engine itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crontask.api.base import format_time
from crontask.api.crontask import CronTaskSpec
from crontask.api.names import run_name
from crontask.api.phases import RunPhase
from crontask.api.task_status import RunSummary, TaskPhase, Timing
from crontask.decide.model import CronTask
from crontask.decide.task.counting import sort_finished
from crontask.decide.task.delay import delayed_start
from crontask.decide.views import TaskView
from crontask.ports import Document

# A shorter row is left to the engine.
_WORTH_IT = 20
_LONGEST = 10_000
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Runs:
    """How runs go: how long each takes, and which fail; and how far the clock that starts them is behind."""

    takes: timedelta
    fails: Callable[[str], bool]
    behind: timedelta = timedelta(0)


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


def quiet_stretch(view: TaskView, now: datetime, until: datetime, runs: Runs) -> QuietStretch | None:
    """The quiet stretch that begins now, None if things are not quiet, or not for long."""
    task, timing = view.task, view.task.status.timing
    if timing is None or not _is_quiet(view, timing, now - runs.behind, runs.takes):
        return None
    row = _Row(task, runs)
    nominal = _first(view, timing, now - runs.behind)
    while nominal is not None and row.may_go_on():
        start = Start(task.start_of(nominal) + runs.behind, nominal, run_name(task.meta.name, nominal))
        over = start.at + runs.takes
        following = _following(task, timing, start, over)
        next_start = task.start_of(following) + runs.behind if following is not None else None
        if start.at <= now or over + _SECOND >= until or (next_start is not None and over > next_start):
            break
        if row.retries(start):
            break
        row.add(start)
        nominal = following
    if len(row.starts) < _WORTH_IT:
        return None
    ends = row.starts[-1].at + runs.takes
    if nominal is not None:
        # The engine wakes for the next start: everything before it is over.
        ends = min(ends + _SECOND, task.start_of(nominal) + runs.behind)
    return QuietStretch(tuple(row.starts), ends, row.status())


def _is_quiet(view: TaskView, timing: Timing, now: datetime, takes: timedelta) -> bool:
    status, task = view.task.status, view.task
    if status.phase is not TaskPhase.ACTIVE or status.observed_generation != task.meta.generation or not task.valid:
        return False
    if timing.hash != task.timing_hash or not _end_by_themselves(task.spec, takes):
        return False
    paused = task.spec.suspend or (task.spec.suspend_until is not None and task.spec.suspend_until > now)
    if paused or status.tripped is not None:
        return False
    return not view.runs and not view.deferred and not sort_finished(view).fresh


def _end_by_themselves(spec: CronTaskSpec, takes: timedelta) -> bool:
    """Whether the exit code alone says how a run ends: no limit that it would reach, no schema of its result."""
    if spec.handler.composite:
        return False
    if spec.expect is not None:
        # Whether one is late is for the engine to say.
        return False
    template = spec.handler.pod_template or spec.handler.pod or {}
    limits = (spec.timeout, spec.total_timeout)
    if spec.result_schema is not None or "activeDeadlineSeconds" in (template.get("spec") or {}):
        return False
    return all(limit is None or limit > takes for limit in limits)


def _first(view: TaskView, timing: Timing, now: datetime) -> datetime | None:
    """The first nominal time that is not decided."""
    task = view.task
    if task.spec.delay is not None:
        return delayed_start(view, timing, now)
    return task.timetable.next_after(task.decided_until(timing.since))


def _following(task: CronTask, timing: Timing, start: Start, over: datetime) -> datetime | None:
    """The nominal time after a start, of which the run is over then."""
    if task.spec.delay is None:
        return task.timetable.next_after(start.nominal)
    ended = RunSummary(name=start.run, phase=RunPhase.SUCCEEDED.value, completion_time=over)
    status = task.status.model_copy(update={"recent_runs": (ended,), "last_scheduled_time": start.nominal})
    return delayed_start(TaskView(replace(task, status=status), ()), timing, over)


class _Row:
    """A row of starts, and what it does to the status."""

    def __init__(self, task: CronTask, runs: Runs) -> None:
        self._task = task
        self._runs = runs
        self._left = task.runs_left
        self._streak = task.status.consecutive_failures
        self._failed = 0
        self.starts: list[Start] = []

    def may_go_on(self) -> bool:
        """Whether another run changes nothing but counts: the last one, or one too many failures, is the engine's."""
        limit = self._task.spec.suspend_after_failures
        last = self._left is not None and len(self.starts) + 1 >= self._left
        return not last and (limit is None or self._streak + 1 < limit) and len(self.starts) < _LONGEST

    def retries(self, start: Start) -> bool:
        """Whether the run would be tried again: that is the engine's."""
        retry = self._task.spec.retry
        return retry is not None and retry.limit > 0 and self._runs.fails(start.run)

    def add(self, start: Start) -> None:
        """One more."""
        self.starts.append(start)
        if self._runs.fails(start.run):
            self._failed += 1
            self._streak += 1
        else:
            self._streak = 0

    def status(self) -> Document:
        """What changes of the status."""
        before, last = self._task.status, self.starts[-1]
        phase = RunPhase.FAILED if self._streak else RunPhase.SUCCEEDED
        summary = {
            "name": last.run,
            "phase": phase.value,
            "scheduledTime": format_time(last.nominal),
            "startTime": format_time(last.at),
            "completionTime": format_time(last.at + self._runs.takes),
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
