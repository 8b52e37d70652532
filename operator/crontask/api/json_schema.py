"""JSON Schemas that users write, for the args and the results of runs: whether one can be used, what does not fit it.

A schema is somebody's input to a process that serves everybody, so what costs or reaches too much is refused: nothing
is fetched, a pattern is matched in linear time, and neither a circle nor a cascade of references is followed.
Callers: validate, decide.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson
from jsonschema_rs import RegexOptions, ValidationError, Validator, validator_for

from crontask.api.base import cut

# Subschemas, each counted as often as a reference leads to it.
MOST_PARTS = 2000
_DEEPEST = 100
_MOST_TOLD, _LONGEST_TOLD = 3, 300
_NOT_SERVED = ("$dynamicRef", "$recursiveRef")


class SchemaError(ValueError):
    """A schema that cannot be used, and why."""


def check_schema(schema: dict[str, Any]) -> None:
    """Raises SchemaError for a schema that cannot be used."""
    _Parts(schema).count(schema)
    _compiled(_dump(schema))


def misfits(schema: dict[str, Any], value: Any) -> tuple[tuple[str, str], ...]:
    """The path in the value (`.region`, `[0].name`, empty for itself) and what is wrong there; the first three."""
    found = _compiled(_dump(schema)).iter_errors(value)
    return tuple((_path(error), cut(error.message, _LONGEST_TOLD)) for error in islice(found, _MOST_TOLD))


def _dump(schema: dict[str, Any]) -> bytes:
    return orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)


@lru_cache(maxsize=1024)
def _compiled(schema: bytes) -> Validator:
    try:
        return validator_for(
            orjson.loads(schema), validate_formats=True, retriever=_fetch_nothing, pattern_options=RegexOptions()
        )
    except (ValidationError, ValueError) as error:
        where = _path(error) if isinstance(error, ValidationError) else ""
        message = error.message if isinstance(error, ValidationError) else str(error)
        raise SchemaError(f"{where}: {message}" if where else message) from error


def _fetch_nothing(uri: str) -> Any:
    raise ValueError(f"{uri} is not fetched; write what it says under $defs")


def _path(error: ValidationError) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)


class _Parts:
    """Counts the parts of a schema, through its references."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._counted: dict[str, int] = {}
        self._open: set[str] = set()

    def count(self, part: Any, depth: int = 0) -> int:
        """How many subschemas are looked at, at most, for one value. Raises SchemaError."""
        if depth > _DEEPEST:
            raise SchemaError(f"is nested more than {_DEEPEST} levels deep")
        total = 1
        for inner in self._inside(part, depth):
            total += inner
            if total > MOST_PARTS:
                raise SchemaError(f"has more than {MOST_PARTS} parts, counting each as often as a $ref leads to it")
        return total

    def _inside(self, part: Any, depth: int) -> Iterator[int]:
        if isinstance(part, list):
            yield from (self.count(inner, depth + 1) for inner in part)
        if not isinstance(part, dict):
            return
        for key, inner in part.items():
            if key in _NOT_SERVED and isinstance(inner, str):
                raise SchemaError(f"{key} is not served; write $ref")
            if key == "$id" and isinstance(inner, str) and part is not self._root:
                raise SchemaError("$id inside a schema is not served; write #/$defs/… where it is meant")
            if key == "$ref" and isinstance(inner, str):
                yield self._referred(inner, depth)
            elif isinstance(inner, dict | list):
                yield self.count(inner, depth + 1)

    def _referred(self, reference: str, depth: int) -> int:
        if reference in self._open:
            raise SchemaError(f"$ref {reference} leads back to itself; write out the levels that there are")
        if reference not in self._counted:
            self._open.add(reference)
            self._counted[reference] = self.count(self._target(reference), depth + 1)
            self._open.discard(reference)
        return self._counted[reference]

    def _target(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            raise SchemaError(f"$ref {reference} leads elsewhere; write it under $defs, and $ref as #/$defs/NAME")
        found: Any = self._root
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                raise SchemaError(f"$ref {reference} leads nowhere")
            found = found[name]
        return found
