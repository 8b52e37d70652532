"""The due-heap: which key is to be decided again, and when."""

import heapq
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import count

from crontask.ports import ObjectKey


class DueHeap:
    """One instant a key: setting another one replaces it. Replaced entries leave the heap when they come up."""

    def __init__(self) -> None:
        self._at: dict[ObjectKey, datetime] = {}
        # How many keys each instant has.
        self._count: Counter[datetime] = Counter()
        self._heap: list[tuple[datetime, int, ObjectKey]] = []
        self._numbers = count()

    def set(self, key: ObjectKey, at: datetime | None) -> None:
        """Wake the key at that instant; None: not at all."""
        if self._at.get(key) == at:
            return
        self._forget(key)
        if at is not None:
            self._at[key] = at
            self._count[at] += 1
            heapq.heappush(self._heap, (at, next(self._numbers), key))

    def next_at(self) -> datetime | None:
        """The next instant at which a key is due."""
        while self._heap and self._at.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def count_at(self, at: datetime) -> int:
        """How many keys are due at that very instant."""
        return self._count[at]

    def pop_due(self, now: datetime) -> Iterator[ObjectKey]:
        """The keys that are due, which are then no longer in the heap."""
        while (at := self.next_at()) is not None and at <= now:
            key = heapq.heappop(self._heap)[2]
            self._forget(key)
            yield key

    def _forget(self, key: ObjectKey) -> None:
        at = self._at.pop(key, None)
        if at is not None:
            self._count[at] -= 1
            if not self._count[at]:
                del self._count[at]
