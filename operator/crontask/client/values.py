"""Python values as the API has them: JSON, durations like `1h30m`, times in UTC. Pure.

What would be read as something else than was meant is refused: times without a zone, numbers where a duration is meant,
fractions of a second, floats. Called by `actions` and by the SDK.
"""

import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from crontask.api.numbers import NO_TEXT, NO_WHOLE, WHOLE, is_text, visible
from crontask.api.times import FIRST_YEAR, OUTSIDE_TIME, format_duration, format_time, in_utc, parse_duration, time_of
from crontask.client.errors import BadInput

Duration = timedelta | str
Instant = datetime | str

_SECOND = timedelta(seconds=1)
_TIME_FIX = "write datetime(2026, 3, 29, 1, 0, tzinfo=UTC), or 2026-03-29T01:00:00Z"
# Whatever stands below is the handler's own, in which numbers may have fractions.
_FREE = frozenset({"args", "argsSchema", "resultSchema", "items", "cursor", "value", "equals", "oneOf"})
_DEEPEST = 190


def duration(value: object, where: str) -> str:
    """As the API has it. Raises BadInput for numbers, fractions of a second, and what is below zero."""
    if isinstance(value, timedelta):
        if value < timedelta(0) or value % _SECOND:
            raise BadInput(where, f"{value} is not a duration of whole seconds", "write timedelta(seconds=90)")
        return format_duration(value)
    if not isinstance(value, str):
        raise BadInput(where, f"{_shown(value)} is not a duration", "write timedelta(seconds=90), or 90s")
    try:
        parse_duration(value)
    except ValueError as error:
        problem, _, fix = str(error).partition("; ")
        raise BadInput(where, problem, fix) from None
    return value


def instant(value: object, where: str) -> str:
    """As the API has it, in UTC; between two seconds it is the later one, for nothing starts before its time."""
    return format_time(moment(value, where))


def moment(value: object, where: str) -> datetime:
    """The instant, to the second, in UTC. Raises BadInput for a time without a zone, and for what is no time."""
    try:
        found = time_of(value)
        if not isinstance(found, datetime):
            raise BadInput(where, f"{_shown(value)} is not a time", _TIME_FIX)
        if found.utcoffset() is None:
            raise BadInput(where, f"{value} has no time zone, so that it could be any of 26 hours", _TIME_FIX)
        whole = in_utc(found)
        whole = whole.replace(microsecond=0) + _SECOND if whole.microsecond else whole
    except (ValueError, OverflowError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(where, str(error).partition(";")[0], _TIME_FIX) from None
    if whole.year < FIRST_YEAR:
        raise BadInput(where, *OUTSIDE_TIME)
    return whole


def plain(value: Any, where: str, *, free: bool = False, depth: int = 0) -> Any:
    """The value as JSON has it. `free`: within what belongs to the handler alone.

    Models (pydantic) are written with the fields that were set; durations, times and enumerations as the API has them.
    """
    if depth > _DEEPEST:
        raise BadInput(where, "is nested too deeply", "write a flatter value")
    if isinstance(value, Enum):
        return plain(value.value, where, free=free, depth=depth + 1)
    if isinstance(value, timedelta):
        return duration(value, where)
    if isinstance(value, datetime):
        return instant(value, where)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, bool | int) or value is None:
        if value is not None and value not in WHOLE:
            raise BadInput(where, *NO_WHOLE)
        return value
    if isinstance(value, float):
        return _float(value, where, free)
    if hasattr(value, "model_dump"):
        # By what was set, so that defaults stay the operator's.
        return plain(value.model_dump(mode="json", by_alias=True, exclude_unset=True), where, free=True, depth=depth)
    if isinstance(value, Mapping):
        return {
            _key(key, where): plain(inner, f"{where}.{key}", free=free or key in _FREE, depth=depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(inner, f"{where}[{index}]", free=free, depth=depth + 1) for index, inner in enumerate(value)]
    raise BadInput(where, f"{_shown(value)} is not a value that JSON has", "write text, a number, a list or a dict")


def _float(value: float, where: str, free: bool) -> float:
    if not math.isfinite(value):
        raise BadInput(where, f"{value} is not a value that JSON has", "write a finite number, or None")
    if not free:
        raise BadInput(where, f"{value} is a float, which no field takes", "write a whole number, or a duration")
    return value


def _text(value: str, where: str) -> str:
    if not is_text(value):
        raise BadInput(where, *NO_TEXT)
    return value


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise BadInput(where, f"the key {_shown(key)} is not text", "write it in quotes")
    return _text(key, f"{where}.{visible(key)}")


def _shown(value: object) -> str:
    """The value in a message, with its type where that is what is wrong."""
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:59] + '…'} ({type(value).__name__})"
