"""The transport for an event loop: aiohttp. Its sessions belong to the loop and the process that opened them.

It does what `sync` does, by the same `sending`. Exec plugins and files of tokens are read in a thread.
"""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from crontask.client import errors
from crontask.client.access import Access
from crontask.client.answers import Answer, Lines, encoded
from crontask.client.deadline import Deadline, shorter
from crontask.client.grants import Grant, KeyPair
from crontask.client.requests import Request
from crontask.client.sending import Sending
from crontask.client.trouble import keep_alive, silent, unreachable

T = TypeVar("T")
_CONNECTIONS = 64


class AsyncTransport:
    """Sends requests to one API server."""

    def __init__(self, access: Access, connections: int = _CONNECTIONS) -> None:
        self.access = access
        self._connections = connections
        self._session: tuple[int, asyncio.AbstractEventLoop, aiohttp.ClientSession] | None = None
        self._context: tuple[KeyPair | None, ssl.SSLContext] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what this process has open. It may be used again."""
        session, self._session = self._session, None
        if session is not None and session[0] == os.getpid():
            await session[2].close()

    async def send(self, request: Request) -> Answer:
        """The whole answer of a request that succeeded. Raises RequestError, or AccessError if we cannot log in."""
        sending = self._sending(request)

        async def whole(response: aiohttp.ClientResponse) -> Answer:
            return sending.taken(await self._whole(request, response, sending))

        return await self._tried(request, sending, whole)

    async def stream(self, request: Request, seconds: float | None = None) -> AsyncGenerator[bytes, None]:
        """The lines of an answer as they come, the last one even if nothing ends it. It ends after `seconds`."""
        deadline = Deadline(seconds)
        sending = self._sending(request)

        async def opened(response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
            if not 200 <= response.status < 300:
                sending.taken(await self._whole(request, response, sending))
            return response

        response = await self._tried(request, sending, opened)
        lines = Lines(request.longest_line)
        try:
            while chunk := await self._chunk(request, response, deadline):
                for line in lines.add(chunk):
                    yield line
            if lines.rest:
                yield lines.rest
        finally:
            response.close()

    def _sending(self, request: Request) -> Sending:
        return Sending(request, self.access.login, self.access.timeout, time.monotonic())

    async def _tried(
        self, request: Request, sending: Sending, take: Callable[[aiohttp.ClientResponse], Awaitable[T]]
    ) -> T:
        """Send it until it is taken."""
        while True:
            grant: Grant | None = None
            try:
                left = sending.left(time.monotonic())
                grant = sending.grant()
                if grant is None:
                    grant = await asyncio.to_thread(sending.obtain)
                response = await self._opened(request, grant, left, sending)
                return await take(response)
            except errors.RequestError as error:
                pause = sending.pause(error, grant, time.monotonic())
            await asyncio.sleep(pause)

    async def _opened(
        self, request: Request, grant: Grant, left: float | None, sending: Sending
    ) -> aiohttp.ClientResponse:
        """Send it once; the headers have come."""
        headers = CIMultiDict(request.headers())
        headers["Accept-Encoding"] = "gzip" if request.silence is None else "identity"
        for name, value in self.access.headers:
            headers.add(name, value)
        if grant.authorization:
            headers["Authorization"] = grant.authorization
        try:
            async with asyncio.timeout(left):
                return await self._http().request(
                    request.method,
                    URL(request.url(self.access.server), encoded=True),
                    data=encoded(request),
                    headers=headers,
                    allow_redirects=False,
                    proxy=self.access.proxy or None,
                    ssl=self._tls(grant.key_pair),
                    server_hostname=self.access.tls.server_name or None,
                )
        except TimeoutError as error:
            raise sending.timeout(sent=True) from error
        except (aiohttp.ClientError, OSError) as error:
            sent = not isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError)
            raise unreachable(request.asked, self.access, error, sent=sent) from error

    async def _whole(self, request: Request, response: aiohttp.ClientResponse, sending: Sending) -> Answer:
        """The answer with its body. The connection is free for the next request, or closed."""
        try:
            async with asyncio.timeout(sending.left(time.monotonic())):
                body = await response.read()
        except TimeoutError as error:
            response.close()
            raise sending.timeout(sent=True) from error
        except (aiohttp.ClientError, OSError) as error:
            response.close()
            raise unreachable(request.asked, self.access, error, sent=True) from error
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, body)

    async def _chunk(self, request: Request, response: aiohttp.ClientResponse, deadline: Deadline) -> bytes:
        """Some of a stream, empty once it has ended or its time is over."""
        left = deadline.left
        if left is not None and left <= 0:
            return b""
        patience = shorter(left, request.silence)
        try:
            async with asyncio.timeout(patience):
                return await response.content.readany()
        except TimeoutError as error:
            if left is not None and patience == left:
                return b""
            raise silent(request.asked, self.access, patience) from error
        except (aiohttp.ClientError, OSError) as error:
            raise unreachable(request.asked, self.access, error, sent=True) from error

    def _http(self) -> aiohttp.ClientSession:
        """The session of this process and this loop."""
        loop, known = asyncio.get_running_loop(), self._session
        if known is None or known[:2] != (os.getpid(), loop):
            known = self._session = (os.getpid(), loop, self._made())
        return known[2]

    def _tls(self, pair: KeyPair | None) -> ssl.SSLContext | bool:
        """What secures a connection. Connections are kept by it, so those with an old certificate are used no more."""
        if not self.access.server.startswith("https:"):
            return True
        if self._context is None or self._context[0] != pair:
            self._context = (pair, self.access.tls.context(pair))
        return self._context[1]

    def _made(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=90, socket_factory=_socket)
        # What is left of a request is measured as a whole, elsewhere.
        session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
        # aiohttp would send a DELETE again by itself, and nobody would know that its first answer was lost.
        session._retry_connection = False
        return session


def _socket(address: "aiohttp.connector.AddrInfoType") -> socket.socket:
    made = socket.socket(*address[:3])
    made.setblocking(False)
    for option in keep_alive():
        made.setsockopt(*option)
    return made
