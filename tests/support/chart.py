"""The manifests of the chart, as helm renders them."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from api_server import ROOT, until

from cluster import binaries
from cluster.control_plane import ControlPlane
from cluster.processes import ClusterError

RELEASE = "somewhere"
NAME = f"{RELEASE}-crontask"
"""What its objects are called."""


CHART = ROOT / "charts" / "crontask"
OF_THE_CLUSTER = CHART / "charts" / "crontask-crds"
"""What an administrator can install apart."""


def rendered(*settings: str, chart: Path = CHART, release: str = RELEASE) -> list[dict[str, Any]]:
    """All of them, with these arguments of helm."""
    helm = binaries.find(["helm"])["helm"]
    command = [str(helm), "template", release, str(chart), *settings]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [manifest for manifest in yaml.load_all(text, yaml.CSafeLoader) if manifest]


def policies(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The admission policies and their bindings."""
    return [manifest for manifest in manifests if manifest["kind"].startswith("ValidatingAdmissionPolicy")]


@contextmanager
def policy_in_force(control_plane: ControlPlane) -> Iterator[None]:
    """The admission policies of the chart; within them a run whose time has passed is refused."""
    manifests = as_text(policies(rendered()))
    spec = {"taskRef": {"name": "t"}, "at": "2020-01-01T00:00:00Z"}
    run = {"apiVersion": "crontask.dev/v1alpha1", "kind": "ScheduledRun", "metadata": {"name": "r"}, "spec": spec}

    def taken() -> bool:
        try:
            control_plane.kubectl(*("-n", "default", "create", "--dry-run=server", "-f", "-"), stdin=json.dumps(run))
        except ClusterError:
            return False
        return True

    control_plane.kubectl("create", "-f", "-", stdin=manifests)
    try:
        until("the policy is in force", lambda: not taken(), 30)
        yield
    finally:
        control_plane.kubectl("delete", "-f", "-", stdin=manifests)
        until("the policy is gone", taken, 30)


def as_text(manifests: list[dict[str, Any]], like: Callable[[dict[str, Any]], bool] = lambda manifest: True) -> str:
    """For kubectl."""
    return "\n---\n".join(json.dumps(manifest) for manifest in manifests if like(manifest))
