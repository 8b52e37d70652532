"""An API server in memory, as far as a client can see: versions, generations, conflicts, owners, watches, faults.

tests/integration/test_fidelity.py holds it against the real one. It does not validate beyond what a pod's spec may
change, knows no finalizers, and takes any namespace for an existing one.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import orjson

from crontask.ports import ApiError, Clock, Document, Kind, ObjectKey, Page, WatchEvent
from crontask.simulation.documents import copied
from crontask.simulation.objects import Objects, refusal

Fault = Callable[[str, ObjectKey], ApiError | None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Write:
    """A write that took effect."""

    at: datetime
    verb: str
    key: ObjectKey
    subresource: str
    body: Document


@dataclass
class _Failure:
    """What `fail_next` ordered."""

    verb: str
    kind: Kind | None
    status: int
    retry_after: float | None
    landed: bool
    times: int


class MemoryApi:
    """The `Api` port on documents in memory. `fault(verb, key)` may refuse a request before it lands.

    `requests` counts what was asked by (verb, kind, subresource); `writes` (by verb and kind) and `log`, only
    what took effect. With `latency`, half of it passes before a request takes effect and half before its answer.
    The last `history` changes can be watched from. Without `logs` there is no `log`, which only grows.
    """

    def __init__(self, clock: Clock, *, history: int = 100_000, logs: bool = True) -> None:
        self._clock = clock
        self._objects = Objects(clock, history)
        self._drops = 0
        self._down = False
        self._failures: list[_Failure] = []
        self.fault: Fault = lambda verb, key: None
        self.latency = 0.0
        self.observers = self._objects.observers
        self.requests: Counter[tuple[str, str, str]] = Counter()
        self.writes: Counter[tuple[str, str]] = Counter()
        self.log: list[Write] = []
        self._logs = logs
        # When connections were asked for ahead, and how many.
        self.warmed: list[tuple[datetime, int]] = []

    # --- the port ----------------------------------------------------------------------------------------------------

    async def list_page(
        self,
        kind: Kind,
        *,
        namespace: str = "",
        selector: str = "",
        fields: str = "",
        limit: int = 500,
        continue_token: str = "",
    ) -> Page:
        """See Api."""
        return await self._answer(
            "list",
            ObjectKey(kind, namespace, ""),
            lambda: self._objects.page(kind, namespace, selector, fields, limit, continue_token),
        )

    async def watch(
        self, kind: Kind, *, resource_version: str, namespace: str = "", selector: str = ""
    ) -> AsyncIterator[WatchEvent]:
        """See Api. Version 0 or none begins with what is there."""
        await self._answer("watch", ObjectKey(kind, namespace, ""), lambda: None)
        drops = self._drops

        def ended() -> bool:
            return drops != self._drops or self._down

        async for event in self._objects.events(kind, namespace, resource_version, selector, ended):
            yield event
        if self._down:
            raise refusal(0, "the API server is down")

    async def get(self, key: ObjectKey) -> bytes:
        """See Api."""
        return await self._answer("get", key, lambda: orjson.dumps(self._objects.existing(key)))

    async def create(self, kind: Kind, namespace: str, body: Document, *, dry_run: bool = False) -> bytes:
        """See Api."""
        key = ObjectKey(kind, namespace, body["metadata"]["name"])
        if dry_run:
            return await self._answer("dry-run", key, lambda: orjson.dumps(body))
        return await self._answer("create", key, lambda: self._objects.create(key, body), body)

    async def patch(self, key: ObjectKey, body: Document, *, subresource: str = "") -> bytes:
        """See Api."""
        return await self._answer("patch", key, lambda: self._objects.patch(key, body, subresource), body, subresource)

    async def update_status(self, key: ObjectKey, *, uid: str, version: str, status: Document) -> bytes:
        """See Api."""
        body = {"metadata": {"uid": uid, "resourceVersion": version}, "status": status}
        return await self._answer(
            "update", key, lambda: self._objects.patch(key, body, "status", whole=True), body, "status"
        )

    async def delete(self, key: ObjectKey, *, uid: str, version: str = "", grace_seconds: int | None = None) -> None:
        """See Api. A running pod only gets a deletionTimestamp: its kubelet removes it."""
        options = {"uid": uid, "gracePeriodSeconds": grace_seconds}
        await self._answer("delete", key, lambda: self._objects.delete(key, uid, version, grace_seconds), options)

    async def warm(self, connections: int) -> None:
        """See Api."""
        self.warmed.append((self._clock.now(), connections))

    # --- as a user or a kubelet: no fault, latency or counter applies -------------------------------------------------

    def __contains__(self, key: ObjectKey) -> bool:
        return key in self._objects

    def apply(self, document: Document, namespace: str = "default") -> Document:
        """Create it, or merge it into what is there; as stored."""
        kind = next(kind for kind in Kind if kind.kind == document["kind"])
        key = ObjectKey(kind, document["metadata"].get("namespace", namespace), document["metadata"]["name"])
        known = key in self._objects
        raw = self._objects.patch(key, document, "") if known else self._objects.create(key, document)
        return dict(orjson.loads(raw))

    def replace(self, key: ObjectKey, document: Document) -> Document:
        """The object with these parts in place of its own, as stored. The status is left alone."""
        return dict(orjson.loads(self._objects.patch(key, document, "", whole=True)))

    def end(self, key: ObjectKey, *, uid: str, version: str = "", grace_seconds: int | None = None) -> None:
        """Delete it, as a client does: a running pod only gets a deletionTimestamp."""
        self._objects.delete(key, uid, version, grace_seconds)

    @property
    def version(self) -> int:
        """That of the last change."""
        return self._objects.version

    def set_status(self, key: ObjectKey, status: Document) -> None:
        """Merge it into the status."""
        self._objects.patch(key, {"status": status}, "status")

    def follow(self, kind: Kind) -> AsyncIterator[WatchEvent]:
        """A watch from the beginning that nothing ends."""
        return self._objects.events(kind, "", "0", "", lambda: False)

    async def remove(self, key: ObjectKey) -> None:
        """The object is gone, and with it what it owns. Nothing to do if it is gone already."""
        if key in self._objects:
            self._objects.remove(key)

    def documents(self, kind: Kind) -> list[Document]:
        """All objects of a kind."""
        return [copied(document) for document in self._objects.of_kind(kind)]

    def stored(self, kind: Kind) -> list[Document]:
        """All objects of a kind as they are stored, for who only reads them: no change of one is seen in these."""
        return self._objects.of_kind(kind)

    def document(self, key: ObjectKey) -> Document:
        """One object. 404 if there is none."""
        return copied(self._objects.existing(key))

    # --- faults ------------------------------------------------------------------------------------------------------

    def fail_next(
        self,
        verb: str = "",
        kind: Kind | None = None,
        *,
        status: int,
        landed: bool = False,
        times: int = 1,
        retry_after: float | None = None,
    ) -> None:
        """Refuse the next requests of this verb and kind (any, if not said). With `landed` the write takes effect."""
        self._failures.append(_Failure(verb, kind, status, retry_after, landed, times))

    @property
    def down(self) -> bool:
        """While set, nothing is reached, and watches break."""
        return self._down

    @down.setter
    def down(self, down: bool) -> None:
        self._down = down
        self._objects.notify()

    def drop_watches(self) -> None:
        """Every watch ends silently, with what it has not delivered yet."""
        self._drops += 1
        self._objects.notify()

    def compact(self) -> None:
        """No version before this one can be resumed from, and no list be continued."""
        self._objects.compact()

    def bookmark(self) -> None:
        """Let every watch know how far it is."""
        self._objects.bookmark()

    async def end_watches(self, *, expire: bool = False) -> None:
        """Drop the watches; with `expire`, compact too."""
        self.drop_watches()
        if expire:
            self.compact()

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _answer(
        self, verb: str, key: ObjectKey, act: Callable[[], T], body: Document | None = None, subresource: str = ""
    ) -> T:
        """Do what is asked, unless a fault has it otherwise."""
        self.requests[verb, key.kind.kind, subresource] += 1
        await self._travel()
        failure = self._ordered(verb, key.kind)
        error = self.fault(verb, key)
        if error is not None:
            raise error
        if failure is not None and not failure.landed:
            raise refusal(failure.status, "ordered by the test", failure.retry_after)
        before = self._objects.version
        answer = act()
        if self._objects.version != before and body is not None:
            self.writes[f"{verb} {subresource}".strip(), key.kind.kind] += 1
            if self._logs:
                self.log.append(Write(self._clock.now(), verb, key, subresource, copied(body)))
        await self._travel()
        if failure is not None:
            raise refusal(failure.status, "ordered by the test, after it took effect", failure.retry_after)
        return answer

    async def _travel(self) -> None:
        if self.latency:
            await self._clock.sleep(self.latency / 2)
        if self._down:
            raise refusal(0, "the API server is down")

    def _ordered(self, verb: str, kind: Kind) -> _Failure | None:
        for failure in self._failures:
            if failure.verb in ("", verb) and failure.kind in (None, kind):
                failure.times -= 1
                if not failure.times:
                    self._failures.remove(failure)
                return failure
        return None
