"""An API server in memory, as far as the engine can tell: versions, generations, conflicts, owners, watches, faults.

Callers: tests of the engine.
"""

import asyncio
import copy
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson

from crontask.api.base import format_time
from crontask.engine.ports import ApiError, Clock, Document, Kind, ObjectKey, Page, WatchEvent, WatchExpiredError

_WITH_STATUS = (Kind.CRON_TASK, Kind.SCHEDULED_RUN, Kind.POD)
Fault = Callable[[str, ObjectKey], ApiError | None]


class MemoryApi:
    """The `Api` port on documents in memory. `fault(verb, key)` may refuse a request before it lands."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._objects: dict[ObjectKey, Document] = {}
        self._version = 0
        self._history: list[tuple[int, Kind, WatchEvent]] = []
        self._oldest = 0
        self._news = asyncio.Condition()
        self._ended_watches = 0
        self.fault: Fault = lambda verb, key: None
        self.writes: Counter[tuple[str, str]] = Counter()

    # --- the port ----------------------------------------------------------------------------------------------------

    async def list_page(self, kind: Kind, *, selector: str = "", limit: int = 500, continue_token: str = "") -> Page:
        """See Api. Always one page."""
        self._may_fail("list", ObjectKey(kind, "", ""))
        items = tuple(orjson.dumps(d) for k, d in self._objects.items() if k.kind is kind and _selected(d, selector))
        return Page(items, "", str(self._version))

    async def watch(self, kind: Kind, *, resource_version: str, selector: str = "") -> AsyncIterator[WatchEvent]:
        """See Api."""
        seen, generation = int(resource_version), self._ended_watches
        while generation == self._ended_watches:
            if seen < self._oldest:
                raise WatchExpiredError(f"version {seen} is too old")
            for version, of, event in [entry for entry in self._history if entry[0] > seen]:
                seen = version
                if of is kind and _selected(orjson.loads(event.object), selector):
                    yield event
            async with self._news:
                if self._version == seen and generation == self._ended_watches:
                    await self._news.wait()

    async def get(self, key: ObjectKey) -> bytes:
        """See Api."""
        self._may_fail("get", key)
        return orjson.dumps(self._existing(key))

    async def create(self, kind: Kind, namespace: str, body: Document) -> bytes:
        """See Api."""
        key = ObjectKey(kind, namespace, body["metadata"]["name"])
        self._may_fail("create", key)
        if key in self._objects:
            raise ApiError(409, "AlreadyExists", f"{kind.plural} {key.name!r} already exists")
        document = copy.deepcopy(body)
        if kind in _WITH_STATUS:
            document.pop("status", None)
        self.writes["create", kind.kind] += 1
        uid = f"00000000-0000-4000-8000-{self._version:012d}"
        document["metadata"] |= {
            "namespace": namespace,
            "uid": uid,
            "creationTimestamp": format_time(self._clock.now()),
            "generation": 1,
        }
        return await self._store(key, document, "ADDED")

    async def patch(self, key: ObjectKey, body: Document, *, subresource: str = "") -> bytes:
        """See Api."""
        self._may_fail("patch", key)
        known = self._existing(key)
        wanted = body.get("metadata", {}).get("resourceVersion")
        if wanted is not None and wanted != known["metadata"]["resourceVersion"]:
            raise ApiError(409, "Conflict", "the object has been modified")
        if subresource == "status":
            document = merge_patch(known, {"status": body.get("status", {})})
        else:
            document = merge_patch(known, {k: v for k, v in body.items() if k != "status" or key.kind is Kind.EVENT})
        document["metadata"]["resourceVersion"] = known["metadata"]["resourceVersion"]
        if document == known:
            return orjson.dumps(known)
        if document.get("spec") != known.get("spec"):
            document["metadata"]["generation"] += 1
        self.writes[f"patch {subresource}".strip(), key.kind.kind] += 1
        return await self._store(key, document, "MODIFIED")

    async def delete(self, key: ObjectKey, *, uid: str, grace_seconds: int | None = None) -> None:
        """See Api. A running pod is only marked: its kubelet removes it."""
        self._may_fail("delete", key)
        known = self._existing(key)
        if known["metadata"]["uid"] != uid:
            raise ApiError(409, "Conflict", "the UID in the precondition does not match")
        self.writes["delete", key.kind.kind] += 1
        if key.kind is Kind.POD and known.get("status", {}).get("phase") == "Running" and grace_seconds != 0:
            marked = copy.deepcopy(known)
            marked["metadata"]["deletionTimestamp"] = format_time(self._clock.now())
            await self._store(key, marked, "MODIFIED")
            return
        await self.remove(key)

    # --- for tests ---------------------------------------------------------------------------------------------------

    async def remove(self, key: ObjectKey) -> None:
        """The object is gone, and with it what it owns."""
        document = self._objects.pop(key, None)
        if document is None:
            return
        self._version += 1
        document["metadata"]["resourceVersion"] = str(self._version)
        await self._tell(key.kind, WatchEvent("DELETED", orjson.dumps(document)))
        owned = [k for k, d in self._objects.items() if _owned_by(d, document["metadata"]["uid"])]
        for dependent in owned:
            await self.remove(dependent)

    def documents(self, kind: Kind) -> list[Document]:
        """All objects of a kind."""
        return [copy.deepcopy(document) for key, document in self._objects.items() if key.kind is kind]

    def document(self, key: ObjectKey) -> Document:
        """One object. 404 if there is none."""
        return copy.deepcopy(self._existing(key))

    async def end_watches(self, *, expire: bool = False) -> None:
        """Every watch ends silently; with `expire`, older versions cannot be resumed from."""
        self._ended_watches += 1
        if expire:
            self._oldest = self._version
            self._history.clear()
        async with self._news:
            self._news.notify_all()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _may_fail(self, verb: str, key: ObjectKey) -> None:
        error = self.fault(verb, key)
        if error is not None:
            raise error

    def _existing(self, key: ObjectKey) -> Document:
        if key not in self._objects:
            raise ApiError(404, "NotFound", f"{key.kind.plural} {key.name!r} not found")
        return self._objects[key]

    async def _store(self, key: ObjectKey, document: Document, type_: str) -> bytes:
        self._version += 1
        document["metadata"]["resourceVersion"] = str(self._version)
        self._objects[key] = document
        raw = orjson.dumps(document)
        await self._tell(key.kind, WatchEvent(type_, raw))
        return raw

    async def _tell(self, kind: Kind, event: WatchEvent) -> None:
        self._history.append((self._version, kind, event))
        async with self._news:
            self._news.notify_all()


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return copy.deepcopy(result)


def _selected(document: Document, selector: str) -> bool:
    return not selector or selector in (document["metadata"].get("labels") or {})


def _owned_by(document: Document, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in document["metadata"].get("ownerReferences") or [])
