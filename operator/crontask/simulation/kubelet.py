"""A kubelet in memory: plays every pod by a plan, and stops those that are deleted or past their deadline.

Callers: tests, the command line.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import orjson

from crontask.api.base import format_time
from crontask.engine.ports import Clock, Document, Kind, ObjectKey
from crontask.simulation.memory_api import MemoryApi

_TERMINATED, _KILLED = 143, 137
_DEFAULT_GRACE = 30


@dataclass(frozen=True)
class Plan:
    """How a pod goes, in seconds: until it starts, then runs (None: until stopped), and what stopping it takes."""

    runs: float | None = 10
    exit_code: int = 0
    message: str = ""
    stops_in: float = 1
    starts_in: float = 0


@dataclass
class _Played:
    """A pod as seen last, and a signal that it is another."""

    key: ObjectKey
    pod: Document
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def deleting(self) -> bool:
        return "deletionTimestamp" in self.pod["metadata"]

    @property
    def deadline(self) -> float:
        """Seconds after its start."""
        return float(self.pod["spec"].get("activeDeadlineSeconds") or inf)

    @property
    def grace(self) -> float:
        default = self.pod["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE)
        return float(self.pod["metadata"].get("deletionGracePeriodSeconds", default))


class MemoryKubelet:
    """Plays every pod of the API server by `plan(pod)`. No fault that is set for clients touches it."""

    def __init__(self, api: MemoryApi, clock: Clock, plan: Callable[[Document], Plan] = lambda pod: Plan()) -> None:
        self._api = api
        self._clock = clock
        self._plan = plan
        self._playing: dict[str, _Played] = {}

    async def run(self) -> None:
        """Play until cancelled; pods that play then go on."""
        async for event in self._api.follow(Kind.POD):
            pod = orjson.loads(event.object)
            uid = pod["metadata"]["uid"]
            if event.type == "ADDED":
                key = ObjectKey(Kind.POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
                played = self._playing[uid] = _Played(key, pod)
                played.task = asyncio.create_task(self._play(played))
            elif uid in self._playing and event.type == "MODIFIED":
                self._playing[uid].pod = pod
                self._playing[uid].changed.set()
            elif uid in self._playing:
                gone = self._playing.pop(uid).task
                if gone is not None:
                    gone.cancel()

    async def _play(self, played: _Played) -> None:
        """One pod from its creation to its end. A task of its own, cancelled when the pod is gone."""
        plan = self._plan(played.pod)
        await self._wait(played, self._clock.monotonic() + plan.starts_in, lambda: inf)
        began, started = self._clock.monotonic(), format_time(self._clock.now())
        if not played.deleting:
            self._tell(played, {"phase": "Running", "startTime": started}, {"running": {"startedAt": started}})
            natural_end = inf if plan.runs is None else began + plan.runs
            if await self._wait(played, natural_end, lambda: began + played.deadline):
                end = {"exitCode": plan.exit_code, "reason": "Error" if plan.exit_code else "Completed"}
                self._tell_end(played, {}, started, end | {"message": plan.message})
            else:
                await self._stop(played, plan, started)
        await self._wait(played, inf, lambda: inf)
        await self._api.remove(played.key)

    async def _stop(self, played: _Played, plan: Plan, started: str) -> None:
        """Ask the containers to end, and kill them when the grace is over."""
        late = {} if played.deleting else {"reason": "DeadlineExceeded", "message": "the pod's deadline has passed"}
        grace = played.grace
        await self._clock.sleep(min(plan.stops_in, grace))
        code = _TERMINATED if plan.stops_in <= grace else _KILLED
        self._tell_end(played, {"phase": "Failed", **late}, started, {"exitCode": code, "reason": "Error"})

    async def _wait(self, played: _Played, until: float, deadline: Callable[[], float]) -> bool:
        """Until that time (True), or until the pod is deleted or, as it may be told meanwhile, past its deadline."""
        while not played.deleting:
            end = min(until, deadline())
            if self._clock.monotonic() >= end:
                return until <= end
            played.changed.clear()
            try:
                async with asyncio.timeout(None if end == inf else end - self._clock.monotonic()):
                    await played.changed.wait()
            except TimeoutError:
                continue
        return False

    def _tell_end(self, played: _Played, status: Document, started: str, end: Document) -> None:
        times = {"startedAt": started, "finishedAt": format_time(self._clock.now())}
        phase = "Failed" if end["exitCode"] else "Succeeded"
        self._tell(played, {"phase": phase, **status}, {"terminated": {**end, **times}})

    def _tell(self, played: _Played, status: Document, state: Document) -> None:
        if played.pod["status"].get("phase") in ("Failed", "Succeeded"):
            # It was evicted: an end is final.
            return
        containers = [{"name": container["name"], "state": state} for container in played.pod["spec"]["containers"]]
        self._api.set_status(played.key, {**status, "containerStatuses": containers})
