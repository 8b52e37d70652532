"""What `simulate` is asked about the steps of a workflow."""

import json
from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from crontask.api.base import parse_duration
from crontask.api.composite import MOST_ITEMS
from crontask.api.names import PART_OF_COLLECT, part_of_item, part_of_undo
from crontask.api.reference import MissingError, parse_reference, value_at
from crontask.cli.parameters import refuse
from crontask.ports import Document

_MOST_NAMED = 20


def parts_of(manifest: Document) -> tuple[str, ...]:
    """The parts that a run of the task may have: each step, and the undo of each that has one; none of any other."""
    handler = manifest["spec"].get("handler", {})
    if handler.get("forEach"):
        return (*map(part_of_item, range(_count(handler["forEach"].get("items"), manifest))), PART_OF_COLLECT)
    steps = handler.get("steps") or []
    undos = [part_of_undo(step["name"]) for step in steps if step.get("compensate")]
    return (*(str(step["name"]) for step in steps), *undos)


def _count(items: Any, manifest: Document) -> int:
    """How many items there are, as far as the manifest says."""
    reference = parse_reference(items) if isinstance(items, str) else None
    if reference is not None:
        try:
            items = value_at(manifest["spec"].get("args", {}), reference) if reference.root == "args" else None
        except MissingError:
            return MOST_ITEMS
    return items if isinstance(items, int) else len(items) if isinstance(items, list) else MOST_ITEMS


def approvals_of(manifest: Document) -> frozenset[str]:
    """The steps of the task that wait for a person."""
    steps = manifest["spec"].get("handler", {}).get("steps") or []
    return frozenset(str(step["name"]) for step in steps if step.get("approval") is not None)


def failing_steps(asked: Iterable[str], parts: Collection[str]) -> frozenset[str]:
    """The parts that are to fail. Refuses one that there is not."""
    return frozenset(_known(name, parts, "--fail") for name in asked)


def durations_of_steps(asked: Iterable[str], parts: Collection[str]) -> dict[str, timedelta]:
    """How long parts take, each written STEP=DURATION. Refuses what cannot be read."""
    return _assigned("--step-takes", asked, parts, "30s", parse_duration)


def results_of_steps(asked: Iterable[str], parts: Collection[str], approvals: Collection[str]) -> dict[str, Any]:
    """What parts give back, each written STEP=JSON. Refuses what cannot be read, and what `approvals` would give."""
    example = "'{\"rows\": [1, 2]}'"

    def parse(result: str) -> Any:
        try:
            return json.loads(result)
        except ValueError:
            raise ValueError(f"{result!r} is not JSON; write it like {_first(parts)}={example}") from None

    found = _assigned("--step-result", asked, parts, example, parse)
    refused = [name for name in found if name in approvals]
    if refused:
        refuse(
            f"--step-result {name}: the result of an approval says when it was given; name another step"
            for name in refused
        )
    return found


def _assigned(
    option: str, asked: Iterable[str], parts: Collection[str], example: str, parse: Callable[[str], Any]
) -> dict[str, Any]:
    """By part, what is written STEP=SOMETHING. `parse` raises ValueError."""
    found: dict[str, Any] = {}
    for text in asked:
        name, equals, value = text.partition("=")
        if not equals:
            refuse([f"{option} {text!r} has no =; write it like {_first(parts)}={example}"])
        try:
            found[_known(name, parts, option)] = parse(value)
        except ValueError as error:
            refuse([f"{option} {name}: {error}"])
    return found


def _first(parts: Collection[str]) -> str:
    return next(iter(parts), "fetch")


def _known(name: str, parts: Collection[str], option: str) -> str:
    if name not in parts:
        close = get_close_matches(name, parts, 1)
        some = [*list(parts)[:_MOST_NAMED], *(["…"] if len(parts) > _MOST_NAMED else [])]
        fix = f"did you mean {close[0]}?" if close else f"write one of {', '.join(some)}"
        refuse([f"{option} {name}: there is no such step; {fix if parts else 'the task is not a workflow'}"])
    return name
