"""The one way out: every write waits here for its place, by priority, and passes the gate just before it is sent.

Launches go before status before events before clean-up; a bounded number is in flight, of which launches may be all and
the others a part: more at a time would make them no faster, and the launches and the watches of everybody slower.
Starts keep to a rate. Callers: executor, teller.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from enum import IntEnum
from itertools import count
from typing import TypeVar

from crontask.engine.gate import Gate
from crontask.engine.ports import Clock

T = TypeVar("T")


class Priority(IntEnum):
    """Which writes go first."""

    LAUNCH = 0
    STATUS = 1
    EVENT = 2
    CLEANUP = 3


# Of all that may be in flight: with how much a write of that priority may still be sent.
_SHARES = {Priority.LAUNCH: 1.0, Priority.STATUS: 0.25, Priority.EVENT: 0.125, Priority.CLEANUP: 0.125}


class WriteQueue:
    """At most `in_flight` writes at a time. `start_rate`: launches a second, 0 without a limit."""

    def __init__(self, gate: Gate, clock: Clock, in_flight: int = 64, start_rate: int = 0) -> None:
        self._gate = gate
        self._clock = clock
        self._limits = {priority: max(1, int(in_flight * share)) for priority, share in _SHARES.items()}
        self._in_flight = 0
        self._start_rate = start_rate
        self._launches_waiting = 0
        self._next_start = 0.0
        self._numbers = count()
        self._waiting: list[tuple[Priority, int, asyncio.Future[None]]] = []

    async def send(self, priority: Priority, write: Callable[[], Awaitable[T]]) -> T:
        """Send the write when its turn has come. Raises what it raises, and LeaseLostError."""
        await self._turn(priority)
        try:
            self._gate.check()
            return await write()
        finally:
            self._in_flight -= 1
            self._wake_next()

    @property
    def launches_wait(self) -> bool:
        """Whether more is to be launched than can be on its way."""
        return self._launches_waiting > 0

    async def start_slot(self) -> None:
        """Wait until another launch keeps to the start rate."""
        if not self._start_rate:
            return
        now = self._clock.monotonic()
        at = max(now, self._next_start)
        self._next_start = at + 1 / self._start_rate
        await self._clock.sleep(at - now)

    async def _turn(self, priority: Priority) -> None:
        first = not self._waiting or self._waiting[0][0] > priority
        if first and self._in_flight < self._limits[priority]:
            self._in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._numbers), turn))
        launch = priority is Priority.LAUNCH
        self._launches_waiting += launch
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._in_flight -= 1
                self._wake_next()
            raise
        finally:
            self._launches_waiting -= launch

    def _wake_next(self) -> None:
        while self._waiting and self._in_flight < self._limits[self._waiting[0][0]]:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                self._in_flight += 1
                turn.set_result(None)
