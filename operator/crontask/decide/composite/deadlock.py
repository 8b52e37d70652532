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
    that is held so. Where others wait for each other alone, they are ended, and it goes on then.
    """
    above: set[str] = set()
    parent = slots.parent(part)
    while parent is not None:
        above.add(parent.meta.uid)
        parent = slots.parent(parent)
    waiting = _Waiting(slots, task)
    if task.meta.uid in waiting.given_up() or task.meta.uid not in waiting.given_up(above):
        return ()
    return tuple(sorted(run.meta.name for run in slots.holders(task)))


class _Waiting:
    """Who waits for whom, as far as that can be followed from a task, by UID.

    `_any`: of a task without a free slot who holds them, one of whom has to end. `_all`: of a run what it waits for:
    its parts, and the tasks for a slot of which parts of it wait.
    """

    def __init__(self, slots: SlotHolders, task: CronTask) -> None:
        self._slots = slots
        self._any: dict[str, list[str]] = {}
        self._all: dict[str, list[str]] = {}
        ahead: list[CronTask | ScheduledRun] = [task]
        while ahead:
            item = ahead.pop()
            if item.meta.uid not in self._any and item.meta.uid not in self._all:
                ahead += self._follow(item)

    def _follow(self, item: CronTask | ScheduledRun) -> list[CronTask | ScheduledRun]:
        if isinstance(item, ScheduledRun):
            parts: list[CronTask | ScheduledRun] = [
                self._slots.waits_for(part) or part for part in self._slots.parts(item)
            ]
            self._all[item.meta.uid] = [each.meta.uid for each in parts]
            return parts
        holders, limit = self._slots.holders(item), item.spec.concurrency.limit
        if limit is None or len(holders) < limit:
            self._all[item.meta.uid] = []
            return []
        self._any[item.meta.uid] = [run.meta.uid for run in holders]
        return [*holders]

    def given_up(self, anyway: Iterable[str] = ()) -> set[str]:
        """The runs that end, and the tasks of which a slot is free then, if these end `anyway`.

        Who waits in a circle, for itself in the end, is not among them.
        """
        found = set(anyway)
        while True:
            more = {uid for uid, needs in self._all.items() if found.issuperset(needs)}
            more |= {uid for uid, holders in self._any.items() if not found.isdisjoint(holders)}
            if more <= found:
                return found
            found |= more
