"""One suite for both transports: an AsyncCluster with the methods of a Cluster."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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


class _Awaited:
    """Runs what is to be awaited until it is there."""

    def __init__(self, awaited: Any, runner: asyncio.Runner) -> None:
        self._awaited, self._runner = awaited, runner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._awaited, name)
        if name == "transport":
            return _Awaited(found, self._runner)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            called = found(*arguments, **named)
            return self._items(called) if hasattr(called, "__aiter__") else self._runner.run(called)

        return call

    def _items(self, stream: Any) -> Iterator[Any]:
        end = object()

        async def following() -> Any:
            return await anext(stream, end)

        try:
            while (item := self._runner.run(following())) is not end:
                yield item
        finally:
            self._runner.run(stream.aclose())
