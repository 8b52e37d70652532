"""What the operator gives to the runner: its environment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from crontask.runner.message import DEFAULT_BYTES, LEAST_BYTES

REUSE = "CRONTASK_REUSE"
_MESSAGE_PATH = "/dev/termination-log"


class BrokenInputError(Exception):
    """What the runner was given cannot be worked with; the text says why, to people."""


@dataclass(frozen=True, slots=True)
class Reuse:
    """How a pod goes that does one batch after the other, in seconds. `most`: so many of them.

    `args`: what of the args each batch has for itself; where it stands, which value it is, and a default.
    """

    lasts: float
    delay: float
    timeout: float | None
    most: int
    args: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Given:
    """One attempt of a run, and its handler. `task` is empty for a run on its own.

    `item`, `item_index`: of a fan-out. The item may be null, its index is there then.
    """

    task: str
    namespace: str
    run: str
    run_uid: str
    attempt: int
    scheduled_time: datetime
    # As the operator wrote it.
    scheduled_text: str
    previous_scheduled_time: datetime | None
    next_scheduled_time: datetime | None
    idempotency_key: str
    args: dict[str, Any]
    trigger: dict[str, Any] | None
    # Of a batch: where it begins, which one it is, and how much it is to do.
    cursor: Any
    batch: int | None
    batch_size: int | None
    # Of a pod that does several batches.
    reuse: Reuse | None
    item: Any
    item_index: int | None
    handler: dict[str, Any]


def read_given(environ: Mapping[str, str]) -> Given:
    """Raises BrokenInputError."""
    previous = environ.get("CRONTASK_PREVIOUS_SCHEDULED_TIME")
    following = environ.get("CRONTASK_NEXT_SCHEDULED_TIME")
    scheduled = _needed(environ, "CRONTASK_SCHEDULED_TIME")
    trigger = environ.get("CRONTASK_TRIGGER")
    cursor, batch, size = (environ.get(f"CRONTASK_{name}") for name in ("CURSOR", "BATCH", "BATCH_SIZE"))
    item, index = environ.get("CRONTASK_ITEM"), environ.get("CRONTASK_ITEM_INDEX")
    return Given(
        task=environ.get("CRONTASK_NAME", ""),
        namespace=_needed(environ, "CRONTASK_NAMESPACE"),
        run=_needed(environ, "CRONTASK_RUN"),
        run_uid=_needed(environ, "CRONTASK_RUN_UID"),
        attempt=_whole_number("CRONTASK_ATTEMPT", _needed(environ, "CRONTASK_ATTEMPT")),
        scheduled_time=_time("CRONTASK_SCHEDULED_TIME", scheduled),
        scheduled_text=scheduled,
        previous_scheduled_time=_time("CRONTASK_PREVIOUS_SCHEDULED_TIME", previous) if previous else None,
        next_scheduled_time=_time("CRONTASK_NEXT_SCHEDULED_TIME", following) if following else None,
        idempotency_key=_needed(environ, "CRONTASK_IDEMPOTENCY_KEY"),
        args=_json_object("CRONTASK_ARGS", _needed(environ, "CRONTASK_ARGS")),
        trigger=_json_object("CRONTASK_TRIGGER", trigger) if trigger else None,
        cursor=_json("CRONTASK_CURSOR", cursor) if cursor is not None else None,
        batch=_whole_number("CRONTASK_BATCH", batch) if batch is not None else None,
        batch_size=_whole_number("CRONTASK_BATCH_SIZE", size) if size is not None else None,
        reuse=_reuse(environ.get(REUSE)),
        item=_json("CRONTASK_ITEM", item) if item else None,
        item_index=_whole_number("CRONTASK_ITEM_INDEX", index) if index else None,
        handler=_json_object("CRONTASK_HANDLER", _pieces(environ)),
    )


def message_path(environ: Mapping[str, str]) -> str:
    """Where the termination message is to be written."""
    return environ.get("CRONTASK_MESSAGE_PATH") or _MESSAGE_PATH


def message_bytes(environ: Mapping[str, str]) -> int:
    """How long the termination message may be. Raises BrokenInputError."""
    text = environ.get("CRONTASK_MESSAGE_BYTES") or str(DEFAULT_BYTES)
    limit = _whole_number("CRONTASK_MESSAGE_BYTES", text)
    if limit < LEAST_BYTES:
        raise BrokenInputError(f"CRONTASK_MESSAGE_BYTES is {limit}, and has to be at least {LEAST_BYTES}")
    return limit


def _needed(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise BrokenInputError(f"the variable {name} is missing: this program is meant for a pod that crontask makes")
    return value


def _reuse(text: str | None) -> Reuse | None:
    if text is None:
        return None
    given = _json_object(REUSE, text)
    try:
        timeout = given.get("timeout")
        late = tuple(given.get("args", ()))
        if not all(isinstance(each["at"], list) and isinstance(each["value"], list) for each in late):
            raise TypeError(late)
        limit = float(timeout) if timeout is not None else None
        return Reuse(float(given["for"]), float(given.get("delay", 0)), limit, int(given["most"]), late)
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenInputError(f"{REUSE} is {text[:80]!r}, and does not say how a pod is reused") from error


def _pieces(environ: Mapping[str, str]) -> str:
    """The handler, which goes on in further variables when it is too long for one."""
    text = _needed(environ, "CRONTASK_HANDLER")
    number = 2
    while (more := environ.get(f"CRONTASK_HANDLER_{number}")) is not None:
        text += more
        number += 1
    return text


def _whole_number(name: str, text: str) -> int:
    # isdecimal alone would take digits of any script, and as many as it likes.
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BrokenInputError(f"{name} is {text[:80]!r}, and has to be a whole number")
    return int(text)


def _time(name: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise BrokenInputError(f"{name} is {text[:80]!r}, and has to be a time such as 2026-03-01T12:00:00Z")
    return time.astimezone(UTC)


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenInputError(f"{name} is not valid JSON: {error}") from error


def _json_object(name: str, text: str) -> dict[str, Any]:
    value = _json(name, text)
    if not isinstance(value, dict):
        raise BrokenInputError(f"{name} has to be a JSON object")
    return value
