"""What happened, told once: each Transition becomes a log line, an event and a count.

Callers: loop (after the status that says so is written), executor (launches).
"""

import asyncio
import logging
from hashlib import sha256

import orjson

from crontask.api.base import API_VERSION, format_time
from crontask.decide.decisions import Transition
from crontask.engine.gate import LeaseLostError
from crontask.engine.metrics import observe
from crontask.engine.ports import Api, ApiError, Clock, Document, Kind, ObjectKey
from crontask.engine.queue import Priority, WriteQueue

COMPONENT = "crontask"
_LONGEST = 1024
_log = logging.getLogger(COMPONENT)


class Teller:
    """Writes events behind everything that matters more; an event that fails is logged and let go."""

    def __init__(self, api: Api, queue: WriteQueue, clock: Clock) -> None:
        self._api = api
        self._queue = queue
        self._clock = clock
        self._writing: set[asyncio.Task[None]] = set()

    def tell(self, subject: ObjectKey, uid: str, transition: Transition) -> None:
        """Tell a transition of that object."""
        _log.log(
            logging.WARNING if transition.warning else logging.INFO,
            "%s: %s",
            transition.reason,
            transition.message,
            extra={"fields": _fields(subject, transition)},
        )
        observe(transition)
        if not transition.event:
            return
        writing = asyncio.get_running_loop().create_task(self._write(subject, uid, transition))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    async def finish(self) -> None:
        """Wait for the events that are being written."""
        await asyncio.gather(*self._writing)

    async def _write(self, subject: ObjectKey, uid: str, transition: Transition) -> None:
        event = _event(subject, uid, transition, format_time(self._clock.now()))
        key = ObjectKey(Kind.EVENT, subject.namespace, event["metadata"]["name"])
        try:
            await self._create_or_repeat(key, event)
        except (ApiError, LeaseLostError) as error:
            _log.warning("event %s of %s was not written: %s", transition.reason, subject.name, error)

    async def _create_or_repeat(self, key: ObjectKey, event: Document) -> None:
        """Equal events have one name: a repeat counts up. Each write passes the gate."""
        try:
            await self._queue.send(Priority.EVENT, lambda: self._api.create(Kind.EVENT, key.namespace, event))
        except ApiError as error:
            if error.status != 409:
                raise
            known = orjson.loads(await self._api.get(key))
            count = int(known.get("count") or 1) + 1
            repeated: Document = {"count": count, "lastTimestamp": event["lastTimestamp"]}
            await self._queue.send(Priority.EVENT, lambda: self._api.patch(key, repeated))


def _event(subject: ObjectKey, uid: str, transition: Transition, now: str) -> Document:
    words = transition.message[:_LONGEST]
    digest = sha256("\n".join((uid, transition.reason, words)).encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{subject.name}.{digest}", "namespace": subject.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": subject.kind.kind,
            "namespace": subject.namespace,
            "name": subject.name,
            "uid": uid,
        },
        "reason": transition.reason,
        "message": words,
        "type": "Warning" if transition.warning else "Normal",
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def _fields(subject: ObjectKey, transition: Transition) -> dict[str, object]:
    fields: dict[str, object] = {
        "namespace": subject.namespace,
        "task": transition.task,
        "run": transition.run,
        "reason": transition.reason,
        "count": transition.count if transition.count > 1 else None,
        "nominal": format_time(transition.nominal) if transition.nominal else None,
        "lagSeconds": round(transition.lag.total_seconds(), 3) if transition.lag is not None else None,
    }
    return {key: value for key, value in fields.items() if value is not None}
