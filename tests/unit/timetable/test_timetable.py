"""The three timetables: tables of wanted times, and the properties that hold for all of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crontask.timetable import (
    CronExpression,
    CronTimetable,
    Dst,
    Due,
    IntervalTimetable,
    OnDemand,
    Timetable,
    load_zone,
    parse_cron,
)
from crontask.timetable.dst import first_after

SHIFT, SKIP = Dst(), Dst(missing="Skip")
BOTH = Dst(repeated="Both")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cron(text: str, zone: str = "UTC", dst: Dst = SHIFT) -> CronTimetable:
    return CronTimetable([parse_cron(text)], load_zone(zone), dst)


# (expression, zone, policy, after, the times that follow)
TABLE = [
    ("30 2 * * *", "Europe/Berlin", SHIFT, "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),
    ("30 2 * * *", "Europe/Berlin", SKIP, "2026-03-28T12:00", ["2026-03-30T00:30"]),
    ("0,30 2-3 * * *", "Europe/Berlin", SHIFT, "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-29T01:30"]),
    ("0 2,3 * * *", "Europe/Berlin", SHIFT, "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:00"]),
    ("30 2 * * *", "Europe/Berlin", SHIFT, "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
    ("30 2 * * *", "Europe/Berlin", BOTH, "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-25T01:30"]),
    ("30 2 * * *", "Europe/Berlin", SHIFT, "2026-10-25T01:10", ["2026-10-26T01:30"]),
    ("*/30 * * * *", "Europe/Berlin", SHIFT, "2026-03-29T00:20", ["2026-03-29T00:30", "2026-03-29T01:00"]),
    ("*/30 * * * *", "Europe/Berlin", SHIFT, "2026-10-25T00:40", ["2026-10-25T01:00", "2026-10-25T01:30"]),
    ("0 */2 * * *", "Europe/Berlin", SHIFT, "2026-03-28T23:30", ["2026-03-29T02:00", "2026-03-29T04:00"]),
    ("15 2 * * *", "Australia/Lord_Howe", SHIFT, "2026-10-03T12:00", ["2026-10-03T15:30", "2026-10-04T15:15"]),
    ("45 1 * * *", "Australia/Lord_Howe", SHIFT, "2026-04-04T12:00", ["2026-04-04T14:45", "2026-04-05T15:15"]),
    ("*/15 * * * *", "Australia/Lord_Howe", SHIFT, "2026-04-04T14:40", ["2026-04-04T14:45", "2026-04-04T15:00"]),
    (
        "0 9 * * *",
        "Pacific/Apia",
        SHIFT,
        "2011-12-29T12:00",
        ["2011-12-29T19:00", "2011-12-30T10:00", "2011-12-30T19:00"],
    ),
    ("0 9 30 12 *", "Pacific/Apia", SHIFT, "2011-06-01T00:00", ["2011-12-30T10:00", "2012-12-29T19:00"]),
    ("0 9 30 12 *", "Pacific/Apia", SKIP, "2011-06-01T00:00", ["2012-12-29T19:00"]),
    ("0 0 * * *", "America/Havana", SHIFT, "2026-03-07T12:00", ["2026-03-08T05:00", "2026-03-09T04:00"]),
    ("30 2 * * *", "Africa/Casablanca", SHIFT, "2026-02-14T12:00", ["2026-02-15T01:30", "2026-02-16T02:30"]),
    ("30 1 * * *", "Europe/Dublin", SHIFT, "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
    ("45 23 * * *", "Asia/Pyongyang", SHIFT, "2018-05-03T16:00", ["2018-05-04T15:00", "2018-05-05T14:45"]),
    ("30 23 * * *", "Asia/Dhaka", SHIFT, "2009-12-31T12:00", ["2009-12-31T16:30", "2010-01-01T17:30"]),
    ("0 0 29 2 *", "UTC", SHIFT, "2026-01-01T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]),
    ("0 0 29 2 *", "UTC", SHIFT, "2096-03-01T00:00", ["2104-02-29T00:00"]),
    ("0 0 * 2 mon#5", "UTC", SHIFT, "2016-03-01T00:00", ["2044-02-29T00:00"]),
    ("0 0 * * *", "UTC", SHIFT, "2026-01-01T00:00", ["2026-01-02T00:00"]),
    ("0 0 * * *", "UTC", SHIFT, "2025-12-31T23:59:59.999999", ["2026-01-01T00:00"]),
    ("0 0 * * *", "UTC", SHIFT, "1969-12-30T12:00", ["1969-12-31T00:00", "1970-01-01T00:00"]),
    ("0 0 1 1 *", "Africa/Monrovia", SHIFT, "1970-06-01T00:00", ["1971-01-01T00:44:30", "1972-01-01T00:44:30"]),
]


@pytest.mark.parametrize(("text", "zone", "dst", "after", "wanted"), TABLE)
def test_times(text: str, zone: str, dst: Dst, after: str, wanted: list[str]) -> None:
    times = tuple(map(at, wanted))
    timetable = cron(text, zone, dst)
    assert timetable.upcoming(at(after), len(times)) == times
    assert timetable.next_after(at(after)) == times[0]
    assert timetable.due(at(after), times[-1]) == Due(times[0], times[-1], len(times))
    assert timetable.due(at(after), times[0] - timedelta(seconds=1)) is None
    assert [timetable.previous_at_or_before(time) for time in times] == list(times)
    for before, time in pairwise(times):
        assert timetable.previous_at_or_before(time - timedelta(microseconds=1)) == before


@pytest.mark.parametrize("text", ["*/15 * * * *", "0 3 * * *", "30 2 * * mon-fri", "0 0 L * *", "7 1-3 1,15 * wed"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana"])
def test_due_of_a_year_equals_enumeration(text: str, zone: str) -> None:
    after, until = at("2026-01-03T04:05:06"), at("2026-12-20T04:05:06")
    timetable = cron(text, zone)
    due = timetable.due(after, until)
    assert due is not None
    times = timetable.upcoming(after, due.count + 1)
    assert due == Due(times[0], times[-2], len(times) - 1)
    assert times[-1] > until


def test_a_year_of_minutes() -> None:
    assert cron("* * * * *", "Europe/Berlin").due(at("2026-01-01T00:00"), at("2027-01-01T00:00")) == Due(
        at("2026-01-01T00:01"), at("2027-01-01T00:00"), 525600
    )


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["* * * * *"], 1440),
        (["30 2 * * *"], 1),
        (["*/20 * * * *", "0,30 * * * *"], 96),
        (["@daily", "0 */6 * * *"], 4),
    ],
)
@pytest.mark.parametrize(("years", "first"), [(30, 1996), (60, 1970), (500, 1970)])
def test_decades_are_counted_to_the_last(texts: list[str], days: int, years: int, first: int) -> None:
    after, until = datetime(first, 1, 1, tzinfo=UTC), datetime(first + years, 1, 1, tzinfo=UTC)
    timetable = CronTimetable([parse_cron(text) for text in texts], load_zone("UTC"))
    due = timetable.due(after, until)
    assert due is not None
    assert due.count == (until - after).days * days
    assert (due.first, due.latest) == (timetable.next_after(after), timetable.previous_at_or_before(until))


def test_few_times_in_a_long_span_are_counted_too() -> None:
    seldom = cron("0 0 * 2 mon#5")
    times = [at("1988-02-29T00:00"), at("2016-02-29T00:00")]
    assert seldom.due(at("1995-01-01T00:00"), at("2044-02-28T00:00")) == Due(times[1], times[1], 1)
    assert seldom.due(at("1980-01-01T00:00"), at("2044-02-28T00:00")) == Due(times[0], times[1], 2)


def test_a_day_that_comes_every_28_or_40_years() -> None:
    times = tuple(map(at, ["2044-02-29T00:00", "2072-02-29T00:00", "2112-02-29T00:00"]))
    assert cron("0 0 * 2 mon#5").upcoming(at("2016-03-01T00:00"), 3) == times
    assert cron("0 0 * 2 mon#5").previous_at_or_before(times[2] - timedelta(seconds=1)) == times[1]


def test_the_end_of_the_calendar() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    for timetable in (cron("* * * * *"), cron("0 0 29 2 *", "Europe/Berlin"), IntervalTimetable(last, timedelta(1))):
        assert timetable.next_after(last) is None
        assert timetable.upcoming(last, 5) == ()
        assert timetable.due(last, last) is None


def test_naive_datetimes_are_refused() -> None:
    with pytest.raises(TypeError):
        cron("* * * * *").next_after(datetime(2026, 1, 1))


def test_another_zone_of_an_instant_is_the_same_instant() -> None:
    berlin = datetime(2026, 1, 1, 1, tzinfo=load_zone("Europe/Berlin"))
    assert cron("0 0 * * *").next_after(berlin) == at("2026-01-02T00:00")


CRONS = [
    ("* * * * *", "Europe/Berlin"),
    ("*/20 1-3 * * *", "Europe/Berlin"),
    ("30 2 * * *", "Australia/Lord_Howe"),
    ("0 0 29 2 *", "UTC"),
    ("15,45 */6 1,15 * mon", "America/New_York"),
]
instants = st.datetimes(datetime(2026, 3, 27), datetime(2026, 3, 31), timezones=st.just(UTC))
Call = Callable[[Timetable], object]
calls: st.SearchStrategy[Call] = st.one_of(
    st.builds(lambda instant: lambda timetable: timetable.next_after(instant), instants),
    st.builds(lambda instant: lambda timetable: timetable.previous_at_or_before(instant), instants),
    st.builds(lambda instant, n: lambda timetable: timetable.upcoming(instant, n), instants, st.integers(0, 12)),
    st.builds(lambda after, until: lambda timetable: timetable.due(after, until), instants, instants),
    # Slowly on, as in the operator: the step after each of the last answers.
    st.builds(
        lambda instant, n: lambda timetable: [timetable.upcoming(time, 5) for time in timetable.upcoming(instant, n)],
        instants,
        st.integers(0, 4),
    ),
)


@settings(max_examples=200)
@given(st.sampled_from(CRONS), st.lists(calls, min_size=2, max_size=12))
def test_answers_do_not_depend_on_earlier_questions(which: tuple[str, str], asked: list[Call]) -> None:
    kept = cron(*which)
    for call in asked:
        assert call(kept) == call(cron(*which))


def test_the_memo_saves_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []

    def counted(expression: CronExpression, zone: ZoneInfo, dst: Dst, after: int) -> int | None:
        steps.append(after)
        return first_after(expression, zone, dst, after)

    monkeypatch.setattr("crontask.timetable.timetable.first_after", counted)
    timetable = cron("*/5 * * * *")
    now = at("2026-01-01T00:00")
    timetable.upcoming(now, 5)
    steps.clear()
    for _ in range(10):
        timetable.next_after(now)
        timetable.upcoming(now + timedelta(seconds=30), 5)
    assert not steps
    for _ in range(10):
        fired = timetable.next_after(now)
        assert fired is not None
        assert timetable.due(now, fired + timedelta(milliseconds=3)) == Due(fired, fired, 1)
        now = fired
        timetable.upcoming(now, 5)
    assert len(steps) == 10


@pytest.mark.parametrize(
    ("anchor", "seconds", "first_k", "after", "wanted"),
    [
        ("2026-01-01T00:00", 60, 1, "2025-06-01T00:00", "2026-01-01T00:01"),
        ("2026-01-01T00:00", 60, 0, "2025-06-01T00:00", "2026-01-01T00:00"),
        ("2026-01-01T00:00", 60, 0, "2026-01-01T00:00", "2026-01-01T00:01"),
        ("2026-01-01T00:00:07", 90, 1, "2026-01-01T12:00", "2026-01-01T12:00:07"),
        ("2026-01-01T00:00:00.2", 60, 0, "2026-01-01T00:00:00.1", "2026-01-01T00:00:01"),
        ("2026-01-01T00:00", 7, 1, "2026-01-01T00:00:06.999999", "2026-01-01T00:00:07"),
        ("2026-01-01T00:00", 7, 1, "2026-01-01T00:00:07.000001", "2026-01-01T00:00:14"),
    ],
)
def test_interval(anchor: str, seconds: int, first_k: int, after: str, wanted: str) -> None:
    timetable = IntervalTimetable(at(anchor), timedelta(seconds=seconds), first_k)
    assert timetable.next_after(at(after)) == at(wanted)
    step = timedelta(seconds=seconds)
    assert timetable.upcoming(at(after), 3) == (at(wanted), at(wanted) + step, at(wanted) + 2 * step)
    assert timetable.due(at(after), at(wanted) + 9 * step) == Due(at(wanted), at(wanted) + 9 * step, 10)
    assert timetable.previous_at_or_before(at(wanted)) == at(wanted)


def test_an_interval_has_nothing_before_its_first() -> None:
    timetable = IntervalTimetable(at("2026-01-01T00:00"), timedelta(hours=1))
    assert timetable.previous_at_or_before(at("2026-01-01T00:59:59")) is None
    assert timetable.due(at("2025-01-01T00:00"), at("2026-01-01T00:59:59")) is None


@pytest.mark.parametrize("interval", [timedelta(), timedelta(seconds=-1), timedelta(milliseconds=1500)])
def test_intervals_refused(interval: timedelta) -> None:
    with pytest.raises(ValueError, match="whole number of seconds"):
        IntervalTimetable(at("2026-01-01T00:00"), interval)


@given(instants, st.integers(1, 10000), st.integers(0, 1), instants, instants)
def test_interval_due_equals_enumeration(
    anchor: datetime, seconds: int, first_k: int, after: datetime, until: datetime
) -> None:
    timetable = IntervalTimetable(anchor, timedelta(seconds=seconds), first_k)
    due = timetable.due(after, until)
    times = [time for time in timetable.upcoming(after, (due.count if due else 0) + 1) if time <= until]
    assert due == (Due(times[0], times[-1], len(times)) if times else None)
    assert timetable.previous_at_or_before(until) == times[-1] if times else True


def test_on_demand_is_never_due() -> None:
    timetable: Timetable = OnDemand()
    now = at("2026-01-01T00:00")
    assert timetable.next_after(now) is None
    assert timetable.previous_at_or_before(now) is None
    assert timetable.upcoming(now, 5) == ()
    assert timetable.due(now, at("2027-01-01T00:00")) is None


@pytest.mark.parametrize(
    ("timetable", "apart"),
    [
        pytest.param(cron("* * * * *"), 60, id="each minute"),
        pytest.param(cron("*/5 * * * *"), 300, id="in UTC"),
        pytest.param(cron("1,2,9 * * * *"), 60, id="the closest two"),
        pytest.param(cron("58,3 * * * *"), 300, id="over the hour"),
        pytest.param(cron("0 9,17 * * *"), 8 * 3600, id="hours"),
        pytest.param(cron("0 9 * * 1-5"), 24 * 3600, id="once a day"),
        pytest.param(cron("*/5 * * * *", "Europe/Berlin"), 300, id="real time over a change of whole hours"),
        pytest.param(cron("0 */6 * * *", "Europe/Berlin"), 3600, id="hours over a change"),
        pytest.param(cron("*/5 * * * *", "Australia/Lord_Howe"), 60, id="a change of half an hour"),
        pytest.param(cron("15,45 2,3 * * *", "Europe/Berlin"), 60, id="wall time"),
        pytest.param(
            CronTimetable([parse_cron("*/5 * * * *"), parse_cron("1 * * * *")], load_zone("UTC")), 60, id="a union"
        ),
        pytest.param(IntervalTimetable(at("2026-01-01T00:00"), timedelta(seconds=7)), 7, id="fixed rate"),
    ],
)
def test_no_two_times_are_closer(timetable: Timetable, apart: int) -> None:
    first, last = at("2026-03-20T00:00"), at("2026-04-12T00:00")
    assert timetable.apart(first, last) == apart
    times = timetable.upcoming(first, 3000)
    assert min(after - before for before, after in pairwise(times) if after <= last).total_seconds() >= apart
