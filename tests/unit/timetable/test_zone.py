"""Zones: what is accepted, what is suggested, and that the offset changes found are all there are."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from crontask.timetable import ZoneError, load_zone, zone_names
from crontask.timetable.zone import FIRST_YEAR, LAST_YEAR, segments
from crontask.timetable.zone_advice import ABBREVIATIONS, ANY_NAME, CITIES


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
        ("Z", "write UTC"),
        (
            "GMT+2",
            "write Etc/GMT-2, which is always 2h ahead of UTC (the sign in these names is reversed), or a city",
        ),
        ("UTC+2", "write Etc/GMT-2, which is always 2h ahead of UTC"),
        ("utc +02:00", "write Etc/GMT-2, which is always 2h ahead of UTC"),
        ("+0200", "write Etc/GMT-2, which is always 2h ahead of UTC"),
        ("GMT-8", "write Etc/GMT+8, which is always 8h behind UTC"),
        ("UTC\N{MINUS SIGN}8", "write Etc/GMT+8, which is always 8h behind UTC"),
        ("Etc/GMT+02", "write Etc/GMT+2, which is 2h behind UTC"),
        ("UTC-12", "write Etc/GMT+12, which is always 12h behind UTC (the sign in these names is reversed)"),
        ("+05:30", "write a city with that offset, e.g. Asia/Kolkata"),
        ("UTC-05:30", "no zone has that offset; write an IANA name"),
        ("GMT+15", "no zone has that offset; write an IANA name"),
        ("UTC+0", "write UTC"),
        ("CEST", "write a city: Europe/Berlin or Europe/Paris"),
        ("PST", "write a city: America/Los_Angeles"),
        ("CST", "write a city: America/Chicago or Asia/Shanghai"),
        ("cst6cdt", "write CST6CDT"),
        ("CET-1CEST", "write CET"),
        ("PST8PDT,M3.2.0,M11.1.0", "write PST8PDT"),
        ("PST8", "write a city: America/Los_Angeles"),
    ],
)
def test_refused(name: str, fix: str) -> None:
    with pytest.raises(ZoneError) as refused:
        load_zone(name)
    assert refused.value.fix.startswith(fix)
    assert repr(name) in refused.value.message or not name


@pytest.mark.parametrize("offset", [(h, m) for h in range(-14, 16) for m in (0, 15, 30, 45)])
def test_what_is_advised_for_an_offset_has_just_that(offset: tuple[int, int]) -> None:
    hours, minutes = offset
    wanted = timedelta(hours=hours, minutes=-minutes if hours < 0 else minutes)
    with pytest.raises(ZoneError) as refused:
        load_zone(f"UTC{hours:+03}:{minutes:02}")
    named = re.findall(r"[A-Z]\w+/[\w/+-]+", refused.value.fix.removesuffix(ANY_NAME))
    year = {datetime(2026, month, 15, tzinfo=UTC) for month in range(1, 13)}
    for name in named:
        zone = load_zone(name)
        offsets = {at.astimezone(zone).utcoffset() or timedelta() for at in year}
        assert offsets == {wanted} if name.startswith("Etc/") else wanted == min(offsets), name
    assert named or refused.value.fix.endswith(ANY_NAME) or not wanted


def test_what_is_advised_for_an_abbreviation_is_a_zone() -> None:
    assert {city for cities in ABBREVIATIONS.values() for city in cities} <= zone_names()
    assert set(CITIES.values()) <= zone_names()
    assert not {name.lower() for name in zone_names()} & ABBREVIATIONS.keys()


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
