"""The command line as a process of its own, against the API server of a test, and tasks for it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from api_server import ROOT, Processes, until

from cluster.control_plane import ControlPlane

API_VERSION = "crontask.dev/v1alpha1"


@contextmanager
def world(control_plane: ControlPlane, folder: Path, tasks: dict[str, dict[str, Any]]) -> "Iterator[Verbs]":
    """A namespace with these tasks, which an operator knows, and a stand-in kubelet."""
    made = Verbs(control_plane, f"it-{uuid4().hex[:8]}")
    control_plane.kubectl("create", "namespace", made.namespace)
    with Processes(control_plane.kubeconfig, folder) as processes:
        processes.kubelet()
        processes.operator()
        for name, spec in tasks.items():
            made.make("CronTask", name, spec)
        until("the operator knows the tasks", lambda: all("status" in made.get("ct", name) for name in tasks))
        yield made


class Verbs:
    """`crontask`, in a namespace of the test's own."""

    def __init__(self, control_plane: ControlPlane, namespace: str, kubeconfig: Path | None = None) -> None:
        self.control_plane = control_plane
        self.namespace = namespace
        self.kubeconfig = kubeconfig or control_plane.kubeconfig

    def __call__(self, *words: str, code: int | None = 0, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a verb; fails unless it ends with this code."""
        done = subprocess.run(
            self.command(*words), env=self.environment(), capture_output=True, text=True, timeout=120, input=stdin
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert code is None or done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start a verb that goes on."""
        return subprocess.Popen(
            self.command(*words),
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_listen_to_ctrl_c,
        )

    def shell(self, line: str) -> str:
        """What a line of a shell prints, in which `kubectl crontask` is the command; fails unless it ends well."""
        ours = f'kubectl() {{ shift; "{sys.executable}" -m crontask.cli.main "$@"; }}'
        done = subprocess.run(
            ["sh", "-c", f"{ours}\n{line}"], env=self.environment(), capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout

    def command(self, *words: str) -> list[str]:
        """As a process has it."""
        return [sys.executable, "-m", "crontask.cli.main", "-n", self.namespace, *words]

    def environment(self) -> dict[str, str]:
        """With the kubeconfig; a namespace as each pod of a handler has it must not be read."""
        ours = {"KUBECONFIG": str(self.kubeconfig), "PYTHONPATH": str(ROOT / "operator")}
        return {**os.environ, **ours, "CRONTASK_NAMESPACE": "not-to-be-read"}

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """kubectl in the namespace, as an administrator."""
        return self.control_plane.kubectl("-n", self.namespace, *words, stdin=stdin)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """An object."""
        return dict(json.loads(self.kubectl("get", kind, name, "-o", "json")))

    def make(self, kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> None:
        """Create an object."""
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}
        self.kubectl("create", "-f", "-", stdin=json.dumps(body))


def container(seconds: float = 0.2, code: int = 0, node: str | None = None) -> dict[str, Any]:
    """A handler whose pod the stand-in kubelet plays: it takes so long, and ends with this exit code."""
    annotations = {"stand-in/seconds": str(seconds), "stand-in/exit-code": str(code)}
    spec = {"schedulerName": "nobody", **({"nodeName": node} if node else {})}
    return {
        "container": {"image": "busybox:1.36"},
        "pod": {"metadata": {"annotations": annotations}, "spec": spec},
    }


def _listen_to_ctrl_c() -> None:
    """As at a terminal: what a shell has started in the background would leave it to its children to be deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
