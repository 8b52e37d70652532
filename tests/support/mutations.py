"""Good specs with one thing or a few changed as people get them wrong, and what a problem of one says of it."""

import copy
import re
from collections.abc import Iterator
from typing import Any

from field_features import FEATURES
from hypothesis import strategies as st

from crontask.api.problem import Problem
from crontask.cli.document import Document
from crontask.cli.yaml_reader import yaml_documents

Step = str | int
SERVED = FEATURES
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
# Words of the libraries beneath, none of which anybody may read.
RAW = re.compile(
    r"Input should|Field required|[Vv]alidation error|Value error|valid dictionary|pydantic|"
    r"is not of type|required property|under any of the schemas|NoneType|Traceback|<class|\bobject at 0x|dict_type"
)
_RETYPED: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 5, 5.0, 1.5, 10**12, "", "x", "5", "true", "Forbid", "0 9 * * *", "5 minutes"),
    *([], {}, ["x"], [5], [{}], {"x": 1}, {"name": "x"}, "x" * 300, "2026-02-30", "2026-12-24", 1_700_000_000),
)


def places(value: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """The path of each part of a value."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from places(inner, (*path, key))


def at(value: Any, path: tuple[Step, ...]) -> Any:
    """The part at a path."""
    for step in path:
        value = value[step]
    return value


def put(value: Any, path: tuple[Step, ...], inner: Any) -> Any:
    """A copy of the value with another part there."""
    result = copy.deepcopy(value)
    at(result, path[:-1])[path[-1]] = copy.deepcopy(inner)
    return result


def without(value: Any, path: tuple[Step, ...]) -> Any:
    """A copy of the value without that part."""
    result = copy.deepcopy(value)
    del at(result, path[:-1])[path[-1]]
    return result


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A kind, and a spec of it that was good before something was done to it."""
    kind, spec = copy.deepcopy(SERVED[draw(st.sampled_from(sorted(SERVED)))])
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(sorted(places(spec), key=str)))
        spec = _changed(draw, spec, path)
        if not spec:
            break
    return kind, spec


def _changed(draw: st.DrawFn, spec: dict[str, Any], path: tuple[Step, ...]) -> dict[str, Any]:
    here = at(spec, path)
    how = draw(st.sampled_from(["drop", "rename", "retype", "nest", "unnest", "stretch", "copy"]))
    if how == "drop":
        return dict(without(spec, path))
    if how == "rename" and isinstance(path[-1], str):
        name = draw(st.sampled_from([path[-1].lower(), path[-1][:-1], path[-1].upper(), f"{path[-1]}s", "x"]))
        return dict(put(without(spec, path), (*path[:-1], name), here))
    if how == "nest":
        wrapped: Any = draw(st.sampled_from([[here], {"x": here}, {"policy": here}, {"value": here}]))
        return dict(put(spec, path, wrapped))
    if how == "unnest" and isinstance(here, dict | list) and here:
        inner = list(here.values()) if isinstance(here, dict) else here
        return dict(put(spec, path, draw(st.sampled_from(inner))))
    if how == "stretch":
        if isinstance(here, str | list):
            longer = here * draw(st.sampled_from([0, 2, 60]))
            # Each item a value of its own, as in a file: a change of one is none of the others.
            return dict(put(spec, path, longer if isinstance(longer, str) else list(map(copy.deepcopy, longer))))
        if isinstance(here, int):
            return dict(put(spec, path, draw(st.sampled_from([-here, here * 10**9, here - 1, str(here)]))))
    if how == "copy":
        return dict(put(spec, path, at(spec, draw(st.sampled_from(sorted(places(spec), key=str))))))
    return dict(put(spec, path, draw(st.sampled_from(_RETYPED))))


def steps(path: str) -> tuple[Step, ...]:
    """The steps of a problem's path below `spec`; those of an unquoted `on` lead to what YAML makes of it."""
    found = [int(match[2]) if match[2] else match[1] for match in _STEP.finditer(path)]
    assert found[0] == "spec"
    return tuple(found[1:])


def resolved(spec: dict[str, Any], path: str) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """How far the path leads within the spec, and the steps that are left where it leads out of it."""
    here: Any = spec
    all_steps = list(steps(path))
    for index, step in enumerate(all_steps):
        if step == "on" and isinstance(here, dict) and "true" in here:
            all_steps[index] = step = "true"
        listed = isinstance(here, list) and isinstance(step, int) and step < len(here)
        if listed or (isinstance(here, dict) and step in here):
            here = here[step]
        else:
            return tuple(all_steps[:index]), tuple(all_steps[index:])
    return tuple(all_steps), ()


_VALUE = re.compile(r"write (?:it like )?(?:([A-Za-z][\w]*): )?(.*?)(?:, or leave it out)?")
_RANGE = re.compile(r"write a number from (\d+) to (\d+)")


def advised(problem: Problem) -> list[tuple[str, Any]]:
    """The values that the advice names, each with the field it names (empty for none)."""
    bounds = _RANGE.fullmatch(problem.fix)
    if bounds is not None:
        return [("", int(bounds[1])), ("", int(bounds[2]))]
    match = _VALUE.fullmatch(problem.fix)
    if match is None:
        return []
    last = steps(problem.path)[-1:] or ("",)
    if match[1] is not None and (match[1] == last[0] or match[1] == f"{last[0]}s"):
        return [(match[1], _read(match[2]))]
    if match[1] is None and isinstance(last[0], int) and match[2][:1] in '"[{0123456789':
        return [("", _read(match[2]))]
    words = re.split(r", | or ", match[2])
    return [("", _read(word)) for word in words] if all(re.fullmatch(r"[A-Z]\w+", word) for word in words) else []


def _read(text: str) -> Any:
    documents: list[Document] = list(yaml_documents(f"value: {text}"))
    return documents[0].value["value"]
