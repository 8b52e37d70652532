"""Another client: writes down when it first sees each pod, by its own connection and clock, as lines of JSON.

Arguments are what else it is to write down, as KIND:EVENT: when it first has `seen` each object, when it has
`ended`, or each time that one `changed` which is not a part of another. KIND alone: its ends.
"""

import asyncio
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from crontask.api.names import LABEL_PARENT
from crontask.api.phases import RunPhase
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
    """Prints a line for each object and event that it is asked for, but for `changed` once."""

    def __init__(self, events: Collection[str]) -> None:
        self._events = events
        self._printed: set[tuple[str, str]] = set()

    def on_object(self, kind: Kind, raw: bytes) -> None:
        """See Informed."""
        now = time.time()
        document = orjson.loads(raw)
        metadata = document["metadata"]
        parent = metadata.get("labels", {}).get(LABEL_PARENT)
        if self._is_asked("seen", metadata["uid"]):
            _print({"pod": metadata["name"], "parent": parent, "seen": now})
        if _has_ended(document) and self._is_asked("ended", metadata["uid"]):
            owner = next((each["name"] for each in metadata.get("ownerReferences", ())), None)
            told = {"kind": kind.plural, "name": metadata["name"], "owner": owner, "parent": parent, "ended": now}
            _print(told)
        if "changed" in self._events and parent is None:
            phase = (document.get("status") or {}).get("phase")
            _print({"kind": kind.plural, "name": metadata["name"], "changed": now, "phase": phase})

    def on_deleted(self, kind: Kind, raw: bytes) -> None:
        """See Informed."""

    def on_listed(self, kind: Kind, alive: set[str], version: str, namespace: str) -> None:
        """See Informed."""

    def _is_asked(self, event: str, uid: str) -> bool:
        if event not in self._events or (event, uid) in self._printed:
            return False
        self._printed.add((event, uid))
        return True


def _print(told: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(told) + b"\n")
    sys.stdout.buffer.flush()


def _has_ended(document: dict[str, Any]) -> bool:
    """A pod or a run by its phase, a Job by its condition."""
    status = document.get("status") or {}
    if "phase" in status:
        return status["phase"] in {phase.value for phase in RunPhase if phase.terminal}
    conditions = status.get("conditions") or ()
    return any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)


def events_by_kind(asked: Sequence[str]) -> dict[str, set[str]]:
    """Which events of which kinds the arguments ask for."""
    found: dict[str, set[str]] = {}
    for each in asked or ("pods:seen",):
        kind, _, event = each.partition(":")
        found.setdefault(kind, set()).add(event or "ended")
    return found


async def main(asked: Sequence[str]) -> None:
    """Watch the cluster that KUBECONFIG names, until ended."""
    async with HttpApi(connect()) as api:
        informers = [
            Informer(api, SystemClock(), _KINDS[kind], Watcher(events))
            for kind, events in events_by_kind(asked).items()
        ]
        watching = [asyncio.create_task(informer.run()) for informer in informers]
        for informer in informers:
            await informer.synced.wait()
        print(READY, file=sys.stderr, flush=True)
        await asyncio.gather(*watching)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
