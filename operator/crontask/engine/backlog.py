"""The keys that wait to be decided: those whose time has come, then those that changed.

Of what changed, runs have most of the turns: a task is decided once its runs say what became of them, and so is
written once where it would be twice. What is of composite runs is apart: its turn may come while the others wait.
"""

from collections import deque

from crontask.ports import Kind, ObjectKey

# Of so many turns of what changed, one is a task's, whatever else waits.
_TURNS_A_TASK = 4


class Backlog:
    """Each key waits once, however often it is added."""

    def __init__(self) -> None:
        self._due: deque[ObjectKey] = deque()
        self._runs: deque[ObjectKey] = deque()
        self._parts: deque[ObjectKey] = deque()
        self._tasks: deque[ObjectKey] = deque()
        self._waiting: set[ObjectKey] = set()
        self._turn = 0

    def add_due(self, key: ObjectKey) -> None:
        """Its time has come. It may wait among the others already: there it is passed over then."""
        self._waiting.add(key)
        self._due.append(key)

    def add_changed(self, key: ObjectKey, *, of_composite: bool = False) -> bool:
        """It is not as it was; False if it waits already. `of_composite`: a composite run, or a part of one."""
        if key in self._waiting:
            return False
        self._waiting.add(key)
        if of_composite:
            self._parts.append(key)
        else:
            (self._tasks if key.kind is Kind.CRON_TASK else self._runs).append(key)
        return True

    def remove(self, key: ObjectKey) -> bool:
        """It is decided now; False if it was not waiting."""
        if key not in self._waiting:
            return False
        self._waiting.discard(key)
        return True

    @property
    def due(self) -> int:
        """How many entries those have whose time has come."""
        return len(self._due)

    @property
    def changed(self) -> int:
        """How many entries those have that changed."""
        return len(self._runs) + len(self._tasks) + len(self._parts)

    @property
    def of_composites(self) -> int:
        """How many of them are of composite runs."""
        return len(self._parts)

    def next_due(self) -> ObjectKey:
        """Whose turn it is; it waits until it is removed, and need not be waiting any more."""
        return self._due.popleft()

    def next_changed(self) -> ObjectKey:
        """The same, of those that changed."""
        self._turn += 1
        runs = self._parts if self._parts and (not self._runs or self._turn % 2) else self._runs
        tasks_turn = self._tasks and (not runs or self._turn % _TURNS_A_TASK == 0)
        return (self._tasks if tasks_turn else runs).popleft()

    def next_of_composites(self) -> ObjectKey:
        """The same, of composite runs and their parts."""
        return self._parts.popleft()
