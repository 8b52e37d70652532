"""The log of a run: its last megabyte as a page, and as a stream that goes on while the container runs."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from aiohttp import web

from crontask.api.phases import TERMINAL
from crontask.api.resources import POD, SCHEDULED_RUN
from crontask.client import errors
from crontask.client.log_sources import logs_url
from crontask.client.pods import handler_container
from crontask.client.requests import Document
from crontask.client.tree import is_composite
from crontask.dashboard.address import Ask
from crontask.dashboard.command_lines import logs_line
from crontask.dashboard.desk import Desk
from crontask.dashboard.log_tail import Tail, chunks
from crontask.dashboard.plain import plain
from crontask.dashboard.rights import KEPT, READ_LOGS
from crontask.dashboard.session import Session
from crontask.dashboard.streams import send_events

_MOST_LINES = 20_000
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
    logs_url: str


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
            "" if text else logs_url(run.get("status") or {}),
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
        tail, count = Tail(), 0
        try:
            container = await _container(session, ask, pod)
            lines = session.visitor.cluster.logs(
                pod, namespace=ask.namespace, container=container, tail_lines=_MOST_LINES
            )
            async with aclosing(lines):
                async for line in lines:
                    tail.add(line)
                    count += 1
        except (errors.NotFound, errors.Invalid) as error:
            return "", _why_none(run, pod, error), False
        kept, cut = tail.take()
        text = plain(kept.decode(errors="replace")).removesuffix("\n")
        return text, "" if text else "It is empty.", cut or count >= _MOST_LINES

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
                async with aclosing(chunks(lines, lambda: self._still(request, ask), KEPT)) as texts:
                    async for text, cut in texts:
                        if cut:
                            # What the page has is not what stood before this.
                            yield "begin", pod
                        yield "text", plain(text.decode(errors="replace"))
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
