"""Sustained: tasks that are due each second, for minutes: whether each time is started, how late, and whether it grows.

Beside crontask: a client that creates the same pods each second.
"""

import asyncio
import json
import os
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import kubelet, watch
from benchmarks.lag import cron_task, p99, raw_pod
from benchmarks.world import WRITES, World, busy_seconds, world
from crontask.api.base import format_time
from crontask.api.names import nominal_of, run_name
from crontask.kube.client import HttpApi
from crontask.kube.connection import connect
from crontask.ports import Kind

VARIANTS = ("crontask", "raw")
_CONNECTIONS = 64
_NOTICE = timedelta(seconds=30)
# Seconds before the first time from which on the cores are watched.
_LEAD = 1.0


@dataclass(frozen=True)
class Sustained:
    """Seconds after the nominal times, over all of them and over the first and the last quarter of the time."""

    variant: str
    tasks: int
    seconds: int
    times: int
    started: int
    """Less than `times`: some had not started when the wait for them ran out. More: something started twice."""
    p50: float
    p99: float
    max: float
    p50_first_quarter: float
    p50_last_quarter: float
    cpu_a_run: float
    """Milliseconds of processor time of the operator, for each that was started; as are the next two."""
    apiserver_cpu_a_run: float
    etcd_cpu_a_run: float
    cores_busy: float
    """Of the machine, by all processes, from the first time to the last."""
    writes_a_run: float
    load: float


def measure(variant: str, tasks: int, seconds: int) -> Sustained:
    """So many tasks, each due once a second, for so long."""
    load = os.getloadavg()[0]
    with world() as running:
        seen = running.logs / "seen.jsonl"
        running.start_and_wait("benchmarks.watch", says=watch.READY, output=seen)
        running.start_and_wait("benchmarks.kubelet", "1", says=kubelet.READY)
        if variant == "crontask":
            running.start_operator()
        first = datetime.now(UTC).replace(microsecond=0) + _NOTICE + timedelta(seconds=tasks // 50)
        if variant == "crontask":
            running.create([each_second(number, first, seconds) for number in range(tasks)])
            running.until_tasks_have_status(tasks)
        before, used = running.requests(), _Used(running)
        last = first.timestamp() + seconds
        time.sleep(max(0.0, first.timestamp() - _LEAD - time.time()))
        busy, began = busy_seconds(), time.monotonic()
        if variant == "raw":
            uvloop.run(_create_each_second(running, tasks, first, seconds))
        time.sleep(max(0.0, last - time.time()))
        cores = (busy_seconds() - busy) / (time.monotonic() - began)
        wanted = tasks * seconds
        running.wait_at_most(lambda: seen.read_bytes().count(b"\n") >= wanted, last - time.time() + 60)
        running.settle()
        made = running.requests() - before
        written = sum(n for key, n in made.items() if key[0] in WRITES and key[1] in ("scheduledruns", "crontasks"))
        lags = _lags(seen, first, seconds)
        return Sustained(
            variant=variant,
            tasks=tasks,
            seconds=seconds,
            times=wanted,
            **used.since(lags["started"]),
            cores_busy=round(cores, 2),
            writes_a_run=round((written + made["POST", "pods", ""]) / lags["started"], 2),
            load=round(load, 2),
            **lags,
        )


class _Used:
    """Processor time from here on."""

    def __init__(self, running: World) -> None:
        self._running = running
        self._before = self._so_far()

    def since(self, runs: int) -> dict[str, Any]:
        """Milliseconds a run, by field."""
        return {field: round(1000 * (now - self._before[field]) / runs, 2) for field, now in self._so_far().items()}

    def _so_far(self) -> dict[str, float]:
        return {
            "cpu_a_run": self._running.cpu(),
            "apiserver_cpu_a_run": self._running.cpu_of("kube-apiserver"),
            "etcd_cpu_a_run": self._running.cpu_of("etcd"),
        }


def _lags(seen: Path, first: datetime, seconds: int) -> dict[str, Any]:
    """The fields that tell of lags. A pod is `<task>-<nominal time>-<attempt>`."""
    quarters: dict[int, list[float]] = {}
    for line in seen.read_text().splitlines():
        told = json.loads(line)
        run = told["pod"].rpartition("-")[0]
        nominal = nominal_of(run.rpartition("-")[0], run)
        assert nominal is not None, f"{told['pod']} is no pod of a scheduled run"
        quarter = int(4 * (nominal - first) / timedelta(seconds=seconds))
        quarters.setdefault(quarter, []).append(told["seen"] - nominal.timestamp())
    lags = sorted(lag for quarter in quarters.values() for lag in quarter)
    return {
        "started": len(lags),
        "p50": round(statistics.median(lags), 3),
        "p99": round(p99(lags), 3),
        "max": round(lags[-1], 3),
        "p50_first_quarter": round(statistics.median(quarters.get(0, [0.0])), 3),
        "p50_last_quarter": round(statistics.median(quarters.get(3, [0.0])), 3),
    }


def each_second(number: int, first: datetime, seconds: int) -> dict[str, Any]:
    """Due at `first` and each second from then on, `seconds` times."""
    task = cron_task(number, "")
    del task["spec"]["schedule"]
    task["spec"] |= {
        "interval": "1s",
        "startTime": format_time(first),
        "endTime": format_time(first + timedelta(seconds=seconds)),
        "concurrency": {"policy": "Allow"},
    }
    return task


async def _create_each_second(running: World, tasks: int, first: datetime, seconds: int) -> None:
    async with HttpApi(connect(str(running.control_plane.kubeconfig)), _CONNECTIONS) as api:
        gate = asyncio.Semaphore(_CONNECTIONS)

        async def create(number: int, nominal: datetime) -> None:
            async with gate:
                await api.create(Kind.POD, "bench", raw_pod(number, run_name(f"task-{number}", nominal)))

        await asyncio.gather(*(api.list_page(Kind.POD, limit=1) for _ in range(_CONNECTIONS)))
        async with asyncio.TaskGroup() as creating:
            for second in range(seconds):
                nominal = first + timedelta(seconds=second)
                await asyncio.sleep(max(0.0, nominal.timestamp() - time.time()))
                for number in range(tasks):
                    creating.create_task(create(number, nominal))
