"""A real API server with the CRDs, and the operator as a process of its own."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from api_server import ROOT, Processes
from dashboard_site import browser

from cluster.control_plane import ControlPlane

__all__ = ["browser"]


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """etcd and the API server, with our CRDs established."""
    with ControlPlane() as running:
        running.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        running.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        yield running


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """A namespace of the test's own."""
    name = f"it-{uuid4().hex[:8]}"
    control_plane.kubectl("create", "namespace", name)
    return name


@pytest.fixture
def processes(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Processes]:
    """Processes that end with the test."""
    started = Processes(control_plane.kubeconfig, tmp_path)
    yield started
    started.stop()
