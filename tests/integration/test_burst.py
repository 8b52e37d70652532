"""Hundreds of tasks due on one minute, and the operator killed in the middle: each starts, and starts once."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from api_server import Processes, items, until

from cluster.control_plane import ControlPlane

pytestmark = pytest.mark.long

TASKS = 500


def _task(number: int, schedule: str) -> dict[str, object]:
    containers = [{"name": "main", "image": "busybox:1.36"}]
    handler = {"podTemplate": {"spec": {"schedulerName": "nobody", "containers": containers}}}
    return {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "CronTask",
        "metadata": {"name": f"burst-{number}"},
        "spec": {"schedule": schedule, "handler": handler},
    }


def test_all_start_once_though_the_operator_is_killed_in_the_middle(
    control_plane: ControlPlane, namespace: str, processes: Processes
) -> None:
    # Not before all of them are there.
    due = (datetime.now(UTC) + timedelta(seconds=105)).replace(second=0)
    tasks = [_task(number, f"{due.minute} {due.hour} * * *") for number in range(TASKS)]
    control_plane.kubectl(
        "-n", namespace, "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": tasks})
    )
    processes.kubelet()
    first = processes.operator()
    until("the burst has begun", lambda: len(items(control_plane, namespace, "sr")) > 20, 100)
    first.kill()
    begun = len(items(control_plane, namespace, "sr"))
    processes.operator()
    until("every run has succeeded", lambda: _succeeded(control_plane, namespace) == TASKS, 120)
    runs = Counter(run["spec"]["taskRef"]["name"] for run in items(control_plane, namespace, "sr"))
    pods = Counter(pod["metadata"]["labels"]["crontask.dev/run"] for pod in items(control_plane, namespace, "pods"))
    assert begun > 20
    assert len(runs) == len(pods) == TASKS
    assert set(runs.values()) == set(pods.values()) == {1}
    until("every run is counted once", lambda: _counted(control_plane, namespace) == TASKS, 60)


def _succeeded(control_plane: ControlPlane, namespace: str) -> int:
    return sum(run.get("status", {}).get("phase") == "Succeeded" for run in items(control_plane, namespace, "sr"))


def _counted(control_plane: ControlPlane, namespace: str) -> int:
    tasks = items(control_plane, namespace, "ct")
    return sum(task.get("status", {}).get("counts", {}).get("succeeded", 0) for task in tasks)
