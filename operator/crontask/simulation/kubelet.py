"""A kubelet in memory: plays every pod by a plan, and stops those that are deleted or past their own deadline.

As the real one, it reports that a pod has ended only when nothing of it runs any more, and calls each that is past its
deadline by then DeadlineExceeded. A pod that is deleted is gone then; any other one stays.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import orjson

from crontask.api.base import format_time
from crontask.api.pod import DEADLINE_EXCEEDED
from crontask.ports import Clock, Document, Kind, ObjectKey
from crontask.simulation.memory_api import MemoryApi

_TERMINATED, _KILLED = 143, 137
_DEFAULT_GRACE = 30


@dataclass(frozen=True)
class Plan:
    """How a pod goes, in seconds: until it starts, then runs (None: until stopped), and what stopping it takes.

    `stops_with`: its exit code if it stops within its grace period. `notices_in`: until the kubelet notices that it is
    to stop; one that does not notice deadlines, by a wrong clock, notices a deletion all the same. `reports_in`: from
    the end of its containers to that of the pod. `writes`: the messages that it writes, if not that one,
    each over the one before, and after how long; asked to stop, such a pod does so after the next.
    """

    runs: float | None = 10
    exit_code: int = 0
    message: str = ""
    stops_in: float = 1
    starts_in: float = 0
    stops_with: int = _TERMINATED
    notices_in: float = 0
    notices_deadlines: bool = True
    reports_in: float = 0
    writes: tuple[tuple[float, str], ...] = ()

    def said(self, seconds: float) -> str:
        """The message as it is after so long."""
        if not self.writes:
            return self.message
        return next((text for at, text in reversed(self.writes) if at <= seconds), "")

    def when_stopped(self, seconds: float, grace: float) -> tuple[float, int, str]:
        """Of one that is asked to stop after so long: how long that takes, its exit code and its message."""
        if not self.writes:
            takes = min(self.stops_in, grace)
            return takes, self.stops_with if self.stops_in <= grace else _KILLED, ""
        takes = min((at - seconds for at, _ in self.writes if at >= seconds), default=0.0)
        if takes > grace:
            return grace, _KILLED, self.said(seconds + grace)
        return takes, 0, self.said(seconds + takes)


@dataclass
class _Played:
    """A pod as seen last, and a signal that it is another."""

    key: ObjectKey
    pod: Document
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    # What is said of its end, where somebody has killed its containers.
    killed: Document | None = None

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

    def kill(self, key: ObjectKey, *, evict: bool = False) -> None:
        """Kill the containers of a pod that runs, for want of memory; or the whole pod, by the node."""
        why = {"reason": "Evicted", "message": "the node was low on memory"} if evict else {}
        for played in self._playing.values():
            if played.key == key:
                played.killed = {"phase": "Failed", **why}
                played.changed.set()

    async def _play(self, played: _Played) -> None:
        """One pod from its creation to its end. A task of its own, cancelled when the pod is gone."""
        plan = self._plan(played.pod)
        await self._wait(played, self._clock.monotonic() + plan.starts_in, inf)
        began, started = self._clock.monotonic(), format_time(self._clock.now())
        if not played.deleting:
            self._report(played, {"phase": "Running", "startTime": started}, {"running": {"startedAt": started}})
            natural_end = inf if plan.runs is None else began + plan.runs
            origin = began if plan.notices_deadlines else inf
            ended = await self._wait(played, natural_end, origin)
            if not ended and plan.notices_in and played.killed is None:
                await self._clock.sleep(min(plan.notices_in, natural_end - self._clock.monotonic()))
                ended = self._clock.monotonic() >= natural_end
            if played.killed is not None and not ended:
                self._kill(played, plan, began, started)
            elif ended:
                end = {"exitCode": plan.exit_code, "reason": "Error" if plan.exit_code else "Completed"}
                await self._end(played, plan, began, started, end | {"message": plan.said(inf)})
            else:
                await self._stop(played, plan, began, started)
        await self._wait(played, inf, inf)
        await self._api.remove(played.key)

    async def _end(self, played: _Played, plan: Plan, began: float, started: str, end: Document) -> None:
        """The containers have ended by themselves, and a moment later the pod has."""
        if plan.reports_in:
            state = _terminated(end, started, format_time(self._clock.now()))
            self._report(played, {"phase": "Running", "startTime": started}, state)
            await self._clock.sleep(plan.reports_in)
            late = plan.notices_deadlines and self._clock.monotonic() - began >= played.deadline
            self._report(played, _ended(end, late=late and not played.deleting), state)
            return
        self._report(played, _ended(end, late=False), _terminated(end, started, format_time(self._clock.now())))

    def _kill(self, played: _Played, plan: Plan, began: float, started: str) -> None:
        """End the containers where they are."""
        message = plan.said(self._clock.monotonic() - began)
        end = {"exitCode": _KILLED, "reason": "OOMKilled", "message": message}
        self._report(played, played.killed or {}, _terminated(end, started, format_time(self._clock.now())))

    async def _stop(self, played: _Played, plan: Plan, began: float, started: str) -> None:
        """Ask the containers to end, and kill them when the grace is over."""
        late = not played.deleting
        takes, code, message = plan.when_stopped(self._clock.monotonic() - began, played.grace)
        await self._clock.sleep(takes)
        end = {"exitCode": code, "reason": "Error" if code else "Completed"} | ({"message": message} if message else {})
        state = _terminated(end, started, format_time(self._clock.now()))
        self._report(played, _ended(end, late=late), state)

    async def _wait(self, played: _Played, until: float, origin: float) -> bool:
        """Until that time (True), or until the pod is deleted, or past its deadline, which counts from `origin`.

        The deadline may come nearer meanwhile.
        """
        while not played.deleting and (played.killed is None or until == inf == origin):
            end = min(until, origin + played.deadline)
            if self._clock.monotonic() >= end:
                return until <= end
            played.changed.clear()
            try:
                async with asyncio.timeout(None if end == inf else end - self._clock.monotonic()):
                    await played.changed.wait()
            except TimeoutError:
                continue
        return False

    def _report(self, played: _Played, status: Document, state: Document) -> None:
        if played.pod["status"].get("phase") in ("Failed", "Succeeded"):
            # It was evicted: an end is final.
            return
        containers = [{"name": container["name"], "state": state} for container in played.pod["spec"]["containers"]]
        self._api.set_status(played.key, {**status, "containerStatuses": containers})


def _ended(end: Document, *, late: bool) -> Document:
    """What a kubelet says of a pod whose containers have ended; `late`: past its deadline."""
    if late:
        message = "Pod was active on the node longer than the specified deadline"
        return {"phase": "Failed", "reason": DEADLINE_EXCEEDED, "message": message}
    return {"phase": "Failed" if end["exitCode"] else "Succeeded"}


def _terminated(end: Document, started: str, finished: str) -> Document:
    return {"terminated": {**end, "startedAt": started, "finishedAt": finished}}
