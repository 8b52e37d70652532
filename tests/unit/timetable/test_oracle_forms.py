"""What a field may look like: each odd form stands for what the oracle says; refused is what never comes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timetable_oracle import MONTHS, QUIET, Pattern, days_of, tally
from timetable_strategies import accepted, field, odd_days, odd_expressions

from crontask.timetable import CronError, parse_cron


@settings(max_examples=500, suppress_health_check=QUIET)
@given(text=odd_expressions, months=st.lists(st.sampled_from(MONTHS), min_size=8, max_size=8))
def test_each_form_stands_for_what_the_oracle_says(text: str, months: list[tuple[int, int]]) -> None:
    pattern = Pattern(text)
    if not accepted(text):
        return
    parsed = parse_cron(text)
    assert (frozenset(parsed.minutes), frozenset(parsed.hours)) == (pattern.minutes, pattern.hours)
    assert parsed.real_time == pattern.real_time
    for year, month in months:
        mask = parsed.days.of_month(year, month)
        assert [day for day in days_of(year, month) if mask >> day.day & 1] == list(
            filter(pattern.on, days_of(year, month))
        ), (text, year, month)
        assert mask.bit_count() == sum(map(pattern.on, days_of(year, month)))
    tally["expressions in odd forms, over eight months each"] += 1


@settings(max_examples=200)
@given(day=odd_days, month=st.sampled_from(["2", "4", "4,2", "6-9/3", "jan"]))
def test_a_day_is_refused_just_where_it_never_comes(day: str, month: str) -> None:
    text = f"0 0 {day} {month} *"
    pattern = Pattern(text)
    try:
        parse_cron(text)
    except CronError as refused:
        assert "never comes" in refused.message
        assert not any(pattern.on(day) for month in MONTHS for day in days_of(*month))
        tally["days of a month that never come"] += 1
    else:
        assert any(pattern.on(day) for month in MONTHS for day in days_of(*month))


@settings(max_examples=200)
@given(text=field(0, 59))
def test_a_minute_is_read_alike_whatever_stands_beside_it(text: str) -> None:
    assert parse_cron(f"{text} 3 1 1 mon").minutes == parse_cron(f"{text} * * * *").minutes


@pytest.mark.parametrize(
    ("day", "month", "wanted"),
    [
        ("31-L", (2027, 1), [31]),
        ("31-L", (2027, 4), []),
        ("31-L/2", (2027, 1), [31]),
        ("28-L", (2027, 2), [28]),
        ("28-L", (2028, 2), [28, 29]),
        ("25-L/3", (2027, 4), [25, 28]),
        ("L-0", (2027, 4), [30]),
        ("L-3", (2027, 4), [27]),
        ("L-30", (2027, 1), [1]),
        ("L-30", (2027, 4), []),
        # 1 August 2027 is a Sunday, 31 July and 1 May Saturdays, 31 January 2027 a Sunday.
        ("1W", (2027, 8), [2]),
        ("1W", (2027, 5), [3]),
        ("15W", (2027, 8), [16]),
        ("14W", (2027, 8), [13]),
        ("16W", (2027, 8), [16]),
        ("31W", (2027, 7), [30]),
        ("31W", (2027, 1), [29]),
        ("31W", (2027, 4), []),
        ("30W", (2027, 2), []),
        ("LW", (2027, 7), [30]),
        ("LW", (2027, 1), [29]),
        ("LW", (2027, 2), [26]),
        ("L-1W", (2027, 2), [26]),
        ("L-30W", (2027, 5), [3]),
        ("1W,15,LW", (2027, 5), [3, 15, 31]),
    ],
)
def test_days_that_depend_on_the_month(day: str, month: tuple[int, int], wanted: list[int]) -> None:
    mask = parse_cron(f"0 0 {day} * *").days.of_month(*month)
    assert [number for number in range(1, 32) if mask >> number & 1] == wanted


def test_either_day_may_match_where_both_are_restricted() -> None:
    mask = parse_cron("0 0 1W * fri").days.of_month(2027, 5)
    assert [number for number in range(1, 32) if mask >> number & 1] == [3, 7, 14, 21, 28]
