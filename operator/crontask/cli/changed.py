"""What differs between two objects, field by field, and how a value is shown in a line; for `diff` and `apply`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from crontask.api.times import cut

_LONGEST_VALUE = 48


@dataclass(frozen=True, slots=True)
class Field:
    """A field that is another one, or only in one of both: None stands for a value that is not there."""

    path: str
    old: Any
    new: Any


def changed_fields(old: Any, new: Any, path: str = "") -> Iterator[Field]:
    """The innermost fields that differ. Lists of one length are compared item by item."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from changed_fields(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from changed_fields(before, after, f"{path}[{index}]")
    elif old != new or type(old) is not type(new):
        yield Field(path, old, new)


def value_shown(value: Any) -> str:
    """In one line, and cut; of none that there is, a dash."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return cut(text.replace("\n", " "), _LONGEST_VALUE)
