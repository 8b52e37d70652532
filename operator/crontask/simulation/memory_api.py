"""An API server in memory, as far as a client can tell: versions, generations, conflicts, owners, watches, faults.

tests/integration/test_fidelity.py holds it against the real one. It does not validate beyond what a pod's spec may
change, knows no finalizers, and takes any namespace for an existing one. Callers: tests, kubelet.
"""

import asyncio
import copy
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from crontask.api.base import format_time
from crontask.engine.ports import ApiError, Clock, Document, Kind, ObjectKey, Page, WatchEvent, WatchExpiredError
from crontask.simulation.documents import merge_patch, selected, structured

_CUSTOM = (Kind.CRON_TASK, Kind.SCHEDULED_RUN)
_WITH_STATUS = (*_CUSTOM, Kind.POD)
# What the server alone says of an object: no patch changes it.
_OURS = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_REASONS = {
    0: "Unreachable",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_DEFAULT_GRACE = 30
Fault = Callable[[str, ObjectKey], ApiError | None]


@dataclass(frozen=True, slots=True)
class Write:
    """A write that took effect."""

    at: datetime
    verb: str
    key: ObjectKey
    subresource: str
    body: Document


@dataclass(frozen=True, slots=True)
class _Change:
    """An object before and after: None before it was there, or once it is gone. `raw` is what watches are told."""

    version: int
    kind: Kind
    before: Document | None
    after: Document | None
    raw: bytes


@dataclass
class _Failure:
    """What `fail_next` ordered."""

    verb: str
    kind: Kind | None
    error: ApiError
    landed: bool
    times: int


class MemoryApi:
    """The `Api` port on documents in memory. `fault(verb, key)` may refuse a request before it lands.

    `requests` counts what was asked by (verb, kind, subresource); `writes` (by verb and kind) and `log`, only
    what took effect. With `latency`, half of it passes before a request takes effect and half before its answer.
    """

    def __init__(self, clock: Clock, *, history: int = 100_000) -> None:
        self._clock = clock
        self._objects: dict[ObjectKey, Document] = {}
        self._uids: set[str] = set()
        # The first version is not 0, which in a request means "any".
        self._version = 1
        self._changes: list[_Change] = []
        self._longest_history = history
        self._oldest = 0
        self._lists: dict[str, tuple[int, tuple[bytes, ...]]] = {}
        self._news = asyncio.Event()
        self._drops = 0
        self._bookmarks = 0
        self._created = 0
        self._down = False
        self._failures: list[_Failure] = []
        self.fault: Fault = lambda verb, key: None
        self.latency = 0.0
        self.requests: Counter[tuple[str, str, str]] = Counter()
        self.writes: Counter[tuple[str, str]] = Counter()
        self.log: list[Write] = []

    # --- the port ----------------------------------------------------------------------------------------------------

    async def list_page(self, kind: Kind, *, selector: str = "", limit: int = 500, continue_token: str = "") -> Page:
        """See Api. Later pages are of the version of the first."""

        def page() -> Page:
            if continue_token:
                if continue_token not in self._lists:
                    raise _error(410, "the continue token is too old")
                version, items = self._lists[continue_token]
            else:
                version, items = self._version, self._raw(kind, selector)
            if not limit or len(items) <= limit:
                return Page(items, "", str(version))
            token = f"{kind.plural}:{version}:{selector}:{len(items) - limit}"
            self._lists[token] = version, items[limit:]
            return Page(items[:limit], token, str(version))

        return await self._answer("list", ObjectKey(kind, "", ""), page)

    async def watch(self, kind: Kind, *, resource_version: str, selector: str = "") -> AsyncIterator[WatchEvent]:
        """See Api. Version 0 or none begins with what is there."""
        await self._answer("watch", ObjectKey(kind, "", ""), lambda: None)
        drops = self._drops
        async for event in self._events(kind, resource_version, selector, lambda: drops != self._drops or self._down):
            yield event
        if self._down:
            raise _error(0, "the API server is down")

    async def get(self, key: ObjectKey) -> bytes:
        """See Api."""
        return await self._answer("get", key, lambda: orjson.dumps(self._existing(key)))

    async def create(self, kind: Kind, namespace: str, body: Document) -> bytes:
        """See Api."""
        key = ObjectKey(kind, namespace, body["metadata"]["name"])
        return await self._answer("create", key, lambda: self._create(key, body), body)

    async def patch(self, key: ObjectKey, body: Document, *, subresource: str = "") -> bytes:
        """See Api."""
        return await self._answer("patch", key, lambda: self._patch(key, body, subresource), body, subresource)

    async def delete(self, key: ObjectKey, *, uid: str, grace_seconds: int | None = None) -> None:
        """See Api. A running pod is only marked: its kubelet removes it."""
        options = {"uid": uid, "gracePeriodSeconds": grace_seconds}
        await self._answer("delete", key, lambda: self._delete(key, uid, grace_seconds), options)

    # --- as a user or a kubelet: no fault, latency or counter applies --------------------------------------------------

    def apply(self, document: Document, namespace: str = "default") -> Document:
        """Create it, or merge it into what is there; as stored."""
        kind = next(kind for kind in Kind if kind.kind == document["kind"])
        key = ObjectKey(kind, document["metadata"].get("namespace", namespace), document["metadata"]["name"])
        raw = self._patch(key, document, "") if key in self._objects else self._create(key, document)
        return dict(orjson.loads(raw))

    def set_status(self, key: ObjectKey, status: Document) -> None:
        """Merge it into the status."""
        self._patch(key, {"status": status}, "status")

    def follow(self, kind: Kind) -> AsyncIterator[WatchEvent]:
        """A watch from the beginning that nothing ends."""
        return self._events(kind, "0", "", lambda: False)

    async def remove(self, key: ObjectKey) -> None:
        """The object is gone, and with it what it owns. Nothing to do if it is gone already."""
        if key in self._objects:
            self._gone(key)

    def documents(self, kind: Kind) -> list[Document]:
        """All objects of a kind."""
        return [copy.deepcopy(document) for key, document in self._objects.items() if key.kind is kind]

    def document(self, key: ObjectKey) -> Document:
        """One object. 404 if there is none."""
        return copy.deepcopy(self._existing(key))

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
        """Refuse the next requests of this verb and kind (of any, if not said). With `landed` the write takes effect."""
        error = _error(status, "ordered by the test", retry_after)
        self._failures.append(_Failure(verb, kind, error, landed, times))

    @property
    def down(self) -> bool:
        """While set, nothing is reached, and watches break."""
        return self._down

    @down.setter
    def down(self, down: bool) -> None:
        self._down = down
        self._notify()

    def drop_watches(self) -> None:
        """Every watch ends silently, with what it has not been told yet."""
        self._drops += 1
        self._notify()

    def compact(self) -> None:
        """No version before this one can be resumed from, and no list be continued."""
        self._oldest = self._version
        self._changes.clear()
        self._lists.clear()
        self._notify()

    def bookmark(self) -> None:
        """Tell every watch how far it is."""
        self._bookmarks += 1
        self._notify()

    async def end_watches(self, *, expire: bool = False) -> None:
        """Drop the watches; with `expire`, compact too."""
        self.drop_watches()
        if expire:
            self.compact()

    async def _answer[T](
        self, verb: str, key: ObjectKey, act: Callable[[], T], body: Document | None = None, subresource: str = ""
    ) -> T: ...
