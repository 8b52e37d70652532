"""What the clients of a sandbox stand upon: its API server, and waiting, which lets its time pass.

Its coroutines never wait for an event loop, so both clients can use it, within one or without.
"""

from collections import deque
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import TypeVar

from crontask.api.resources import Resource
from crontask.client import errors
from crontask.client.answers import Event
from crontask.client.errors import Asked
from crontask.client.operations import Steps
from crontask.client.requests import Document, Request
from crontask.ports import Kind
from crontask.simulation.documents import copied, has_fields, selected
from crontask.testing.server import Server
from crontask.testing.world import World

T = TypeVar("T")

LONGEST_WAIT = timedelta(days=366)
"""Whoever waits without a timeout waits so long, in the time of the sandbox."""


class SandboxPort:
    """See sdk.port.Port."""

    def __init__(self, world: World, server: Server, namespace: str) -> None:
        self._world = world
        self._server = server
        self._namespace = namespace

    @property
    def namespace(self) -> str:
        """See Port."""
        return self._namespace

    async def run(self, steps: Steps[T]) -> T:
        """See Port."""
        try:
            request = next(steps)
            while True:
                try:
                    document = self._send(request)
                except errors.RequestError as error:
                    request = steps.throw(error)
                else:
                    request = steps.send(document)
        except StopIteration as done:
            result: T = done.value
            return result

    async def watch(
        self,
        kind: Resource,
        *,
        namespace: str | None = None,
        name: str = "",
        selector: str = "",
        fields: str = "",
        after: Document | None = None,
        timeout: float | None = None,
    ) -> AsyncGenerator[Event, None]:
        """See Port. While nothing changes, the time of the sandbox passes."""
        inside = self._namespace if namespace is None else namespace
        wanted = _Wanted(kind, inside, name, selector, fields)
        until = self._world.now + (LONGEST_WAIT if timeout is None else timedelta(seconds=timeout))
        known = {item["metadata"]["uid"]: item for item in (after or {}).get("items", [after] if after else [])}
        news = deque(wanted.since(known, self._world.api.documents(wanted.kind)))
        observers = self._world.api.observers

        def observe(changed: Kind, before: Document | None, now: Document | None) -> None:
            event = wanted.event(changed, before, now)
            if event is not None:
                news.append(event)

        observers.append(observe)
        try:
            while True:
                while news:
                    yield news.popleft()
                if not self._world.step(until):
                    break
        finally:
            observers.remove(observe)
        if timeout is None:
            message = f"nothing ended the waiting within {LONGEST_WAIT.days} days of the sandbox; give it a timeout"
            raise errors.Timeout(Asked("watch", kind, inside, name), message, sent=True)

    async def logs(
        self, pod: str, *, namespace: str | None = None, container: str = "", follow: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """See Port. No pod of a sandbox writes a log: what a function logs comes in the process itself."""
        nothing: tuple[bytes, ...] = ()
        for line in nothing:
            yield line

    async def close(self) -> None:
        """See Port. The sandbox itself is closed by its `with`."""

    def _send(self, request: Request) -> Document:
        self._world.check_open()
        document = self._server.answer(request)
        if request.method != "GET":
            self._world.settle()
        return document


class _Wanted:
    """The objects that a watch is about."""

    def __init__(self, resource: Resource, namespace: str, name: str, selector: str, fields: str) -> None:
        self.kind = next(kind for kind in Kind if kind.value == resource)
        self._namespace = namespace
        self._selector = selector
        self._fields = ",".join(filter(None, (f"metadata.name={name}" if name else "", fields)))

    def since(self, known: dict[str, Document], there: list[Document]) -> list[Event]:
        """What is other than it was known."""
        found = {document["metadata"]["uid"]: document for document in there if self._has(document)}
        gone = [Event("DELETED", item) for uid, item in known.items() if uid not in found]
        others = [
            Event("MODIFIED" if uid in known else "ADDED", document)
            for uid, document in found.items()
            if uid not in known or known[uid]["metadata"]["resourceVersion"] != document["metadata"]["resourceVersion"]
        ]
        return [*gone, *others]

    def event(self, kind: Kind, before: Document | None, after: Document | None) -> Event | None:
        """A change as the watch sees it."""
        if kind is not self.kind:
            return None
        was, is_ = self._has(before), self._has(after)
        if not was and not is_:
            return None
        document = copied(after or before or {})
        return Event("DELETED" if not is_ else "MODIFIED" if was else "ADDED", document)

    def _has(self, document: Document | None) -> bool:
        return (
            document is not None
            and self._namespace in ("", document["metadata"]["namespace"])
            and selected(document, self._selector)
            and has_fields(document, self._fields)
        )
