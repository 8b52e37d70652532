"""What a container gave back: its termination message, as text or as a report in JSON.

A kubelet keeps no more than some KiB of a message, and does not say that it has cut it: one that is as long as that may
have been cut, and is never taken for a whole one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from crontask.api.base import cut
from crontask.api.phases import RunPhase
from crontask.api.pod import Pod, Terminated, message_bytes

LONGEST_MESSAGE = 1024
_PHASES = {"success": RunPhase.SUCCEEDED, "partial": RunPhase.PARTIAL, "failed": RunPhase.FAILED}
_KEYS = frozenset(
    {
        *("status", "result", "message", "processedCount", "errorCount", "resultTruncated"),
        *("cursor", "isDone", "total", "batches", "partialBatches", "stuck", "timedOut"),
    }
)
# Of a log that stands in for a message, a kubelet keeps the last lines, and of those the last bytes.
_LOG_LINES, _LOG_BYTES = 80, 2048


@dataclass(frozen=True, slots=True)
class Report:
    """The one JSON object that a container wrote."""

    phase: RunPhase
    fields: Mapping[str, Any]

    @property
    def message(self) -> str | None:
        """What it says to people."""
        message = self.fields.get("message")
        return cut(message, LONGEST_MESSAGE) if isinstance(message, str) else None

    @property
    def is_log_line(self) -> bool:
        """Whether it says something that no report says: then it may be a line of a log, and worth showing."""
        return not self.fields.keys() <= _KEYS

    def count(self, key: str) -> int | None:
        """A whole number that fits in a status, None for anything else."""
        value = self.fields.get(key)
        usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
        return value if usable else None


@dataclass(frozen=True, slots=True)
class Written:
    """A termination message. `report` is None for a text, and for what can't be read as a report.

    `shown`: as much of it as a status has room for; where its beginning is lost, the end of it. `unreadable`: it looks
    like a report, or like the rest of one, and can't be read. `limit`: the bytes to which it may have been cut.
    """

    shown: str = ""
    report: Report | None = None
    unreadable: bool = False
    limit: int | None = None

    @property
    def why_unreadable(self) -> str:
        """What is wrong with a report that is there as a whole, and what to write."""
        status = _status_of(self.shown)
        if status is None:
            return "it is not valid JSON"
        return f"its status {status} is not known; write {', '.join(_PHASES)}"


def read_message(pod: Pod, container: str, end: Terminated) -> Written:
    """What that container wrote."""
    text = end.message.strip()
    if not text:
        return Written()
    limit = pod.message_bytes
    # Half a character counts for more here than there, never for less.
    is_cut = len(end.message.encode()) >= limit
    begins_as_report = text.startswith("{")
    report = _read_report(text) if begins_as_report else None
    front_is_lost = (is_cut and not begins_as_report) or _is_end_of_log(pod, container, end)
    unreadable = report is None and (begins_as_report or (is_cut and _may_be_rest_of_report(text, limit)))
    return Written(_shown(text, front_is_lost), report, unreadable, limit if is_cut else None)


def _shown(text: str, front_is_lost: bool) -> str:
    return f"…{text[-(LONGEST_MESSAGE - 1) :]}" if front_is_lost else cut(text, LONGEST_MESSAGE)


def _read_report(text: str) -> Report | None:
    try:
        fields = orjson.loads(text)
        # What is nested too deeply can be read, and then not be written into a status.
        orjson.dumps({"status": {"result": fields.get("result"), "batch": {"cursor": fields.get("cursor")}}})
    except (orjson.JSONDecodeError, TypeError):
        return None
    status = fields.get("status", "success")
    phase = _PHASES.get(status) if isinstance(status, str) else None
    return Report(phase, fields) if phase is not None else None


def _status_of(text: str) -> str | None:
    """The status of a report, as it is written; None where it is not JSON."""
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return orjson.dumps(fields.get("status")).decode() if isinstance(fields, dict) else None


def _is_end_of_log(pod: Pod, container: str, end: Terminated) -> bool:
    """Whether the message is a log, because the container failed without one, and there is more of that log."""
    spec = pod.spec
    asked = next((each for each in (*spec.containers, *spec.init_containers) if each.name == container), None)
    if end.exit_code == 0 or asked is None or asked.termination_message_policy != "FallbackToLogsOnError":
        return False
    return len(end.message.encode()) == _LOG_BYTES or len(end.message.splitlines()) >= _LOG_LINES


_IN_STRING = r'(?:[^"\\\x00-\x1f]|\\.)*+'
# NaN and Infinity are no JSON, and written all the same.
_TOKEN = rf'(?:[\[\]{{}},:]|"{_IN_STRING}"|-?[0-9][-+.0-9eE]*+|true|false|null|NaN|-?Infinity)'
# It begins within a string, perhaps after the backslash in it; or within or beside another token.
_BEGINNING = rf'(?:[^\x00-\x1f]?{_IN_STRING}"|[-+.0-9A-Za-z]*+)'
_TOKENS = rf"{_BEGINNING}(?:\s*+{_TOKEN})*+\s*+"
_REST = re.compile(rf"{_TOKENS}(?<=\}})")
# It ends as it may begin, perhaps in the string in which it begins.
_PIECE = re.compile(rf'(?:{_TOKENS}(?:"{_IN_STRING}\\?|[-+.0-9A-Za-z]*)|[^\x00-\x1f]?{_IN_STRING}\\?)')


def _may_be_rest_of_report(text: str, limit: int) -> bool:
    """Whether a text whose beginning is lost may be what is left of one JSON object.

    Where more than three containers share the room, its end is lost, too.
    """
    rest = _REST if limit == message_bytes(1) else _PIECE
    return rest.fullmatch(text) is not None
