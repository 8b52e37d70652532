"""What a field takes, by its schema: described, as an example, and as what somebody meant who wrote something else."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import Any

from crontask.api.base import DURATION_PATTERN, FIRST_YEAR, format_duration, format_time
from crontask.api.structure import SHORTHAND, Schema
from crontask.api.written import as_yaml, one_of

_EXAMPLES = {"duration": "5m", "date-time": "2026-03-29T01:00:00Z", "date": "2026-12-24"}
_NOUNS = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "a string",
    "array": "a list",
    "object": "an object",
    "duration": "a duration",
    "date-time": "a time",
    "date": "a date",
}
_HOW_TO_WRITE = {
    "boolean": "true or false",
    "duration": "it like 90s, 5m, 1h30m or 2d",
    "date-time": "it in UTC, like 2026-03-29T01:00:00Z",
    "date": "it like 2026-12-24",
}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_QUANTITY = re.compile(
    r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*"
    r"(weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)(?:\s*,?\s*(?:and\s+)?)",
    re.ASCII | re.IGNORECASE,
)
_TRUE, _FALSE = ("true", "yes", "y", "on", "1"), ("false", "no", "n", "off", "0")


def kind_of(schema: Schema) -> str:
    """Its JSON type, or what kind of string it is; empty for what takes anything."""
    if schema.get("pattern") == DURATION_PATTERN:
        return "duration"
    return str(schema.get("format") if schema.get("format") in _EXAMPLES else schema.get("type", ""))


def noun(schema: Schema) -> str:
    """What it takes, as in `must be …`."""
    if "enum" in schema:
        return one_of(list(map(as_yaml, schema["enum"])))
    kind = kind_of(schema)
    if "pattern" in schema and kind == "string" and schema.get("examples"):
        return f"a string like {one_of([as_yaml(example) for example in schema['examples']])}"
    return _NOUNS.get(kind, "another value")


def how_to_write(schema: Schema) -> str | None:
    """What to write, where nobody knows what was meant: a description; None where an example says more."""
    kind = kind_of(schema)
    if kind == "integer" and "minimum" in schema:
        least, most = schema["minimum"], schema.get("maximum")
        return f"write a number from {least} to {most}" if most is not None else f"write a number from {least} on"
    return f"write {_HOW_TO_WRITE[kind]}" if kind in _HOW_TO_WRITE else None


def entry(key: str, value: Any) -> str:
    """A field with its value on one line of YAML; of an item of a list, which has no key, the value."""
    return f"{key}: {as_yaml(value)}" if key else as_yaml(value)


def examples_of(schema: Schema) -> list[Any]:
    """Values that it takes, the plainest first; none for what takes anything."""
    example = example_of(schema)
    return list(schema.get("examples") or ([example] if example is not None else []))


def example_of(schema: Schema) -> Any:
    """A value that it takes; None for what takes anything."""
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    kind = kind_of(schema)
    if kind in _EXAMPLES:
        return _EXAMPLES[kind]
    if kind == "object":
        properties = schema.get("properties", {})
        wanted = schema.get("required") or list(properties)[:1]
        return {name: example_of(properties[name]) for name in wanted if name in properties}
    if kind == "array":
        return [example_of(schema["items"])]
    if kind == "string":
        return str(schema["default"]) if schema.get("default") else None
    return {"boolean": True, "integer": schema.get("minimum", 1)}.get(kind)


def stand_ins(schema: Schema) -> tuple[Any, Any]:
    """Two values that it takes, as different as can be, instead of one that it does not take."""
    kind = kind_of(schema)
    if "enum" in schema:
        return schema["enum"][0], schema["enum"][-1]
    if kind == "integer":
        return schema.get("minimum", 0), schema.get("maximum", 1)
    if kind == "boolean":
        return False, True
    if kind in ("date-time", "date"):
        first, last = f"{FIRST_YEAR}-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
        return (first, last) if kind == "date-time" else (first[:10], last[:10])
    if kind == "string" and "pattern" not in schema:
        return "a" * max(1, schema.get("minLength", 1)), "b" * max(1, schema.get("minLength", 1))
    example = example_of(schema)
    return ({} if kind == "object" and "properties" not in schema else example), example


def meant(schema: Schema, value: Any, depth: int = 2) -> Iterator[Any]:
    """Values that somebody may have meant who wrote this one, the likeliest first. They may not all be good."""
    kind = kind_of(schema)
    if "enum" in schema:
        yield from _texts_meant(schema["enum"], value)
    elif kind == "boolean":
        yield from (flag for flag, texts in ((True, _TRUE), (False, _FALSE)) if str(value).lower() in texts)
    elif kind == "integer":
        yield from _numbers_meant(value)
    elif kind == "duration":
        yield from _durations_meant(value)
    elif kind in ("date-time", "date"):
        yield from _times_meant(value, kind)
    elif kind == "string":
        yield from _strings_meant(value)
    elif kind == "array" and not isinstance(value, list):
        yield from _named_items(schema.get("items", {}), value)
        yield [value]
        yield from ([inner] for inner in meant(schema.get("items", {}), value, depth))
    elif kind == "object" and not isinstance(value, dict):
        yield from _objects_meant(schema, value, depth)
    if isinstance(value, list) and len(value) == 1 and kind != "array":
        yield value[0]
        yield from meant(schema, value[0], depth)


def _texts_meant(allowed: list[str], value: Any) -> Iterator[str]:
    lower = {str(text).lower(): text for text in allowed}
    yield from (lower[close] for close in get_close_matches(str(value).lower(), lower, 1))


def _numbers_meant(value: Any) -> Iterator[int]:
    if isinstance(value, float) and value.is_integer():
        yield int(value)
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", value, re.ASCII):
        yield int(value)


def _durations_meant(value: Any) -> Iterator[str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:f}s" if isinstance(value, float) else f"{value}s"
    if not isinstance(value, str):
        return
    text = value.strip().removeprefix("PT").removeprefix("P")
    total, at = 0.0, 0
    while (match := _QUANTITY.match(text, at)) is not None:
        total += float(match[1]) * _UNITS[match[2][0].lower()]
        at = match.end()
    if at == len(text) and total == int(total) and total <= timedelta.max.total_seconds():
        yield format_duration(timedelta(seconds=total))


def _times_meant(value: Any, kind: str) -> Iterator[str]:
    if isinstance(value, int) and not isinstance(value, bool) and 10**8 < value < 10**11 and kind == "date-time":
        yield format_time(datetime.fromtimestamp(value, UTC))
    text = str(value).strip().upper()
    if kind == "date":
        parts = re.match(r"(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)", text, re.ASCII) or re.fullmatch(
            r"(\d{4})(\d\d)(\d\d)", text, re.ASCII
        )
        if parts is not None:
            yield f"{parts[1]}-{int(parts[2]):02d}-{int(parts[3]):02d}"
        return
    midnight = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ]24:00(?::00)?(Z?)", text, re.ASCII)
    if midnight is not None:
        yield from _day_after(midnight[1])
        return
    if re.match(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            return
        try:
            yield format_time(instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC))
        except OverflowError:
            return


def _day_after(text: str) -> Iterator[str]:
    try:
        yield f"{date.fromisoformat(text) + timedelta(days=1)}T00:00:00Z"
    except (ValueError, OverflowError):
        return


def _strings_meant(value: Any) -> Iterator[str]:
    if isinstance(value, bool):
        yield str(value).lower()
    elif isinstance(value, int | float):
        yield str(value)


def _named_items(schema: Schema, value: Any) -> Iterator[list[Any]]:
    """A list of what has names, which somebody wrote as an object by these."""
    properties = schema.get("properties", {})
    if not isinstance(value, dict) or "name" not in properties or properties.keys() & value.keys():
        return
    if value and all(isinstance(inner, dict) for inner in value.values()):
        yield [{"name": name, **inner} for name, inner in value.items()]
    elif "value" in properties:
        yield [{"name": name, "value": inner} for name, inner in value.items()]


def _objects_meant(schema: Schema, value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """The value as one of the fields of the object: first one that has to be there, or that is meant for it."""
    properties = schema.get("properties", {})
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        yield value[0]
    if SHORTHAND in schema and isinstance(value, str):
        # What its example has beside it is needed as well.
        field = schema[SHORTHAND]
        yield {field: value, **{name: inner for name, inner in schema["examples"][0].items() if name != field}}
    names = sorted(properties, key=lambda name: name not in schema.get("required", ()))
    for name in names:
        yield {name: value}
        if depth:
            yield from ({name: inner} for inner in meant(properties[name], value, depth - 1))
