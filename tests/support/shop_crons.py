"""A registry as an application has it, for the tests beside."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum
from typing import Any, Literal, TypedDict

from crontask import Concurrency, Context, Crons, Retry

crons = Crons(owner="shop")


class Color(Enum):
    RED = "red"


@dataclass
class Options:
    day: date
    tags: list[str] = field(default_factory=list)


class Row(TypedDict):
    day: date
    count: int


@dataclass
class Totals:
    index: str
    rows: list[Row]


def clean_up(ctx: Context, *, max_age_days: int) -> dict[str, int]:
    return {"removed": max_age_days}


def report(ctx):  # type: ignore[no-untyped-def]
    return ctx.task


def mixed(
    ctx: Context,
    options: Options,
    rows: list[Row],
    color: Color = Color.RED,
    wait: timedelta = timedelta(minutes=5),
    mode: Literal["a", "b"] = "a",
    key: str = "own",
) -> Totals:
    return Totals(color.value, rows)


def anything(ctx: Context, /, **rest: Any) -> None:
    """Takes whatever comes."""


@crons.task(schedule="H 3 * * *", retry=Retry(limit=3))
def rebuild(ctx: Context, *, index: str = "main") -> Totals:
    return Totals(index, [])


@crons.task(on_demand=True, concurrency=Concurrency(policy="Queue"), labels={"team": "data"})
async def ship_it(ctx: Context, order: int) -> int:
    return order


clean = crons.interval("clean-up", minutes=15, run=clean_up, args={"max_age_days": 30})
crons.cron("daily-report", "0 9 * * 1-5", time_zone="Europe/Berlin", run=report)
mixed_args = {"options": Options(date(2026, 1, 2)), "rows": []}
mixed_cron = crons.cron("mixed", ["0 1 * * *", "0 2 * * *"], run=mixed, args=mixed_args)
anything_cron = crons.interval("anything", "1h", run=anything)
