"""YAML to documents, as kubectl reads it.

kubectl has rules of its own within YAML 1.1: `on` and `y` are true, a date and `12:30` are strings, 010 is eight. Read
otherwise, a manifest would be judged by other values than those that reach the API server. The parser of libyaml is
used for its events alone: they are made into values here, within bounds on depth and on what aliases stand for, with
the line of each.
"""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import yaml

from crontask.api.numbers import WHOLE
from crontask.api.problem import Problem
from crontask.cli.document import DEEPEST, TOO_DEEP, Document, Located, Place, Places, UnreadableError
from crontask.cli.yaml_errors import explained

# Of a document, with its aliases written out; and of a text.
MOST_CHARACTERS = 4 * 1024 * 1024
_Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
_FALSE = frozenset({"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_NOT_A_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DECIMAL = re.compile(r"[-+]?[0-9]+", re.ASCII)
_MOST_DIGITS = 24
_OTHER_BASE = re.compile(r"[-+]?0([xX][0-9a-fA-F]+|[bB][01]+|[oO][0-7]+)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
# From there on JSON is written with an exponent.
_WITH_EXPONENT = 10**21
_PREFIX = "tag:yaml.org,2002:"
_SCALARS = ("str", "int", "float", "bool", "null", "timestamp")


class UnfitError(ValueError):
    """A value that has no equal in JSON, and what to write instead."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


class _Part(NamedTuple):
    """A value; how many characters it has, and how many levels, with its aliases written out."""

    value: Any
    size: int
    levels: int = 0


def yaml_documents(text: str, lines_before: int = 0) -> Iterator[Document]:
    """Each document that has a value, of a text that stands so many lines down in its file.

    Raises UnreadableError at the first line that is not YAML.
    """
    loader = _Loader(text)
    number = 0
    # Until the next one begins, what was read may be only the part of a document up to an error in it.
    whole: Document | None = None
    try:
        while not isinstance(event := loader.get_event(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                if whole is not None:
                    yield whole
                number += 1
                whole = _Composer(loader.get_event, lines_before).document(number)
    except yaml.YAMLError as error:
        raise explained(error, text, lines_before) from error
    if whole is not None:
        yield whole


class _Composer:
    """The value of one document, from its events."""

    def __init__(self, next_event: Callable[[], Any], lines_before: int) -> None:
        self._next = next_event
        self._lines_before = lines_before
        self._size = 0
        self._anchors: dict[str, _Part] = {}
        self._places: Places = {}
        self._problems: list[Located] = []
        self._path: list[str] = []

    def document(self, number: int) -> Document | None:
        """The document whose start was read; None for an empty one."""
        event = self._next()
        value = self._part(event).value
        if value is None and not self._problems:
            return None
        return Document(value, number, self._line(event), tuple(self._problems), self._places)

    def _spend(self, size: int, event: Any) -> None:
        self._size += size
        if self._size > MOST_CHARACTERS:
            message = f"with its aliases written out it is longer than {MOST_CHARACTERS} characters"
            raise UnreadableError(message, "write it without aliases, or shorter", self._line(event))

    def _part(self, event: Any) -> _Part:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if isinstance(event, yaml.ScalarEvent):
            part = _Part(self._scalar(event), len(event.value) + 1)
            self._spend(part.size, event)
        else:
            self._descend(1, event)
            part = self._list(event) if isinstance(event, yaml.SequenceStartEvent) else self._object(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = part
        return part

    def _alias(self, event: Any) -> _Part:
        part = self._anchors.get(event.anchor)
        if part is None:
            message = f"the alias *{event.anchor} stands for nothing: no value before it is marked &{event.anchor}"
            fix = "mark the value, or write a string that begins with * in quotes"
            raise UnreadableError(message, fix, self._line(event))
        self._spend(part.size, event)
        self._descend(part.levels, event)
        return part

    def _descend(self, levels: int, event: Any) -> None:
        if len(self._path) + levels > DEEPEST:
            raise UnreadableError(*TOO_DEEP, self._line(event))

    def _list(self, event: Any) -> _Part:
        self._check_tag(event, "seq", "a list")
        items: list[Any] = []
        places = self._places[id(items)] = {}
        size, levels = 1, 0
        while not isinstance(inner := self._next(), yaml.SequenceEndEvent):
            places[len(items)] = Place("", self._line(inner), _unquoted(inner))
            self._path.append(f"[{len(items)}]")
            part = self._part(inner)
            self._path.pop()
            items.append(part.value)
            size, levels = size + part.size, max(levels, part.levels)
        return _Part(items, size, levels + 1)

    def _object(self, event: Any) -> _Part:
        self._check_tag(event, "map", "an object")
        fields: dict[str, Any] = {}
        places = self._places[id(fields)] = {}
        merged: list[dict[str, Any]] = []
        size, levels = 1, 0
        while not isinstance(inner := self._next(), yaml.MappingEndEvent):
            if _is_merge(inner):
                part = self._part(self._next())
                merged += _merge_sources(part.value, self._line(inner))
                size, levels = size + part.size, max(levels, part.levels)
                continue
            key, written = self._key(inner)
            self._path.append(f".{written}")
            value = self._next()
            part = self._part(value)
            size, levels = size + part.size + len(written), max(levels, part.levels)
            if key in fields:
                lines = f"at lines {places[key].line} and {self._line(inner)}"
                self._problem(f"is there twice, {lines}", "remove one of the two", self._line(inner))
            else:
                fields[key] = part.value
                places[key] = Place(written, self._line(inner), _unquoted(value))
            self._path.pop()
        for source_fields in merged:
            # What is written beside the merge counts, and of several sources the first.
            for key in source_fields.keys() - fields.keys():
                fields[key] = source_fields[key]
                places[key] = self._places[id(source_fields)][key]
        return _Part(fields, size, levels + 1)

    def _key(self, event: Any) -> tuple[str, str]:
        """A key as JSON has it, and as it was written."""
        if isinstance(event, yaml.AliasEvent):
            value, written = self._alias(event).value, f"*{event.anchor}"
        elif isinstance(event, yaml.ScalarEvent):
            value, written = self._part(event).value, event.value
        else:
            kind = "a list" if isinstance(event, yaml.SequenceStartEvent) else "an object"
            message = f"{kind} cannot be a key"
            raise UnreadableError(
                message, "write a string; text like {{ … }} in quotes, or rendered first", self._line(event)
            )
        if isinstance(value, str):
            return value, value
        if isinstance(value, bool | int | float):
            return str(value).lower() if isinstance(value, bool) else str(value), written
        raise UnreadableError(
            "a key is null, or no scalar", 'write a string, in quotes if need be, like "null"', self._line(event)
        )

    def _scalar(self, event: Any) -> Any:
        plain, quoted = event.implicit
        try:
            if event.tag is not None and event.tag != "!" and not (plain or quoted):
                return _tagged(event.tag, event.value)
            return resolve(event.value) if plain else event.value
        except UnfitError as error:
            self._problem(str(error), error.fix, self._line(event))
            return None

    def _check_tag(self, event: Any, wanted: str, kind: str) -> None:
        if event.tag not in (None, "!", _PREFIX + wanted):
            self._problem(f"{kind} cannot have the tag {_short(event.tag)}", "remove the tag", self._line(event))

    def _line(self, event: Any) -> int:
        return self._lines_before + int(event.start_mark.line) + 1

    def _problem(self, message: str, fix: str, line: int) -> None:
        path = "".join(self._path).removeprefix(".")
        self._problems.append(Located(Problem(path, message, fix), line))


def _merge_sources(value: Any, line: int) -> list[dict[str, Any]]:
    sources = value if isinstance(value, list) else [value]
    if all(isinstance(source, dict) for source in sources):
        return sources
    raise UnreadableError(
        "<< merges what is not an object", "name an object, like <<: *NAME, or put << in quotes", line
    )


def _is_merge(event: Any) -> bool:
    if not isinstance(event, yaml.ScalarEvent) or event.value != "<<":
        return False
    return bool(event.implicit[0]) or event.tag == f"{_PREFIX}merge"


def _unquoted(event: Any) -> str | None:
    """The text of a plain scalar."""
    return event.value if isinstance(event, yaml.ScalarEvent) and event.implicit[0] else None


def _short(tag: str) -> str:
    return f"!!{tag.removeprefix(_PREFIX)}" if tag.startswith(_PREFIX) else tag


def _tagged(tag: str, text: str) -> Any:
    """A scalar with a tag of its own. Raises UnfitError."""
    name = tag.removeprefix(_PREFIX)
    if not tag.startswith(_PREFIX) or name not in _SCALARS:
        raise UnfitError(f"the tag {_short(tag)} is not known here", "remove the tag, and write the value itself")
    if name in ("str", "timestamp"):
        return text
    value = resolve(text)
    fits = {
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
        "bool": isinstance(value, bool),
        "null": value is None,
    }
    if not fits[name]:
        raise UnfitError(f"{text[:60]!r} cannot have the tag {_short(tag)}", "remove the tag, or correct the value")
    return value


def resolve(text: str) -> Any:
    """The value of a plain scalar, as kubectl reads it. Raises UnfitError for a number that JSON cannot have."""
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text in _NULL:
        return None
    if _NOT_A_NUMBER.fullmatch(text):
        raise UnfitError(f"{text} is not a number that JSON has", "write a finite number")
    if text[0] not in "+-.0123456789":
        return text
    plain = text.replace("_", "") if text[0] != "." else text
    if _DECIMAL.fullmatch(plain):
        return _decimal(plain)
    if _OTHER_BASE.fullmatch(plain):
        whole = int(plain, 0)
        # What does not fit is a string there, like a hash in hexadecimal digits.
        return whole if whole in WHOLE else text
    number = float(plain) if _FLOAT.fullmatch(plain) else math.inf
    if math.isinf(number):
        return text
    # As JSON is written there, where 5.0 is 5.
    return int(number) if number.is_integer() and abs(number) < _WITH_EXPONENT else number


def _decimal(plain: str) -> int:
    """Also with zeros in front, where digits up to 7 are octal. Raises UnfitError for what kubectl would round."""
    digits = plain.lstrip("+-")
    if len(digits) <= _MOST_DIGITS:
        octal = len(digits) > 1 and digits[0] == "0" and not {"8", "9"} & set(digits)
        number = int(digits, 8 if octal else 10) * (-1 if plain[0] == "-" else 1)
        if number in WHOLE:
            return number
    raise UnfitError(
        f"a number of {len(digits)} digits does not fit in 64 bits with a sign", "write a smaller one, or a string"
    )
