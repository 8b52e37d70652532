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
from typing import TypeVar

import orjson

from crontask.api.base import format_time
from crontask.engine.ports import ApiError, Clock, Document, Kind, ObjectKey, Page, WatchEvent, WatchExpiredError
from crontask.simulation.documents import has_fields, merge_patch, selected, structured

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
T = TypeVar("T")


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
    status: int
    retry_after: float | None
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
        # Each is told of every change: its kind, the object before it, and after it.
        self.observers: list[Callable[[Kind, Document | None, Document | None], None]] = []
        self.requests: Counter[tuple[str, str, str]] = Counter()
        self.writes: Counter[tuple[str, str]] = Counter()
        self.log: list[Write] = []
        # When connections were asked for ahead, and how many.
        self.warmed: list[tuple[datetime, int]] = []

    # --- the port ----------------------------------------------------------------------------------------------------

    async def list_page(
        self, kind: Kind, *, selector: str = "", fields: str = "", limit: int = 500, continue_token: str = ""
    ) -> Page:
        """See Api. Later pages are of the version of the first."""

        def page() -> Page:
            if continue_token:
                if continue_token not in self._lists:
                    raise _error(410, "the continue token is too old")
                version, items = self._lists[continue_token]
            else:
                version, items = self._version, self._raw(kind, selector, fields)
            if not limit or len(items) <= limit:
                return Page(items, "", str(version))
            token = f"{kind.plural}:{version}:{selector}:{fields}:{len(items) - limit}"
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

    async def create(self, kind: Kind, namespace: str, body: Document, *, dry_run: bool = False) -> bytes:
        """See Api."""
        key = ObjectKey(kind, namespace, body["metadata"]["name"])
        if dry_run:
            return await self._answer("dry-run", key, lambda: orjson.dumps(body))
        return await self._answer("create", key, lambda: self._create(key, body), body)

    async def patch(self, key: ObjectKey, body: Document, *, subresource: str = "") -> bytes:
        """See Api."""
        return await self._answer("patch", key, lambda: self._patch(key, body, subresource), body, subresource)

    async def update_status(self, key: ObjectKey, *, uid: str, version: str, status: Document) -> bytes:
        """See Api."""
        body = {"metadata": {"uid": uid, "resourceVersion": version}, "status": status}
        return await self._answer("update", key, lambda: self._patch(key, body, "status", whole=True), body, "status")

    async def delete(self, key: ObjectKey, *, uid: str, version: str = "", grace_seconds: int | None = None) -> None:
        """See Api. A running pod is only marked: its kubelet removes it."""
        options = {"uid": uid, "gracePeriodSeconds": grace_seconds}
        await self._answer("delete", key, lambda: self._delete(key, uid, version, grace_seconds), options)

    async def warm(self, connections: int) -> None:
        """See Api."""
        self.warmed.append((self._clock.now(), connections))

    # --- as a user or a kubelet: no fault, latency or counter applies -------------------------------------------------

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
        """Refuse the next requests of this verb and kind (any, if not said). With `landed` the write takes effect."""
        self._failures.append(_Failure(verb, kind, status, retry_after, landed, times))

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
            raise _error(failure.status, "ordered by the test", failure.retry_after)
        before = self._version
        answer = act()
        if self._version != before and body is not None:
            self.writes[f"{verb} {subresource}".strip(), key.kind.kind] += 1
            self.log.append(Write(self._clock.now(), verb, key, subresource, copy.deepcopy(body)))
        await self._travel()
        if failure is not None:
            raise _error(failure.status, "ordered by the test, after it took effect", failure.retry_after)
        return answer

    async def _travel(self) -> None:
        if self.latency:
            await self._clock.sleep(self.latency / 2)
        if self._down:
            raise _error(0, "the API server is down")

    def _ordered(self, verb: str, kind: Kind) -> _Failure | None:
        for failure in self._failures:
            if failure.verb in ("", verb) and failure.kind in (None, kind):
                failure.times -= 1
                if not failure.times:
                    self._failures.remove(failure)
                return failure
        return None

    def _existing(self, key: ObjectKey) -> Document:
        if key not in self._objects:
            raise _error(404, f"{key.kind.plural} {key.name!r} not found")
        return self._objects[key]

    def _raw(self, kind: Kind, selector: str, fields: str = "") -> tuple[bytes, ...]:
        """All of a kind, in the order of etcd's keys."""
        found = [
            key
            for key, document in self._objects.items()
            if key.kind is kind and selected(document, selector) and has_fields(document, fields)
        ]
        return tuple(orjson.dumps(self._objects[key]) for key in sorted(found, key=lambda k: f"{k.namespace}/{k.name}"))

    def _create(self, key: ObjectKey, body: Document) -> bytes:
        if key in self._objects:
            raise _error(409, f"{key.kind.plural} {key.name!r} already exists", reason="AlreadyExists")
        document: Document = {"apiVersion": key.kind.prefix.split("/", 1)[1], "kind": key.kind.kind}
        # A patch of nothing: what is null is left out.
        document |= merge_patch({}, body)
        if key.kind in _WITH_STATUS:
            document.pop("status", None)
        if key.kind is Kind.POD:
            document["status"] = {"phase": "Pending"}
        self._created += 1
        given = {name: value for name, value in document["metadata"].items() if name not in _OURS}
        document["metadata"] = {
            **given,
            "name": key.name,
            "namespace": key.namespace,
            "uid": f"00000000-0000-4000-8000-{self._created:012d}",
            "creationTimestamp": format_time(self._clock.now()),
        }
        if key.kind in _WITH_STATUS:
            document["metadata"]["generation"] = 1
        raw = self._store(key, structured(key.kind, document))
        if not self._has_owner(self._objects[key]):
            # The collector finds it as soon as it is there.
            self._end(key, None)
        return raw

    def _patch(self, key: ObjectKey, body: Document, subresource: str, *, whole: bool = False) -> bytes:
        """`whole`: the part replaces what is there."""
        known = self._existing(key)
        wanted = body.get("metadata") or {}
        for field in ("resourceVersion", "uid"):
            if wanted.get(field) not in (None, known["metadata"][field]):
                raise _error(409, f"the {field} is another one")
        if subresource == "status" and key.kind in _WITH_STATUS:
            part = {"status": body["status"]} if "status" in body else {}
        elif subresource:
            raise _error(404, f"{key.kind.plural} have no subresource {subresource}")
        else:
            part = {name: value for name, value in body.items() if name != "status" or key.kind not in _WITH_STATUS}
        document = structured(key.kind, {**known, **copy.deepcopy(part)} if whole else merge_patch(known, part))
        document["metadata"] = _metadata(document["metadata"], known["metadata"])
        if document == known:
            return orjson.dumps(known)
        if key.kind is Kind.POD:
            _check_pod(known["spec"], document["spec"])
        if key.kind in _WITH_STATUS and _content(document) != _content(known):
            document["metadata"]["generation"] += 1
        return self._store(key, document)

    def _delete(self, key: ObjectKey, uid: str, version: str, grace_seconds: int | None) -> None:
        known = self._existing(key)["metadata"]
        if known["uid"] != uid or version not in ("", known["resourceVersion"]):
            raise _error(409, "the UID or the version in the precondition is another one")
        self._end(key, grace_seconds)

    def _end(self, key: ObjectKey, grace_seconds: int | None) -> None:
        """Delete it: a pod that a kubelet has, after its grace."""
        known = self._objects[key]
        grace = _grace(known, grace_seconds) if key.kind is Kind.POD else 0
        if not grace:
            self._gone(key)
            return
        marked = copy.deepcopy(known)
        metadata = marked["metadata"]
        if grace >= metadata.get("deletionGracePeriodSeconds", grace + 1):
            # Being deleted already, and a deletion is never put off.
            return
        if "deletionTimestamp" not in metadata:
            metadata["generation"] += 1
        # The server writes when the grace is over, not when it began.
        metadata["deletionTimestamp"] = format_time(self._clock.now() + timedelta(seconds=grace))
        metadata["deletionGracePeriodSeconds"] = grace
        self._store(key, marked)

    def _gone(self, key: ObjectKey) -> None:
        document = self._objects.pop(key)
        uid = document["metadata"]["uid"]
        self._uids.discard(uid)
        self._version += 1
        metadata = {**document["metadata"], "resourceVersion": str(self._version)}
        self._tell(_Change(self._version, key.kind, document, None, orjson.dumps({**document, "metadata": metadata})))
        for dependent, owned in list(self._objects.items()):
            owners = owned["metadata"].get("ownerReferences") or []
            rest = [owner for owner in owners if owner["uid"] != uid]
            if len(rest) == len(owners) or dependent not in self._objects:
                continue
            if self._has_owner(owned):
                self._store(dependent, {**owned, "metadata": {**owned["metadata"], "ownerReferences": rest}})
            else:
                self._end(dependent, None)

    def _has_owner(self, document: Document) -> bool:
        """Whether an owner is still there, or none was ever named. Of kinds that are not kept here, all are there."""
        owners = document["metadata"].get("ownerReferences") or []
        kept = {kind.kind for kind in Kind}
        return not owners or any(owner["uid"] in self._uids or owner["kind"] not in kept for owner in owners)

    def _store(self, key: ObjectKey, document: Document) -> bytes:
        self._version += 1
        document = {**document, "metadata": {**document["metadata"], "resourceVersion": str(self._version)}}
        before = self._objects.get(key)
        self._objects[key] = document
        self._uids.add(document["metadata"]["uid"])
        raw = orjson.dumps(document)
        self._tell(_Change(self._version, key.kind, before, document, raw))
        return raw

    def _tell(self, change: _Change) -> None:
        for observer in self.observers:
            observer(change.kind, change.before, change.after)
        self._changes.append(change)
        if len(self._changes) > 2 * self._longest_history:
            self._oldest = self._changes[-self._longest_history - 1].version
            del self._changes[: -self._longest_history]
        self._notify()

    def _notify(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _events(
        self, kind: Kind, resource_version: str, selector: str, ended: Callable[[], bool]
    ) -> AsyncIterator[WatchEvent]:
        seen, bookmarks = int(resource_version or 0), self._bookmarks
        if not seen:
            seen = self._version
            for raw in self._raw(kind, selector):
                yield WatchEvent("ADDED", raw)
        while not ended():
            if seen < self._oldest:
                raise WatchExpiredError(f"version {seen} is too old")
            for change in self._changes[bisect_right(self._changes, seen, key=lambda known: known.version) :]:
                seen = change.version
                event = _event(change, selector) if change.kind is kind else None
                if event is not None:
                    yield event
                    if ended():
                        return
            if bookmarks != self._bookmarks:
                bookmarks = self._bookmarks
                yield WatchEvent("BOOKMARK", _bookmark(kind, seen))
            if seen >= self._version and bookmarks == self._bookmarks and not ended():
                await self._news.wait()


def _event(change: _Change, selector: str) -> WatchEvent | None:
    """The change as a watch with that selector sees it: what is no longer selected is gone for it."""
    was, is_ = selected(change.before, selector), selected(change.after, selector)
    if was and not is_ and change.after is not None:
        before = change.before or {}
        last = {**before, "metadata": {**before["metadata"], "resourceVersion": str(change.version)}}
        return WatchEvent("DELETED", orjson.dumps(last))
    if not was and not is_:
        return None
    return WatchEvent("DELETED" if not is_ else "MODIFIED" if was else "ADDED", change.raw)


def _bookmark(kind: Kind, version: int) -> bytes:
    return orjson.dumps({"kind": kind.kind, "metadata": {"resourceVersion": str(version), "creationTimestamp": None}})


def _metadata(patched: Document, known: Document) -> Document:
    """What a patch may change of the metadata; maps and lists that it emptied are left out."""
    ours = {name: known[name] for name in (*_OURS, "resourceVersion") if name in known}
    rest = {name: value for name, value in patched.items() if name not in _OURS and value not in ({}, [])}
    return {**rest, **ours}


def _content(document: Document) -> Document:
    """What a generation counts the changes of."""
    return {name: value for name, value in document.items() if name not in ("metadata", "status")}


def _check_pod(known: Document, wanted: Document) -> None:
    """Of a pod's spec, images change, and the deadline, which only comes nearer."""
    before, after = known.get("activeDeadlineSeconds"), wanted.get("activeDeadlineSeconds")
    if before is not None and (after is None or after > before):
        raise _error(422, "activeDeadlineSeconds must be less than or equal to the previous value")
    if _fixed(known) != _fixed(wanted):
        raise _error(422, "pod updates may not change fields other than images and activeDeadlineSeconds")


def _fixed(spec: Document) -> Document:
    containers = [{**container, "image": ""} for container in spec.get("containers", [])]
    return {name: v for name, v in spec.items() if name != "activeDeadlineSeconds"} | {"containers": containers}


def _grace(pod: Document, asked: int | None) -> int:
    """Seconds that a pod has to stop: none if no kubelet runs it."""
    phase = pod.get("status", {}).get("phase")
    bound = "nodeName" in pod["spec"] or phase == "Running"
    if not bound or phase in ("Succeeded", "Failed"):
        return 0
    return int(pod["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE) if asked is None else asked)


def _error(status: int, message: str, retry_after: float | None = None, *, reason: str = "") -> ApiError:
    return ApiError(status, reason or _REASONS.get(status, "Unknown"), message, retry_after)
