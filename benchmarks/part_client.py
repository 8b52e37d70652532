"""A client that makes the parts of composite runs and decides nothing: what as many writes take at least.

Of each part it creates the ScheduledRun, then its pod, and writes the run's status once, when the pod has ended. Or
creates the pod alone.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from benchmarks.lag import POD
from crontask.api.base import format_time
from crontask.api.handler import Handler
from crontask.api.names import part_name, part_of_item, part_of_step, pod_name
from crontask.api.pod import decode_pod
from crontask.api.scheduledrun import Item, Parent
from crontask.api.simple_handler import SimpleHandler
from crontask.decide.attempt.outcome import pod_has_ended
from crontask.engine.informer import Informer
from crontask.ports import Api, Clock, Document, Kind, ObjectKey
from crontask.workload.environment import Identity, Interval
from crontask.workload.part import PartOf, build_part
from crontask.workload.pod import build_pod

_NAMESPACE = "bench"
_START_TIMEOUT = timedelta(minutes=10)
_HANDLER: Document = {"podTemplate": {"spec": POD}}


@dataclass(frozen=True)
class Part:
    """One to make."""

    name: str
    parent: Parent


def steps_of(workflow: Document, number: int) -> Iterator[Part]:
    """So many steps of a run that is there, one after the other."""
    for step in (f"step-{index}" for index in range(number)):
        yield _part(workflow, part_of_step(step), {"step": step})


def items_of(fan_out: Document, number: int) -> Iterator[Part]:
    """So many items of a run that is there."""
    for index in range(number):
        yield _part(fan_out, part_of_item(index), {"item": Item(index=index, value=index)})


def _part(whole: Document, part: str, which: dict[str, Any]) -> Part:
    parent, uid = whole["metadata"]["name"], whole["metadata"]["uid"]
    name = part_name(parent, uid, part)
    return Part(name, Parent(name=parent, uid=uid, root=parent, depth=1, key=f"{uid}/{part}", **which))


class PartClient:
    """Makes the parts of each chain one after the other. `runs`: their ScheduledRuns as well as their pods."""

    def __init__(self, api: Api, clock: Clock, *, runs: bool) -> None:
        self._api = api
        self._clock = clock
        self._runs = runs
        self._ends: dict[str, asyncio.Event] = {}

    async def play(self, chains: Sequence[Iterable[Part]]) -> float:
        """Make all of them; the seconds that it took. Chains that share an iterator share its parts."""
        informer = Informer(self._api, self._clock, Kind.POD, self)
        watching = asyncio.create_task(informer.run())
        await informer.synced.wait()
        await self._api.warm(len(chains))
        began = self._clock.monotonic()
        try:
            await asyncio.gather(*(self._play(chain) for chain in chains))
        finally:
            watching.cancel()
        return self._clock.monotonic() - began

    def on_object(self, kind: Kind, raw: bytes) -> None:
        """See Informed."""
        pod = decode_pod(raw)
        if pod_has_ended(pod):
            self._end_of(pod.metadata.name).set()

    def on_deleted(self, kind: Kind, raw: bytes) -> None:
        """See Informed."""

    def on_listed(self, kind: Kind, alive: set[str], version: str, namespace: str) -> None:
        """See Informed."""

    def _end_of(self, pod: str) -> asyncio.Event:
        return self._ends.setdefault(pod, asyncio.Event())

    async def _play(self, chain: Iterable[Part]) -> None:
        for part in chain:
            now = self._clock.now()
            made = orjson.loads(await self._create_run(part, now)) if self._runs else None
            uid = made["metadata"]["uid"] if made is not None else part.parent.uid
            await self._api.create(Kind.POD, _NAMESPACE, _pod(part, uid, now))
            await self._end_of(pod_name(part.name, 1)).wait()
            if made is not None:
                key = ObjectKey(Kind.SCHEDULED_RUN, _NAMESPACE, part.name)
                version = made["metadata"]["resourceVersion"]
                await self._api.update_status(key, uid=uid, version=version, status=_status(part, now))

    async def _create_run(self, part: Part, now: datetime) -> bytes:
        of = PartOf(part.parent, _NAMESPACE, None, now)
        handler = SimpleHandler.model_validate(_HANDLER)
        body = build_part(part.name, of, handler, None, {}, None, None, _START_TIMEOUT)
        return await self._api.create(Kind.SCHEDULED_RUN, _NAMESPACE, body)


def _pod(part: Part, uid: str, now: datetime) -> Document:
    identity = Identity("", _NAMESPACE, part.name, uid, 1, parent=part.parent)
    return build_pod(Handler.model_validate(_HANDLER), identity, now, Interval(), {})


def _status(part: Part, began: datetime) -> Document:
    """As the operator writes it."""
    start, end, pod = format_time(began), format_time(datetime.now(UTC)), pod_name(part.name, 1)
    attempt = {"number": 1, "pod": pod, "startTime": start, "completionTime": end, "phase": "Succeeded"}
    return {
        "phase": "Succeeded",
        "reason": "Completed",
        "origin": "Child",
        "startTime": start,
        "completionTime": end,
        "podName": pod,
        "attempts": [{**attempt, "reason": "Completed", "exitCode": 0}],
    }
