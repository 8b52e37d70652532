"""Kinds of fields as data: what is refused of each, by which words, and where its limits are.

A field's path is as in the schema: `schedules[]` is an item of `schedules`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from api_server import ROOT

Schema = dict[str, Any]
ABSENT = object()
DURATION_WORDS = "not a duration; write it like 90s, 5m, 1h30m or 2d"
TEN_YEARS = "longer than ten years; write a shorter duration"


@dataclass(frozen=True)
class Field:
    """A field: bad values with words of their refusal, its limits, and the fields that must be in it."""

    bad: tuple[tuple[Any, str], ...]
    low: int | None = None
    high: int | None = None
    measure: str = ""
    required: tuple[str, ...] = ()
    sample: Any = "x"


NOT_TEXT = (5, 'must be of type string: "integer"')
FLAG = Field((("yes", 'must be of type boolean: "string"'), (1, 'must be of type boolean: "integer"')))
OUTSIDE_DATE = "is before 1970; write a date like 2026-12-24"
NOT_TIME = "must be of type date-time"
TIME = Field(
    (
        *((value, NOT_TIME) for value in ("tomorrow", "", "2026-03-29", "2026-03-29T01:00Z", "2026-03-29T01:00:00")),
        *((value, NOT_TIME) for value in ("2026-03-29 01:00:00Z", "2026-02-30T01:00:00Z", "2026-03-29T24:00:00Z")),
        *(
            (value, NOT_TIME)
            for value in ("2026-03-29T01:00:60Z", "2026-03-29T01:00:00+0100", "1700000000", 1700000000)
        ),
        *((value, "should match '^[^tz]*$'") for value in ("2026-03-29t01:00:00Z", "2026-03-29T01:00:00z")),
    )
)
NOT_DATE = "must be of type date"
DATE = Field(
    (
        *((value, NOT_DATE) for value in ("24.12.2026", "2026-12-24T00:00:00Z", "2026-02-29", "2026-1-2", "20261224")),
        *((value, NOT_DATE) for value in ("1700006400", "", 5)),
        *((value, OUTSIDE_DATE) for value in ("0000-01-01", "1969-12-31")),
    )
)
DURATION = Field(
    (
        *((text, DURATION_WORDS) for text in ("5 minutes", "1.5h", "-1s", "1m1h", "PT5M", "1S", "1s\n", "٣s", "soon")),
        *(("3660d1s", TEN_YEARS), ("87841h", TEN_YEARS), ("999999999d", TEN_YEARS)),
        (300, 'must be of type string: "integer"'),
    ),
    low=2,
    high=40,
    measure="text",
)
LASTING = replace(DURATION, bad=(*DURATION.bad, ("0s", "shorter than a second; write at least 1s")))
NOT_AMOUNT = 'maxFailed is not a number of items; write a number of items like 3, or per cent of them like "10%"'
_OF_ANOTHER_TYPE: tuple[Any, ...] = (True, 2.5, [], {})
AMOUNT = Field(
    (
        *((value, NOT_AMOUNT) for value in (-1, "", "5", "%", "5 %", "-5%", "101%", "05%", "5%\n", "x" * 1000)),
        *((value, "must be of type integer,string") for value in _OF_ANOTHER_TYPE),
    )
)
FREE = Field((([], 'must be of type object: "array"'), ("x", 'must be of type object: "string"')))


def text(low: int | None, high: int, *bad: tuple[Any, str]) -> Field:
    """A text of that many characters."""
    return Field((NOT_TEXT, *bad), low, high, "text")


def number(low: int, high: int) -> Field:
    """A whole number."""
    words = "must be of type integer"
    return Field((("5", f'{words}: "string"'), (5.5, words), (True, words), (10**15, "less than")), low, high, "number")


def items(low: int | None, high: int, sample: Any) -> Field:
    """A list of so many samples."""
    return Field(
        (("x", 'must be of type array: "string"'), ({}, "must be of type array")), low, high, "items", (), sample
    )


def choice(*words: str) -> Field:
    """One of these words. Both the word in lower case and another are refused, with all that there are."""
    supported = "supported values: " + ", ".join(f'"{word}"' for word in words)
    return Field(((words[0].lower(), supported), ("Never", supported), NOT_TEXT))


def restart_policy(*words: str) -> Field:
    """One of these, and of Kubernetes' words no other."""
    supported = "supported values: " + ", ".join(f'"{word}"' for word in words)
    return Field(((words[0].lower(), supported), ("OnFailure", supported), NOT_TEXT))


def whole(*required: str) -> Field:
    """An object with these fields in it at least."""
    return replace(FREE, required=required)


def under(mount: str, fields: dict[str, Field]) -> dict[str, Field]:
    """The same fields at another place."""
    return {f"{mount}.{path}": field for path, field in fields.items()}


def sized(field: Field, path: str, size: int) -> Any:
    """A value of that size: good, but for what no text so short can be."""
    if field.measure == "number":
        return size
    if field.measure == "items":
        return [field.sample] * size
    if field.high == DURATION.high and field.low == DURATION.low:
        return "0" * (size - 40) + "000000000d000000000h000000000m000000001s" if size >= 40 else "1s"[-size:]
    if path.startswith("schedule") and size >= 9:
        return ("00" if size % 2 == 0 else "0") + " 0 * * 1" + ",1" * ((size - 9) // 2)
    return "200"[:size].ljust(size, "0") if path.endswith("expect.status[]") else "x" * size


@dataclass(frozen=True)
class Edge:
    """A value at a limit, and the words by which it is refused: none just inside."""

    path: str
    size: int
    value: Any
    words: str


_BELOW = {"number": "greater than or equal to {}", "text": "at least {} chars long", "items": "at least {} items"}
_ABOVE = {"number": "less than or equal to {}", "text": "not be more than {} bytes", "items": "at most {} items"}


def edges(path: str, field: Field) -> Iterator[Edge]:
    """One value on each side of each limit of a field."""
    edge = partial(_edge, path, field)
    if field.low is not None:
        yield edge(field.low, "")
        yield edge(field.low - 1, _BELOW[field.measure].format(field.low))
    if field.high is not None:
        yield edge(field.high, "")
        yield edge(field.high + 1, _ABOVE[field.measure].format(field.high))


def _edge(path: str, field: Field, size: int, words: str) -> Edge:
    return Edge(path, size, sized(field, path, size), words)


def crd_file(kind: str) -> Path:
    """The CRD's file."""
    return ROOT / "crds" / f"crontask.dev_{kind.lower()}s.yaml"


def root_schema(kind: str) -> Schema:
    """The schema of a whole object, as its file has it."""
    crd = yaml.safe_load(crd_file(kind).read_text(encoding="utf-8"))
    return dict(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def spec_schema(kind: str) -> Schema:
    """The schema of `spec`."""
    return dict(root_schema(kind)["properties"]["spec"])


def nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Each schema below, by its path."""
    for name, inner in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, inner
        yield from nodes(inner, here)
    if "items" in schema:
        yield f"{path}[]", schema["items"]
        yield from nodes(schema["items"], f"{path}[]")


def limits(node: Schema) -> tuple[int | None, int | None]:
    """The least and the most that a schema takes, of whatever it measures."""
    low = [node[key] for key in ("minimum", "minLength", "minItems") if key in node]
    high = [node[key] for key in ("maximum", "maxLength", "maxItems") if key in node]
    return (low or [None])[0], (high or [None])[0]


def defaulted(schema: Schema, value: Any) -> Any:
    """The value as the API server stores it: with the defaults of what is left out of each object that is there."""
    if isinstance(value, list):
        return [defaulted(schema.get("items", {}), item) for item in value]
    if not isinstance(value, dict):
        return value
    known = schema.get("properties", {})
    defaults = {name: inner["default"] for name, inner in known.items() if "default" in inner}
    return {**defaults, **{key: defaulted(known.get(key, {}), inner) for key, inner in value.items()}}
