"""Words about an expression: short for what people write, and never false."""

import pytest
from description_reader import Claim
from hypothesis import given, settings
from hypothesis import strategies as st
from timetable_oracle import MONTHS, QUIET, Pattern, days_of, tally
from timetable_strategies import accepted, odd_expressions, templates

from crontask.timetable import parse_cron
from crontask.timetable.description import describe
from crontask.timetable.notes import uneven_steps


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("*/50 * * * *", "At minutes 0 and 50 of every hour"),
        ("*/60 * * * *", "Every hour"),
        ("*/7 * * * *", "At every 7th minute from 0 to 56 of every hour"),
        ("5-5 * * * *", "At minute 5 of every hour"),
        ("0 * * * *", "Every hour"),
        ("0 0-23 * * *", "Every hour from 00:00 to 23:00"),
        ("*/15 0-23 * * *", "Every 15 minutes from 00:00 to 23:45"),
        ("* 9 * * *", "Every minute from 09:00 to 09:59"),
        ("0 */2 * * *", "Every 2 hours from 00:00 to 22:00"),
        ("0 */5 * * *", "At 00:00, 05:00, 10:00, 15:00 and 20:00"),
        ("0 */6,9 * * *", "At 00:00, 06:00, 09:00, 12:00 and 18:00"),
        ("0 9,*/12 * * *", "At 00:00, 09:00 and 12:00"),
        ("30 2 * * *", "At 02:30"),
        ("0 8 * * mon-fri", "At 08:00, Monday through Friday"),
        ("0 8 * * fri-mon", "At 08:00, Friday through Monday"),
        ("0 12 * * 07", "At 12:00, on Sunday"),
        ("0 12 * * 5-1/2", "At 12:00, on Friday and Sunday"),
        ("0 12 * * sat/2", "At 12:00, on Saturday"),
        ("0 0 * * *,5", "At 00:00"),
        ("0 0 1-31 * 5", "At 00:00"),
        ("0 0 1 *,3 *", "At 00:00, on day 1 of the month"),
        ("0 12 31-L * *", "At 12:00, on day 31 of the month"),
        ("0 12 * * l5,mon#1", "At 12:00, on the first Monday and the last Friday of the month"),
        ("0 12 * * mon-tue#2", "At 12:00, on the second Monday and the second Tuesday of the month"),
        ("0 12 * * wed,mon#2", "At 12:00, on Wednesday and the second Monday of the month"),
        ("0 12 13 * L5", "At 12:00, on day 13 of the month or on the last Friday of the month"),
        ("0 12 13 1 fri", "At 12:00, on day 13 of the month or on Friday, in January"),
        ("0 5 LW * *", "At 05:00, on the last weekday of the month"),
        ("0 5 1W,15 * *", "At 05:00, on day 15 and the weekday nearest to day 1 of the month"),
        ("0 5 L-1,L-3 * *", "At 05:00, on the 3rd day before the last and the day before the last of the month"),
        ("0 0 * nov-jan *", "At 00:00, from November through January"),
        ("@yearly", "At 00:00, on day 1 of January"),
        ("@weekly", "At 00:00, on Sunday"),
        ("0 0 */2 * *", "At 00:00, on every 2nd day from 1 to 31 of the month"),
    ],
)
def test_words(text: str, words: str) -> None:
    assert describe(parse_cron(text)) == words


def test_the_expression_itself_stands_where_words_would_be_longer() -> None:
    text = "3,9,11,20,33,41,47 2,5,7,11,19,22 1,2,9,23 1,5,7,9,12 mon,wed#2"
    assert describe(parse_cron(text)) == text


@settings(max_examples=400, suppress_health_check=QUIET)
@given(
    text=st.one_of(odd_expressions, templates.map(lambda text: text.format(**dict.fromkeys("ghicdevwm", 5)))),
    months=st.lists(st.sampled_from(MONTHS), min_size=8, max_size=8),
)
def test_what_the_words_claim_is_so(text: str, months: list[tuple[int, int]]) -> None:
    if not accepted(text):
        return
    parsed, pattern = parse_cron(text), Pattern(text)
    words = describe(parsed)
    if words == parsed.text:
        tally["descriptions: the expression itself"] += 1
        return
    claim = Claim(words)
    assert claim.times == {(hour, minute) for hour in pattern.hours for minute in pattern.minutes}, (text, words)
    assert pattern.real_time or not claim.by_the_hour, (text, words)
    false = [day for month in months for day in days_of(*month) if claim.on(day) != pattern.on(day)]
    assert not false, (text, words, false[:3])
    tally["descriptions in words, over eight months each"] += 1


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("*/15 * * * *", []),
        ("*/1 */24 */1 */12 */7", []),
        ("0 9 */1 */6 *", []),
        ("*/50 * * * *", ["*/50 begins anew each hour; for every 50 minutes write interval: 50m instead of schedule"]),
        ("*/50 9-17 * * *", ["*/50 begins anew each hour"]),
        ("0 */5 * * *", ["*/5 begins anew each day; for every 5 hours write interval: 5h instead of schedule"]),
        ("0,30 */5 * * *", ["*/5 begins anew each day"]),
        ("0 0 */2 * *", ["*/2 begins anew each month; for every 2 days write interval: 2d instead of schedule"]),
        ("0 0 1 */5 *", ["*/5 begins anew each year"]),
        ("0 0 * * */2", ["*/2 begins anew each week"]),
        ("*/7 */5 * * *", ["*/7 begins anew each hour", "*/5 begins anew each day"]),
    ],
)
def test_a_step_that_does_not_divide_its_field_is_noted(text: str, notes: list[str]) -> None:
    assert list(uneven_steps(parse_cron(text))) == notes
