"""Times as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from crontask.client.timing import distance, took

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (61, "1m1s"),
        (3600 + 30 * 60 + 5, "1h30m"),
        # Not 1h33s, which is read as minutes.
        (3633, "1h"),
        (86400 + 60, "1d"),
        (400 * 86400 + 13, "400d"),
        (86400 + 3600, "1d1h"),
    ],
)
def test_how_long_ago_or_ahead(seconds: int, text: str) -> None:
    at = NOW - timedelta(seconds=seconds)
    assert distance(at, NOW) == f"{text} ago"
    assert took(at.isoformat(), None, NOW) == text
    if seconds:
        assert distance(NOW + timedelta(seconds=seconds), NOW) == f"in {text}"
