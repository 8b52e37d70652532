"""A stand-in kubelet: says that pods of `schedulerName: nobody` run and then have succeeded. No container runs.

About a thousand pods a second, so that an API server's own limit shows. Callers: lag, idle, tests/integration.
"""

import asyncio
import sys

import orjson

from crontask.api.base import format_time
from crontask.engine.ports import ApiError, Document, Kind, ObjectKey, WatchExpiredError
from crontask.kube.client import HttpApi
from crontask.kube.clock import SystemClock
from crontask.kube.connection import connect

SCHEDULER = "nobody"
_CLOCK = SystemClock()


class StandInKubelet:
    """Plays every pod; `runs`: seconds until it has succeeded."""

    def __init__(self, api: HttpApi, runs: float = 1.0) -> None:
        self._api = api
        self._runs = runs
        self._playing: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Play until cancelled."""
        while True:
            try:
                version = (await self._api.list_page(Kind.POD, limit=1)).resource_version
                async for event in self._api.watch(Kind.POD, resource_version=version):
                    if event.type in ("ADDED", "MODIFIED"):
                        self._see(orjson.loads(event.object))
            except (ApiError, WatchExpiredError) as error:
                print(f"watching again: {error}", file=sys.stderr)
                await asyncio.sleep(0.2)

    def _see(self, pod: Document) -> None:
        if pod["spec"].get("schedulerName") != SCHEDULER:
            return
        uid, key = pod["metadata"]["uid"], ObjectKey(Kind.POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
        if "deletionTimestamp" in pod["metadata"]:
            if uid in self._playing:
                self._playing.pop(uid).cancel()
            asyncio.create_task(self._guarded(self._api.delete(key, uid=uid, grace_seconds=0)))  # noqa: RUF006
        elif uid not in self._playing and "phase" in pod["status"] and pod["status"]["phase"] == "Pending":
            self._playing[uid] = asyncio.create_task(self._guarded(self._play(key, pod)))

    async def _play(self, key: ObjectKey, pod: Document) -> None:
        names = [container["name"] for container in pod["spec"]["containers"]]
        started = format_time(_CLOCK.now())
        await self._tell(key, "Running", names, {"running": {"startedAt": started}})
        await asyncio.sleep(self._runs)
        end = {"exitCode": 0, "reason": "Completed", "startedAt": started, "finishedAt": format_time(_CLOCK.now())}
        await self._tell(key, "Succeeded", names, {"terminated": end})

    async def _tell(self, key: ObjectKey, phase: str, names: list[str], state: Document) -> None:
        statuses = [
            {"name": n, "state": state, "ready": False, "restartCount": 0, "image": "", "imageID": ""} for n in names
        ]
        patch = {"status": {"phase": phase, "containerStatuses": statuses}}
        await self._api.patch(key, patch, subresource="status")

    @staticmethod
    async def _guarded(doing: object) -> None:
        """A pod that is gone meanwhile is no error."""
        try:
            await doing  # type: ignore[misc]
        except ApiError as error:
            if error.status not in (404, 409):
                print(f"stand-in kubelet: {error}", file=sys.stderr)


async def main(runs: float) -> None:
    """Play the pods of the cluster that KUBECONFIG names."""
    async with HttpApi(connect(), connections=64) as api:
        await StandInKubelet(api, runs).run()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0))
