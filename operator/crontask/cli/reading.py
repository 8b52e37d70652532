"""What a command line is given to read, as documents: files, and stdin for `-`.

Whatever stands in it: other encodings, binaries, and what has no end are refused with a message.
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
_MOST_DOCUMENTS = 20_000
_MANIFESTS = (".yaml", ".yml", ".json")
_SOMETHING = re.compile(r"\S")
# JSON writes what is beyond 65,535 as an escape of two halves, which is no YAML. Before it, backslashes in pairs only.
_HALVES = re.compile(r"(?<!\\)((?:\\\\)*)((?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})+)")


def source_name(path: str) -> str:
    """What a message calls the file."""
    return "stdin" if path == "-" else path


def manifest_files(path: str) -> list[str]:
    """The file, or the manifests of a folder, as kubectl takes them: in the order of their names."""
    try:
        if path == "-" or not Path(path).is_dir():
            return [path]
    except (OSError, ValueError):
        # Not the name of anything: whoever reads it says so.
        return [path]
    found = sorted(str(file) for file in Path(path).iterdir() if file.suffix in _MANIFESTS and file.is_file())
    # None at all: whoever reads the folder says so.
    return found or [path]


def read_documents(path: str) -> tuple[list[Document], list[Located]]:
    """The documents of a file or of stdin that can be read, and why the rest of it cannot."""
    documents: list[Document] = []
    try:
        for document in _documents(read_text(path)):
            if len(documents) == _MOST_DOCUMENTS:
                message = f"has more than {_MOST_DOCUMENTS} documents"
                raise UnreadableError(message, "split it into several files", document.line)
            documents.append(document)
    except UnreadableError as error:
        return documents, [Located(error.problem, error.line)]
    return documents, []


def read_text(path: str) -> str:
    """What a file, or stdin, holds. Raises UnreadableError."""
    return decode(_read(path))


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
        message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableError(f"cannot be read: {message}", "name a file that can be read") from error
    if len(data) > _MOST_BYTES:
        raise UnreadableError(f"is larger than {_MOST_BYTES} bytes", "split it into several files")
    return data


def decode(data: bytes) -> str:
    """The text of bytes in UTF-8, with or without a BOM. Raises UnreadableError."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            raise UnreadableError(f"is {encoding}, not UTF-8", "save it as UTF-8")
    if b"\0" in data:
        raise UnreadableError("is not text: it has NUL bytes, as binary files and UTF-16 have", "save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Its bytes are those of `data` without a BOM.
        line = error.object.count(b"\n", 0, error.start) + 1
        message = (
            f"is not UTF-8: it has the byte 0x{error.object[error.start]:02x}, as Latin-1 and other encodings have"
        )
        raise UnreadableError(message, "save it as UTF-8", line) from error


def _documents(text: str) -> Iterator[Document]:
    if not text.lstrip().startswith(("{", "[")):
        yield from yaml_documents(text)
        return
    number = 0
    for lines_before, part in _json_values(text):
        for document in yaml_documents(_HALVES.sub(_joined, part), lines_before):
            number += 1
            yield replace(document, number=number)


def _joined(match: "re.Match[str]") -> str:
    return match[1] + str(json.loads(f'"{match[2]}"'))


def _json_values(text: str) -> Iterator[tuple[int, str]]:
    """The JSON values that stand one after the other, and what follows that is none; with the lines before each."""
    # Their ends are all that is wanted: numbers of any length and names of any kind are left to the reader.
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    begin = lines = 0
    while (at := _first_letter(text, begin)) < len(text):
        lines += text.count("\n", begin, at)
        try:
            _, begin = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            begin = len(text)
        yield lines, text[at:begin]
        lines += text.count("\n", at, begin)


def _first_letter(text: str, begin: int) -> int:
    match = _SOMETHING.search(text, begin)
    return match.start() if match is not None else len(text)
