"""Operators as processes: each with its cache, its lease and its engine, as app.py puts them together."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import Any
from weakref import WeakSet

from chaos.network import Landed, Network, Process, Sent, Weather
from crontask.decide.model import Config
from crontask.engine.assemble import make_engine, make_informers
from crontask.engine.gate import Gate
from crontask.engine.lead import lead
from crontask.engine.loop import Engine
from crontask.engine.queue import WriteQueue
from crontask.engine.store import Store
from crontask.kube.lease import Lease
from crontask.simulation.memory_api import MemoryApi
from crontask.simulation.operator import CLOCK_SKEW
from crontask.simulation.virtual_time import VirtualClock

KEEP_FINISHED = timedelta(seconds=60)


class Operator:
    """One life of an operator, from its start to its end or its death."""

    def __init__(
        self,
        name: str,
        api: MemoryApi,
        clock: VirtualClock,
        random: Random,
        weather: Weather,
        before: Callable[[Sent], Awaitable[None]],
        landing: Callable[[Sent], Landed],
    ) -> None:
        self.process = Process(name, clock)
        self._network = Network(api, clock, self.process, random, weather, before, landing)
        self._store = Store()
        self._informers = make_informers(self._network, self.process, self._store)
        self._lease = Lease(self._network, self.process, "crontask-system", "crontask", name)
        self._network.leads = lambda: self._lease.time_left() > 0
        self._engine: Engine | None = None
        self._stop = asyncio.Event()
        self._tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self.main: asyncio.Task[None] | None = None

    @property
    def leads(self) -> bool:
        """Whether it holds the lease."""
        return self._lease.time_left() > 0

    def start(self) -> None:
        """Begin to watch, and to wait for the lease."""
        self.main = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """SIGTERM: what is in flight finishes, the lease is given up."""
        self._stop.set()
        if self.main is not None:
            await self.main

    def kill(self) -> None:
        """SIGKILL: from now on nothing of it reaches anybody."""
        self.process.dead = True
        self.process.thaw()
        if self.main is not None:
            self.main.cancel()

    def check_clock(self) -> None:
        """Compare the clocks, as the real operator does with each answer."""
        if self._engine is not None:
            self._engine.set_clock_skewed(abs(self.process.offset) > CLOCK_SKEW)

    async def _run(self) -> None:
        watching = [asyncio.create_task(informer.run()) for informer in self._informers]
        stopping = asyncio.create_task(self._stop.wait())
        try:
            for informer in self._informers:
                await informer.synced.wait()
            while not self._stop.is_set():
                await self._lease.acquire()
                queue = WriteQueue(Gate(self._lease.time_left), self.process)
                config = Config(keep_finished=KEEP_FINISHED)
                self._engine = make_engine(self._network, self.process, self._store, queue, config)
                self.check_clock()
                await lead(self._engine, self._store, self._informers, self._lease, stopping)
        finally:
            for task in (*watching, stopping):
                task.cancel()
