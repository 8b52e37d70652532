"""When a task is due: the interface that the decide core uses, and its kinds: cron, fixed rate, never.

Role: pure functions of the schedule and of the instants asked about; nothing here reads a clock. All instants are
timezone-aware and in UTC; nominal times are whole seconds. A naive datetime raises TypeError.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from crontask.timetable.dst import (
    DEFAULT_DST,
    Dst,
    count_between,
    count_union,
    first_after,
    last_until,
    policy_for,
)
from crontask.timetable.expression import CronExpression
from crontask.timetable.interval import Ticks
from crontask.timetable.zone import EPOCH, segments, year_of

_SECOND = timedelta(seconds=1)
_MINUTE, _HOUR = 60, 3600
_LATEST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // _SECOND
# The status shows five; a few more keep a second asker from throwing out what the first has found.
_KEPT = 8


@dataclass(frozen=True, slots=True)
class Due:
    """Nominal times in (after, until]: the first, the latest, how many."""

    first: datetime
    latest: datetime
    count: int


class Timetable(Protocol):
    """The nominal times of a task. Answers depend on the arguments alone."""

    def apart(self, first: datetime, last: datetime) -> int:
        """Seconds, at least one: no two nominal times from the one to the other are closer."""

    def next_after(self, instant: datetime) -> datetime | None:
        """The first nominal time strictly after `instant`; None if there is none."""

    def upcoming(self, after: datetime, n: int) -> tuple[datetime, ...]:
        """The first `n` nominal times strictly after `after`; fewer if there are fewer."""

    def previous_at_or_before(self, instant: datetime) -> datetime | None:
        """The latest nominal time <= `instant`; None if there is none."""

    def due(self, after: datetime, until: datetime) -> Due | None:
        """The nominal times in (after, until] summed up; None if there are none."""


class CronTimetable:
    """The union of cron expressions in a zone. Keeps the few next times that it has computed, for speed alone.

    For one thread. Expressions, zone and policies are shared; an instance is two references and its memo.
    """

    __slots__ = ("_ahead", "_base", "_parts", "_zone")

    def __init__(self, expressions: Sequence[CronExpression], zone: ZoneInfo, dst: Dst = DEFAULT_DST) -> None:
        self._parts = _parts(tuple(dict.fromkeys(expressions)), dst)
        self._zone = zone
        # The memo: `_ahead` are the nominal times that follow `_base`, without a hole.
        self._base = 0
        self._ahead: tuple[int, ...] = ()

    def apart(self, first: datetime, last: datetime) -> int:
        """See Timetable. Where a clock changes, wall times that do not exist come closer than the expression says."""
        expression = self._parts[0][0]
        if len(self._parts) > 1:
            return _MINUTE
        if self._zone.utcoffset(None) is not None:
            return expression.apart
        years = range(year_of(_floor(first)), year_of(_floor(last)) + 1)
        past_the_hour = {segment.offset % _HOUR for year in years for segment in segments(self._zone, year)}
        # By real time, a change of whole hours moves no minute of the hour.
        whole_hours = expression.real_time and len(past_the_hour) == 1
        return min(expression.apart, _HOUR) if whole_hours else _MINUTE

    def next_after(self, instant: datetime) -> datetime | None:
        """See Timetable."""
        found = self._following(_floor(instant), 1)
        return _instant(found[0]) if found else None

    def upcoming(self, after: datetime, n: int) -> tuple[datetime, ...]:
        """See Timetable. The first call costs n steps, one after a firing costs one."""
        return tuple(map(_instant, self._following(_floor(after), n)))

    def previous_at_or_before(self, instant: datetime) -> datetime | None:
        """See Timetable."""
        found = self._last(_floor(instant))
        return None if found is None else _instant(found)

    def due(self, after: datetime, until: datetime) -> Due | None:
        """See Timetable. Counted by arithmetic: milliseconds for decades of minutes."""
        low, high = _floor(after), _floor(until)
        start = self._following(low, 2)
        if not start or start[0] > high:
            return None
        first = _instant(start[0])
        if len(start) == 1 or start[1] > high:
            return Due(first, first, 1)
        latest = self._last(high)
        assert latest is not None, "a time in (after, until] was found from the other side"
        return Due(first, _instant(latest), self._count(low, high))

    def _first(self, after: int) -> int | None:
        firsts = (first_after(expression, self._zone, dst, after) for expression, dst in self._parts)
        return min((second for second in firsts if second is not None), default=None)

    def _last(self, until: int) -> int | None:
        """The last nominal second <= `until`; from the memo, if that knows one before and one after."""
        ahead = self._ahead
        index = bisect_right(ahead, until)
        if 0 < index < len(ahead):
            return ahead[index - 1]
        lasts = (last_until(expression, self._zone, dst, until) for expression, dst in self._parts)
        return max((second for second in lasts if second is not None), default=None)

    def _count(self, after: int, until: int) -> int:
        if len(self._parts) == 1:
            expression, dst = self._parts[0]
            return count_between(expression, self._zone, dst, after, until)
        return count_union(self._parts, self._zone, after, until)

    def _following(self, after: int, n: int) -> tuple[int, ...]:
        """The first `n` nominal seconds > `after`, from the memo as far as it reaches."""
        ahead = self._ahead
        known = ahead[bisect_right(ahead, after) :] if self._base <= after else ()
        if len(known) >= n:
            return known[:n]
        found = list(known)
        while len(found) < n:
            second = self._first(found[-1] if found else after)
            if second is None:
                break
            found.append(second)
        self._base, self._ahead = after, tuple(found[:_KEPT])
        return tuple(found)


@lru_cache(maxsize=4096)
def _parts(expressions: tuple[CronExpression, ...], dst: Dst) -> tuple[tuple[CronExpression, Dst], ...]:
    """Each expression with the policy that holds for it; shared by all tasks with the same."""
    return tuple((expression, policy_for(expression, dst)) for expression in expressions)


class IntervalTimetable:
    """Fixed rate: anchor + k * interval for k >= `first_k` (0 from a startTime, 1 from a creation).

    `interval`: whole seconds, at least one. An anchor between two seconds counts as the later one. Raises ValueError.
    """

    __slots__ = ("_ticks",)

    def __init__(self, anchor: datetime, interval: timedelta, first_k: int = 1) -> None:
        seconds, rest = divmod(interval, _SECOND)
        if seconds < 1 or rest:
            raise ValueError(f"interval {interval} is not a whole number of seconds, at least 1")
        self._ticks = Ticks(-((EPOCH - anchor) // _SECOND), seconds, first_k)

    def apart(self, first: datetime, last: datetime) -> int:
        """See Timetable."""
        return self._ticks.interval

    def next_after(self, instant: datetime) -> datetime | None:
        """See Timetable."""
        second = self._ticks.at(self._ticks.number_after(_floor(instant)))
        return _instant(second) if second <= _LATEST else None

    def upcoming(self, after: datetime, n: int) -> tuple[datetime, ...]:
        """See Timetable."""
        first = self._ticks.number_after(_floor(after))
        seconds = (self._ticks.at(k) for k in range(first, first + n))
        return tuple(_instant(second) for second in seconds if second <= _LATEST)

    def previous_at_or_before(self, instant: datetime) -> datetime | None:
        """See Timetable."""
        k = self._ticks.number_after(_floor(instant)) - 1
        return _instant(self._ticks.at(k)) if k >= self._ticks.first_k else None

    def due(self, after: datetime, until: datetime) -> Due | None:
        """See Timetable."""
        first, end = self._ticks.number_after(_floor(after)), self._ticks.number_after(_floor(until))
        if end <= first:
            return None
        return Due(_instant(self._ticks.at(first)), _instant(self._ticks.at(end - 1)), end - first)


class OnDemand:
    """Never due: a task that only people, programs and other tasks start."""

    __slots__ = ()

    def apart(self, first: datetime, last: datetime) -> int:
        """See Timetable."""
        return 1

    def next_after(self, instant: datetime) -> datetime | None:
        """None."""
        return None

    def upcoming(self, after: datetime, n: int) -> tuple[datetime, ...]:
        """Empty."""
        return ()

    def previous_at_or_before(self, instant: datetime) -> datetime | None:
        """None."""
        return None

    def due(self, after: datetime, until: datetime) -> Due | None:
        """None."""
        return None


def _floor(instant: datetime) -> int:
    """Whole seconds since 1970: as nominal times are whole seconds, `> instant` and `<= instant` are the same of it."""
    return (instant - EPOCH) // _SECOND


def _instant(second: int) -> datetime:
    return EPOCH + timedelta(seconds=second)
