"""An oracle of nominal times: local minute after local minute, with zoneinfo alone.

Shares no code with crontask.timetable. Slow and plain on purpose; only the matching is prepared, as sets per field.
"""

from bisect import bisect_right
from calendar import day_abbr, month_abbr, monthrange
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck
from hypothesis import strategies as st

from crontask.timetable import Dst, Due, Timetable, load_zone, parse_cron

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LOOKBACK = timedelta(days=2)
NAMES = {name.lower(): n for n, name in enumerate(month_abbr) if n}
NAMES |= {name.lower(): n for n, name in enumerate([day_abbr[6], *day_abbr[:6]])}
POLICIES = [Dst(missing, repeated) for missing in ("Shift", "Skip") for repeated in ("First", "Both")]

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

# How much each test has compared, for the summary of the run.
tally: Counter[str] = Counter()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def number(text: str) -> int:
    return NAMES[text] if text in NAMES else int(text)


def item_values(item: str, low: int, high: int) -> list[int]:
    body, _, step = item.partition("/")
    if body == "*":
        first, last = low, high
    elif "-" in body:
        first, last = map(number, body.split("-"))
    else:
        first, last = number(body), high if step else number(body)
    walk = [*range(first, last + 1)] if first <= last else [*range(first, high + 1), *range(low, last + 1)]
    return walk[:: int(step or 1)]


def field_values(field: str, low: int, high: int) -> frozenset[int]:
    if field == "?":
        return frozenset(range(low, high + 1))
    return frozenset(value for item in field.split(",") if item != "L" for value in item_values(item, low, high))


def weekday_matches(item: str, day: date) -> bool:
    weekday = day.isoweekday() % 7
    if item == "?":
        return True
    if item.startswith("L"):
        return weekday == int(item[1:]) % 7 and (day + timedelta(days=7)).month != day.month
    if "#" in item:
        name, n = item.split("#")
        return weekday == number(name) % 7 and (day.day - 1) // 7 + 1 == int(n)
    top = 7 if "7" in item.partition("/")[0] else 6
    return weekday in [value % 7 for value in item_values(item, 0, top)]


class Pattern:
    """A cron expression as sets of values."""

    def __init__(self, text: str) -> None:
        minute, hour, self._day, month, self._weekday = text.split()
        self.text = text
        self.real_time = hour.startswith("*")
        self.minutes = field_values(minute, 0, 59)
        self.hours = field_values(hour, 0, 23)
        self._months = field_values(month, 1, 12)
        self._days = field_values(self._day, 1, 31)
        fields = (self._day, self._weekday)
        self._either = not any(item in ("*", "?", "*/1") for field in fields for item in field.split(","))
        self._known: dict[date, bool] = {}

    def on(self, day: date) -> bool:
        if day not in self._known:
            last = "L" in self._day.split(",") and day.day == monthrange(day.year, day.month)[1]
            by_day = last or day.day in self._days
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
    return Due(times[0], times[-1], len(times), True) if times else None


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


# Each near a change of offset: 30 minutes, a skipped day, Ramadan, negative DST, midnight, no DST, two hours
# and three, and two that change nothing.
CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("Pacific/Apia", "2011-12-30T10:00"),
    ("Pacific/Chatham", "2026-04-04T14:00"),
    ("Pacific/Chatham", "2026-09-26T14:00"),
    ("Africa/Casablanca", "2026-02-15T02:00"),
    ("Africa/Casablanca", "2026-03-22T02:00"),
    ("Europe/Dublin", "2026-03-29T01:00"),
    ("Europe/Dublin", "2026-10-25T01:00"),
    ("Asia/Pyongyang", "2015-08-14T15:00"),
    ("Asia/Pyongyang", "2018-05-04T15:00"),
    ("America/Caracas", "2007-12-09T07:00"),
    ("America/Caracas", "2016-05-01T07:00"),
    ("Pacific/Kwajalein", "1993-08-21T12:00"),
    ("Pacific/Kiritimati", "1994-12-31T10:00"),
    ("Asia/Kathmandu", "1985-12-31T18:30"),
    ("America/Havana", "2026-03-08T05:00"),
    ("America/Havana", "2025-11-02T05:00"),
    ("America/Nuuk", "2023-03-26T01:00"),
    ("America/St_Johns", "2010-11-07T02:31"),
    ("Antarctica/Troll", "2026-03-29T01:00"),
    ("Antarctica/Troll", "2026-10-25T01:00"),
    ("Antarctica/Casey", "2010-03-04T15:00"),
    ("Antarctica/Vostok", "2023-12-17T19:00"),
    ("America/Sao_Paulo", "2018-11-04T03:00"),
    ("America/Sao_Paulo", "2018-02-18T02:00"),
    ("Asia/Almaty", "2024-02-29T18:00"),
    ("Asia/Dhaka", "2009-12-31T17:00"),
    ("Europe/Moscow", "2014-10-25T22:00"),
    ("Pacific/Norfolk", "2015-10-03T14:30"),
    ("America/Scoresbysund", "2024-03-31T01:00"),
    ("UTC", "2026-01-01T00:00"),
]
ZONES = sorted({name for name, _ in CHANGES} | {"Asia/Kolkata", "Africa/Cairo", "America/Asuncion", "Asia/Beirut"})


class Place(NamedTuple):
    zone: str
    at: datetime

    @property
    def local(self) -> datetime:
        return self.at.astimezone(load_zone(self.zone))


def nearest_change(name: str, at: datetime) -> Place:
    """A change of the zone in that year, if it has any."""
    found = changes(load_zone(name), at.year)
    return Place(name, min(found, key=lambda change: abs(change - at)) if found else at)


def near_dates(place: Place, ranges: list[tuple[int, int]]) -> list[tuple[date, date]]:
    """Ranges of dates, both ends included, about a place: the first day from there, and how many follow."""
    today = place.local.date()
    return [(today + DAY * first, today + DAY * (first + length)) for first, length in ranges]


_instants = st.datetimes(datetime(1986, 1, 5), datetime(2060, 1, 1), timezones=st.just(UTC))
_anywhere = st.builds(Place, st.sampled_from(ZONES), _instants.map(lambda at: at.replace(microsecond=0)))
# Changes at midnight, forward and back; days that are left out; one minute of a day, then the day before once more.
MIDNIGHTS = [
    ("America/Asuncion", "2023-10-01T04:00"),
    ("America/Asuncion", "2024-03-24T03:00"),
    ("America/Havana", "2025-03-09T05:00"),
    ("America/Havana", "2025-11-02T05:00"),
    ("Asia/Beirut", "2023-03-25T22:00"),
    ("Asia/Beirut", "2022-10-29T21:00"),
    ("Pacific/Apia", "2011-12-30T10:00"),
    ("Pacific/Kwajalein", "1993-08-21T12:00"),
    ("America/Sao_Paulo", "2018-02-18T02:00"),
    ("America/Sao_Paulo", "2018-11-04T03:00"),
    ("Africa/Cairo", "2010-08-10T21:00"),
    ("America/St_Johns", "2010-03-14T03:31"),
    ("America/St_Johns", "2010-11-07T02:31"),
    ("America/Nuuk", "2024-03-31T01:00"),
    ("America/Nuuk", "2024-10-27T01:00"),
]
midnights = st.sampled_from(MIDNIGHTS).map(lambda change: Place(change[0], utc(change[1])))
known_changes = st.sampled_from(CHANGES).map(lambda change: Place(change[0], utc(change[1])))
other_changes = _anywhere.map(lambda place: nearest_change(*place))
places = st.one_of(known_changes, known_changes, other_changes, _anywhere)
policies = st.sampled_from(POLICIES)


def field(low: int, high: int, *special: str) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    step = st.sampled_from([1, 2, 3, 5, 7, 10, 15, 20, 30])
    item = st.one_of(
        value.map(str),
        st.builds("{}-{}".format, value, value),
        st.builds("{}-{}/{}".format, value, value, step),
        st.builds("{}/{}".format, value, step),
        st.builds("*/{}".format, step),
        *([st.sampled_from(special)] if special else []),
    )
    return st.one_of(st.just("*"), item, st.lists(item, min_size=2, max_size=3).map(",".join))


nth = st.builds("{}#{}".format, st.sampled_from(["0", "3", "7", "mon", "fri", "{w}"]), st.integers(1, 5))
last_weekday = st.builds("L{}".format, st.integers(0, 7))
weekdays = st.one_of(
    st.sampled_from(["*", "?", "mon-fri", "*/2", "0-6", "5-7", "fri-mon", "sun", "1-7/2", "sat-sun", "7", "0-7/3"]),
    st.sampled_from(["{w}", "{w},3", "{v}-{w}"]),
    field(0, 6, "tue", "wed-thu", "7", "4-7/3"),
    st.lists(st.one_of(nth, last_weekday), min_size=1, max_size=2).map(",".join),
)
minutes = st.one_of(st.sampled_from(["0", "30", "*", "*/15", "*/7", "0,1,59", "50-10/5"]), field(0, 59))
# {g} {h} {i}: the local hour before a place, of it, after it; {c} {d} {e}: days; {v} {w}: weekdays; {m}: month.
wall_hours = st.sampled_from(
    ["{g}", "{h}", "{i}", "{g}-{i}", "{h},{i}", "{g}-{i}/2", "{h}/1", "0-3", "0,2,23", "0-23/2"]
)
hours = st.one_of(st.sampled_from(["*", "*/2", "*/3", "*,{h}"]), wall_hours, wall_hours, field(0, 23))
days = st.one_of(
    st.sampled_from(["{d}", "{c}", "{e}", "{c}-{e}", "{d},L", "?", "*"]), field(1, 28, "L", "29", "30,L", "31", "1-31")
)
daily = st.builds("{} {} {} * *".format, minutes, hours, st.sampled_from(["*", "?"]))
seldom = st.builds(
    "{} {} {} {} {}".format,
    minutes,
    hours,
    days,
    st.one_of(st.sampled_from(["*", "*", "{m}"]), field(1, 12, "mar", "oct-nov")),
    st.one_of(st.just("*"), weekdays),
)
templates = st.one_of(daily, seldom)


@dataclass(frozen=True)
class Near:
    """Turns a template into an expression about a place."""

    place: Place

    def __call__(self, template: str) -> str:
        here, hour = self.place.local, timedelta(hours=1)
        back, on = (self.place.at - hour).astimezone(here.tzinfo), (self.place.at + hour).astimezone(here.tzinfo)
        around = {"g": back.hour, "h": here.hour, "i": on.hour, "m": here.month}
        around |= {"c": (here - DAY).day, "d": here.day, "e": (here + DAY).day}
        around |= {"v": (here - DAY).isoweekday() % 7, "w": here.isoweekday() % 7}
        return template.format(**around)


def accepted(expression: str) -> bool:
    try:
        parse_cron(expression)
    except ValueError:
        return False
    return True
