"""Idle: what N tasks that are not due cost in a minute: requests, processor time, memory.

Callers: __main__.
"""

import os
import time
from typing import Any

from benchmarks.lag import Requests, cron_task
from benchmarks.world import WRITES, World, cpu_seconds, rss_megabytes, world

_BATCH = 500


def measure(tasks: int, seconds: int) -> dict[str, Any]:
    """Requests of any kind, less those of as long a time without an operator; the Lease is told apart."""
    load = os.getloadavg()[0]
    with world() as running:
        for first in range(0, tasks, _BATCH):
            running.create([cron_task(n, "0 0 1 1 *") for n in range(first, min(first + _BATCH, tasks))])
        running.settle()
        without = _requests_in(running, seconds)
        operator = running.start_operator()
        running.until_tasks_have_status(tasks)
        cpu = cpu_seconds(operator.pid)
        made = _requests_in(running, seconds) - without
        used = cpu_seconds(operator.pid) - cpu
        leases = sum(n for key, n in made.items() if key[1] == "leases")
        others = {key: n for key, n in made.items() if key[1] != "leases"}
        return {
            "tasks": tasks,
            "seconds": seconds,
            "writes": sum(n for key, n in others.items() if key[0] in WRITES),
            "requests": {" ".join(filter(None, key)): n for key, n in sorted(others.items())},
            "leaseRequests": leases,
            "cpuPercentOfACore": round(100 * used / seconds, 2),
            "rssMegabytes": round(rss_megabytes(operator.pid), 1),
            "load": round(load, 2),
        }


def _requests_in(running: World, seconds: int) -> Requests:
    before = running.requests()
    time.sleep(seconds)
    return running.requests() - before
