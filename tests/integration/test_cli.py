"""Commands that read the cluster, as processes of their own, against a real API server."""

import json
from pathlib import Path

import pytest
from api_server import crontask

from cluster.control_plane import ControlPlane

TASK = {
    "apiVersion": "crontask.dev/v1alpha1",
    "kind": "CronTask",
    "metadata": {"name": "nightly"},
    "spec": {"schedule": "30 2 * * *", "handler": {"container": {"image": "busybox:1.36"}}},
}


@pytest.fixture
def where(control_plane: ControlPlane, namespace: str) -> str:
    control_plane.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(TASK))
    return namespace


def test_next_of_a_task_in_the_cluster(control_plane: ControlPlane, where: str) -> None:
    day = ("--from", "2030-01-01T00:00:00Z", "--count", "1", "-o", "json")
    done = crontask(control_plane.kubeconfig, "next", "nightly", "-n", where, *day)
    assert (done.returncode, done.stderr) == (0, "")
    assert [time["nominal"] for time in json.loads(done.stdout)] == ["2030-01-01T02:30:00Z"]


def test_simulate_of_a_task_in_the_cluster_changes_nothing_there(control_plane: ControlPlane, where: str) -> None:
    version = ("-n", where, "get", "ct", "nightly", "-o", "jsonpath={.metadata.resourceVersion}")
    before = control_plane.kubectl(*version)
    days = ("--from", "2030-01-01", "--to", "2030-01-03", "-o", "jsonl")
    done = crontask(control_plane.kubeconfig, "simulate", "nightly", "-n", where, *days)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[-1])["summary"]["started"] == 2
    assert control_plane.kubectl(*version) == before
    assert control_plane.kubectl("-n", where, "get", "sr", "-o", "name") == ""


def test_a_task_that_is_not_there(control_plane: ControlPlane, where: str) -> None:
    done = crontask(control_plane.kubeconfig, "next", "another", "-n", where)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"there is no CronTask another in namespace {where}\n"


def test_a_cluster_that_cannot_be_reached(tmp_path: Path) -> None:
    done = crontask(tmp_path / "none", "next", "nightly", "-n", "default")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert "no cluster is configured" in done.stderr
