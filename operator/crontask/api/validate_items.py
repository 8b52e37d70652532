"""The validation of a fan-out: its items, what runs for each, and what is given the totals."""

from collections.abc import Iterator
from typing import Any

import orjson

from crontask.api.composite import MOST_ITEMS, TOTALS, Collect, ForEach
from crontask.api.problem import Problem
from crontask.api.reference import parse_reference, references_in
from crontask.api.validate_handler import (
    ONE_HANDLER,
    ONE_OF_PART,
    PART_VARIANTS,
    SIMPLE_VARIANTS,
    simple_problems,
    task_problems,
    timeout_problems,
    variant_problems,
)
from crontask.api.validate_reference import found_problems, root_problems
from crontask.api.written import shown

_ROOTS_OF_LISTS = ("args", "trigger")
_ROOTS_OF_COLLECT = ("args", "run", "trigger")
_ROOTS = (*_ROOTS_OF_COLLECT, "item", "index")
LONGEST_ITEM = 32 * 1024
_WRITE_LIST = 'write a list, how many there are, or a reference to one of them, like "${args.ids}"'


def items_problems(asked: ForEach, path: str) -> Iterator[Problem]:
    """Everything that is wrong with a fan-out."""
    yield from _of_items(asked.items, f"{path}.items")
    yield from timeout_problems(asked.timeout, f"{path}.timeout")
    yield from variant_problems(asked.handler, PART_VARIANTS, ONE_OF_PART, f"{path}.handler")
    yield from simple_problems(asked.handler, f"{path}.handler")
    yield from _of_task(asked, path)
    yield from _references(asked.args, f"{path}.args", _ROOTS, so_far=False)
    if asked.collect is not None:
        yield from _of_collect(asked.collect, f"{path}.collect")


def _of_items(items: Any, path: str) -> Iterator[Problem]:
    """A list, how many, or a reference to one of these."""
    if isinstance(items, str):
        yield from _of_reference(items, path)
    else:
        yield from literal_problems(items, path)


def literal_problems(items: Any, path: str) -> Iterator[Problem]:
    """What is wrong with items that are written out."""
    if isinstance(items, int) and not isinstance(items, bool):
        if items < 0:
            yield Problem(path, f"is {items}, below 0", f"write a number from 0 to {MOST_ITEMS}")
        elif items > MOST_ITEMS:
            yield _too_many(items, path)
    elif not isinstance(items, list):
        yield Problem(path, f"{shown(items)} is not a list", _WRITE_LIST)
    elif len(items) > MOST_ITEMS:
        yield _too_many(len(items), path)
    else:
        for index, item in enumerate(items):
            if (wrong := too_long(item)) is not None:
                yield Problem(f"{path}[{index}]", *wrong)


def too_long(item: Any) -> tuple[str, str] | None:
    """What is wrong with an item that is longer than one may be, and what to write instead."""
    size = len(orjson.dumps(item))
    if size <= LONGEST_ITEM:
        return None
    return f"has {size} bytes as JSON, over {LONGEST_ITEM}", "hand over a reference to the data, like a URL or a key"


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


def _of_reference(text: str, path: str) -> Iterator[Problem]:
    reference = parse_reference(text)
    if reference is None:
        yield Problem(path, f"{shown(text)} is not a list", _WRITE_LIST)
    elif reference.root == "run" or (reference.root in _ROOTS_OF_LISTS and not reference.path):
        yield Problem(path, f"{reference} is never a list", _WRITE_LIST)
    else:
        yield from root_problems(reference, path, _ROOTS_OF_LISTS, so_far=False)


def _too_many(count: int, path: str) -> Problem:
    fix = "hand over fewer, each a page of them, or a batch after the other with batch"
    return Problem(path, f"has {count} items, over {MOST_ITEMS}", fix)


def _of_collect(collect: Collect, path: str) -> Iterator[Problem]:
    yield from variant_problems(collect, SIMPLE_VARIANTS, ONE_HANDLER, path)
    yield from simple_problems(collect, path)
    yield from timeout_problems(collect.timeout, f"{path}.timeout")
    for name in TOTALS:
        if name in (collect.args or {}):
            yield Problem(f"{path}.args.{name}", "is one of the totals that it is given", "rename it")
    yield from _references(collect.args, f"{path}.args", _ROOTS_OF_COLLECT, so_far=True)


def _references(value: Any, path: str, roots: tuple[str, ...], *, so_far: bool) -> Iterator[Problem]:
    for found in references_in(value, path):
        yield from found_problems(found, roots, so_far=so_far)
