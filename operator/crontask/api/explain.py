"""From the errors of the models to problems: what is wrong, and what to write instead that is taken.

Every kind of error has its message here, so that nobody reads those of the library. Advice that names a value is tried
out before it is given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic_core import ErrorDetails

from crontask.api.problem import NO_SUCH_FIELD, Problem
from crontask.api.structure import Schema, node_at
from crontask.api.takes import entry, examples_of, how_to_write, kind_of, meant, noun
from crontask.api.written import as_yaml, one_of, shown

Path = tuple[str | int, ...]
_MOST_TRIED, _LONGEST_ADVICE = 40, 120
# As YAML 1.1, and so kubectl, reads an unquoted `on`.
_WRITTEN = {"true": "on"}


def path_text(root: str, path: Path) -> str:
    """`spec.skip[0].from`."""
    return root + "".join(f"[{part}]" if isinstance(part, int) else f".{_WRITTEN.get(part, part)}" for part in path)


@dataclass(frozen=True)
class Fields:
    """The fields of an object that is looked at: its schema, the value as written, and whether another would do."""

    root: str
    schema: Schema
    takes: Callable[[Path, Any], bool]


@dataclass(frozen=True)
class _Error:
    """One error of a model, with what the field takes."""

    fields: Fields
    type: str
    path: Path
    value: Any
    said: str
    schema: Schema

    @property
    def key(self) -> str:
        """The name of the field; empty for an item of a list."""
        last = self.path[-1] if self.path else ""
        return _WRITTEN.get(last, last) if isinstance(last, str) else ""

    @property
    def optional(self) -> bool:
        """Whether the field can be left out."""
        parent = node_at(self.fields.schema, self.path[:-1]) or {}
        return bool(self.key) and self.key not in parent.get("required", ())


def explain(error: ErrorDetails, fields: Fields) -> Problem:
    """The problem that an error of a model is."""
    path = error["loc"]
    schema = node_at(fields.schema, path) or {}
    found = _Error(fields, error["type"], path, error.get("input"), error["msg"], schema)
    message, fix = KINDS.get(found.type, _unfit)(found)
    return Problem(path_text(fields.root, path), message, fix)


def _unfit(error: _Error) -> tuple[str, str]:
    return f"must be {noun(error.schema)}, not {shown(error.value)}", _instead(error)


def _not_among(error: _Error) -> tuple[str, str]:
    if not isinstance(error.value, str):
        return _unfit(error)
    return f"{shown(error.value)} is not allowed", _instead(error)


def _too_small(error: _Error) -> tuple[str, str]:
    return f"{shown(error.value)} is too small", _instead(error)


def _too_large(error: _Error) -> tuple[str, str]:
    return f"{shown(error.value)} is too large", _instead(error)


def _missing(error: _Error) -> tuple[str, str]:
    return "is missing", f"write {_example(error) or noun(error.schema)}"


def _too_short(error: _Error) -> tuple[str, str]:
    least = _bound(error, "min")
    if least is None:
        return _unfit(error)
    if not error.value:
        return "is empty", _instead(error) + (", or leave it out" if error.optional else "")
    return f"has {_size(error)}, fewer than {least}", _instead(error)


def _too_long(error: _Error) -> tuple[str, str]:
    most = _bound(error, "max")
    if most is None:
        return _unfit(error)
    return f"has {_size(error)}, more than {most}", f"write at most {most} {_unit(error)}s"


def _own(error: _Error) -> tuple[str, str]:
    """Of the types that say themselves what is wrong."""
    message, _, fix = error.said.removeprefix("Value error, ").partition("; ")
    better = _better(error)
    return message, f"write {better}" if better else fix


def _unknown(error: _Error) -> tuple[str, str]:
    return NO_SUCH_FIELD, "remove it"


def _size(error: _Error) -> str:
    return f"{len(error.value)} {_unit(error)}{'s' if len(error.value) != 1 else ''}"


def _unit(error: _Error) -> str:
    return "item" if kind_of(error.schema) == "array" else "character"


def _bound(error: _Error, which: str) -> int | None:
    return error.schema.get(f"{which}{'Items' if kind_of(error.schema) == 'array' else 'Length'}")


def _instead(error: _Error) -> str:
    better = _better(error)
    if better is not None:
        return f"write {better}"
    listed = _unlisted(error)
    if listed is not None:
        return listed
    taken = [word for word in error.schema.get("enum", ()) if error.fields.takes(error.path, word)]
    if taken:
        return f"write {one_of(list(map(as_yaml, taken)))}"
    message, example = how_to_write(error.schema), _example(error)
    return message or (f"write it like {example}" if example is not None else f"write {noun(error.schema)}")


def _unlisted(error: _Error) -> str | None:
    """Of what is a list and must not be, or the other way round, where it is too long to be written out."""
    kind, value = kind_of(error.schema), error.value
    if kind == "object" and isinstance(value, list) and len(value) > 1 and not error.key:
        return "write what is in it into the list itself"
    named = "name" in (error.schema.get("items") or {}).get("properties", {})
    objects = isinstance(value, dict) and bool(value) and all(isinstance(inner, dict) for inner in value.values())
    if kind == "array" and named and objects:
        return "write its parts as items of a list, each with its name: - name: …"
    return None


def _example(error: _Error) -> str | None:
    """An example of the field that is taken where it stands."""
    taken = (value for value in examples_of(error.schema) if error.fields.takes(error.path, value))
    return next((entry(error.key, value) for value in taken), None)


def _better(error: _Error) -> str | None:
    """What was meant, as it is written and taken; None where nobody knows."""
    if error.path:
        for value in islice(meant(error.schema, error.value), _MOST_TRIED):
            if len(written := entry(error.key, value)) <= _LONGEST_ADVICE and error.fields.takes(error.path, value):
                return written
    # The field beside it that takes several: schedules for schedule.
    several = (*error.path[:-1], f"{error.key}s")
    if error.key and isinstance(error.value, list) and kind_of(node_at(error.fields.schema, several) or {}) == "array":
        written = entry(f"{error.key}s", error.value)
        if len(written) <= _LONGEST_ADVICE and error.fields.takes(several, error.value):
            return written
    return None


KINDS: dict[str, Callable[[_Error], tuple[str, str]]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "value_error": _own,
    "assertion_error": _own,
    **dict.fromkeys(("literal_error", "enum"), _not_among),
    **dict.fromkeys(("greater_than", "greater_than_equal"), _too_small),
    **dict.fromkeys(("less_than", "less_than_equal"), _too_large),
    **dict.fromkeys(("too_short", "string_too_short", "bytes_too_short"), _too_short),
    **dict.fromkeys(("too_long", "string_too_long", "bytes_too_long", "url_too_long"), _too_long),
}
"""What is said of an error by its type; of every other one, what the field takes."""
