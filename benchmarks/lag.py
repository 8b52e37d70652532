"""Lag: from the nominal time to the pod's ADDED as another client sees it, for N tasks due at one instant.

Beside crontask: a client that only creates the same pods (the limit), and CronJob, as shipped and tuned. `one-task`: as
many runs that somebody made of one task. Each measurement has a fresh API server.
"""

import asyncio
import json
import os
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import kubelet, watch
from benchmarks.world import MEASURED, WRITES, MeasurementError, World, world
from crontask.api.base import format_time
from crontask.api.handler import Handler
from crontask.kube.client import HttpApi
from crontask.kube.connection import connect
from crontask.ports import Kind
from crontask.workload.environment import Identity, Interval
from crontask.workload.pod import build_pod

TUNED = [
    *("--kube-api-qps=5000", "--kube-api-burst=5000"),
    *("--concurrent-cron-job-syncs=50", "--concurrent-job-syncs=50"),
]
RAW = ("raw-16", "raw-64", "raw-256")
ONE_TASK = "one-task"
VARIANTS = ("crontask", ONE_TASK, *RAW, "cronjob", "cronjob-tuned")
OURS = ("crontask", ONE_TASK)
# The longest that a variant may take for all of its pods, and then to write all that follows from their end.
_PATIENCE = {"cronjob": 400.0, "cronjob-tuned": 120.0}
SHORTEST_NOTICE = 10.0
POD = {
    "schedulerName": kubelet.SCHEDULER,
    "automountServiceAccountToken": False,
    "containers": [{"name": "main", "image": "busybox:1.36"}],
    "restartPolicy": "Never",
}
Requests = Counter[tuple[str, str, str]]


@dataclass(frozen=True)
class Lag:
    """Seconds after the nominal time, and object writes and events a run by the API server's count."""

    variant: str
    tasks: int
    p50: float
    p99: float
    max: float
    first: float
    writes_a_run: float
    events_a_run: float
    cpu_a_run: float
    """Milliseconds of processor time of the operator or the controller manager; 0 for a raw client."""
    pods: int
    """More than tasks: something started twice."""
    settled: bool
    """Whether all was quiet before the last count of writes."""
    load: float
    """Of the machine, over the minute before: what else ran there."""
    writes: dict[str, float]
    """A run, by verb and resource."""


def measure(variant: str, tasks: int) -> Lag:
    """One repetition of one variant."""
    load = os.getloadavg()[0]
    with world(manager_arguments(variant)) as running:
        seen = running.logs / "seen.jsonl"
        running.start_and_wait("benchmarks.watch", says=watch.READY, output=seen)
        running.start_and_wait("benchmarks.kubelet", "1", says=kubelet.READY)
        before, due = _raw(running, variant, tasks) if variant in RAW else scheduled(running, variant, tasks)
        cpu = running.cpu()
        patience = _PATIENCE.get(variant, 60.0)
        wait = max(0.0, due - time.time()) + patience
        running.until("every pod was seen", lambda: seen.read_bytes().count(b"\n") >= tasks, wait)
        settled = running.settle(patience)
        made = running.requests() - before
        used = 1000 * (running.cpu() - cpu) / tasks
        return _result(variant, tasks, lags_of(seen, due), made, used, settled, round(load, 2))


def manager_arguments(variant: str) -> list[str] | None:
    return {"cronjob": [], "cronjob-tuned": TUNED}.get(variant)


def _raw(running: World, variant: str, tasks: int) -> tuple[Requests, float]:
    """Create the pods; the count of requests before, and when it began."""
    running.settle()
    before = running.requests()
    return before, uvloop.run(_create_pods(running, tasks, int(variant.removeprefix("raw-"))))


async def _create_pods(running: World, tasks: int, connections: int) -> float:
    """Create all pods by so many connections, warmed before; when it began."""
    pods = [raw_pod(number) for number in range(tasks)]
    async with HttpApi(connect(str(running.control_plane.kubeconfig)), connections) as api:
        gate = asyncio.Semaphore(connections)

        async def create(pod: dict[str, Any]) -> None:
            async with gate:
                await api.create(Kind.POD, "bench", pod)

        await asyncio.gather(*(api.list_page(Kind.POD, limit=1) for _ in range(connections)))
        began = time.time()
        await asyncio.gather(*(create(pod) for pod in pods))
        return began


def scheduled(running: World, variant: str, tasks: int) -> tuple[Requests, float]:
    """Create the tasks, due at one whole minute to come; the count of requests before it, and the minute."""
    if variant in OURS:
        running.start_operator()
    due = whole_minute_after(30 + tasks / 50)
    running.create(_scheduled(variant, tasks, due))
    if variant == "crontask":
        running.until_tasks_have_status(tasks)
    else:
        running.settle()
    # Set-up is over: what is written from here on, also ahead of the minute, is the runs' own.
    notice = due.timestamp() - time.time()
    if notice < SHORTEST_NOTICE:
        raise MeasurementError(f"set-up ended {notice:.0f} s before the tasks were due: the machine is too busy")
    return running.requests(), due.timestamp()


def _scheduled(variant: str, tasks: int, due: datetime) -> list[dict[str, Any]]:
    """The objects to create, so that as many pods are due then."""
    if variant == ONE_TASK:
        task = cron_task(0, "")
        del task["spec"]["schedule"]
        task["spec"]["concurrency"] = {"policy": "Allow"}
        return [task, *(run_at(number, due) for number in range(tasks))]
    make = cron_task if variant == "crontask" else cron_job
    return [make(number, f"{due.minute} {due.hour} * * *") for number in range(tasks)]


def whole_minute_after(seconds: float) -> datetime:
    earliest = datetime.now(UTC) + timedelta(seconds=seconds)
    return earliest.replace(second=0, microsecond=0) + timedelta(minutes=1)


def lags_of(seen: Path, due: float) -> list[float]:
    return sorted(json.loads(line)["seen"] - due for line in seen.read_text().splitlines())


def _result(
    variant: str, tasks: int, lags: list[float], made: Requests, cpu_a_run: float, settled: bool, load: float
) -> Lag:
    # What the stand-in kubelet says about the pods is not the scheduler's.
    ours = {k: n for k, n in made.items() if k[0] in WRITES and k[1] in MEASURED and k[1:] != ("pods", "status")}
    events = sum(n for key, n in ours.items() if key[1] == "events")
    return Lag(
        variant=variant,
        tasks=tasks,
        p50=round(statistics.median(lags), 3),
        p99=round(p99(lags), 3),
        max=round(lags[-1], 3),
        first=round(lags[0], 3),
        writes_a_run=round((sum(ours.values()) - events) / tasks, 2),
        events_a_run=round(events / tasks, 2),
        cpu_a_run=round(cpu_a_run, 2),
        pods=len(lags),
        settled=settled,
        load=load,
        writes={" ".join(filter(None, key)): round(n / tasks, 2) for key, n in sorted(ours.items())},
    )


def p99(values: list[float]) -> float:
    return values[0] if len(values) == 1 else statistics.quantiles(values, n=100, method="inclusive")[98]


def raw_pod(number: int, run: str = "") -> dict[str, Any]:
    """The very pod that the operator makes for such a task."""
    name = f"task-{number}"
    identity = Identity(task=name, namespace="bench", run=run or name, run_uid=f"00000000-{number}", attempt=1)
    handler = Handler.model_validate({"podTemplate": {"spec": POD}})
    now = datetime.now(UTC)
    return build_pod(handler, identity, now, Interval(now, now), {})


def cron_task(number: int, schedule: str) -> dict[str, Any]:
    """A CronTask whose pods the stand-in kubelet plays."""
    return {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "CronTask",
        "metadata": {"name": f"task-{number}"},
        "spec": {"schedule": schedule, "handler": {"podTemplate": {"spec": POD}}},
    }


def run_at(number: int, at: datetime) -> dict[str, Any]:
    """A run of the first task that somebody made for later."""
    return {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "ScheduledRun",
        "metadata": {"name": f"run-{number}"},
        "spec": {"taskRef": {"name": "task-0"}, "at": format_time(at)},
    }


def cron_job(number: int, schedule: str) -> dict[str, Any]:
    """The same as a CronJob."""
    template = {"template": {"spec": POD}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": f"job-{number}"},
        "spec": {"schedule": schedule, "timeZone": "UTC", "jobTemplate": {"spec": template}},
    }
