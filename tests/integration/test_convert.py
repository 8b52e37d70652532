"""CronJobs of a real API server, converted, beside the Jobs that kube-controller-manager makes of them."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from api_server import ROOT, Processes, crontask, items, until
from cronjob_shapes import SHAPES

from cluster.control_plane import ControlPlane

pytestmark = pytest.mark.long

_SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"


@pytest.fixture(scope="module")
def with_controllers() -> Iterator[ControlPlane]:
    """etcd, the API server, and the controllers of CronJobs and Jobs, with our CRDs established."""
    controllers = "cronjob-controller,job-controller,serviceaccount-controller,garbage-collector-controller"
    with ControlPlane(controller_manager_args=[f"--controllers={controllers}"]) as running:
        running.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        running.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        yield running


def _namespace(control_plane: ControlPlane) -> str:
    name = f"it-{uuid4().hex[:8]}"
    control_plane.kubectl("create", "namespace", name)
    return name


def test_cronjobs_of_the_cluster_become_tasks_that_it_takes(control_plane: ControlPlane, namespace: str) -> None:
    manifests = {"apiVersion": "v1", "kind": "List", "items": [shape.manifest for shape in SHAPES]}
    control_plane.kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(manifests))
    done = crontask(control_plane.kubeconfig, "convert", "--from-cluster", "-n", namespace, "--rename")
    assert done.returncode == 8, done.stderr
    lost = [(shape.name, part) for shape in SHAPES for part in shape.lost]
    *said, last = done.stderr.splitlines()
    assert len(said) == len(lost)
    for name, part in lost:
        assert any(f"CronJob {namespace}/{name}: " in line and part in line for line in said), (name, part)
    assert last == f"{len(lost)} things are not carried over; write --lossy to accept that"
    names = {document["metadata"]["name"] for document in yaml.safe_load_all(done.stdout)}
    assert names == {shape.name.replace(".", "-") for shape in SHAPES}
    # What an API server fills in says nothing.
    assert not any(word in done.stdout for word in ("terminationMessage", "dnsPolicy", "resourceVersion", "uid:"))
    control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=done.stdout)
    assert {task["metadata"]["name"] for task in items(control_plane, namespace, "crontasks")} == names


def test_some_by_name_all_namespaces_and_those_that_may_not(control_plane: ControlPlane, namespace: str) -> None:
    for shape in SHAPES[:2]:
        control_plane.kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(shape.manifest))
    one = crontask(control_plane.kubeconfig, "convert", "--from-cluster", SHAPES[0].name, "-n", namespace)
    assert (one.returncode, one.stderr) == (0, "")
    assert yaml.safe_load(one.stdout)["metadata"] == {"name": SHAPES[0].name, "namespace": namespace}
    all_of_them = crontask(control_plane.kubeconfig, "convert", "--from-cluster", "-A", "--lossy", "--rename")
    assert all_of_them.returncode == 0
    assert f"namespace: {namespace}\n" in all_of_them.stdout
    missing = crontask(control_plane.kubeconfig, "convert", "--from-cluster", "nowhere", "-n", namespace)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert 'cronjobs.batch "nowhere" not found' in missing.stderr
    nobody = crontask(control_plane.kubeconfig_for("nobody"), "convert", "--from-cluster", "-n", namespace)
    assert (nobody.returncode, nobody.stdout) == (7, "")
    assert "cronjobs" in nobody.stderr
    none = crontask(control_plane.kubeconfig, "convert", "--from-cluster", "-n", "kube-public")
    assert (none.returncode, none.stderr) == (2, "there is no CronJob in namespace kube-public\n")


def test_an_api_server_that_is_not_there(tmp_path: Path) -> None:
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    config = {
        "current-context": "c",
        "clusters": [cluster],
        "contexts": [context],
        "users": [{"name": "u", "user": {}}],
    }
    (tmp_path / "config").write_text(json.dumps(config))
    done = crontask(tmp_path / "config", "convert", "--from-cluster")
    assert (done.returncode, done.stdout) == (9, "")
    assert "Traceback" not in done.stderr


def test_its_runs_are_for_the_times_of_the_cronjobs_jobs(with_controllers: ControlPlane, tmp_path: Path) -> None:
    namespace = _namespace(with_controllers)
    for name, schedule in (("minute", "* * * * *"), ("every", "@every 20s")):
        manifest = {**SHAPES[0].manifest, "metadata": {"name": name}}
        manifest["spec"] = {**manifest["spec"], "schedule": schedule}
        with_controllers.kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(manifest))
    done = crontask(with_controllers.kubeconfig, "convert", "--from-cluster", "-n", namespace)
    assert (done.returncode, done.stderr) == (0, "")
    with_controllers.kubectl("apply", "-f", "-", stdin=done.stdout)
    with Processes(with_controllers.kubeconfig, tmp_path) as processes:
        processes.operator()
        for what, times in (("runs", _of_runs), ("Jobs", _of_jobs)):
            for name, several in (("minute", 2), ("every", 3)):
                until(f"{what} of {name}", partial(_are, times, with_controllers, namespace, name, several), 180)
    runs, jobs = _of_both(with_controllers, namespace, "minute")
    assert runs == jobs
    assert len(jobs) >= 2
    # Of @every the controller leaves out some of its own times.
    runs, jobs = _of_both(with_controllers, namespace, "every")
    assert set(jobs) <= set(runs)
    assert len(jobs) >= 2


def _are(
    times: Callable[[ControlPlane, str, str], list[str]], control_plane: ControlPlane, namespace: str, name: str, n: int
) -> bool:
    return len(times(control_plane, namespace, name)) >= n


def _of_both(control_plane: ControlPlane, namespace: str, name: str) -> tuple[list[str], list[str]]:
    """The nominal times of runs and of Jobs, as long as there were both: one of each may be on its way."""
    runs, jobs = _of_runs(control_plane, namespace, name), _of_jobs(control_plane, namespace, name)
    begin, end = max(min(runs), min(jobs)), min(max(runs), max(jobs))
    return [time for time in runs if begin <= time <= end], [time for time in jobs if begin <= time <= end]


def _of_runs(control_plane: ControlPlane, namespace: str, task: str) -> list[str]:
    """The nominal times of the task's runs whose pods there are."""
    runs: list[dict[str, Any]] = items(control_plane, namespace, "scheduledruns")
    return sorted(
        run["spec"]["scheduledTime"] for run in runs if run["spec"]["taskRef"]["name"] == task and _started(run)
    )


def _started(run: dict[str, Any]) -> bool:
    return bool(run.get("status", {}).get("startTime") or run.get("status", {}).get("podName"))


def _of_jobs(control_plane: ControlPlane, namespace: str, cronjob: str) -> list[str]:
    jobs = items(control_plane, namespace, "jobs")
    ours = [job for job in jobs if job["metadata"]["ownerReferences"][0]["name"] == cronjob]
    return sorted(job["metadata"]["annotations"][_SCHEDULED] for job in ours)
