"""A document of a manifest: its value as JSON has it, and where each part of it stands in the text."""

import re
from dataclasses import dataclass, field
from typing import Any

from crontask.api.problem import Problem

DEEPEST = 200
TOO_DEEP = (f"is nested more than {DEEPEST} levels deep", "write a flatter value, or hand it over as a string")
_INDEX = re.compile(r"\[(\d+)\]")


class UnreadableError(Exception):
    """Text that cannot be read any further: what is wrong, at which line, and what to write instead."""

    def __init__(self, message: str, fix: str, line: int | None = None) -> None:
        super().__init__(message)
        self.problem = Problem("", message, fix)
        self.line = line


@dataclass(frozen=True, slots=True)
class Located:
    """A problem, with the line that it is about; None where no line is known."""

    problem: Problem
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A key as somebody wrote it (an unquoted `on` is true to YAML) or an item of a list, and its line."""

    written: str
    line: int
    # The text of its value, where that is a scalar without quotes.
    value: str | None = None


Places = dict[int, dict[str | int, Place]]
"""By the identity of the object or list that holds the part, which the document keeps alive."""


@dataclass(frozen=True)
class Document:
    """One of the documents of a text; `number` counts from 1. `problems`: values in it that JSON cannot have."""

    value: Any
    number: int
    line: int | None = None
    problems: tuple[Located, ...] = ()
    places: Places = field(default_factory=dict)

    def value_at(self, path: str) -> tuple[Any, str | None]:
        """The value at a path, and the text of one that is no text: None where there is none."""
        here, rest, place = self.value, path, None
        while rest:
            known = self.places.get(id(here), {})
            key = _first_key(here, known, rest)
            if key is None:
                return None, None
            place = known.get(key)
            rest = rest[len(f"[{key}]") :] if isinstance(key, int) else _without_first(rest, key, place)
            here = here[key]
        return here, place.value if place is not None and not isinstance(here, str | dict | list) else None

    def locate(self, path: str) -> tuple[str, int | None]:
        """A path like `spec.after.true` as it is written, `spec.after.on`, and the line of what is there of it."""
        here, written, rest, line = self.value, "", path, self.line
        while rest:
            known = self.places.get(id(here), {})
            key = _first_key(here, known, rest)
            if key is None:
                break
            place = known.get(key)
            if isinstance(key, int):
                step, rest = f"[{key}]", rest[len(f"[{key}]") :]
            else:
                dot = "." if written else ""
                step = dot + (place.written if place is not None else key)
                rest = _without_first(rest, key, place)
            written += step
            line = place.line if place is not None else line
            here = here[key]
        return written + rest, line


def _first_key(here: Any, known: dict[str | int, Place], path: str) -> str | int | None:
    """The key of the object, or the index in the list, with which the path goes on; None if it leads out of it."""
    if isinstance(here, list):
        match = _INDEX.match(path)
        return int(match[1]) if match and int(match[1]) < len(here) else None
    if not isinstance(here, dict):
        return None
    # Keys may have dots in them: the longest is meant.
    fitting = [key for key in here if _without_first(path, key, known.get(key)) != path]
    return max(fitting, key=len, default=None)


def _without_first(path: str, key: str, place: Place | None) -> str:
    """The path without the key at its beginning, as it is or as it was written; the path itself if it is not there."""
    bare = path.removeprefix(".")
    for name in (key, place.written if place is not None else key):
        rest = bare.removeprefix(name)
        if name and rest != bare and rest[:1] in ("", ".", "["):
            return rest
    return path
