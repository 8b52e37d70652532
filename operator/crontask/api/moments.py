"""Durations and times as they are written: `1h30m`, RFC 3339 in UTC. Without pydantic: for the client too."""

import re
from datetime import UTC, datetime, timedelta

from crontask.api.written import shown

DURATION_PATTERN = r"^([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$"
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_WRITTEN_TIME = "%04d-%02d-%02dT%02d:%02d:%02dZ"
LONGEST = timedelta(days=3660)
LATEST_PAST = timedelta(seconds=60)
"""A run whose `at` is earlier than its creation by more than that has failed, unless that is asked for."""


def parse_duration(text: object) -> timedelta:
    """`90s`, `1h30m`, `2d` as a timedelta of whole seconds. Raises ValueError with what to write instead."""
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if match is None:
        raise ValueError(f"{shown(text)} is not a duration; write it like 90s, 5m, 1h30m or 2d")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = days * 86400 + hours * 3600 + minutes * 60 + seconds
    if total > LONGEST.total_seconds():
        raise ValueError(f"{shown(text)} is longer than ten years; write a shorter duration")
    return timedelta(seconds=total)


def format_duration(duration: timedelta) -> str:
    """A timedelta as `1h30m`, to the second, never negative."""
    seconds = max(0, round(duration.total_seconds()))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def format_time(instant: datetime) -> str:
    """A UTC instant as RFC 3339, to the second, as the API server writes it."""
    utc = instant.astimezone(UTC)
    # In a status are dozens of times: half the time of isoformat. And strftime would write a year before 1000 with
    # fewer than four digits.
    return _WRITTEN_TIME % (utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second)


def format_micro_time(instant: datetime) -> str:
    """A UTC instant as RFC 3339 with microseconds, as the API server writes what needs them."""
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
