"""Growth: one decision, the memory of a task, and the first look at all, for ever more tasks. No API server.

Each size has a process of its own.
"""

import gc
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import Any

import orjson

from benchmarks.cost import decide_keys, known_task, microseconds
from benchmarks.start import finished_run
from benchmarks.world import rss_megabytes
from crontask.api.names import run_name
from crontask.engine.keys import task_key
from crontask.engine.store import Store
from crontask.ports import Kind

_RUNS_A_TASK = 3
_DECIDED = 200
_ROUNDS = 7
_ENDED = datetime(2026, 1, 1, tzinfo=UTC)


def measure(tasks: int) -> dict[str, Any]:
    """Microseconds a decision, kilobytes a task with its three finished runs, seconds until all are decided once."""
    answer = subprocess.run([sys.executable, "-m", "benchmarks.growth", str(tasks)], stdout=subprocess.PIPE, check=True)
    measured: dict[str, Any] = json.loads(answer.stdout)
    return measured


def _measure_here(tasks: int) -> dict[str, Any]:
    load = os.getloadavg()[0]
    documents = [(kind, orjson.dumps(document)) for kind, document in _documents(tasks)]
    gc.collect()
    before, began = rss_megabytes(os.getpid()), time.perf_counter()
    store = Store()
    for kind, raw in documents:
        store.on_object(kind, raw)
    read = time.perf_counter() - began
    gc.collect()
    gc.freeze()
    kept = rss_megabytes(os.getpid()) - before
    keys = [task_key("bench", f"task-{number}") for number in range(tasks)]
    began = time.perf_counter()
    decide_keys(store, keys)
    decided = time.perf_counter() - began
    some = keys[:: max(1, tasks // _DECIDED)]
    taken = [microseconds(partial(decide_keys, store, some)) for _ in range(_ROUNDS)]
    return {
        "tasks": tasks,
        "finishedRuns": tasks * _RUNS_A_TASK,
        "decisionMicroseconds": round(median(taken) / len(some), 1),
        "kilobytesATask": round(1000 * kept / tasks, 2),
        "secondsToRead": round(read, 2),
        "secondsToDecideAll": round(decided, 2),
        "load": round(load, 2),
    }


def _documents(tasks: int) -> list[tuple[Kind, dict[str, Any]]]:
    """Tasks, each with as many finished runs as are kept of it."""
    found: list[tuple[Kind, dict[str, Any]]] = []
    for number in range(tasks):
        task = known_task(number, "bench")
        found.append((Kind.CRON_TASK, task))
        for ended in (_ENDED - timedelta(days=day) for day in range(_RUNS_A_TASK)):
            run = finished_run(task, run_name(task["metadata"]["name"], ended), ended)
            run["metadata"].update(
                namespace="bench",
                uid=f"uid-{number}-{ended:%d}",
                generation=1,
                resourceVersion=f"{number + 1}",
                creationTimestamp="2026-01-01T00:00:00Z",
            )
            found.append((Kind.SCHEDULED_RUN, run))
    return found


if __name__ == "__main__":
    json.dump(_measure_here(int(sys.argv[1])), sys.stdout)
