"""Schedules that never come: because of `dst.missing`, of the window, or of the dates that are left out.

Role: each of these may be right, and all of them together leave nothing. Named is the first that does.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from crontask.api.base import format_time
from crontask.api.crontask import CronTaskSpec
from crontask.api.problem import Problem
from crontask.timetable import (
    CronTimetable,
    Dst,
    IntervalTimetable,
    Timetable,
    WindowedTimetable,
    holes_of,
    load_zone,
    parse_cron,
)

# No task is older than this. Before, other rules held in many zones: what came then says nothing of what will come.
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_FIFTY_YEARS = timedelta(days=50 * 366)


def expressions_of(spec: CronTaskSpec) -> Iterator[tuple[str, str]]:
    """Each cron expression of a spec, with its path."""
    if spec.schedule is not None:
        yield "spec.schedule", spec.schedule
    for index, text in enumerate(spec.schedules or ()):
        yield f"spec.schedules[{index}]", text


def never_due_problems(spec: CronTaskSpec, identity: str) -> Iterator[Problem]:
    """Why nothing would ever be due, of a spec whose timing has no other problem; `identity` as in validate."""
    if spec.dst.missing == "Shift" and not (spec.start_time or spec.end_time or spec.skip):
        # What the calendar has not, the parser refuses.
        return
    since = _first_instant(spec) - _SECOND
    zone, dst = load_zone(spec.time_zone), Dst(spec.dst.missing, spec.dst.repeated)
    expressions = {path: parse_cron(text, identity) for path, text in expressions_of(spec)}
    skipped = []
    if dst.missing == "Skip":
        shifting = Dst("Shift", dst.repeated)
        for path, expression in expressions.items():
            comes, shifted = (CronTimetable([expression], zone, each).next_after(since) for each in (dst, shifting))
            if comes is None and shifted is not None:
                skipped.append(path)
    for path in skipped:
        message = f"never comes: the clock of {spec.time_zone} leaves out its time, and dst.missing is Skip"
        yield Problem(path, message, "write dst: {missing: Shift}, or another time")
    timetable: Timetable | None = None
    if expressions:
        timetable = CronTimetable(list(expressions.values()), zone, dst)
    elif spec.interval is not None and spec.start_time is not None:
        timetable = IntervalTimetable(spec.start_time, spec.interval, first_k=0)
    if timetable is not None and not skipped:
        yield from _of_bounds(spec, timetable, since)


def _first_instant(spec: CronTaskSpec) -> datetime:
    if spec.start_time is not None:
        return spec.start_time
    return _SINCE if spec.end_time is None or spec.end_time > _SINCE else spec.end_time - _FIFTY_YEARS


def _of_bounds(spec: CronTaskSpec, timetable: Timetable, since: datetime) -> Iterator[Problem]:
    start, end = spec.start_time, spec.end_time
    window = "between startTime and endTime" if start and end else "before endTime" if end else "from startTime on"
    if (start or end) and WindowedTimetable(timetable, start, end).next_after(since) is None:
        path = "spec.endTime" if end is not None else "spec.startTime"
        first = timetable.next_after(since)
        fix = f"write an endTime after {format_time(first)}" if end and first else "write an earlier startTime"
        yield Problem(path, f"no time of the schedule comes {window}", fix)
    elif spec.skip:
        holes = holes_of([(dates.from_, dates.last) for dates in spec.skip], load_zone(spec.time_zone))
        if WindowedTimetable(timetable, start, end, holes).next_after(since) is None:
            where = f" {window}" if start or end else ""
            yield Problem("spec.skip", f"leaves out each time of the schedule{where}", "remove some of the dates")
