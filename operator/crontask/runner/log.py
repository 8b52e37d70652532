"""The log: one JSON object a line on standard output, which says of which run it is."""

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """Time, level, message, logger, the run, and whatever `extra` a line was logged with."""

    def __init__(self) -> None:
        super().__init__()
        self.identity: dict[str, str | int] = {}
        # Takes secrets out of a text.
        self.clean: Callable[[str], str] = lambda text: text

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": self.clean(record.getMessage()),
            "logger": record.name,
            **self.identity,
        }
        for key, value in vars(record).items():
            if key not in _USUAL and key not in line:
                line[key] = self.clean(value) if isinstance(value, str) else _loggable(value)
        if record.exc_info:
            line["exception"] = self.clean(self.formatException(record.exc_info))
        # All of it ASCII: whatever reads the log, no encoding can spoil a line.
        return json.dumps(line)


def _loggable(value: Any) -> Any:
    """The value itself if JSON has it, and else its text."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)
    return value


def set_up_logging(stream: TextIO) -> JsonFormatter:
    """Log to the stream from now on. What is printed there comes line by line too, and never fails for a character."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    formatter = JsonFormatter()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    return formatter


def complain(text: str) -> None:
    """Say what people have to put right, on standard error."""
    print(f"crontask-runner: {text}", file=sys.stderr, flush=True)
