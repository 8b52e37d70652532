"""A cluster by name and kind, awaited: `cluster` for an event loop, method by method.

async with AsyncCluster.load() as cluster:
    async for event in cluster.watch(SCHEDULED_RUN, after=await cluster.list(SCHEDULED_RUN)):
        ...
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Self, TypeVar

from crontask.api import resources
from crontask.api.resources import Resource
from crontask.client import errors, operations, requests
from crontask.client.access import Access
from crontask.client.aio import AsyncTransport
from crontask.client.answers import Event, read
from crontask.client.deadline import Deadline
from crontask.client.operations import Steps, Verdict, Watch
from crontask.client.requests import ALL, Document
from crontask.client.target import Target

T = TypeVar("T")


class AsyncCluster(Target):
    """One API server, and one user of it."""

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self.transport = AsyncTransport(access)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self.transport.close()

    async def get(self, kind: Resource, name: str, *, namespace: str | None = None) -> Document:
        """One object."""
        return await self.run(operations.once(requests.get(kind, name, self._in(namespace))))

    async def list(
        self,
        kind: Resource,
        *,
        namespace: str | None = None,
        selector: str = "",
        fields: str = "",
        limit: int = requests.PAGE,
        keep: operations.Keep | None = None,
    ) -> Document:
        """A whole list, read in pages of `limit`; its objects are in `items`, or what is to be kept of each."""
        return await self.run(
            operations.listing(kind, self._in(namespace), selector=selector, fields=fields, limit=limit, keep=keep)
        )

    async def create(
        self,
        kind: Resource,
        body: Document,
        *,
        namespace: str | None = None,
        manager: str = "",
        dry_run: bool = False,
        drawn: bool = False,
    ) -> Document:
        """Create it; as stored. `drawn`: its name is a random one, so that a lost answer may be asked for again."""
        inside = self._of(body, namespace)
        return await self.run(
            operations.creating(requests.create(kind, body, inside, manager=manager, dry_run=dry_run, drawn=drawn))
        )

    async def apply(
        self,
        kind: Resource,
        body: Document,
        *,
        manager: str,
        namespace: str | None = None,
        force: bool = False,
        dry_run: bool = False,
    ) -> Document:
        """Server-side apply. A Conflict has the fields and who owns them in `causes`; `force` takes them over."""
        inside = self._of(body, namespace)
        return await self.run(
            operations.once(requests.apply(kind, body, inside, manager=manager, force=force, dry_run=dry_run))
        )

    async def patch(
        self,
        kind: Resource,
        name: str,
        change: "Document | operations.JsonPatch",
        *,
        namespace: str | None = None,
        manager: str = "",
        subresource: str = "",
        dry_run: bool = False,
    ) -> Document:
        """A merge patch, or a JSON patch if it is a list. With `metadata.resourceVersion`: only of that version."""
        inside = self._in(namespace)
        request = requests.patch(kind, name, change, inside, manager=manager, subresource=subresource, dry_run=dry_run)
        return await self.run(operations.once(request))

    async def delete(
        self,
        kind: Resource,
        name: str,
        *,
        namespace: str | None = None,
        uid: str = "",
        version: str = "",
        grace_seconds: int | None = None,
        propagation: str = "Background",
        dry_run: bool = False,
    ) -> Document:
        """Delete it, only if it still has that UID and version where they are given; what the server answers."""
        request = requests.delete(
            kind,
            name,
            self._in(namespace),
            uid=uid,
            version=version,
            grace_seconds=grace_seconds,
            propagation=propagation,
            dry_run=dry_run,
        )
        return await self.run(operations.deleting(request))

    async def watch(
        self,
        kind: Resource,
        *,
        namespace: str | None = None,
        name: str = "",
        selector: str = "",
        fields: str = "",
        after: Document | None = None,
        timeout: float | None = None,
    ) -> AsyncGenerator[Event, None]:
        """What changes, until `timeout` seconds have passed.

        `after`: a list, or an object, that is known already; without it all that there is comes first, as ADDED. It
        goes on through cut connections and restarts of the API server; what is gone by then is DELETED, with its
        metadata alone.
        """
        watch = Watch(kind, self._in(namespace), name=name, selector=selector, fields=fields, after=after)
        deadline = Deadline(timeout)
        while not deadline.over:
            error: errors.RequestError | None = None
            began = time.monotonic()
            try:
                if watch.needs_list:
                    for event in watch.listed(await self.run(operations.in_time(watch.listing(), deadline))):
                        yield event
                left = deadline.left
                async with aclosing(self.transport.stream(watch.request(left), left)) as lines:
                    async for line in lines:
                        read_event = watch.read(line)
                        if read_event is not None:
                            yield read_event
            except errors.RequestError as failure:
                error = failure
            pause = watch.ended(error, time.monotonic() - began)
            await asyncio.sleep(deadline.at_most(pause))

    def logs(
        self,
        pod: str,
        *,
        namespace: str | None = None,
        container: str = "",
        follow: bool = False,
        previous: bool = False,
        timestamps: bool = False,
        tail_lines: int | None = None,
        since_time: str = "",
        timeout: float | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """The lines of a log, as they are in it; with `follow` until the container ends, or the timeout."""
        request = requests.logs(
            pod,
            self._in(namespace),
            container=container,
            follow=follow,
            previous=previous,
            timestamps=timestamps,
            tail_lines=tail_lines,
            since_time=since_time,
        )
        return self.transport.stream(request, timeout)

    async def can(
        self,
        verb: str,
        kind: Resource,
        *,
        namespace: str | None = None,
        name: str = "",
        subresource: str = "",
    ) -> Verdict:
        """Whether we may do that; false as a condition if not, with the reason that the API server gives."""
        request = requests.can(verb, kind, self._in(namespace), name=name, subresource=subresource)
        return Verdict.of(await self.run(operations.once(request)))

    async def version(self) -> Document:
        """The version of the API server."""
        return await self.run(operations.once(requests.version()))

    async def namespaces(self) -> tuple[str, ...]:
        """The names of all namespaces."""
        return operations.names(await self.list(resources.NAMESPACE, namespace=ALL))

    async def run(self, steps: Steps[T]) -> T:
        """Send what an operation yields, until it has its result."""
        try:
            request = next(steps)
            while True:
                try:
                    document = read(request, await self.transport.send(request))
                except errors.RequestError as error:
                    request = steps.throw(error)
                else:
                    request = steps.send(document)
        except StopIteration as done:
            result: T = done.value
            return result
