"""A part that would wait for itself: for a slot that is free only once it has ended."""

from collections.abc import Iterable
from typing import Protocol

from crontask.decide.model import CronTask, ScheduledRun


class SlotHolders(Protocol):
    """Who holds and who waits for the slots of tasks."""

    def holders(self, task: CronTask) -> list[ScheduledRun]:
        """The runs that occupy the slots of a task, and its group."""
        ...

    def parts(self, run: ScheduledRun) -> Iterable[ScheduledRun]:
        """The parts of a run that have not ended."""
        ...

    def waits_for(self, part: ScheduledRun) -> CronTask | None:
        """The task for whose slot a part waits; None if it does not."""
        ...

    def parent(self, run: ScheduledRun) -> ScheduledRun | None:
        """What a run is a part of."""
        ...


def deadlocked_by(part: ScheduledRun, task: CronTask, slots: SlotHolders) -> tuple[str, ...]:
    """Who holds the slots of the task for one of which the part waits, if it waits in vain; else nobody.

    In vain: each is held by what it is a part of, or by a run that itself waits, directly or over others, for a slot
    that is held so.
    """
    above: set[str] = set()
    parent = slots.parent(part)
    while parent is not None:
        above.add(parent.meta.uid)
        parent = slots.parent(parent)
    search = _Search(slots, above)
    if not search.never_free(task, frozenset()):
        return ()
    return tuple(sorted(run.meta.name for run in slots.holders(task)))


class _Search:
    """Follows who waits for whom, up to what holds `above`."""

    def __init__(self, slots: SlotHolders, above: set[str]) -> None:
        self._slots = slots
        self._above = above

    def never_free(self, task: CronTask, seen: frozenset[str]) -> bool:
        """Whether no slot of the task is given up before the part has ended."""
        holders, limit = self._slots.holders(task), task.spec.concurrency.limit
        if limit is None or len(holders) < limit:
            return False
        return all(self._waits(run, seen) for run in holders)

    def _waits(self, run: ScheduledRun, seen: frozenset[str]) -> bool:
        """Whether a run cannot end before the part has. What waits for itself is another deadlock, and is ended."""
        if run.meta.uid in self._above:
            return True
        if run.meta.uid in seen:
            return False
        seen |= {run.meta.uid}
        for part in self._slots.parts(run):
            task = self._slots.waits_for(part)
            if self.never_free(task, seen) if task is not None else self._waits(part, seen):
                return True
        return False
