"""Values as a message shows them: as somebody would write them in a manifest, or shown in short."""

import json
import re
from typing import Any

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
# What YAML reads as something else than a string.
_TAKEN = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_PLAIN = re.compile(r"(?:\d{1,9}[dhms]){1,4}|\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ)?", re.ASCII)
_LONGEST_SHOWN = 60


def as_yaml(value: Any) -> str:
    """The value on one line of YAML."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{as_yaml(key)}: {as_yaml(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_yaml, value))}]"
    if isinstance(value, str) and (_PLAIN.fullmatch(value) or (_WORD.fullmatch(value) and value.lower() not in _TAKEN)):
        return value
    return json.dumps(value, ensure_ascii=False)


def shown(value: Any) -> str:
    """The value in a message: texts in quotes, and what is long in short."""
    if isinstance(value, str):
        return repr(value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}…")
    if isinstance(value, dict | list | tuple):
        text = as_yaml(value) if len(value) <= _LONGEST_SHOWN else ""
        return text if 0 < len(text) <= _LONGEST_SHOWN else "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def one_of(choices: list[str] | tuple[str, ...]) -> str:
    """`A, B or C`."""
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last
