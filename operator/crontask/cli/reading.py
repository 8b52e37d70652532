"""What a command line is given to read, as documents: files, and stdin for `-`.

Whatever stands in it: other encodings, binaries, and what has no end are refused in words. Callers: manifest.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from crontask.cli.document import Document, Located, UnreadableError
from crontask.cli.yaml_reader import MOST_CHARACTERS, yaml_documents

_MOST_BYTES = MOST_CHARACTERS
_BYTE_ORDER_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
# JSON writes what is beyond 65,535 as an escape of two halves, which is no YAML. Before it, backslashes in pairs only.
_HALVES = re.compile(r"(?<!\\)((?:\\\\)*)((?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})+)")


def source_name(path: str) -> str:
    """What a message calls the file."""
    return "stdin" if path == "-" else path


def read_documents(path: str) -> tuple[list[Document], list[Located]]:
    """The documents of a file or of stdin that can be read, and why the rest of it cannot."""
    documents: list[Document] = []
    try:
        for document in _documents(decode(_read(path))):
            documents.append(document)
    except UnreadableError as error:
        return documents, [Located(error.problem, error.line)]
    return documents, []


def _read(path: str) -> bytes:
    try:
        if path == "-":
            if sys.stdin is None:
                raise UnreadableError("there is no stdin to read from", "write -f FILE")
            data = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        # ValueError: of a stdin that is closed, and of a path with a NUL in it.
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableError(f"cannot be read: {words}", "name a file that can be read") from error
    if len(data) > _MOST_BYTES:
        raise UnreadableError(f"is larger than {_MOST_BYTES} bytes", "split it into several files")
    return data


def decode(data: bytes) -> str:
    """The text of bytes in UTF-8, with or without a mark at their beginning. Raises UnreadableError."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            raise UnreadableError(f"is {encoding}, not UTF-8", "save it as UTF-8")
    if b"\0" in data:
        raise UnreadableError("is not text: it has NUL bytes, as binary files and UTF-16 have", "save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Its bytes are those of `data` without a mark.
        line = error.object.count(b"\n", 0, error.start) + 1
        words = f"is not UTF-8: it has the byte 0x{error.object[error.start]:02x}, as Latin-1 and other encodings have"
        raise UnreadableError(words, "save it as UTF-8", line) from error


def _documents(text: str) -> Iterator[Document]:
    if not text.lstrip().startswith(("{", "[")):
        yield from yaml_documents(text)
        return
    number = 0
    for line, part in _json_values(text):
        try:
            for document in yaml_documents(_HALVES.sub(_joined, part)):
                number += 1
                yield _moved(document, line, number)
        except UnreadableError as error:
            error.line = error.line + line if error.line is not None else None
            raise


def _joined(match: "re.Match[str]") -> str:
    return match[1] + str(json.loads(f'"{match[2]}"'))


def _json_values(text: str) -> Iterator[tuple[int, str]]:
    """The JSON values that stand one after the other, each with the number of lines before it; else the whole text."""
    # Their ends are all that is wanted: numbers of any length and names of any kind are left to the reader.
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    parts: list[tuple[int, str]] = []
    at, last = 0, len(text.rstrip())
    while at < last:
        begin = len(text) - len(text[at:].lstrip())
        try:
            _, end = decoder.raw_decode(text, begin)
        except (json.JSONDecodeError, RecursionError):
            yield 0, text
            return
        parts.append((text.count("\n", 0, begin), text[begin:end]))
        at = end
    yield from parts


def _moved(document: Document, lines: int, number: int) -> Document:
    """The document as it stands so many lines further down."""
    if not lines:
        return replace(document, number=number)
    places = {
        holder: {key: replace(place, line=place.line + lines) for key, place in known.items()}
        for holder, known in document.places.items()
    }
    problems = tuple(
        replace(located, line=located.line + lines if located.line is not None else None)
        for located in document.problems
    )
    line = document.line + lines if document.line is not None else None
    return Document(document.value, number, line, problems, places)
