"""The API server over HTTP: the `Api` port by aiohttp and orjson."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec
import orjson

from crontask.api.base import API_VERSION
from crontask.kube.connection import Connection
from crontask.ports import ApiError, Document, Kind, ObjectKey, Page, WatchEvent, WatchExpiredError

_REQUEST_SECONDS = 30.0
_WATCH_SECONDS = 290
# Bookmarks come about once a minute: a watch that is silent for longer is dead.
_SILENCE_SECONDS = 120.0
_USER_AGENT = "crontask"
_log = logging.getLogger(__name__)


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw]


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


_decode_list = msgspec.json.Decoder(_List).decode
_decode_event = msgspec.json.Decoder(_Event).decode


class HttpApi:
    """A client of one API server, to be used as an asynchronous context manager."""

    def __init__(
        self, connection: Connection, connections: int = 64, dated: Callable[[str | None], None] = lambda date: None
    ) -> None:
        self._connection = connection
        # Called with the Date of each answer.
        self._dated = dated
        self._connections = connections
        self._watching: aiohttp.ClientSession | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"User-Agent": _USER_AGENT}
        connector = aiohttp.TCPConnector(limit=self._connections + 8, keepalive_timeout=90, force_close=False)
        self._session = aiohttp.ClientSession(connector=connector, headers=headers)
        # Watches hold a connection each, as many as there are: they take none from requests.
        self._watching = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in (self._session, self._watching):
            if session is not None:
                await session.close()

    async def list_page(
        self,
        kind: Kind,
        *,
        namespace: str = "",
        selector: str = "",
        fields: str = "",
        limit: int = 500,
        continue_token: str = "",
    ) -> Page:
        """See Api."""
        parameters = {"limit": str(limit)}
        if selector:
            parameters["labelSelector"] = selector
        if fields:
            parameters["fieldSelector"] = fields
        if continue_token:
            parameters["continue"] = continue_token
        raw = await self._request("GET", _path(kind, namespace), parameters=parameters)
        page = _decode_list(raw)
        return Page(tuple(bytes(item) for item in page.items), page.metadata.continue_, page.metadata.resource_version)

    async def watch(
        self, kind: Kind, *, resource_version: str, namespace: str = "", selector: str = ""
    ) -> AsyncIterator[WatchEvent]:
        """See Api. Ends when the server ends it."""
        parameters = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        if selector:
            parameters["labelSelector"] = selector
        headers = self._connection.headers()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_REQUEST_SECONDS, sock_read=_SILENCE_SECONDS)
        try:
            async with _open(self._watching).get(
                self._connection.url + _path(kind, namespace),
                params=parameters,
                timeout=timeout,
                headers=headers,
                **self._connection.options(),
            ) as response:
                if response.status != 200:
                    error = self._refusal(response.status, await response.read())
                    if error.status == 410:
                        raise WatchExpiredError(error.message)
                    raise error
                async for line in _lines(response.content):
                    yield _event(line)
        except TimeoutError as error:
            raise ApiError(0, "Silent", "the watch is silent, so its connection must be dead") from error
        except aiohttp.ClientError as error:
            raise _unreachable(error) from error

    async def get(self, key: ObjectKey) -> bytes:
        """See Api."""
        return await self._request("GET", _path(key.kind, key.namespace, key.name))

    async def create(self, kind: Kind, namespace: str, body: Document, *, dry_run: bool = False) -> bytes:
        """See Api."""
        parameters = {"dryRun": "All"} if dry_run else {}
        if kind is Kind.POD:
            # Else a field that is mistyped is dropped, and what runs is not what was written.
            parameters["fieldValidation"] = "Strict"
        return await self._request("POST", _path(kind, namespace), parameters=parameters or None, body=body)

    async def patch(self, key: ObjectKey, body: Document, *, subresource: str = "") -> bytes:
        """See Api."""
        path = _path(key.kind, key.namespace, key.name, subresource)
        return await self._request("PATCH", path, body=body, content_type="application/merge-patch+json")

    async def update_status(self, key: ObjectKey, *, uid: str, version: str, status: Document) -> bytes:
        """See Api. Less work for the server than a patch, which it makes the whole object of first."""
        metadata = {"name": key.name, "namespace": key.namespace, "uid": uid, "resourceVersion": version}
        body = {"apiVersion": API_VERSION, "kind": key.kind.kind, "metadata": metadata, "status": status}
        return await self._request("PUT", _path(key.kind, key.namespace, key.name, "status"), body=body)

    async def delete(self, key: ObjectKey, *, uid: str, version: str = "", grace_seconds: int | None = None) -> None:
        """See Api."""
        preconditions = {"uid": uid, **({"resourceVersion": version} if version else {})}
        options: Document = {"preconditions": preconditions, "propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        await self._request("DELETE", _path(key.kind, key.namespace, key.name), body=options)

    async def warm(self, connections: int) -> None:
        """See Api. What is asked, everybody may ask; and a refusal leaves the connection open all the same."""

        async def ask() -> None:
            try:
                await self._request("GET", "/version")
            except ApiError as error:
                _log.debug("a connection could not be opened ahead: %s", error)

        await asyncio.gather(*(ask() for _ in range(connections)))

    async def _request(
        self,
        verb: str,
        path: str,
        *,
        parameters: dict[str, str] | None = None,
        body: Document | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        """Send a request; the raw JSON answered. Raises ApiError, status 0 where it is not known what happened."""
        headers = self._connection.headers()
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            async with _open(self._session).request(
                verb,
                self._connection.url + path,
                params=parameters,
                data=orjson.dumps(body) if body is not None else None,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=_REQUEST_SECONDS),
                **self._connection.options(),
            ) as response:
                self._dated(response.headers.get("Date"))
                raw = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error) from error
        if response.status >= 400:
            raise self._refusal(response.status, raw)
        return raw

    def _refusal(self, status: int, raw: bytes) -> ApiError:
        if status == 401:
            self._connection.refused()
        return _error(status, raw)


def _open(session: aiohttp.ClientSession | None) -> aiohttp.ClientSession:
    assert session is not None, "use as an asynchronous context manager"
    return session


def _path(kind: Kind, namespace: str = "", name: str = "", subresource: str = "") -> str:
    within = f"/namespaces/{namespace}" if namespace else ""
    tail = "".join(f"/{part}" for part in (name, subresource) if part)
    return f"/{kind.prefix}{within}/{kind.plural}{tail}"


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The lines of a stream, of any length."""
    parts: list[bytes] = []
    async for chunk in stream.iter_any():
        head, *tail = chunk.split(b"\n")
        parts.append(head)
        for piece in tail:
            line = b"".join(parts)
            parts = [piece]
            if line:
                yield line


def _event(line: bytes) -> WatchEvent:
    event = _decode_event(line)
    raw = bytes(event.object)
    if event.type != "ERROR":
        return WatchEvent(event.type, raw)
    status: dict[str, Any] = orjson.loads(raw)
    if status.get("code") == 410:
        raise WatchExpiredError(str(status.get("message")))
    raise ApiError(int(status.get("code") or 500), str(status.get("reason")), str(status.get("message")))


def _error(code: int, raw: bytes) -> ApiError:
    try:
        status = orjson.loads(raw)
    except orjson.JSONDecodeError:
        status = None
    if not isinstance(status, dict):
        return ApiError(code, "", raw.decode(errors="replace")[:300])
    details = status.get("details")
    after = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    return ApiError(code, str(status.get("reason") or ""), str(status.get("message") or ""), after)


def _unreachable(error: BaseException) -> ApiError:
    return ApiError(0, "Unreachable", f"{type(error).__name__}: {error}")
