"""What became of each nominal time (guarantee 32): what the status says of it, in the form of `api/outcomes`.

A time is added in the write that moves the watermark over it, or that says that an edit or a pause left it out; and
corrected in the one that counts the run which has ended. What is not known ends the record: it begins anew after it.

Runs that people, programs and backfills make have no nominal time of their own. Where one of them stands for a time of
the record, the record says what became of that time at last: once a run for it has ended well, it is done, and nobody
has to do it again; one that went wrong only says more where nothing had been tried.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from crontask.api.outcomes import Became, Record, Row
from crontask.api.phases import FAILURES, Origin, RunPhase
from crontask.api.task_status import SCHEDULING, Decision
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.task.dropped import timetable_until_now
from crontask.decide.task.record import UNKNOWN
from crontask.decide.views import TaskView
from crontask.timetable import Timetable

# Times that are not evenly apart are found one by one, tens of microseconds each: after a long absence, the latest.
_MOST_FOUND = 150
_SECOND = timedelta(seconds=1)
_BECAME = {
    RunPhase.SUCCEEDED: Became.SUCCEEDED,
    RunPhase.PARTIAL: Became.PARTIAL,
    RunPhase.FAILED: Became.FAILED,
    RunPhase.TIMED_OUT: Became.TIMED_OUT,
    RunPhase.CANCELED: Became.CANCELED,
    RunPhase.SKIPPED: Became.SKIPPED,
    RunPhase.MISSED: Became.MISSED,
}
_OPEN = frozenset({Became.RUNS})
_NOT_TRIED = frozenset({Became.SKIPPED, Became.MISSED})
# Instead of what each end of a run counts, for a time that is not its own.
_CORRECTS = {
    RunPhase.SUCCEEDED: frozenset(Became) - {Became.SUCCEEDED},
    RunPhase.PARTIAL: frozenset(Became) - {Became.SUCCEEDED, Became.PARTIAL},
    **dict.fromkeys(FAILURES, _NOT_TRIED),
}


@dataclass(frozen=True, slots=True)
class News:
    """What is decided now about nominal times.

    `runs`: those of times that have one. `settled`: entries about the others. `dropped`: entries about times that an
    edit or a pause which is seen now leaves out. `fresh`: finished runs not counted yet.
    """

    runs: Sequence[ScheduledRun]
    settled: Sequence[Decision]
    dropped: Sequence[Decision]
    fresh: Sequence[ScheduledRun]


@dataclass(frozen=True, slots=True)
class Decided:
    """The record as the status has it: `decided` and `decidedSince`."""

    text: str | None
    since: datetime | None


def record_decided(view: TaskView, news: News, now: datetime) -> Decided:
    """The record with the news."""
    task = view.task
    before = Decided(task.status.decided, task.status.decided_since)
    if not (news.runs or news.settled or news.dropped or news.fresh):
        return before
    record = _read(task, now)
    for decision in news.dropped:
        if decision.reason in UNKNOWN:
            record.begin_anew((decision.until or decision.nominal_time).replace(microsecond=0))
    for row in _rows(view, news, record):
        record.append(row)
    for run in news.fresh:
        _correct(record, run, task)
    text = record.text()
    return Decided(text or None, record.since) if text or before.since is not None else before


def runs_before(view: TaskView, now: datetime) -> list[ScheduledRun]:
    """The runs of times since those that are recorded: an edit or a pause that is seen now comes after these."""
    recorded, uid = view.task.recorded_until, view.task.meta.uid
    runs = (*(run.run for run in view.runs), *view.finished)
    return [r for r in runs if r.nominal is not None and recorded < r.nominal <= now and r.meta.owner_uid == uid]


def _read(task: CronTask, now: datetime) -> Record:
    """The record so far. One that is not there, or is not what an operator has written, begins now."""
    status, recorded = task.status, task.recorded_until.replace(microsecond=0)
    if status.phase not in SCHEDULING and status.phase is not None:
        # What came due before a pause is recorded, beyond the watermark.
        recorded = max(recorded, now.replace(microsecond=0))
    if status.decided_since is None:
        return Record(None, recorded)
    try:
        record = Record(status.decided, status.decided_since.replace(microsecond=0))
    except ValueError:
        return Record(None, recorded)
    watermark = status.last_scheduled_time
    is_whole = watermark is None or record.newest >= watermark
    return record if is_whole and record.newest <= max(now, recorded) else Record(None, recorded)


def _rows(view: TaskView, news: News, record: Record) -> list[Row]:
    """What is to be added, oldest first. Where not all times can be found, the record begins after those."""
    entries = [(decision, view.task.timetable) for decision in news.settled]
    if news.dropped:
        timetable = timetable_until_now(view)
        entries += [(d, timetable) for d in news.dropped if timetable is not None and d.reason not in UNKNOWN]
    single = [Row(became, run.nominal) for run in news.runs if run.nominal is not None and (became := _became(run))]
    single += [Row(_left_out(decision), decision.nominal_time) for decision, _ in entries if decision.count == 1]
    taken = sorted(row.first for row in single)
    rows = list(single)
    for decision, timetable in entries:
        if decision.count > 1:
            rows += _found(decision, timetable, taken, record)
    return sorted(rows, key=lambda row: row.first) if len(rows) > 1 else rows


def _found(decision: Decision, timetable: Timetable, taken: Sequence[datetime], record: Record) -> Iterator[Row]:
    """The times of an entry about several: but for those that are taken."""
    first, last = decision.nominal_time, decision.until or decision.nominal_time
    became, apart = _left_out(decision), timetable.apart(first, last)
    if last - first == (decision.count - 1) * timedelta(seconds=apart):
        # So many fit in between only if all of them are as close as they can be.
        yield from _parted(Row(became, first, apart, decision.count), taken)
        return
    time, found = timetable.previous_at_or_before(last), 0
    while time is not None and time >= first:
        if found == _MOST_FOUND:
            record.begin_anew(time)
            return
        if time not in taken:
            found += 1
            yield Row(became, time)
        time = timetable.previous_at_or_before(time - _SECOND)


def _parted(row: Row, at: Iterable[datetime]) -> Iterator[Row]:
    """The row in parts, between which these times lie: those of an earlier timing."""
    for time in at:
        if row.first < time <= row.last:
            before = -((row.first - time) // _SECOND // row.gap)
            yield Row(row.became, row.first, row.gap, before)
            row = Row(row.became, row.first + timedelta(seconds=row.gap * before), row.gap, row.count - before)
    yield row


def _left_out(decision: Decision) -> Became:
    return Became.SKIPPED if decision.type == "Skipped" else Became.MISSED


def _became(run: ScheduledRun) -> Became | None:
    """What became of the run's time, so far; None of one that came too late, when that had been decided otherwise."""
    if run.stale:
        return None
    if run.status.phase is RunPhase.CANCELED and run.replaced_by is not None:
        return Became.REPLACED
    return _BECAME.get(run.status.phase, Became.RUNS) if run.status.phase is not None else Became.RUNS


def _correct(record: Record, run: ScheduledRun, task: CronTask) -> None:
    """A run that has ended says what became of its time, or of the one that it stands for."""
    time, became, phase = run.spec.scheduled_time, _became(run), run.status.phase
    if time is None or became is None or phase is None or not _is_of(task, run):
        return
    if run.nominal is not None:
        record.correct(time, became, _OPEN)
    elif run.origin in (Origin.MANUAL, Origin.BACKFILL):
        corrects: Set[Became] = _CORRECTS.get(phase, frozenset())
        record.correct(time, became, corrects)


def _is_of(task: CronTask, run: ScheduledRun) -> bool:
    """Whether the run is this task's, and not that of an earlier one with its name; a part belongs to its parent."""
    return run.spec.parent is not None or run.meta.owner_uid in (None, task.meta.uid)
