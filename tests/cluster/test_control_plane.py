"""A real API server: ready, obeyed by its administrator, closed to others, and the same after a restart."""

import time
from collections.abc import Callable, Iterator

import pytest

from cluster.control_plane import ControlPlane, healthy
from cluster.processes import ClusterError


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    with ControlPlane() as control_plane:
        yield control_plane


def test_it_is_ready(control_plane: ControlPlane) -> None:
    assert healthy(f"{control_plane.url}/readyz")
    assert control_plane.kubectl("get", "--raw", "/readyz") == "ok"


def test_rbac_tells_the_administrator_from_others(control_plane: ControlPlane) -> None:
    control_plane.kubectl("create", "namespace", "mine")
    ann = f"--kubeconfig={control_plane.kubeconfig_for('ann', ['developers'])}"

    with pytest.raises(ClusterError, match='User "ann" cannot create resource "namespaces"'):
        control_plane.kubectl(ann, "create", "namespace", "hers")
    control_plane.kubectl("create", "role", "look", "--verb=list", "--resource=pods", "-n", "mine")
    control_plane.kubectl("create", "rolebinding", "look", "--role=look", "--group=developers", "-n", "mine")
    _until(lambda: control_plane.kubectl(ann, "get", "pods", "-n", "mine") == "")


def test_a_pod_is_admitted_although_nobody_makes_service_accounts(control_plane: ControlPlane) -> None:
    control_plane.kubectl("run", "pod", "--image=busybox:1.36")


def test_the_data_outlives_the_api_server(control_plane: ControlPlane) -> None:
    control_plane.kubectl("create", "configmap", "kept", "--from-literal=a=1")
    control_plane.stop_apiserver(grace=0)

    assert not healthy(f"{control_plane.url}/readyz")
    control_plane.start_apiserver()
    assert control_plane.kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.a}") == "1"


def test_all_processes_and_files_are_gone_after_the_end() -> None:
    with ControlPlane(controller_manager_args=["--kube-api-qps=500"]) as control_plane:
        folder = control_plane.kubeconfig.parent
        control_plane.kubectl("run", "pod", "--image=busybox:1.36")  # The controller manager made the account.
        names = ("etcd", "kube-apiserver", "kube-controller-manager")
        assert all(control_plane.pid(name) for name in names)

    assert not any(control_plane.pid(name) for name in names)
    assert not folder.exists()


def _until(succeeds: Callable[[], bool], timeout: float = 10) -> None:
    """A new binding counts from when the API server's own watch has told it: a moment later."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            assert succeeds()
        except (ClusterError, AssertionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
