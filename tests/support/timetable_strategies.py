"""What the timetable is held against the oracle with: places near changes of a zone's clock, expressions about them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from hypothesis import strategies as st
from timetable_oracle import DAY, POLICIES, changes, utc

from crontask.timetable import load_zone, parse_cron

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


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    """A number of a field, mostly as people write it."""
    return st.builds("{:0{}}".format, st.integers(low, high), st.sampled_from([1, 1, 1, 1, 2, 5]))


def field(low: int, high: int, *special: str) -> st.SearchStrategy[str]:
    value = numbers(low, high)
    step = st.sampled_from([1, 2, 3, 5, 7, 10, 15, 20, 30]).filter(lambda each: each <= high + 1 - low)
    item = st.one_of(
        value,
        st.builds("{}-{}".format, value, value),
        value.map("{0}-{0}".format),
        st.builds("{}-{}/{}".format, value, value, step),
        st.builds("{0}-{0}/{1}".format, value, step),
        st.builds("{}/{}".format, value, step),
        st.builds("*/{}".format, step),
        *([st.sampled_from(special)] if special else []),
    )
    return st.one_of(st.just("*"), item, st.lists(item, min_size=2, max_size=3).map(",".join))


weekday_names = st.sampled_from(["0", "3", "7", "mon", "fri", "Sunday", "THURSDAY"])
nth = st.builds("{}#{}".format, st.one_of(weekday_names, st.sampled_from(["{w}", "mon-wed"])), st.integers(1, 5))
last_weekday = st.builds("L{}".format, weekday_names)
weekdays = st.one_of(
    st.sampled_from(["*", "?", "mon-fri", "*/2", "0-6", "5-7", "fri-mon", "sun", "1-7/2", "sat-sun", "7", "0-7/3"]),
    st.sampled_from(["{w}", "{w},3", "{v}-{w}", "07", "sun-sat", "7-7", "7-5/2", "sat/2", "7/2", "fri-fri/2", "5-1/2"]),
    field(0, 6, "tue", "wed-thu", "7", "4-7/3"),
    st.lists(st.one_of(nth, last_weekday, st.sampled_from(["2", "sat-sun"])), min_size=1, max_size=2).map(",".join),
)
# Days whose number depends on the month.
month_ends = ("L", "L-3", "L-30", "LW", "L-2W", "1W", "15W", "31W", "31-L", "28-L", "30-L/2", "25-L/2", "00031-L")
minutes = st.one_of(st.sampled_from(["0", "30", "*", "*/15", "*/7", "0,1,59", "50-10/5"]), field(0, 59))
# {g} {h} {i}: the local hour before a place, of it, after it; {c} {d} {e}: days; {v} {w}: weekdays; {m}: month.
wall_hours = st.sampled_from(
    ["{g}", "{h}", "{i}", "{g}-{i}", "{h},{i}", "{g}-{i}/2", "{h}/1", "0-3", "0,2,23", "0-23/2"]
)
hours = st.one_of(st.sampled_from(["*", "*/2", "*/3", "*,{h}"]), wall_hours, wall_hours, field(0, 23))
days = st.one_of(
    st.sampled_from(["{d}", "{c}", "{e}", "{c}-{e}", "{d},L", "{d}W", "?", "*"]),
    field(1, 28, "29", "30,L", "31", "1-31", *month_ends),
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


def _odd_spans(low: int, high: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """Items of a field in every spelling: equal ends, over the end, names, zeros in front, steps up to its size."""
    bound = st.one_of(numbers(low, high), *([st.sampled_from(names)] if names else []))
    step = st.integers(1, high + 1 - low)
    return st.one_of(
        bound,
        st.builds("{}-{}".format, bound, bound),
        st.builds("{}-{}/{}".format, bound, bound, step),
        bound.map("{0}-{0}".format),
        st.builds("{0}-{0}/{1}".format, bound, step),
        st.builds("{}/{}".format, bound, step),
        st.builds("*/{:0{}}".format, step, st.sampled_from([1, 5])),
        st.sampled_from(["*", "?"]),
    )


def _lists(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(items, min_size=1, max_size=3).map(",".join)


odd_days = st.one_of(
    st.sampled_from(month_ends),
    st.builds("L-{}".format, st.integers(0, 30)),
    st.builds("{}W".format, st.one_of(numbers(1, 31), st.just("L"), st.builds("L-{}".format, st.integers(0, 30)))),
    st.builds("{}-L".format, numbers(1, 31)),
    st.builds("{}-L/{}".format, numbers(1, 31), st.integers(1, 31)),
)
_ODD_NAMES = ("sun", "MON", "Wednesday", "sat")
_odd_nth = st.one_of(
    st.builds("{}#{}".format, st.one_of(numbers(0, 7), st.sampled_from(_ODD_NAMES)), st.integers(1, 5)),
    st.builds("{}-{}#{}".format, numbers(0, 7), st.sampled_from(_ODD_NAMES), st.integers(1, 5)),
    st.builds("L{}".format, st.one_of(numbers(0, 7), st.sampled_from(_ODD_NAMES))),
)
# Every form of a field, also those that nobody should write.
odd_expressions = st.builds(
    "{} {} {} {} {}".format,
    _lists(_odd_spans(0, 59)),
    _lists(_odd_spans(0, 23)),
    st.one_of(st.just("*"), _lists(st.one_of(odd_days, odd_days, _odd_spans(1, 31)))),
    st.one_of(st.sampled_from(["*", "2", "4,feb"]), _lists(_odd_spans(1, 12, ("feb", "September", "DEC")))),
    # A Sunday as 7 is the end of a range, not of the field.
    st.one_of(
        st.just("*"), _lists(st.one_of(_odd_nth, _odd_spans(0, 6, _ODD_NAMES), st.sampled_from(["7", "5-7", "7-3/2"])))
    ),
)


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
