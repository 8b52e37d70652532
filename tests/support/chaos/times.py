"""Each nominal time of a task is started or recorded, once: those that were due, by the timing then effective."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from chaos.record import RunRecord
from chaos.timings import Timings, watermark_of
from crontask.ports import Document

_LATE = timedelta(seconds=20)


def judge_times(name: str, task: Document, timings: Timings, runs: list[RunRecord], now: datetime) -> Iterator[str]:
    """What is wrong with the times of a task that has a schedule."""
    status, watermark = task.get("status") or {}, watermark_of(task.get("status") or {})
    last = timings.periods[-1] if timings.periods else None
    if last is None or all(period.grid is None for period in timings.periods):
        return
    if last.until is None and last.grid is not None:
        undecided = last.grid.times(max(watermark, last.since), now)
        if undecided and last.grid.start_of(undecided[0]) < now - _LATE:
            yield f"{name} sleeps: {undecided[0]:%H:%M:%S} is undecided (watermark {watermark:%H:%M:%S})"
    was_due = times_due(timings, watermark)
    unknown = [run for run in runs if run.nominal is not None and run.nominal not in was_due]
    behind = [run for run in unknown if is_behind(run.nominal, timings.unseen)]
    late = [run for run in unknown if last.until is None and run.nominal is not None and run.nominal > watermark]
    for run in _started(unknown):
        if run not in behind and run not in late:
            yield f"{name}: run {run.name} has started, and {run.nominal:%H:%M:%S} was not due"
    started = len(list(_started(run for run in runs if run.nominal in was_due)))
    # In the counts, but of times that nobody made: and of those of which it is not known whether they were due.
    others = Counter(run.phase for run in (*(run for run in runs if run.nominal is None), *behind) if not is_stale(run))
    counts = status.get("counts") or {}
    skipped = counts.get("skipped", 0) - others["Skipped"]
    missed = counts.get("missed", 0) - others["Missed"]
    if started + skipped + missed != len(was_due):
        stale = len([run for run in runs if is_stale(run)])
        known = f"{started} started, {skipped} were skipped and {missed} missed ({stale} stale)"
        yield f"{name}: of {len(was_due)} times {known}"


def times_due(timings: Timings, watermark: datetime) -> set[datetime]:
    """The times that were due and are decided, by the timings that a task has had."""
    return {
        time
        for period in timings.periods
        if period.grid is not None
        for time in period.grid.times(period.since, period.until or max(watermark, period.since))
    }


def _started(runs: Iterable[RunRecord]) -> Iterator[RunRecord]:
    return (run for run in runs if run.phase not in ("Skipped", "Missed") and not run.only_pre_created)


def is_behind(nominal: datetime | None, unseen: list[tuple[datetime, datetime]]) -> bool:
    """Whether the record says only that times like this one came due, or would have."""
    return nominal is not None and any(after < nominal <= until for after, until in unseen)


def is_stale(run: RunRecord) -> bool:
    """Whether its time had been decided otherwise."""
    conditions = (run.document.get("status") or {}).get("conditions") or ()
    return any(c["reason"] == "Stale" for c in conditions if c["type"] in ("Complete", "Failed"))
