"""The tasks and runs of the whole cluster, read once for everybody: of a page that is served in the cluster.

The server reads them with its own credentials, which may do nothing else, and shows each visitor what they may see
with theirs. Objects of other kinds are read with the visitor's own.
"""

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from functools import partial

import orjson

from crontask.api.resources import CRON_TASK, SCHEDULED_RUN, Resource
from crontask.client import ALL, AsyncCluster, errors
from crontask.client.requests import Document
from crontask.dashboard.reader import TOGETHER, Held, Query, Reader, Snapshot
from crontask.dashboard.rights import Rights

_AGAIN = 5.0
_IDENTITY = ("name", "namespace", "uid", "resourceVersion")
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_log = logging.getLogger(__name__)


class SharedObjects:
    """All objects of our two kinds, as they are now."""

    def __init__(self, cluster: AsyncCluster) -> None:
        self._cluster = cluster
        self._objects: dict[Resource, dict[str, dict[str, _Kept]]] = {CRON_TASK: {}, SCHEDULED_RUN: {}}
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

    def find(self, query: Query) -> tuple[Held, ...]:
        """What a query is about."""
        by_namespace = self._objects[query.kind]
        spaces = [by_namespace.get(query.namespace, {})] if query.namespace else list(by_namespace.values())
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
                # All of them at once, as they come, would be many times what is kept of them.
                listed = await self._cluster.list(kind, namespace=ALL, keep=partial(self._take_listed, kind))
                self._forget_all_but(kind, listed["items"])
                self._listed[kind].set()
                if self.ready:
                    # What is kept stays: to walk it again and again, a request now and then would wait for.
                    gc.collect()
                    gc.freeze()
                self._notify(kind, None)
                async with aclosing(self._cluster.watch(kind, namespace=ALL, after=listed)) as events:
                    async for event in events:
                        self.take(kind, event.object, deleted=event.type == "DELETED")
                        self._notify(kind, (event.object.get("metadata") or {}).get("namespace"))
            except errors.ClientError as error:
                _log.warning("%s cannot be read, and is tried again: %s", kind.full_name, error)
                await asyncio.sleep(_AGAIN)
            except Exception:  # noqa: BLE001 - a page that has stopped reading would show what was, and say nothing
                _log.exception("%s cannot be read, and is tried again", kind.full_name)
                await asyncio.sleep(_AGAIN)

    def _take_listed(self, kind: Resource, item: Document) -> Document:
        """An object of a list; what a watch has to know of it."""
        self.take(kind, item)
        metadata = item.get("metadata") or {}
        return {"metadata": {key: metadata[key] for key in _IDENTITY if key in metadata}}

    def _forget_all_but(self, kind: Resource, listed: Iterable[Document]) -> None:
        uids = {item["metadata"].get("uid") for item in listed}
        for namespace, there in self._objects[kind].items():
            self._objects[kind][namespace] = {uid: kept for uid, kept in there.items() if uid in uids}

    def take(self, kind: Resource, item: Document, *, deleted: bool = False) -> None:
        """An object that was read. One that cannot be kept is not shown, and keeps no other from being so."""
        try:
            if deleted:
                self._objects[kind].get(item["metadata"]["namespace"], {}).pop(item["metadata"]["uid"], None)
            else:
                self.keep(kind, item)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            _log.warning("one of %s is not shown, as it has another form: %r", kind.full_name, error)

    def keep(self, kind: Resource, item: Document) -> None:
        """An object as it is now."""
        metadata = item["metadata"]
        # Nobody is shown them, and they are a third of the object.
        metadata.pop("managedFields", None)
        (metadata.get("annotations") or {}).pop(_APPLIED, None)
        self._objects[kind].setdefault(metadata["namespace"], {})[metadata["uid"]] = _Kept(item)

    def _notify(self, kind: Resource, namespace: str | None) -> None:
        for changed, about in self._listeners.items():
            if any(of == kind and (namespace is None or where in (ALL, namespace)) for of, where in about):
                changed.set()


class _Kept(Held):
    """An object as JSON, in which the garbage collector finds nothing to walk, and by what it is selected."""

    __slots__ = ("fields",)

    def __init__(self, item: Document) -> None:
        super().__init__(_written(item))
        self.fields = fields_of(item)


def _written(item: Document) -> Document | bytes:
    """The object as JSON; itself where it is nested more deeply than can be written."""
    try:
        return orjson.dumps(item)
    except TypeError:
        return item


SELECTED = ("metadata.name", "spec.taskRef.name", "spec.parent.name", "status.phase")
"""The fields that queries select by."""


def fields_of(item: Document) -> tuple[str, ...]:
    """Their values in an object, empty where there is none."""
    spec, status = item.get("spec") or {}, item.get("status") or {}
    named = ((spec.get(key) or {}).get("name") or "" for key in ("taskRef", "parent"))
    phase = sys.intern(str(status.get("phase") or ""))
    return (str(item["metadata"]["name"]), *(sys.intern(str(name)) for name in named), phase)


def selector(fields: str) -> Callable[[_Kept], bool]:
    """Whether an object is one that a field selector, of SELECTED, is about."""
    parts = []
    for part in filter(None, fields.split(",")):
        path, _, wanted = part.partition("=")
        parts.append((SELECTED.index(path.removesuffix("!")), wanted, path.endswith("!")))
    return lambda kept: all((kept.fields[at] == wanted) is not differs for at, wanted, differs in parts)


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
