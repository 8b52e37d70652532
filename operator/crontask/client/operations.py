"""What takes more than one request, as generators: they yield requests and are sent the objects that were answered.

A transport's driver (`cluster`, `aio_cluster`) sends what is yielded and throws in what failed, so that lists, watches
and creations behave alike with and without an event loop. No I/O here.
"""

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TypeVar

from crontask.api.resources import Resource
from crontask.client import errors, requests
from crontask.client.answers import Event, read_event
from crontask.client.deadline import Deadline
from crontask.client.requests import Document, Request
from crontask.client.sending import Backoff

T = TypeVar("T")
Steps = Generator[Request, Document, T]
JsonPatch = list[Document]
Keep = Callable[[Document], Document]
# Version, namespace and name of an object.
_Identity = tuple[str | None, str | None, str]

_RESTARTS = 2
_LAST_LOOK = 1.0
_LONGEST_PAUSE = 15.0
# So often, which takes about half a minute.
_STARTING = 8
# A watch that ends sooner, and said nothing, was not ended for its age.
_AT_ONCE = 1.0


def once(request: Request) -> Steps[Document]:
    """A single request."""
    return (yield request)


def in_time(steps: Steps[T], deadline: Deadline) -> Steps[T]:
    """The same, given up with errors.Timeout at the deadline. What is asked only then has a second left."""
    try:
        request = next(steps)
        while True:
            left = deadline.left
            within = None if left is None else max(_LAST_LOOK, left)
            try:
                answer = yield replace(request, within=within)
            except errors.RequestError as error:
                request = steps.throw(error)
            else:
                request = steps.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result


def creating(request: Request) -> Steps[Document]:
    """A creation. If its name was drawn, and its answer was lost, one that exists is ours."""
    try:
        return (yield request)
    except errors.AlreadyExists as error:
        if not error.repeated:
            raise
        asked = request.asked
        assert asked.resource is not None
        return (yield requests.get(asked.resource, asked.name, asked.namespace))


def known(request: Request) -> Steps[Document | None]:
    """What a GET asks for, None where there is none by that name."""
    try:
        return (yield request)
    except errors.NotFound as error:
        if error.unknown_resource:
            raise
        return None


def deleting(request: Request) -> Steps[Document]:
    """A deletion. If its answer was lost, it is gone because of us."""
    try:
        return (yield request)
    except errors.NotFound as error:
        if not error.repeated:
            raise
        return {}


def listing(
    resource: Resource,
    namespace: str,
    *,
    selector: str = "",
    fields: str = "",
    limit: int = requests.PAGE,
    keep: Keep | None = None,
) -> Steps[Document]:
    """A whole list, of one version, in pages. Where its version expires in the middle it begins again.

    `keep`: what is kept of each object, asked when its page is read.
    """

    def page(size: int, token: str) -> Request:
        return requests.list_page(resource, namespace, selector=selector, fields=fields, limit=size, token=token)

    def kept(item: Document) -> Document:
        typed = _typed(item, resource)
        return typed if keep is None else keep(typed)

    return (yield from _in_pages(page, "items", limit, kept))


def table(resource: Resource, namespace: str, *, selector: str = "", fields: str = "") -> Steps[Document]:
    """A whole list as the API server prints it: `columnDefinitions`, and `rows` of `cells` and an `object`."""

    def page(size: int, token: str) -> Request:
        request = requests.list_page(resource, namespace, selector=selector, fields=fields, limit=size, token=token)
        return requests.as_table(request)

    return (yield from _in_pages(page, "rows", requests.PAGE))


def table_of(resource: Resource, name: str, namespace: str) -> Steps[Document]:
    """One object, likewise."""
    return (yield requests.as_table(requests.get(resource, name, namespace)))


def _in_pages(
    page_of: Callable[[int, str], Request], key: str, limit: int, kept: Keep = lambda each: each
) -> Steps[Document]:
    """All pages in one, `key` being what each has some of; `page_of`: the request by size and token."""
    restarts = 0
    found: list[Document] = []
    token = ""
    while True:
        try:
            # Whoever is slower than the versions are kept gets it in one piece.
            page = yield page_of(limit if restarts <= _RESTARTS else 0, token)
        except errors.Expired:
            if not token:
                raise
            restarts, found, token = restarts + 1, [], ""
            continue
        found += map(kept, page.pop(key, None) or ())
        metadata = page.get("metadata") or {}
        token = str(metadata.get("continue") or "")
        if not token:
            version = {"resourceVersion": str(metadata.get("resourceVersion") or "")}
            return {**page, "metadata": version, key: found}


def _typed(item: Document, resource: Resource) -> Document:
    """In a list of built-in kinds the items do not say what they are."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, **item}


class Watch:
    """A watch that lasts: it goes on from the version that it knows, and waits for a server that is away.

    After a 410 it lists again; after a list it says what changed meanwhile, as events:
    what is gone is DELETED, with its metadata alone.
    """

    def __init__(
        self,
        resource: Resource,
        namespace: str,
        *,
        name: str = "",
        selector: str = "",
        fields: str = "",
        after: Document | None = None,
    ) -> None:
        if name:
            fields = f"metadata.name={requests.checked_name(name, resource)}"
        self._resource = resource
        self._namespace = namespace
        self._selector, self._fields = selector, fields
        self._backoff = Backoff(_LONGEST_PAUSE)
        # By UID, what a later list is compared with: there may be tens of thousands.
        self._known: dict[str, _Identity] = {}
        self._version = ""
        # Whether it ever worked: what fails at once is for the caller. Whoever knows a version was answered before.
        self._worked = after is not None
        self._heard = False
        # How often in a row the API server did not know the resource.
        self._unknown = 0
        if after is not None:
            self._version = str(after["metadata"].get("resourceVersion") or "")
            for item in after.get("items", [after]):
                self._note(item)

    @property
    def needs_list(self) -> bool:
        """Whether there is no version to go on from."""
        return not self._version

    def listing(self) -> Steps[Document]:
        """The list to begin, or to begin again, with."""
        return listing(self._resource, self._namespace, selector=self._selector, fields=self._fields)

    def listed(self, document: Document) -> list[Event]:
        """What is other than before, of a whole list."""
        before, self._known = self._known, {}
        self._version = document["metadata"]["resourceVersion"]
        self._worked = True
        events = []
        for item in document["items"]:
            self._note(item)
            uid, version = item["metadata"]["uid"], item["metadata"].get("resourceVersion")
            if uid not in before:
                events.append(Event("ADDED", item))
            elif before[uid][0] != version:
                events.append(Event("MODIFIED", item))
        gone = [self._gone(uid, *known) for uid, known in before.items() if uid not in self._known]
        # First what is gone: another of its name may be there.
        return [*gone, *events]

    def request(self, left: float | None) -> Request:
        """The stream to open; `left`: seconds after which nobody listens any more."""
        seconds = requests.WATCH_SECONDS if left is None else min(requests.WATCH_SECONDS, math.ceil(left))
        self._heard = False
        return requests.watch(
            self._resource,
            self._namespace,
            version=self._version,
            selector=self._selector,
            fields=self._fields,
            seconds=max(1, seconds),
        )

    def read(self, line: bytes) -> Event | None:
        """What a line says; None of a bookmark, and of a line that was cut. Raises what the server says went wrong."""
        asked = errors.Asked("watch", self._resource, self._namespace)
        event = read_event(asked, line)
        if event is None:
            return None
        self._heard = self._worked = True
        self._backoff.reset()
        self._unknown = 0
        metadata = event.object.get("metadata") or {}
        self._version = str(metadata.get("resourceVersion") or self._version)
        if event.type == "BOOKMARK":
            return None
        if event.type == "DELETED":
            self._known.pop(str(metadata.get("uid")), None)
        else:
            self._note(event.object)
        return event

    def ended(self, error: errors.RequestError | None, lasted: float) -> float:
        """How long to wait before the next try, after the stream ended. Raises the error where that is no use."""
        if isinstance(error, errors.Expired):
            self._version = ""
            return self._backoff.pause()
        if error is not None and (not self._worked or not (error.passing or self._starting(error))):
            raise error
        if error is None and (self._heard or lasted >= _AT_ONCE):
            self._worked = True
            return 0.0
        # A server that has too much to do says for how long.
        return max(self._backoff.pause(), getattr(error, "retry_after", None) or 0.0)

    def _starting(self, error: errors.RequestError) -> bool:
        """Whether the API server may not have read the CRDs yet: for some seconds it then knows no such resource."""
        self._unknown += 1
        return isinstance(error, errors.NotFound) and error.unknown_resource and self._unknown <= _STARTING

    def _note(self, item: Document) -> None:
        metadata = item["metadata"]
        known = metadata.get("resourceVersion"), metadata.get("namespace"), metadata["name"]
        self._known[str(metadata.get("uid"))] = known

    def _gone(self, uid: str, version: str | None, namespace: str | None, name: str) -> Event:
        given = {"name": name, "namespace": namespace, "uid": uid, "resourceVersion": version}
        metadata = {key: value for key, value in given.items() if value is not None}
        kind = {"apiVersion": self._resource.api_version, "kind": self._resource.kind}
        return Event("DELETED", {**kind, "metadata": metadata})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something is allowed, and why, or why not."""

    allowed: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed

    @classmethod
    def of(cls, review: Document) -> "Verdict":
        """What the API server says of an access review."""
        status = review.get("status") or {}
        return cls(bool(status.get("allowed")), str(status.get("reason") or status.get("evaluationError") or ""))


def names(document: Document) -> tuple[str, ...]:
    """The names in a list."""
    return tuple(item["metadata"]["name"] for item in document["items"])
