"""What each write of a run costs the API server, in milliseconds of its processor: one client, one write at a time.

The objects are those of a task that ran for a while.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import uvloop

from benchmarks import kubelet
from benchmarks.lag import raw_pod
from benchmarks.sustained import each_second
from benchmarks.world import World, world
from crontask.api.base import format_time
from crontask.api.names import run_name
from crontask.kube.client import HttpApi
from crontask.kube.connection import connect
from crontask.ports import Document, Kind, ObjectKey

_RUNS = 15
_WRITES = 1000
_AT_REST = 5.0


@dataclass(frozen=True)
class Cost:
    """Of one write."""

    variant: str
    milliseconds: float
    bytes: int
    """Of the object as it is answered."""
    load: float


def measure() -> list[Cost]:
    """Each of the writes, so many times."""
    with world() as running:
        player = running.start_and_wait("benchmarks.kubelet", "1", says=kubelet.READY)
        operator = running.start_operator()
        first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
        running.create([each_second(0, first, _RUNS)])
        running.until("the runs are made", lambda: running.requests()["POST", "scheduledruns", ""] >= _RUNS, 60)
        running.settle()
        running.end(operator)
        running.end(player)
        return uvloop.run(_costs(running))


async def _costs(running: World) -> list[Cost]:
    async with HttpApi(connect(str(running.control_plane.kubeconfig)), 4) as api:
        task, run = await _first(api, Kind.CRON_TASK), await _first(api, Kind.SCHEDULED_RUN)
        now = datetime.now(UTC)
        return [
            await _cost(running, "POST of a pod", _creations(api, Kind.POD, raw_pod)),
            await _cost(
                running,
                "POST of a run",
                _creations(api, Kind.SCHEDULED_RUN, lambda number: _again(run, now + timedelta(seconds=number))),
            ),
            await _cost(running, "PUT of a run's status", _statuses(api, Kind.SCHEDULED_RUN, run)),
            await _cost(running, "PUT of a task's status", _statuses(api, Kind.CRON_TASK, task)),
        ]


async def _cost(running: World, variant: str, writes: AsyncIterator[bytes]) -> Cost:
    """After a tenth of them, which is not counted, the time of the rest."""
    # What the writes before have left behind is done meanwhile.
    await asyncio.sleep(_AT_REST)
    load = os.getloadavg()[0]
    before, answer = 0.0, b""
    for number in range(_WRITES + _WRITES // 10):
        if number == _WRITES // 10:
            before = running.cpu_of("kube-apiserver")
        answer = await anext(writes)
    spent = running.cpu_of("kube-apiserver") - before
    return Cost(variant, round(1000 * spent / _WRITES, 2), len(answer), round(load, 2))


async def _first(api: HttpApi, kind: Kind) -> Document:
    page = await api.list_page(kind, limit=1)
    document: Document = orjson.loads(page.items[0])
    return document


async def _creations(api: HttpApi, kind: Kind, made: Callable[[int], Document]) -> AsyncIterator[bytes]:
    for number in itertools.count(1):
        yield await api.create(kind, "bench", made(number))


def _again(run: Document, scheduled: datetime) -> Document:
    """As the operator makes a run, for another time."""
    meta: dict[str, Any] = {key: run["metadata"][key] for key in ("labels", "annotations", "ownerReferences")}
    meta["name"] = run_name("again", scheduled)
    spec = {**run["spec"], "scheduledTime": format_time(scheduled)}
    return {"apiVersion": run["apiVersion"], "kind": run["kind"], "metadata": meta, "spec": spec}


async def _statuses(api: HttpApi, kind: Kind, document: Document) -> AsyncIterator[bytes]:
    """Each with another time in it."""
    meta, status = document["metadata"], document["status"]
    key, version = ObjectKey(kind, meta["namespace"], meta["name"]), meta["resourceVersion"]
    field = "lastScheduledTime" if kind is Kind.CRON_TASK else "startTime"
    for number in itertools.count():
        status[field] = format_time(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number))
        raw = await api.update_status(key, uid=meta["uid"], version=version, status=status)
        version = orjson.loads(raw)["metadata"]["resourceVersion"]
        yield raw
