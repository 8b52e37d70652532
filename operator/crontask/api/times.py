"""Durations and times as texts, as the API has them. Without pydantic, which the client does not load."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from crontask.api.written import shown

DURATION_PATTERN = r"^([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$"
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
# As the API server reads the formats date-time and date; pydantic alone would take much more, like seconds since 1970.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_WRITTEN_TIME = "%04d-%02d-%02dT%02d:%02d:%02dZ"
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# Days begin at midnight in UTC, as dates do.
_DAYS_AGO = {"today": 0, "yesterday": 1}
LONGEST = timedelta(days=3660)
LATEST_PAST = timedelta(seconds=60)
"""A run whose `at` is earlier than its creation by more than that has failed, unless that is asked for."""
# Of times and dates in a spec: what is wrong, and what to write instead.
FIRST_YEAR = 1970
OUTSIDE_TIME = ("is before 1970 or after 9999", "write a time in between, like 2026-03-29T01:00:00Z")
# The last year from which any duration leads to another time.
LATEST_YEAR = 9899
_REACH = (datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LATEST_YEAR + 1, 1, 1, tzinfo=UTC))
OUTSIDE_DATE = ("is before 1970", "write a date like 2026-12-24")


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


def cut(text: str, longest: int) -> str:
    """The text, or as much of it as fits."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


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


def time_of(text: object) -> object:
    """A time of an object; what is no text as it is. Raises ValueError with what to write instead."""
    return _parsed(text, _TIME, datetime.fromisoformat, "time; write it in UTC, like 2026-03-29T01:00:00Z")


def parse_time(value: object) -> datetime:
    """An instant in UTC, to the second. Raises ValueError with what to write instead."""
    if isinstance(value, datetime):
        return value
    text = str(value).strip()
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time; write it in RFC 3339, like 2026-03-29T01:00:00Z") from None
    if instant.tzinfo is None:
        if len(text) > len("2026-03-29"):
            raise ValueError(f"{text!r} has no zone; write {text}Z for UTC, or an offset like +02:00")
        instant = instant.replace(tzinfo=UTC)
    try:
        utc = instant.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        utc = None
    if utc is None or utc.year < FIRST_YEAR:
        raise ValueError(f"{text!r} {'; '.join(OUTSIDE_TIME)}")
    return utc


def parse_since(value: object, now: datetime) -> datetime:
    """An instant, or how long before `now` it was: `2026-03-29`, `7d`, `-7d`, `yesterday`. Raises ValueError."""
    text = str(value).strip()
    if text in _DAYS_AGO:
        return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=_DAYS_AGO[text])
    if text[:4].isdigit() and "-" in text:
        return parse_time(text)
    return now - parse_duration(text.removeprefix("-"))


def date_of(text: object) -> object:
    """A date of an object, likewise."""
    return _parsed(text, _DATE, date.fromisoformat, "date; write it like 2026-12-24")


def _parsed(text: object, form: re.Pattern[str], read: Callable[[str], date], what: str) -> object:
    """What is no text as it is: the model says so. Raises ValueError with what to write instead."""
    if not isinstance(text, str):
        return text
    try:
        if form.fullmatch(text):
            return read(text)
        why = _why_no_day(text)
    except ValueError:
        why = _why_no_day(text)
    name, _, fix = what.partition(";")
    raise ValueError(f"{shown(text)} is not a {name}{why};{fix}")


def _why_no_day(text: str) -> str:
    """Why the date at the beginning of the text does not exist; nothing where it is something else."""
    match = _DATE.match(text)
    year, month, day = map(int, match[0].split("-")) if match is not None else (0, 0, 0)
    if not year or not 1 <= month <= 12 or 1 <= day <= monthrange(year, month)[1]:
        return ""
    return f": {year:04d}-{month:02d} has {monthrange(year, month)[1]} days"


def format_micro_time(instant: datetime) -> str:
    """A UTC instant as RFC 3339 with microseconds, as the API server writes what needs them."""
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def in_utc(instant: datetime) -> datetime:
    """The instant in UTC. Raises ValueError where it has no zone, or there is no such time."""
    if instant.tzinfo is None:
        raise ValueError("the time has no zone; write it in UTC, like 2026-03-29T01:00:00Z")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("; ".join(OUTSIDE_TIME)) from None


def within_reach(instant: datetime) -> datetime:
    """The instant, or the nearest one from which any duration leads to another."""
    return min(max(instant, _REACH[0]), _REACH[1])
