"""What all models share: camelCase names, immutability, and the types of durations and times."""

from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from crontask.api.times import (
    DURATION_PATTERN,
    FIRST_YEAR,
    LATEST_YEAR,
    LONGEST,
    OUTSIDE_DATE,
    OUTSIDE_TIME,
    cut,
    date_of,
    format_duration,
    format_micro_time,
    format_time,
    in_utc,
    parse_duration,
    time_of,
    within_reach,
)

__all__ = [
    "API_VERSION",
    "DURATION_PATTERN",
    "FIRST_YEAR",
    "GROUP",
    "LATEST_YEAR",
    "LONGEST",
    "OUTSIDE_DATE",
    "OUTSIDE_TIME",
    "VERSION",
    "Count",
    "CountFromOne",
    "Date",
    "Duration",
    "MicroTime",
    "Model",
    "RecordedTime",
    "Seconds",
    "Time",
    "cut",
    "format_duration",
    "format_micro_time",
    "format_time",
    "parse_duration",
    "within_reach",
]

GROUP = "crontask.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


class Model(BaseModel):
    """A part of an object: frozen, camelCase outside, and deaf to fields that it does not know (newer versions)."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, frozen=True)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "minLength": 2, "maxLength": 40}),
]
Time = Annotated[
    datetime,
    BeforeValidator(time_of),
    AfterValidator(in_utc),
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
Date = Annotated[date, BeforeValidator(date_of), WithJsonSchema({"type": "string", "format": "date"})]
MicroTime = Annotated[
    datetime,
    AfterValidator(in_utc),
    AfterValidator(within_reach),
    PlainSerializer(format_micro_time),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
