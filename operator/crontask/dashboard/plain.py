"""Texts of others (messages, logs, args) as plain text: without terminal sequences and invisible characters. Pure."""

import json
import re

# CSI, OSC (to its end, or to that of the text), other two-character sequences.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\|$)|[ -/]*[0-~])")
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_REPLACEMENT = "\ufffd"


def plain(text: object) -> str:
    """The text without ANSI sequences, control characters (line feeds and tabs stay) and changes of direction."""
    return _INVISIBLE.sub(_shown, _ANSI.sub("", str(text).replace("\r\n", "\n")))


def one_line(text: object) -> str:
    """The same, on one line."""
    return " ".join(plain(text).split())


def as_json(value: object, indent: int | None = None, too_deep: str = "(nested too deeply to be shown)") -> str:
    """A value as JSON; `too_deep` of one that is nested more deeply than can be written: it may not cost a page."""
    try:
        return json.dumps(value, indent=indent, ensure_ascii=False)
    except RecursionError:
        return too_deep


def _shown(match: re.Match[str]) -> str:
    # What comes from a terminal's progress bar begins a line anew.
    return "\n" if match[0] == "\r" else _REPLACEMENT if match[0] < " " else ""
