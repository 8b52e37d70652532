"""From the wall clock to instants: a cron expression laid on the offsets of a zone (guarantee 4).

Role: the one algorithm for all policies, in seconds since 1970 UTC. Within a segment of constant offset local time
and UTC differ by a constant; what a policy decides is which local times of a segment count. An expression whose hour
field begins with `*` follows real time: every instant whose local time matches, so nothing shifts and nothing is left
out as repeated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from crontask.timetable.expression import CronExpression, count_union_in
from crontask.timetable.zone import FIRST_YEAR, LAST_YEAR, Segment, segments, year_of

# A 29th of February on a given weekday comes every 28 years, but 40 apart around 2100.
HORIZON_YEARS = 50


@dataclass(frozen=True, slots=True)
class Dst:
    """What happens to local times that do not exist (`missing`) or come twice (`repeated`)."""

    missing: Literal["Shift", "Skip"] = "Shift"
    repeated: Literal["First", "Both"] = "First"


DEFAULT_DST = Dst()
_REAL_TIME = Dst("Skip", "Both")


def policy_for(expression: CronExpression, dst: Dst) -> Dst:
    """The policy that holds for an expression: real time if its hour field begins with `*`, else the given one."""
    return _REAL_TIME if expression.real_time else dst


def first_after(expression: CronExpression, zone: ZoneInfo, dst: Dst, after: int) -> int | None:
    """The earliest nominal second > `after`; None if none comes within HORIZON_YEARS."""
    for segment in _segments_up(zone, after + 1):
        start = max(segment.start, after + 1)
        if start == segment.start and _shifts(expression, dst, segment):
            return start
        local = expression.first_in(_counted_from(dst, segment, start), segment.end + segment.offset)
        if local is not None:
            return local - segment.offset
    return None


def last_until(expression: CronExpression, zone: ZoneInfo, dst: Dst, until: int) -> int | None:
    """The latest nominal second <= `until`; None if there is none in the HORIZON_YEARS before it."""
    for segment in _segments_down(zone, until):
        end = min(segment.end, until + 1)
        local = expression.last_in(_counted_from(dst, segment, segment.start), end + segment.offset)
        if local is not None:
            return local - segment.offset
        if _shifts(expression, dst, segment):
            return segment.start
    return None


def count_between(expression: CronExpression, zone: ZoneInfo, dst: Dst, after: int, until: int) -> int:
    """How many nominal seconds lie in (after, until], over any stretch: arithmetic, segment by segment."""
    count = 0
    for segment in _segments_between(zone, after + 1, until):
        start, end = max(segment.start, after + 1), min(segment.end, until + 1)
        low = _counted_from(dst, segment, start)
        count += expression.count_in(low, end + segment.offset)
        if start == segment.start and _shifts(expression, dst, segment) and expression.first_in(low, low + 1) is None:
            count += 1
    return count


def count_union(parts: Sequence[tuple[CronExpression, Dst]], zone: ZoneInfo, after: int, until: int) -> int:
    """How many different nominal seconds of several expressions lie in (after, until], over any stretch.

    Where a change of offset makes policies matter, they are stepped through; elsewhere days are counted by masks.
    """
    count = 0
    for segment in _segments_between(zone, after + 1, until):
        start, end = max(segment.start, after + 1), min(segment.end, until + 1)
        # Repeated local times end where `seen` is reached; a shift lands on the segment's first second.
        settled = min(max(start, segment.seen - segment.offset, segment.start + 1), end)
        count += _count_by_steps(parts, zone, start - 1, settled - 1)
        count += count_union_in([expression for expression, _ in parts], settled + segment.offset, end + segment.offset)
    return count


def _count_by_steps(parts: Sequence[tuple[CronExpression, Dst]], zone: ZoneInfo, after: int, until: int) -> int:
    """How many different nominal seconds lie in (after, until], a stretch of at most some hours."""
    found: set[int] = set()
    for expression, dst in parts:
        second = first_after(expression, zone, dst, after)
        while second is not None and second <= until:
            found.add(second)
            second = first_after(expression, zone, dst, second)
    return len(found)


def _counted_from(dst: Dst, segment: Segment, start: int) -> int:
    """The local time from which on the matches of a segment count, seen from the instant `start` in it."""
    local = start + segment.offset
    return max(local, segment.seen) if dst.repeated == "First" else local


def _shifts(expression: CronExpression, dst: Dst, segment: Segment) -> bool:
    """Whether a match in the gap before the segment moves to its first instant."""
    gap_end = segment.start + segment.offset
    return dst.missing == "Shift" and segment.seen < gap_end and expression.first_in(segment.seen, gap_end) is not None


def _segments_up(zone: ZoneInfo, second: int) -> Iterator[Segment]:
    """Segments that end after `second`, in order, for HORIZON_YEARS."""
    year = year_of(second)
    for each in range(year, min(year + HORIZON_YEARS, LAST_YEAR) + 1):
        for segment in segments(zone, each):
            if segment.end > second:
                yield segment


def _segments_between(zone: ZoneInfo, second: int, until: int) -> Iterator[Segment]:
    """Segments that end after `second` and begin at or before `until`, in order."""
    for each in range(year_of(second), year_of(until) + 1):
        for segment in segments(zone, each):
            if segment.end > second and segment.start <= until:
                yield segment


def _segments_down(zone: ZoneInfo, second: int) -> Iterator[Segment]:
    """Segments that begin at or before `second`, latest first, for HORIZON_YEARS."""
    year = year_of(second)
    for each in range(year, max(year - HORIZON_YEARS, FIRST_YEAR) - 1, -1):
        for segment in reversed(segments(zone, each)):
            if segment.start <= second:
                yield segment
