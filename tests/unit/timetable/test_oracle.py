"""The timetable of one expression against an independent oracle: minute by minute, with zoneinfo alone."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from struct import pack
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timetable_oracle import POLICIES, QUIET, Pattern, compare, enumerated, fired, hits, oracle, tally, utc, walk
from timetable_strategies import CHANGES, Near, Place, accepted, places, policies, templates

from crontask.timetable import CronTimetable, Dst, Due, load_zone, parse_cron

hours_long = st.one_of(st.integers(60, 5 * 3600), st.integers(60, 36 * 3600))


@settings(max_examples=600, suppress_health_check=QUIET)
@given(
    place=places,
    many=st.lists(templates, min_size=10, max_size=14),
    before=hours_long,
    after=hours_long,
    microseconds=st.sampled_from([0, 0, 1, 999_999]),
    where=st.floats(0, 1),
)
def test_equals_oracle(place: Place, many: list[str], before: int, after: int, microseconds: int, where: float) -> None:
    """Each expression under each policy, over the same stretch of local minutes."""
    zone = load_zone(place.zone)
    start = place.at - timedelta(seconds=before, microseconds=microseconds)
    end = place.at + timedelta(seconds=after)
    within = start + (end - start) * where
    minutes = walk(zone, start, end)
    for expression in filter(accepted, map(Near(place), many)):
        parsed, pattern = parse_cron(expression), Pattern(expression)
        near = hits(pattern, minutes)
        for dst in POLICIES:
            wanted = fired(pattern, dst, near)
            try:
                compare(CronTimetable([parsed], zone, dst), start, end, within, wanted)
            except AssertionError as error:
                error.add_note(f"{expression!r} {place.zone} {dst} in ({start}, {end}], within {within}")
                raise
            tally["cases of one expression: zone, stretch, policy"] += 1
            tally["cases of one expression with at least one time"] += bool(wanted)


@pytest.mark.parametrize("dst", POLICIES)
@pytest.mark.parametrize(("name", "change"), CHANGES)
@pytest.mark.parametrize(
    "expression", ["*/15 * * * *", "10 1 * * *", "* 0-3 * * *", "30 2,3 * * *", "0 0 * * *", "0 */2 * * *"]
)
def test_equals_oracle_at_each_change(name: str, change: str, expression: str, dst: Dst) -> None:
    zone, middle = load_zone(name), utc(change)
    start, end = middle - timedelta(hours=13), middle + timedelta(hours=13)
    timetable = CronTimetable([parse_cron(expression)], zone, dst)
    compare(timetable, start, end, middle, oracle(expression, zone, dst, start, end))
    tally["fixed cases at known changes"] += 1


@settings(max_examples=40, suppress_health_check=QUIET)
@given(place=places, template=templates, dst=policies, days=st.integers(1, 9))
def test_the_oracle_by_days_equals_the_oracle_by_minutes(place: Place, template: str, dst: Dst, days: int) -> None:
    expression = Near(place)(template)
    if not accepted(expression):
        return
    zone = load_zone(place.zone)
    start, end = place.at - timedelta(days=days, seconds=1), place.at + timedelta(days=days)
    by_days = list(enumerated(Pattern(expression), zone, dst, start, end))
    assert by_days == oracle(expression, zone, dst, start, end)


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
    assert timetable.due(start, end) == Due(wanted[0], wanted[-1], len(wanted))
