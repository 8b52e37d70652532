"""Lag: from the nominal time to the pod's ADDED as another client sees it, for N tasks due at one instant.

Beside crontask: a client that only creates the same pods (the limit), and CronJob, as shipped and tuned. Each variant
has a fresh API server; variants take turns in each repetition. Callers: __main__.
"""

import asyncio
import json
import statistics
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.kubelet import SCHEDULER
from benchmarks.world import WRITES, World, world
from crontask.engine.ports import Kind
from crontask.kube.client import HttpApi
from crontask.kube.connection import connect

TUNED = [
    *("--kube-api-qps=5000", "--kube-api-burst=5000"),
    *("--concurrent-cron-job-syncs=50", "--concurrent-job-syncs=50"),
]
# The longest that a variant may take for all of its pods.
PATIENCE = {"cronjob": 300.0, "cronjob-tuned": 120.0}
VARIANTS = ("crontask", "raw-16", "raw-64", "raw-256", "cronjob", "cronjob-tuned")
_POD = {"schedulerName": SCHEDULER, "containers": [{"name": "main", "image": "busybox:1.36"}], "restartPolicy": "Never"}


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


def measure(variant: str, tasks: int) -> Lag:
    """One repetition of one variant."""
    manager = TUNED if variant == "cronjob-tuned" else [] if variant == "cronjob" else None
    with world(manager) as running:
        seen = running.logs / "seen.jsonl"
        running.start("benchmarks.watch", output=seen)
        running.start("benchmarks.kubelet", "1")
        if variant.startswith("raw"):
            return _measure_raw(running, variant, tasks, seen)
        due = (datetime.now(UTC) + timedelta(seconds=75)).replace(second=0, microsecond=0)
        if variant == "crontask":
            running.start_operator()
        make = cron_task if variant == "crontask" else _cron_job
        running.create([make(number, f"{due.minute} {due.hour} * * *") for number in range(tasks)])
        # Set-up is over when nothing writes any more; what follows is the runs' own.
        time.sleep(max(0.0, due.timestamp() - time.time() - 5))
        before = running.requests()
        return _collect(running, variant, tasks, due.timestamp(), before, seen)


def _measure_raw(running: World, variant: str, tasks: int, seen: Path) -> Lag:
    time.sleep(2)
    before = running.requests()
    began = asyncio.run(_create_pods(running, tasks, int(variant.removeprefix("raw-"))))
    return _collect(running, variant, tasks, began, before, seen)


async def _create_pods(running: World, tasks: int, connections: int) -> float:
    """Create all pods by so many connections, warmed before; when it began."""
    async with HttpApi(connect(str(running.control_plane.kubeconfig)), connections) as api:
        gate = asyncio.Semaphore(connections)

        async def create(number: int) -> None:
            async with gate:
                await api.create(Kind.POD, "bench", _pod(number))

        await asyncio.gather(*(api.list_page(Kind.POD, limit=1) for _ in range(connections)))
        began = time.time()
        await asyncio.gather(*(create(number) for number in range(tasks)))
        return began


def _collect(
    running: World, variant: str, tasks: int, due: float, before: Counter[tuple[str, str, str]], seen: Path
) -> Lag:
    patience = max(0.0, due - time.time()) + PATIENCE.get(variant, 60.0)
    running.until("every pod was seen", lambda: seen.read_bytes().count(b"\n") >= tasks, patience)
    _wait_until_quiet(running)
    lags = sorted(json.loads(line)["seen"] - due for line in seen.read_text().splitlines())
    counts = running.requests() - before
    writes = {key: count for key, count in counts.items() if key[0] in WRITES and key[1] != "leases"}
    events = sum(count for key, count in writes.items() if key[1] == "events")
    # What the stand-in kubelet says about the pods is not the scheduler's.
    kubelet = sum(count for key, count in writes.items() if key[1:] == ("pods", "status"))
    cuts = statistics.quantiles(lags, n=100, method="inclusive")
    return Lag(
        variant=variant,
        tasks=tasks,
        p50=round(statistics.median(lags), 3),
        p99=round(cuts[98], 3),
        max=round(lags[-1], 3),
        first=round(lags[0], 3),
        writes_a_run=round((sum(writes.values()) - events - kubelet) / tasks, 2),
        events_a_run=round(events / tasks, 2),
    )


def _wait_until_quiet(running: World, seconds: float = 60) -> None:
    """Until three seconds pass without a write: the runs have ended and are recorded."""
    end = time.monotonic() + seconds
    last, quiet = -1, 0
    while quiet < 3 and time.monotonic() < end:
        total = sum(n for key, n in running.requests().items() if key[0] in WRITES and key[1] != "leases")
        quiet = quiet + 1 if total == last else 0
        last = total
        time.sleep(1)


def _pod(number: int) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{number}"}, "spec": _POD}


def cron_task(number: int, schedule: str) -> dict[str, Any]:
    return {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "CronTask",
        "metadata": {"name": f"task-{number}"},
        "spec": {"schedule": schedule, "handler": {"podTemplate": {"spec": _POD}}},
    }


def _cron_job(number: int, schedule: str) -> dict[str, Any]:
    template = {"template": {"spec": _POD}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": f"job-{number}"},
        "spec": {"schedule": schedule, "timeZone": "UTC", "jobTemplate": {"spec": template}},
    }


def rows(results: list[Lag]) -> list[dict[str, Any]]:
    """The results as JSON."""
    return [asdict(result) for result in results]
