"""The page that Prometheus reads: made on the loop that starts runs, in short slices, and never beside launches.

One at a time: who asks while it is being made is given the same one.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from itertools import chain
from time import perf_counter
from typing import Literal

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from crontask.engine.keys import key_of
from crontask.engine.metrics import Metrics, Readings, Sources
from crontask.engine.queue import WriteQueue
from crontask.engine.task_metrics import Page, TaskMetrics
from crontask.ports import Clock, Kind

MOST_TASKS = 5000
"""From so many tasks on, their metrics are left out, unless they are asked for."""
OfTasks = Literal["auto", "on", "off"]
# Seconds that the loop is kept at a time, and after which one looks whether launches are still on their way.
_SLICE, _LOOK_AGAIN = 0.003, 0.02
_log = logging.getLogger("crontask")


class Exposition:
    """`of_tasks`: whether those of tasks are on it; auto: while there are fewer than MOST_TASKS.

    `timer`: seconds, of which only differences count.
    """

    def __init__(
        self,
        metrics: Metrics,
        sources: Sources,
        clock: Clock,
        of_tasks: OfTasks = "auto",
        timer: Callable[[], float] = perf_counter,
    ) -> None:
        self._collectors: tuple[Collector, ...] = (metrics.registry, Readings(sources))
        self._sources = sources
        self._clock = clock
        self._of_tasks = of_tasks
        self._timer = timer
        self._tasks = TaskMetrics(sources.store)
        self._too_many = False
        self._making: asyncio.Task[bytes] | None = None

    async def page(self, patience: float) -> bytes:
        """The page, in the text format of Prometheus. Launches are waited for, for `patience` seconds at most."""
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._make(patience))
        return await asyncio.shield(self._making)

    async def _make(self, patience: float) -> bytes:
        pace = _Pace(self._sources.queue, self._clock, self._timer, self._clock.monotonic() + patience)
        chunks = []
        await pace.rest()
        for family in chain.from_iterable(collector.collect() for collector in self._collectors):
            chunks.append(generate_latest(_Only(family)))
            await pace.rest()
        if self._shows_tasks():
            chunks += await self._make_tasks(pace)
        return b"".join(chunks)

    async def _make_tasks(self, pace: "_Pace") -> list[bytes]:
        page, tasks = Page(), list(self._sources.store.tasks())
        await pace.rest()
        self._tasks.forget_all_but(tasks)
        await pace.rest()
        for known in tasks:
            task = self._sources.store.task(key_of(known))
            if task is not None:
                page.add(task, self._tasks.samples(task, self._clock.now()))
            await pace.keep()
        chunks = []
        for chunk in page.chunks():
            chunks.append(chunk)
            await pace.rest()
        return chunks

    def _shows_tasks(self) -> bool:
        """Whoever does not lead does not know what has been decided."""
        if self._of_tasks == "off" or not self._sources.leading():
            return False
        count = self._sources.store.count(Kind.CRON_TASK)
        too_many = self._of_tasks == "auto" and count >= MOST_TASKS
        if too_many != self._too_many:
            self._too_many = too_many
            what = "are left out of /metrics from here on" if too_many else "are on /metrics again"
            _log.info("the metrics of tasks %s: there are %d tasks, and the limit is %d", what, count, MOST_TASKS)
        return not too_many


class _Pace:
    """Lets the loop do other things after each slice of work, and waits while launches are on their way."""

    def __init__(self, queue: WriteQueue, clock: Clock, timer: Callable[[], float], until: float) -> None:
        self._queue = queue
        self._clock = clock
        self._timer = timer
        self._until = until
        self._began = timer()

    async def keep(self) -> None:
        """Rest, if this slice has lasted long enough."""
        if self._timer() - self._began >= _SLICE:
            await self.rest()

    async def rest(self) -> None:
        """Let everything else be done first."""
        await asyncio.sleep(0)
        while self._queue.launches and self._clock.monotonic() < self._until:
            await self._clock.sleep(_LOOK_AGAIN)
        self._began = self._timer()


class _Only(Collector):
    """A registry with one family: the library writes a registry as a whole."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def collect(self) -> Iterator[Family]:
        """See Collector."""
        yield self._family
