"""Who owns which fields: server-side apply, as far as a client sees it.

A field is a path down to what is no object; a list is one field. What a manager applied before and does not apply any
more goes, unless another owns it too; where another owns it with another value, it is a conflict.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from crontask.ports import Document

Path = tuple[str, ...]
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Manager:
    """Who writes; `applies`: by server-side apply, and not by update, which the API server takes for another."""

    name: str
    applies: bool = True


class ConflictError(Exception):
    """Others own fields that would be given other values. `fields`: which, and whose."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(str(fields))
        self.fields = fields


@dataclass
class Ownership:
    """Of one object: its fields by their managers."""

    fields: dict[Manager, set[Path]] = field(default_factory=dict)

    def applied(self, known: Document, body: Document, manager: Manager, *, force: bool) -> Document:
        """The object after an apply. Raises ConflictError."""
        document = deepcopy(known)
        wanted = dict(_leaves(_of_users(body), ()))
        differing = [path for path, value in wanted.items() if _at(document, path) not in (_NOTHING, value)]
        owners = {path: owner for path in differing for owner in self._others(manager) if self._owns(owner, path)}
        if owners and not force:
            raise ConflictError({f".{'.'.join(path)}": owner.name for path, owner in owners.items()})
        for path in differing:
            self._take(path)
        before, self.fields[manager] = self.fields.get(manager, set()), set(wanted)
        for path in before - set(wanted):
            if not self._owned(path):
                self._remove(document, path)
        for path, value in wanted.items():
            _put(document, path, deepcopy(value))
        return document

    def updated(self, before: Document, after: Document, manager: Manager) -> None:
        """Note who has changed what by an update or a patch."""
        was, is_ = dict(_leaves(_of_users(before), ())), dict(_leaves(_of_users(after), ()))
        changed = {path for path, value in is_.items() if was.get(path, _NOTHING) != value}
        for path in changed | (was.keys() - is_.keys()):
            self._take(path)
        self.fields.setdefault(manager, set()).update(changed)

    def _others(self, manager: Manager) -> list[Manager]:
        return [other for other in self.fields if other != manager]

    def _owns(self, manager: Manager, path: Path) -> bool:
        return any(_overlap(path, own) for own in self.fields[manager])

    def _owned(self, path: Path) -> bool:
        """Whether anybody owns it, or something in it."""
        return any(self._owns(manager, path) for manager in self.fields)

    def _remove(self, document: Document, path: Path) -> None:
        """The field, and what held it, if nobody owns anything in that: what is left there are defaults."""
        _pop(document, path)
        if len(path) > 2 and not self._owned(path[:-1]):
            self._remove(document, path[:-1])

    def _take(self, path: Path) -> None:
        """Nobody owns it any more."""
        for own in self.fields.values():
            own.difference_update({other for other in own if _overlap(path, other)})


def _of_users(document: Document) -> Document:
    """What users write of an object."""
    metadata = document.get("metadata") or {}
    kept = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
    return {"metadata": kept, "spec": document.get("spec") or {}}


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and (value or not path):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif path not in (("metadata",), ("spec",)):
        yield path, value


def _overlap(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _at(document: Any, path: Path) -> Any:
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return _NOTHING
        document = document[key]
    return document


def _put(document: Document, path: Path, value: Any) -> None:
    for key in path[:-1]:
        inner = document.get(key)
        if not isinstance(inner, dict):
            inner = document[key] = {}
        document = inner
    document[path[-1]] = value


def _pop(document: Document, path: Path) -> None:
    for key in path[:-1]:
        inner = document.get(key)
        if not isinstance(inner, dict):
            return
        document = inner
    document.pop(path[-1], None)
