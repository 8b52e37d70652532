"""What integration tests share: commands, operators and a stand-in kubelet as processes, lists, waiting."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from bench import PATIENCE, looks

from cluster.control_plane import ControlPlane
from cluster.processes import ClusterError

ROOT = Path(__file__).resolve().parents[2]


class Processes(AbstractContextManager["Processes"]):
    """Operators and a stand-in kubelet, as processes, which end with the context."""

    def __init__(self, kubeconfig: Path, logs: Path) -> None:
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}"}
        self._logs = logs
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, kubeconfig: Path | None = None) -> subprocess.Popen[bytes]:
        """`python -m ARGUMENTS`, its output in a file; as the administrator, unless another kubeconfig is given."""
        environment = {**self._environment, **({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {})}
        log = (self._logs / f"{arguments[0]}-{len(self._running)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        self._running.append(process)
        return process

    def operator(self, *arguments: str, kubeconfig: Path | None = None) -> subprocess.Popen[bytes]:
        """An operator, with these arguments more."""
        usual = ("--probe-port", "0", "--lease-namespace", "default")
        return self.start("crontask.cli.main", "operator", *usual, *arguments, kubeconfig=kubeconfig)

    def kubelet(self) -> subprocess.Popen[bytes]:
        """The stand-in kubelet."""
        return self.start("benchmarks.kubelet", "1")

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End them all."""
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def crontask(kubeconfig: Path | str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, as a process of its own."""
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    command = [sys.executable, "-m", "crontask.cli.main", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def items(control_plane: ControlPlane, namespace: str, kind: str) -> list[dict[str, Any]]:
    """All objects of a kind."""
    return list(json.loads(control_plane.kubectl("-n", namespace, "get", kind, "-o", "json"))["items"])


def is_seen(task: dict[str, Any]) -> bool:
    """Whether the operator knows the task as it is now."""
    return bool(task.get("status", {}).get("observedGeneration") == task["metadata"]["generation"])


def until(what: str, condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait for a condition; its value."""
    for _ in looks(seconds):
        found = condition()
        if found:
            return found
    pytest.fail(f"not within {seconds * PATIENCE:.0f} s: {what}")


def until_allowed(control_plane: ControlPlane, user: str, namespace: str, verb: str, resource: str) -> None:
    """Wait until the API server knows of the newest binding in the namespace, by what it gives: a moment later."""
    asked = ("-n", namespace, "auth", "can-i", verb, resource, f"--as={user}")

    def allowed() -> bool:
        try:
            return control_plane.kubectl(*asked).strip() == "yes"
        except ClusterError:
            return False

    until(f"{user} may {verb} {resource}", allowed)
