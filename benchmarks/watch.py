"""Another client: writes down when it first sees each pod, by its own connection and clock, as lines of JSON.

Callers: lag, as a process of its own.
"""

import asyncio
import sys
import time

import orjson

from crontask.engine.informer import Informer
from crontask.engine.ports import Kind
from crontask.kube.client import HttpApi
from crontask.kube.clock import SystemClock
from crontask.kube.connection import connect

READY = "watching pods"


class Watcher:
    """Prints `{"pod": name, "seen": unix seconds}` for each pod, once, at its ADDED."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def on_object(self, kind: Kind, raw: bytes) -> None:
        """See Informed."""
        now = time.time()
        metadata = orjson.loads(raw)["metadata"]
        if metadata["uid"] in self._seen:
            return
        self._seen.add(metadata["uid"])
        sys.stdout.buffer.write(orjson.dumps({"pod": metadata["name"], "seen": now}) + b"\n")
        sys.stdout.buffer.flush()

    def on_deleted(self, kind: Kind, raw: bytes) -> None:
        """See Informed."""

    def on_listed(self, kind: Kind, alive: set[str], version: str) -> None:
        """See Informed."""


async def main() -> None:
    """Watch the pods of the cluster that KUBECONFIG names, until ended."""
    async with HttpApi(connect()) as api:
        informer = Informer(api, SystemClock(), Kind.POD, Watcher())
        watching = asyncio.create_task(informer.run())
        await informer.synced.wait()
        print(READY, file=sys.stderr, flush=True)
        await watching


if __name__ == "__main__":
    asyncio.run(main())
