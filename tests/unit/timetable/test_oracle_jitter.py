"""Jitter against its promises, and which start comes last and next against brute force."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timetable_oracle import DAY, QUIET, tally, union, utc
from timetable_strategies import Near, Place, accepted, near_dates, places, policies, templates

from crontask.timetable import (
    NO_JITTER,
    CronTimetable,
    Dst,
    IntervalTimetable,
    Jitter,
    OnDemand,
    Timetable,
    WindowedTimetable,
    holes_of,
    load_zone,
    parse_cron,
)

SECOND, MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)
widths = st.one_of(st.sampled_from([0, 1, 2, 30, 59, 60, 61, 900, 3600, 86400, 7 * 86400]), st.integers(0, 100_000))
seeds = st.one_of(st.sampled_from(["", "default/report", "a/b"]), st.text(max_size=20))
often = st.sampled_from(
    ["* * * * *", "*/15 * * * *", "*/7 {g}-{i} * * *", "0,1,59 * * * *", "0 * * * *", "30 {h} * * *"]
)
every = st.lists(st.one_of(often, templates), min_size=1, max_size=3)
some_dates = st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 1)), max_size=2)


def check_starts(jitter: Jitter, timetable: Timetable, times: Sequence[datetime]) -> list[datetime]:
    """`times` are all there are. The last one has no next, and only the width bounds its start."""
    starts = [jitter.start_of(at, timetable) for at in times]
    for at, start, following in zip(times, starts, [*times[1:], None], strict=False):
        assert start >= at
        assert (start - at) % SECOND == timedelta()
        assert start - at < jitter.width or start == at
        assert following is None or (start - at) * 2 < following - at
        assert jitter.start_of(at, timetable) == start
    assert all(earlier < later for earlier, later in pairwise(starts))
    tally["starts with jitter"] += len(starts)
    return starts


def next_start(jitter: Jitter, timetable: Timetable, now: datetime) -> datetime | None:
    following = jitter.next_nominal(timetable, now)
    return jitter.start_of(following, timetable) if following is not None else None


def check_questions(
    jitter: Jitter, timetable: Timetable, times: Sequence[datetime], starts: Sequence[datetime], now: datetime
) -> None:
    latest = max((at for at, start in zip(times, starts, strict=True) if start <= now), default=None)
    following = min((start for start in starts if start > now), default=None)
    assert jitter.latest_started(timetable, now) == latest, now
    assert next_start(jitter, timetable, now) == following, now
    tally["questions for the latest and the next start"] += 1


def check(jitter: Jitter, timetable: Timetable, times: Sequence[datetime], nows: Sequence[datetime]) -> None:
    starts = check_starts(jitter, timetable, times)
    near = [
        start + delta for start in (*starts[:2], *starts[-2:]) for delta in (-SECOND, -MICROSECOND, timedelta(), SECOND)
    ]
    for now in (*nows, *near, *times[:2], *times[-2:]):
        check_questions(jitter, timetable, times, starts, now)


@settings(max_examples=200, suppress_health_check=QUIET)
@given(
    place=places,
    group=every,
    width=widths,
    seed=seeds,
    dst=policies,
    length=st.integers(60, 30 * 3600),
    ranges=some_dates,
    where=st.lists(st.floats(-0.1, 1.1), min_size=10, max_size=10),
)
def test_cron(
    place: Place,
    group: list[str],
    width: int,
    seed: str,
    dst: Dst,
    length: int,
    ranges: list[tuple[int, int]],
    where: list[float],
) -> None:
    """Within bounds, so that all times are known."""
    texts = [text for text in map(Near(place), group) if accepted(text)]
    if not texts:
        return
    zone, dates = load_zone(place.zone), near_dates(place, ranges)
    start = place.at - timedelta(seconds=length // 2)
    end = start + timedelta(seconds=length)

    def fresh() -> Timetable:
        inner = CronTimetable(list(map(parse_cron, texts)), zone, dst)
        return WindowedTimetable(inner, start, end, holes_of(dates, zone))

    left = [
        at
        for at in union(texts, zone, dst, start - SECOND, end - SECOND)
        if not any(first <= at.astimezone(zone).date() <= last for first, last in dates)
    ]
    jitter = Jitter(timedelta(seconds=width), seed)
    try:
        check(jitter, fresh(), left, [start + (end - start) * part for part in where])
        again = Jitter(timedelta(seconds=width), seed)
        assert [again.start_of(at, fresh()) for at in left[:3]] == [jitter.start_of(at, fresh()) for at in left[:3]]
    except AssertionError as error:
        error.add_note(f"{texts} {place.zone} {dst} in [{start}, {end}) without {dates}, {jitter}")
        raise


@settings(max_examples=200, suppress_health_check=QUIET)
@given(
    place=places,
    interval=st.one_of(st.integers(1, 5), st.integers(1, 10_000), st.sampled_from([60, 3600, 86400])),
    first_k=st.integers(0, 1),
    count=st.integers(1, 60),
    width=widths,
    seed=seeds,
    ranges=some_dates,
    where=st.lists(st.floats(-0.1, 1.1), min_size=10, max_size=10),
)
def test_interval(
    place: Place,
    interval: int,
    first_k: int,
    count: int,
    width: int,
    seed: str,
    ranges: list[tuple[int, int]],
    where: list[float],
) -> None:
    """The gap over left out dates is the whole gap to the time that follows them."""
    zone, dates, step = load_zone(place.zone), near_dates(place, ranges), timedelta(seconds=interval)
    ticks = [place.at + step * k for k in range(first_k, first_k + count)]
    left = [at for at in ticks if not any(first <= at.astimezone(zone).date() <= last for first, last in dates)]
    inner = IntervalTimetable(place.at, step, first_k)
    timetable = WindowedTimetable(inner, None, ticks[-1] + SECOND, holes_of(dates, zone))
    nows = [place.at + step * count * part for part in where]
    check(Jitter(timedelta(seconds=width), seed), timetable, left, nows)


@settings(max_examples=60, suppress_health_check=QUIET)
@given(place=places, template=often, width=widths, seed=seeds, part=st.floats(0, 1))
def test_without_bounds(place: Place, template: str, width: int, seed: str, part: float) -> None:
    """A start is less than half a gap late, so the times of five days on both sides are enough to know."""
    text, zone = Near(place)(template), load_zone(place.zone)
    times = union([text], zone, Dst(), place.at - 5 * DAY, place.at + 5 * DAY)
    timetable, jitter = CronTimetable([parse_cron(text)], zone), Jitter(timedelta(seconds=width), seed)
    now = place.at + DAY * (2 * part - 1)
    known = [at for at in times if abs(at - now) < 3 * DAY]
    check_questions(jitter, timetable, known, [jitter.start_of(at, timetable) for at in known], now)


@pytest.mark.parametrize("jitter", [NO_JITTER, Jitter(timedelta(), "default/report"), Jitter(SECOND, "default/report")])
def test_none(jitter: Jitter) -> None:
    now, hour = utc("2026-01-01T00:00"), timedelta(hours=1)
    timetable = IntervalTimetable(now, hour)
    assert jitter.start_of(now + hour, timetable) == now + hour
    assert jitter.latest_started(timetable, now + hour - MICROSECOND) is None
    assert jitter.latest_started(timetable, now + hour) == now + hour
    assert next_start(jitter, timetable, now + hour) == now + 2 * hour


def test_never_due() -> None:
    jitter, now = Jitter(timedelta(hours=1), "default/report"), utc("2026-01-01T00:00")
    assert jitter.latest_started(OnDemand(), now) is None
    assert next_start(jitter, OnDemand(), now) is None


def test_a_thousand_tasks_at_midnight_spread_over_the_width() -> None:
    midnight, width = utc("2026-01-02T00:00"), timedelta(minutes=10)
    timetable = CronTimetable([parse_cron("0 0 * * *")], load_zone("UTC"))
    starts = [Jitter(width, f"default/task-{n}").start_of(midnight, timetable) for n in range(1000)]
    for part in range(10):
        assert 60 <= sum((start - midnight) // (width / 10) == part for start in starts) <= 150


def test_a_task_starts_at_another_second_each_day() -> None:
    timetable = CronTimetable([parse_cron("0 0 * * *")], load_zone("UTC"))
    times = timetable.upcoming(utc("2026-01-01T00:00"), 200)
    jitter = Jitter(timedelta(hours=1), "default/report")
    assert len({jitter.start_of(at, timetable) - at for at in times}) > 150
