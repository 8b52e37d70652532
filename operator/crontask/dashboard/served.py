"""The page for many, in the cluster: at an address of its own, each with their own token, tasks and runs read once."""

import asyncio
import contextlib
import logging
import signal
import sys
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from aiohttp import web

from crontask.client import AsyncCluster
from crontask.client.answers import DEEPEST
from crontask.dashboard import http
from crontask.dashboard.desk import Desk
from crontask.dashboard.entry import ProxyEntry, TokenEntry, VisitorOf
from crontask.dashboard.guard import Site
from crontask.dashboard.server import application
from crontask.dashboard.shared import SharedObjects, SharedReader
from crontask.dashboard.visitor import Visitor

LOGINS = ("token", "proxy")
_PORTS = {"http": 80, "https": 443}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class BadAddressError(ValueError):
    """The address of the page cannot be meant: why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where it listens, by which address it is reached, and how people log in. `host` may be empty: see `listens`."""

    host: str
    port: int
    url: str
    login: str = "token"

    @property
    def listens(self) -> str:
        """Where: as asked for; else on all addresses, without TLS on this machine alone: others would reach it."""
        parts = urlsplit(self.url)
        loopback = "::1" if parts.hostname == "::1" else "127.0.0.1"
        return self.host or (loopback if parts.scheme == "http" else "0.0.0.0")

    def site(self) -> Site:
        """Raises BadAddressError."""
        parts = urlsplit(self.url)
        more = parts.query or parts.fragment or parts.username is not None
        if parts.scheme not in _PORTS or not parts.hostname or more or not _has_good_port(parts):
            raise BadAddressError(
                f"--url is {self.url!r}; write the address of the page, like https://cron.example.com"
            )
        if parts.path not in ("", "/"):
            raise BadAddressError(f"--url has the path {parts.path}; the page needs a host name of its own")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise BadAddressError("--url has no TLS, and tokens would be read on the way; write https://")
        # As browsers write it: without the port that they would ask at anyway.
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        port = f":{parts.port}" if parts.port not in (None, _PORTS[parts.scheme]) else ""
        return Site(frozenset({f"{parts.scheme}://{host}{port}"}))


def _has_good_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def serve(cluster: AsyncCluster, served: Served) -> None:
    """Serve until interrupted. `cluster`: with the credentials of the page itself."""
    logging.getLogger("crontask.engine.parse").setLevel(logging.ERROR)
    # Of objects as deep as the API server takes them, as the operator reads them.
    sys.setrecursionlimit(DEEPEST)
    asyncio.run(_serve(cluster, served, served.site()))


async def _serve(cluster: AsyncCluster, served: Served, site: Site) -> None:
    shared = SharedObjects(cluster)

    def furnish(visitor: Visitor) -> None:
        visitor.reader = SharedReader(visitor.cluster, visitor.rights, shared)

    make = VisitorOf(cluster.access, furnish)
    entry = ProxyEntry(make) if served.login == "proxy" else TokenEntry(make)
    desk = Desk(site, entry, "", cluster.namespace, ready=lambda: shared.ready)
    ending = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    async with cluster:
        reading = asyncio.create_task(shared.run())
        runner = http.runner(application(desk))
        await runner.setup()
        try:
            await web.TCPSite(runner, served.listens, served.port).start()
            await ended_by(ending, reading)
        finally:
            await runner.cleanup()
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading


async def ended_by(ending: asyncio.Event, reading: "asyncio.Task[None]") -> None:
    """Wait until somebody ends it. A page whose reading has died ends too, and is started anew: raises why."""
    asked = asyncio.create_task(ending.wait())
    try:
        await asyncio.wait((asked, reading), return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
    if reading.done():
        reading.result()
