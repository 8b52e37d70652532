"""Times on the command line: in RFC 3339, as dates and days, and as how long ago, or in how long, they are."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import click
import pytest

from crontask.cli.parameters import SinceParam, TimeParam, UntilParam

NEAR = timedelta(minutes=1)
AT = datetime(2026, 3, 29, 1, tzinfo=UTC)
ANY, PAST, AHEAD = TimeParam(), SinceParam(), UntilParam()


Wanted = Callable[[datetime], datetime]
"""By what time it is when the test runs."""


def midnight(days: int) -> Wanted:
    return lambda now: now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)


def hours(count: float) -> Wanted:
    return lambda now: now + timedelta(hours=count)


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        *((kind, "2026-03-29T01:00:00Z", lambda now: AT) for kind in (ANY, PAST, AHEAD)),
        *((kind, "2026-03-29T03:00:00+02:00", lambda now: AT) for kind in (ANY, PAST, AHEAD)),
        *((kind, "2026-03-29", lambda now: AT.replace(hour=0)) for kind in (ANY, PAST, AHEAD)),
        *((kind, "today", midnight(0)) for kind in (ANY, PAST, AHEAD)),
        *((kind, "yesterday", midnight(-1)) for kind in (ANY, PAST, AHEAD)),
        *((kind, "tomorrow", midnight(1)) for kind in (ANY, PAST, AHEAD)),
        *((kind, "now", hours(0)) for kind in (ANY, PAST, AHEAD)),
        *((PAST, text, hours(-36)) for text in ("36h", "-36h", "1d12h")),
        *((AHEAD, text, hours(2)) for text in ("2h", "+2h", "120m")),
    ],
)
def test_times_are_read_the_same_wherever_they_stand(kind: TimeParam, text: str, wanted: Wanted) -> None:
    assert abs(kind.convert(text, None, None) - wanted(datetime.now(UTC))) < NEAR


@pytest.mark.parametrize("text", ["18:00Z", "00:00Z", "9:30+02:00", "23:59:59-11:00", "00:01+14:00"])
def test_a_time_of_day_is_the_nearest_in_the_direction_that_is_meant(text: str) -> None:
    now, day = datetime.now(UTC), timedelta(days=1)
    before, after = PAST.convert(text, None, None), AHEAD.convert(text, None, None)
    assert now - day - NEAR < before < now + NEAR < after + 2 * NEAR < now + day + 3 * NEAR
    assert (after - before) == day
    clock = datetime.fromisoformat(f"2026-03-01T{f'0{text}' if text[1] == ':' else text}")
    assert after.astimezone(clock.tzinfo).time() == clock.time()


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (PAST, "lastweek", "write 2026-03-29T01:00:00Z, 2026-03-29 (midnight in UTC), yesterday, or how long ago"),
        (AHEAD, "soon", "write 2026-03-29T01:00:00Z, 2026-03-29 (midnight in UTC), tomorrow, or in how long"),
        (ANY, "soon", "'soon' is not a time; write it in RFC 3339"),
        (AHEAD, "18:00", "'18:00' has no zone; write 18:00Z for UTC, or 18:00+02:00"),
        (PAST, "25:00Z", "'25:00Z' is not a time of day; write it like 18:00Z"),
        (ANY, "18:00Z", "'18:00' has no date; write "),
        (AHEAD, "2026-03-29T18:00:00", "has no zone"),
        (PAST, "", "'' is not a time"),
        (AHEAD, "3660000d", "'3660000d' is not a time"),
    ],
)
def test_what_is_no_time_is_answered_with_what_is(kind: TimeParam, text: str, said: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        kind.convert(text, None, None)
    assert said in refused.value.message
