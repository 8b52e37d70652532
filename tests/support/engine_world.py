"""The whole engine on virtual time, against an API server in memory and a kubelet that plays pods."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from deaf_api import DeafApi

from crontask.api.names import ANNOTATION_RESERVED
from crontask.decide.model import Config
from crontask.engine.assemble import make_engine, make_informers
from crontask.engine.gate import Gate
from crontask.engine.informer import Informer
from crontask.engine.metrics import Metrics
from crontask.engine.queue import WriteQueue
from crontask.engine.store import Store
from crontask.ports import Document, Kind, ObjectKey
from crontask.simulation.kubelet import MemoryKubelet, Plan
from crontask.simulation.virtual_time import VirtualClock, run_virtual

EPOCH = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
NAMESPACE = "jobs"


class World:
    """An API server, a kubelet, and operators that come and go."""

    def __init__(self, plan: Callable[[Document], Plan] = lambda pod: Plan()) -> None:
        self.clock = VirtualClock(EPOCH)
        self.api = DeafApi(self.clock)
        self.kubelet = MemoryKubelet(self.api, self.clock, plan)
        self.lease_seconds = 100.0
        # Of the operator that leads, or led last.
        self.store, self.queue = Store(), WriteQueue(Gate(lambda: self.lease_seconds), self.clock)
        self.informers: tuple[Informer, ...] = ()

    @asynccontextmanager
    async def operator(
        self, config: Config | None = None, start_rate: int = 0, metrics: Metrics | None = None
    ) -> AsyncIterator[None]:
        """An operator that leads, and is killed at the end: nothing of it is waited for."""
        store = Store()
        informers = make_informers(self.api, self.clock, store)
        queue = WriteQueue(Gate(lambda: self.lease_seconds), self.clock, start_rate=start_rate)
        self.store, self.queue, self.informers = store, queue, informers
        engine = make_engine(self.api, self.clock, store, queue, config or Config(), metrics=metrics)
        before = asyncio.all_tasks()
        tasks = [asyncio.create_task(informer.run()) for informer in informers]
        for informer in informers:
            await informer.synced.wait()
        store.changed = engine.enqueue
        engine.decide_all()
        tasks.append(asyncio.create_task(engine.run()))
        try:
            yield
        finally:
            mine = [t for t in asyncio.all_tasks() - before if t.get_coro().__qualname__ not in _KUBELET]  # type: ignore[union-attr]
            for task in mine:
                task.cancel()
            await asyncio.gather(*mine, return_exceptions=True)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def task(self, name: str, **spec: Any) -> None:
        await self.api.create(Kind.CRON_TASK, NAMESPACE, {"metadata": {"name": name}, "spec": with_handler(spec)})

    async def run(self, name: str, **spec: Any) -> None:
        await self.api.create(Kind.SCHEDULED_RUN, NAMESPACE, {"metadata": {"name": name}, "spec": spec})

    async def edit(self, kind: Kind, name: str, **spec: Any) -> None:
        await self.api.patch(ObjectKey(kind, NAMESPACE, name), {"spec": spec})

    def status(self, kind: Kind, name: str) -> Document:
        return dict(self.api.document(ObjectKey(kind, NAMESPACE, name)).get("status", {}))

    def runs(self) -> list[Document]:
        """But for those that are only pre-created."""
        found = sorted(self.api.documents(Kind.SCHEDULED_RUN), key=lambda run: str(run["metadata"]["name"]))
        return [
            run for run in found if "status" in run or ANNOTATION_RESERVED not in run["metadata"].get("annotations", {})
        ]

    def reserved(self) -> list[str]:
        """The times of the runs that are pre-created, as HH:MM:SS."""
        made = [run for run in self.api.documents(Kind.SCHEDULED_RUN) if run not in self.runs()]
        return sorted(run["spec"]["scheduledTime"][11:19] for run in made)

    def pods(self) -> list[Document]:
        return self.api.documents(Kind.POD)


_KUBELET = ("MemoryKubelet._play", "MemoryKubelet._stop")


def with_handler(spec: Document) -> Document:
    """The spec, with a container to run."""
    return {"handler": {"container": {"image": "busybox:1.36"}}, **spec}


def play(story: Callable[[World], Coroutine[Any, Any, None]], plan: Callable[[Document], Plan] | None = None) -> None:
    """Run a story on virtual time."""

    async def main() -> None:
        world = World(plan or (lambda pod: Plan()))
        kubelet = asyncio.create_task(world.kubelet.run())
        await story(world)
        kubelet.cancel()

    run_virtual(main)


def slow_statuses(world: World, seconds: float) -> None:
    """Each status of a run takes so long on its way."""
    update_status = world.api.update_status

    async def slowly(key: ObjectKey, *, uid: str, version: str, status: Document) -> bytes:
        if key.kind is Kind.SCHEDULED_RUN:
            await asyncio.sleep(seconds)
        return await update_status(key, uid=uid, version=version, status=status)

    world.api.update_status = slowly  # type: ignore[method-assign]
