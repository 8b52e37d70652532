"""The schemas of a function take what its annotations take, as the pod writes it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import AwareDatetime

from crontask import Context, Crons, errors
from crontask.api.json_schema import check_schema, violations
from crontask.crons.schemas import args_of, args_schema, result_schema
from crontask.runner.convert import convert_args, convert_result
from crontask.runner.result import NotJsonError


def lasts(ctx: Context, *, value: timedelta) -> timedelta:
    return value


def begins(ctx: Context, *, value: datetime) -> datetime:
    return value


def begins_there(ctx: Context, *, value: AwareDatetime) -> AwareDatetime:
    return value


def ships(ctx: Context, *, value: bytes) -> bytes:
    return value


def cron_of(function: Any) -> Any:
    return Crons("shop", image="registry/shop:1").interval("a", minutes=1, run=function)


@pytest.mark.parametrize(
    ("function", "value"),
    [
        *((lasts, timedelta(microseconds=10_149)), (lasts, timedelta(days=400)), (lasts, timedelta(minutes=5))),
        *((lasts, timedelta(seconds=-90)), (lasts, -timedelta(days=400, microseconds=1)), (lasts, timedelta(0))),
        *((lasts, timedelta.max), (lasts, timedelta.min + timedelta(days=1)), (lasts, timedelta(weeks=3, hours=1))),
        (begins, datetime(2026, 3, 1, 1, 30)),
        (begins, datetime(2026, 3, 1, 1, 30, 0, 5)),
        (begins, datetime.fromisoformat("2026-03-01T01:30:00+05:30")),
        (begins_there, datetime.fromisoformat("2026-03-01T01:30:00Z")),
    ],
)
def test_what_python_has_passes_as_an_arg_and_as_a_result(function: Any, value: Any) -> None:
    cron = cron_of(function)
    args = args_of(cron, {"value": value})
    assert violations(args_schema(cron), args) == ()
    assert convert_args(function, args) == {"value": value}
    schema = result_schema(cron)
    assert schema is not None
    check_schema(schema)
    assert violations(schema, convert_result(function, value)) == ()


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(errors.BadInput, match=r"args\.value: .*can't decode byte 0xff"):
        args_of(cron_of(ships), {"value": b"\xff"})
    with pytest.raises(NotJsonError, match=r"result: .*can't decode byte 0xff"):
        convert_result(ships, b"\xff")


@pytest.mark.parametrize(
    ("function", "text"), [(lasts, "soon"), (lasts, "5m"), (begins, "today"), (begins_there, "2026-03-01T01:30:00")]
)
def test_what_is_none_is_refused_before_a_pod_starts(function: Any, text: str) -> None:
    assert violations(args_schema(cron_of(function)), {"value": text})
    with pytest.raises(errors.BadInput):
        args_of(cron_of(function), {"value": text})
