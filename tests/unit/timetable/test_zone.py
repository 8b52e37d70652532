"""Zones: what is accepted, what is suggested, and that the offset changes found are all there are."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from crontask.timetable import ZoneError, load_zone, zone_names
from crontask.timetable.zone import FIRST_YEAR, LAST_YEAR, segments


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Etc/GMT+5", "US/Pacific"])
def test_accepted(name: str) -> None:
    zone = load_zone(name)
    assert zone.key == name
    assert load_zone(name) is zone


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("europe/berlin", "write Europe/Berlin"),
        ("utc", "write UTC"),
        ("Berlin", "did you mean Europe/Berlin?"),
        ("New York", "did you mean America/New_York?"),
        ("Europe/Berln", "did you mean Europe/Berlin"),
        ("Germany/Berlin", "did you mean Europe/Berlin"),
        ("Mars/Olympus", "write an IANA name, e.g. Europe/Berlin, or UTC"),
        ("", "leave timeZone out for UTC, or write an IANA name"),
        ("../../etc/passwd", "write an IANA name"),
        ("/etc/localtime", "write an IANA name"),
        ("Local", "write an IANA name"),
        ("+02:00", "write an IANA name"),
    ],
)
def test_refused(name: str, fix: str) -> None:
    with pytest.raises(ZoneError) as refused:
        load_zone(name)
    assert refused.value.fix.startswith(fix)
    assert repr(name) in refused.value.message or not name


def test_every_name_loads() -> None:
    assert len(zone_names()) > 500
    assert {load_zone(name).key for name in zone_names()} == zone_names()


@pytest.mark.parametrize(
    ("name", "year", "changes"),
    [
        ("UTC", 2026, []),
        ("Asia/Kolkata", 2026, []),
        ("Europe/Berlin", 2026, [("2026-03-29T01:00:00", 7200), ("2026-10-25T01:00:00", 3600)]),
        ("Europe/Dublin", 2026, [("2026-03-29T01:00:00", 3600), ("2026-10-25T01:00:00", 0)]),
        ("Australia/Lord_Howe", 2026, [("2026-04-04T15:00:00", 37800), ("2026-10-03T15:30:00", 39600)]),
        ("Africa/Casablanca", 2025, [("2025-02-23T02:00:00", 0), ("2025-04-06T02:00:00", 3600)]),
        (
            "Pacific/Apia",
            2011,
            [("2011-04-02T14:00:00", -39600), ("2011-09-24T14:00:00", -36000), ("2011-12-30T10:00:00", 50400)],
        ),
        ("Asia/Dhaka", 2009, [("2009-06-19T17:00:00", 25200), ("2009-12-31T17:00:00", 21600)]),
        ("Africa/Monrovia", 1972, [("1972-01-07T00:44:30", 0)]),
        ("Etc/GMT+5", 2026, []),
        ("Pacific/Kiritimati", 1994, [("1994-12-31T10:00:00", 50400)]),
    ],
)
def test_changes_of_a_year(name: str, year: int, changes: list[tuple[str, int]]) -> None:
    found = [
        (datetime.fromtimestamp(each.start, UTC).strftime("%Y-%m-%dT%H:%M:%S"), each.offset)
        for each in segments(load_zone(name), year)
        if each.offset != each.before
    ]
    assert found == changes


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "Africa/Casablanca", "Pacific/Apia", "America/Juneau", "Asia/Manila"]
)
def test_segments_tile_the_years_and_hold_one_offset(name: str) -> None:
    zone = load_zone(name)
    tiles = [each for year in [*range(1840, 1846), *range(1990, 2013)] for each in segments(zone, year)]
    for left, right in pairwise(tiles):
        assert left.end == right.start or right.start - left.end > 100 * 365 * 86400
        assert left.end != right.start or left.offset == right.before
        assert right.seen >= right.start + right.before
    for tile in tiles:
        for second in range(tile.start, tile.end, 6 * 3600 + 1):
            assert datetime.fromtimestamp(second, zone).utcoffset() == timedelta(seconds=tile.offset)


@pytest.mark.parametrize("year", [FIRST_YEAR, LAST_YEAR])
def test_the_ends_of_the_calendar(year: int) -> None:
    assert segments(load_zone("Pacific/Kiritimati"), year)
    assert segments(load_zone("America/Adak"), year)
