"""Reading cron text: what an expression means, what is refused and in which words, what `H` becomes."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from crontask.api.base import parse_duration
from crontask.timetable import CronError, CronTimetable, load_zone, parse_cron
from crontask.timetable.macros import MACROS

SUNDAY = datetime(2026, 3, 1, tzinfo=UTC)
UTC_ZONE = load_zone("UTC")


def days_in_march_2026(text: str) -> list[int]:
    """The days of March 2026 (which begins on a Sunday) on which an expression fires."""
    times = CronTimetable([parse_cron(text)], UTC_ZONE).upcoming(SUNDAY - timedelta(seconds=1), 2000)
    return sorted({time.day for time in times if (time.year, time.month) == (2026, 3)})


@pytest.mark.parametrize(
    ("text", "days"),
    [
        # A restriction in both day fields: either matches.
        ("0 0 13 * fri", [6, 13, 20, 27]),
        ("0 0 1,15 * wed", [1, 4, 11, 15, 18, 25]),
        ("0 0 */10 * mon", [1, 2, 9, 11, 16, 21, 23, 30, 31]),
        ("0 0 10 * */3", [1, 4, 7, 8, 10, 11, 14, 15, 18, 21, 22, 25, 28, 29]),
        ("0 0 */16 * 0-6", list(range(1, 32))),
        ("0 0 1-31 * */3", list(range(1, 32))),
        ("0 0 13 * mon#1", [2, 13]),
        ("0 0 L * L5", [27, 31]),
        # One of them unrestricted: the other decides.
        ("0 0 * * mon", [2, 9, 16, 23, 30]),
        ("0 0 ? * mon", [2, 9, 16, 23, 30]),
        ("0 0 13 * ?", [13]),
        ("0 0 */1 * mon", [2, 9, 16, 23, 30]),
        ("0 0 *,5 * mon", [2, 9, 16, 23, 30]),
        ("0 0 */10 * *", [1, 11, 21, 31]),
        # Forms of a day.
        ("0 0 L * *", [31]),
        ("0 0 l * *", [31]),
        ("0 0 15,L * *", [15, 31]),
        ("0 0 30,L 3 *", [30, 31]),
        ("0 0 5-5 * *", [5]),
        ("0 0 29-2 * *", [1, 2, 29, 30, 31]),
        ("0 0 25-5/4 * *", [2, 25, 29]),
        ("0 0 25/3 * *", [25, 28, 31]),
        ("0 0 * * 7", [1, 8, 15, 22, 29]),
        ("0 0 * * 0", [1, 8, 15, 22, 29]),
        ("0 0 * * 5-7", [1, 6, 7, 8, 13, 14, 15, 20, 21, 22, 27, 28, 29]),
        ("0 0 * * sat-sun", [1, 7, 8, 14, 15, 21, 22, 28, 29]),
        ("0 0 * * FRI-MON/3", [2, 6, 9, 13, 16, 20, 23, 27, 30]),
        ("0 0 * * mon-mon", [2, 9, 16, 23, 30]),
        ("0 0 * * mon#2,wed#1", [4, 9]),
        ("0 0 * * 7#5", [29]),
        ("0 0 * * L0", [29]),
        ("0 0 * * L7", [29]),
        ("0 0 * * Lfri", [27]),
        ("0 0 * * mon#1,fri", [2, 6, 13, 20, 27]),
        ("0 0 * * mon-wed#2", [9, 10, 11]),
        ("0 0 * * MONDAY", [2, 9, 16, 23, 30]),
        ("0 0 * March Friday-Sunday", [1, 6, 7, 8, 13, 14, 15, 20, 21, 22, 27, 28, 29]),
        ("0 0 * * 7-3/2", [1, 3, 8, 10, 15, 17, 22, 24, 29, 31]),
        ("0 0 * * 07", [1, 8, 15, 22, 29]),
        ("0 0 31-L * *", [31]),
        ("0 0 1W * *", [2]),
        ("0 0 LW,L-3 * *", [28, 31]),
        ("0 0 14W * fri", [6, 13, 20, 27]),
        ("0 0 * MAR *", list(range(1, 32))),
        ("0 0 * nov-jan *", []),
        ("@daily", list(range(1, 32))),
        ("@weekly", [1, 8, 15, 22, 29]),
        ("@MONTHLY", [1]),
    ],
)
def test_days(text: str, days: list[int]) -> None:
    assert days_in_march_2026(text) == days


@pytest.mark.parametrize(
    ("text", "minutes", "hours"),
    [
        ("5-5 4-4 * * *", (5,), (4,)),
        ("5-5/10 * * * *", (5,), tuple(range(24))),
        ("00005-00005 012 * * *", (5,), (12,)),
        ("0-59/60 */24 * * *", (0,), (0,)),
        ("*/60 * * * *", (0,), tuple(range(24))),
        ("59/15 0 * * *", (59,), (0,)),
        ("10/20 0 * * *", (10, 30, 50), (0,)),
        ("*/25 22-4/3 * * *", (0, 25, 50), (1, 4, 22)),
        ("50-10/10 22-2 * * *", (0, 10, 50), (0, 1, 2, 22, 23)),
        ("0,30,0 ? * * *", (0, 30), tuple(range(24))),
        ("  0\t12   * * * ", (0,), (12,)),
        ("@hourly", (0,), tuple(range(24))),
        ("@midnight", (0,), (0,)),
        ("@yearly", (0,), (0,)),
        ("@annually", (0,), (0,)),
    ],
)
def test_times(text: str, minutes: tuple[int, ...], hours: tuple[int, ...]) -> None:
    expression = parse_cron(text, seed="default/a")
    assert (expression.minutes, expression.hours) == (minutes, hours)


@pytest.mark.parametrize(
    ("text", "real_time"),
    [
        ("*/15 * * * *", True),
        ("0 */2 * * *", True),
        ("0 *,5 * * *", True),
        ("0 ? * * *", True),
        ("@hourly", True),
        ("0 0-23 * * *", False),
        ("0 5,* * * *", False),
        ("0 H/3 * * *", False),
        ("@daily", False),
    ],
)
def test_the_hour_field_decides_between_real_and_wall_time(text: str, real_time: bool) -> None:
    assert parse_cron(text).real_time is real_time


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("", "is empty", "five fields"),
        (" \t", "is empty", "five fields"),
        ("* * * *", "4 fields instead of five", "five fields"),
        ("daily", "1 field instead of five", "write @daily, or five fields"),
        ("*/10 * * * * *", "6 fields instead of five", "interval: 10s"),
        ("*/0 * * * * *", "6 fields instead of five", "interval: 10s"),
        ("0 0 3 * * *", "6 fields instead of five", "write schedule: '0 3 * * *'"),
        ("0 0 3 ? * MON 2026", "7 fields instead of five", "write schedule: '0 3 ? * mon'"),
        ("0 0 3 ? * 2 2026", "7 fields instead of five", "interval"),
        ("0 0 30 * * *", "6 fields instead of five", "interval"),
        ("@every 5m", "@every", "interval: 5m"),
        ("@every", "@every", "interval: 5m"),
        ("@every 1.5h", "@every", "interval: 1h30m"),
        ("@every 1h0.5m", "@every", "interval: 1h30s"),
        ("@every 250ms", "@every", "interval: 1s"),
        ("@every 0s", "@every", "interval: 5m"),
        ("@every 2 hours", "@every", "interval: 2h"),
        ("@every 9999999h", "@every", "interval: 5m"),
        ("@fortnightly", "'@fortnightly' is not known", "interval: 14d"),
        ("@nightly", "'@nightly' is not known", "schedule: '0 0 * * *'"),
        ("@semiweekly", "'@semiweekly' is not known", "@hourly @daily"),
        ("@decadely", "'@decadely' is not known", "@hourly @daily"),
        ("@reboot", "@reboot", "ScheduledRun"),
        ("@dialy", "'@dialy' is not known", "@daily"),
        ("@daily 5", "is not known", "@daily"),
        ("TZ=Europe/Berlin 0 3 * * *", "time zone", "timeZone: Europe/Berlin beside schedule: '0 3 * * *'"),
        ("CRON_TZ=UTC @daily", "time zone", "timeZone: UTC beside schedule: '@daily'"),
        (
            "TZ=GMT+2 0 3 * * *",
            "time zone",
            "an IANA name as timeZone, e.g. Europe/Berlin, beside schedule: '0 3 * * *'",
        ),
        ("TZ=UTC @every 5m", "time zone", "timeZone: UTC beside schedule"),
        ("0 0 30 2 *", "never comes", "L for its last day"),
        ("0 0 31 2,4,6,9,11 ?", "never comes", "L for its last day"),
        ("60 * * * *", "minute '60': 60 is not in 0-59", "0-59"),
        ("* 24 * * *", "hour '24': 24 is not in 0-23", "0-23"),
        ("* * 0 * *", "day of month '0': 0 is not in 1-31", "1-31"),
        ("* * * 13 *", "month '13': 13 is not in 1-12", "jan-dec"),
        ("* * * * 8", "day of week '8': 8 is not in 0-7", "sun-sat"),
        ("* * * foo *", "month 'foo'", "jan-dec"),
        ("*/0 * * * *", "a step must be a number from 1", "*/n"),
        ("*/x * * * *", "a step must be a number from 1", "*/n"),
        ("1, * * * *", "an empty item", "a,b"),
        ("-5 * * * *", "minute '-5'", "0-59"),
        ("0 0 1-5W * *", "W stands after one day of month", "15W or LW as the day of month"),
        ("0 0 15W/2 * *", "W stands after one day of month", "15W or LW as the day of month"),
        ("0 0 W15 * *", "W stands after one day of month", "15W or LW as the day of month"),
        ("0 0 * * 15W", "W stands after one day of month", "15W or LW as the day of month"),
        ("0 0 32W * *", "day of month '32w': 32 is not in 1-31", "15W"),
        ("0 0 L-31 * *", "day of month 'l-31': 31 is not in 0-30", "L-3 (three days before it)"),
        ("0 0 L/2 * *", "no other form holds an L", "L (the last day)"),
        ("0 0 31-L 2 *", "the day never comes: day of month '31-l' in month '2'", "L for its last day"),
        ("0 0 31W 2,4 *", "the day never comes", "L for its last day"),
        ("0 0 L-30 4 *", "the day never comes", "L for its last day"),
        ("0 0 * * 5L", "other way round", "write L5 (the last Friday)"),
        ("0 0 * * friL", "other way round", "write L5 (the last Friday)"),
        ("0 0 * * fri#L", "other way round", "write L5 (the last Friday)"),
        ("0 0 * * 7L", "other way round", "write L0 (the last Sunday)"),
        ("0 0 * * L", "day of week 'l': L needs a weekday", "L as the day of month for the last day"),
        ("0 0 * * mon#6", "day of week 'mon#6': 6 is not in 1-5", "mon#2"),
        ("0 0 * * thurs", "day of week 'thurs': it cannot be read", "write thu"),
        ("0 0 * * wensday", "day of week 'wensday': it cannot be read", "write wed"),
        ("0 0 * sept *", "month 'sept': it cannot be read", "write sep"),
        ("0 0 mon * *", "day of month 'mon': mon belongs in the field day of week", "1-31"),
        ("0 0 * * april", "day of week 'april': april belongs in the field month", "0-7"),
        ("*/90 * * * *", "a step of 90 is longer than the field, which begins anew each hour", "write interval: 90m"),
        ("5/61 * * * *", "a step of 61 is longer than the field, which begins anew each hour", "write interval: 61m"),
        ("H/61 * * * *", "a step of 61 is longer than the field, which begins anew each hour", "write interval: 61m"),
        ("0 */25 * * *", "a step of 25 is longer than the field, which begins anew each day", "write interval: 25h"),
        ("0 0 */32 * *", "a step of 32 is longer than the field, which begins anew each month", "write interval: 32d"),
        ("0 0 1 */13 *", "a step of 13 is longer than the field, which begins anew each year", "write 1-12"),
        ("0 0 * * */8", "a step of 8 is longer than the field, which begins anew each week", "write interval: 8d"),
        ("*/99999999 * * * *", "a step of 99999999 is longer than the field", "write 0-59"),
        ("0" * 252 + "5 * * * *", "the expression has 261 characters, over 256", "several schedules"),
        (",".join(["1"] * 150) + " * * * *", "the expression has 307 characters, over 256", "several schedules"),
        ("9" * 200 + " * * * *", "is not in 0-59", "0-59"),
        ("R * * * *", "another time at each restart", "H"),
        ("R(0-5)/2 * * * *", "another time at each restart", "H"),
        ("H(5-2) * * * *", "its range", "0-59"),
        ("H(0-60) * * * *", "60 is not in 0-59", "0-59"),
        ("H/0 * * * *", "a step must be a number from 1", "*/n"),
    ],
)
def test_refused(text: str, message: str, fix: str) -> None:
    with pytest.raises(CronError) as refused:
        parse_cron(text)
    assert message in refused.value.message
    assert fix in refused.value.fix


@pytest.mark.parametrize("text", ["0 0 29 2 *", "0 0 * 2 mon#5", "0 0 30,L 2 *", "0 0 30 2 mon", "0 0 31 1,2 *"])
def test_a_day_that_comes_at_times_is_accepted(text: str) -> None:
    assert CronTimetable([parse_cron(text)], UTC_ZONE).next_after(SUNDAY)


# What other schedulers take, and what people mistype.
_EVERY = st.builds(
    "@every {}{}{}".format,
    st.one_of(st.integers(0, 10**10), st.decimals(0, 10**6, places=3)),
    st.sampled_from(["", " "]),
    st.sampled_from(["s", "m", "h", "d", "w", "ms", "ns", "µs", "minutes", "h30m", "x", ""]),
)
_MACRO = st.builds(
    "@{}{}".format,
    st.sampled_from(["", "bi", "semi", "fort", "x"]),
    st.sampled_from([*(name[1:] for name in MACROS), "nightly"]),
)
_SIX = st.builds("0 {} {} * * {}".format, st.sampled_from(["5", "99"]), st.integers(0, 40), st.sampled_from(["?", "5"]))
_ZONED = st.builds(
    "TZ={} {}".format, st.sampled_from(["UTC", "GMT+2", "Europe/Berln", ""]), st.sampled_from(["* * * * *", "x"])
)
_REFUSED = st.one_of(
    _EVERY,
    _MACRO,
    st.sampled_from(["@fortnightly", "@quarterly", "@weekdays", "@secondly", "@noon", "@reboot", "daily", "monthly"]),
    st.builds("*/{} * * * * *".format, st.integers(0, 10**8)),
    _SIX,
    _ZONED,
    st.builds("*/{} * * * *".format, st.integers(61, 10**8)),
    st.builds("0 {}/{} * * *".format, st.sampled_from(["*", "3", "H"]), st.integers(25, 10**8)),
    st.builds("0 0 */{} * */{}".format, st.integers(28, 5000), st.integers(7, 5000)),
    st.builds("0 0 * * {}".format, st.sampled_from(["friL", "sun#L", "7L", "thurs", "wendsday", "15W"])),
    st.builds("0 0 {} * *".format, st.sampled_from(["1-5W", "W", "L-40", "L/2", "40W"])),
)
_NAMES_NO_VALUE = re.compile("five fields|lists a,b|as timeZone|15W|ScheduledRun|schedules")
_INTERVAL = re.compile(r"interval: (\S+?)[,;]?(?: |$)")
_SCHEDULE = re.compile(r"schedule: '([^']*)'")
_ITEM = re.compile(r"write (L\d|[a-z]{3})(?: \(|$)")


@settings(max_examples=400)
@given(_REFUSED)
def test_what_is_advised_is_itself_accepted(text: str) -> None:
    try:
        parse_cron(text)
    except CronError as refused:
        fix = refused.fix
    else:
        return
    intervals, schedules, items = _INTERVAL.findall(fix), _SCHEDULE.findall(fix), _ITEM.findall(fix)
    for interval in intervals:
        assert timedelta(seconds=1) <= parse_duration(interval)
    for schedule in (*schedules, *re.findall(r"@\w+", fix)):
        assert parse_cron(schedule)
    for item in items:
        assert parse_cron(f"0 0 * * {item}")
    zones = re.findall(r"timeZone: (\S+)", fix)
    for zone in zones:
        assert load_zone(zone)
    assert intervals or schedules or items or zones or _NAMES_NO_VALUE.search(fix)


@settings(max_examples=300)
@given(st.text(alphabet="0123456789*/-,?#LlWwHhRr()@TZ=monfebuarysdti .\u00a0\u0665", max_size=25), st.booleans())
def test_any_text_is_read_or_refused(text: str, pad: bool) -> None:
    try:
        expression = parse_cron(f"{text} * * * *" if pad else text)
    except CronError as refused:
        assert refused.message
        assert refused.fix
    else:
        assert expression.minutes
        assert expression.hours


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("H H * * *", "52 15 * * *"),
        ("H(0-9) H(0-3) H * H", "2 3 5 * 4"),
        ("H/15 * * * *", "7-59/15 * * * *"),
        ("H(10-40)/10 * * H *", "12-40/10 * * 3 *"),
    ],
)
def test_a_hash_stays_what_it_is(text: str, wanted: str) -> None:
    """A change of these values moves the times of every task that uses H."""
    assert parse_cron(text, seed="default/backup").text == wanted


def test_a_hash_is_the_same_in_another_process() -> None:
    code = "from crontask.timetable import parse_cron; print(parse_cron('H H H H H', seed='a/b').text)"
    other = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == parse_cron("H H H H H", seed="a/b").text


def test_hashes_spread_over_hours_and_minutes_independently() -> None:
    parsed = [parse_cron("H H H * *", seed=f"default/task-{n}") for n in range(3000)]
    assert len({(each.minutes, each.hours) for each in parsed}) > 1100
    assert {each.text.split()[2] for each in parsed} == {str(day) for day in range(1, 29)}


def test_equal_expressions_are_one_object() -> None:
    assert parse_cron("0 3 * * MON", seed="a/b") is parse_cron("0  3 * * mon", seed="c/d")


@settings(max_examples=150)
@given(
    time=st.sampled_from(["* *", "0 0", "*/7 23", "5,50 */5", "10-20/3 8-18", "0 *", "* 12"]),
    day=st.sampled_from(["*", "1", "31", "L", "*/9", "15,29-31"]),
    month=st.sampled_from(["*", "2", "feb-apr", "*/5", "12"]),
    weekday=st.sampled_from(["*", "mon", "5-7", "1,3", "mon#1", "L5"]),
    start=st.datetimes(datetime(1999, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
)
def test_steps_as_croniter_does_in_utc(time: str, day: str, month: str, weekday: str, start: datetime) -> None:
    """A second oracle, where the two agree on the meaning: croniter intersects `#` and `L5` with a day of month."""
    if day != "*" and not weekday.isdigit() and weekday[-1] in "15" and weekday not in ("1,3",):
        weekday = "*"
    text = f"{time} {day} {month} {weekday}"
    try:
        expression = parse_cron(text)
    except CronError:
        return
    theirs = croniter(text, start, ret_type=datetime)
    wanted = tuple(theirs.get_next() for _ in range(5))
    timetable = CronTimetable([expression], UTC_ZONE)
    assert timetable.upcoming(start, 5) == wanted
    assert timetable.previous_at_or_before(wanted[-1] - timedelta(seconds=1)) == wanted[-2]
