"""JSON Schemas that users write, for the args and the results of runs: whether one can be used, what does not fit one.

A schema is somebody's input to a process that serves everybody, so what costs or reaches too much is refused: nothing
is fetched, a pattern is matched in linear time, and neither a circle nor a cascade of references is followed.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import Any

import orjson
from jsonschema_rs import RegexOptions, ValidationError, Validator, validator_for

from crontask.api.violation import violations_of
from crontask.api.written import shown

# Subschemas, each counted as often as a reference leads to it.
MOST_PARTS = 2000
_DEEPEST = 100
_MOST_TOLD = 3
_DRAFTS = (
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    *(f"http://json-schema.org/draft-0{number}/schema" for number in (7, 6, 4)),
)
_NOT_SERVED = ("$dynamicRef", "$recursiveRef")


class SchemaError(ValueError):
    """A schema that cannot be used: where in it (`.properties.a`, empty for all of it) and why, each path once."""

    def __init__(self, *violations: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{path}: {message}" if path else message for path, message in violations))
        self.violations = violations


def check_schema(schema: dict[str, Any]) -> None:
    """Raises SchemaError for a schema that cannot be used."""
    draft = schema.get("$schema", _DRAFTS[0])
    if isinstance(draft, str) and draft.rstrip("#") not in _DRAFTS:
        raise SchemaError((".$schema", f"{shown(draft)} is not a draft of JSON Schema; write {_DRAFTS[0]}"))
    _Parts(schema).count(schema)
    _compiled(_dump(schema))


def violations(schema: dict[str, Any], value: Any) -> tuple[tuple[str, str], ...]:
    """The path in the value (`.region`, `[0].name`, empty for itself) and what is wrong there; the first three."""
    errors = _compiled(_dump(schema)).iter_errors(value)
    return tuple(islice(chain.from_iterable(map(violations_of, errors)), _MOST_TOLD))


def _dump(schema: dict[str, Any]) -> bytes:
    return orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)


@lru_cache(maxsize=1024)
def _compiled(schema: bytes) -> Validator:
    document = orjson.loads(schema)
    try:
        return validator_for(document, validate_formats=True, retriever=_fetch_nothing, pattern_options=RegexOptions())
    except ValidationError as error:
        raise SchemaError(*(_all_of_schema(document) or violations_of(error))) from error
    except ValueError as error:
        raise SchemaError(("", str(error))) from error


def _all_of_schema(schema: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """All that is wrong with a schema of the newest draft, where the library stops at the first; else nothing."""
    if schema.get("$schema", _DRAFTS[0]) != _DRAFTS[0]:
        return ()
    checked = validator_for({"$ref": _DRAFTS[0]}, validate_formats=True, pattern_options=RegexOptions())
    found = dict.fromkeys(chain.from_iterable(map(violations_of, checked.iter_errors(schema))))
    return tuple(islice(found, _MOST_TOLD))


def _fetch_nothing(uri: str) -> Any:
    raise ValueError(f"{uri} is not fetched; write what it says under $defs")


class _Parts:
    """Counts the parts of a schema, through its references."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._counted: dict[str, int] = {}
        self._open: set[str] = set()

    def count(self, part: Any, depth: int = 0) -> int:
        """How many subschemas are looked at, at most, for one value. Raises SchemaError."""
        if depth > _DEEPEST:
            raise SchemaError(("", f"is nested more than {_DEEPEST} levels deep"))
        total = 1
        for inner in self._inside(part, depth):
            total += inner
            if total > MOST_PARTS:
                raise SchemaError(
                    ("", f"has more than {MOST_PARTS} parts, counting each as often as a $ref leads to it")
                )
        return total

    def _inside(self, part: Any, depth: int) -> Iterator[int]:
        if isinstance(part, list):
            yield from (self.count(inner, depth + 1) for inner in part)
        if not isinstance(part, dict):
            return
        for key, inner in part.items():
            if key in _NOT_SERVED and isinstance(inner, str):
                raise SchemaError(("", f"{key} is not served; write $ref"))
            if key == "$id" and isinstance(inner, str) and part is not self._root:
                raise SchemaError(("", "$id inside a schema is not served; write #/$defs/… where it is meant"))
            if key == "$ref" and isinstance(inner, str):
                yield self._referred(inner, depth)
            elif isinstance(inner, dict | list):
                yield self.count(inner, depth + 1)

    def _referred(self, reference: str, depth: int) -> int:
        if reference in self._open:
            raise SchemaError(("", f"$ref {reference} leads back to itself; write out the levels that there are"))
        if reference not in self._counted:
            self._open.add(reference)
            self._counted[reference] = self.count(self._target(reference), depth + 1)
            self._open.discard(reference)
        return self._counted[reference]

    def _target(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            raise SchemaError(("", f"$ref {reference} leads elsewhere; write it under $defs, and $ref as #/$defs/NAME"))
        found: Any = self._root
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                raise SchemaError(("", f"$ref {reference} leads nowhere"))
            found = found[name]
        return found
