"""A kubelet in memory: pods start at once, run for as long as the plan says, and end.

Callers: tests of the engine.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from crontask.api.base import format_time
from crontask.engine.ports import Clock, Document, Kind, ObjectKey
from crontask.simulation.memory_api import MemoryApi


@dataclass(frozen=True)
class Plan:
    """How a pod goes: seconds that it runs, its exit code and termination message, seconds that stopping it takes."""

    runs: float = 10
    exit_code: int = 0
    message: str = ""
    stops_in: float = 1


class MemoryKubelet:
    """Plays every pod of the API server by `plan(pod)`."""

    def __init__(self, api: MemoryApi, clock: Clock, plan: Callable[[Document], Plan] = lambda pod: Plan()) -> None:
        self._api = api
        self._clock = clock
        self._plan = plan
        self._playing: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Play until cancelled."""
        async for event in self._api.watch(Kind.POD, resource_version="0"):
            pod = orjson.loads(event.object)
            key = ObjectKey(Kind.POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
            uid = pod["metadata"]["uid"]
            if event.type == "ADDED":
                self._playing[uid] = asyncio.create_task(self._play(key, pod))
            elif event.type == "MODIFIED" and "deletionTimestamp" in pod["metadata"] and uid in self._playing:
                self._playing.pop(uid).cancel()
                self._playing[f"{uid} stops"] = asyncio.create_task(self._stop(key, pod))

    async def _play(self, key: ObjectKey, pod: Document) -> None:
        plan = self._plan(pod)
        started = format_time(self._clock.now())
        await self._tell(key, pod, "Running", {"running": {"startedAt": started}})
        await self._clock.sleep(plan.runs)
        end = {
            "exitCode": plan.exit_code,
            "message": plan.message,
            "startedAt": started,
            "finishedAt": format_time(self._clock.now()),
        }
        await self._tell(key, pod, "Failed" if plan.exit_code else "Succeeded", {"terminated": end})

    async def _stop(self, key: ObjectKey, pod: Document) -> None:
        await self._clock.sleep(self._plan(pod).stops_in)
        await self._api.remove(key)

    async def _tell(self, key: ObjectKey, pod: Document, phase: str, state: Document) -> None:
        names = [container["name"] for container in pod["spec"]["containers"]]
        statuses = [{"name": name, "state": state} for name in names]
        patch = {"status": {"phase": phase, "containerStatuses": statuses}}
        await self._api.patch(key, patch, subresource="status")
