"""How a handler's end is reported: the termination message, one JSON object that the operator reads."""

import errno
import json
import os
from dataclasses import dataclass
from typing import Any, Literal

DEFAULT_BYTES = 4096
# All but the text fits into this, whatever the counts are.
LEAST_BYTES = 256

OK = 0
FAILED = 1
BROKEN_INPUT = 2
NO_ANSWER = 3
ANSWER_4XX = 4
ANSWER_5XX = 5
ANSWER_OTHER = 6
TIMED_OUT = 124
STOPPED = 143


@dataclass(slots=True)
class Report:
    """The end of the work. `error` is for the log alone; a result of None is no result.

    `batch`: of a batch, cursor, isDone and total as they are written, and how many there were.
    """

    status: Literal["success", "partial", "failed"]
    exit_code: int
    message: str | None = None
    result: Any = None
    processed: int | None = None
    errors: int | None = None
    result_truncated: bool = False
    error: BaseException | None = None
    batch: dict[str, Any] | None = None

    def count(self, processed: int | None, errors: int | None) -> None:
        """Add what was counted: a success with errors is one in part."""
        self.processed, self.errors = processed, errors
        if self.status == "success" and errors:
            self.status = "partial"


def encode(report: Report, limit: int) -> bytes:
    """The report as JSON of at most `limit` bytes: first the result goes as a whole, then the end of the message.

    Raises ValueError for numbers that JSON does not have.
    """
    document = {
        "status": report.status,
        **(report.batch or {}),
        "processedCount": report.processed,
        "errorCount": report.errors,
        "message": report.message or None,
        "result": report.result,
        "resultTruncated": report.result_truncated or None,
    }
    document = {key: value for key, value in document.items() if value is not None}
    raw = to_bytes(document)
    if len(raw) > limit and "result" in document:
        del document["result"]
        document["resultTruncated"] = True
        raw = to_bytes(document)
    if len(raw) > limit and "message" in document:
        document["message"] = _longest_that_fits(document, limit)
        raw = to_bytes(document)
    return raw


def write_whole(path: str, report: Report, limit: int) -> None:
    """Write the report over the one before, of which nothing shows: both are equally long, and nothing is cut off.

    A process that is killed has written all of it or nothing: it is one write, within one page. Raises OSError.
    """
    # As long as the limit itself would be a message that may have been cut.
    length = limit - 1
    raw = encode(report, length).ljust(length)
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        if os.write(file, raw) != length:
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
    finally:
        os.close(file)


def to_bytes(document: Any) -> bytes:
    """Compact JSON. What is no character, half of a surrogate pair, becomes "?"."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _longest_that_fits(document: dict[str, Any], limit: int) -> str:
    # How long a character gets in JSON depends on it, so lengths are tried rather than computed.
    text = str(document["message"])[:limit]
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if len(to_bytes({**document, "message": text[:middle] + "…"})) <= limit:
            low = middle
        else:
            high = middle - 1
    return text[:low] + "…"


def cut(text: str, length: int) -> str:
    """The text, at most `length` characters of it."""
    return text if len(text) <= length else text[: length - 1] + "…"
