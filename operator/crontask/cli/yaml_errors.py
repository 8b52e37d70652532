"""What is wrong with text that is not YAML, and what to write instead, with its line.

The parser names what it looked for; people have left out quotes, or written a tab. Advice that repeats a line is tried
out first.
"""

import json
import re

import yaml

from crontask.cli.document import UnreadableError

_ENTRY = re.compile(r"(\s*(?:- +)*(?:[\w./-]+:\s+|- +))(\S.*?)(?:\s+#.*|\s*)")
_FLOW = "a list or an object in brackets is not closed, or has no comma between two parts"
_INDENTATION = "the line does not fit to those above it: its indentation, or a colon or a dash that is missing"
_SAID = {
    "found unexpected end of stream": ("a quote is not closed", "close it"),
    "did not find expected alphabetic or numeric character": (
        "a value cannot begin with * or &",
        "write it in quotes",
    ),
    "mapping values are not allowed in this context": (
        "a colon cannot stand there",
        "write the value in quotes, or correct the indentation",
    ),
    "mapping values are not allowed here": (
        "a colon cannot stand there",
        "write the value in quotes, or correct the indentation",
    ),
    "did not find expected node content": (_FLOW, "correct the brackets"),
    "did not find expected ',' or ']'": (_FLOW, "correct the brackets"),
    "did not find expected ',' or '}'": (_FLOW, "correct the brackets"),
    "did not find expected key": (_INDENTATION, "correct the indentation"),
    "did not find expected '-' indicator": (_INDENTATION, "correct the indentation"),
    "did not find expected <document start>": (_INDENTATION, "correct the indentation, or write --- before it"),
    "could not find expected ':'": ("a key has no colon after it", "write key: value"),
    "found unknown escape character": ("a backslash in double quotes has another meaning", "write two of them"),
    "found invalid Unicode character escape code": ("an escape with \\u is not a character", "write it as it is"),
}
_REFERENCE = re.compile(r"""(?<!["'$])\$\{[^{}]*\}""")
_UNQUOTED = "this is not valid YAML: within brackets, what is written like ${…} has to be in quotes"
# A text that is tried out is parsed again.
_LONGEST_TRIED, _LONGEST_SHOWN = 256 * 1024, 120


def explained(error: yaml.YAMLError, text: str, lines_before: int = 0) -> UnreadableError:
    """The error as a message: its line in the file, what is wrong, what to write instead."""
    if isinstance(error, yaml.reader.ReaderError):
        line = lines_before + text.count("\n", 0, error.position) + 1
        message = f"the character U+{_code(error.character):04X} is not allowed in YAML"
        return UnreadableError(message, "remove it, or write it as an escape in double quotes", line)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return UnreadableError("this is not valid YAML", "correct it")
    message, fix = _message(str(getattr(error, "problem", "")), text.split("\n"), mark.line, mark.column)
    begun = getattr(error, "context_mark", None) or mark
    for suspect in dict.fromkeys((mark.line, begun.line)):
        better = _quoted(text, suspect, mark.line)
        if better is not None:
            return UnreadableError(_UNQUOTED, f"write {better}", lines_before + suspect + 1)
        better = _tried_out(text, suspect, mark.line)
        if better is not None:
            return UnreadableError(f"this is not valid YAML: {message}", f"write {better}", lines_before + suspect + 1)
    return UnreadableError(f"this is not valid YAML: {message}", fix, lines_before + mark.line + 1)


def _code(character: object) -> int:
    """Of a character, or of a byte as the parser of libyaml has it."""
    return character if isinstance(character, int) else ord(str(character)[:1] or "\0")


def _message(said: str, lines: list[str], line: int, column: int) -> tuple[str, str]:
    if said == "found character that cannot start any token":
        character = lines[line][column : column + 1] if line < len(lines) else ""
        if character == "\t":
            return "a tab cannot indent a line", "write spaces"
        return f"a value cannot begin with {character}", "write it in quotes"
    return _SAID.get(said, ("it cannot be read as YAML from there on", "correct the line"))


def _tried_out(text: str, line: int, wrong: int) -> str | None:
    """The line with its value in quotes, if that leaves no error up to the line that was wrong."""
    lines = text.split("\n")
    if len(text) > _LONGEST_TRIED or line >= len(lines) or len(lines[line]) > _LONGEST_SHOWN:
        return None
    match = _ENTRY.fullmatch(lines[line].rstrip("\r"))
    if match is None or match[2][0] in "\"'[{|>":
        return None
    better = match[1] + json.dumps(match[2], ensure_ascii=False)
    if _fails_at("\n".join([*lines[:line], better, *lines[line + 1 :]])) <= max(line, wrong):
        return None
    return better.strip()


def _quoted(text: str, line: int, wrong: int) -> str | None:
    """The line with what is written like `${…}` in quotes, if that leaves no error up to the line that was wrong."""
    lines = text.split("\n")
    if len(text) > _LONGEST_TRIED or line >= len(lines):
        return None
    found = list(_REFERENCE.finditer(lines[line]))
    better = _REFERENCE.sub(lambda match: _in_quotes(match[0]), lines[line])
    if not found or _fails_at("\n".join([*lines[:line], better, *lines[line + 1 :]])) <= max(line, wrong):
        return None
    return better.strip() if len(better) <= _LONGEST_SHOWN else _in_quotes(found[0][0])


def _in_quotes(reference: str) -> str:
    return f"'{reference}'" if '"' in reference else f'"{reference}"'


def _fails_at(text: str) -> float:
    """The line from which on a text is not YAML; infinite if it is."""
    loader = yaml.SafeLoader(text) if not yaml.__with_libyaml__ else yaml.CSafeLoader(text)
    try:
        while loader.check_event():
            loader.get_event()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return mark.line if mark is not None else 0
    except yaml.YAMLError:
        return 0
    return float("inf")
