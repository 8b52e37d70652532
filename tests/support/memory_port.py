"""A port of the SDK that answers from a dict: what was asked stands in a list. For what needs no API server."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from copy import deepcopy
from typing import Any, TypeVar

from crontask.api.resources import Resource
from crontask.client import errors
from crontask.client.answers import Event
from crontask.client.operations import Steps
from crontask.client.requests import Document, Request

T = TypeVar("T")


def task(name: str, **spec: Any) -> Document:
    """A task of that name."""
    return {"kind": "CronTask", "metadata": {"name": name, "namespace": MemoryPort.namespace}, "spec": spec}


class MemoryPort:
    """`objects`: by plural and name. `events`: what each watch, in turn, sees. `texts`: the lines of each pod's log."""

    namespace = "shop"

    def __init__(
        self,
        *objects: Document,
        events: Iterable[list[Event]] = (),
        texts: dict[str, list[str]] | None = None,
    ) -> None:
        self.objects: dict[tuple[str, str], Document] = {}
        self.asked: list[Request] = []
        self.events = list(events)
        self.texts = texts or {}
        self.closed = False
        for document in objects:
            self.put(document)

    def put(self, document: Document) -> Document:
        """Have this object."""
        plural = f"{document['kind'].lower()}s"
        self.objects[plural, document["metadata"]["name"]] = document
        return document

    async def run(self, steps: Steps[T]) -> T:
        """See Port."""
        result: Any = None
        with suppress(StopIteration):
            request = next(steps)
            while True:
                try:
                    answer = self._answer(request)
                except errors.RequestError as error:
                    request = steps.throw(error)
                else:
                    try:
                        request = steps.send(answer)
                    except StopIteration as done:
                        result = done.value
                        raise
        found: T = result
        return found

    async def watch(self, kind: Resource, **how: Any) -> AsyncGenerator[Event, None]:
        """See Port. After its last event a watch has timed out."""
        for event in self.events.pop(0) if self.events else ():
            if event.type != "DELETED":
                self.put(event.object)
            yield event

    async def logs(self, pod: str, **how: Any) -> AsyncGenerator[bytes, None]:
        """See Port."""
        if pod not in self.texts:
            raise errors.NotFound(errors.Asked("get", name=pod), 404, "NotFound", f"{pod} not found")
        for line in self.texts[pod]:
            yield f"{how['container']}: {line}".encode()

    async def close(self) -> None:
        """See Port."""
        self.closed = True

    def _answer(self, request: Request) -> Document:
        self.asked.append(request)
        asked = request.asked
        assert asked.resource is not None
        if request.method == "POST":
            made = deepcopy(request.body)
            made["metadata"] |= {"namespace": asked.namespace, "uid": f"uid-{asked.name}"}
            if (asked.resource.plural, asked.name) in self.objects:
                raise errors.AlreadyExists(asked, 409, "AlreadyExists", f"{asked.name} already exists")
            return self.put(made)
        if not asked.name:
            query = dict(request.query)
            items = [document for (plural, _), document in self.objects.items() if plural == asked.resource.plural]
            return {"metadata": {"resourceVersion": "1"}, "items": [item for item in items if _selected(item, query)]}
        found = self.objects.get((asked.resource.plural, asked.name))
        if found is None:
            raise errors.NotFound(asked, 404, "NotFound", f"{asked.name} not found")
        return found


def _selected(item: Document, query: dict[str, str]) -> bool:
    labels = item["metadata"].get("labels") or {}
    for wanted in filter(None, query.get("labelSelector", "").split(",")):
        key, _, value = wanted.partition("=")
        if labels.get(key) != value:
            return False
    for wanted in filter(None, query.get("fieldSelector", "").split(",")):
        path, _, value = wanted.partition("=")
        found: Any = item
        for part in path.split("."):
            found = (found or {}).get(part)
        if found != value:
            return False
    return True
