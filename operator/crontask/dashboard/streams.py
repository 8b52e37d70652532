"""What an open page is sent: events, until it is closed, all is said, or whoever looks at it is nobody any more."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web

from crontask.client import errors
from crontask.dashboard.desk import NotLoggedInError
from crontask.dashboard.session import Session
from crontask.dashboard.views import NoSuchObjectError

MOST = 40
"""Streams of one session: more than a browser has windows that are seen, and than it opens connections."""
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
_LAST_EVENT_SECONDS = 5.0
_LOOK_AGAIN = 0.5
_EXPECTED = (errors.ClientError, NoSuchObjectError, NotLoggedInError)
_log = logging.getLogger(__name__)


async def send_events(
    request: web.Request, session: Session, events: AsyncGenerator[tuple[str, str], None]
) -> web.StreamResponse:
    """Names of events and their data, each on one line.

    Whatever ends them before their time, the last one is `anew`: the page is loaded again, and says why. It is so
    that nothing raises once the answer has begun, and a second answer is written into the first. Raises
    HTTPTooManyRequests where the session has as many streams as it may.
    """
    if session.streams >= MOST:
        await events.aclose()
        raise web.HTTPTooManyRequests(text=f"{MOST} pages of yours are open; close one of them")
    session.streams += 1
    try:
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        sending = asyncio.create_task(_send(request, response, events))
        ended = asyncio.create_task(session.ended.wait())
        closed = asyncio.create_task(_closed(request))
        try:
            await asyncio.wait((sending, ended, closed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (sending, ended, closed):
                each.cancel()
            await asyncio.gather(sending, ended, closed, return_exceptions=True)
        if sending.cancelled() and closed.cancelled():
            await _anew(response)
        return response
    finally:
        session.streams -= 1


async def _closed(request: web.Request) -> None:
    """Until the page is closed.

    A write would notice too, but the next may be a beat away: whoever goes quickly from page to page would until then
    hold the watches of each, and wait for one to be free.
    """
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110 - aiohttp has no event
        await asyncio.sleep(_LOOK_AGAIN)


async def _send(
    request: web.Request, response: web.StreamResponse, events: AsyncGenerator[tuple[str, str], None]
) -> None:
    try:
        async with aclosing(events):
            async for event, data in events:
                await response.write(f"event: {event}\ndata: {data}\n\n".encode())
    except ConnectionError:
        # The page is closed.
        return
    except Exception as error:  # noqa: BLE001 - whoever looks at the page sees it anew, and the log has it
        if not isinstance(error, _EXPECTED):
            _log.exception("%s %s", request.method, request.path)
        await _anew(response)


async def _anew(response: web.StreamResponse) -> None:
    """The last event, if anybody listens."""
    try:
        async with asyncio.timeout(_LAST_EVENT_SECONDS):
            await response.write(b"event: anew\ndata: anew\n\n")
    except (ConnectionError, TimeoutError) as error:
        _log.debug("nobody listens any more: %s", error)
