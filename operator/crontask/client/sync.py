"""The transport without an event loop and without threads: urllib3.

Connections belong to the process that opened them: a forked child opens its own. One transport may be used by several
threads. urllib3 is imported with the first request.
"""

import os
import time
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from crontask.client import errors
from crontask.client.access import Access
from crontask.client.answers import Answer, Lines, encoded
from crontask.client.deadline import Deadline, shorter
from crontask.client.errors import Asked
from crontask.client.grants import Grant, KeyPair
from crontask.client.requests import Request
from crontask.client.sending import Sending
from crontask.client.trouble import keep_alive, silent, unreachable

if TYPE_CHECKING:
    import socket

    import urllib3

T = TypeVar("T")
_CHUNK = 65_536
_CONNECTIONS = 8


class SyncTransport:
    """Sends requests to one API server."""

    def __init__(self, access: Access) -> None:
        self.access = access
        # Whose they are: of which process, and of which client certificate.
        self._pools: tuple[int, KeyPair | None, urllib3.PoolManager] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what this process has open. It may be used again."""
        pools, self._pools = self._pools, None
        if pools is not None and pools[0] == os.getpid():
            pools[2].clear()

    def send(self, request: Request) -> Answer:
        """The whole answer of a request that succeeded. Raises RequestError, or AccessError if we cannot log in."""
        sending = self._sending(request)

        def whole(response: "urllib3.BaseHTTPResponse") -> Answer:
            return sending.taken(self._whole(request, response, sending))

        return self._tried(request, sending, whole)

    def stream(self, request: Request, seconds: float | None = None) -> Generator[bytes, None, None]:
        """The lines of an answer as they come, the last one even if nothing ends it. It ends after `seconds`."""
        deadline = Deadline(seconds)
        sending = self._sending(request)

        def opened(response: "urllib3.BaseHTTPResponse") -> "urllib3.BaseHTTPResponse":
            if not 200 <= response.status < 300:
                sending.taken(self._whole(request, response, sending))
            return response

        response = self._tried(request, sending, opened)
        lines = Lines(request.longest_line)
        try:
            while chunk := self._chunk_of_stream(request, response, deadline):
                yield from lines.add(chunk)
            if lines.rest:
                yield lines.rest
        finally:
            response.close()

    def _sending(self, request: Request) -> Sending:
        return Sending(request, self.access.login, self.access.timeout, time.monotonic())

    def _tried(self, request: Request, sending: Sending, take: "Callable[[urllib3.BaseHTTPResponse], T]") -> T:
        """Send it until it is taken."""
        while True:
            grant: Grant | None = None
            try:
                left = sending.left(time.monotonic())
                grant = sending.grant() or sending.obtain()
                return take(self._opened(request, grant, left, sending))
            except errors.RequestError as error:
                pause = sending.pause(error, grant, time.monotonic())
            time.sleep(pause)

    def _opened(
        self, request: Request, grant: Grant, left: float | None, sending: Sending
    ) -> "urllib3.BaseHTTPResponse":
        """Send it once; the headers have come."""
        import urllib3

        headers = urllib3.HTTPHeaderDict(request.headers())
        headers["Accept-Encoding"] = "gzip" if request.silence is None else "identity"
        for name, value in self.access.headers:
            # http.client encodes as Latin-1, the API server reads UTF-8.
            headers.add(name, value.encode().decode("latin-1"))
        if grant.authorization:
            headers["Authorization"] = grant.authorization
        try:
            return self._pool(grant.key_pair).urlopen(
                request.method,
                request.url(self.access.server),
                body=encoded(request),
                headers=headers,
                timeout=urllib3.Timeout(connect=left, read=left),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._failure(request.asked, error, sending) from error

    def _whole(self, request: Request, response: "urllib3.BaseHTTPResponse", sending: Sending) -> Answer:
        """The answer with its body. The connection is free for the next request, or closed."""
        parts: list[bytes] = []
        try:
            while chunk := self._chunk(request.asked, response, sending.left(time.monotonic()), sending):
                parts.append(chunk)
        except errors.RequestError:
            response.close()
            raise
        headers = {name.lower(): value for name, value in response.headers.items()}
        response.release_conn()
        return Answer(response.status, headers, b"".join(parts))

    def _chunk(
        self, asked: Asked, response: "urllib3.BaseHTTPResponse", left: float | None, sending: Sending | None = None
    ) -> bytes:
        """Some of the body, empty at its end; within so many seconds."""
        import urllib3

        connection = response.connection
        sock: socket.socket | None = getattr(connection, "sock", None)
        if sock is not None:
            sock.settimeout(left)
        try:
            return response.read1(_CHUNK)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._failure(asked, error, sending) from error

    def _chunk_of_stream(self, request: Request, response: "urllib3.BaseHTTPResponse", deadline: Deadline) -> bytes:
        """Some of a stream, empty once it has ended or its time is over."""
        left = deadline.left
        if left is not None and left <= 0:
            return b""
        patience = shorter(left, request.silence)
        try:
            return self._chunk(request.asked, response, patience)
        except errors.Timeout as error:
            if left is not None and patience == left:
                return b""
            raise silent(request.asked, self.access, patience) from error

    def _failure(self, asked: Asked, error: BaseException, sending: Sending | None) -> errors.RequestError:
        """The typed error of one of urllib3."""
        import urllib3

        of = urllib3.exceptions
        unsent = isinstance(error, of.NewConnectionError | of.ConnectTimeoutError | of.ProxyError | of.SSLError)
        if isinstance(error, of.TimeoutError | TimeoutError) and not isinstance(error, of.NewConnectionError):
            return sending.timeout(sent=not unsent) if sending else errors.Timeout(asked, "silent", sent=True)
        return unreachable(asked, self.access, error, sent=not unsent)

    def _pool(self, pair: KeyPair | None) -> "urllib3.PoolManager":
        """The connections of this process with this client certificate."""
        pools = self._pools
        if pools is None or pools[0] != os.getpid() or pools[1] != pair:
            # The old ones are let go, not closed: they may be our parent's, or another thread may still use one.
            pools = self._pools = (os.getpid(), pair, self._made(pair))
        return pools[2]

    def _made(self, pair: KeyPair | None) -> "urllib3.PoolManager":
        import urllib3

        tls = self.access.tls
        options: dict[str, Any] = {"maxsize": _CONNECTIONS, "socket_options": keep_alive()}
        if self.access.server.startswith("https:"):
            options["ssl_context"] = tls.context(pair)
            if tls.server_name:
                options["server_hostname"] = tls.server_name
            if tls.insecure:
                _silence_warning(self.access.server)
        if not self.access.proxy:
            return urllib3.PoolManager(**options)
        of_proxy = urllib3.util.parse_url(self.access.proxy)
        headers = urllib3.make_headers(proxy_basic_auth=of_proxy.auth) if of_proxy.auth else None
        return urllib3.ProxyManager(self.access.proxy, proxy_headers=headers, **options)


def _silence_warning(server: str) -> None:
    """Whoever wrote insecure-skip-tls-verify knows; it would be said with each request."""
    import re
    import warnings
    from urllib.parse import urlsplit

    import urllib3

    host = re.escape(urlsplit(server).hostname or "")
    about = urllib3.exceptions.InsecureRequestWarning
    warnings.filterwarnings("ignore", f".*host '\\[?{host}", about)
