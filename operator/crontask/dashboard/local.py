"""The page on one's own machine: a free port of the loopback, a prefix that nobody guesses, a code to come in."""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
import webbrowser
from collections.abc import Callable
from html import escape
from pathlib import Path

from aiohttp import web

from crontask.client import AsyncCluster
from crontask.client.answers import DEEPEST
from crontask.dashboard import http
from crontask.dashboard.desk import Desk
from crontask.dashboard.entry import LocalEntry
from crontask.dashboard.guard import Site
from crontask.dashboard.server import application
from crontask.dashboard.visitor import Visitor

_HOST = "127.0.0.1"
_OPENER = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>crontask</title>
<form method="post" action="{action}"><input type="hidden" name="code" value="{code}"><button>Open</button></form>
<script>document.forms[0].submit()</script></html>
"""


class PortTakenError(Exception):
    """The port cannot be listened on: why, and what to write instead."""


def serve(cluster: AsyncCluster, port: int, *, begin: str, browser: bool, say: Callable[[str], object]) -> None:
    """Serve until interrupted. `begin`: the namespace where one begins, as in an address.

    Raises errors.ClientError where the API server does not know us, and PortTakenError."""
    # Of each object that somebody has mangled it says so each time that it is read.
    logging.getLogger("crontask.engine.parse").setLevel(logging.ERROR)
    # Of objects as deep as the API server takes them, as the operator reads them.
    sys.setrecursionlimit(DEEPEST)
    asyncio.run(_serve(cluster, port, begin, browser, say))


async def _serve(cluster: AsyncCluster, port: int, begin: str, browser: bool, say: Callable[[str], object]) -> None:
    visitor, ending = Visitor(cluster), _interrupted()
    async with cluster, contextlib.AsyncExitStack() as stack:
        await visitor.introduce()
        entry, prefix = LocalEntry(visitor), f"/{secrets.token_urlsafe(16)}"
        listening = _listening(port)
        bound = listening.getsockname()[1]
        origins = frozenset(f"http://{name}:{bound}" for name in (_HOST, "localhost"))
        desk = Desk(Site(origins, prefix), entry, cluster.access.server, begin)
        runner = http.runner(application(desk))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, listening).start()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crontask-")))
        opener = folder / "open.html"
        address = f"http://{_HOST}:{bound}{prefix}"

        def invite() -> None:
            _write(opener, _OPENER.format(action=escape(f"{address}/login"), code=escape(entry.code.draw())))
            if browser and webbrowser.open(opener.as_uri()):
                say(f"crontask is open in your browser, as {visitor.name}. Ctrl-C ends it; Enter opens it again.")
            else:
                say(f"Open {opener.as_uri()} within a minute, or {address}/ with the code of it.")
                say("Enter makes a new code; Ctrl-C ends it.")

        invite()
        _on_enter(invite)
        await ending.wait()


def _interrupted() -> asyncio.Event:
    """Set once somebody ends the program: the file and the open streams are to go with it."""
    ending = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    return ending


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except OSError as error:
        message = f"{_HOST}:{port} cannot be listened on: {error.strerror}; write another --port, or 0 for a free one"
        raise PortTakenError(message) from error


def _write(path: Path, text: str) -> None:
    """A file that nobody else reads."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _on_enter(act: Callable[[], None]) -> None:
    """Each line of a terminal."""
    if not sys.stdin or not sys.stdin.isatty():
        return
    loop = asyncio.get_running_loop()

    def read() -> None:
        if sys.stdin.readline():
            act()
        else:
            loop.remove_reader(sys.stdin)

    loop.add_reader(sys.stdin, read)
