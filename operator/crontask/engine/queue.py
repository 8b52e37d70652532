"""The one way out: every write waits here for its turn, by priority, and passes the gate just before it is sent.

Launches go before those of parts of composite runs before status before events before clean-up; a bounded number is in
flight. Launches may be all of it, those of parts too while there are no others, and each of the rest a part: more would
make them no faster, and launches and everybody's watches slower. Starts keep to a rate.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable
from enum import IntEnum
from typing import TypeVar

from crontask.engine.gate import Gate
from crontask.ports import Clock

T = TypeVar("T")


class Priority(IntEnum):
    """Which writes go first."""

    LAUNCH = 0
    # Of parts of composite runs, for which no time was promised.
    PART = 1
    STATUS = 2
    EVENT = 3
    CLEANUP = 4


IN_FLIGHT = 256
# Seconds: a slot as near as this is now; one that nobody came for is forgotten after so long.
_NEAR, _FORGOTTEN, _MANY_SLOTS = 0.001, 60.0, 1024
# Of all that may be in flight.
_SHARES = {
    Priority.LAUNCH: 1,
    Priority.PART: 1,
    Priority.STATUS: 1 / 16,
    Priority.EVENT: 1 / 32,
    Priority.CLEANUP: 1 / 32,
}
# Those of parts while launches are on their way, and statuses while those of parts are: the next part waits for these.
_PARTS_BESIDE_LAUNCHES, _STATUSES_BESIDE_PARTS = 1 / 128, 1 / 64


class WriteQueue:
    """At most `in_flight` writes at a time. `start_rate`: launches a second, 0 without a limit.

    An API server that has more to do than it can shares itself out among the requests that it has: with few under way,
    launches wait for what others write about those before.
    """

    def __init__(self, gate: Gate, clock: Clock, in_flight: int = IN_FLIGHT, start_rate: int = 0) -> None:
        self._gate = gate
        self._clock = clock
        self._limits = {priority: max(1, int(in_flight * share)) for priority, share in _SHARES.items()}
        self._beside = {
            Priority.PART: (Priority.LAUNCH, max(1, int(in_flight * _PARTS_BESIDE_LAUNCHES))),
            Priority.STATUS: (Priority.PART, max(1, int(in_flight * _STATUSES_BESIDE_PARTS))),
        }
        self._most = in_flight
        self._in_flight: Counter[Priority] = Counter()
        self._start_rate = start_rate
        self._under_way: Counter[Priority] = Counter()
        self._next_start = 0.0
        self._slots: dict[Hashable, float] = {}
        self._tidy_slots_at = _MANY_SLOTS
        self._waiting: dict[Priority, deque[asyncio.Future[None]]] = {priority: deque() for priority in Priority}

    async def send(self, priority: Priority, write: Callable[[], Awaitable[T]]) -> T:
        """Send the write when its turn has come. Raises what it raises, and LeaseLostError."""
        self._under_way[priority] += 1
        try:
            await self._turn(priority)
            try:
                self._gate.check()
                return await write()
            finally:
                self._in_flight[priority] -= 1
        finally:
            self._under_way[priority] -= 1
            self._wake_next()

    @property
    def launches(self) -> int:
        """How many launches wait or are on their way, those of parts among them."""
        return self._under_way[Priority.LAUNCH] + self._under_way[Priority.PART]

    def under_way(self, priority: Priority) -> int:
        """How many writes of that priority wait or are on their way."""
        return self._under_way[priority]

    def waiting(self, priority: Priority) -> int:
        """How many writes of that priority wait for their turn."""
        return len(self._waiting[priority])

    @property
    def most(self) -> int:
        """How many writes may be in flight."""
        return self._most

    def start_slot(self, pod: Hashable) -> float:
        """Seconds until the start of a pod keeps to the start rate; who has to wait keeps that slot until then."""
        if not self._start_rate:
            return 0.0
        now = self._clock.monotonic()
        at = self._slots.pop(pod, None)
        if at is None:
            at = max(now, self._next_start)
            self._next_start = at + 1 / self._start_rate
        if at - now < _NEAR:
            return 0.0
        self._slots[pod] = at
        if len(self._slots) >= self._tidy_slots_at:
            # Of runs that were canceled while they waited.
            self._slots = {waiting: slot for waiting, slot in self._slots.items() if slot > now - _FORGOTTEN}
            self._tidy_slots_at = max(_MANY_SLOTS, 2 * len(self._slots))
        return at - now

    async def _turn(self, priority: Priority) -> None:
        if self._has_room(priority) and not self._waiting[priority]:
            self._in_flight[priority] += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[priority].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._in_flight[priority] -= 1
            raise

    def _has_room(self, priority: Priority) -> bool:
        limit = self._limits[priority]
        if priority in self._beside:
            first, few = self._beside[priority]
            limit = few if self._under_way[first] else limit
        return self._in_flight[priority] < limit and self._in_flight.total() < self._most

    def _wake_next(self) -> None:
        for priority in Priority:
            while self._waiting[priority] and self._has_room(priority):
                turn = self._waiting[priority].popleft()
                if not turn.done():
                    self._in_flight[priority] += 1
                    turn.set_result(None)
