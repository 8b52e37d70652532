"""What the command line and the import of the SDK take: processor time of the process, beside a bare interpreter's.

Each short one has its budget in milliseconds beyond the bare interpreter; `of_budget` is the part of it that is used.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.world import ROOT

_TASK = ROOT / "examples" / "every-minute.yaml"
_YEARLY = """\
apiVersion: crontask.dev/v1alpha1
kind: CronTask
metadata: {name: yearly}
spec: {schedule: "0 9 1 1 *", handler: {container: {image: busybox}}}
"""
_ROUNDS, _LONG_ROUNDS = 21, 3
# The exit code of a command whose API server is away.
_NOT_REACHED = 9


@dataclass(frozen=True)
class _Process:
    """A command, how it ends, and how many milliseconds of processor beyond a bare interpreter it may take."""

    command: list[str]
    budget: int | None = None
    code: int = 0
    environment: dict[str, str] = field(default_factory=dict)


def measure() -> list[dict[str, Any]]:
    """Milliseconds of processor, medians of rounds in which all take turns; compiled modules are there."""
    load = os.getloadavg()[0]
    with TemporaryDirectory() as folder, _api_server(folder) as (answering, away):
        yearly = os.path.join(folder, "yearly.yaml")
        with open(yearly, "w", encoding="utf-8") as file:
            file.write(_YEARLY)
        bare = {"a bare interpreter": _Process([sys.executable, "-c", "pass"])}
        short = {**bare, **_short(answering, away)}
        rows = _in_turn(short, _ROUNDS)
        rows += _in_turn(_long(yearly), _LONG_ROUNDS)
    least = rows[0]["milliseconds"]
    budgets = {name: process.budget for name, process in short.items() if process.budget is not None}
    return [{**row, **_beyond(row, least, budgets), "load": round(load, 2)} for row in rows]


def _beyond(row: dict[str, Any], least: float, budgets: dict[str, int]) -> dict[str, Any]:
    more = round(row["milliseconds"] - least, 1)
    budget = budgets.get(row["variant"])
    of_budget = {} if budget is None else {"budget": budget, "of_budget": round(more / budget, 2)}
    return {"more": more, **of_budget}


def _short(answering: str, away: str) -> dict[str, _Process]:
    """`answering`, `away`: kubeconfigs of an API server that answers, and of one that refuses to be connected to."""
    return {
        "from crontask import Client": _Process([sys.executable, "-c", "from crontask import Client; Client"], 150),
        "--help": _command("--help", budget=250),
        "next -f": _command("next", "-f", str(_TASK), budget=350),
        "validate -f": _command("validate", "-f", str(_TASK)),
        "list, until its request": _command("list", budget=450, code=_NOT_REACHED, KUBECONFIG=away),
        "list, answered": _command("list", KUBECONFIG=answering),
        "a TAB, answered": _command("completion", "--complete", "--", "history", "t", budget=600, KUBECONFIG=answering),
    }


def _long(yearly: str) -> dict[str, _Process]:
    years = ("--from", "2026-01-02T00:00:00Z", "--to", "2036-01-02T00:00:00Z")
    year = ("--from", "2026-01-01T00:00:00Z", "--to", "2027-01-01T00:00:00Z")
    return {
        "simulate, ten runs in ten years": _command("simulate", "-f", yearly, *years),
        "simulate, a year of each minute": _command("simulate", "-f", str(_TASK), *year),
    }


def _command(*arguments: str, budget: int | None = None, code: int = 0, **environment: str) -> _Process:
    return _Process([sys.executable, "-m", "crontask.cli.main", *arguments], budget, code, environment)


class _Tasks(BaseHTTPRequestHandler):
    """An API server with one task, as a list and as a table."""

    def do_GET(self) -> None:
        metadata = {"name": "task", "namespace": "default"}
        table = {
            "columnDefinitions": [{"name": "Name"}],
            "rows": [{"cells": ["task"], "object": {"metadata": metadata}}],
        }
        body = json.dumps({"metadata": {"resourceVersion": "1"}, "items": [{"metadata": metadata}], **table}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing is written of requests."""


@contextmanager
def _api_server(folder: str) -> Iterator[tuple[str, str]]:
    """Kubeconfigs of it, and of one to which there is no connection: by TLS, as with any real one."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tasks)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        # Port 9 is nobody's.
        away = {"server": "https://127.0.0.1:9", "insecure-skip-tls-verify": True}
        answering = {"server": f"http://127.0.0.1:{server.server_address[1]}"}
        yield _kubeconfig(folder, "answering", answering), _kubeconfig(folder, "away", away)
    finally:
        server.shutdown()
        server.server_close()


def _kubeconfig(folder: str, name: str, cluster: dict[str, Any]) -> str:
    named = {"name": name, "cluster": cluster}
    context = {"name": name, "context": {"cluster": name}}
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"current-context": name, "clusters": [named], "contexts": [context]}, file)
    return path


def _in_turn(processes: dict[str, _Process], rounds: int) -> list[dict[str, Any]]:
    for process in processes.values():
        _processor(process)
    taken: dict[str, list[float]] = {name: [] for name in processes}
    for _ in range(rounds):
        for name, process in processes.items():
            taken[name].append(_processor(process))
    return [{"variant": name, "milliseconds": round(median(times), 1)} for name, times in taken.items()]


def _processor(measured: _Process) -> float:
    """Milliseconds of processor that a process takes from its start to its end, in user and system mode."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator"), **measured.environment}
    silent = subprocess.DEVNULL
    process = subprocess.Popen(
        measured.command, env=environment, stdout=silent, stderr=silent if measured.code else None
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != measured.code:
        raise subprocess.CalledProcessError(process.returncode, measured.command)
    return 1000 * (used.ru_utime + used.ru_stime)
