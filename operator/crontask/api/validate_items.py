"""The validation of a fan-out: its items, what runs for each, and what is given the totals."""

import json
import re
from collections.abc import Iterator
from typing import Any

from crontask.api.composite import MOST_ITEMS, ForEach, ItemHandler
from crontask.api.problem import Problem
from crontask.api.reference import parse_reference, references_in
from crontask.api.unbuilt import FOR_EACH, ITEM_HANDLER
from crontask.api.validate_handler import (
    ONE_HANDLER,
    SIMPLE_VARIANTS,
    simple_problems,
    unbuilt_problems,
    variant_problems,
)
from crontask.api.validate_reference import found_problems
from crontask.api.written import shown

_ROOTS_OF_ITEMS = ("args", "run", "trigger")
_ROOTS = (*_ROOTS_OF_ITEMS, "item", "index")
LONGEST_ITEM = 32 * 1024
PERCENT = "(100|[1-9]?[0-9])%"
NOT_PERCENT = 'write a number of items like 3, or per cent of them like "10%"'


def items_problems(asked: ForEach, path: str) -> Iterator[Problem]:
    """Everything that is wrong with a fan-out."""
    yield from unbuilt_problems(asked, FOR_EACH, path)
    yield from _of_items(asked.items, f"{path}.items")
    if isinstance(asked.max_failed, str) and not re.fullmatch(PERCENT, asked.max_failed):
        yield Problem(f"{path}.maxFailed", f"{shown(asked.max_failed)} is not a number of items", NOT_PERCENT)
    elif isinstance(asked.max_failed, int) and asked.max_failed < 0:
        yield Problem(f"{path}.maxFailed", f"{asked.max_failed} is below 0", NOT_PERCENT)
    yield from _of_handler(asked.handler, f"{path}.handler")
    yield from _references(asked.args, f"{path}.args", _ROOTS, so_far=False)
    if asked.collect is not None:
        yield from variant_problems(asked.collect, SIMPLE_VARIANTS, ONE_HANDLER, f"{path}.collect")
        yield from simple_problems(asked.collect, f"{path}.collect")
        yield from _references(asked.collect.args, f"{path}.collect.args", _ROOTS_OF_ITEMS, so_far=True)


def _of_items(items: Any, path: str) -> Iterator[Problem]:
    """A list, how many, or a reference to one of these."""
    fix = 'write a list, how many there are, or a reference to one of them, like "${args.ids}"'
    if isinstance(items, str):
        if parse_reference(items) is None:
            yield Problem(path, f"{shown(items)} is not a list", fix)
        else:
            yield from _references(items, path, _ROOTS_OF_ITEMS, so_far=False)
    elif isinstance(items, int) and not isinstance(items, bool):
        if not 0 <= items <= MOST_ITEMS:
            yield Problem(path, f"{items} items are not from 0 to {MOST_ITEMS}", "hand over pages of items, as items")
    elif not isinstance(items, list):
        yield Problem(path, f"{shown(items)} is not a list", fix)
    elif len(items) > MOST_ITEMS:
        message = f"has {len(items)} items, over {MOST_ITEMS}"
        yield Problem(path, message, "hand over fewer, each a page of them, or a batch after the other with batch")
    else:
        for index, item in enumerate(items):
            size = len(json.dumps(item))
            if size > LONGEST_ITEM:
                message = f"has {size} bytes as JSON, over {LONGEST_ITEM}"
                yield Problem(f"{path}[{index}]", message, "hand over a reference to the data, like a URL or a key")


def _of_handler(handler: ItemHandler, path: str) -> Iterator[Problem]:
    yield from unbuilt_problems(handler, ITEM_HANDLER, path)
    if handler.task is None:
        yield from variant_problems(handler, SIMPLE_VARIANTS, ONE_HANDLER, path)
    yield from simple_problems(handler, path)


def _references(value: Any, path: str, roots: tuple[str, ...], *, so_far: bool) -> Iterator[Problem]:
    for found in references_in(value, path):
        yield from found_problems(found, roots, so_far=so_far)
