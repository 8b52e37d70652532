"""Answers, read: an object, a line of a watch, or a typed error. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crontask.client import errors
from crontask.client.errors import Asked, Cause
from crontask.client.requests import Document, Request

_SHOWN = 300
# An API server reads JSON of up to 10,000 levels.
DEEPEST = 12_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """ADDED, MODIFIED, DELETED or BOOKMARK, and the object."""

    type: str
    object: Document


class Lines:
    """A stream cut into lines; one longer than `longest` bytes comes in pieces of that length.

    What comes after the last line feed is `rest`."""

    def __init__(self, longest: int | None = None) -> None:
        self._longest = longest
        self._parts: list[bytes] = []
        self._length = 0

    def add(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that this chunk ends, without their line feeds."""
        head, *tail = chunk.split(b"\n")
        yield from self._append(head)
        for piece in tail:
            yield self._taken()
            yield from self._append(piece)

    @property
    def rest(self) -> bytes:
        """The last line, which nothing has ended."""
        return b"".join(self._parts)

    def _append(self, part: bytes) -> Iterator[bytes]:
        """Add to the line; the pieces that it is too long by."""
        while self._longest is not None and self._length + len(part) > self._longest:
            room = self._longest - self._length
            self._parts.append(part[:room])
            part = part[room:]
            yield self._taken()
        if part:
            self._parts.append(part)
            self._length += len(part)

    def _taken(self) -> bytes:
        line = b"".join(self._parts)
        self._parts, self._length = [], 0
        return line


def encoded(request: Request) -> bytes | None:
    """The body of a request as bytes. Raises Unsendable."""
    if request.body is None:
        return None
    import orjson

    try:
        return orjson.dumps(request.body)
    except (TypeError, RecursionError) as error:
        why = _why_unsendable(request.body) or error
        raise errors.Unsendable(f"{request.asked}: what is to be sent cannot be written as JSON: {why}") from error


def _why_unsendable(body: Any) -> str:
    """What is wrong with it, where, and what to write instead; empty where nobody knows."""
    from crontask.client.values import plain

    try:
        plain(body, "", free=True)
    except errors.BadInput as bad:
        return str(bad).lstrip(".")
    return ""


def read(request: Request, answer: Answer) -> Document:
    """The object that was answered, whole: fields that we do not know are in it. Raises RequestFailed."""
    if answer.status >= 400 or answer.status < 200:
        raise refusal(request.asked, answer)
    document = _loaded(answer.body)
    if not isinstance(document, dict):
        shown = answer.body[:_SHOWN].decode(errors="replace")
        raise errors.ServerError(
            request.asked, answer.status, "", f"the answer is not a JSON object, so no API server gave it: {shown!r}"
        )
    return document


def read_event(asked: Asked, line: bytes) -> Event | None:
    """A line of a watch. None of a line that was cut; raises what an ERROR in it says."""
    document = _loaded(line)
    if not isinstance(document, dict) or not isinstance(document.get("object"), dict):
        return None
    content = document["object"]
    if document.get("type") == "ERROR":
        raise from_status(asked, int(content.get("code") or 500), content)
    return Event(str(document.get("type")), content)


def refusal(asked: Asked, answer: Answer) -> errors.RequestFailed:
    """The error that an answer is."""
    status = _loaded(answer.body)
    if not isinstance(status, dict):
        shown = " ".join(answer.body.decode(errors="replace").split())[:_SHOWN]
        status = {"message": shown or f"the server answered {answer.status} without a word"}
    return from_status(asked, answer.status, status, answer.headers.get("retry-after"))


def from_status(asked: Asked, code: int, status: Document, retry_after: str | None = None) -> errors.RequestFailed:
    """The error that a Status object says."""
    reason, message = str(status.get("reason") or ""), str(status.get("message") or "")
    details = status.get("details") if isinstance(status.get("details"), dict) else {}
    assert isinstance(details, dict)
    of_code = {401: errors.Unauthorized, 403: errors.Forbidden, 404: errors.NotFound, 410: errors.Expired}
    if code in of_code:
        return of_code[code](asked, code, reason, message)
    if code == 409:
        if reason == "AlreadyExists":
            return errors.AlreadyExists(asked, code, reason, message)
        conflict = errors.Conflict(asked, code, reason, message)
        conflict.causes = _causes(details)
        return conflict
    if code in (400, 422):
        invalid = errors.Invalid(asked, code, reason, message)
        invalid.causes = _causes(details)
        return invalid
    if code == 429 or code >= 500 or code < 400:
        failed = (errors.TooManyRequests if code == 429 else errors.ServerError)(asked, code, reason, message)
        failed.retry_after = _seconds(retry_after, details)
        return failed
    return errors.RequestFailed(asked, code, reason, message)


def _causes(details: Mapping[str, Any]) -> tuple[Cause, ...]:
    found = [cause for cause in details.get("causes") or () if isinstance(cause, dict)]
    # "<nil>": of the object as a whole.
    return tuple(
        Cause(
            str(cause.get("field") or "").replace("<nil>", ""),
            str(cause.get("message") or ""),
            str(cause.get("reason") or ""),
        )
        for cause in found
    )


def _seconds(header: str | None, details: Mapping[str, Any]) -> float | None:
    """In how many seconds to ask again; the header is a number, or a date, which proxies write."""
    if header is not None:
        from urllib3.exceptions import InvalidHeader
        from urllib3.util.retry import Retry

        try:
            return float(Retry().parse_retry_after(header))
        except InvalidHeader:
            return None
    seconds = details.get("retryAfterSeconds")
    return float(seconds) if isinstance(seconds, int | float) and seconds > 0 else None


def written(document: Document) -> bytes:
    """The JSON of an object that was read, however deeply it is nested."""
    import json
    import sys

    import orjson

    try:
        return orjson.dumps(document)
    except TypeError:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, DEEPEST))
        try:
            return json.dumps(document).encode()
        finally:
            sys.setrecursionlimit(before)


def _loaded(raw: bytes) -> Any:
    """The value of JSON, None of what is none."""
    import orjson

    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return _loaded_deep(raw) if "depth" in str(error) else None


def _loaded_deep(raw: bytes) -> Any:
    """The same of what is nested deeper than orjson reads: one such object may not spoil a list of many."""
    import json
    import sys

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, DEEPEST))
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
    finally:
        sys.setrecursionlimit(before)
