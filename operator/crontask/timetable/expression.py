"""A parsed cron expression and its arithmetic on the wall clock.

Role: answers "which local minutes match?" for ranges of *local seconds*: seconds since 1970-01-01T00:00 as a clock on
the wall counts them, with no zone in it. Days of a month are bits of an int, so that counting is arithmetic and
stepping skips what cannot match. Nothing here changes after it was made: instances are shared by all tasks with the
same text.
"""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import NamedTuple

MINUTES_A_DAY = 1440
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_FIRST_DAY, _LAST_DAY = 1 - _EPOCH_ORDINAL, date.max.toordinal() - _EPOCH_ORDINAL
_EACH_WEEK = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28
LAST = -1
_SUNDAY, _SATURDAY = 0, 6


class RelativeDay(NamedTuple):
    """A day of the month whose number depends on the month: `L`, `L-3`, `15W`, `LW`. None in a month that lacks it.

    `day`: its number, from 1 on; or, from 0 down, how many days it is from the last (`L-3`: -3). `weekday`: the one
    from Monday to Friday that is nearest to that day, in the same month, is meant.
    """

    day: int
    weekday: bool

    def in_month(self, first: int, length: int) -> int:
        """The day as a bit mask, of a month of that length which begins on weekday `first`; may be 0."""
        day = self.day if self.day > 0 else length + self.day
        if not 1 <= day <= length:
            return 0
        if self.weekday:
            at = (first + day - 1) % 7
            if at == _SATURDAY:
                day += -1 if day > 1 else 2
            elif at == _SUNDAY:
                day += 1 if day < length else -2
        return 1 << day


@dataclass(frozen=True, slots=True)
class Days:
    """Which days match. Sets are bit masks: bits 1..31 days of the month, 1..12 months, 0..6 weekdays (0 Sunday).

    `nth` holds (weekday, n) for `2#3` and (weekday, LAST) for `L5`. `either`: both day fields are restrictions, so
    that a day matches by one of them.
    """

    months: int
    days: int
    relative: tuple[RelativeDay, ...]
    weekdays: int
    nth: tuple[tuple[int, int], ...]
    either: bool

    def of_month(self, year: int, month: int) -> int:
        """The matching days of a month as a bit mask (bit 1 is the first)."""
        if not self.months >> month & 1:
            return 0
        monday_based, length = monthrange(year, month)
        first = (monday_based + 1) % 7
        by_day = self.days
        for relative in self.relative:
            by_day |= relative.in_month(first, length)
        by_weekday = self._by_weekday(first, length)
        mask = by_day | by_weekday if self.either else by_day & by_weekday
        return mask & ((2 << length) - 2)

    def _by_weekday(self, first: int, length: int) -> int:
        """Days of a month that begins on weekday `first` that match by weekday; may have bits past `length`."""
        rotated = self.weekdays >> first | self.weekdays << (7 - first)
        mask = (rotated & 0b1111111) * _EACH_WEEK << 1
        for weekday, n in self.nth:
            day = 1 + (weekday - first) % 7
            mask |= 1 << (day + (length - day) // 7 * 7 if n == LAST else day + 7 * (n - 1))
        return mask


@dataclass(frozen=True, slots=True)
class CronExpression:
    """One expression of five fields. Ranges are half-open `[start, end)` in local seconds; matches are whole minutes.

    `text`: the expression, macros and `H` replaced. `real_time`: the hour field begins with `*` (guarantee 4).
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    real_time: bool

    @property
    def apart(self) -> int:
        """Local seconds: no two matches are closer."""
        if len(self.minutes) > 1:
            return 60 * _closest(self.minutes, 60)
        return 3600 * _closest(self.hours, 24)

    def first_in(self, start: int, end: int) -> int | None:
        """The earliest match in [start, end); None if there is none. Local seconds."""
        day, time = divmod(_minute_from(start), MINUTES_A_DAY)
        last = (end - 1) // 86400
        for matching in self._days_up(day, last):
            found = self._time_from(time if matching == day else 0)
            if found is not None:
                local = (matching * MINUTES_A_DAY + found) * 60
                return local if local < end else None
        return None

    def last_in(self, start: int, end: int) -> int | None:
        """The latest match in [start, end); None if there is none. Local seconds."""
        day, time = divmod(_minute_from(end), MINUTES_A_DAY)
        for matching in self._days_down(day, start // 86400):
            found = self._time_before(time if matching == day else MINUTES_A_DAY)
            if found is not None:
                local = (matching * MINUTES_A_DAY + found) * 60
                return local if local >= start else None
        return None

    def count_in(self, start: int, end: int) -> int:
        """How many matches lie in [start, end): whole days are multiplied, not stepped through."""
        if end <= start:
            return 0
        first, first_time = divmod(_minute_from(start), MINUTES_A_DAY)
        last, last_time = divmod(_minute_from(end), MINUTES_A_DAY)
        count = self._count_days(first, last) * len(self.hours) * len(self.minutes)
        if self.matches_day(first):
            count -= self._times_before(first_time)
        if self.matches_day(last):
            count += self._times_before(last_time)
        return count

    def _time_from(self, time: int) -> int | None:
        """The first matching minute of a day >= `time`."""
        hour, minute = divmod(time, 60)
        at = bisect_left(self.hours, hour)
        if at == len(self.hours):
            return None
        if self.hours[at] > hour:
            return self.hours[at] * 60 + self.minutes[0]
        within = bisect_left(self.minutes, minute)
        if within < len(self.minutes):
            return hour * 60 + self.minutes[within]
        return self.hours[at + 1] * 60 + self.minutes[0] if at + 1 < len(self.hours) else None

    def _time_before(self, time: int) -> int | None:
        """The last matching minute of a day < `time`."""
        hour, minute = divmod(time, 60)
        at = bisect_left(self.hours, hour)
        if at < len(self.hours) and self.hours[at] == hour:
            within = bisect_left(self.minutes, minute)
            if within:
                return hour * 60 + self.minutes[within - 1]
        return self.hours[at - 1] * 60 + self.minutes[-1] if at else None

    def _times_before(self, time: int) -> int:
        """How many minutes of a matching day that match are < `time`."""
        hour, minute = divmod(time, 60)
        at = bisect_left(self.hours, hour)
        partial = bisect_left(self.minutes, minute) if at < len(self.hours) and self.hours[at] == hour else 0
        return at * len(self.minutes) + partial

    def matches_day(self, day: int) -> bool:
        """Whether a day, in days since 1970, matches."""
        if not _FIRST_DAY <= day <= _LAST_DAY:
            return False
        on = date.fromordinal(day + _EPOCH_ORDINAL)
        return bool(self.days.of_month(on.year, on.month) >> on.day & 1)

    def _count_days(self, first: int, end: int) -> int:
        """Matching days in [first, end), in days since 1970."""
        count = 0
        for start, mask in _months_up(self.days, max(first, _FIRST_DAY), min(end - 1, _LAST_DAY)):
            low, high = max(first - start, 0), max(end - start, 0)
            count += (mask >> low << low & ((1 << min(high, 32)) - 1)).bit_count()
        return count

    def _days_up(self, first: int, last: int) -> Iterator[int]:
        for start, mask in _months_up(self.days, max(first, _FIRST_DAY), min(last, _LAST_DAY)):
            skipped = max(first - start, 0)
            left = mask >> skipped << skipped
            while left:
                lowest = left & -left
                day = start + lowest.bit_length() - 1
                if day > last:
                    return
                yield day
                left ^= lowest

    def _days_down(self, last: int, first: int) -> Iterator[int]:
        for start, mask in _months_down(self.days, min(last, _LAST_DAY), max(first, _FIRST_DAY)):
            left = mask & ((2 << min(last - start, 31)) - 1)
            while left:
                day = start + left.bit_length() - 1
                if day < first:
                    return
                yield day
                left ^= 1 << (day - start)


def _minute_from(local: int) -> int:
    """The first whole minute that is not before a local second."""
    return -(-local // 60)


def count_union_in(expressions: Sequence[CronExpression], start: int, end: int) -> int:
    """How many local seconds of [start, end) match at least one of the expressions: by whole months, most alike."""
    if end <= start:
        return 0
    first, first_time = divmod(_minute_from(start), MINUTES_A_DAY)
    last, last_time = divmod(_minute_from(end), MINUTES_A_DAY)
    daily = [_minute_mask(expression) for expression in expressions]
    count = _count_days_of_any(expressions, daily, first, last)
    count -= (_minutes_of_day(expressions, daily, first) & ((1 << first_time) - 1)).bit_count()
    return count + (_minutes_of_day(expressions, daily, last) & ((1 << last_time) - 1)).bit_count()


def _minute_mask(expression: CronExpression) -> int:
    """The matching minutes of a matching day as a bit mask."""
    return sum(1 << (hour * 60 + minute) for hour in expression.hours for minute in expression.minutes)


def _minutes_of_day(expressions: Sequence[CronExpression], daily: Sequence[int], day: int) -> int:
    """The minutes of a day at which any matches, as a bit mask; `daily`: those of each on a day that it matches."""
    matching = (mask for expression, mask in zip(expressions, daily, strict=True) if expression.matches_day(day))
    return reduce(or_, matching, 0)


def _count_days_of_any(expressions: Sequence[CronExpression], daily: Sequence[int], first: int, end: int) -> int:
    """How many minutes of the days [first, end) match any."""
    low, high = max(first, _FIRST_DAY), min(end - 1, _LAST_DAY)
    months = zip(*(_months_up(expression.days, low, high) for expression in expressions), strict=True)
    known: dict[tuple[int, ...], int] = {}
    count = 0
    for month in months:
        zeroth = month[0][0]
        within = (2 << min(high - zeroth, 31)) - 1
        within = within >> max(low - zeroth, 0) << max(low - zeroth, 0)
        days = tuple(mask & within for _, mask in month)
        if days not in known:
            known[days] = sum(
                reduce(or_, (mask for mask, on in zip(daily, days, strict=True) if on >> day & 1), 0).bit_count()
                for day in range(1, 32)
            )
        count += known[days]
    return count


def _months_up(days: Days, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Each month from day `first` to `last`: (its day 0 in days since 1970, the mask of its matching days)."""
    if first > last:
        return
    at = date.fromordinal(first + _EPOCH_ORDINAL)
    year, month, zeroth = at.year, at.month, first - at.day
    while zeroth < last:
        yield zeroth, days.of_month(year, month)
        zeroth += monthrange(year, month)[1]
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _months_down(days: Days, last: int, first: int) -> Iterator[tuple[int, int]]:
    """As `_months_up`, from the month of day `last` back to that of day `first`."""
    if first > last:
        return
    at = date.fromordinal(last + _EPOCH_ORDINAL)
    year, month, zeroth = at.year, at.month, last - at.day
    while True:
        yield zeroth, days.of_month(year, month)
        if zeroth < first:
            return
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        zeroth -= monthrange(year, month)[1]


def _closest(numbers: tuple[int, ...], around: int) -> int:
    """How far apart those two are that are closest, on a dial of that many."""
    return min(after - before for before, after in pairwise((*numbers, numbers[0] + around)))
