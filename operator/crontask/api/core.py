"""Kubernetes' own fields of a pod template: a type that is wrong is a problem, a name that there is not a warning.

A newer Kubernetes may have more fields than are known here, but none that is known with another type. The pod that is
tried as soon as a spec is seen decides.
"""

import json
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from crontask.api.problem import Problem
from crontask.api.written import as_yaml, shown

CONTAINER, POD_TEMPLATE = "Container", "PodTemplateSpec"
_DEEPEST = 20


@cache
def _known() -> tuple[str, dict[str, dict[str, str]]]:
    """The version of Kubernetes, and the fields of each type."""
    document = orjson.loads(files("crontask.api").joinpath("core_fields.json").read_bytes())
    return document["version"], document["types"]


def container_fields() -> frozenset[str]:
    """The fields that a container has."""
    return frozenset(_known()[1][CONTAINER])


def type_problems(value: Any, type_: str, path: str) -> Iterator[Problem]:
    """Where a value is not of the type that Kubernetes takes there."""
    yield from _of(value, type_, path, 0, unknown=False)


def unknown_fields(value: Any, type_: str, path: str) -> Iterator[Problem]:
    """Fields that Kubernetes does not have: it would ignore them."""
    yield from _of(value, type_, path, 0, unknown=True)


def _of(value: Any, type_: str, path: str, depth: int, *, unknown: bool) -> Iterator[Problem]:
    if value is None or type_ == "any" or depth > _DEEPEST:
        return
    if type_.startswith("[]"):
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _of(item, type_[2:], f"{path}[{index}]", depth + 1, unknown=unknown)
        elif not unknown:
            yield Problem(path, f"must be a list, not {shown(value)}", _as_list(value, type_, path))
    elif type_.startswith("{}") or type_ in _known()[1]:
        if isinstance(value, dict):
            yield from _of_object(value, type_, path, depth, unknown=unknown)
        elif not unknown:
            yield Problem(path, f"must be an object, not {shown(value)}", "write name: value in it")
    elif not unknown:
        yield from _of_scalar(value, type_, path)


def _of_object(value: dict[str, Any], type_: str, path: str, depth: int, *, unknown: bool) -> Iterator[Problem]:
    version, types = _known()
    for name, item in value.items():
        of = type_[2:] if type_.startswith("{}") else types[type_].get(str(name))
        if of is not None:
            yield from _of(item, of, f"{path}.{name}", depth + 1, unknown=unknown)
        elif unknown:
            near = get_close_matches(str(name), types[type_], n=1)
            fix = f"write {near[0]}" if near else "remove it, or put it where it belongs"
            yield Problem(f"{path}.{name}", f"Kubernetes {version} has no such field", fix)


def _of_scalar(value: Any, type_: str, path: str) -> Iterator[Problem]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if type_ == "string" and not isinstance(value, str):
        quoted = f"write it in quotes, like {json.dumps(as_yaml(value))}"
        fix = quoted if not isinstance(value, list | dict) else "write a text"
        yield Problem(path, f"must be a string, not {shown(value)}", fix)
    elif type_ == "boolean" and not isinstance(value, bool):
        yield Problem(path, f"must be true or false, not {shown(value)}", "write true or false, without quotes")
    elif type_ in ("integer", "number") and not is_number:
        yield Problem(path, f"must be a number, not {shown(value)}", "write a number, without quotes")
    elif type_ == "integer" and is_number and value != int(value):
        yield Problem(path, f"must be a whole number, not {shown(value)}", "write a whole number")
    elif type_ == "scalar" and not is_number and not isinstance(value, str):
        yield Problem(path, f"must be a text or a number, not {shown(value)}", "write it like 1 or 500m")


def _as_list(value: Any, type_: str, path: str) -> str:
    field = path.rpartition(".")[2]
    if type_ == "[]string" and isinstance(value, str):
        shell = "sh, -c, " if field == "command" and " " in value.strip() else ""
        return f"write {field}: [{shell}{as_yaml(value)}]"
    return f"write its items under {field}:, each after a dash"
