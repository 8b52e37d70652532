"""A real API server with the CRDs, and the operator as a process of its own."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from api_server import ROOT, Processes
from dashboard_site import browser

from cluster.control_plane import ControlPlane

__all__ = ["browser"]


_RUNNING = pytest.StashKey[ControlPlane]()


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """etcd and the API server, with our CRDs established."""
    with ControlPlane() as running:
        running.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        running.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        request.session.stash[_RUNNING] = running
        yield running


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the tests of a file made is no work for the operators of the next, nor is it in their counts."""
    yield
    running = request.session.stash.get(_RUNNING, None)
    if running is not None:
        running.kubectl("delete", "crontasks,scheduledruns,pods", "--all", "-A", "--force", "--wait=false")


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """A namespace of the test's own."""
    name = f"it-{uuid4().hex[:8]}"
    control_plane.kubectl("create", "namespace", name)
    return name


@pytest.fixture
def processes(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Processes]:
    """Processes that end with the test."""
    with Processes(control_plane.kubeconfig, tmp_path) as started:
        yield started
