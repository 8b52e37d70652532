"""The tasks and runs of the whole cluster, read once for everybody: of a page that is served in the cluster.

The server reads them with its own credentials, which may do nothing else, and shows each visitor what they may see
with theirs. Objects of other kinds are read with the visitor's own.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from crontask.api.resources import CRON_TASK, SCHEDULED_RUN, Resource
from crontask.client import ALL, AsyncCluster, errors
from crontask.client.requests import Document
from crontask.dashboard.reader import TOGETHER, Query, Reader, Snapshot
from crontask.dashboard.rights import Rights

_AGAIN = 5.0
_log = logging.getLogger(__name__)


class SharedObjects:
    """All objects of our two kinds, as they are now."""

    def __init__(self, cluster: AsyncCluster) -> None:
        self._cluster = cluster
        self._objects: dict[Resource, dict[str, dict[str, Document]]] = {CRON_TASK: {}, SCHEDULED_RUN: {}}
        self._listeners: dict[asyncio.Event, frozenset[tuple[Resource, str]]] = {}
        self._listed = {kind: asyncio.Event() for kind in self._objects}

    async def run(self) -> None:
        """Read until canceled."""
        async with asyncio.TaskGroup() as group:
            for kind in self._objects:
                group.create_task(self._follow(kind))

    @property
    def ready(self) -> bool:
        """Whether all of them have been read."""
        return all(listed.is_set() for listed in self._listed.values())

    def find(self, query: Query) -> tuple[Document, ...]:
        """What a query is about."""
        by_namespace = self._objects[query.kind]
        spaces = [by_namespace.get(query.namespace, {})] if query.namespace else list(by_namespace.values())
        if not query.all_fields:
            return tuple(each for space in spaces for each in space.values())
        fits = selector(query.all_fields)
        return tuple(each for space in spaces for each in space.values() if fits(each))

    def listen(self, changed: asyncio.Event, queries: Iterable[Query]) -> None:
        """Set the event whenever something changes that these queries may be about."""
        self._listeners[changed] = frozenset((query.kind, query.namespace) for query in queries)

    def leave(self, changed: asyncio.Event) -> None:
        """No more."""
        self._listeners.pop(changed, None)

    async def _follow(self, kind: Resource) -> None:
        while True:
            try:
                listed = await self._cluster.list(kind, namespace=ALL)
                self._objects[kind] = {}
                for item in listed["items"]:
                    self._keep(kind, item)
                self._listed[kind].set()
                self._notify(kind, None)
                async with aclosing(self._cluster.watch(kind, namespace=ALL, after=listed)) as events:
                    async for event in events:
                        if event.type == "DELETED":
                            metadata = event.object["metadata"]
                            self._objects[kind].get(metadata["namespace"], {}).pop(metadata["uid"], None)
                        else:
                            self._keep(kind, event.object)
                        self._notify(kind, event.object["metadata"]["namespace"])
            except errors.ClientError as error:
                _log.warning("%s cannot be read, and is tried again: %s", kind.full_name, error)
                await asyncio.sleep(_AGAIN)

    def _keep(self, kind: Resource, item: Document) -> None:
        metadata = item["metadata"]
        # Nobody is shown them, and they are a third of the object.
        metadata.pop("managedFields", None)
        self._objects[kind].setdefault(metadata["namespace"], {})[metadata["uid"]] = item

    def _notify(self, kind: Resource, namespace: str | None) -> None:
        for changed, about in self._listeners.items():
            if any(of == kind and (namespace is None or where in (ALL, namespace)) for of, where in about):
                changed.set()


def selector(fields: str) -> Callable[[Document], bool]:
    """Whether an object is one that a field selector is about."""
    parts = []
    for part in filter(None, fields.split(",")):
        path, _, wanted = part.partition("=")
        parts.append((tuple(path.removesuffix("!").split(".")), wanted, path.endswith("!")))
    return lambda item: all((_value(item, path) == wanted) is not differs for path, wanted, differs in parts)


def _value(item: object, path: tuple[str, ...]) -> str:
    for key in path:
        if not isinstance(item, dict):
            return ""
        item = item.get(key)
    return "" if item is None else str(item)


class SharedReader(Reader):
    """What a visitor may see of the shared objects. Raises errors.Forbidden for what they may not."""

    def __init__(self, cluster: AsyncCluster, rights: Rights, shared: SharedObjects) -> None:
        super().__init__(cluster)
        self._rights = rights
        self._shared = shared

    async def once(self, queries: Iterable[Query]) -> Snapshot:
        """See Reader."""
        queries = tuple(queries)
        await self._rights.check(queries)
        return {query: self._shared.find(query) for query in queries}

    async def changing(self, queries: Iterable[Query], beat: float) -> AsyncGenerator[Snapshot, None]:
        """See Reader."""
        queries = tuple(queries)
        changed = asyncio.Event()
        self._shared.listen(changed, queries)
        try:
            while True:
                yield await self.once(queries)
                try:
                    async with asyncio.timeout(beat):
                        await changed.wait()
                except TimeoutError:
                    continue
                await asyncio.sleep(TOGETHER)
                changed.clear()
        finally:
            self._shared.leave(changed)
