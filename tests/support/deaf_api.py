"""An API server in memory whose watches can be made silent for a while, and break without a visible fault."""

import asyncio
from collections.abc import AsyncIterator

from crontask.ports import Clock, Kind, WatchEvent
from crontask.simulation.memory_api import MemoryApi


class DeafApi(MemoryApi):
    """Between `go_deaf` and `hear_again`, watches hold back what they would tell."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._hears = asyncio.Event()
        self._hears.set()

    def go_deaf(self) -> None:
        """Hold back what comes from now on."""
        self._hears.clear()

    def hear_again(self) -> None:
        """Tell what was held back."""
        self._hears.set()

    async def watch(
        self, kind: Kind, *, resource_version: str, namespace: str = "", selector: str = ""
    ) -> AsyncIterator[WatchEvent]:
        """See Api."""
        async for event in super().watch(
            kind, resource_version=resource_version, namespace=namespace, selector=selector
        ):
            await self._hears.wait()
            yield event
