"""What `simulate` is asked about the steps of a workflow."""

import json
from collections.abc import Collection, Iterable
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from crontask.api.base import parse_duration
from crontask.cli.parameters import refuse
from crontask.ports import Document


def parts_of(manifest: Document) -> tuple[str, ...]:
    """The parts that a run of the task may have: each step, and the undo of each that has one; none of any other."""
    steps = manifest["spec"].get("handler", {}).get("steps") or []
    undos = [f"{step['name']}/undo" for step in steps if step.get("compensate")]
    return (*(str(step["name"]) for step in steps), *undos)


def failing_steps(asked: Iterable[str], parts: Collection[str]) -> frozenset[str]:
    """The parts that are to fail. Refuses one that there is not."""
    return frozenset(_known(name, parts, "--fail") for name in asked)


def durations_of_steps(asked: Iterable[str], parts: Collection[str]) -> dict[str, timedelta]:
    """How long parts take, each written STEP=DURATION. Refuses what cannot be read."""
    found: dict[str, timedelta] = {}
    for text in asked:
        name, equals, duration = text.partition("=")
        if not equals:
            refuse([f"--step-takes {text!r} has no =; write it like {next(iter(parts), 'fetch')}=30s"])
        try:
            found[_known(name, parts, "--step-takes")] = parse_duration(duration)
        except ValueError as error:
            refuse([f"--step-takes {name}: {error}"])
    return found


def results_of_steps(asked: Iterable[str], parts: Collection[str]) -> dict[str, Any]:
    """What parts give back, each written STEP=JSON. Refuses what cannot be read."""
    found: dict[str, Any] = {}
    for text in asked:
        name, equals, result = text.partition("=")
        example = f"{next(iter(parts), 'fetch')}='{{\"rows\": [1, 2]}}'"
        if not equals:
            refuse([f"--step-result {text!r} has no =; write it like {example}"])
        try:
            found[_known(name, parts, "--step-result")] = json.loads(result)
        except ValueError:
            refuse([f"--step-result {name}: {result!r} is not JSON; write it like {example}"])
    return found


def _known(name: str, parts: Collection[str], option: str) -> str:
    if name not in parts:
        close = get_close_matches(name, parts, 1)
        fix = f"did you mean {close[0]}?" if close else f"write one of {', '.join(parts)}"
        refuse([f"{option} {name}: there is no such step; {fix if parts else 'the task is not a workflow'}"])
    return name
