"""A stand-in kubelet: says that pods of `schedulerName: nobody` run and then have succeeded. No container runs.

About a thousand pods a second, so that an API server's own limit shows. The annotations `stand-in/seconds`,
`stand-in/exit-code` and `stand-in/message` of a pod choose another end; one whose deadline comes nearer than that is
stopped.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import orjson
import uvloop

from crontask.api.base import format_time
from crontask.api.pod import DEADLINE_EXCEEDED
from crontask.engine.informer import Informer
from crontask.kube.client import HttpApi
from crontask.kube.clock import SystemClock
from crontask.kube.connection import connect
from crontask.ports import ApiError, Document, Kind, ObjectKey

SCHEDULER = "nobody"
READY = "watching pods"
_TRIES = 5
_CLOCK = SystemClock()


class StandInKubelet:
    """Plays pods; `runs`: seconds until one has succeeded. With a `message`, given back by each: of any scheduler."""

    def __init__(self, api: HttpApi, runs: float = 1.0, message: str = "") -> None:
        self._api = api
        self._runs = runs
        self._message = message
        self._playing: dict[str, asyncio.Task[None]] = {}
        # By UID: the deadline, and what waits for it.
        self._stopping: dict[str, tuple[int, asyncio.Task[None]]] = {}
        self._deleting: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Play until cancelled. A watch that the API server drops in a burst is resumed: no pod is lost."""
        informer = Informer(self._api, _CLOCK, Kind.POD, self)
        watching = asyncio.create_task(informer.run())
        await informer.synced.wait()
        print(READY, file=sys.stderr, flush=True)
        await watching

    def on_object(self, kind: Kind, raw: bytes) -> None:
        """See Informed."""
        pod = orjson.loads(raw)
        if pod["spec"].get("schedulerName") != SCHEDULER and not self._message:
            return
        uid, key = pod["metadata"]["uid"], ObjectKey(kind, pod["metadata"]["namespace"], pod["metadata"]["name"])
        if "deletionTimestamp" in pod["metadata"]:
            if uid in self._playing:
                self._playing[uid].cancel()
            if uid not in self._deleting:
                self._deleting[uid] = asyncio.create_task(
                    _persistently(lambda: self._api.delete(key, uid=uid, grace_seconds=0))
                )
        elif uid not in self._playing and pod.get("status", {}).get("phase") == "Pending":
            self._playing[uid] = asyncio.create_task(self._play(key, pod))
        elif "activeDeadlineSeconds" in pod["spec"] and pod.get("status", {}).get("phase") == "Running":
            self._stop_by(pod["spec"]["activeDeadlineSeconds"], key, pod)

    def on_deleted(self, kind: Kind, raw: bytes) -> None:
        """See Informed."""
        uid = orjson.loads(raw)["metadata"]["uid"]
        if playing := self._playing.pop(uid, None):
            playing.cancel()
        if stopping := self._stopping.pop(uid, None):
            stopping[1].cancel()
        self._deleting.pop(uid, None)

    def on_listed(self, kind: Kind, alive: set[str], version: str, namespace: str) -> None:
        """See Informed. A pod that vanished unseen answers 404, and is let go."""

    async def _play(self, key: ObjectKey, pod: Document) -> None:
        wanted = pod["metadata"].get("annotations") or {}
        code = int(wanted.get("stand-in/exit-code", 0))
        started = format_time(_CLOCK.now())
        await self._tell(key, pod, {"phase": "Running", "startTime": started}, {"running": {"startedAt": started}})
        await asyncio.sleep(float(wanted.get("stand-in/seconds", self._runs)))
        end: Document = {"exitCode": code, "reason": "Error" if code else "Completed", "startedAt": started}
        end["finishedAt"] = format_time(_CLOCK.now())
        if message := wanted.get("stand-in/message", self._message):
            end["message"] = message
        await self._tell(key, pod, {"phase": "Failed" if code else "Succeeded"}, {"terminated": end})

    def _stop_by(self, deadline: int, key: ObjectKey, pod: Document) -> None:
        """Have the pod stopped at its deadline, which may have come nearer."""
        uid = pod["metadata"]["uid"]
        before, stopping = self._stopping.get(uid, (None, None))
        if before == deadline:
            return
        if stopping is not None:
            stopping.cancel()
        self._stopping[uid] = deadline, asyncio.create_task(self._stop_in_time(deadline, key, pod))

    async def _stop_in_time(self, deadline: int, key: ObjectKey, pod: Document) -> None:
        """Stop a pod that runs when it is past its deadline."""
        late_at = datetime.fromisoformat(pod["status"]["startTime"]) + timedelta(seconds=deadline)
        await asyncio.sleep((late_at - _CLOCK.now()).total_seconds())
        playing = self._playing.get(pod["metadata"]["uid"])
        if playing is None or playing.done():
            return
        playing.cancel()
        end = {"exitCode": 143, "reason": "Error", "startedAt": pod["status"]["startTime"]}
        end["finishedAt"] = format_time(_CLOCK.now())
        await self._tell(key, pod, {"phase": "Failed", "reason": DEADLINE_EXCEEDED}, {"terminated": end})

    async def _tell(self, key: ObjectKey, pod: Document, status: Document, state: Document) -> None:
        rest = {"ready": False, "restartCount": 0, "image": "", "imageID": ""}
        statuses = [{"name": container["name"], "state": state, **rest} for container in pod["spec"]["containers"]]
        patch = {"status": {**status, "containerStatuses": statuses}}
        await _persistently(lambda: self._api.patch(key, patch, subresource="status"))


async def _persistently(request: Callable[[], Awaitable[object]]) -> None:
    """Try again what may succeed later. A pod that is gone meanwhile is no error."""
    for attempt in range(1, _TRIES + 1):
        try:
            await request()
            return
        except ApiError as error:
            if error.passing and attempt < _TRIES:
                await asyncio.sleep(error.retry_after or 0.2 * attempt)
                continue
            if error.status not in (404, 409):
                print(f"stand-in kubelet: {error}", file=sys.stderr, flush=True)
            return


async def main(runs: float, message: str = "") -> None:
    """Play the pods of the cluster that KUBECONFIG names."""
    async with HttpApi(connect(), connections=64) as api:
        await StandInKubelet(api, runs, message).run()


if __name__ == "__main__":
    uvloop.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0, *sys.argv[2:3]))
