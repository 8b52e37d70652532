"""An oracle of nominal times: local minute after local minute, with zoneinfo alone.

Shares no code with crontask.timetable. Slow and plain on purpose; only the matching is prepared, as sets per field.
"""

from bisect import bisect_right
from calendar import day_abbr, day_name, month_abbr, month_name, monthrange
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck

from crontask.timetable import Dst, Due, Timetable

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LOOKBACK = timedelta(days=2)
NAMES = {name.lower(): n for names in (month_abbr, month_name) for n, name in enumerate(names) if n}
NAMES |= {names[n - 1].lower(): n for names in (day_abbr, day_name) for n in range(7)}
POLICIES = [Dst(missing, repeated) for missing in ("Shift", "Skip") for repeated in ("First", "Both")]

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

# How much each test has compared, for the summary of the run.
tally: Counter[str] = Counter()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def number(text: str) -> int:
    return NAMES[text.lower()] if text.lower() in NAMES else int(text)


def parts(item: str) -> tuple[str, int]:
    """What an item is about, and its step; 0 where it has none."""
    body, _, step = item.partition("/")
    return body, int(step or 0)


def is_any(item: str) -> bool:
    """`*`, `?`, `*/1`: no restriction."""
    body, step = parts(item)
    return body in ("*", "?") and step <= 1


def item_values(item: str, low: int, high: int) -> list[int]:
    body, step = parts(item)
    if body in ("*", "?"):
        first, last = low, high
    elif "-" in body:
        first, last = map(number, body.split("-"))
    else:
        first, last = number(body), high if step else number(body)
    walk = [*range(first, last + 1)] if first <= last else [*range(first, high + 1), *range(low, last + 1)]
    return walk[:: step or 1]


def field_values(field: str, low: int, high: int) -> frozenset[int]:
    return frozenset(value for item in field.split(",") for value in item_values(item, low, high))


def day_matches(item: str, day: date) -> bool:
    """A day of the month, in the month as long as it is."""
    length = monthrange(day.year, day.month)[1]
    if item.endswith("W"):
        wanted = place_in_month(item[:-1], length)
        weekdays = [n for n in range(1, length + 1) if day.replace(day=n).weekday() < 5]
        return 1 <= wanted <= length and day.day == min(weekdays, key=lambda n: abs(n - wanted))
    if item.startswith("L"):
        return day.day == place_in_month(item, length)
    body, step = parts(item)
    if body.endswith("-L"):
        return day.day in range(number(body[:-2]), length + 1, step or 1)
    return day.day in item_values(item, 1, 31)


def place_in_month(item: str, length: int) -> int:
    """The day of `15`, `L`, `L-3` in a month of that length."""
    return length - int(item[2:] or 0) if item.startswith("L") else int(item)


def weekdays_of(item: str) -> list[int]:
    """Days of the week, day after day from the first to the last; 0 and 7 are Sunday."""
    body, step = parts(item)
    if body in ("*", "?"):
        walk = list(range(7))
    elif "-" in body:
        first, last = map(number, body.split("-"))
        walk = [*range(first, last + 1)]
        if first > last:
            walk = [first]
            while walk[-1] % 7 != last:
                walk.append(walk[-1] + 1)
    else:
        walk = [*range(number(body), 7)] if step and number(body) < 7 else [number(body)]
    return [value % 7 for value in walk[:: step or 1]]


def weekday_matches(item: str, day: date) -> bool:
    weekday = day.isoweekday() % 7
    if item.startswith("L"):
        return weekday == number(item[1:]) % 7 and (day + timedelta(days=7)).month != day.month
    if "#" in item:
        span, n = item.split("#")
        return weekday in weekdays_of(span) and (day.day - 1) // 7 + 1 == int(n)
    return weekday in weekdays_of(item)


# Each length of a month, beginning on each weekday; and a century without a leap day.
MONTHS = [(year, month) for year in (*range(2020, 2048), 2099, 2100) for month in range(1, 13)]


@cache
def days_of(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1)]


class Pattern:
    """A cron expression as sets of values."""

    def __init__(self, text: str) -> None:
        minute, hour, self._day, month, self._weekday = text.upper().split()
        self.text = text
        self.real_time = hour.startswith(("*", "?"))
        self.minutes = field_values(minute, 0, 59)
        self.hours = field_values(hour, 0, 23)
        self._months = field_values(month, 1, 12)
        self._either = not any(is_any(item) for field in (self._day, self._weekday) for item in field.split(","))
        self._known: dict[date, bool] = {}

    def on(self, day: date) -> bool:
        if day not in self._known:
            by_day = any(day_matches(item, day) for item in self._day.split(","))
            by_weekday = any(weekday_matches(item, day) for item in self._weekday.split(","))
            fits = (by_day or by_weekday) if self._either else (by_day and by_weekday)
            self._known[day] = fits and day.month in self._months
        return self._known[day]

    def matches(self, local: datetime) -> bool:
        return local.minute in self.minutes and local.hour in self.hours and self.on(local.date())


class Minute(NamedTuple):
    """A real minute: its local time, whether that came before, the local times that were left out just before it."""

    at: datetime
    local: datetime
    again: bool
    missed: tuple[datetime, ...]


@lru_cache(maxsize=64)
def walk(zone: ZoneInfo, start: datetime, end: datetime) -> list[Minute]:
    """The minutes in (start, end]; walks from two days earlier, to know which local times have been seen."""
    found: list[Minute] = []
    seen: set[datetime] = set()
    at = start.replace(second=0, microsecond=0) - LOOKBACK
    expected = at.astimezone(zone).replace(tzinfo=None)
    while at <= end:
        local = at.astimezone(zone).replace(tzinfo=None, fold=0)
        missed = []
        while expected < local:
            if expected not in seen:
                missed.append(expected)
            expected += MINUTE
        if at > start:
            found.append(Minute(at, local, local in seen, tuple(missed)))
        seen.add(local)
        at, expected = at + MINUTE, local + MINUTE
    return found


class Hit(NamedTuple):
    """A minute of interest: its local time matches, or one that was left out before it does."""

    at: datetime
    direct: bool
    again: bool
    shifted: bool


def hits(pattern: Pattern, minutes: Iterable[Minute]) -> list[Hit]:
    found = []
    for at, local, again, missed in minutes:
        direct = pattern.matches(local)
        shifted = any(map(pattern.matches, missed)) if missed else False
        if direct or shifted:
            found.append(Hit(at, direct, again, shifted))
    return found


def fired(pattern: Pattern, dst: Dst, near: Iterable[Hit]) -> list[datetime]:
    if pattern.real_time:
        return [hit.at for hit in near if hit.direct]
    both, shift = dst.repeated == "Both", dst.missing == "Shift"
    return [hit.at for hit in near if (hit.direct and (both or not hit.again)) or (shift and hit.shifted)]


def oracle(expression: str, zone: ZoneInfo, dst: Dst, start: datetime, end: datetime) -> list[datetime]:
    """Nominal times in (start, end], minute by minute."""
    pattern = Pattern(expression)
    return fired(pattern, dst, hits(pattern, walk(zone, start, end)))


@lru_cache(maxsize=1024)
def changes(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    """The minutes of a UTC year at which the offset is another than the minute before."""
    found = []
    at, end, step = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC), timedelta(hours=6)
    while at < end:
        if at.astimezone(zone).utcoffset() != (at + step).astimezone(zone).utcoffset():
            every = (at + MINUTE * n for n in range(1, 361))
            found += [m for m in every if m.astimezone(zone).utcoffset() != (m - MINUTE).astimezone(zone).utcoffset()]
        at += step
    return tuple(found)


def calm(zone: ZoneInfo, start: datetime, end: datetime) -> bool:
    """Whether the offset stays the same from two days before `start` until `end`."""
    years = range((start - LOOKBACK).year, end.year + 1)
    return not any(start - LOOKBACK <= at <= end for year in years for at in changes(zone, year))


def enumerated(pattern: Pattern, zone: ZoneInfo, dst: Dst, start: datetime, end: datetime) -> Iterator[datetime]:
    """Nominal times in (start, end]: by local days where nothing changes, minute by minute elsewhere."""
    while start < end:
        stop = min(end, start.replace(hour=0, minute=0, second=0, microsecond=0) + DAY)
        if not calm(zone, start, stop):
            yield from fired(pattern, dst, hits(pattern, walk(zone, start, stop)))
        else:
            first, last = (at.astimezone(zone).replace(tzinfo=None) for at in (start, stop))
            for day in (first.date() + DAY * n for n in range((last.date() - first.date()).days + 1)):
                if pattern.on(day):
                    clock = ((hour, minute) for hour in sorted(pattern.hours) for minute in sorted(pattern.minutes))
                    locals_ = (datetime(day.year, day.month, day.day, *time) for time in clock)
                    yield from (start + (local - first) for local in locals_ if first < local <= last)
        start = stop


def union(
    expressions: Iterable[str], zone: ZoneInfo, dst: Dst, start: datetime, end: datetime, *, long: bool = False
) -> list[datetime]:
    """Nominal times in (start, end] of any of the expressions, each once."""
    every = (
        enumerated(Pattern(text), zone, dst, start, end) if long else oracle(text, zone, dst, start, end)
        for text in expressions
    )
    return sorted({at for times in every for at in times})


def due_of(times: Sequence[datetime]) -> Due | None:
    return Due(times[0], times[-1], len(times)) if times else None


def compare(timetable: Timetable, start: datetime, end: datetime, within: datetime, wanted: list[datetime]) -> None:
    """`wanted` are all the times in (start, end]; `within` is an instant in there, asked about from both sides."""
    found = timetable.upcoming(start, len(wanted) + 1)
    assert list(found[: len(wanted)]) == wanted
    assert all(at > end for at in found[len(wanted) :])
    assert timetable.due(start, end) == due_of(wanted)
    assert_before(timetable.previous_at_or_before(end), start, wanted)
    split = bisect_right(wanted, within)
    assert timetable.due(within, end) == due_of(wanted[split:])
    following = timetable.next_after(within)
    assert following == wanted[split] if wanted[split:] else following is None or following > end
    assert_before(timetable.previous_at_or_before(within), start, wanted[:split])


def assert_before(previous: datetime | None, start: datetime, wanted: Sequence[datetime]) -> None:
    if wanted:
        assert previous == wanted[-1]
    else:
        assert previous is None or previous <= start
