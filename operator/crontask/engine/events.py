"""What happened, recorded once: each Transition becomes a log line, a count and, within a limit, an event."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import count

import orjson

from crontask.api.base import API_VERSION, format_time
from crontask.decide.decisions import DecisionKind, Transition
from crontask.decide.model import CronTask, ScheduledRun
from crontask.engine.gate import LeaseLostError
from crontask.engine.keys import key_of
from crontask.engine.queue import Priority, WriteQueue
from crontask.engine.rate import Rate
from crontask.ports import Api, ApiError, Clock, Document, Kind, ObjectKey

COMPONENT = "crontask"
_LONGEST = 1024
# Events: so many are on their way at a time, and so many wait at most.
_MANY, _MOST = 8, 10_000
# As many at once as client-go's; then, so that a task that is due each minute is recorded whole, one in ten seconds.
_EVENTS_OF_A_TASK = (25, 10.0)
_log = logging.getLogger(COMPONENT)


@dataclass(frozen=True, slots=True)
class Subject:
    """The object of that key with that UID."""

    key: ObjectKey
    uid: str


def about(item: CronTask | ScheduledRun) -> Subject:
    """A task or a run as the subject of what is pending."""
    return Subject(key_of(item), item.meta.uid)


@dataclass(frozen=True, slots=True)
class _Pending:
    """What happened to an object, when."""

    subject: Subject
    transition: Transition
    at: datetime


class EventRecorder:
    """Writes events behind everything that matters more; an event that fails is logged and let go.

    An event waits until `write_some`, so that whoever calls that says when. `has_more` is called when one waits that
    could be written. `observe` is called with each transition.
    """

    def __init__(
        self,
        api: Api,
        queue: WriteQueue,
        clock: Clock,
        observe: Callable[[Transition], None] = lambda transition: None,
    ) -> None:
        self._api = api
        self._queue = queue
        self._clock = clock
        self._count_it = observe
        self.has_more: Callable[[], None] = lambda: None
        self._rate = Rate(*_EVENTS_OF_A_TASK)
        self._numbers = count()
        self._waiting: dict[int, _Pending] = {}
        # By (namespace, run): the number of the event that says that it started, if that waits.
        self._starts: dict[tuple[str, str | None], int] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def record(self, transition: Transition, *subjects: Subject) -> None:
        """Record it once, with an event at each of the subjects; the first is the object that it happened to."""
        subject = subjects[0].key
        _log.log(
            logging.WARNING if transition.warning else logging.INFO,
            "%s: %s",
            transition.reason,
            transition.message,
            extra={"fields": _fields(subject, transition)},
        )
        self._count_it(transition)
        # Apart, so that runs which go well hide neither what does not nor what becomes of their task.
        bucket = (subject.namespace, transition.task or subject.name, transition.warning, transition.run is None)
        if transition.event and not self._rate.wait(bucket, self._clock.monotonic()):
            for each in subjects:
                self._put(_Pending(each, transition, self._clock.now()))

    def write_some(self, most: int = _MANY) -> None:
        """Begin to write events that wait, as long as no more than `most` are on their way."""
        while self._waiting and len(self._writing) < most:
            pending = self._take(next(iter(self._waiting)))
            writing = asyncio.get_running_loop().create_task(self._write(pending))
            self._writing.add(writing)
            writing.add_done_callback(self._written)

    async def finish(self) -> None:
        """Write all that wait."""
        while self._waiting or self._writing:
            self.write_some()
            await asyncio.wait(self._writing)

    def _put(self, pending: _Pending) -> None:
        """What a run does says that it has started: the event of that is not written if it still waits."""
        number, run = next(self._numbers), (pending.subject.key.namespace, pending.transition.run)
        if run[1] is not None and run in self._starts:
            self._take(self._starts[run])
        if pending.transition.kind is DecisionKind.START:
            self._starts[run] = number
        self._waiting[number] = pending
        if len(self._waiting) > _MOST:
            lost = self._take(next(iter(self._waiting)))
            _log.warning("event %s of %s is not written: too many wait", lost.transition.reason, lost.subject.key.name)
        self.has_more()

    def _take(self, number: int) -> _Pending:
        pending = self._waiting.pop(number)
        run = (pending.subject.key.namespace, pending.transition.run)
        if self._starts.get(run) == number:
            del self._starts[run]
        return pending

    def _written(self, writing: "asyncio.Task[None]") -> None:
        self._writing.discard(writing)
        if self._waiting:
            self.has_more()

    async def _write(self, pending: _Pending) -> None:
        subject, transition = pending.subject.key, pending.transition
        event = _event(subject, pending.subject.uid, transition, format_time(pending.at))
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
            times = int(known.get("count") or 1) + 1
            repeated: Document = {"count": times, "lastTimestamp": event["lastTimestamp"]}
            await self._queue.send(Priority.EVENT, lambda: self._api.patch(key, repeated))


def _event(subject: ObjectKey, uid: str, transition: Transition, now: str) -> Document:
    message = transition.message[:_LONGEST]
    digest = sha256("\n".join((uid, transition.reason, message)).encode()).hexdigest()[:16]
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
        "message": message,
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
