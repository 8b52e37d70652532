"""The nominal times of a task that have come, and what became of each: what `audit` and `backfill` go by. Pure.

No single source says it. The record in the status has each time that came due, back to `decidedSince`; runs that still
exist know more, as when they started; runs that stand for a time (a backfill, a rerun) may have done it since; and what
is in none of them was not due, because of a pause or of another schedule, or is not known, or was left out. Where they
contradict each other the best end counts: what has been done once is done.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from crontask.api.base import format_time
from crontask.api.metadata import find_condition
from crontask.api.names import run_name
from crontask.api.outcomes import EPOCH, Became, Row, rows_of
from crontask.api.phases import NEVER_RAN, Origin, RunPhase
from crontask.api.task_status import Decision, RunSummary, TaskPhase
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.task.made_up import MadeUp, made_up
from crontask.decide.task.pause import said_paused_since
from crontask.timetable import Due

_SECOND = timedelta(seconds=1)
# An operator that is there decides within milliseconds; after a failover within seconds.
PATIENCE = timedelta(minutes=1)
MOST_TIMES = 10_000
"""Of one report: more can be asked for by several."""


class Outcome(StrEnum):
    """What became of a nominal time."""

    SUCCEEDED = "Succeeded"
    PARTIAL = "Partial"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    CANCELED = "Canceled"
    REPLACED = "Replaced"
    """Its run was canceled, so that a newer one could start."""
    REMOVED = "Removed"
    """Its run started, and somebody removed it before its end was recorded."""
    RUNNING = "Running"
    """A run for it is under way, or waits for its turn."""
    WAITING = "Waiting"
    """Its start is still to come, or has just come."""
    SKIPPED = "Skipped"
    MISSED = "Missed"
    NOT_DUE = "NotDue"
    """The task was suspended then, or had another schedule."""
    UNKNOWN = "Unknown"
    """It is older than what the record has."""
    OVERDUE = "Overdue"
    """Its start has come, and no operator has decided about it."""
    UNEXPLAINED = "Unexplained"
    """It was due, the record is complete, and does not have it."""


DONE = frozenset({Outcome.SUCCEEDED, Outcome.PARTIAL})
WENT_WRONG = frozenset(
    {Outcome.FAILED, Outcome.TIMED_OUT, Outcome.CANCELED, Outcome.REPLACED, Outcome.REMOVED},
)
"""A run started, and did not end well."""
LEFT_OUT = frozenset({Outcome.SKIPPED, Outcome.MISSED, Outcome.NOT_DUE, Outcome.UNEXPLAINED})
"""No run has started, and none will."""
WITHOUT_REASON = frozenset({Outcome.OVERDUE, Outcome.UNEXPLAINED})
"""Nothing says why it did not start."""

_OF_PHASES = {
    RunPhase.SUCCEEDED: Outcome.SUCCEEDED,
    RunPhase.PARTIAL: Outcome.PARTIAL,
    RunPhase.FAILED: Outcome.FAILED,
    RunPhase.TIMED_OUT: Outcome.TIMED_OUT,
    RunPhase.CANCELED: Outcome.CANCELED,
    RunPhase.SKIPPED: Outcome.SKIPPED,
    RunPhase.MISSED: Outcome.MISSED,
}
_OF_RECORD = {
    Became.SUCCEEDED: Outcome.SUCCEEDED,
    Became.PARTIAL: Outcome.PARTIAL,
    Became.FAILED: Outcome.FAILED,
    Became.TIMED_OUT: Outcome.TIMED_OUT,
    Became.CANCELED: Outcome.CANCELED,
    Became.RUNS: Outcome.REMOVED,
    Became.SKIPPED: Outcome.SKIPPED,
    Became.MISSED: Outcome.MISSED,
    Became.REPLACED: Outcome.REPLACED,
}
_NOTHING_IS_DUE = {
    TaskPhase.SUSPENDED: "the task is suspended",
    TaskPhase.INVALID: "the spec of the task was not valid",
}


class TooManyTimesError(Exception):
    """A range has more nominal times than are wanted at once. `count`: how many, at least."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


@dataclass(frozen=True, slots=True)
class PastTime:
    """A nominal time that has come. `why`: for people, where there is something to say.

    `run`: the run that `outcome` is of, as far as it is known. `late`: how long after its due start its own run
    started. `planned`: the open backfills that are yet to do it.
    """

    nominal: datetime
    outcome: Outcome
    why: str = ""
    run: str | None = None
    late: timedelta | None = None
    planned: tuple[str, ...] = ()


def past_times(
    task: CronTask, runs: Iterable[ScheduledRun], start: datetime, end: datetime, now: datetime, most: int
) -> tuple[PastTime, ...]:
    """Each nominal time in [start, end) up to now, oldest first: those of its timetable, of its record and of its runs.

    `runs`: of the task, and those without a task, among which its backfills are. Raises TooManyTimesError.
    """
    known = _Known(task, runs, now)
    end = min(end, now + _SECOND)
    due = due_in(task, start, end)
    if due is not None and due.count > most:
        raise TooManyTimesError(due.count)
    recorded = known.recorded(start, end, most)
    times = {time for time in known.own if start <= time < end} | recorded.keys()
    if due is not None:
        times.update(task.timetable.upcoming(start - _SECOND, due.count))
    if len(times) > most:
        raise TooManyTimesError(len(times))
    return tuple(known.became(time, recorded.get(time)) for time in sorted(times))


def due_in(task: CronTask, start: datetime, end: datetime) -> Due | None:
    """The nominal times of its timetable in [start, end); a task that is completed has no more."""
    if task.status.phase is TaskPhase.COMPLETED:
        end = min(end, task.recorded_until.replace(microsecond=0) + _SECOND)
    return task.timetable.due(start - _SECOND, end - _SECOND) if start < end else None


class _Known:
    """All that is known of a task at an instant, by nominal time."""

    def __init__(self, task: CronTask, runs: Iterable[ScheduledRun], now: datetime) -> None:
        runs = tuple(runs)
        self.task = task
        self.now = now
        self.own: dict[datetime, ScheduledRun] = {}
        # Those that somebody made, and that stand for a time.
        self.others: defaultdict[datetime, list[ScheduledRun]] = defaultdict(list)
        for run in runs:
            self._sort(run)
        self.backfills: MadeUp = made_up(task.meta.name, runs, task.meta.creation_timestamp)
        self.gone = {_time_of(summary, task): summary for summary in task.status.recent_runs}
        self.rows, self.unreadable = _rows(task)
        self.paused_since = said_paused_since(task.status)

    def recorded(self, start: datetime, end: datetime, most: int) -> dict[datetime, Became]:
        """What the record says of the times in [start, end). Raises TooManyTimesError."""
        found: dict[datetime, Became] = {}
        for row in self.rows:
            if row.first >= end:
                continue
            if row.last < start:
                break
            times = row.times(start, end)
            if len(found) + len(times) > most:
                raise TooManyTimesError(len(found) + len(times))
            found.update((EPOCH + timedelta(seconds=time), row.became) for time in times)
        return found

    def became(self, time: datetime, recorded: Became | None) -> PastTime:
        """What became of a time."""
        own, started = self.own.get(time), self._started(time)
        late = max(timedelta(0), started - self.task.start_of(time)) if started is not None else None
        claims = [*self._of_runs(time), *self._of_record(time, recorded)]
        if any(claim[0] in DONE for claim in claims):
            # What is done is done, whoever still waits to do it again, as a run that is held.
            waiting = {run.meta.name for run in self._standing(time) if run.status.start_time is None}
            claims = [claim for claim in claims if claim[0] is not Outcome.RUNNING or claim[1] not in waiting]
        outcome, run, why = min(claims, key=lambda claim: _rank(claim[0])) if claims else self._unrecorded(time)
        if outcome in DONE and (own is None or not own.succeeded):
            why = _how_made_up(self._made_by(run, time), own)
        return PastTime(time, outcome, why, run, late, tuple(sorted(self.backfills.planned.get(time, ()))))

    # --- what each source says ----------------------------------------------------------------------------------------

    def _of_runs(self, time: datetime) -> Iterator[tuple[Outcome, str | None, str]]:
        """Of those that stand for it: own, made by somebody, gone."""
        own = self.own.get(time)
        for run in self._standing(time):
            outcome = Outcome.RUNNING if not run.ended else _OF_PHASES[_phase(run)]
            if run is not own and outcome in (Outcome.SKIPPED, Outcome.MISSED):
                # Somebody else's that did not start either says nothing of the time.
                continue
            if run.nominal is not None and outcome is Outcome.CANCELED and run.replaced_by is not None:
                outcome = Outcome.REPLACED
            yield outcome, run.meta.name, _why(run, outcome)
        gone = self.gone.get(time)
        if own is None and gone is not None and gone.phase in _OF_PHASES:
            yield _OF_PHASES[RunPhase(gone.phase)], gone.name, ""
        for name, phase in self.backfills.ends.get(time, ()):
            yield _OF_PHASES[phase], name, ""

    def _standing(self, time: datetime) -> list[ScheduledRun]:
        """The runs that stand for it, its own first."""
        own = self.own.get(time)
        return [*([own] if own is not None else ()), *self.others.get(time, ())]

    def _of_record(self, time: datetime, recorded: Became | None) -> Iterator[tuple[Outcome, str | None, str]]:
        if recorded is None or (recorded is Became.RUNS and time in self.own):
            return
        outcome = _OF_RECORD[recorded]
        if outcome is Outcome.REMOVED:
            yield outcome, None, "its run was removed before its end was recorded"
            return
        type_ = outcome.value if outcome in (Outcome.SKIPPED, Outcome.MISSED) else ""
        yield outcome, None, next((_reason(entry) for entry in self._entries(time, type_)), "")

    def _entries(self, time: datetime, type_: str) -> Iterator[Decision]:
        for entry in self.task.status.recent_decisions:
            if entry.type == type_ and entry.nominal_time <= time <= (entry.until or entry.nominal_time):
                yield entry

    def _unrecorded(self, time: datetime) -> tuple[Outcome, str | None, str]:
        """Of a time of which neither a run nor the record says anything."""
        status, created = self.task.status, self.task.meta.creation_timestamp
        if self.paused_since is not None and time >= self.paused_since.replace(microsecond=0):
            condition = find_condition(status.conditions, "Suspended")
            reason = condition.reason if condition is not None else "Suspended"
            return Outcome.NOT_DUE, None, f"{reason}: suspended since {format_time(self.paused_since)}"
        begins = status.decided_since
        if time <= created and (begins is None or time <= begins):
            return Outcome.UNKNOWN, None, f"the task was created at {format_time(created)}"
        if self.unreadable:
            return Outcome.UNKNOWN, None, f"status.decided: {self.unreadable}"
        since = self.task.recorded_until if begins is None else begins
        if time <= since:
            return Outcome.UNKNOWN, None, f"the record begins at {format_time(since)}"
        timing, watermark = status.timing, status.last_scheduled_time
        if timing is not None and timing.hash != self.task.timing_hash:
            return Outcome.NOT_DUE, None, "the schedule was edited, and no operator has seen the edit"
        if timing is not None and time <= timing.since:
            why = f"the task was suspended, or had another schedule, before {format_time(timing.since)}"
            return Outcome.NOT_DUE, None, why
        if watermark is not None and time <= watermark:
            return Outcome.UNEXPLAINED, None, "it was due, and neither the record nor a run has it"
        return self._undecided(time)

    def _undecided(self, time: datetime) -> tuple[Outcome, str | None, str]:
        """Of a time that no operator has decided about."""
        phase, start = self.task.status.phase, self.task.start_of(time)
        if phase in _NOTHING_IS_DUE:
            return Outcome.NOT_DUE, None, _NOTHING_IS_DUE[phase]
        if start > self.now:
            return Outcome.WAITING, None, f"jitter: it starts at {format_time(start)}"
        if phase is TaskPhase.REJECTED:
            ready = find_condition(self.task.status.conditions, "Ready")
            return Outcome.WAITING, None, f"{ready.reason}: {ready.message}" if ready is not None else "Rejected"
        if self.now - start <= PATIENCE:
            return Outcome.WAITING, None, "it is due now"
        return Outcome.OVERDUE, None, "its start has come, and no operator has decided about it"

    # ------------------------------------------------------------------------------------------------------------------

    def _sort(self, run: ScheduledRun) -> None:
        """Put a run where it belongs; one of no time, or of another task, nowhere."""
        time = run.spec.scheduled_time
        if time is None or run.task_name != self.task.meta.name or run.stale:
            return
        if run.nominal is not None:
            if run.meta.owner_uid == self.task.meta.uid and (run.status.phase is not None or not run.pre_created):
                self.own[time] = run
        elif run.origin in (Origin.MANUAL, Origin.BACKFILL) and (
            run.meta.creation_timestamp >= self.task.meta.creation_timestamp
        ):
            self.others[time].append(run)

    def _made_by(self, run: str | None, time: datetime) -> str | None:
        """The run that made up for a time, of a part its backfill; None where that is its own, or not known."""
        if run == run_name(self.task.meta.name, time):
            return None
        for other in self.others.get(time, ()):
            if other.meta.name == run and other.spec.parent is not None:
                return other.spec.parent.name
        return run

    def _started(self, time: datetime) -> datetime | None:
        """When the time's own run started."""
        own, gone = self.own.get(time), self.gone.get(time)
        if own is not None:
            return own.status.start_time
        return gone.start_time if gone is not None else None


def _rank(outcome: Outcome) -> int:
    """The best end counts; of those that are not good, that of the first source which says one."""
    order: Sequence[frozenset[Outcome]] = (
        frozenset({Outcome.RUNNING}),
        frozenset({Outcome.SUCCEEDED}),
        frozenset({Outcome.PARTIAL}),
        WENT_WRONG - {Outcome.REMOVED},
        frozenset({Outcome.REMOVED}),
    )
    return next((rank for rank, outcomes in enumerate(order) if outcome in outcomes), len(order))


def _how_made_up(run: str | None, own: ScheduledRun | None) -> str:
    """Of a time that is done: by which run, where it was another than its own; and how its own had ended."""
    if run is None and own is None:
        return ""
    by = f"by run {run}" if run is not None else "since"
    return f"made up for {by}{f'; its own run was {_phase(own)}' if own is not None else ''}"


def _phase(run: ScheduledRun) -> RunPhase:
    return run.status.phase or RunPhase.PENDING


def _why(run: ScheduledRun, outcome: Outcome) -> str:
    """What a run says of how it is."""
    if outcome is Outcome.REPLACED:
        return f"by run {run.replaced_by}"
    if run.status.phase in NEVER_RAN:
        condition = find_condition(run.status.conditions, "Failed")
        return condition.reason if condition is not None else ""
    if outcome is Outcome.RUNNING:
        return _phase(run).value
    return (run.status.message or "").partition("\n")[0] if outcome in WENT_WRONG else ""


def _reason(entry: Decision) -> str:
    return entry.reason if entry.run is None else f"{entry.reason}: run {entry.run} was in the way"


def _time_of(summary: RunSummary, task: CronTask) -> datetime | None:
    """The nominal time of a run that is gone, None of one that somebody made."""
    time = summary.scheduled_time
    return time if time is not None and summary.name == run_name(task.meta.name, time) else None


def _rows(task: CronTask) -> tuple[tuple[Row, ...], str]:
    """The record, newest first; and why it cannot be read, where it cannot."""
    try:
        return tuple(rows_of(task.status.decided, task.status.decided_since)), ""
    except ValueError as error:
        return (), str(error)
