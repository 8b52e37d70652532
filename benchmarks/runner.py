"""The runner's start: from the start of its process to its end, for work that takes no time; beside a bare
interpreter.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from statistics import median
from tempfile import NamedTemporaryFile
from typing import Any

from benchmarks.world import ROOT

_ROUNDS = 21


class _Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


def measure() -> list[dict[str, Any]]:
    """Milliseconds, medians of rounds in which all take turns."""
    load = os.getloadavg()[0]
    with _server() as port:
        commands = {
            "a bare interpreter": ([sys.executable, "-c", "pass"], {}),
            "python": _runner("python", {"entrypoint": "handler", "source": "def handler(ctx): pass"}),
            "http": _runner("http", {"url": f"http://127.0.0.1:{port}/", "method": "POST", "headers": []}),
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(_ROUNDS):
            for name, (command, handler) in commands.items():
                taken[name].append(_milliseconds(command, handler))
    bare = median(taken["a bare interpreter"])
    return [
        {
            "variant": name,
            "milliseconds": round(median(times), 1),
            "more": round(median(times) - bare, 1),
            "load": round(load, 2),
        }
        for name, times in taken.items()
    ]


def _runner(verb: str, handler: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    return [sys.executable, "-m", "crontask.runner", verb], handler


def _milliseconds(command: list[str], handler: dict[str, Any]) -> float:
    with NamedTemporaryFile() as message:
        environment = runner_environment(handler, message.name)
        began = time.perf_counter()
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        return 1000 * (time.perf_counter() - began)


def runner_environment(handler: dict[str, Any], message: str) -> dict[str, str]:
    """What the operator would give to a process of the runner that writes its message there."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT / "operator"),
        "CRONTASK_NAMESPACE": "bench",
        "CRONTASK_RUN": "run",
        "CRONTASK_RUN_UID": "uid",
        "CRONTASK_ATTEMPT": "1",
        "CRONTASK_SCHEDULED_TIME": "2026-03-01T12:00:00Z",
        "CRONTASK_IDEMPOTENCY_KEY": "uid",
        "CRONTASK_ARGS": "{}",
        "CRONTASK_HANDLER": json.dumps(handler),
        "CRONTASK_MESSAGE_PATH": message,
    }


@contextmanager
def _server() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Answering)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
