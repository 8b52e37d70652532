"""/metrics of operators as processes: sound by promtool, read by a real Prometheus; tasks are said by the leader."""

import json
import socket
import subprocess
import urllib.request
from pathlib import Path

from api_server import Processes, until
from real_prometheus import alerts, asked, reading
from scraped import Samples, of_task, samples_of

from cluster import prometheus
from cluster.control_plane import ControlPlane, free_ports

CONTAINERS = [{"name": "main", "image": "busybox:1.36"}]
STARTED = 'starts_total{origin="Schedule"}'
PODS_MADE = 'write_seconds_count{code="201",kind="pods",verb="create"}'
LEASE_RENEWED = 'write_seconds_count{code="200",kind="leases",verb="patch"}'


def _make_task(control_plane: ControlPlane, namespace: str, name: str, **spec: object) -> None:
    handler = {"podTemplate": {"spec": {"schedulerName": "nobody", "containers": CONTAINERS}}}
    body = {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "CronTask",
        "metadata": {"name": name},
        "spec": {"handler": handler, **spec},
    }
    control_plane.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(body))


def _page(port: int) -> bytes:
    """The page; empty while nobody serves it."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as response:
            return bytes(response.read())
    except OSError:
        return b""


def _samples(port: int) -> Samples:
    return samples_of(_page(port))


def _said_all(samples: Samples, namespace: str) -> Samples:
    """The samples, once what the operator does of itself has come about: nothing of it has an order."""
    paused = of_task(samples, "paused", namespace).get("suspended Suspended") == 1
    on_time = of_task(samples, "tick", namespace).get("overdue_seconds NotStarted", 60) < 30
    happened = samples.get(STARTED, 0) >= 3 and samples.get(PODS_MADE, 0) >= 3 and samples.get(LEASE_RENEWED, 0) >= 1
    return samples if paused and on_time and happened else {}


def test_operators_say_what_they_do_and_the_leader_of_each_task_how_it_is(
    control_plane: ControlPlane, namespace: str, processes: Processes
) -> None:
    _make_task(control_plane, namespace, "tick", interval="2s", expect={"successWithin": "1h"})
    _make_task(control_plane, namespace, "paused", interval="2s", suspend=True)
    processes.kubelet()
    first, second = free_ports(2)
    processes.operator("--metrics-port", str(first))
    until("the first leads", lambda: _samples(first).get("leader") == 1)
    processes.operator("--metrics-port", str(second))
    until("the second stands by", lambda: _samples(second).get('objects{kind="crontasks"}', 0) >= 2)
    leader = until("all of it has happened", lambda: _said_all(_samples(first), namespace))

    standby = _samples(second)
    assert (leader["leader"], standby["leader"]) == (1, 0)
    assert standby[STARTED] == 0
    assert leader["start_lag_seconds_count"] >= 3
    assert abs(leader["clock_skew_seconds"]) <= 5
    assert of_task(standby, "tick", namespace) == {}
    assert of_task(leader, "tick", namespace)["overdue_seconds NoSuccess"] == 0

    page = _page(first)
    checked = subprocess.run([str(prometheus.find("promtool")), "check", "metrics"], input=page, capture_output=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_a_real_prometheus_reads_it_and_its_alerts_go_by_it(
    control_plane: ControlPlane, namespace: str, processes: Processes, tmp_path: Path
) -> None:
    _make_task(control_plane, namespace, "never", expect={"successWithin": "1s"})
    (port,) = free_ports(1)
    processes.operator("--metrics-port", str(port))
    target = {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "ops"}}
    with reading(tmp_path, {"static_configs": [target]}, alerts(tmp_path)) as url:
        _assert_a_late_task_is_read(url, namespace)


def _assert_a_late_task_is_read(url: str, namespace: str) -> None:
    (labels, value), *others = until("the leader is read", lambda: asked(url, "crontask_leader == 1"))
    assert (labels["namespace"], labels["job"], value, others) == ("ops", "crontask", 1, [])
    mine = f'namespace="{namespace}",task="never"'
    late = f"crontask_task_overdue_seconds{{{mine}}} > 0"
    (labels, _), *others = until("the task is late", lambda: asked(url, late))
    assert (labels["reason"], others) == ("NoSuccess", [])
    assert "exported_namespace" not in labels
    (labels, _), *others = until("its alert is pending", lambda: asked(url, f"ALERTS{{{mine}}}"))
    assert (labels["alertname"], labels["alertstate"], others) == ("CrontaskTaskOverdue", "pending", [])


def test_a_port_that_is_taken_ends_the_operator_with_what_to_do(processes: Processes) -> None:
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        operator = processes.operator("--metrics-port", str(other.getsockname()[1]))
        assert operator.wait(60) == 1
