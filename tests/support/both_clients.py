"""One suite for both transports: AsyncCluster with the methods of Cluster, AsyncClient with those of Client."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from crontask import AsyncClient, AsyncRun, AsyncRunEvent, Client
from crontask.client import Access, AsyncCluster, Cluster

BOTH = ("sync", "async")


@contextmanager
def cluster_by(transport: str, access: Access) -> Iterator[Any]:
    """A client over that transport; all methods as in Cluster."""
    if transport == "sync":
        with Cluster(access) as plain:
            yield plain
        return
    with asyncio.Runner() as runner:
        made = AsyncCluster(access)
        yield _Awaited(made, runner)
        runner.run(made.close())


@contextmanager
def client_by(transport: str, access: Access, app: str = "shop") -> Iterator[Any]:
    """A client of the SDK over that transport; all methods as in Client, and its runs have those of a Run."""
    if transport == "sync":
        with Client(app, access=access) as plain:
            yield plain
        return
    with asyncio.Runner() as runner:
        made = AsyncClient(app, access=access)
        yield _Awaited(made, runner)
        runner.run(made.close())


class _Awaited:
    """Runs what is to be awaited until it is there."""

    def __init__(self, awaited: Any, runner: asyncio.Runner) -> None:
        self._awaited, self._runner = awaited, runner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._awaited, name)
        if name in ("transport", "run") and not callable(found):
            return _Awaited(found, self._runner)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            called = found(*arguments, **named)
            return self._items(called) if hasattr(called, "__aiter__") else self._seen(self._runner.run(called))

        return call

    def _seen(self, value: Any) -> Any:
        """What is to be awaited itself, likewise."""
        if isinstance(value, list):
            return [self._seen(each) for each in value]
        return _Awaited(value, self._runner) if isinstance(value, AsyncRun | AsyncRunEvent) else value

    def _items(self, stream: Any) -> Iterator[Any]:
        end = object()

        async def following() -> Any:
            return await anext(stream, end)

        try:
            while (item := self._runner.run(following())) is not end:
                yield self._seen(item)
        finally:
            self._runner.run(stream.aclose())
