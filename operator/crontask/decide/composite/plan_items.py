"""The items of a fan-out: as they are written, or as args of the run, or what triggered it, say."""

from dataclasses import dataclass
from typing import Any

from crontask.api.composite import MOST_ITEMS
from crontask.api.reference import MissingError
from crontask.api.written import shown
from crontask.decide.composite.plan import Plan
from crontask.decide.composite.values import Values
from crontask.decide.model import ScheduledRun


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
    return tuple(range(count) if counted else value)
