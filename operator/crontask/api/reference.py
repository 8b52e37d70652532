"""References: how args of a part name a value, like `"${steps.fetch.result.rows[0].id}"`.

A reference is a whole string, a path without code. The value that it names keeps its type, and is never read again for
references. `$${` stands for a literal `${`; an object of exactly `{"$ref": "${…}", "default": …}` has a default.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crontask.api.problem import Problem
from crontask.api.written import shown

PathPart = str | int
Path = tuple[PathPart, ...]
_KEY = r"[A-Za-z0-9_-]+"
_QUOTED = r'\["(?:[^"\\]|\\.)*"\]'
_PART = re.compile(rf"\.({_KEY})|\[(\d{{1,9}})\]|({_QUOTED})")
_WHOLE = re.compile(rf"\$\{{([A-Za-z]+)((?:\.{_KEY}|\[\d{{1,9}}\]|{_QUOTED})*)\}}")
_EXAMPLE = 'like "${steps.fetch.result.rows[0].id}"'
_WRITE_WHOLE = "write the whole string as one reference, or build it in the handler; $${ stands for a literal ${"
REF, DEFAULT = "$ref", "default"
_DIGITS = re.compile(r"\d+", re.ASCII)
_MOST_KEYS = 10


@dataclass(frozen=True, slots=True)
class Reference:
    """A path from a root, like `steps`, to a value."""

    root: str
    path: Path

    def __str__(self) -> str:
        return self.root + "".join(map(_written, self.path))


@dataclass(frozen=True, slots=True)
class Found:
    """A reference in a value: where it stands, and whether a default stands beside it."""

    path: str
    reference: Reference
    has_default: bool = False


class MissingError(Exception):
    """There is nothing at the path of a reference. The message says how far it goes, and what there is."""


def parse_reference(text: str) -> Reference | None:
    """The reference that a string is, None for any other."""
    match = _WHOLE.fullmatch(text)
    try:
        return Reference(match[1], tuple(_parts(match[2]))) if match is not None else None
    except ValueError:
        # A key in quotes with a backslash before what no JSON has it before.
        return None


def _parts(text: str) -> Iterator[PathPart]:
    for key, index, quoted in _PART.findall(text):
        yield key or (int(index) if index else str(json.loads(quoted[1:-1])))


def _written(part: PathPart) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    plain = re.fullmatch(_KEY, part) and not _DIGITS.fullmatch(part)
    if plain:
        return f".{part}"
    quoted = json.dumps(part, ensure_ascii=False)
    # Half of a surrogate pair is no character, and what cannot be seen shows itself by its escape.
    return f"[{quoted if quoted.isprintable() else json.dumps(part)}]"


def references_in(value: Any, path: str) -> Iterator[Found | Problem]:
    """Every reference in a value, and what is meant as one and is none. `path`: where the value stands."""
    if isinstance(value, str):
        yield from _in_text(value, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references_in(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        yield from _in_object(value, path)


def _in_text(text: str, path: str) -> Iterator[Found | Problem]:
    if "${" not in text.replace("$${", ""):
        return
    reference = parse_reference(text)
    if reference is None:
        yield _unread(text, path)
    elif _has_number_as_key(text):
        yield _number_as_key(text, path)
    else:
        yield Found(path, reference)


def _unread(text: str, path: str) -> Problem:
    """What is meant as a reference and is none."""
    # Only what is wrong needs it.
    from crontask.api.near_reference import meant, what_is_wrong

    better = meant(text)
    if better is not None:
        return Problem(path, f"{shown(text)} is not a reference{what_is_wrong(text)}", f"write {better}")
    if re.fullmatch(r"\$\{[^{}]*\}", text):
        return Problem(path, f"{shown(text)} is not a reference", f"write a path {_EXAMPLE}")
    return Problem(path, f"{shown(text)} has a reference in a part of a string", _WRITE_WHOLE)


def _has_number_as_key(text: str) -> bool:
    """Whether a key is written like `.0`, which others take for the first item of a list."""
    return any(key.isdecimal() for key, _, _ in _PART.findall(text))


def _number_as_key(text: str, path: str) -> Problem:
    from crontask.api.near_reference import meant

    message = f"{shown(text)} has a number as a key"
    return Problem(path, message, f'write {meant(text) or "it like [0]"}; a key of digits is written ["0"]')


def _in_object(value: Mapping[str, Any], path: str) -> Iterator[Found | Problem]:
    if REF not in value:
        for key, inner in value.items():
            yield from references_in(inner, f"{path}.{key}")
        return
    reference = parse_reference(value[REF]) if isinstance(value[REF], str) else None
    if set(value) != {REF, DEFAULT}:
        yield Problem(path, "has $ref, but is not a reference with a default", 'write {"$ref": "${…}", "default": …}')
    elif reference is None:
        text = value[REF]
        yield _unread(text, f"{path}.$ref") if isinstance(text, str) and "${" in text else _no_path(text, path)
    elif _has_number_as_key(value[REF]):
        yield _number_as_key(value[REF], f"{path}.$ref")
    else:
        yield Found(path, reference, has_default=True)


def _no_path(value: Any, path: str) -> Problem:
    return Problem(f"{path}.$ref", f"{shown(value)} is not a reference", f"write a path {_EXAMPLE}")


def resolve(value: Any, lookup: Callable[[Reference, bool], Any]) -> Any:
    """The value with each reference replaced by what it names.

    `lookup` is given the reference, and whether it has a default; it raises MissingError where there is nothing, for
    which a default is taken.
    """
    if isinstance(value, str):
        reference = parse_reference(value) if "${" in value else None
        return lookup(reference, False) if reference is not None else value.replace("$${", "${")
    if isinstance(value, list):
        return [resolve(item, lookup) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {REF, DEFAULT} and isinstance(value[REF], str):
        reference = parse_reference(value[REF])
        if reference is not None:
            try:
                return lookup(reference, True)
            except MissingError:
                return value[DEFAULT]
    return {key: resolve(inner, lookup) for key, inner in value.items()}


def value_at(value: Any, reference: Reference, start: int = 0) -> Any:
    """What stands in a value at the path of a reference, from its part `start` on. Raises MissingError."""
    for at in range(start, len(reference.path)):
        part = reference.path[at]
        try:
            value = _inner(value, part)
        except LookupError:
            so_far = Reference(reference.root, reference.path[:at])
            raise MissingError(f"{reference} is missing: {so_far} {_what_there_is(value, part)}") from None
    return value


def _inner(value: Any, part: PathPart) -> Any:
    if isinstance(part, int) and isinstance(value, list):
        return value[part]
    if isinstance(part, str) and isinstance(value, dict):
        return value[part]
    raise LookupError(part)


def _what_there_is(value: Any, part: PathPart) -> str:
    if isinstance(value, list):
        return f"is a list of {len(value)}" if isinstance(part, int) else "is a list, which has no keys"
    if isinstance(value, dict):
        keys = ", ".join(map(str, list(value)[:_MOST_KEYS])) + (", …" if len(value) > _MOST_KEYS else "")
        return f"has the keys {keys}" if value else "is an empty object"
    return f"is {shown(value)}"
