"""Times as the page shows them."""

from datetime import UTC, datetime, timedelta

import pytest

from crontask.dashboard.moments import Clock, Moment, is_zone

NOW = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)


def moment(time: object, zone: str = "UTC", choice: str = "task") -> Moment:
    found = Clock(NOW, choice).moment(time, zone)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("time", "zone", "choice", "short", "exact"),
    [
        ("2026-03-28T23:31:00Z", "UTC", "task", "23:31:00 UTC", "Sat 28 Mar 2026 23:31:00 UTC"),
        (
            "2026-03-28T23:31:00Z",
            "Europe/Berlin",
            "task",
            "00:31:00 CET",
            "Sun 29 Mar 2026 00:31:00 Europe/Berlin (CET)",
        ),
        # After the clocks have changed, of the same day.
        (
            "2026-03-29T01:00:00Z",
            "Europe/Berlin",
            "task",
            "03:00:00 CEST",
            "Sun 29 Mar 2026 03:00:00 Europe/Berlin (CEST)",
        ),
        ("2026-03-29T01:00:00Z", "Europe/Berlin", "UTC", "Sun 01:00:00 UTC", "Sun 29 Mar 2026 01:00:00 UTC"),
        ("2026-03-29T01:00:00Z", "UTC", "Asia/Tokyo", "10:00:00 JST", "Sun 29 Mar 2026 10:00:00 Asia/Tokyo (JST)"),
        ("2026-05-01T00:00:00Z", "UTC", "task", "01 May 00:00:00 UTC", "Fri 01 May 2026 00:00:00 UTC"),
        ("2027-05-01T00:00:00Z", "UTC", "task", "01 May 2027 00:00:00 UTC", "Sat 01 May 2027 00:00:00 UTC"),
        # A zone that nobody knows: the task says what is wrong.
        ("2026-03-28T23:31:00Z", "Mars/Base", "task", "23:31:00 UTC", "Sat 28 Mar 2026 23:31:00 UTC"),
    ],
)
def test_a_time_and_its_zone(time: str, zone: str, choice: str, short: str, exact: str) -> None:
    found = moment(time, zone, choice)
    assert (found.short, found.exact) == (short, exact)


def test_how_far_it_is() -> None:
    assert moment(NOW + timedelta(minutes=5)).relative == "in 5m"
    assert moment(NOW - timedelta(hours=2, minutes=3, seconds=4)).relative == "2h3m ago"
    assert moment(NOW + timedelta(seconds=1)).ahead
    assert moment(NOW).iso == "2026-03-28T23:30:00Z"


@pytest.mark.parametrize("time", [None, "", "soon", 12, {}, "9999-12-31T23:59:59Z"])
def test_what_is_no_time_is_none(time: object) -> None:
    found = Clock(NOW, "Pacific/Kiritimati").moment(time)
    assert found is None


def test_zones() -> None:
    assert is_zone("Europe/Berlin")
    assert not is_zone("../../etc/passwd")
    assert not is_zone("")
