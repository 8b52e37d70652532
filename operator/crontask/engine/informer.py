"""Keeps what is known in step with the API server: list in pages, then watch, for ever."""

import asyncio
import logging

import msgspec

from crontask.ports import Api, ApiError, Clock, Informed, Kind, WatchExpiredError

PODS_ALIVE = "status.phase!=Succeeded,status.phase!=Failed"
_FIRST_BACKOFF = 0.1
_LONGEST_BACKOFF = 5.0
# A watch that lasted so long was a good one: what ends it is no reason to wait.
_GOOD_SECONDS = 5.0
# After a fault so long ago, a watch has delivered all that happened in it: it would have broken again, or timed out.
_SETTLED_SECONDS = 60.0
_log = logging.getLogger(__name__)


class _Meta(msgspec.Struct, rename="camel"):
    uid: str = ""
    resource_version: str = ""


class _Object(msgspec.Struct):
    metadata: _Meta


_decode_meta = msgspec.json.Decoder(_Object).decode


class Informer:
    """Hands every object of a kind, and each change, to `informed`. `synced` is set after the first whole list.

    `namespace`: only what is in it.
    """

    def __init__(
        self, api: Api, clock: Clock, kind: Kind, informed: Informed, selector: str = "", namespace: str = ""
    ) -> None:
        self._api = api
        self._clock = clock
        self._kind = kind
        self._informed = informed
        self._selector = selector
        self._namespace = namespace
        # What it lists and watches, for log lines.
        self.what = f"{kind.plural} in namespace {namespace}" if namespace else kind.plural
        self._version = ""
        # How many changes the watches have delivered.
        self._delivered = 0
        self._listed_at = self._troubled_at = float("-inf")
        self.synced = asyncio.Event()
        # How often the watch was refused, broke, or ended at once.
        self.restarts = 0

    @property
    def kind(self) -> Kind:
        """What it watches."""
        return self._kind

    async def run(self) -> None:
        """List and watch until cancelled. Errors are waited out, with growing pauses."""
        failures = 0
        while True:
            began, delivered = self._clock.monotonic(), self._delivered
            try:
                if not self._version:
                    await self._list()
                await self._watch()
                failed = False
            except WatchExpiredError:
                _log.info("the watch of %s is too far behind: listing again", self.what)
                self._version = ""
                failed = True
            except ApiError as error:
                if error.status == 410:
                    self._version = ""
                _log.warning("%s cannot be watched: %s", self.what, error)
                failed = True
            if failed:
                self._troubled_at = self._clock.monotonic()
            # In a burst, the server drops who falls behind: what is left to deliver is asked for at once. A server that
            # closes each watch before it has delivered anything must not make us spin.
            vain = self._delivered == delivered and self._clock.monotonic() - began < _GOOD_SECONDS
            failures = failures + 1 if failed or vain else 0
            self.restarts += failed or vain
            if failures > 1 or (failed and failures):
                await self._clock.sleep(self._pause(failures))

    async def catch_up(self, troubled_at: float) -> None:
        """Ask what there is now, as far as what the watch has delivered may be old. Errors are waited out.

        A watch that was broken, and has begun again where it was, does not say when it has delivered all: then,
        everything is listed. `troubled_at`: when others met a fault last. Without a fault it is behind by no more than
        news travel; but as a pod more may be one too many, those that run are asked for all the same.
        """
        behind, failures = self._may_be_behind(troubled_at), 0
        while behind or self._kind is Kind.POD:
            try:
                await (self._list() if behind else self._list_pages(PODS_ALIVE))
                return
            except ApiError as error:
                _log.warning("%s cannot be listed: %s", self.what, error)
                failures += 1
                await self._clock.sleep(self._pause(failures))

    def _may_be_behind(self, troubled_at: float) -> bool:
        last = max(self._troubled_at, troubled_at)
        return last >= self._listed_at and self._clock.monotonic() - last < _SETTLED_SECONDS

    def _pause(self, failures: int) -> float:
        exponential = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(failures - 1, 10))
        # Spread by the clock's own fraction, so that many clients do not come back together.
        return exponential * (0.75 + 0.5 * (self._clock.monotonic() % 1.0))

    async def _list(self) -> None:
        """Hand every object of the kind to the store; the whole list sweeps what vanished meanwhile."""
        began = self._clock.monotonic()
        alive, self._version = await self._list_pages()
        self._informed.on_listed(self._kind, alive, self._version, self._namespace)
        self._listed_at = began
        if not self.synced.is_set():
            _log.info("%s listed: %d", self.what, len(alive))
        self.synced.set()

    async def _list_pages(self, fields: str = "") -> tuple[set[str], str]:
        """The UIDs that were listed, and the version of the list."""
        alive: set[str] = set()
        token = ""
        while True:
            page = await self._api.list_page(
                self._kind,
                namespace=self._namespace,
                selector=self._selector,
                fields=fields,
                continue_token=token,
            )
            for raw in page.items:
                alive.add(_decode_meta(raw).metadata.uid)
                self._informed.on_object(self._kind, raw)
            token = page.continue_token
            if not token:
                return alive, page.resource_version

    async def _watch(self) -> None:
        async for event in self._api.watch(
            self._kind, resource_version=self._version, namespace=self._namespace, selector=self._selector
        ):
            if event.type == "DELETED":
                self._informed.on_deleted(self._kind, event.object)
            elif event.type != "BOOKMARK":
                self._informed.on_object(self._kind, event.object)
            self._delivered += event.type != "BOOKMARK"
            self._version = _decode_meta(event.object).metadata.resource_version or self._version
