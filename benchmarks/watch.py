"""Another client: writes down when it first sees each pod, by its own connection and clock, as lines of JSON.

With names of kinds as arguments, when it first sees each of their objects ended.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from crontask.api.scheduledrun import RunPhase
from crontask.engine.informer import Informer
from crontask.kube.client import HttpApi
from crontask.kube.clock import SystemClock
from crontask.kube.connection import connect
from crontask.ports import Kind

READY = "watching pods"


@dataclass(frozen=True)
class _Jobs:
    """A kind that the operator knows nothing of."""

    prefix: str = "apis/batch/v1"
    plural: str = "jobs"
    kind: str = "Job"


_KINDS = {"pods": Kind.POD, "scheduledruns": Kind.SCHEDULED_RUN, "jobs": cast(Kind, _Jobs())}


class Watcher:
    """Prints a line for each object, once. `ends`: when it has ended, and not when it is there."""

    def __init__(self, *, ends: bool) -> None:
        self._ends = ends
        self._seen: set[str] = set()

    def on_object(self, kind: Kind, raw: bytes) -> None:
        """See Informed."""
        now = time.time()
        document = orjson.loads(raw)
        metadata = document["metadata"]
        if metadata["uid"] in self._seen or (self._ends and not _has_ended(document)):
            return
        self._seen.add(metadata["uid"])
        if self._ends:
            owner = next((each["name"] for each in metadata.get("ownerReferences", ())), None)
            told = {"kind": kind.plural, "name": metadata["name"], "owner": owner, "ended": now}
        else:
            told = {"pod": metadata["name"], "seen": now}
        sys.stdout.buffer.write(orjson.dumps(told) + b"\n")
        sys.stdout.buffer.flush()

    def on_deleted(self, kind: Kind, raw: bytes) -> None:
        """See Informed."""

    def on_listed(self, kind: Kind, alive: set[str], version: str) -> None:
        """See Informed."""


def _has_ended(document: dict[str, Any]) -> bool:
    """A pod or a run by its phase, a Job by its condition."""
    status = document.get("status") or {}
    if "phase" in status:
        return status["phase"] in {phase.value for phase in RunPhase if phase.terminal}
    conditions = status.get("conditions") or ()
    return any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)


async def main(ends_of: Sequence[str]) -> None:
    """Watch the cluster that KUBECONFIG names, until ended."""
    async with HttpApi(connect()) as api:
        watcher = Watcher(ends=bool(ends_of))
        informers = [Informer(api, SystemClock(), _KINDS[name], watcher) for name in ends_of or ("pods",)]
        watching = [asyncio.create_task(informer.run()) for informer in informers]
        for informer in informers:
            await informer.synced.wait()
        print(READY, file=sys.stderr, flush=True)
        await asyncio.gather(*watching)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
