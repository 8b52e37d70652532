"""The validation of a fan-out: its items, what runs for each, and what is given the totals."""

import json
import re
from collections.abc import Iterator
from typing import Any

from crontask.api.composite import MOST_ITEMS, ForEach
from crontask.api.problem import Problem
from crontask.api.reference import Found, parse_reference, references_in
from crontask.api.validate_handler import (
    ONE_HANDLER,
    ONE_OF_PART,
    PART_VARIANTS,
    SIMPLE_VARIANTS,
    simple_problems,
    task_problems,
    variant_problems,
)
from crontask.api.validate_reference import root_problems
from crontask.api.written import shown

_ROOTS_OF_ITEMS = ("args", "run", "trigger")
_ROOTS = (*_ROOTS_OF_ITEMS, "item", "index")
LONGEST_ITEM = 32 * 1024
PERCENT = "(100|[1-9]?[0-9])%"
NOT_PERCENT = 'write a number of items like 3, or per cent of them like "10%"'


def items_problems(asked: ForEach, path: str) -> Iterator[Problem]:
    """Everything that is wrong with a fan-out."""
    yield from _of_items(asked.items, f"{path}.items")
    if isinstance(asked.max_failed, str) and not re.fullmatch(PERCENT, asked.max_failed):
        yield Problem(f"{path}.maxFailed", f"{shown(asked.max_failed)} is not a number of items", NOT_PERCENT)
    elif isinstance(asked.max_failed, int) and asked.max_failed < 0:
        yield Problem(f"{path}.maxFailed", f"{asked.max_failed} is below 0", NOT_PERCENT)
    yield from variant_problems(asked.handler, PART_VARIANTS, ONE_OF_PART, f"{path}.handler")
    yield from simple_problems(asked.handler, f"{path}.handler")
    yield from _of_task(asked, path)
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


def _of_task(asked: ForEach, path: str) -> Iterator[Problem]:
    """What goes with a task alone, and what does not."""
    if asked.handler.task is not None:
        yield from task_problems(asked.handler, (), f"{path}.handler")
        if asked.retry is not None:
            message = f"does not go with task: it is that of CronTask {asked.handler.task}"
            yield Problem(f"{path}.retry", message, "remove it, or set it there")
    if asked.scheduled_time is None:
        return
    if asked.handler.task is None:
        message = "goes with handler.task only: it is the nominal time of a run of that task"
        yield Problem(f"{path}.scheduledTime", message, "remove it, or name a task")
    elif parse_reference(asked.scheduled_time) is None:
        message = f"{shown(asked.scheduled_time)} is not a reference"
        yield Problem(f"{path}.scheduledTime", message, 'write one to a time in the item, like "${item}"')
    else:
        yield from _references(asked.scheduled_time, f"{path}.scheduledTime", _ROOTS, so_far=False)


def _references(value: Any, path: str, roots: tuple[str, ...], *, so_far: bool) -> Iterator[Problem]:
    for found in references_in(value, path):
        if isinstance(found, Found):
            yield from root_problems(found.reference, found.path, roots, so_far=so_far)
        elif isinstance(found, Problem):
            yield found
