"""Removal beside launches: many finished runs are to be removed at the very time at which others are due."""

import os
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
import uvloop

from benchmarks import kubelet, watch
from benchmarks.lag import SHORTEST_NOTICE, cron_task, lags_of, p99, whole_minute_after
from benchmarks.start import CONNECTIONS, create_finished, each, finished_run
from benchmarks.world import MeasurementError, World, world
from crontask.decide.model import Config
from crontask.kube.client import HttpApi
from crontask.kube.connection import connect
from crontask.ports import Document, Kind

_RUNS_A_TASK = 100


@dataclass(frozen=True)
class Prune:
    """Seconds after the nominal time, and how many runs were removed by the time all was quiet."""

    tasks: int
    runs: int
    removed: int
    p50: float
    p99: float
    max: float
    load: float


def measure(tasks: int, runs: int) -> Prune:
    """So many tasks due at once, a second after so many finished runs may be removed."""
    load = os.getloadavg()[0]
    with world() as running:
        seen = running.logs / "seen.jsonl"
        running.start_and_wait("benchmarks.watch", says=watch.READY, output=seen)
        running.start_and_wait("benchmarks.kubelet", "1", says=kubelet.READY)
        due = whole_minute_after(60 + (tasks + 2 * runs) / 50)
        # Of each task one run is kept, so as many tasks have a hundred more.
        uvloop.run(_make_finished(running, runs, due - Config().keep_finished - timedelta(seconds=1)))
        # Not before: a run without a status would be started.
        running.start_operator()
        running.create([cron_task(number, f"{due.minute} {due.hour} * * *") for number in range(tasks)])
        running.until_tasks_have_status(tasks)
        if due - datetime.now(UTC) < timedelta(seconds=SHORTEST_NOTICE):
            raise MeasurementError("set-up took too long: the machine is too busy")
        before = running.requests()
        wait = due.timestamp() - time.time() + 60
        running.until("every pod was seen", lambda: seen.read_bytes().count(b"\n") >= tasks, wait)
        running.settle(120)
        removed = (running.requests() - before)["DELETE", "scheduledruns", ""]
        if runs and not removed:
            raise MeasurementError("no run was removed")
        lags = lags_of(seen, due.timestamp())
        return Prune(
            tasks=tasks,
            runs=runs,
            removed=removed,
            p50=round(statistics.median(lags), 3),
            p99=round(p99(lags), 3),
            max=round(lags[-1], 3),
            load=round(load, 2),
        )


async def _make_finished(running: World, runs: int, ended: datetime) -> None:
    """Finished runs of tasks that keep one each."""
    async with HttpApi(connect(str(running.control_plane.kubeconfig)), CONNECTIONS) as api:
        for first in range(0, runs, _RUNS_A_TASK):
            task = cron_task(first, "0 0 1 1 *")
            task["metadata"]["name"] = f"old-{first}"
            task["spec"]["history"] = {"succeeded": 1}
            made = orjson.loads(await api.create(Kind.CRON_TASK, "bench", task))

            async def make(number: int, made: Document = made) -> None:
                name = f"{made['metadata']['name']}-{number}-by-hand"
                await create_finished(api, finished_run(made, name, ended))

            await each(range(min(_RUNS_A_TASK, runs - first) + 1), make)
