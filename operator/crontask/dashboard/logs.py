"""The log of a run: its last megabyte as a page, and as a stream that goes on while the container runs."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from aiohttp import web

from crontask.api.phases import TERMINAL
from crontask.api.resources import POD, SCHEDULED_RUN
from crontask.client import errors
from crontask.client.pods import handler_container
from crontask.client.requests import Document
from crontask.client.tree import is_composite
from crontask.dashboard.address import Ask
from crontask.dashboard.command_lines import logs_line
from crontask.dashboard.desk import Desk
from crontask.dashboard.plain import plain
from crontask.dashboard.rights import KEPT, READ_LOGS
from crontask.dashboard.session import Session
from crontask.dashboard.streams import send_events

MOST_BYTES = 1024 * 1024
_MOST_LINES = 20_000
_TOGETHER = 0.15
_LOOK_AGAIN = 1.0


@dataclass(frozen=True, slots=True)
class LogModel:
    """What the template shows. `text`: of the log; `why`: there is none."""

    name: str
    run_href: str
    pod: str
    text: str
    why: str
    cut: bool
    stream: str
    line: str


class Logs:
    """The handlers."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def show(self, request: web.Request) -> web.Response:
        """The page."""
        desk, session, ask = self.desk, self.desk.session(request), self.desk.ask(request)
        run = await session.visitor.cluster.get(SCHEDULED_RUN, ask.name, namespace=ask.namespace)
        pod = _pod_of(run, ask)
        text, why, cut = await self._tail(session, ask, run, pod)
        links = desk.links(request)
        is_open = (run.get("status") or {}).get("phase") not in TERMINAL
        live = links.to("live", "ns", ask.namespace, "runs", ask.name, "log", attempt=ask.text("attempt"))
        model = LogModel(
            ask.name,
            links.run(ask.namespace, ask.name),
            pod,
            text,
            why,
            cut,
            live if is_open else "",
            logs_line(ask.namespace, ask.name, follow=is_open),
        )
        return desk.html("log.html", desk.frame(request, session), model)

    async def live(self, request: web.Request) -> web.StreamResponse:
        """The stream: the last megabyte, and what is added to it. It ends with the log."""
        session, ask = self.desk.session(request), self.desk.ask(request)
        return await send_events(request, session, self._events(request, session, ask))

    async def _events(self, request: web.Request, session: Session, ask: Ask) -> AsyncGenerator[tuple[str, str], None]:
        try:
            async with aclosing(self._texts(request, session, ask)) as texts:
                async for event, data in texts:
                    yield event, json.dumps(data)
        except errors.Unauthorized:
            raise
        except errors.ClientError as error:
            yield "text", json.dumps(plain(error))
        yield "over", "over"

    async def _tail(self, session: Session, ask: Ask, run: Document, pod: str) -> tuple[str, str, bool]:
        """The end of the log, or why there is none, and whether there is more before it."""
        kept: deque[bytes] = deque()
        size, cut = 0, False
        try:
            container = await _container(session, ask, pod)
            lines = session.visitor.cluster.logs(
                pod, namespace=ask.namespace, container=container, tail_lines=_MOST_LINES
            )
            async with aclosing(lines):
                async for line in lines:
                    kept.append(line[-MOST_BYTES:])
                    size += len(kept[-1]) + 1
                    while size > MOST_BYTES and len(kept) > 1:
                        size -= len(kept.popleft()) + 1
                        cut = True
        except (errors.NotFound, errors.Invalid) as error:
            return "", _why_none(run, pod, error), False
        text = plain(b"\n".join(kept).decode(errors="replace"))
        return text, "" if text else "It is empty.", cut or len(kept) >= _MOST_LINES

    async def _texts(self, request: web.Request, session: Session, ask: Ask) -> AsyncGenerator[tuple[str, str], None]:
        while True:
            run = await session.visitor.cluster.get(SCHEDULED_RUN, ask.name, namespace=ask.namespace)
            pod = _pod_of(run, ask)
            ended = (run.get("status") or {}).get("phase") in TERMINAL
            try:
                container = await _container(session, ask, pod)
                lines = session.visitor.cluster.logs(
                    pod, namespace=ask.namespace, container=container, follow=True, tail_lines=_MOST_LINES
                )
                yield "begin", pod
                async with aclosing(_chunks(lines, lambda: self._still(request, ask))) as chunks:
                    async for chunk in chunks:
                        yield "text", plain(chunk.decode(errors="replace"))
                return
            except (errors.NotFound, errors.Invalid) as error:
                # The container has not started, or its pod is gone.
                if ended:
                    yield "text", _why_none(run, pod, error)
                    return
            yield "wait", pod
            await asyncio.sleep(_LOOK_AGAIN)
            self.desk.session(request)

    async def _still(self, request: web.Request, ask: Ask) -> bool:
        """Whether they may still read it."""
        session = self.desk.session(request)
        return await session.visitor.rights.may(READ_LOGS, ask.namespace)


async def _chunks(
    lines: AsyncGenerator[bytes, None], allowed: Callable[[], "asyncio.Future[bool] | object"]
) -> AsyncGenerator[bytes, None]:
    """Lines that come close together, together. It ends with the log, or with their right to read it."""
    queue: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(maxsize=10_000)

    async def read() -> None:
        try:
            async with aclosing(lines):
                async for line in lines:
                    await queue.put(line)
            await queue.put(None)
        except errors.ClientError as error:
            await queue.put(error)

    reading = asyncio.create_task(read())
    loop = asyncio.get_running_loop()
    checked = loop.time()
    try:
        while True:
            if loop.time() - checked >= KEPT:
                checked = loop.time()
                if not await allowed():  # type: ignore[misc]
                    return
            try:
                async with asyncio.timeout(KEPT):
                    found = [await queue.get()]
            except TimeoutError:
                continue
            await asyncio.sleep(_TOGETHER)
            while not queue.empty() and len(found) < _MOST_LINES:
                found.append(queue.get_nowait())
            texts = [each for each in found if isinstance(each, bytes)]
            if texts:
                yield b"".join(text + b"\n" for text in texts)
            last = found[-1]
            if last is None:
                return
            if isinstance(last, BaseException):
                raise last
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _pod_of(run: Document, ask: Ask) -> str:
    """The pod of the attempt that is asked for, else of the last one."""
    status = run.get("status") or {}
    for attempt in status.get("attempts") or ():
        if str(attempt.get("number")) == ask.text("attempt", 9):
            return str(attempt.get("pod") or "")
    return str(status.get("podName") or "")


async def _container(session: Session, ask: Ask, pod: str) -> str:
    """The container whose log is meant. Raises errors.NotFound without a pod."""
    if not pod:
        raise errors.NotFound(errors.Asked("get", POD, ask.namespace), 404, "NotFound", "there is no pod yet")
    return handler_container(await session.visitor.cluster.get(POD, pod, namespace=ask.namespace))


def _why_none(run: Document, pod: str, error: errors.RequestFailed) -> str:
    """Why there is no log, and what is kept of it where it is gone."""
    status = run.get("status") or {}
    if is_composite(run):
        return "It consists of parts: each of them has a log of its own."
    if isinstance(error, errors.NotFound) and pod and status.get("phase") in TERMINAL:
        message = plain(status.get("message") or "")
        kept = f" What it had to say at its end is kept:\n{message}" if message else ""
        return f"The pod {pod} is gone, and its log with it.{kept}"
    return "Its container has not started yet." if status.get("phase") not in TERMINAL else plain(error.message)
