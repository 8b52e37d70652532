"""What all models share: camelCase names, immutability, and the types of durations and times."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from crontask.api.written import shown

GROUP = "crontask.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

DURATION_PATTERN = r"^([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$"
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
# As the API server reads the formats date-time and date; pydantic alone would take much more, like seconds since 1970.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_WRITTEN_TIME = "%04d-%02d-%02dT%02d:%02d:%02dZ"
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
LONGEST = timedelta(days=3660)
# Of times and dates in a spec: what is wrong, and what to write instead.
FIRST_YEAR = 1970
OUTSIDE_TIME = ("is before 1970 or after 9999", "write a time in between, like 2026-03-29T01:00:00Z")
# The last year from which any duration leads to another time.
LATEST_YEAR = 9899
_REACH = (datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LATEST_YEAR + 1, 1, 1, tzinfo=UTC))
OUTSIDE_DATE = ("is before 1970", "write a date like 2026-12-24")


class Model(BaseModel):
    """A part of an object: frozen, camelCase outside, and deaf to fields that it does not know (newer versions)."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, frozen=True)


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


def _parse_time(text: object) -> object:
    return _parsed(text, _TIME, datetime.fromisoformat, "time; write it in UTC, like 2026-03-29T01:00:00Z")


def _parse_date(text: object) -> object:
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


def _in_utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("the time has no zone; write it in UTC, like 2026-03-29T01:00:00Z")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("; ".join(OUTSIDE_TIME)) from None


def within_reach(instant: datetime) -> datetime:
    """The instant, or the nearest one from which any duration leads to another."""
    return min(max(instant, _REACH[0]), _REACH[1])


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "minLength": 2, "maxLength": 40}),
]
Time = Annotated[
    datetime,
    BeforeValidator(_parse_time),
    AfterValidator(_in_utc),
    PlainSerializer(format_time),
    # In lower case CEL does not read it, and would refuse each later change of the object.
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": "^[^tz]*$"}),
]
# Of a status, which somebody may have mangled: so far from the ends of time that no sum with a duration is past them.
RecordedTime = Annotated[Time, AfterValidator(within_reach)]
# A number that only grows, of a status: what somebody has set to the largest that fits could not be counted on from.
_MOST = 10**15
_bounded = AfterValidator(lambda number: number if number <= 2 * _MOST else _MOST)
Count = Annotated[int, Field(ge=0), _bounded]
CountFromOne = Annotated[int, Field(ge=1), _bounded]
# So many at most that the time they lead to, from any that is recorded, is one.
_LONGEST_SECONDS = int(LONGEST.total_seconds())
Seconds = Annotated[int, Field(ge=0), AfterValidator(lambda number: min(number, _LONGEST_SECONDS))]
Date = Annotated[date, BeforeValidator(_parse_date), WithJsonSchema({"type": "string", "format": "date"})]
MicroTime = Annotated[
    datetime,
    AfterValidator(_in_utc),
    AfterValidator(within_reach),
    PlainSerializer(format_micro_time),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
