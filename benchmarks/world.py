"""A fresh API server for one measurement, the processes beside it, and the API server's own count of requests."""

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
MEASURED = ("pods", "events", "crontasks", "scheduledruns", "cronjobs", "jobs")
"""The resources whose writes are counted: neither Leases nor what the API server keeps for itself."""
_REQUEST = re.compile(r"apiserver_request_total\{(.*)\} (\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


class MeasurementError(Exception):
    """What was to be measured did not happen: the world broke, or ran out of time."""


class World:
    """etcd and an API server (and a controller manager, if asked for), with our CRDs and a namespace `bench`."""

    def __init__(self, control_plane: ControlPlane, logs: Path) -> None:
        self.control_plane = control_plane
        self.logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *arguments: str, output: Path | None = None) -> subprocess.Popen[bytes]:
        """`python -m ARGUMENTS` against this API server."""
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.control_plane.kubeconfig),
            "PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'hack'}:{ROOT}",
        }
        with (output or self.logs / f"{arguments[0]}.out").open("wb") as out, self.log(arguments[0]).open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", *arguments], env=environment, stdout=out, stderr=log)
        self._running[arguments[0]] = process
        return process

    def log(self, module: str) -> Path:
        """What a process that was started here says on standard error."""
        return self.logs / f"{module}.log"

    def start_and_wait(self, *arguments: str, says: str, output: Path | None = None) -> subprocess.Popen[bytes]:
        """The same, and wait until its log says so."""
        process = self.start(*arguments, output=output)
        log = self.log(arguments[0])
        self.until(f"{arguments[0]} says {says!r}", lambda: says in log.read_text())
        return process

    def start_operator(self) -> subprocess.Popen[bytes]:
        """Our operator, as shipped; returns once it leads."""
        return self.start_and_wait("crontask.cli.main", "operator", "--probe-port", "0", says="leading as")

    def cpu(self) -> float:
        """Seconds of processor time so far of who starts the pods: the operator, or the controller manager."""
        pid = self._starter()
        return cpu_seconds(pid) if pid is not None else 0.0

    def cpu_of(self, component: str) -> float:
        """The same of `etcd` or `kube-apiserver`."""
        pid = self.control_plane.pid(component)
        if pid is None:
            raise MeasurementError(f"{component} does not run")
        return cpu_seconds(pid)

    def starter(self) -> int:
        """The process of who starts the pods."""
        pid = self._starter()
        if pid is None:
            raise MeasurementError("there is neither an operator nor a controller manager")
        return pid

    def _starter(self) -> int | None:
        operator = self._running.get("crontask.cli.main")
        return operator.pid if operator is not None else self.control_plane.pid("kube-controller-manager")

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
        """Wait for a condition, or raise MeasurementError: out of time, or a process ended by itself."""
        if not self.wait_at_most(condition, seconds):
            raise MeasurementError(f"not within {seconds:.0f} s: {what}")

    def wait_at_most(self, condition: Callable[[], Any], seconds: float) -> bool:
        """Whether the condition came true in time. MeasurementError: a process ended by itself."""
        end = time.monotonic() + seconds
        while not condition():
            self._fail_if_one_ended()
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
        return True

    def settle(self, seconds: float = 60) -> bool:
        """Wait until three seconds pass without an object written; whether that came in time."""
        end = time.monotonic() + seconds
        last, quiet = -1, 0
        while quiet < 3 and time.monotonic() < end:
            total = sum(n for key, n in self.requests().items() if key[0] in WRITES and key[1] in MEASURED)
            quiet = quiet + 1 if total == last else 0
            last = total
            time.sleep(1)
        return quiet >= 3

    def until_tasks_have_status(self, tasks: int) -> None:
        """Wait until the operator has seen and accepted each CronTask, and writes no more."""
        self.until("every task has a status", lambda: self.requests()["PUT", "crontasks", "status"] >= tasks)
        self.settle()

    def _fail_if_one_ended(self) -> None:
        for module, process in self._running.items():
            if process.poll() is not None:
                said = self.log(module).read_text()[-1000:]
                raise MeasurementError(f"{module} ended with exit code {process.returncode}: {said}")

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End one process as Kubernetes would, and wait for its end."""
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        self.forget(process)

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """One that may have ended."""
        self._running = {module: known for module, known in self._running.items() if known is not process}

    def stop(self) -> None:
        """End every process that was started here."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        for process in self._running.values():
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


def busy_seconds() -> float:
    """How long the cores of the machine have worked so far, all together."""
    user, nice, system, _, _, irq, softirq, *_ = Path("/proc/stat").read_text().split(maxsplit=10)[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) / os.sysconf("SC_CLK_TCK")


def rss_megabytes(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
