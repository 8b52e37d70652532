"""The objects that a view shows, read with somebody's own credentials: once, or again and again as they change."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from crontask.api.resources import Resource
from crontask.client import AsyncCluster
from crontask.client.requests import Document

F = TypeVar("F")
# What changes at once is shown at once, together.
TOGETHER = 0.1


@dataclass(frozen=True, slots=True)
class Query:
    """Objects of a kind; `namespace` empty: of all; `name`: one of them."""

    kind: Resource
    namespace: str
    name: str = ""
    selector: str = ""
    fields: str = ""

    @property
    def all_fields(self) -> str:
        """The field selector."""
        named = f"metadata.name={self.name}" if self.name else ""
        return ",".join(filter(None, (named, self.fields)))


class Held:
    """An object as it is held, given as it is, or as JSON: of thousands few are shown, and are read then."""

    __slots__ = ("_content", "_facts")

    def __init__(self, content: Document | bytes) -> None:
        self._content = content
        self._facts: Any = None

    @property
    def document(self) -> Document:
        """The object."""
        content = self._content
        found: Document = orjson.loads(content) if isinstance(content, bytes) else content
        return found

    def facts(self, read: Callable[[Document], F]) -> F:
        """What lists go by again and again, read off it once. `read`: the same for all objects of a kind."""
        if self._facts is None:
            self._facts = read(self.document)
        found: F = self._facts
        return found


Snapshot = Mapping[Query, tuple[Held, ...]]
"""What was found by each query."""


class Reader:
    """Reads from the API server. Raises errors.RequestError."""

    def __init__(self, cluster: AsyncCluster) -> None:
        self._cluster = cluster

    async def once(self, queries: Iterable[Query]) -> Snapshot:
        """What there is now."""
        queries = tuple(queries)
        async with _Together() as group:
            lists = [group.create_task(self._list(query)) for query in queries]
        return {query: tuple(map(Held, read.result()["items"])) for query, read in zip(queries, lists, strict=True)}

    async def changing(self, queries: Iterable[Query], beat: float) -> AsyncGenerator[Snapshot, None]:
        """What there is now, and again after each change, and after `beat` seconds without any."""
        queries = tuple(queries)
        async with _Together() as group:
            lists = [group.create_task(self._list(query)) for query in queries]
        known = [_Known(query, read.result()) for query, read in zip(queries, lists, strict=True)]
        changed = asyncio.Event()
        watching = [asyncio.create_task(self._follow(each, changed)) for each in known]
        try:
            while True:
                yield {each.query: tuple(each.objects.values()) for each in known}
                await _either(changed, watching, beat)
                if changed.is_set():
                    await asyncio.sleep(TOGETHER)
                    changed.clear()
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    async def _list(self, query: Query) -> Document:
        found = self._cluster.list(
            query.kind, namespace=query.namespace, selector=query.selector, fields=query.all_fields
        )
        return await found

    async def _follow(self, known: "_Known", changed: asyncio.Event) -> None:
        query = known.query
        events = self._cluster.watch(
            query.kind,
            namespace=query.namespace,
            selector=query.selector,
            fields=query.all_fields,
            after=known.listed,
        )
        async with aclosing(events):
            async for event in events:
                uid = event.object["metadata"]["uid"]
                if event.type == "DELETED":
                    known.objects.pop(uid, None)
                else:
                    known.objects[uid] = Held(event.object)
                changed.set()


class _Known:
    """What is known of a query while it is watched."""

    def __init__(self, query: Query, listed: Document) -> None:
        self.query = query
        self.listed = listed
        self.objects = {item["metadata"]["uid"]: Held(item) for item in listed["items"]}


class _Together(asyncio.TaskGroup):
    """A group whose first error is raised by itself, not as one of a group."""

    async def __aexit__(self, kind, error, trace):  # type: ignore[no-untyped-def]
        try:
            return await super().__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None


async def _either(changed: asyncio.Event, watching: Iterable[asyncio.Task[None]], seconds: float) -> None:
    """Until something has changed, or that time is over. Raises what ended a watch."""
    waiting = asyncio.create_task(changed.wait())
    try:
        done, _ = await asyncio.wait([waiting, *watching], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    for task in done - {waiting}:
        task.result()
