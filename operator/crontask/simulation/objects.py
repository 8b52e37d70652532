"""The objects of an API server in memory: versions, generations, owners, and the changes that watches deliver."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta

import orjson

from crontask.api.base import format_time
from crontask.ports import ApiError, Clock, Document, Kind, ObjectKey, Page, WatchEvent, WatchExpiredError
from crontask.simulation.documents import copied, has_fields, merge_patch, selected, structured

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
Observer = Callable[[Kind, Document | None, Document | None], None]


@dataclass(frozen=True, slots=True)
class _Change:
    """An object before and after: None before it was there, or once it is gone. `raw` is what watches receive."""

    version: int
    key: ObjectKey
    before: Document | None
    after: Document | None
    raw: bytes


class Objects:
    """Every object by its key. What refuses a request is an ApiError, as the real server's."""

    def __init__(self, clock: Clock, longest_history: int) -> None:
        self._clock = clock
        self._objects: dict[ObjectKey, Document] = {}
        self._uids: set[str] = set()
        # By the UID of an owner: what names it as one.
        self._owned: dict[str, dict[ObjectKey, None]] = {}
        # The first version is not 0, which in a request means "any".
        self._version = 1
        self._changes: list[_Change] = []
        self._longest_history = longest_history
        self._oldest = 0
        self._lists: dict[str, tuple[int, tuple[bytes, ...]]] = {}
        self._news = asyncio.Event()
        self._bookmarks = 0
        self._created = 0
        # Each is called with every change: its kind, the object before it, and after it.
        self.observers: list[Observer] = []

    @property
    def version(self) -> int:
        """That of the last change."""
        return self._version

    def __contains__(self, key: ObjectKey) -> bool:
        return key in self._objects

    def of_kind(self, kind: Kind) -> list[Document]:
        """All objects of a kind."""
        return [document for key, document in self._objects.items() if key.kind is kind]

    def page(self, kind: Kind, namespace: str, selector: str, fields: str, limit: int, continue_token: str) -> Page:
        """A list, or a part of it. Later pages are of the version of the first."""
        if continue_token:
            if continue_token not in self._lists:
                raise refusal(410, "the continue token is too old")
            version, items = self._lists[continue_token]
        else:
            version, items = self._version, self._raw(kind, namespace, selector, fields)
        if not limit or len(items) <= limit:
            return Page(items, "", str(version))
        token = f"{kind.plural}:{namespace}:{version}:{selector}:{fields}:{len(items) - limit}"
        self._lists[token] = version, items[limit:]
        return Page(items[:limit], token, str(version))

    def existing(self, key: ObjectKey) -> Document:
        """One object. 404 if there is none."""
        if key not in self._objects:
            raise refusal(404, f"{key.kind.plural} {key.name!r} not found")
        return self._objects[key]

    def _raw(self, kind: Kind, namespace: str, selector: str, fields: str = "") -> tuple[bytes, ...]:
        """All of a kind, in one namespace or in all, in the order of etcd's keys."""
        found = [
            key
            for key, document in self._objects.items()
            if _is_among(key, kind, namespace) and selected(document, selector) and has_fields(document, fields)
        ]
        return tuple(orjson.dumps(self._objects[key]) for key in sorted(found, key=lambda k: f"{k.namespace}/{k.name}"))

    def create(self, key: ObjectKey, body: Document) -> bytes:
        """A new object, as stored. 409 if there is one of its name."""
        if key in self._objects:
            raise refusal(409, f"{key.kind.plural} {key.name!r} already exists", reason="AlreadyExists")
        document: Document = {"apiVersion": key.kind.prefix.split("/", 1)[1], "kind": key.kind.kind}
        # A patch of nothing: what is null is left out, but for what is free-form in ours.
        document |= merge_patch({}, copied(body))
        if key.kind in _WITH_STATUS and "spec" in body:
            document["spec"] = copied(body["spec"])
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

    def patch(self, key: ObjectKey, body: Document, subresource: str, *, whole: bool = False) -> bytes:
        """Merge into it what the subresource (or none) may change, as stored. `whole`: it replaces what is there."""
        known = self.existing(key)
        wanted = body.get("metadata") or {}
        for field in ("resourceVersion", "uid"):
            if wanted.get(field) not in (None, known["metadata"][field]):
                raise refusal(409, f"the {field} is another one")
        if subresource == "status" and key.kind in _WITH_STATUS:
            part = {"status": body["status"]} if "status" in body else {}
        elif subresource:
            raise refusal(404, f"{key.kind.plural} have no subresource {subresource}")
        else:
            part = {name: value for name, value in body.items() if name != "status" or key.kind not in _WITH_STATUS}
        part = copied(part)
        document = structured(key.kind, {**known, **part} if whole else merge_patch(known, part))
        document["metadata"] = _metadata(document["metadata"], known["metadata"])
        if document == known:
            return orjson.dumps(known)
        if key.kind is Kind.POD:
            _check_pod(known["spec"], document["spec"])
        if key.kind in _WITH_STATUS and _content(document) != _content(known):
            document["metadata"]["generation"] += 1
        return self._store(key, document)

    def delete(self, key: ObjectKey, uid: str, version: str, grace_seconds: int | None) -> None:
        """As asked by a client. A running pod only gets a deletionTimestamp: its kubelet removes it."""
        known = self.existing(key)["metadata"]
        if known["uid"] != uid or version not in ("", known["resourceVersion"]):
            raise refusal(409, "the UID or the version in the precondition is another one")
        self._end(key, grace_seconds)

    def _end(self, key: ObjectKey, grace_seconds: int | None) -> None:
        """Delete it: a pod that a kubelet has, after its grace. Any pod gets a deletionTimestamp first."""
        if key.kind is not Kind.POD:
            self.remove(key)
            return
        known = self._objects[key]
        grace = _grace(known, grace_seconds)
        metadata = dict(known["metadata"])
        if grace >= metadata.get("deletionGracePeriodSeconds", grace + 1):
            # Being deleted already, and a deletion is never put off.
            return
        if "deletionTimestamp" not in metadata:
            metadata["generation"] += 1
        # The server writes when the grace is over, not when it began.
        metadata["deletionTimestamp"] = format_time(self._clock.now() + timedelta(seconds=grace))
        metadata["deletionGracePeriodSeconds"] = grace
        self._store(key, {**known, "metadata": metadata})
        if not grace:
            self.remove(key)

    def remove(self, key: ObjectKey) -> None:
        """The object is gone, and with it what it owns."""
        document = self._objects.pop(key)
        uid = document["metadata"]["uid"]
        self._uids.discard(uid)
        self._index_owners(key, document, None)
        self._version += 1
        metadata = {**document["metadata"], "resourceVersion": str(self._version)}
        self._notify(_Change(self._version, key, document, None, orjson.dumps({**document, "metadata": metadata})))
        for dependent in list(self._owned.get(uid, ())):
            owned = self._objects.get(dependent)
            if owned is None:
                # It went with another.
                continue
            if self._has_owner(owned):
                rest = [owner for owner in _owners(owned) if owner["uid"] != uid]
                self._store(dependent, {**owned, "metadata": {**owned["metadata"], "ownerReferences": rest}})
            else:
                self._end(dependent, None)

    def _has_owner(self, document: Document) -> bool:
        """Whether an owner is still there, or none was ever named. Of kinds that are not kept here, all are there."""
        owners = _owners(document)
        kept = {kind.kind for kind in Kind}
        return not owners or any(owner["uid"] in self._uids or owner["kind"] not in kept for owner in owners)

    def _index_owners(self, key: ObjectKey, before: Document | None, after: Document | None) -> None:
        """Note who is named as an owner of an object that changes."""
        was, is_ = ({owner["uid"] for owner in _owners(document)} for document in (before, after))
        for uid in was - is_:
            self._owned[uid].pop(key)
            if not self._owned[uid]:
                del self._owned[uid]
        for uid in is_ - was:
            self._owned.setdefault(uid, {})[key] = None

    def _store(self, key: ObjectKey, document: Document) -> bytes:
        self._version += 1
        document = {**document, "metadata": {**document["metadata"], "resourceVersion": str(self._version)}}
        before = self._objects.get(key)
        self._objects[key] = document
        self._uids.add(document["metadata"]["uid"])
        self._index_owners(key, before, document)
        raw = orjson.dumps(document)
        self._notify(_Change(self._version, key, before, document, raw))
        return raw

    def _notify(self, change: _Change) -> None:
        # First of all: an observer may raise, and a version without its change would keep every watch busy for ever.
        self._changes.append(change)
        for observer in self.observers:
            observer(change.key.kind, change.before, change.after)
        if len(self._changes) > 2 * self._longest_history:
            self._oldest = self._changes[-self._longest_history - 1].version
            del self._changes[: -self._longest_history]
        self.notify()

    # --- watches -----------------------------------------------------------------------------------------------------

    async def events(
        self, kind: Kind, namespace: str, resource_version: str, selector: str, ended: Callable[[], bool]
    ) -> AsyncIterator[WatchEvent]:
        """What changes from that version on, until `ended`. Version 0 or none begins with what is there."""
        seen, bookmarks = int(resource_version or 0), self._bookmarks
        if not seen:
            seen = self._version
            for raw in self._raw(kind, namespace, selector):
                yield WatchEvent("ADDED", raw)
        while not ended():
            if seen < self._oldest:
                raise WatchExpiredError(f"version {seen} is too old")
            for change in self._changes[bisect_right(self._changes, seen, key=lambda known: known.version) :]:
                seen = change.version
                event = _event(change, selector) if _is_among(change.key, kind, namespace) else None
                if event is not None:
                    yield event
                    if ended():
                        return
            if bookmarks != self._bookmarks:
                bookmarks = self._bookmarks
                yield WatchEvent("BOOKMARK", _bookmark(kind, seen))
            if seen >= self._version and bookmarks == self._bookmarks and not ended():
                await self._news.wait()

    def compact(self) -> None:
        """No version before this one can be resumed from, and no list be continued."""
        self._oldest = self._version
        self._changes.clear()
        self._lists.clear()
        self.notify()

    def bookmark(self) -> None:
        """Let every watch know how far it is."""
        self._bookmarks += 1
        self.notify()

    def notify(self) -> None:
        """Have every watch look."""
        self._news.set()
        self._news = asyncio.Event()


def _is_among(key: ObjectKey, kind: Kind, namespace: str) -> bool:
    """Whether it is of the kind, and in the namespace; an empty one stands for all."""
    return key.kind is kind and namespace in ("", key.namespace)


def _owners(document: Document | None) -> list[Document]:
    """The owner references of an object, none of what is not there."""
    return (document["metadata"].get("ownerReferences") or []) if document is not None else []


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
        raise refusal(422, "activeDeadlineSeconds must be less than or equal to the previous value")
    if _fixed(known) != _fixed(wanted):
        raise refusal(422, "pod updates may not change fields other than images and activeDeadlineSeconds")


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


def refusal(status: int, message: str, retry_after: float | None = None, *, reason: str = "") -> ApiError:
    """As the server says it."""
    return ApiError(status, reason or _REASONS.get(status, "Unknown"), message, retry_after)
