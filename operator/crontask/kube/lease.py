"""Which operator leads: a Lease, taken, renewed and given up.

Ours, not the official client's elector: the write gate needs to know how much time is left on a clock that
runs on while the process is stopped, and a lease that is given up must be taken at once. The Lease is for speed: what
makes two operators harmless are names and the watermark.
"""

import logging
from datetime import UTC, datetime

import orjson

from crontask.ports import Api, ApiError, Clock, Document, Kind, ObjectKey

# Seconds past the end of a lease at which it has run out for sure.
_INSTANT = 0.01
# A pause that lasts longer by so many seconds: the process was stopped, or starved.
_STOOD_STILL = 1.0
_log = logging.getLogger(__name__)


class Lease:
    """One candidate. Durations in seconds."""

    def __init__(
        self,
        api: Api,
        clock: Clock,
        namespace: str,
        name: str,
        identity: str,
        duration: int = 15,
        renew_every: float = 5.0,
        look_every: float = 1.0,
    ) -> None:
        self._api = api
        self._clock = clock
        self._key = ObjectKey(Kind.LEASE, namespace, name)
        self._identity = identity
        self._duration = duration
        self._renew_every = renew_every
        self._look_every = look_every
        self._held_until = float("-inf")
        # When the API server did not answer, or this process stood still: what came by watches may be old since.
        self.troubled_at = float("-inf")
        self._version = ""
        # What another holder wrote last, and since when we have seen it unchanged; when that will have been too long.
        self._seen: tuple[str, float] = ("", 0.0)
        self._expires_at = float("-inf")

    def time_left(self) -> float:
        """Seconds for which nobody else may lead; negative once they have passed."""
        return self._held_until - self._clock.monotonic()

    async def acquire(self) -> None:
        """Wait until we lead."""
        while True:
            try:
                if await self._try():
                    _log.info("leading as %s", self._identity)
                    return
            except ApiError as error:
                self.troubled_at = self._clock.monotonic()
                _log.warning("the lease cannot be read or written: %s", error)
            await self._sleep(self._until_next_look())

    async def hold(self) -> None:
        """Renew until the lease is lost, then return. A failed renewal is tried again each second."""
        pause = self._renew_every
        while True:
            await self._sleep(pause)
            try:
                if not await self._try():
                    _log.warning("another operator leads")
                    self._held_until = float("-inf")
                    return
                pause = self._renew_every
            except ApiError as error:
                self.troubled_at = self._clock.monotonic()
                _log.warning("the lease was not renewed: %s", error)
                pause = self._look_every
                if self.time_left() <= 0:
                    return

    async def release(self) -> None:
        """Give the lease up, so that a standby takes it at once; nobody renews it any more.

        A renewal whose answer nobody waited for may have been written: it is given up as it is then.
        """
        if self.time_left() <= 0:
            return
        self._held_until = float("-inf")
        try:
            if not await self._give_up(self._version):
                known = orjson.loads(await self._api.get(self._key))
                if (known.get("spec") or {}).get("holderIdentity") == self._identity:
                    await self._give_up(known["metadata"]["resourceVersion"])
        except ApiError as error:
            _log.warning("the lease was not given up: %s", error)

    async def _give_up(self, version: str) -> bool:
        """Whether it is still as it was then."""
        try:
            await self._api.patch(self._key, {"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": ""}})
        except ApiError as error:
            if error.status != 409:
                raise
            return False
        return True

    async def _try(self) -> bool:
        """Take or renew the lease if it is ours, free or expired. The time left counts from before the request."""
        before = self._clock.monotonic()
        try:
            known = orjson.loads(await self._api.get(self._key))
        except ApiError as error:
            if error.status != 404:
                raise
            return await self._create(before)
        spec = known.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        version = known["metadata"]["resourceVersion"]
        if holder not in ("", self._identity) and not self._expired(version, spec):
            return False
        transitions = int(spec.get("leaseTransitions") or 0) + (holder != self._identity)
        patch = {"metadata": {"resourceVersion": version}, "spec": self._spec(transitions, holder != self._identity)}
        try:
            raw = await self._api.patch(self._key, patch)
        except ApiError as error:
            if error.status != 409:
                raise
            return False
        self._took(before, raw)
        return True

    async def _create(self, before: float) -> bool:
        body: Document = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._key.name, "namespace": self._key.namespace},
            "spec": self._spec(0, True),
        }
        try:
            raw = await self._api.create(Kind.LEASE, self._key.namespace, body)
        except ApiError as error:
            if error.status != 409:
                raise
            return False
        self._took(before, raw)
        return True

    def _took(self, before: float, raw: bytes) -> None:
        self._held_until = before + self._duration
        self._version = orjson.loads(raw)["metadata"]["resourceVersion"]

    def _spec(self, transitions: int, taken: bool) -> Document:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec: Document = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": self._duration,
            "renewTime": now,
            "leaseTransitions": transitions,
        }
        return {**spec, "acquireTime": now} if taken else spec

    def _expired(self, version: str, spec: Document) -> bool:
        """Whether we have watched the record unchanged for its whole duration: clocks of others are not compared."""
        now = self._clock.monotonic()
        if self._seen[0] != version:
            self._seen = (version, now)
        self._expires_at = self._seen[1] + float(spec.get("leaseDurationSeconds") or self._duration)
        return now > self._expires_at

    async def _sleep(self, seconds: float) -> None:
        began = self._clock.monotonic()
        await self._clock.sleep(seconds)
        if self._clock.monotonic() - began > seconds + _STOOD_STILL:
            self.troubled_at = self._clock.monotonic()

    def _until_next_look(self) -> float:
        """A pause that does not reach past the instant at which the lease of another runs out."""
        left = self._expires_at - self._clock.monotonic()
        return min(self._look_every, left + _INSTANT) if left > 0 else self._look_every
