"""What a handler returns, as the JSON that it has to be."""

import math
from typing import Any

# What is nested deeper the operator cannot write into a status.
DEEPEST = 200
_INSTEAD = {
    "datetime": "text, for instance by .isoformat()",
    "date": "text, for instance by .isoformat()",
    "time": "text, for instance by .isoformat()",
    "timedelta": "a number, for instance by .total_seconds()",
    "bytes": "text, for instance by .decode()",
    "bytearray": "text, for instance by .decode()",
    "set": "a list, for instance by sorted()",
    "frozenset": "a list, for instance by sorted()",
    "generator": "a list, for instance by list()",
    "Decimal": "text, for instance by str()",
    "UUID": "text, for instance by str()",
}


class NotJsonError(Exception):
    """A value that JSON does not have; the text says which, and where it is."""


def plain(value: Any, path: str = "result", depth: int = 0) -> Any:
    """A copy of nothing but dicts, lists, text, numbers, booleans and None. Raises NotJsonError."""
    if depth > DEEPEST:
        raise NotJsonError(f"result: nested deeper than {DEEPEST} levels")
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        # In a status Kubernetes rounds one that does not fit into 64 bits with a sign.
        if abs(value) >= 2**63:
            raise NotJsonError(f"{path}: an integer over {2**63 - 1}, or as far below 0, is not kept; return text")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotJsonError(f"{path}: {float(value)} is not valid JSON; return None, or text")
        return value
    if isinstance(value, list | tuple):
        return [plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {_key(key, path): plain(item, _below(path, key), depth + 1) for key, item in value.items()}
    name = type(value).__name__
    raise NotJsonError(
        f"{path}: {name} is not valid JSON; return {_INSTEAD.get(name, 'text, numbers, lists and dicts')}"
    )


def same_json(one: Any, other: Any) -> bool:
    """Whether JSON has one value for both: True is no 1, but 1.0 is, as an API server writes it."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(value, other[key]) for key, value in one.items())
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _key(key: Any, path: str) -> str:
    if not isinstance(key, str):
        raise NotJsonError(f"{path}: a key is {type(key).__name__}, and the keys of JSON are text; use str()")
    return key


def _below(path: str, key: Any) -> str:
    return f"{path}.{key}" if isinstance(key, str) and key.isidentifier() else f"{path}[{str(key)[:40]!r}]"
