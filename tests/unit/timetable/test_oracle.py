"""The timetable against an independent oracle: minute by minute, with zoneinfo alone."""

from calendar import day_abbr, month_abbr, monthrange
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from struct import pack
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crontask.timetable import CronTimetable, Dst, Due, load_zone, parse_cron

MINUTE = timedelta(minutes=1)
NAMES = {name.lower(): n for n, name in enumerate(month_abbr) if n}
NAMES |= {name.lower(): n for n, name in enumerate([day_abbr[6], *day_abbr])}
NAMES["sun"] = 0


def number(text: str) -> int:
    return NAMES[text] if text in NAMES else int(text)


def item_matches(item: str, value: int, low: int, high: int) -> bool:
    body, _, step = item.partition("/")
    if body == "*":
        first, last = low, high
    elif "-" in body:
        first, last = map(number, body.split("-"))
    else:
        first, last = number(body), high if step else number(body)
    walk = [*range(first, last + 1)] if first <= last else [*range(first, high + 1), *range(low, last + 1)]
    return value in walk[:: int(step or 1)]


@cache
def field_matches(field: str, value: int, low: int, high: int) -> bool:
    return field == "?" or any(item_matches(item, value, low, high) for item in field.split(","))


def day_matches(field: str, local: datetime) -> bool:
    plain = [item for item in field.split(",") if item != "L"]
    last = "L" in field and local.day == monthrange(local.year, local.month)[1]
    return last or bool(plain and field_matches(",".join(plain), local.day, 1, 31))


def weekday_item(item: str, local: datetime) -> bool:
    weekday = local.isoweekday() % 7
    if item.startswith("L"):
        return weekday == int(item[1:]) % 7 and (local + timedelta(days=7)).month != local.month
    if "#" in item:
        day, n = item.split("#")
        return weekday == number(day) % 7 and (local.day - 1) // 7 + 1 == int(n)
    top = 7 if "7" in item.partition("/")[0] else 6
    return field_matches(item, weekday, 0, top) or (weekday == 0 and top == 7 and field_matches(item, 7, 0, 7))


@cache
def fields_of(expression: str) -> list[str]:
    return expression.split()


def matches(expression: str, local: datetime) -> bool:
    minute, hour, day, month, weekday = fields_of(expression)
    if not (field_matches(minute, local.minute, 0, 59) and field_matches(hour, local.hour, 0, 23)):
        return False
    if not field_matches(month, local.month, 1, 12):
        return False
    by_day = day_matches(day, local)
    by_weekday = any(weekday_item(item, local) for item in weekday.split(","))
    unrestricted = any(item in ("*", "?", "*/1") for field in (day, weekday) for item in field.split(","))
    return (by_day and by_weekday) if unrestricted else (by_day or by_weekday)


def oracle(expression: str, zone: ZoneInfo, dst: Dst, start: datetime, end: datetime) -> list[datetime]:
    """Nominal times in (start, end]; walks from two days earlier, to know which local times have been seen."""
    real_time = expression.split()[1].startswith("*")
    fired: list[datetime] = []
    seen: set[datetime] = set()
    at = start.replace(second=0, microsecond=0) - timedelta(days=2)
    expected = at.astimezone(zone).replace(tzinfo=None)
    while at <= end:
        local = at.astimezone(zone).replace(tzinfo=None)
        fires = matches(expression, local) and (real_time or dst.repeated == "Both" or local not in seen)
        if not real_time and dst.missing == "Shift":
            while expected < local:
                fires = fires or (expected not in seen and matches(expression, expected))
                expected += MINUTE
        if fires and at > start:
            fired.append(at)
        seen.add(local)
        at, expected = at + MINUTE, local + MINUTE
    return fired


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


nth = st.builds("{}#{}".format, st.sampled_from(["0", "3", "7", "mon", "fri"]), st.integers(1, 5))
last_weekday = st.builds("L{}".format, st.integers(0, 7))
weekdays = st.one_of(
    st.sampled_from(["*", "?", "mon-fri", "*/2", "0-6", "5-7", "fri-mon", "sun", "1-7/2", "sat-sun", "7", "0-7/3"]),
    field(0, 6, "tue", "wed-thu", "7", "4-7/3"),
    st.lists(st.one_of(nth, last_weekday), min_size=1, max_size=2).map(",".join),
)
hours = st.one_of(st.sampled_from(["*", "*", "0-3", "1", "2", "0,2,23", "*/2", "1-3"]), field(0, 23))
daily = st.builds("{} {} {} * *".format, field(0, 59), hours, st.sampled_from(["*", "?"]))
seldom = st.builds(
    "{} {} {} {} {}".format,
    field(0, 59),
    hours,
    st.one_of(st.just("*"), st.just("*"), st.just("?"), field(1, 28, "L", "29", "30,L", "31", "1-31")),
    st.one_of(st.just("*"), st.just("*"), field(1, 12, "mar", "oct-nov")),
    st.one_of(st.just("*"), weekdays),
)
expressions = st.one_of(daily, seldom)

# Each near a change of offset: 30 minutes, a skipped day, Ramadan, negative DST, midnight gaps, no DST, New Year.
CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("Pacific/Apia", "2011-12-30T10:00"),
    ("Africa/Casablanca", "2026-02-15T02:00"),
    ("Africa/Casablanca", "2026-03-22T02:00"),
    ("Europe/Dublin", "2026-03-29T01:00"),
    ("Europe/Dublin", "2026-10-25T01:00"),
    ("Asia/Pyongyang", "2015-08-14T15:00"),
    ("Asia/Pyongyang", "2018-05-04T15:00"),
    ("America/Caracas", "2016-05-01T07:00"),
    ("Pacific/Kwajalein", "1993-08-21T12:00"),
    ("Asia/Kathmandu", "1985-12-31T18:30"),
    ("America/Havana", "2026-03-08T05:00"),
    ("America/Nuuk", "2023-03-26T01:00"),
    ("Antarctica/Troll", "2026-03-29T01:00"),
    ("Antarctica/Casey", "2010-03-04T15:00"),
    ("America/Sao_Paulo", "2018-11-04T03:00"),
    ("Asia/Dhaka", "2009-12-31T18:00"),
    ("America/Scoresbysund", "2024-03-31T01:00"),
    ("UTC", "2026-01-01T00:00"),
]
places = st.one_of(
    st.sampled_from(CHANGES).map(lambda change: (change[0], datetime.fromisoformat(change[1]).replace(tzinfo=UTC))),
    st.tuples(
        st.sampled_from(sorted({name for name, _ in CHANGES} | {"Asia/Kolkata", "Africa/Cairo", "America/Asuncion"})),
        st.datetimes(datetime(1986, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),
    ),
)
policies = st.one_of(
    st.just(Dst()),
    st.builds(Dst, missing=st.sampled_from(["Shift", "Skip"]), repeated=st.sampled_from(["First", "Both"])),
)


def parsed_or_none(expression: str) -> str | None:
    try:
        parse_cron(expression)
    except ValueError:
        return None
    return expression


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    expression=expressions.filter(parsed_or_none),
    place=places,
    before=st.integers(0, 2 * 86400),
    length=st.integers(1, 86400 * 3 // 2),
    dst=policies,
)
def test_equals_oracle(expression: str, place: tuple[str, datetime], before: int, length: int, dst: Dst) -> None:
    name, middle = place
    zone = load_zone(name)
    start = middle.replace(microsecond=0) - timedelta(seconds=before)
    end = start + timedelta(seconds=length + before)
    wanted = oracle(expression, zone, dst, start, end)
    timetable = CronTimetable([parse_cron(expression)], zone, dst)
    assert [time for time in timetable.upcoming(start, len(wanted) + 1) if time <= end] == wanted
    due = Due(wanted[0], wanted[-1], len(wanted), True) if wanted else None
    assert timetable.due(start, end) == due
    previous = timetable.previous_at_or_before(end)
    assert previous == wanted[-1] if wanted else previous is None or previous <= start


@pytest.mark.parametrize(("name", "change"), CHANGES)
@pytest.mark.parametrize(
    "expression", ["*/15 * * * *", "10 1 * * *", "* 0-3 * * *", "30 2,3 * * *", "0 0 * * *", "0 */2 * * *"]
)
def test_equals_oracle_at_each_change(name: str, change: str, expression: str) -> None:
    zone = load_zone(name)
    middle = datetime.fromisoformat(change).replace(tzinfo=UTC)
    start, end = middle - timedelta(hours=13), middle + timedelta(hours=13)
    wanted = oracle(expression, zone, Dst(), start, end)
    timetable = CronTimetable([parse_cron(expression)], zone)
    assert [time for time in timetable.upcoming(start, len(wanted) + 1) if time <= end] == wanted
    due = timetable.due(start, end)
    assert (due.count if due else 0) == len(wanted)


@pytest.mark.parametrize("dst", [Dst(), Dst(repeated="Both")])
@pytest.mark.parametrize("expression", ["*/15 * * * *", "*/10 0 * * *", "45 23 * * *", "50 0 1 1 *"])
def test_an_hour_that_repeats_while_the_utc_year_turns(expression: str, dst: Dst) -> None:
    """No real zone does this; some decree may. The zone is made by hand: +1 until 23:30 UTC, then +0."""
    change = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    counts = pack(">6l", 0, 0, 0, 1, 2, 8)
    types = pack(">lbB", 3600, 0, 0) + pack(">lbB", 0, 0, 4)
    zone = ZoneInfo.from_file(
        BytesIO(b"TZif" + bytes(16) + counts + pack(">lB", int(change.timestamp()), 1) + types + b"ONE\0TWO\0")
    )
    start, end = change - timedelta(hours=30), change + timedelta(hours=30)
    wanted = oracle(expression, zone, dst, start, end)
    timetable = CronTimetable([parse_cron(expression)], zone, dst)
    assert timetable.upcoming(start, len(wanted)) == tuple(wanted)
    assert timetable.due(start, end) == Due(wanted[0], wanted[-1], len(wanted), True)
