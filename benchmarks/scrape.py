"""Scrape: what /metrics costs where there are N tasks, and for how long it keeps the loop. No API server.

Processor time of this process alone: what else the machine does takes none of it.
"""

import asyncio
import gc
import os
import time
from functools import partial
from statistics import median
from typing import Any

import orjson

from benchmarks.cost import decide_keys, known_task, microseconds
from crontask.engine.exposition import Exposition
from crontask.engine.gate import Gate
from crontask.engine.keys import task_key
from crontask.engine.metrics import Metrics, Sources
from crontask.engine.queue import WriteQueue
from crontask.engine.store import Store
from crontask.kube.clock import SystemClock
from crontask.ports import Kind

_PAGES = 7
_DECIDED = 200


def measure(tasks: int) -> dict[str, Any]:
    """Of the median page: milliseconds, microseconds a task, and the longest stretch for which it kept the loop.

    `ratio`: how many decisions about a task cost as much as its lines. The first page, which has to compute when each
    task is due next, is told apart.
    """
    load = os.getloadavg()[0]
    store = Store()
    for number in range(tasks):
        store.on_object(Kind.CRON_TASK, orjson.dumps(known_task(number, "bench")))
    gc.collect()
    gc.freeze()
    pages = asyncio.run(_pages(store))
    some = [task_key("bench", f"task-{number}") for number in range(min(tasks, _DECIDED))]
    decision = median(microseconds(partial(decide_keys, store, some)) for _ in range(_PAGES)) / len(some)
    first, *others = pages
    spent = median(seconds for _, seconds, _ in others)
    of_a_task = 1e6 * spent / tasks
    return {
        "tasks": tasks,
        "series": sum(1 for line in first[0].splitlines() if not line.startswith(b"#")),
        "milliseconds": round(1000 * spent, 1),
        "firstMilliseconds": round(1000 * first[1], 1),
        "microsecondsATask": round(of_a_task, 1),
        "ratio": round(of_a_task / decision, 2),
        "longestSliceMilliseconds": round(1000 * max(longest for _, _, longest in pages), 1),
        "load": round(load, 2),
    }


async def _pages(store: Store) -> list[tuple[bytes, float, float]]:
    """Pages one after the other, each with its seconds of processor, and those of its longest slice."""
    clock = SystemClock()
    queue = WriteQueue(Gate(lambda: 100.0), clock)
    sources = Sources(lambda: True, queue, store, (), lambda: 0.0, lambda: None)
    exposition = Exposition(Metrics(), sources, clock, "on")
    return [await _page(exposition) for _ in range(_PAGES)]


async def _page(exposition: Exposition) -> tuple[bytes, float, float]:
    making = asyncio.create_task(exposition.page(0))
    slices = list[float]()
    began = time.thread_time()
    while not making.done():
        at = time.thread_time()
        await asyncio.sleep(0)
        slices.append(time.thread_time() - at)
    return await making, time.thread_time() - began, max(slices)
