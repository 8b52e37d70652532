"""What a handler returns of a batch: where the next one begins, whether it was the last, and what it counted."""

from typing import Any

from crontask.runner.context import Counts, check_count
from crontask.runner.message import FAILED, LEAST_BYTES, OK, Report, to_bytes
from crontask.runner.result import NotJsonError, plain

LONGEST_CURSOR = 1024
_KEYS = ("cursor", "isDone", "processedCount", "errorCount", "total", "result")
_EXAMPLE = 'return {"cursor": 2, "isDone": False}'


class NoBatchError(Exception):
    """What the handler returned is nothing of a batch; the text says what to return."""


def batch_report(value: Any, counts: Counts, limit: int) -> Report:
    """The report of a batch that returned this. `limit`: the bytes that there are for it."""
    try:
        given = _checked(value, limit)
    except (NoBatchError, NotJsonError) as error:
        return Report("failed", FAILED, str(error))
    processed, errors = given.get("processedCount"), given.get("errorCount")
    counts.processed = processed if processed is not None else counts.processed
    counts.errors = errors if errors is not None else counts.errors
    batch = {key: given[key] for key in ("cursor", "isDone", "total") if given.get(key) is not None}
    return Report("success", OK, result=given.get("result"), batch=batch)


def _checked(value: Any, limit: int) -> dict[str, Any]:
    """As plain JSON. Raises NoBatchError and NotJsonError."""
    if not isinstance(value, dict):
        raise NoBatchError(f"a batch returns a dict, and this returned {type(value).__name__}; {_EXAMPLE}")
    unknown = [str(key)[:40] for key in value if key not in _KEYS]
    if unknown:
        raise NoBatchError(f"a batch returns nothing called {unknown[0]}; write one of {', '.join(_KEYS)}")
    done = value.get("isDone")
    if done is not None and not isinstance(done, bool):
        raise NoBatchError(f"isDone is {type(done).__name__}, and has to be True or False; {_EXAMPLE}")
    for key in ("processedCount", "errorCount", "total"):
        try:
            check_count(key, value.get(key))
        except (TypeError, ValueError) as error:
            raise NoBatchError(str(error)) from None
    given = {key: plain(inner, key) for key, inner in value.items()}
    size, most = len(to_bytes(given.get("cursor"))), min(LONGEST_CURSOR, limit - LEAST_BYTES)
    if given.get("cursor") is not None and size > most:
        raise NoBatchError(f"cursor has {size} bytes as JSON, over {most}; return a shorter one, like the last key")
    return given
