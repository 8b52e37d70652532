"""A CronJob whose CronTask takes over, and back again, killed at each step, beside kube-controller-manager."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from api_server import ROOT, Processes, crontask, items, until
from bench import PATIENCE
from cronjob_shapes import SHAPES

from cluster.control_plane import ControlPlane
from crontask.api.base import format_time
from crontask.api.resources import Resource
from crontask.cli.conversion.cronjob import convert_cronjob
from crontask.cli.switching import BACK, STATE, Switch
from crontask.client import Cluster, Flags

pytestmark = pytest.mark.long

_SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_EVERY = timedelta(seconds=3)
Document = dict[str, Any]


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The API server with our CRDs, the controllers of CronJobs and Jobs, our operator, and a stand-in kubelet."""
    controllers = "cronjob-controller,job-controller,serviceaccount-controller,garbage-collector-controller"
    with ControlPlane(controller_manager_args=[f"--controllers={controllers}"]) as running:
        running.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        running.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        with Processes(running.kubeconfig, tmp_path_factory.mktemp("logs")) as processes:
            processes.kubelet()
            processes.operator()
            _await_operator(running)
            yield running


def _await_operator(control_plane: ControlPlane) -> None:
    """Until it starts runs: what came due before, it would start the latest of."""
    spec = {"interval": "1s", "handler": {"container": {"image": "registry.invalid/probe:1"}}}
    probe = {"apiVersion": "crontask.dev/v1alpha1", "kind": "CronTask", "metadata": {"name": "probe"}, "spec": spec}
    control_plane.kubectl("create", "-f", "-", stdin=json.dumps(probe))
    until("the operator starts runs", lambda: items(control_plane, "default", "pods"))
    control_plane.kubectl("delete", "crontask", "probe")


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    name = f"it-{uuid4().hex[:8]}"
    control_plane.kubectl("create", "namespace", name)
    return name


class KilledError(BaseException):
    """The process has been killed."""


class Dying(Cluster):
    """A cluster whose user is killed at each of its writes, just before and just after it, once each."""

    deaths: list[str]

    def create(self, kind: Resource, body: Document, **how: Any) -> Document:
        return self._die(f"create {kind.kind}", lambda: super(Dying, self).create(kind, body, **how))

    def patch(self, kind: Resource, name: str, change: Any, **how: Any) -> Document:
        written = sorted(change["metadata"]["annotations"].items())
        return self._die(f"patch {kind.kind} {written}", lambda: super(Dying, self).patch(kind, name, change, **how))

    def delete(self, kind: Resource, name: str, **how: Any) -> Document:
        return self._die(f"delete {kind.kind}", lambda: super(Dying, self).delete(kind, name, **how))

    def _die(self, what: str, write: Callable[[], Document]) -> Document:
        if f"before {what}" not in self.deaths:
            self.deaths.append(f"before {what}")
            raise KilledError
        done = write()
        if f"after {what}" not in self.deaths:
            self.deaths.append(f"after {what}")
            raise KilledError
        return done


def _persist(control_plane: ControlPlane, namespace: str, act: Callable[[Switch], None], **how: Any) -> list[str]:
    """Do it again until it is not killed; at which of its writes it was."""
    deaths: list[str] = []
    settings = {"drain": timedelta(seconds=60 * PATIENCE), "settled": timedelta(seconds=1.5), **how}
    for _ in range(40):
        flags = Flags(kubeconfig=str(control_plane.kubeconfig), namespace=namespace)
        with Dying.load(flags) as cluster:
            cluster.deaths = deaths
            switch = Switch(cluster, "work", lambda value: convert_cronjob(value).document, print, **settings)
            try:
                act(switch)
            except KilledError:
                continue
            return deaths
    pytest.fail("it does not come to an end")


def _apply(control_plane: ControlPlane, namespace: str, spec: Document, **metadata: Any) -> None:
    manifest = {**SHAPES[0].manifest, "metadata": {"name": "work", **metadata}}
    manifest["spec"] = {**manifest["spec"], "successfulJobsHistoryLimit": 100, **spec}
    control_plane.kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(manifest))


def _cronjob(control_plane: ControlPlane, namespace: str) -> Document:
    (found,) = items(control_plane, namespace, "cronjobs")
    return found


def _jobs(control_plane: ControlPlane, namespace: str) -> list[str]:
    jobs = items(control_plane, namespace, "jobs")
    return sorted(job["metadata"]["annotations"][_SCHEDULED] for job in jobs)


def _runs(control_plane: ControlPlane, namespace: str) -> list[str]:
    """The nominal times of the runs that were started."""
    runs = items(control_plane, namespace, "scheduledruns")
    return sorted(run["spec"]["scheduledTime"] for run in runs if run.get("status", {}).get("startTime"))


def test_killed_at_each_step_nothing_is_lost_or_doubled(control_plane: ControlPlane, namespace: str) -> None:
    _apply(control_plane, namespace, {"schedule": f"@every {_EVERY.seconds}s"})
    until("a Job", lambda: _jobs(control_plane, namespace))
    deaths = _persist(control_plane, namespace, Switch.forward, gap="all")
    assert len([death for death in deaths if "create ScheduledRun" in death]) == 2
    # Suspend, make the task, fill the gap, record that, record the end.
    assert len(deaths) == 10
    cronjob = _cronjob(control_plane, namespace)
    assert cronjob["spec"]["suspend"] is True
    assert json.loads(cronjob["metadata"]["annotations"][STATE]) == {"suspended": False, "done": True}
    (task,) = items(control_plane, namespace, "crontasks")
    created = task["metadata"]["creationTimestamp"]
    until("runs of the task's own", lambda: len([at for at in _runs(control_plane, namespace) if at > created]) >= 2)
    jobs, runs = _jobs(control_plane, namespace), _runs(control_plane, namespace)
    assert len(set(jobs)) == len(jobs)
    expected, at = [], datetime.fromisoformat(jobs[-1])
    while at < datetime.fromisoformat(runs[-1]):
        at += _EVERY
        expected.append(format_time(at))
    assert runs == expected
    # Once more changes nothing.
    assert _persist(control_plane, namespace, Switch.forward, gap="all") == []
    assert _cronjob(control_plane, namespace)["spec"]["suspend"] is True


def test_there_and_back_by_the_command_and_killed_at_each_step(control_plane: ControlPlane, namespace: str) -> None:
    _apply(control_plane, namespace, {"schedule": "* * * * *"})
    before = _cronjob(control_plane, namespace)["metadata"]["uid"]
    done = crontask(control_plane.kubeconfig, "convert", "--switch", "work", "-n", namespace, "--gap", "none")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "CronJob work is suspended"
    assert done.stdout.splitlines()[-1] == "CronTask work has taken over; CronJob work stays, suspended"
    until("a run", lambda: _runs(control_plane, namespace), 90)
    deaths = _persist(control_plane, namespace, lambda switch: switch.backward("work"))
    # Suspend the task, delete the CronJob, make it anew, record the end.
    assert len(deaths) == 8
    cronjob = _cronjob(control_plane, namespace)
    assert cronjob["metadata"]["uid"] != before
    assert (cronjob["spec"]["schedule"], cronjob["spec"]["suspend"]) == ("* * * * *", False)
    assert STATE not in cronjob["metadata"]["annotations"]
    (task,) = items(control_plane, namespace, "crontasks")
    assert task["spec"]["suspend"] is True
    assert BACK in task["metadata"]["annotations"]
    until("a Job of the CronJob made anew", lambda: _jobs(control_plane, namespace), 90)
    assert set(_jobs(control_plane, namespace)) & set(_runs(control_plane, namespace)) == set()
    # That task is of the CronJob that is gone.
    again = crontask(control_plane.kubeconfig, "convert", "--switch", "work", "-n", namespace)
    assert again.returncode == 2
    assert "there is a CronTask work that this CronJob has not become" in again.stderr
    assert _cronjob(control_plane, namespace)["spec"]["suspend"] is False


def test_one_that_was_suspended_stays_so(control_plane: ControlPlane, namespace: str) -> None:
    _apply(control_plane, namespace, {"schedule": "* * * * *", "suspend": True})
    _persist(control_plane, namespace, Switch.forward, gap="all")
    (task,) = items(control_plane, namespace, "crontasks")
    assert task["spec"]["suspend"] is True
    assert items(control_plane, namespace, "scheduledruns") == []


def test_what_is_refused_changes_nothing(control_plane: ControlPlane, namespace: str) -> None:
    _apply(control_plane, namespace, {"schedule": "0 0 1 1 *"}, annotations={"meta.helm.sh/release-name": "shop"})
    managed = crontask(control_plane.kubeconfig, "convert", "--switch", "work", "-n", namespace)
    assert managed.returncode == 2
    assert "is managed by Helm (meta.helm.sh/release-name: shop)" in managed.stderr
    assert _cronjob(control_plane, namespace)["spec"]["suspend"] is False
    made = crontask(control_plane.kubeconfig, "convert", "--back", "work", "-n", namespace)
    assert made.returncode == 2
    assert 'crontasks.crontask.dev "work" not found' in made.stderr
    pod = {"restartPolicy": "OnFailure", "containers": [{"name": "c", "image": "i"}]}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    _apply(control_plane, namespace, spec)
    lost = crontask(control_plane.kubeconfig, "convert", "--switch", "work", "-n", namespace, "--force")
    assert lost.returncode == 8
    assert _cronjob(control_plane, namespace)["spec"]["suspend"] is False
    assert items(control_plane, namespace, "crontasks") == []


def test_jobs_that_do_not_end_are_waited_for_only_so_long(control_plane: ControlPlane, namespace: str) -> None:
    pod = {"restartPolicy": "Never", "schedulerName": "no-such", "containers": [{"name": "c", "image": "i"}]}
    job = {"spec": {"template": {"spec": pod}}}
    _apply(control_plane, namespace, {"schedule": f"@every {_EVERY.seconds}s", "jobTemplate": job})
    until("a Job", lambda: _jobs(control_plane, namespace))
    options = ("--drain-timeout", "1s", "-n", namespace)
    done = crontask(control_plane.kubeconfig, "convert", "--switch", "work", *options)
    assert done.returncode == 3
    assert "Jobs still run: work-" in done.stderr
    assert items(control_plane, namespace, "crontasks") == []
