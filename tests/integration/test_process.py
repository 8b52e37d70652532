"""The operator as a process: handing over to a standby, and an API server that goes away."""

import json
import signal
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from api_server import Processes, items, until

from cluster.control_plane import ControlPlane

LEASE = ("-n", "default", "get", "lease", "crontask", "-o", "json")
EVERY = timedelta(seconds=2)


def _make_ticking_task(control_plane: ControlPlane, namespace: str) -> None:
    containers = [{"name": "main", "image": "busybox:1.36"}]
    spec = {
        "interval": "2s",
        "concurrency": {"policy": "Allow"},
        "history": {"succeeded": 100},
        "handler": {"podTemplate": {"spec": {"schedulerName": "nobody", "containers": containers}}},
    }
    body = {"apiVersion": "crontask.dev/v1alpha1", "kind": "CronTask", "metadata": {"name": "tick"}, "spec": spec}
    control_plane.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(body))


def _started(control_plane: ControlPlane, namespace: str) -> list[datetime]:
    """The nominal times of all runs, in order."""
    times = [run["spec"]["scheduledTime"] for run in items(control_plane, namespace, "sr")]
    return sorted(datetime.fromisoformat(time.replace("Z", "+00:00")) for time in times)


def _leader(control_plane: ControlPlane) -> str:
    return str(json.loads(control_plane.kubectl(*LEASE))["spec"].get("holderIdentity") or "")


def _end(operator: subprocess.Popen[bytes]) -> None:
    assert operator.poll() is None
    operator.send_signal(signal.SIGTERM)
    assert operator.wait(30) == 0


def _assert_each_is_decided_once(control_plane: ControlPlane, namespace: str) -> None:
    """Each nominal time from the task's creation to the last start is a run, or a recorded miss. No operator runs."""
    times = _started(control_plane, namespace)
    task = items(control_plane, namespace, "ct")[0]
    status: dict[str, Any] = task.get("status") or {}
    created = datetime.fromisoformat(task["metadata"]["creationTimestamp"])
    assert len(set(times)) == len(times)
    assert len(times) + status.get("counts", {}).get("missed", 0) == (times[-1] - created) / EVERY


def test_a_standby_takes_over_from_a_leader_that_is_asked_to_end(
    control_plane: ControlPlane, namespace: str, processes: Processes, tmp_path: Path
) -> None:
    _make_ticking_task(control_plane, namespace)
    processes.kubelet()
    first = processes.operator()
    until("runs start", lambda: len(_started(control_plane, namespace)) >= 2)
    leader = _leader(control_plane)
    second = processes.operator()
    _end(first)
    before = len(_started(control_plane, namespace))
    until("the standby starts runs", lambda: len(_started(control_plane, namespace)) > before + 2)
    assert _leader(control_plane) not in ("", leader)
    _end(second)
    _assert_each_is_decided_once(control_plane, namespace)
    logs = [log.read_text() for log in tmp_path.glob("crontask*.log")]
    # kopf asks as well, and says so only there. Of other tests' namespaces much may be said in the same logs.
    assert len(logs) == 2
    assert [line for log in logs for line in log.splitlines() if "is forbidden: User" in line] == []


def test_an_api_server_that_goes_away_loses_no_nominal_time(
    control_plane: ControlPlane, namespace: str, processes: Processes
) -> None:
    _make_ticking_task(control_plane, namespace)
    processes.kubelet()
    operator = processes.operator()
    until("runs start", lambda: len(_started(control_plane, namespace)) >= 2)
    control_plane.stop_apiserver(grace=0)
    control_plane.start_apiserver()
    before = len(_started(control_plane, namespace))
    until("runs start again", lambda: len(_started(control_plane, namespace)) > before + 2, 120)
    _end(operator)
    _assert_each_is_decided_once(control_plane, namespace)
