"""Reading cron text: what an expression means, what is refused and in which words, what `H` becomes."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from crontask.timetable import CronError, CronTimetable, load_zone, parse_cron

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
        ("daily", "1 field instead of five", "five fields"),
        ("*/10 * * * * *", "6 fields instead of five", "interval: 10s"),
        ("0 0 3 * * *", "6 fields instead of five", "interval"),
        ("0 0 3 * * * 2026", "7 fields instead of five", "interval"),
        ("@every 5m", "@every", "interval: 5m"),
        ("@every", "@every", "interval: "),
        ("@reboot", "@reboot", "ScheduledRun"),
        ("@dialy", "'@dialy' is not known", "@daily"),
        ("@daily 5", "is not known", "@daily"),
        ("TZ=Europe/Berlin 0 3 * * *", "time zone", "timeZone: Europe/Berlin beside schedule: '0 3 * * *'"),
        ("CRON_TZ=UTC @daily", "time zone", "timeZone: UTC beside schedule: '@daily'"),
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
        ("0 0 15W * *", "W (the nearest weekday)", "mon#1"),
        ("0 0 LW * *", "W (the nearest weekday)", "mon#1"),
        ("0 0 * * 5L", "other way round", "L5"),
        ("0 0 * * friL", "other way round", "L5"),
        ("0 0 * * L", "day of week 'l'", "L5"),
        ("0 0 * * mon#6", "day of week 'mon#6'", "mon#2"),
        ("0 0 * * mon#1,fri", "# and L cannot stand in a list with plain days", "schedules"),
        ("R * * * *", "another time at each restart", "H"),
        ("R(0-5)/2 * * * *", "another time at each restart", "H"),
        ("H(5-2) * * * *", "its range", "0-59"),
        ("H(0-60) * * * *", "its range", "0-59"),
        ("H/0 * * * *", "a step of 0", "*/n"),
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


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789*/-,?#LlWwHhRr()@TZ=monfeb .\u00a0\u0665", max_size=25), st.booleans())
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


@settings(max_examples=150, deadline=None)
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
