"""The runner as a process, and a real HTTP server for it to call."""

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from crontask.runner.call import call
from crontask.runner.given import read_given
from crontask.runner.log import JsonFormatter
from crontask.runner.message import Report

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60


def environment(handler: dict[str, Any] | str, args: dict[str, Any] | None = None, /, **more: str) -> dict[str, str]:
    """What the operator gives."""
    return {
        "CRONTASK_NAME": "nightly",
        "CRONTASK_NAMESPACE": "shop",
        "CRONTASK_RUN": "nightly-1",
        "CRONTASK_RUN_UID": "uid-1",
        "CRONTASK_ATTEMPT": "2",
        "CRONTASK_SCHEDULED_TIME": "2026-03-01T12:00:00Z",
        "CRONTASK_PREVIOUS_SCHEDULED_TIME": "2026-02-28T12:00:00Z",
        "CRONTASK_NEXT_SCHEDULED_TIME": "",
        "CRONTASK_IDEMPOTENCY_KEY": "key-1",
        "CRONTASK_ARGS": json.dumps(args or {}),
        "CRONTASK_HANDLER": handler if isinstance(handler, str) else json.dumps(handler),
        **more,
    }


@dataclass
class Ended:
    """How a process of the runner ended, and all that it told."""

    code: int
    out: str
    err: str
    written: bytes

    @property
    def message(self) -> dict[str, Any]:
        """The termination message."""
        message = json.loads(self.written)
        assert isinstance(message, dict)
        return message

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The structured lines of the log."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    @property
    def everything(self) -> str:
        """All that anybody can read."""
        return self.out + self.err + self.written.decode()


class Process:
    """A runner under way."""

    def __init__(self, directory: Path, kind: str, variables: dict[str, str]) -> None:
        self._message = directory / "termination-log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRONTASK_", "PYTHON"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "crontask.runner", kind],
            env={
                **kept,
                "PYTHONPATH": str(ROOT / "operator"),
                "CRONTASK_MESSAGE_PATH": str(self._message),
                **variables,
            },
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._read = ""

    def wait_for(self, text: str) -> None:
        """Until a line with this text is printed."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._read += line
            if text in line:
                return
        raise AssertionError(f"ended without {text!r}: {self._read} {self.ended()}")

    def ended(self) -> Ended:
        """Wait for the end."""
        out, err = self.process.communicate(timeout=SECONDS)
        written = self._message.read_bytes() if self._message.exists() else b""
        return Ended(self.process.returncode, self._read + out, err, written)


def run(
    directory: Path, kind: str, handler: dict[str, Any] | str, args: dict[str, Any] | None = None, /, **more: str
) -> Ended:
    """Run the runner to its end."""
    return Process(directory, kind, environment(handler, args, **more)).ended()


def run_source(directory: Path, source: str, args: dict[str, Any] | None = None, /, **more: str) -> Ended:
    """Run a Python handler, the function `handler` of a source."""
    return run(directory, "python", {"entrypoint": "handler", "source": source}, args, **more)


def called(handler: dict[str, Any], args: dict[str, Any] | None = None, /, **more: str) -> Report:
    """The report of an http handler, called in this process."""
    variables = environment(handler, args, **more)
    return call(read_given(variables), variables, JsonFormatter())


@dataclass
class Asked:
    """A request that came. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What to answer. A None of `reason` is the usual one; `raw` is sent instead of all else."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    raw: bytes | None = None


@dataclass
class Server:
    """A server on 127.0.0.1."""

    url: str
    port: int
    asked: list[Asked]
    came: threading.Event


@contextmanager
def serve(answer: Callable[[Asked], Reply], tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server that answers so."""
    asked: list[Asked] = []
    came = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            one = Asked(self.command, self.path, headers, self.rfile.read(length))
            asked.append(one)
            came.set()
            reply = answer(one)
            self.close_connection = True
            if reply.raw is not None:
                self.wfile.write(reply.raw)
                return
            self.send_response(reply.status, reply.reason)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the tests say what came."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
        setattr(Handler, f"do_{method}", Handler._answer)

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Nothing: that clients go away is what some tests are about."""

    server = Quiet(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    port = server.server_address[1]
    try:
        yield Server(f"{'https' if tls else 'http'}://127.0.0.1:{port}", port, asked, came)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
