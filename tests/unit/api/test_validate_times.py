"""A schedule that never comes is refused, for the bound that leaves nothing; any other is not."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timetable_oracle import QUIET, tally, union
from timetable_strategies import Near, Place, accepted, midnights, near_dates, places, policies, templates

from crontask.api.base import format_time
from crontask.api.validate import validate_task
from crontask.timetable import Dst, load_zone

HANDLER = {"container": {"image": "busybox:1.36"}}
BERLIN = {"timeZone": "Europe/Berlin"}
IN_THE_GAP = {**BERLIN, "schedule": "30 2 * 3 L7"}
SKIP = {"dst": {"missing": "Skip"}}
WINDOW = {"startTime": "2026-06-01T10:00:00Z", "endTime": "2026-06-02T09:00:00Z"}
JUNE = [{"from": "2026-06-01", "to": "2026-06-30"}]


def told(spec: dict[str, Any]) -> list[str]:
    return [str(problem) for problem in validate_task({**spec, "handler": HANDLER}, "n/t")[1]]


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (
            {**IN_THE_GAP, **SKIP},
            "spec.schedule: never comes: the clock of Europe/Berlin leaves out its time, and dst.missing is Skip; "
            "write dst: {missing: Shift}, or another time",
        ),
        (
            {**BERLIN, **SKIP, "schedules": ["0 9 * * *", "30 2 * 3 L7"]},
            "spec.schedules[1]: never comes: the clock of Europe/Berlin leaves out its time, and dst.missing is Skip; "
            "write dst: {missing: Shift}, or another time",
        ),
        (
            {"schedule": "0 9 * * *", **WINDOW},
            "spec.endTime: no time of the schedule comes between startTime and endTime; write an endTime after "
            "2026-06-02T09:00:00Z",
        ),
        (
            {"schedules": ["0 0 1W 7 *", "0 0 L-3 8 *"], "endTime": "2026-02-01T00:00:00Z"},
            "spec.endTime: no time of the schedule comes before endTime; write an endTime after 2026-07-01T00:00:00Z",
        ),
        (
            {"schedule": "0 9 * * *", "startTime": "9999-12-31T10:00:00Z"},
            "spec.startTime: no time of the schedule comes from startTime on; write an earlier startTime",
        ),
        (
            {"schedule": "0 9 1-5 * *", **WINDOW, "endTime": "2026-07-01T00:00:00Z", "skip": JUNE},
            "spec.skip: leaves out each time of the schedule between startTime and endTime; remove some of the dates",
        ),
        (
            {"interval": "1h", **WINDOW, "skip": JUNE},
            "spec.skip: leaves out each time of the schedule between startTime and endTime; remove some of the dates",
        ),
        (
            {"schedule": "0 9 * * *", "skip": [{"from": "2000-01-01", "to": "9999-12-31"}]},
            "spec.skip: leaves out each time of the schedule; remove some of the dates",
        ),
    ],
)
def test_what_never_comes_is_refused_with_the_reason(spec: dict[str, Any], problem: str) -> None:
    assert told(spec) == [problem]


@pytest.mark.parametrize(
    "spec",
    [
        IN_THE_GAP,
        {**IN_THE_GAP, **SKIP, "timeZone": "Asia/Tokyo"},
        # In 1970 that clock did not change.
        {**IN_THE_GAP, **SKIP, "startTime": "1970-01-01T00:00:00Z"},
        {"schedule": "0 9 * * *", **WINDOW, "endTime": "2026-06-02T09:00:01Z"},
        {"schedule": "0 9 * * *", "startTime": "2026-06-01T09:00:00Z", "endTime": "2026-06-01T09:00:01Z"},
        {"schedule": "0 0 1 6 *", "endTime": "2020-01-01T00:00:00Z"},
        {"schedule": "0 9 * * *", "skip": [{"from": "2000-01-01", "to": "2500-12-31"}]},
        {"interval": "1h", "endTime": "2020-01-01T00:00:00Z", "skip": JUNE},
        {"interval": "1h", **WINDOW},
        {"delay": "1h", **WINDOW},
        {**WINDOW, "skip": JUNE},
    ],
)
def test_what_comes_at_times_is_accepted(spec: dict[str, Any]) -> None:
    assert told(spec) == []


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (
            {"schedule": ""},
            "spec.schedule: the expression is empty; write five fields: minute hour day-of-month month day-of-week, "
            "e.g. 0 3 * * mon-fri",
        ),
        (
            {"schedules": ["0 9 * * *", ""]},
            "spec.schedules[1]: the expression is empty; write five fields: minute hour day-of-month month "
            "day-of-week, e.g. 0 3 * * mon-fri",
        ),
        (
            {"schedule": f"{'0,' * 146} * * * *"},
            "spec.schedule: the expression has 300 characters, over 256; write ranges and steps instead of long lists, "
            "or several schedules",
        ),
    ],
)
def test_an_expression_of_a_wrong_length_is_refused_in_words(spec: dict[str, Any], problem: str) -> None:
    assert told(spec) == [problem]


@settings(max_examples=150, suppress_health_check=QUIET)
@given(
    place=st.one_of(places, midnights),
    group=st.lists(templates, min_size=1, max_size=3),
    before=st.integers(0, 60),
    after=st.integers(1, 60),
    skip=st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2)), max_size=2),
    dst=policies,
)
def test_refused_is_just_what_the_oracle_finds_empty(
    place: Place, group: list[str], before: int, after: int, skip: list[tuple[int, int]], dst: Dst
) -> None:
    texts = [text for text in map(Near(place), group) if accepted(text)]
    if not texts:
        return
    zone = load_zone(place.zone)
    start, end = place.at - timedelta(hours=before), place.at + timedelta(hours=after)
    dates = near_dates(place, skip)
    times = union(texts, zone, dst, start - timedelta(seconds=1), end - timedelta(seconds=1), long=True)
    left = [time for time in times if not any(a <= time.astimezone(zone).date() <= b for a, b in dates)]
    spec = {
        "schedules": texts,
        "timeZone": place.zone,
        "dst": {"missing": dst.missing, "repeated": dst.repeated},
        "startTime": format_time(start),
        "endTime": format_time(end),
        "skip": [{"from": str(first), "to": str(last)} for first, last in dates],
    }
    problems = [problem for problem in told(spec) if "spec.schedules[" not in problem]
    if problems:
        assert not left, (spec, problems)
        assert problems[0].startswith("spec.skip" if times else "spec.endTime")
        tally["windows that leave nothing"] += 1
    else:
        assert left or told(spec), spec
        tally["windows that leave something"] += 1
