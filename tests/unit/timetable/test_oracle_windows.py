"""Bounds and left out dates, of cron and of intervals, against enumeration by the local date of each time."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timetable_oracle import DAY, MINUTE, QUIET, compare, tally, union, utc
from timetable_strategies import MIDNIGHTS, Near, Place, accepted, midnights, near_dates, places, policies, templates

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

Dates = list[tuple[date, date]]
Allowed = Callable[[datetime], bool]
Bounds = tuple[datetime | None, datetime | None]
Asked = tuple[datetime, datetime, datetime]
Window = tuple[list[tuple[int, int]], float | None, float | None]
SECOND = timedelta(seconds=1)


def allowing(dates: Dates, zone: ZoneInfo, start: datetime | None, end: datetime | None) -> Allowed:
    """Whether a nominal time is left: in [start, end), and its local date is not in any of `dates`."""

    def allowed(at: datetime) -> bool:
        if (start is not None and at < start) or (end is not None and at >= end):
            return False
        day = at.astimezone(zone).date()
        return not any(first <= day <= last for first, last in dates)

    return allowed


def check(
    inner: Timetable, inner_times: list[datetime], dates: Dates, zone: ZoneInfo, bounds: Bounds, asked: Asked
) -> None:
    low, high, within = asked
    start, end = bounds
    timetable = WindowedTimetable(inner, start, end, holes_of(dates, zone))
    allowed = allowing(dates, zone, start, end)
    wanted = list(filter(allowed, inner_times))
    compare(timetable, low, high, within, wanted)
    if start is not None and start > low:
        assert timetable.previous_at_or_before(low) is None
        assert timetable.due(low - DAY, low) is None
    if end is not None and end <= high:
        assert timetable.next_after(high) is None
        assert timetable.upcoming(high, 3) == ()
        assert timetable.due(high, high + DAY) is None
    tally["cases of bounds and left out dates"] += 1
    tally["cases of bounds and left out dates that leave some out"] += len(wanted) < len(inner_times)


def shifted(seconds: float | None, at: datetime) -> datetime | None:
    return None if seconds is None else at + timedelta(seconds=seconds)


some_days = st.lists(
    st.tuples(st.sampled_from([-3, -2, -1, -1, 0, 0, 1, 1, 2, 3]), st.sampled_from([0, 0, 0, 1, 2])), max_size=4
)
few_days = st.one_of(
    st.sampled_from([0, 3600, -3600, 60, -60, 1, -1, 86400, -86400]), st.integers(-3 * 86400, 3 * 86400)
)
bound = st.one_of(st.none(), st.none(), few_days)
finer_bound = st.one_of(bound, few_days.map(lambda seconds: seconds + 0.000001), few_days.map(lambda s: s - 0.5))
near_places = st.one_of(midnights, midnights, places)
every_so_often = st.sampled_from(
    ["*/30 * * * *", "0 * * * *", "0 0 * * *", "30 {h} * * *", "59 {g} * * *", "0 {i} * * *"]
)
inner = st.lists(st.one_of(every_so_often, templates), min_size=1, max_size=3)


@settings(max_examples=250, suppress_health_check=QUIET)
@given(
    place=near_places,
    group=inner,
    many=st.lists(st.tuples(some_days, finer_bound, finer_bound), min_size=3, max_size=6),
    dst=policies,
    where=st.floats(0, 1),
)
def test_cron_in_bounds_without_dates(
    place: Place, group: list[str], many: list[Window], dst: Dst, where: float
) -> None:
    texts = [text for text in map(Near(place), group) if accepted(text)]
    if not texts:
        return
    zone = load_zone(place.zone)
    low, high = place.at - 3 * DAY, place.at + 4 * DAY
    times = union(texts, zone, dst, low, high)
    timetable = CronTimetable(list(map(parse_cron, texts)), zone, dst)
    for ranges, start, end in many:
        dates, bounds = near_dates(place, ranges), (shifted(start, place.at), shifted(end, place.at))
        try:
            check(timetable, times, dates, zone, bounds, (low, high, low + (high - low) * where))
        except AssertionError as error:
            error.add_note(f"{texts} {place.zone} {dst} {bounds} without {dates}")
            raise


@settings(max_examples=40, suppress_health_check=QUIET)
@given(
    place=near_places,
    template=st.sampled_from(["0 {h} * * *", "30 {g} * * 1", "0 0 1 * *", "0 */8 * * *", "15 {i} L * *"]),
    ranges=st.lists(st.tuples(st.integers(-1200, 1200), st.integers(0, 1500)), min_size=1, max_size=4),
    start=st.one_of(st.none(), st.integers(-900 * 86400, 900 * 86400)),
    end=st.one_of(st.none(), st.integers(-900 * 86400, 900 * 86400)),
    dst=policies,
    where=st.floats(0, 1),
)
def test_ranges_of_years(
    place: Place,
    template: str,
    ranges: list[tuple[int, int]],
    start: int | None,
    end: int | None,
    dst: Dst,
    where: float,
) -> None:
    text, zone = Near(place)(template), load_zone(place.zone)
    low, high = place.at - 1000 * DAY, place.at + 1000 * DAY
    times = union([text], zone, dst, low, high, long=True)
    timetable = CronTimetable([parse_cron(text)], zone, dst)
    bounds = (shifted(start, place.at), shifted(end, place.at))
    asked = (low, high, low + (high - low) * where)
    check(timetable, times, near_dates(place, ranges), zone, bounds, asked)
    tally["cases of left out ranges of years"] += 1


def ticks(anchor: datetime, interval: timedelta, first_k: int, low: datetime, high: datetime) -> list[datetime]:
    found, at = [], anchor + first_k * interval
    while at <= high:
        if at > low:
            found.append(at)
        at += interval
    return found


@settings(max_examples=250, suppress_health_check=QUIET)
@given(
    place=near_places,
    lead=st.integers(0, 3 * 86400),
    interval=st.one_of(st.integers(300, 7200), st.integers(300, 3 * 86400), st.sampled_from([3600, 86400, 1800])),
    first_k=st.integers(0, 1),
    ranges=some_days,
    start=finer_bound,
    end=finer_bound,
    where=st.floats(0, 1),
)
def test_interval_in_bounds_without_dates(
    place: Place,
    lead: int,
    interval: int,
    first_k: int,
    ranges: list[tuple[int, int]],
    start: float | None,
    end: float | None,
    where: float,
) -> None:
    """What is left out never shifts the ticks that follow."""
    anchor, step = place.at - timedelta(seconds=lead), timedelta(seconds=interval)
    low, high = place.at - 3 * DAY, place.at + 4 * DAY
    times = ticks(anchor, step, first_k, low, high)
    bounds = (shifted(start, place.at), shifted(end, place.at))
    asked = (low, high, low + (high - low) * where)
    timetable = IntervalTimetable(anchor, step, first_k)
    check(timetable, times, near_dates(place, ranges), load_zone(place.zone), bounds, asked)
    tally["cases of intervals with left out dates"] += 1


@pytest.mark.parametrize(("name", "change"), MIDNIGHTS)
@pytest.mark.parametrize("seconds", [1, 7, 61])
def test_an_interval_of_seconds_at_the_edge_of_a_date(name: str, change: str, seconds: int) -> None:
    zone, middle = load_zone(name), utc(change)
    low, high, step = middle - timedelta(hours=2), middle + timedelta(hours=2), timedelta(seconds=seconds)
    times = ticks(low, step, 0, low - SECOND, high)
    today = middle.astimezone(zone).date()
    for dates in ([(today, today)], [(today - DAY, today - DAY)], [(today - 2 * DAY, today - DAY)]):
        asked = (low - SECOND, high, middle)
        check(IntervalTimetable(low, step, 0), times, dates, zone, (None, None), asked)


@settings(max_examples=150, suppress_health_check=QUIET)
@given(place=near_places, ranges=some_days, start=bound, end=bound, asked=few_days)
def test_first_allowed(
    place: Place, ranges: list[tuple[int, int]], start: int | None, end: int | None, asked: int
) -> None:
    """Dates begin and end at whole minutes: it is the instant itself, the start, or a whole minute after them."""
    zone, dates = load_zone(place.zone), near_dates(place, ranges)
    since, until = shifted(start, place.at), shifted(end, place.at)
    timetable = WindowedTimetable(IntervalTimetable(place.at, SECOND), since, until, holes_of(dates, zone))
    allowed = allowing(dates, zone, since, until)
    earliest = place.at + timedelta(seconds=asked)
    at = earliest if since is None else max(earliest, since)
    while not allowed(at) and at < place.at + 30 * DAY:
        at = at.replace(second=0, microsecond=0) + MINUTE
    assert timetable.first_allowed(earliest) == (at if allowed(at) else None)


def test_dates_are_those_of_the_instant() -> None:
    """A time that a gap shifts onto another date is left out with that date, not with the one it was meant for."""
    zone = load_zone("Pacific/Apia")
    timetable = CronTimetable([parse_cron("0 9 * * *")], zone)
    after, lost, shifted_to = (
        datetime(2011, 12, 30, tzinfo=UTC),
        date(2011, 12, 30),
        datetime(2011, 12, 30, 10, tzinfo=UTC),
    )
    assert WindowedTimetable(timetable, None, None, holes_of([(lost, lost)], zone)).next_after(after) == shifted_to
    next_day = lost + DAY
    later = WindowedTimetable(timetable, None, None, holes_of([(next_day, next_day)], zone)).next_after(after)
    assert later == datetime(2011, 12, 31, 19, tzinfo=UTC)
