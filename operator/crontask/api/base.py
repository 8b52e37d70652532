"""What all models share: camelCase names, immutability, and the types of durations and times."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from crontask.api.moments import DURATION_PATTERN as DURATION_PATTERN
from crontask.api.moments import LONGEST as LONGEST
from crontask.api.moments import format_duration as format_duration
from crontask.api.moments import format_micro_time as format_micro_time
from crontask.api.moments import format_time as format_time
from crontask.api.moments import parse_duration as parse_duration
from crontask.api.written import shown

GROUP = "crontask.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

# As the API server reads the formats date-time and date; pydantic alone would take much more, like seconds since 1970.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
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


def cut(text: str, longest: int) -> str:
    """The text, or as much of it as fits."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


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
