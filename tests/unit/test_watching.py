"""What an operator knows of namespaces that it has claimed, and of those that others have, on virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import aiohttp

from cluster.control_plane import free_ports
from crontask.engine.store import Store
from crontask.kube.claim import CLAIM, LASTS
from crontask.ports import Document, Kind, ObjectKey
from crontask.readiness import ReadinessServer
from crontask.simulation.memory_api import MemoryApi
from crontask.simulation.virtual_time import VirtualClock, run_virtual
from crontask.watching import WatchedNamespaces, WholeCluster

NAMESPACES = ("shop", "billing", "elsewhere")


class World:
    """An API server with a task and a run in each of three namespaces, and the store of an operator."""

    def __init__(self) -> None:
        self.clock = VirtualClock(datetime(2027, 1, 1, tzinfo=UTC))
        self.api = MemoryApi(self.clock)
        self.changed: list[ObjectKey] = []
        self.store = Store(self.changed.append)
        for namespace in NAMESPACES:
            self.api.apply(task(), namespace)
            self.api.apply(run("first"), namespace)

    def known(self) -> set[str]:
        """The namespaces of which a task and its run are known."""
        found = set()
        for namespace in NAMESPACES:
            both = (
                self.store.task(ObjectKey(Kind.CRON_TASK, namespace, "tick")),
                self.store.run(ObjectKey(Kind.SCHEDULED_RUN, namespace, "first")),
            )
            assert (both[0] is None) is (both[1] is None)
            if both[0] is not None:
                found.add(namespace)
        return found

    def claim(self, namespace: str, holder: str) -> None:
        """Another operator claims it, or renews its claim."""
        spec = {"holderIdentity": holder, "leaseDurationSeconds": LASTS, "renewTime": str(self.clock.now())}
        self.api.apply({"kind": "Lease", "metadata": {"name": CLAIM}, "spec": spec}, namespace)


def task() -> Document:
    spec = {"handler": {"container": {"image": "busybox:1.36"}}}
    return {"kind": "CronTask", "metadata": {"name": "tick"}, "spec": spec}


def run(name: str) -> Document:
    return {"kind": "ScheduledRun", "metadata": {"name": name}, "spec": {"taskRef": {"name": "tick"}}}


def play(story: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        await story(World())

    run_virtual(main)


def test_an_operator_knows_the_namespaces_that_it_has_claimed_and_no_other() -> None:
    async def story(world: World) -> None:
        world.claim("billing", "other/operator")
        watching = WatchedNamespaces(world.api, world.clock, world.store, ("shop", "billing"), "home/crontask")
        assert watching.unready() == [f"the claim of {where} is not known yet" for where in ("shop", "billing")]
        running = asyncio.create_task(watching.run())
        await watching.settled()
        assert world.known() == {"shop"}
        assert "billing is claimed by another operator, other/operator" in "".join(watching.unready())
        # Nobody renews the other claim: the namespace comes whole, its runs with their task.
        world.api.latency = 0.3
        await world.clock.sleep(LASTS + 10)
        assert world.known() == {"shop", "billing"}
        assert watching.unready() == []
        # Somebody takes the first by hand.
        world.claim("shop", "other/operator")
        await world.clock.sleep(20)
        assert world.known() == {"billing"}
        assert len(watching.informers) == 3
        # What is answered late to a request of before is not taken.
        world.store.fold(Kind.SCHEDULED_RUN, await world.api.get(ObjectKey(Kind.SCHEDULED_RUN, "shop", "first")))
        assert world.known() == {"billing"}
        # It goes back, and is known again, as it is by then.
        world.claim("shop", "home/crontask")
        await world.clock.sleep(20)
        assert world.known() == {"shop", "billing"}
        running.cancel()

    play(story)


def test_nothing_of_a_namespace_is_decided_before_all_of_it_is_known() -> None:
    async def story(world: World) -> None:
        watching = WatchedNamespaces(world.api, world.clock, world.store, ("shop",), "home/crontask")
        pages = world.api.list_page

        async def slow_pods(kind: Kind, **how: Any) -> Any:
            await world.clock.sleep(30 if kind is Kind.POD else 0)
            return await pages(kind, **how)

        world.api.list_page = slow_pods  # type: ignore[method-assign]
        running = asyncio.create_task(watching.run())
        await world.clock.sleep(20)
        assert (world.changed, world.known()) == ([], set())
        assert watching.unready() == ["pods in namespace shop are not listed yet"]
        await world.clock.sleep(20)
        assert world.known() == {"shop"}
        assert world.changed
        running.cancel()

    play(story)


def test_the_operator_of_the_whole_cluster_leaves_to_others_what_they_have_claimed() -> None:
    async def story(world: World) -> None:
        world.claim("shop", "other/operator")
        watching = WholeCluster(world.api, world.clock, world.store, "home/whole")
        running = asyncio.create_task(watching.run())
        await watching.settled()
        assert world.known() == {"billing", "elsewhere"}
        # That is as it should be.
        assert watching.unready() == []
        world.claim("billing", "other/operator")
        await world.clock.sleep(20)
        assert world.known() == {"elsewhere"}
        world.api.apply(run("second"), "shop")
        # Both claims lapse.
        await world.clock.sleep(2 * LASTS)
        assert world.known() == set(NAMESPACES)
        assert world.store.run(ObjectKey(Kind.SCHEDULED_RUN, "shop", "second")) is not None
        # Each list, of one namespace or of all, sweeps what is gone of its own.
        await world.api.end_watches(expire=True)
        await world.api.remove(ObjectKey(Kind.SCHEDULED_RUN, "shop", "second"))
        await world.clock.sleep(30)
        assert world.store.run(ObjectKey(Kind.SCHEDULED_RUN, "shop", "second")) is None
        assert world.known() == set(NAMESPACES)
        running.cancel()

    play(story)


async def test_readiness_says_why_not() -> None:
    reasons = ["namespace shop is claimed by another operator", "pods are not listed yet"]
    server, (port,) = ReadinessServer(lambda: reasons), free_ports(1)
    await server.start(port)
    try:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                assert (answer.status, (await answer.text()).splitlines()) == (503, reasons)
            reasons.clear()
            async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                assert (answer.status, await answer.text()) == (200, "ready\n")
    finally:
        await server.stop()
