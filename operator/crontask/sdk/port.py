"""What a client stands upon: an API server that is asked, with an event loop or without one.

The SDK is written once, as coroutines. `AsyncCluster` is such a port as it is; `Blocking` makes one of a `Cluster`: its
coroutines never wait, for the cluster has waited before they go on, and so `blocking` runs them from start to end
without any event loop.
"""

from collections.abc import AsyncGenerator, Coroutine, Generator
from typing import Any, Protocol, TypeVar

from crontask.api.resources import Resource
from crontask.client.answers import Event
from crontask.client.cluster import Cluster
from crontask.client.operations import Steps
from crontask.client.requests import Document

T = TypeVar("T")


class Port(Protocol):
    """An API server, and one user of it."""

    @property
    def namespace(self) -> str:
        """Where names are looked for if nothing else is said."""

    async def run(self, steps: Steps[T]) -> T:
        """Send what an operation yields, until it has its result."""

    def watch(
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
        """What changes, until `timeout` seconds have passed."""

    def logs(
        self, pod: str, *, namespace: str | None = None, container: str = "", follow: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """The lines of a log."""

    async def close(self) -> None:
        """Close the connections."""


class Blocking:
    """A cluster as a port whose coroutines never wait."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @property
    def namespace(self) -> str:
        """See Port."""
        return self._cluster.namespace

    async def run(self, steps: Steps[T]) -> T:
        """See Port."""
        return self._cluster.run(steps)

    def watch(self, kind: Resource, **how: Any) -> AsyncGenerator[Event, None]:
        """See Port."""
        return _as_async(self._cluster.watch(kind, **how))

    def logs(self, pod: str, **how: Any) -> AsyncGenerator[bytes, None]:
        """See Port."""
        return _as_async(self._cluster.logs(pod, **how))

    async def close(self) -> None:
        """See Port."""
        self._cluster.close()


def blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns, of one that stands upon Blocking."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise RuntimeError("a coroutine waits for something else than the cluster")


def blocking_items(items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """What the generator yields, of one that stands upon Blocking."""
    try:
        while True:
            try:
                item = blocking(_next(items))
            except StopAsyncIteration:
                return
            yield item
    finally:
        blocking(items.aclose())


async def _next(items: AsyncGenerator[T, None]) -> T:
    return await anext(items)


async def _as_async(items: Generator[T, None, None]) -> AsyncGenerator[T, None]:
    try:
        for item in items:
            yield item
    finally:
        items.close()
