"""What a task's status says of each nominal time (guarantee 32) is so; each that was due after decidedSince is there.

Callers: the ledger, at each status that is written; the verdict, at the end.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from chaos.record import TERMINAL, RunRecord
from chaos.times import is_behind, is_stale, times_due
from chaos.timings import Timings, watermark_of
from crontask.api.names import ANNOTATION_REPLACED_BY
from crontask.api.outcomes import LONGEST, times_of
from crontask.ports import Document

_PHASES = {"S": "Succeeded", "P": "Partial", "F": "Failed", "T": "TimedOut", "C": "Canceled", "r": "Canceled"}
_NEVER_RAN = ("Skipped", "Missed")


def check_decided(name: str, status: Document, timings: Timings | None, runs: Iterable[RunRecord]) -> Iterator[str]:
    """What is wrong with it now. `timings`: None where it is not known which times were due."""
    text, written = status.get("decided"), status.get("decidedSince")
    if written is None:
        if text:
            yield f"{name} has decided, and no decidedSince"
        return
    since = datetime.fromisoformat(written)
    found = dict(times_of(text, since))
    if text is not None and len(text) > LONGEST:
        yield f"decided of {name} is too long"
    by_time = _by_time(runs)
    for time, letter in found.items():
        yield from _time(name, time, letter, by_time[time])
    if timings is None or all(period.grid is None for period in timings.periods):
        return
    watermark = watermark_of(status)
    due = {time for time in times_due(timings, watermark) if time > since}
    lacks = sorted(time for time in due - found.keys() if time <= watermark)
    if lacks:
        yield f"{name} lacks {lacks[0]:%H:%M:%S} in {text} since {since:%H:%M:%S} (watermark {watermark:%H:%M:%S})"
    unseen = [after for after, _ in timings.unseen if since <= after < watermark]
    if unseen:
        yield f"{name} goes on over what nobody knows after {unseen[0]:%H:%M:%S}, since {since:%H:%M:%S}"
    # Of a run that was made just before a pause, by who had not watched until then, it is known what became of it.
    told = {time for time, its in by_time.items() if its and is_behind(time, timings.unseen)}
    too_much = sorted(found.keys() - due - told)
    if too_much:
        yield f"{name} has {too_much[0]:%H:%M:%S}, which was not due, in {text} since {since:%H:%M:%S}"


def judge_decided(name: str, status: Document, runs: Iterable[RunRecord]) -> Iterator[str]:
    """At the end: nothing is said to run that has ended long ago, unless somebody removed its run."""
    written = status.get("decidedSince")
    if written is None:
        return
    by_time = _by_time(runs)
    for time, letter in times_of(status.get("decided"), datetime.fromisoformat(written)):
        own = [run for run in by_time[time] if run.nominal == time and not is_stale(run)]
        if letter == "R" and own and all(run.phase in TERMINAL and run.deleted_by is None for run in own):
            yield f"{name} says that {time:%H:%M:%S} runs, and run {own[-1].name} is {own[-1].phase}"


def _time(name: str, time: datetime, letter: str, runs: list[RunRecord]) -> Iterator[str]:
    own = [run for run in runs if run.nominal == time and not is_stale(run)]
    said = f"{name} says {letter} of {time:%H:%M:%S}"
    if letter == "R":
        # So is one that is only pre-created, until it is let go: a pause was seen before it could start.
        if not any(not run.only_pre_created or run.deleted_by is None for run in own):
            yield f"{said}, and it has no run"
    elif letter in "sm":
        # A pod that was on its way to a run which had been let go makes it none that has started.
        started = [run.name for run in own if run.phase is not None and not _never_ran(run)]
        if started:
            yield f"{said}, and run {started[0]} has started"
    elif not any(_ended_so(run, letter) for run in runs):
        yield f"{said}, and no run for it has ended so: {[(run.name, run.phase) for run in runs]}"


def _never_ran(run: RunRecord) -> bool:
    """Also one that was canceled before its time: whoever then removes it leaves nothing that tells of that time."""
    removed = run.phase == "Canceled" and not run.pods and run.deleted_by is not None
    return run.phase in _NEVER_RAN or removed


def _ended_so(run: RunRecord, letter: str) -> bool:
    replaced = ANNOTATION_REPLACED_BY in run.document["metadata"].get("annotations", {})
    return run.phase == _PHASES[letter] and (run.phase != "Canceled" or replaced is (letter == "r"))


def _by_time(runs: Iterable[RunRecord]) -> defaultdict[datetime, list[RunRecord]]:
    found: defaultdict[datetime, list[RunRecord]] = defaultdict(list)
    for run in runs:
        # One that runs another again has taken over for which time it stands.
        taken_over = ((run.document.get("status") or {}).get("rerun") or {}).get("scheduledTime")
        time = run.spec.get("scheduledTime") or taken_over
        if time is not None:
            found[datetime.fromisoformat(time)].append(run)
    return found
