"""What an informer knows when its operator begins to lead: news that a broken watch has not told are listed."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from deaf_api import DeafApi

from crontask.engine.assemble import make_informers
from crontask.engine.informer import Informer
from crontask.engine.store import Store
from crontask.ports import Document, Kind, ObjectKey
from crontask.simulation.virtual_time import VirtualClock, run_virtual

EPOCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEVER = float("-inf")


class World:
    """An API server, and an informer of runs with its store."""

    def __init__(self) -> None:
        self.clock = VirtualClock(EPOCH)
        self.api = DeafApi(self.clock)
        self.store = Store()
        self.informer = Informer(self.api, self.clock, Kind.SCHEDULED_RUN, self.store)

    def knows(self, name: str) -> bool:
        """Whether the store has a run of that name."""
        return self.store.run(ObjectKey(Kind.SCHEDULED_RUN, "default", name)) is not None

    @property
    def lists(self) -> int:
        """How often a list was asked for."""
        return self.api.requests["list", "ScheduledRun", ""]

    def make(self, name: str) -> None:
        """A run, as somebody else makes it."""
        self.api.apply(_run(name))

    async def break_watch(self) -> None:
        """The API server is away for a moment."""
        self.api.down = True
        await asyncio.sleep(2)
        self.api.down = False


def _run(name: str) -> Document:
    return {"kind": "ScheduledRun", "metadata": {"name": name}, "spec": {"taskRef": {"name": "tick"}}}


def play(story: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    """Tell a story in which the informer has listed what there was."""

    async def main() -> None:
        world = World()
        watching = asyncio.create_task(world.informer.run())
        await world.informer.synced.wait()
        await story(world)
        watching.cancel()

    run_virtual(main)


def test_without_a_fault_nothing_is_listed_again() -> None:
    async def story(world: World) -> None:
        await asyncio.sleep(100)
        await world.informer.catch_up(NEVER)
        assert world.lists == 1

    play(story)


def test_after_the_watch_was_broken_what_it_has_not_told_is_listed_and_what_went_is_swept() -> None:
    async def story(world: World) -> None:
        world.make("goes")
        await asyncio.sleep(1)
        assert world.knows("goes")
        await world.break_watch()
        world.api.go_deaf()
        world.make("comes")
        await world.api.remove(ObjectKey(Kind.SCHEDULED_RUN, "default", "goes"))
        await asyncio.sleep(10)
        assert (world.knows("comes"), world.knows("goes")) == (False, True)
        await world.informer.catch_up(NEVER)
        assert (world.knows("comes"), world.knows("goes")) == (True, False)
        # The watch goes on where it was: what it tells late changes nothing.
        world.api.hear_again()
        await asyncio.sleep(1)
        assert (world.knows("comes"), world.knows("goes")) == (True, False)

    play(story)


@pytest.mark.parametrize(("seconds", "listed"), [(1, 2), (59, 2), (61, 1)])
def test_a_fault_that_others_met_counts_for_a_minute(seconds: float, listed: int) -> None:
    async def story(world: World) -> None:
        await asyncio.sleep(200)
        await world.informer.catch_up(world.clock.monotonic() - seconds)
        assert world.lists == listed
        # Once is enough.
        await world.informer.catch_up(world.clock.monotonic() - seconds)
        assert world.lists == listed

    play(story)


def test_what_cannot_be_listed_yet_is_waited_for() -> None:
    async def story(world: World) -> None:
        await asyncio.sleep(1)
        world.api.down = True
        world.make("comes")
        catching_up = asyncio.create_task(world.informer.catch_up(world.clock.monotonic()))
        await asyncio.sleep(20)
        assert not catching_up.done()
        world.api.down = False
        async with asyncio.timeout(10):
            await catching_up
        assert world.knows("comes")

    play(story)


def test_informers_of_a_namespace_hand_on_what_is_in_it_and_sweep_nothing_else() -> None:
    async def main() -> None:
        clock = VirtualClock(EPOCH)
        api, store = DeafApi(clock), Store()

        def known(namespace: str, name: str) -> bool:
            return store.run(ObjectKey(Kind.SCHEDULED_RUN, namespace, name)) is not None

        for namespace in ("shop", "billing", "elsewhere"):
            api.apply(_run("first"), namespace)
        informers = make_informers(api, clock, store, ("shop", "billing"))
        watching = [asyncio.create_task(informer.run()) for informer in informers]
        for informer in informers:
            await informer.synced.wait()
        for namespace in ("shop", "billing", "elsewhere"):
            api.apply(_run("second"), namespace)
        await asyncio.sleep(1)
        seen = {(where, name) for where in ("shop", "billing", "elsewhere") for name in ("first", "second")}
        assert {each for each in seen if known(*each)} == {each for each in seen if each[0] != "elsewhere"}
        # One goes unseen, and the others stay: each list is of its own namespace.
        await api.end_watches(expire=True)
        await api.remove(ObjectKey(Kind.SCHEDULED_RUN, "shop", "first"))
        await asyncio.sleep(30)
        assert {each for each in seen if known(*each)} == {
            ("shop", "second"),
            ("billing", "first"),
            ("billing", "second"),
        }
        for task in watching:
            task.cancel()

    run_virtual(main)
