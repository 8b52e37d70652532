"""YAML with comments: a document, and what is to be said at its fields.

Written by ourselves: the comments are all that a library would be needed for, and kubectl's YAML 1.1 asks for quotes
around more than the others know (`y`, `12:30`).
"""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crontask.cli.conversion.draft import Path
from crontask.cli.yaml_reader import UnfitError, resolve

_PLAIN = re.compile(r"(?:-{1,2}(?=[A-Za-z]))?[A-Za-z/_][\w./@+-]*(?::[\w./@+-]+)*(?: [A-Za-z/_][\w./@+-]*)*", re.ASCII)
_DURATION = re.compile(r"(?:\d{1,9}d)?(?:\d{1,9}h)?(?:\d{1,9}m)?(?:\d{1,9}s)?", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_WIDTH = 110
_LONGEST_FLOW = 90
# What stands on one line: the policies of a spec, which are short.
_ON_ONE_LINE = ("concurrency", "history", "dst", "catchUp", "retry")


def as_commented_yaml(document: Mapping[str, Any], comments: Mapping[Path, Sequence[str]]) -> str:
    """The document as YAML, each comment above the field that it is about, or where that would stand.

    Comments at () come first.
    """
    lines = [*_comment(comments.get((), ()), ""), *_object(document, (), "", comments)]
    return "\n".join(lines) + "\n"


def _object(value: Mapping[str, Any], path: Path, indent: str, comments: Mapping[Path, Sequence[str]]) -> Iterator[str]:
    for key, inner in value.items():
        yield from _comment(comments.get((*path, key), ()), indent)
        yield from _entry(f"{indent}{_scalar(key)}:", inner, (*path, key), indent, comments)
    for at, texts in comments.items():
        if at and at[:-1] == path and isinstance(at[-1], str) and at[-1] not in value:
            yield from _comment(texts, indent)


def _entry(begin: str, value: Any, path: Path, indent: str, comments: Mapping[Path, Sequence[str]]) -> Iterator[str]:
    if not isinstance(value, dict | list) or not value:
        yield f"{begin} {_block(value, indent)}"
    elif (flow := _flow(value, path)) is not None and not _has_comments(path, comments):
        yield f"{begin} {flow}"
    elif isinstance(value, dict):
        yield begin
        yield from _object(value, path, f"{indent}  ", comments)
    else:
        yield begin
        yield from _list(value, path, f"{indent}  ", comments)


def _list(items: list[Any], path: Path, indent: str, comments: Mapping[Path, Sequence[str]]) -> Iterator[str]:
    for index, item in enumerate(items):
        at = (*path, index)
        yield from _comment(comments.get(at, ()), indent)
        if isinstance(item, dict) and item:
            lines = list(_object(item, at, f"{indent}  ", comments))
            first = next(number for number, line in enumerate(lines) if not line.lstrip().startswith("#"))
            # Comments about its first field stand above its dash.
            yield from (f"{indent}{line.lstrip()}" for line in lines[:first])
            yield f"{indent}- {lines[first].lstrip()}"
            yield from lines[first + 1 :]
        else:
            yield from _entry(f"{indent}-", item, at, indent, comments)


def _flow(value: Any, path: Path) -> str | None:
    """The value on one line, where it is short and one of those that are usually written so."""
    if isinstance(value, list):
        parts = [_inline(item) for item in value]
        text = f"[{', '.join(part for part in parts if part is not None)}]"
    elif path[-1] in _ON_ONE_LINE:
        parts = [_inline(item) for item in value.values()]
        text = f"{{{', '.join(f'{key}: {part}' for key, part in zip(value, parts, strict=True))}}}"
    else:
        return None
    return text if None not in parts and len(text) <= _LONGEST_FLOW else None


def _inline(value: Any) -> str | None:
    if isinstance(value, list):
        parts = [_inline(item) for item in value]
        return None if None in parts else f"[{', '.join(map(str, parts))}]"
    if isinstance(value, dict) or (isinstance(value, str) and "\n" in value):
        return None
    text = _scalar(value)
    # Some readers take a colon within brackets for that of a key.
    return json.dumps(value) if isinstance(value, str) and text == value and ":" in value else text


def _has_comments(path: Path, comments: Mapping[Path, Sequence[str]]) -> bool:
    return any(len(at) > len(path) and at[: len(path)] == path for at in comments)


def _comment(texts: Sequence[str], indent: str) -> Iterator[str]:
    for text in texts:
        # Whatever a line may end with: a comment must not.
        for line in "".join(c if c.isprintable() or c == "\n" else " " for c in text).split("\n"):
            wrapped = textwrap.wrap(line, _WIDTH - len(indent), break_on_hyphens=False, break_long_words=False)
            yield from (f"{indent}# {part}" for part in wrapped)


def _block(value: Any, indent: str) -> str:
    """A scalar or what is empty; a text of several lines as a block of them, where that is the same text."""
    if not isinstance(value, str) or "\n" not in value.rstrip("\n"):
        return _scalar(value)
    lines = value.removesuffix("\n").split("\n")
    plain = all(c.isprintable() or c in "\n\t" for c in value)
    # A block that begins or ends with space would need more than |.
    if not plain or value[0].isspace() or lines[-1].strip() == "":
        return _scalar(value)
    head = "|" if value.endswith("\n") else "|-"
    return "\n".join([head, *(f"{indent}  {line}" if line else "" for line in lines)])


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value if _may_be_plain(value) else _quoted(value)
    return json.dumps(value)


def _may_be_plain(text: str) -> bool:
    if _TIME.fullmatch(text) or (text and _DURATION.fullmatch(text)):
        return True
    try:
        return _PLAIN.fullmatch(text) is not None and resolve(text) == text
    except UnfitError:
        return False


def _quoted(text: str) -> str:
    return "".join(c if c.isprintable() else _escaped(c) for c in json.dumps(text, ensure_ascii=False))


def _escaped(character: str) -> str:
    """A character that YAML takes as an escape only."""
    code = ord(character)
    return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"
