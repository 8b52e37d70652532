"""A table of who holds and who waits for the slots of tasks: which part waits in vain, and which does not."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from run_life import at, recorded
from task_views import make_task

from crontask.api.metadata import Metadata
from crontask.api.phases import RunPhase
from crontask.api.scheduledrun import ScheduledRunSpec
from crontask.decide.composite.deadlock import deadlocked_by
from crontask.decide.model import CronTask, ScheduledRun


@dataclass(frozen=True)
class World:
    """`slots`: how many a task has; `held`: of which task a run holds one; `waits`: for a slot of which a part waits.

    A run `a.b` is a part of `a`; of each other that neither holds nor waits a pod runs.
    """

    slots: dict[str, int]
    held: dict[str, str] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    def holders(self, task: CronTask) -> list[ScheduledRun]:
        """See SlotHolders."""
        return [run(name) for name, of in self.held.items() if of == task.meta.name]

    def parts(self, parent: ScheduledRun) -> Iterable[ScheduledRun]:
        """See SlotHolders."""
        known = dict.fromkeys((*self.held, *self.waits, *self.others))
        return [run(name) for name in known if name.rpartition(".")[0] == parent.meta.name]

    def waits_for(self, part: ScheduledRun) -> CronTask | None:
        """See SlotHolders."""
        name = self.waits.get(part.meta.name)
        return self.task(name) if name is not None else None

    def parent(self, part: ScheduledRun) -> ScheduledRun | None:
        """See SlotHolders."""
        name = part.meta.name.rpartition(".")[0]
        return run(name) if name else None

    def task(self, name: str) -> CronTask:
        """A task of so many slots."""
        policy = {"policy": "Allow", "max": self.slots[name]}
        return make_task(meta={"name": name, "uid": f"task {name}"}, concurrency=policy)


def run(name: str) -> ScheduledRun:
    meta = Metadata(name=name, uid=f"run {name}", namespace="n", creation_timestamp=at(0))
    return ScheduledRun(meta, ScheduledRunSpec(), (), recorded(RunPhase.RUNNING))


ONE, TWO = {"x": 1, "y": 1}, {"x": 2, "y": 2}
ROWS: tuple[tuple[str, World, str, tuple[str, ...]], ...] = (
    ("a slot is free", World(TWO, {"a": "x"}, {"a.b": "x"}), "a.b", ()),
    ("its own parent holds it", World(ONE, {"a": "x"}, {"a.b": "x"}), "a.b", ("a",)),
    ("what its parent is a part of holds it", World(ONE, {"a": "x", "a.b": "y"}, {"a.b.c": "x"}), "a.b.c", ("a",)),
    (
        "and a brother of its parent waits for who waits for that",
        World({**ONE, "z": 1}, {"a": "x", "a.b": "y", "o": "z"}, {"a.b.c": "x", "a.q": "z", "o.p": "x"}),
        *("a.b.c", ("a",)),
    ),
    ("a run with a pod holds it", World(ONE, {"p": "x"}, {"a.b": "x"}), "a.b", ()),
    ("one of two is held by a pod", World(TWO, {"a": "x", "p": "x"}, {"a.b": "x"}), "a.b", ()),
    ("a part with a pod of who holds it", World(ONE, {"o": "x"}, {"a.b": "x"}, ("o.p",)), "a.b", ()),
    ("two wait for each other", World(ONE, {"a": "x", "o": "y"}, {"a.b": "y", "o.p": "x"}), "a.b", ("o",)),
    (
        "beside what waits for it, a pod runs",
        World(ONE, {"a": "x", "o": "y"}, {"a.b": "y", "o.p": "x"}, ("o.q",)),
        "a.b",
        ("o",),
    ),
    (
        "a brother waits as well, and each for the other",
        World({"x": 3}, {"a": "x", "a.b": "x", "a.c": "x"}, {"a.b.1": "x", "a.b.2": "x", "a.c.1": "x"}),
        "a.b.1",
        ("a", "a.b", "a.c"),
    ),
    (
        "two of each wait for two of the others",
        World(TWO, {"a": "x", "b": "x", "o": "y", "p": "y"}, {"a.1": "y", "b.1": "y", "o.1": "x", "p.1": "x"}),
        "a.1",
        ("o", "p"),
    ),
    (
        "one of four does not wait",
        World(TWO, {"a": "x", "b": "x", "o": "y", "p": "y"}, {"a.1": "y", "b.1": "y", "o.1": "x"}),
        "a.1",
        (),
    ),
    # They are ended, and then it has its turn.
    (
        "others wait for each other",
        World(ONE, {"o": "x", "p": "y"}, {"o.1": "y", "p.1": "x", "a.b": "x"}),
        "a.b",
        (),
    ),
    ("another waits for itself", World(ONE, {"o": "x"}, {"o.1": "x", "a.b": "x"}), "a.b", ()),
)


@pytest.mark.parametrize(("world", "part", "wanted"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_who_holds_what_a_part_waits_for_in_vain(world: World, part: str, wanted: tuple[str, ...]) -> None:
    assert deadlocked_by(run(part), world.task(world.waits[part]), world) == wanted
