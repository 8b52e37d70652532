"""The items of a fan-out: as they are written, or as args of the run, or what triggered it, say."""

from dataclasses import dataclass
from typing import Any

import orjson

from crontask.api.composite import MOST_ITEMS
from crontask.api.reference import MissingError
from crontask.api.validate_items import LONGEST_ITEM, too_long
from crontask.api.written import shown
from crontask.decide.composite.values import Values
from crontask.decide.model import ScheduledRun
from crontask.decide.plan import Plan


@dataclass(frozen=True, slots=True)
class ItemsError:
    """Why a run has no items."""

    message: str


def items_of(run: ScheduledRun, plan: Plan) -> tuple[Any, ...] | ItemsError:
    """The items of a run by its plan; none is looked up where the plan has them."""
    asked = plan.handler.for_each
    assert asked is not None, "asked of fan-outs alone"
    if plan.items is not None:
        return _listed(plan.items, "items")
    return resolved_items(run, plan.args, asked.items)


def resolved_items(run: ScheduledRun, args: dict[str, Any], asked: Any) -> tuple[Any, ...] | ItemsError:
    """The items that forEach names, in a run with these args."""
    if not isinstance(asked, str):
        return _listed(asked, "items")
    try:
        return _listed(Values(run, args).resolved(asked), f"items, {asked},")
    except MissingError as error:
        return ItemsError(f"items: {error}")


def _listed(value: Any, what: str) -> tuple[Any, ...] | ItemsError:
    counted = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if not counted and not isinstance(value, list | tuple):
        return ItemsError(f"{what} is {shown(value)}; it has to be a list, or a whole number of them from 0")
    count: int = value if counted else len(value)
    if count > MOST_ITEMS:
        return ItemsError(f"{what} has {count} items, over {MOST_ITEMS}; hand over fewer, each a page of them")
    if counted:
        return tuple(range(count))
    return _first_too_long(value, what) or tuple(value)


def _first_too_long(items: list[Any] | tuple[Any, ...], what: str) -> ItemsError | None:
    # Most are short all together, and each decision asks.
    if len(orjson.dumps(items)) <= LONGEST_ITEM:
        return None
    for index, item in enumerate(items):
        if (wrong := too_long(item)) is not None:
            return ItemsError(f"{what} cannot be used: item {index} {'; '.join(wrong)}")
    return None
