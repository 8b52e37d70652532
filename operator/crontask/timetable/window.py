"""A timetable within bounds: nothing before a start, nothing from an end on, nothing on days that are left out.

Role: `startTime`, `endTime` and `skip`. What is left out is cut out of the count by arithmetic, hole by hole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from crontask.timetable.timetable import Due, Timetable
from crontask.timetable.zone import EPOCH, LAST_YEAR, segments, year_of

_DAY = 86400
_SECOND = timedelta(seconds=1)
_FIRST_DATE, _LAST_DATE = date(1971, 1, 1), date(LAST_YEAR - 1, 12, 31)


@dataclass(frozen=True, slots=True)
class Hole:
    """Instants [start, end) that are left out."""

    start: datetime
    end: datetime


class WindowedTimetable:
    """The times of another timetable within [start, end), but for those in a hole.

    A bound between two seconds counts as the later one. Holes: sorted, apart, of whole seconds.
    """

    __slots__ = ("_end", "_holes", "_inner", "_start")

    def __init__(
        self,
        inner: Timetable,
        start: datetime | None = None,
        end: datetime | None = None,
        holes: Sequence[Hole] = (),
    ) -> None:
        self._inner = inner
        self._start = _rounded_up(start)
        self._end = _rounded_up(end)
        self._holes = tuple(holes)

    def apart(self, first: datetime, last: datetime) -> int:
        """See Timetable."""
        return self._inner.apart(first, last)

    def next_after(self, instant: datetime) -> datetime | None:
        """See Timetable."""
        found = self._inner.next_after(max(instant, self._start - _SECOND) if self._start else instant)
        while found is not None and (self._end is None or found < self._end):
            hole = self._hole_at(found)
            if hole is None:
                return found
            found = self._inner.next_after(hole.end - _SECOND)
        return None

    def upcoming(self, after: datetime, n: int) -> tuple[datetime, ...]:
        """See Timetable."""
        found: list[datetime] = []
        while len(found) < n:
            following = self.next_after(found[-1] if found else after)
            if following is None:
                break
            found.append(following)
        return tuple(found)

    def previous_at_or_before(self, instant: datetime) -> datetime | None:
        """See Timetable."""
        found = self._inner.previous_at_or_before(min(instant, self._end - _SECOND) if self._end else instant)
        while found is not None and (self._start is None or found >= self._start):
            hole = self._hole_at(found)
            if hole is None:
                return found
            found = self._inner.previous_at_or_before(hole.start - _SECOND)
        return None

    def due(self, after: datetime, until: datetime) -> Due | None:
        """See Timetable."""
        first, latest = self.next_after(after), self.previous_at_or_before(until)
        if first is None or latest is None or first > until or latest <= after:
            return None
        low = first - _SECOND
        count = self._count(low, latest) - sum(
            self._count(max(low, hole.start - _SECOND), min(latest, hole.end - _SECOND)) for hole in self._holes
        )
        return Due(first, latest, count)

    def first_allowed(self, instant: datetime) -> datetime | None:
        """The first instant from there on that bounds and holes leave, whatever the inner times; None past the end."""
        found = max(instant, self._start) if self._start is not None else instant
        for hole in self._holes:
            if hole.start <= found < hole.end:
                found = hole.end
        return found if self._end is None or found < self._end else None

    def _count(self, after: datetime, until: datetime) -> int:
        due = self._inner.due(after, until) if after < until else None
        return due.count if due is not None else 0

    def _hole_at(self, instant: datetime) -> Hole | None:
        return next((hole for hole in self._holes if hole.start <= instant < hole.end), None)


def holes_of(dates: Sequence[tuple[date, date]], zone: ZoneInfo) -> tuple[Hole, ...]:
    """The instants whose local date lies in one of the ranges, both ends included; what is far away has no end."""
    found: list[tuple[int, int]] = []
    for first, last in dates:
        low, high = max(first, _FIRST_DATE), min(last, _LAST_DATE)
        if low <= high:
            found += _stretches(
                (low.toordinal() - _EPOCH_ORDINAL) * _DAY, (high.toordinal() - _EPOCH_ORDINAL + 1) * _DAY, zone
            )
        if low <= high < last:
            found.append((found[-1][1], _END_OF_TIME))
    return tuple(Hole(_instant(start), _instant(end)) for start, end in _merged(found))


_EPOCH_ORDINAL = EPOCH.date().toordinal()
_END_OF_TIME = (datetime.max.replace(tzinfo=UTC) - EPOCH) // _SECOND


def _stretches(low: int, high: int, zone: ZoneInfo) -> list[tuple[int, int]]:
    """The stretches of UTC seconds whose local second lies in [low, high)."""
    if high - low > 8 * _DAY:
        # No offset is as long as two days: what lies between needs no look at the zone.
        middle = (low + 2 * _DAY, high - 2 * _DAY)
        return [*_stretches(low, low + 4 * _DAY, zone), middle, *_stretches(high - 4 * _DAY, high, zone)]
    found = []
    for year in range(year_of(low - 2 * _DAY), year_of(high + 2 * _DAY) + 1):
        for segment in segments(zone, year):
            start, end = max(segment.start, low - segment.offset), min(segment.end, high - segment.offset)
            if start < end:
                found.append((start, end))
    return found


def _merged(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _rounded_up(bound: datetime | None) -> datetime | None:
    # Nominal times are whole seconds, and a step to one second before a bound must not pass over the bound.
    return None if bound is None else EPOCH - (EPOCH - bound) // _SECOND * _SECOND


def _instant(second: int) -> datetime:
    return EPOCH + timedelta(seconds=second)
