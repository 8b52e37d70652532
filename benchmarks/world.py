"""A fresh API server for one measurement, the processes beside it, and the API server's own count of requests.

Callers: lag, idle.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.control_plane import ControlPlane

ROOT = Path(__file__).resolve().parents[1]
WRITES = ("POST", "PUT", "PATCH", "APPLY", "DELETE")
_REQUEST = re.compile(r"apiserver_request_total\{(.*)\} (\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


class World:
    """etcd and an API server (and a controller manager, if asked for), with our CRDs and a namespace `bench`."""

    def __init__(self, control_plane: ControlPlane, logs: Path) -> None:
        self.control_plane = control_plane
        self.logs = logs
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, output: Path | None = None) -> subprocess.Popen[bytes]:
        """`python -m ARGUMENTS` against this API server."""
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.control_plane.kubeconfig),
            "PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'hack'}:{ROOT}",
        }
        out = (output or self.logs / f"{arguments[0]}.out").open("wb")
        log = (self.logs / f"{arguments[0]}.log").open("wb")
        process = subprocess.Popen([sys.executable, "-m", *arguments], env=environment, stdout=out, stderr=log)
        self._running.append(process)
        return process

    def start_operator(self) -> subprocess.Popen[bytes]:
        """Our operator, as shipped; returns once it leads."""
        process = self.start("crontask.cli.main", "operator", "--probe-port", "0")
        log = self.logs / "crontask.cli.main.log"
        self.until("the operator leads", lambda: "leading as" in log.read_text())
        return process

    def create(self, documents: Sequence[dict[str, Any]]) -> None:
        """Create the objects, in the namespace `bench`."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
        self.control_plane.kubectl("-n", "bench", "create", "-f", "-", stdin=text)

    def requests(self) -> Counter[tuple[str, str, str]]:
        """Successful requests so far by (verb, resource, subresource), from the API server's own metrics."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for line in self.control_plane.kubectl("get", "--raw", "/metrics").splitlines():
            found = _REQUEST.match(line)
            if found is None:
                continue
            labels = dict(_LABEL.findall(found[1]))
            if labels.get("code", "").startswith("2"):
                counts[labels["verb"], labels["resource"], labels["subresource"]] += int(float(found[2]))
        return counts

    def until(self, what: str, condition: Callable[[], Any], seconds: float = 60) -> None:
        """Wait for a condition, or raise TimeoutError."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.2)

    def stop(self) -> None:
        """End every process that was started here."""
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def world(controller_manager: Sequence[str] | None = None) -> Iterator[World]:
    """A fresh world; everything in it ends with the block."""
    arguments = None if controller_manager is None else list(controller_manager)
    with tempfile.TemporaryDirectory() as logs, ControlPlane(controller_manager_args=arguments) as control_plane:
        control_plane.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        control_plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        control_plane.kubectl("create", "namespace", "bench")
        started = World(control_plane, Path(logs))
        try:
            yield started
        finally:
            started.stop()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_megabytes(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
