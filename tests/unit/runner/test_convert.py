"""Args as the annotations of a function have them, and results as JSON; and which functions start without pydantic."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict
from uuid import UUID

import pytest
import typing_extensions
from annotated_types import Gt
from pydantic import BaseModel
from runner_process import run_source

from crontask.runner.convert import adapter_of, as_in_json, convert_args, convert_result
from crontask.runner.given import BrokenInputError
from crontask.runner.result import NotJsonError


class Color(Enum):
    RED = "red"


class Row(TypedDict):
    name: str
    count: NotRequired[int]


class Dated(TypedDict):
    day: date
    note: NotRequired[str]


class Other(typing_extensions.TypedDict):
    day: date


class Tree(TypedDict):
    below: "list[Tree]"


@dataclass
class Options:
    day: date
    rows: list[Dated]


class Model(BaseModel):
    day: date
    limit: int = 3


class Own:
    pass


def by(annotation: Any, returns: Any = Any) -> Any:
    def handler(ctx: Any, x: Any) -> Any: ...

    handler.__annotations__ = {"x": annotation, "return": returns}
    return handler


@pytest.mark.parametrize(
    "annotation",
    [
        *(str, int, float, bool, type(None), Any, object, dict, list, list[int]),
        *(dict[str, Any], str | None, Row, list[Row], Tree),
        *(Literal["a", 1], int | list[str | None]),
    ],
)
def test_what_json_has_is_left_as_it_is(annotation: Any) -> None:
    assert as_in_json(annotation)
    value = object()
    assert convert_args(by(annotation), {"x": value}) == {"x": value}
    assert convert_result(by(Any, annotation), value) is value


DAY = date(2026, 3, 1)
ROUND_TRIPS: list[tuple[Any, Any, Any]] = [
    (date, "2026-03-01", DAY),
    (datetime, "2026-03-01T00:00:00Z", datetime.fromisoformat("2026-03-01T00:00:00+00:00")),
    (timedelta, "PT5M", timedelta(minutes=5)),
    (Color, "red", Color.RED),
    (UUID, "12345678-1234-5678-1234-567812345678", UUID("12345678-1234-5678-1234-567812345678")),
    (Decimal, "1.50", Decimal("1.50")),
    (tuple[int, str], [1, "a"], (1, "a")),
    (set[int], [1], {1}),
    (date | None, None, None),
    (dict[str, date], {"a": "2026-03-01"}, {"a": DAY}),
    (Annotated[int, Gt(1)], 2, 2),
    (Options, {"day": "2026-03-01", "rows": [{"day": "2026-03-01"}]}, Options(DAY, [{"day": DAY}])),
    (Model, {"day": "2026-03-01", "limit": 4}, Model(day=DAY, limit=4)),
    (Dated, {"day": "2026-03-01"}, {"day": DAY}),
    (Other, {"day": "2026-03-01"}, {"day": DAY}),
    (list[Dated] | None, [{"day": "2026-03-01", "note": "a"}], [{"day": DAY, "note": "a"}]),
]


@pytest.mark.parametrize(("annotation", "json", "value"), ROUND_TRIPS)
def test_there_and_back(annotation: Any, json: Any, value: Any) -> None:
    assert convert_args(by(annotation), {"x": json}) == {"x": value}
    assert convert_result(by(Any, annotation), value) == json
    assert convert_result(by(Any, Awaitable[annotation]), value) == json


@pytest.mark.parametrize(
    ("annotation", "json", "message"),
    [
        (date, "soon", "the arguments do not fit: x: Input should be a valid date"),
        (Options, {"day": "2026-03-01"}, "x.rows: Field required"),
        (Options, {"day": "2026-03-01", "rows": [{}]}, r"x.rows\[0\].day: Field required"),
        (Model, {"day": "2026-03-01", "limit": "4"}, "x.limit: Input should be a valid integer"),
        (tuple[int, int], [1], r"x\[1\]: Field required"),
        (list[date], ["a", "b", "c", "d", "e"], r"x\[2\].*; and 2 more"),
    ],
)
def test_args_that_do_not_fit(annotation: Any, json: Any, message: str) -> None:
    with pytest.raises(BrokenInputError, match=message):
        convert_args(by(annotation), {"x": json})


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Options, {"day": DAY}, "^result.rows: Field required"),
        (date, "soon", "^result: Input should be a valid date"),
        (Model, 5, "^result: Input should be"),
    ],
)
def test_results_that_do_not_fit(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(NotJsonError, match=message):
        convert_result(by(Any, annotation), value)


@pytest.mark.parametrize("annotation", [Own, "Nowhere", list["Nowhere"], "not python"])  # type: ignore[name-defined] # noqa: F821
def test_what_nobody_can_convert_is_left_as_it_is(annotation: Any) -> None:
    assert convert_args(by(annotation, annotation), {"x": 1, "more": 2}) == {"x": 1, "more": 2}
    assert convert_result(by(annotation, annotation), 1) == 1


def test_a_function_without_annotations() -> None:
    assert convert_args(print, {"x": 1}) == {"x": 1}
    assert convert_result(lambda ctx: 1, 1) == 1


def test_an_adapter_is_made_again_and_again() -> None:
    for _ in range(2):
        assert adapter_of(list[Dated]).json_schema()["items"]["$ref"] == "#/$defs/Dated"


def test_a_typed_dict_within_one_of_typing_extensions_need_not_have_been_read_before() -> None:
    class Fresh(TypedDict):
        day: date
        note: NotRequired[str]

    class Holder(typing_extensions.TypedDict):
        rows: list[Fresh]

    assert adapter_of(Holder).validate_json('{"rows": [{"day": "2026-03-01"}]}') == {"rows": [{"day": DAY}]}


_SOURCE = """
import sys
from dataclasses import dataclass
from datetime import date, timedelta

@dataclass
class Order:
    day: date
    days: int

@dataclass
class Done:
    until: date

def handler(ctx, order: Order) -> Done:
    return Done(order.day + timedelta(days=order.days))

async def later(ctx, order: Order) -> Done:
    return Done(order.day + timedelta(days=order.days))

def plain(ctx, order: dict[str, int]) -> list[str]:
    return sorted({"pydantic", "crontask.api", "crontask.crons"} & set(sys.modules))
"""
ORDER = {"order": {"day": "2026-03-01", "days": 3}}


@pytest.mark.parametrize("last_line", ["", "handler = later"])
def test_in_a_pod(tmp_path: Path, last_line: str) -> None:
    ended = run_source(tmp_path, f"{_SOURCE}\n{last_line}\n", ORDER)
    assert (ended.code, ended.message["result"]) == (0, {"until": "2026-03-04"})


def test_in_a_pod_args_that_do_not_fit(tmp_path: Path) -> None:
    ended = run_source(tmp_path, _SOURCE, {"order": {"day": "soon", "days": 3}})
    assert ended.code == 2
    assert "the arguments do not fit: order.day: Input should be a valid date" in ended.message["message"]


def test_in_a_pod_nothing_is_loaded_that_is_not_needed(tmp_path: Path) -> None:
    ended = run_source(tmp_path, _SOURCE + "\nhandler = plain\n", {"order": {"a": 1}})
    assert (ended.code, ended.message["result"]) == (0, [])
