"""Cold start: an operator begins where there are many tasks and finished runs. When does it launch, in what memory?

Beside it: a client that only lists the same objects, and keeps the bytes.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
import uvloop

from benchmarks import watch
from benchmarks.lag import cron_task
from benchmarks.world import World, rss_megabytes, world
from crontask.api.base import API_VERSION, format_time
from crontask.api.names import LABEL_TASK
from crontask.kube.client import HttpApi
from crontask.kube.connection import connect
from crontask.ports import Document, Kind, ObjectKey

CONNECTIONS = 32
_KINDS = (Kind.CRON_TASK, Kind.SCHEDULED_RUN, Kind.POD)
_DUE = "due"


def measure(tasks: int) -> dict[str, Any]:
    """Seconds from the start of the process to the pod of a run that waits, and resident memory; beside a list's."""
    load = os.getloadavg()[0]
    with world() as running:
        uvloop.run(_fill(running, tasks))
        # One life of an operator counts the runs and writes every status, so that the next has nothing to write.
        operator = running.start_operator()
        running.until("every task is known", lambda: _is_known(running, tasks), 60 + tasks / 20)
        running.settle(60 + tasks / 20)
        running.end(operator)
        running.create([_run_now()])
        raw = _list(running)
        seen = running.logs / "seen.jsonl"
        running.start_and_wait("benchmarks.watch", says=watch.READY, output=seen)
        began = time.time()
        operator = running.start_operator()
        running.until("the run has a pod", lambda: seen.read_bytes().count(b"\n") > 0, 120)
        launched = json.loads(seen.read_text().splitlines()[0])["seen"] - began
        running.settle()
        return {
            "tasks": tasks,
            "finishedRuns": tasks,
            "secondsToPod": round(launched, 2),
            "rssMegabytes": round(rss_megabytes(operator.pid), 1),
            "listSeconds": raw["seconds"],
            "listRssMegabytes": raw["rssMegabytes"],
            "load": round(load, 2),
        }


async def _fill(running: World, tasks: int) -> None:
    """Tasks that are not due, each with a run that has ended; and the task of the run that will wait."""
    async with HttpApi(connect(str(running.control_plane.kubeconfig)), CONNECTIONS) as api:

        async def make(number: int) -> None:
            task = orjson.loads(await api.create(Kind.CRON_TASK, "bench", cron_task(number, "0 0 1 1 *")))
            await create_finished(api, finished_run(task, f"task-{number}-by-hand", datetime.now(UTC)))

        on_demand = cron_task(0, "")
        on_demand["metadata"]["name"] = _DUE
        del on_demand["spec"]["schedule"]
        await api.create(Kind.CRON_TASK, "bench", on_demand)
        await each(range(tasks), make)


async def each(numbers: Iterable[int], act: Callable[[int], Awaitable[None]]) -> None:
    """Act on all numbers, a connection each at a time."""
    waiting = iter(numbers)

    async def work() -> None:
        for number in waiting:
            await act(number)

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))


def finished_run(task: Document, name: str, ended: datetime) -> Document:
    """A run of the task that somebody made, and that has succeeded."""
    meta, at, pod = task["metadata"], format_time(ended), f"{name}-1"
    owner = {"apiVersion": API_VERSION, "kind": "CronTask", "name": meta["name"], "uid": meta["uid"]}
    return {
        "apiVersion": API_VERSION,
        "kind": "ScheduledRun",
        "metadata": {
            "name": name,
            "labels": {LABEL_TASK: meta["name"]},
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": {"taskRef": {"name": meta["name"]}},
        "status": {
            "phase": "Succeeded",
            "origin": "Manual",
            "scheduledTime": at,
            "startTime": at,
            "completionTime": at,
            "duration": "1s",
            "podName": pod,
            "conditions": [
                {"type": "Complete", "status": "True", "reason": "Completed", "message": "", "lastTransitionTime": at}
            ],
            "attempts": [{"number": 1, "pod": pod, "startTime": at, "completionTime": at, "exitCode": 0}],
        },
    }


async def create_finished(api: HttpApi, run: Document) -> None:
    """A run with its status."""
    status = run.pop("status")
    await api.create(Kind.SCHEDULED_RUN, "bench", run)
    key = ObjectKey(Kind.SCHEDULED_RUN, "bench", run["metadata"]["name"])
    await api.patch(key, {"status": status}, subresource="status")


def _run_now() -> Document:
    return {
        "apiVersion": API_VERSION,
        "kind": "ScheduledRun",
        "metadata": {"name": "now"},
        "spec": {"taskRef": {"name": _DUE}},
    }


def _is_known(running: World, tasks: int) -> bool:
    return running.requests()["PUT", "crontasks", "status"] >= tasks


def _list(running: World) -> dict[str, Any]:
    said = running.logs / "list.json"
    listing = running.start("benchmarks.start", output=said)
    listing.wait(120)
    running.forget(listing)
    listed: dict[str, Any] = json.loads(said.read_text())
    return listed


async def _list_all() -> dict[str, Any]:
    """Every object of our kinds, as bytes."""
    began = time.time()
    kept: list[bytes] = []
    async with HttpApi(connect()) as api:
        for kind in _KINDS:
            token = ""
            while True:
                page = await api.list_page(kind, continue_token=token)
                kept += page.items
                token = page.continue_token
                if not token:
                    break
    return {"seconds": round(time.time() - began, 2), "rssMegabytes": round(rss_megabytes(os.getpid()), 1)}


if __name__ == "__main__":
    json.dump(uvloop.run(_list_all()), sys.stdout)
