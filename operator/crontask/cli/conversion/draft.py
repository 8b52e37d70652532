"""A CronTask in the making: its fields, comments at them, and what of its origin is not carried over."""

from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from crontask.api.base import API_VERSION
from crontask.api.problem import Problem
from crontask.api.written import shown

T = TypeVar("T")
Path = tuple[str | int, ...]


class RefusedError(Exception):
    """What cannot become a CronTask: why, at which path of its origin, and what to do instead."""

    def __init__(self, path: str, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(path, message, fix)


@dataclass
class Draft:
    """A CronTask in the making. `comments`: by the path of the field that they are about, which may not be there."""

    title: str
    metadata: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)
    comments: dict[Path, list[str]] = field(default_factory=dict)
    lost: list[Problem] = field(default_factory=list)

    def comment(self, path: Path, text: str) -> None:
        """Say something at a field."""
        self.comments.setdefault(path, []).append(text)

    def lose(self, path: Path, origin: str, text: str) -> None:
        """Say at a field that something of the origin is not carried over, and why, or what comes of that."""
        self.comment(path, f"Not carried over: {origin}: {text}")
        self.lost.append(Problem(origin, f"is not carried over: {text}"))

    @property
    def document(self) -> dict[str, Any]:
        """The manifest."""
        return {"apiVersion": API_VERSION, "kind": "CronTask", "metadata": self.metadata, "spec": self.spec}


class Fields:
    """The fields of an object that are yet to be looked at. A field that is null is one that is not there."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict | None):
            raise RefusedError(path, f"must be an object, not {shown(value)}")
        self._left = {key: inner for key, inner in (value or {}).items() if inner is not None}
        self._path = path

    def path(self, key: str) -> str:
        """The path of a field."""
        return f"{self._path}.{key}" if self._path else key

    def take(self, key: str) -> Any:
        """Its value, whatever it is; None without one."""
        return self._left.pop(key, None)

    def text(self, key: str) -> str | None:
        """A string."""
        return self._typed(key, str, "a string")

    def flag(self, key: str) -> bool | None:
        """True or false."""
        return self._typed(key, bool, "true or false")

    def number(self, key: str) -> int | None:
        """A whole number from 0."""
        what = "a number from 0"
        number = self._typed(key, int, what)
        if number is not None and number < 0:
            self._refuse(key, what, number)
        return number

    def items(self, key: str) -> list[Any]:
        """A list, empty without one."""
        return self._typed(key, list, "a list") or []

    def within(self, key: str) -> "Fields":
        """An object, empty without one."""
        return Fields(self.take(key), self.path(key))

    def strings(self, key: str) -> dict[str, str]:
        """An object whose values are strings, as labels and annotations are."""
        value: dict[str, Any] = self._typed(key, dict, "an object") or {}
        for name, inner in value.items():
            if not isinstance(inner, str):
                self._refuse(f"{key}.{name}", "a string", inner)
        return dict(value)

    def rest(self) -> dict[str, Any]:
        """What nobody has looked at."""
        return self._left

    def _typed(self, key: str, kind: type[T], what: str) -> T | None:
        value = self.take(key)
        if value is None:
            return None
        # To Python a bool is a number.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self._refuse(key, what, value)
        return value

    def _refuse(self, key: str, what: str, value: Any) -> NoReturn:
        raise RefusedError(self.path(key), f"must be {what}, not {shown(value)}", "correct it")
