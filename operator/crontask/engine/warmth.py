"""Connections that are open when they are needed: to open one at the time itself delays what is due."""

import asyncio
from datetime import datetime, timedelta

from crontask.engine.dueheap import DueHeap
from crontask.ports import Api, Clock

# So long before; opening 256 takes two cores most of a second.
_AHEAD = timedelta(seconds=3)
# Idle connections are closed after 90 seconds, here and by the API server.
_STAY_OPEN = 45.0


class Warmth:
    """Before an instant at which many keys are due, opens as many connections, `most` at most."""

    def __init__(self, api: Api, clock: Clock, most: int) -> None:
        self._api = api
        self._clock = clock
        self._most = most
        self._open = 0
        self._until = 0.0
        # Held, or the event loop could forget it.
        self._opening: asyncio.Task[None] | None = None

    def begin_at(self, due: DueHeap) -> datetime | None:
        """When to begin for the next instant; None if what it needs is open."""
        at = due.next_at()
        if at is None:
            return None
        wanted = self._wanted(due, at)
        begin_at = at - _AHEAD
        then = self._clock.monotonic() + (begin_at - self._clock.now()).total_seconds()
        # One that comes alone meets a connection that has made its run ahead, or pays for one.
        if wanted < 2 or (wanted <= self._open and then < self._until):
            return None
        return begin_at

    def begin(self, due: DueHeap) -> None:
        """Open what the next instant needs, if it is time to."""
        at, begin_at = due.next_at(), self.begin_at(due)
        if at is None or begin_at is None or begin_at > self._clock.now():
            return
        self._open = self._wanted(due, at)
        self._until = self._clock.monotonic() + _STAY_OPEN
        self._opening = asyncio.get_running_loop().create_task(self._api.warm(self._open))

    def _wanted(self, due: DueHeap, at: datetime) -> int:
        return min(due.count_at(at), self._most)
