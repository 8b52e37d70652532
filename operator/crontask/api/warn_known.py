"""Warnings about what is known of a composite before it runs, as it is written out: its args, its items, phases."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from crontask.api.composite import MOST_ITEMS, ForEach, When
from crontask.api.composite_status import StepPhase
from crontask.api.phases import RunPhase
from crontask.api.problem import Problem
from crontask.api.reference import Found, MissingError, Reference, parse_reference, references_in, resolve, value_at
from crontask.api.times import in_utc, time_of
from crontask.api.validate_items import literal_problems
from crontask.api.written import as_yaml, one_of, shown

_TIME = "write times in UTC, like 2026-03-29T01:00:00Z"
_ENDS_OF_STEPS = tuple(phase.value for phase in StepPhase)
_ENDS_OF_RUNS = tuple(phase.value for phase in RunPhase)
_MOST_PARTS = 10


class UnknownError(Exception):
    """A reference to what only a run has."""


def value_of(value: Any, roots: Mapping[str, Any]) -> Any:
    """A value with what its references name. Raises UnknownError where a run has it, MissingError where nothing has."""

    def looked_up(reference: Reference, has_default: bool) -> Any:
        if reference.root not in roots:
            raise UnknownError
        return value_at(roots[reference.root], reference)

    return resolve(value, looked_up)


def items_warnings(asked: ForEach, args: Mapping[str, Any], path: str, where: str) -> Iterator[Problem]:
    """Of a fan-out whose args are known. `where`: in which runs they are."""
    reference = parse_reference(asked.items) if isinstance(asked.items, str) else None
    if reference is None or reference.root != "args" or not reference.path:
        # What is never a list is a problem.
        return
    try:
        items = value_at(args, reference)
    except MissingError:
        # Which is said of each reference.
        return
    if isinstance(items, list) or (isinstance(items, int) and not isinstance(items, bool)):
        for problem in literal_problems(items, f"{path}.items"):
            at = problem.path.removeprefix(f"{path}.items")
            yield Problem(f"{path}.items", f"{reference}{at} {problem.message}: the run would fail{where}", problem.fix)
        return
    message = f"{reference} is {shown(items)}, neither a list nor how many there are: the run would fail{where}"
    yield Problem(f"{path}.items", message, _as_list(reference, items))


def _as_list(reference: Reference, value: Any) -> str:
    name = reference.path[-1]
    if not isinstance(name, str):
        return "write a list there"
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else []
    example = parts if 1 < len(parts) <= _MOST_PARTS and all(parts) else ["a", "b"]
    return f"write a list there, like {as_yaml({name: example})[1:-1]}"


def item_times(asked: ForEach, args: Mapping[str, Any] | None) -> Iterator[tuple[int, Any, datetime | None]]:
    """For each item that is written out: its index, for which time its run would stand, and that as a time."""
    if asked.scheduled_time is None:
        return
    given = {"args": args} if args is not None else {}
    try:
        items = value_of(asked.items, given) if isinstance(asked.items, str) else asked.items
        if isinstance(items, int):
            items = list(range(min(items, MOST_ITEMS)))
        # Of what is no list something else is said.
        for index, item in enumerate(items[:MOST_ITEMS] if isinstance(items, list) else ()):
            value = value_of(asked.scheduled_time, {**given, "item": item, "index": index})
            yield index, value, _time(value)
    except (UnknownError, MissingError):
        # Not known before the run, or said of each reference.
        return


def _time(value: Any) -> datetime | None:
    try:
        parsed = time_of(value)
        return in_utc(parsed) if isinstance(parsed, datetime) else None
    except ValueError:
        return None


def times_warnings(asked: ForEach, args: Mapping[str, Any] | None, path: str) -> Iterator[Problem]:
    """Of the first item that has no time."""
    for index, value, time in item_times(asked, args):
        if time is None:
            message = (
                f"{asked.scheduled_time} is {shown(value)} for item {index}, which is not a time: the item would fail"
            )
            yield Problem(f"{path}.scheduledTime", message, _TIME)
            return


def future_warnings(asked: ForEach, args: Mapping[str, Any] | None, path: str, now: datetime) -> Iterator[Problem]:
    """Of the first item whose time is still to come."""
    for index, value, time in item_times(asked, args):
        if time is not None and time > now:
            message = f"{asked.scheduled_time} is {shown(value)} for item {index}, which is in the future: its run"
            fix = "write times that have passed, or let its schedule start that one"
            yield Problem(f"{path}.scheduledTime", f"{message} would not wait for it", fix)
            return


def condition_warnings(when: When, args: Mapping[str, Any], path: str) -> Iterator[Problem]:
    """Of a condition of a run whose args are known."""
    references = [found.reference for found in references_in(when.value, path) if isinstance(found, Found)]
    try:
        value = value_of(when.value, {"args": args})
    except (UnknownError, MissingError):
        return
    if references and (when.in_ is None) is not (when.not_in is None):
        outcome, fix = ("always runs", "remove when") if when.holds(value) else ("never runs", "remove the step")
        message = f"{references[0]} is {shown(value)} in this run: the step {outcome}"
        yield Problem(f"{path}.value", message, f"{fix}, or write another arg")


def phase_warnings(when: When, path: str) -> Iterator[Problem]:
    """Of a phase that is compared with what is none."""
    for found in references_in(when.value, path):
        # Within a list or an object it is a part of what is compared.
        if isinstance(found, Found) and found.path == path and (phases := _phases(found.reference)):
            known = (*phases, when.value["default"]) if found.has_default else phases
            for name, values in (("in", when.in_), ("notIn", when.not_in)):
                for index, value in enumerate(values or ()):
                    if value not in known:
                        yield Problem(f"{path}.{name}[{index}]", f"{shown(value)} is not a phase", _near(value, phases))


def _near(value: Any, phases: tuple[str, ...]) -> str:
    close = get_close_matches(str(value).title().replace(" ", ""), phases, 1)
    return f"did you mean {close[0]}?" if close else f"write {one_of(phases)}"


def _phases(reference: Reference) -> tuple[str, ...]:
    """Those that it may be; none where it is another value."""
    if reference.root == "steps" and reference.path[1:] == ("phase",):
        return _ENDS_OF_STEPS
    return _ENDS_OF_RUNS if reference.root == "run" and reference.path == ("phase",) else ()
