"""Composite runs: from one step's pod to the next one's, a fan-out, and what they do to tasks that are due beside them.

Beside crontask, in turns: a client that makes the same runs, pods and statuses and decides nothing (the limit), and for
fan-outs one that makes the pods alone.
"""

import asyncio
import json
import os
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import uvloop

from benchmarks import kubelet, watch
from benchmarks.lag import POD, Requests, p99, scheduled
from benchmarks.part_client import Part, PartClient, items_of, steps_of
from benchmarks.world import MEASURED, WRITES, MeasurementError, World, world
from crontask.api.base import format_time
from crontask.api.phases import RunPhase
from crontask.kube.client import HttpApi
from crontask.kube.clock import SystemClock
from crontask.kube.connection import connect
from crontask.ports import Document, Kind

OURS, CLIENT, PODS = "crontask", "client", "client-of-pods"
STEPS_VARIANTS = (OURS, CLIENT)
FAN_OUT_VARIANTS = (OURS, CLIENT, PODS)
STEPS = 6
PARALLELISM = 50
_PATIENCE = 120.0
_STEPS_BESIDE = 3
_HANDLER = {"podTemplate": {"spec": POD}}
_SEEN = "seen.jsonl"


@dataclass(frozen=True)
class Steps:
    """Seconds from the end of one step's pod to the next one's ADDED, as one client sees both."""

    variant: str
    tasks: int
    """Workflows that start at once."""
    p50: float
    p99: float
    max: float
    load: float


@dataclass(frozen=True)
class FanOut:
    """A fan-out whose pods end at once, from its creation to its recorded end; of a client, to its last write."""

    variant: str
    tasks: int
    """Items."""
    elapsed: float
    writes_a_part: float
    """Object writes but events, those to the whole run left out, by the API server's count."""
    parent_writes: int
    """To the whole run, as a client sees them."""
    cpu_a_part: float
    """Milliseconds of processor time of the operator; 0 for a client."""
    load: float


@dataclass(frozen=True)
class Beside:
    """Seconds after the nominal time of tasks, while as many workflows start."""

    tasks: int
    runs: int
    p50: float
    p99: float
    max: float
    load: float


def steps(variant: str, workflows: int) -> Steps:
    """So many workflows at once, of steps whose pods take a second."""
    load = os.getloadavg()[0]
    with world() as running:
        seen = running.logs / _SEEN
        running.start_and_wait("benchmarks.watch", "pods:seen", "pods:ended", says=watch.READY, output=seen)
        running.start_and_wait("benchmarks.kubelet", "1", says=kubelet.READY)
        if variant == OURS:
            running.start_operator()
        at = datetime.now(UTC) + timedelta(seconds=5 + workflows / 20)
        made = uvloop.run(_create(running, [workflow(f"workflow-{number}", STEPS, at) for number in range(workflows)]))
        if variant != OURS:
            uvloop.run(_play(running, [steps_of(each, STEPS) for each in made], runs=True))
        wanted = 2 * STEPS * workflows
        running.until("every step has ended", lambda: seen.read_bytes().count(b"\n") >= wanted, _PATIENCE)
        lags = lags_of_steps(lines_of(seen))
        return Steps(
            variant=variant,
            tasks=workflows,
            p50=round(statistics.median(lags), 3),
            p99=round(p99(lags), 3),
            max=round(lags[-1], 3),
            load=round(load, 2),
        )


def fan_out(variant: str, items: int) -> FanOut:
    """So many items."""
    load = os.getloadavg()[0]
    with world() as running:
        seen = running.logs / _SEEN
        running.start_and_wait("benchmarks.watch", "scheduledruns:changed", says=watch.READY, output=seen)
        running.start_and_wait("benchmarks.kubelet", "0", says=kubelet.READY)
        if variant == OURS:
            running.start_operator()
        running.settle()
        before, cpu = running.requests(), running.cpu()
        if variant == OURS:
            elapsed = _fan_out(running, seen, items)
        else:
            (made,) = uvloop.run(_create(running, [fan_out_of(items)]))
            shared = items_of(made, items)
            elapsed = uvloop.run(_play(running, [shared] * PARALLELISM, runs=variant == CLIENT))
        running.settle(_PATIENCE)
        used = 1000 * (running.cpu() - cpu) / items
        writes, of_parent = _writes(running.requests() - before), len(lines_of(seen))
        return FanOut(
            variant=variant,
            tasks=items,
            elapsed=round(elapsed, 3),
            writes_a_part=round((writes - of_parent) / items, 2),
            # The first is its creation.
            parent_writes=max(0, of_parent - 1),
            cpu_a_part=round(used, 2),
            load=round(load, 2),
        )


def beside(tasks: int, workflows: int) -> Beside:
    """So many tasks due at the very time at which so many workflows are to start."""
    load = os.getloadavg()[0]
    with world() as running:
        seen = running.logs / _SEEN
        running.start_and_wait("benchmarks.watch", says=watch.READY, output=seen)
        running.start_and_wait("benchmarks.kubelet", "1", says=kubelet.READY)
        _, due = scheduled(running, OURS, tasks)
        at = datetime.fromtimestamp(due, UTC)
        documents = [workflow(f"workflow-{number}", _STEPS_BESIDE, at) for number in range(workflows)]
        uvloop.run(_create(running, documents))
        if time.time() > due - 1:
            raise MeasurementError("the workflows were not made in time: the machine is too busy")
        wanted = tasks + _STEPS_BESIDE * workflows
        wait = due - time.time() + _PATIENCE
        running.until("every pod was seen", lambda: seen.read_bytes().count(b"\n") >= wanted, wait)
        lags = sorted(line["seen"] - due for line in lines_of(seen) if line["parent"] is None)
        if len(lags) != tasks:
            raise MeasurementError(f"{len(lags)} pods of {tasks} tasks")
        return Beside(
            tasks=tasks,
            runs=workflows,
            p50=round(statistics.median(lags), 3),
            p99=round(p99(lags), 3),
            max=round(lags[-1], 3),
            load=round(load, 2),
        )


def workflow(name: str, number: int, at: datetime) -> Document:
    """A run of so many steps, to start then."""
    listed = [{"name": f"step-{index}", **_HANDLER} for index in range(number)]
    return _run(name, {"at": format_time(at), "handler": {"steps": listed}})


def fan_out_of(items: int) -> Document:
    """A run of so many items."""
    handler = {"forEach": {"items": list(range(items)), "parallelism": PARALLELISM, "handler": _HANDLER}}
    return _run("fan-out", {"handler": handler})


def lines_of(seen: Path) -> list[Document]:
    """What the other client has written down."""
    return [json.loads(line) for line in seen.read_text().splitlines()]


def lags_of_steps(told: Iterable[Document]) -> list[float]:
    """From each end of a pod to the next pod of the same workflow, in order."""
    seen: dict[str, list[float]] = {}
    ended: dict[str, list[float]] = {}
    for line in told:
        if "seen" in line:
            seen.setdefault(line["parent"], []).append(line["seen"])
        else:
            ended.setdefault(line["parent"], []).append(line["ended"])
    found: list[float] = []
    for name, starts in seen.items():
        pairs = zip(sorted(ended[name]), sorted(starts)[1:], strict=False)
        found += (start - end for end, start in pairs)
    return sorted(found)


def _fan_out(running: World, seen: Path, items: int) -> float:
    """Seconds from the creation of one to its end."""
    began = time.time()
    uvloop.run(_create(running, [fan_out_of(items)]))
    terminal = {phase.value for phase in RunPhase if phase.terminal}

    def ends() -> list[Document]:
        return [line for line in lines_of(seen) if line["phase"] in terminal]

    running.until("the fan-out has ended", ends, _PATIENCE)
    end = ends()[0]
    if end["phase"] != RunPhase.SUCCEEDED:
        raise MeasurementError(f"the fan-out is {end['phase']}")
    return float(end["changed"]) - began


def _writes(made: Requests) -> int:
    """Of objects but events, without what the stand-in kubelet says about the pods."""
    kept = {key: n for key, n in made.items() if key[0] in WRITES and key[1] in MEASURED and key[1] != "events"}
    return sum(n for key, n in kept.items() if key[1:] != ("pods", "status"))


def _run(name: str, spec: Document) -> Document:
    return {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "ScheduledRun",
        "metadata": {"name": name},
        "spec": spec,
    }


async def _play(running: World, chains: Sequence[Iterable[Part]], *, runs: bool) -> float:
    async with HttpApi(connect(str(running.control_plane.kubeconfig)), len(chains)) as api:
        return await PartClient(api, SystemClock(), runs=runs).play(chains)


async def _create(running: World, documents: Sequence[Document]) -> list[Document]:
    """The runs as they are stored."""
    async with HttpApi(connect(str(running.control_plane.kubeconfig)), 4) as api:
        raw = await asyncio.gather(*(api.create(Kind.SCHEDULED_RUN, "bench", document) for document in documents))
        return [orjson.loads(each) for each in raw]
