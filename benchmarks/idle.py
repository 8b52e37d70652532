"""Idle: what N tasks that are not due cost in a minute: requests, processor time, memory.

Callers: __main__.
"""

import time
from typing import Any

from benchmarks.lag import cron_task
from benchmarks.world import WRITES, cpu_seconds, rss_megabytes, world


def measure(tasks: int, seconds: int) -> dict[str, Any]:
    """Requests by the API server's metrics, without those for metrics; the Lease is told apart."""
    with world() as running:
        operator = running.start_operator()
        for first in range(0, tasks, 500):
            numbers = range(first, min(first + 500, tasks))
            running.create([cron_task(number, "0 0 1 1 *") for number in numbers])
        running.until("every task has a status", lambda: running.requests()["PATCH", "crontasks", "status"] >= tasks)
        time.sleep(5)
        before, cpu = running.requests(), cpu_seconds(operator.pid)
        time.sleep(seconds)
        made = running.requests() - before
        used = cpu_seconds(operator.pid) - cpu
        ours = {key: count for key, count in made.items() if key[1] in ("crontasks", "scheduledruns", "pods", "events")}
        return {
            "tasks": tasks,
            "seconds": seconds,
            "writes": sum(count for key, count in ours.items() if key[0] in WRITES),
            "requests": {" ".join(filter(None, key)): count for key, count in ours.items()},
            "leaseRequests": sum(count for key, count in made.items() if key[1] == "leases"),
            "cpuPercentOfACore": round(100 * used / seconds, 2),
            "rssMegabytes": round(rss_megabytes(operator.pid), 1),
        }
