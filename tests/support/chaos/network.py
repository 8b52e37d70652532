"""What lies between one operator and the API server: delays, errors, writes that landed though nobody was told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from crontask.ports import ApiError, Document, Kind, ObjectKey, Page, WatchEvent, WatchExpiredError
from crontask.simulation.memory_api import MemoryApi
from crontask.simulation.virtual_time import VirtualClock

T = TypeVar("T")
# Told whether a write was taken.
Landed = Callable[[bool], None]
_TIMEOUT = 10.0
_ERRORS = ((0, "Unreachable"), (429, "TooManyRequests"), (500, "InternalError"), (503, "ServiceUnavailable"))


@dataclass
class Weather:
    """How bad things are for everybody: the share of requests that fail, of watches that end, of slow events."""

    errors: float = 0.0
    drops: float = 0.0
    slow: float = 0.0


@dataclass(frozen=True)
class Sent:
    """A write on its way since `at`. `late`: its sender was dead, or no leader any more, when it landed."""

    sender: str
    verb: str
    key: ObjectKey
    late: bool = False
    body: Document | None = None
    at: datetime | None = None


class Process:
    """What happens to an operator's process: it is frozen, cut off, or dead. Its clock may be wrong."""

    def __init__(self, name: str, clock: VirtualClock) -> None:
        self.name = name
        self.cut = False
        self.dead = False
        self.offset = timedelta(0)
        self._clock = clock
        self._runs = asyncio.Event()
        self._runs.set()

    @property
    def frozen(self) -> bool:
        """Whether it is stopped, as by SIGSTOP."""
        return not self._runs.is_set()

    def freeze(self) -> None:
        """Stop it where it stands."""
        self._runs.clear()

    def thaw(self) -> None:
        """Let it go on."""
        self._runs.set()

    async def pass_on(self) -> None:
        """Go on only while the process runs; for ever here, once it is dead."""
        await self._runs.wait()
        if self.dead:
            await asyncio.get_running_loop().create_future()

    def now(self) -> datetime:
        """See Clock."""
        return self._clock.now() + self.offset

    def monotonic(self) -> float:
        """See Clock. It runs on while the process is frozen."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See Clock."""
        await self._clock.sleep(max(0.0, seconds))
        await self.pass_on()


class Network:
    """The `Api` port of one operator. What is sent travels on by itself, whatever becomes of its sender."""

    def __init__(
        self,
        api: MemoryApi,
        clock: VirtualClock,
        process: Process,
        random: Random,
        weather: Weather,
        before: Callable[[Sent], Awaitable[None]],
        landing: Callable[[Sent], Landed],
    ) -> None:
        self._api = api
        self._clock = clock
        self._process = process
        self._random = random
        self._weather = weather
        self._landing = landing
        self._before = before
        self.leads: Callable[[], bool] = lambda: True

    async def list_page(
        self,
        kind: Kind,
        *,
        namespace: str = "",
        selector: str = "",
        fields: str = "",
        limit: int = 500,
        continue_token: str = "",
    ) -> Page:
        """See Api."""
        key = ObjectKey(kind, namespace, "")
        call = lambda: self._api.list_page(  # noqa: E731
            kind, namespace=namespace, selector=selector, fields=fields, limit=limit, continue_token=continue_token
        )
        return await self._request("list", key, call)

    async def get(self, key: ObjectKey) -> bytes:
        """See Api."""
        return await self._request("get", key, lambda: self._api.get(key))

    async def create(self, kind: Kind, namespace: str, body: Document, *, dry_run: bool = False) -> bytes:
        """See Api."""
        key = ObjectKey(kind, namespace, body["metadata"]["name"])
        verb = "try" if dry_run else "create"
        return await self._request(verb, key, lambda: self._api.create(kind, namespace, body, dry_run=dry_run))

    async def patch(self, key: ObjectKey, body: Document, *, subresource: str = "") -> bytes:
        """See Api."""
        return await self._request("patch", key, lambda: self._api.patch(key, body, subresource=subresource), body)

    async def update_status(self, key: ObjectKey, *, uid: str, version: str, status: Document) -> bytes:
        """See Api."""
        call = lambda: self._api.update_status(key, uid=uid, version=version, status=status)  # noqa: E731
        return await self._request("update", key, call, {"status": status})

    async def delete(self, key: ObjectKey, *, uid: str, version: str = "", grace_seconds: int | None = None) -> None:
        """See Api."""
        await self._request(
            "delete", key, lambda: self._api.delete(key, uid=uid, version=version, grace_seconds=grace_seconds)
        )

    async def warm(self, connections: int) -> None:
        """See Api."""
        await self._travel()

    async def watch(
        self, kind: Kind, *, resource_version: str, namespace: str = "", selector: str = ""
    ) -> AsyncIterator[WatchEvent]:
        """See Api. Each kind comes with a delay of its own; a connection may break without a word."""
        await self._travel()
        if self._random.random() < self._weather.errors / 2:
            raise WatchExpiredError("the version is too old") if self._random.random() < 0.3 else self._error()
        async for event in self._api.watch(
            kind, resource_version=resource_version, namespace=namespace, selector=selector
        ):
            await self._clock.sleep(self._delay())
            await self._process.pass_on()
            if self._process.cut:
                await self._clock.sleep(_TIMEOUT)
                raise ApiError(0, "Silent", "the connection must be dead")
            yield event
            if self._random.random() < self._weather.drops:
                return

    async def _request(
        self, verb: str, key: ObjectKey, call: Callable[[], Awaitable[T]], body: Document | None = None
    ) -> T:
        writes = verb in ("create", "patch", "update", "delete") and key.kind is not Kind.LEASE
        if writes and not self.leads():
            self._landing(Sent(self._process.name, f"{verb} sent without a lease", key))
        # Whoever is stopped here, after the look at the lease, sends too late: nothing can keep that back.
        await self._process.pass_on()
        carried: asyncio.Future[T] = asyncio.ensure_future(
            self._carry(Sent(self._process.name, verb, key, False, body, self._clock.now()), call)
        )
        # A sender that is gone leaves nobody to hear of an error.
        carried.add_done_callback(lambda done: done.cancelled() or done.exception())
        answer = await asyncio.shield(carried)
        await self._process.pass_on()
        return answer

    async def _carry(self, sent: Sent, call: Callable[[], Awaitable[T]]) -> T:
        await self._travel()
        lost = self._random.random() < self._weather.errors
        if (
            self._process.cut
            or (lost and self._random.random() < 0.6)
            or (self._process.dead and self._random.random() < 0.5)
        ):
            if self._process.cut:
                await self._clock.sleep(_TIMEOUT)
            raise self._error()
        late = self._process.dead or self._process.frozen or not self.leads()
        await self._before(sent)
        landed = self._landing(replace(sent, late=late))
        try:
            answer = await call()
        except ApiError:
            landed(False)
            raise
        landed(True)
        await self._travel()
        if lost or self._process.cut:
            # It took effect, and nobody is told.
            raise ApiError(504, "Timeout", "the answer was lost")
        return answer

    async def _travel(self) -> None:
        await self._clock.sleep(self._delay() / 4)

    def _delay(self) -> float:
        slow = self._random.random() < self._weather.slow
        return self._random.uniform(0.5, 4.0) if slow else self._random.expovariate(1 / 0.01)

    def _error(self) -> ApiError:
        status, reason = self._random.choice(_ERRORS)
        return ApiError(status, reason, "bad weather", 1.0 if status == 429 else None)
