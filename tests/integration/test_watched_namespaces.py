"""An operator of a few namespaces, with the service account that the chart makes for it, on a real API server."""

import json
import subprocess
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen
from uuid import uuid4

import chart
import pytest
from api_server import Processes, items, until
from kubeconfigs import config, write

from cluster.control_plane import ControlPlane, free_ports
from crontask.client.access import Flags, load
from crontask.kube.claim import CLAIM

pytestmark = pytest.mark.long

ACCOUNT = NAME = chart.NAME
RIGHTS = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "ServiceAccount")
# What may be asked of each namespace that is watched, and of no other.
ALLOWED = [
    ("list", "crontasks.crontask.dev"),
    ("watch", "crontasks.crontask.dev"),
    ("update", "crontasks.crontask.dev/status"),
    ("create", "scheduledruns.crontask.dev"),
    ("delete", "scheduledruns.crontask.dev"),
    ("update", "scheduledruns.crontask.dev/status"),
    ("create", "pods"),
    ("list", "pods"),
    ("delete", "pods"),
    ("create", "events"),
]
REFUSED = [
    ("create", "crontasks.crontask.dev"),
    ("get", "secrets"),
    ("create", "pods/exec"),
    ("list", "namespaces"),
    ("delete", "namespaces"),
    ("create", "roles.rbac.authorization.k8s.io"),
]


class Installation:
    """The chart's roles for an operator of two namespaces, with a third that is none of its business."""

    def __init__(self, control_plane: ControlPlane, folder: Path) -> None:
        number = uuid4().hex[:6]
        self.home, self.elsewhere = f"home-{number}", f"elsewhere-{number}"
        self.watched = (f"shop-{number}", f"billing-{number}")
        self._control_plane = control_plane
        for namespace in (self.home, self.elsewhere, *self.watched):
            control_plane.kubectl("create", "namespace", namespace)
        values = f"watchNamespaces={{{','.join(self.watched)}}}"
        manifests = chart.rendered("--namespace", self.home, "--set", values, "--set", "userRoles.enabled=false")
        self.rights = [manifest for manifest in manifests if manifest["kind"] in RIGHTS]
        control_plane.kubectl("create", "-n", self.home, "-f", "-", stdin=chart.as_text(homeless(self.rights)))
        control_plane.kubectl("create", "-f", "-", stdin=chart.as_text(housed(self.rights)))
        self.kubeconfig = self._write_kubeconfig(folder)

    def _write_kubeconfig(self, folder: Path) -> Path:
        """Of its service account."""
        admin = load(Flags(str(self._control_plane.kubeconfig)))
        authority = json.loads(self._control_plane.kubectl("config", "view", "--raw", "-o", "json"))
        token = self._control_plane.kubectl("-n", self.home, "create", "token", ACCOUNT).strip()
        ours = authority["clusters"][0]["cluster"]
        return write(folder, config({**ours, "server": admin.server}, {"token": token}), "account.kubeconfig")

    def task(self, namespace: str, **spec: Any) -> None:
        """A task that fires every two seconds."""
        containers = [{"name": "main", "image": "busybox:1.36"}]
        handler = {"podTemplate": {"spec": {"schedulerName": "nobody", "containers": containers}}}
        spec = {"interval": "2s", "concurrency": {"policy": "Allow"}, "handler": handler, **spec}
        body = {"apiVersion": "crontask.dev/v1alpha1", "kind": "CronTask", "metadata": {"name": "tick"}, "spec": spec}
        self._control_plane.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(body))

    def has_ended(self, namespace: str, count: int) -> bool:
        """Whether so many runs have succeeded there."""
        return self.succeeded(namespace) >= count

    def operator(self, processes: Processes, *namespaces: str) -> subprocess.Popen[bytes]:
        """An operator under that account."""
        watch = ("--watch-namespaces", ",".join(namespaces or self.watched))
        return processes.operator(
            "--lease-namespace", self.home, "--lease-name", NAME, *watch, kubeconfig=self.kubeconfig
        )

    def succeeded(self, namespace: str) -> int:
        """How many runs have ever succeeded there: finished ones are not pruned within a test."""
        phases = [(run.get("status") or {}).get("phase") for run in items(self._control_plane, namespace, "sr")]
        return phases.count("Succeeded")

    def give_rights_in(self, namespace: str) -> None:
        """As an upgrade of the chart with one namespace more."""
        values = f"watchNamespaces={{{namespace}}}"
        manifests = [
            each for each in chart.rendered("--namespace", self.home, "--set", values) if each["kind"] in RIGHTS
        ]
        self._control_plane.kubectl("create", "-f", "-", stdin=chart.as_text(housed(manifests)))

    def may(self, verb: str, resource: str, namespace: str) -> bool:
        """Whether its account may."""
        name, _, subresource = resource.partition("/")
        plural, _, group = name.partition(".")
        asked = {"verb": verb, "resource": plural, "group": group, "subresource": subresource, "namespace": namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": f"system:serviceaccount:{self.home}:{ACCOUNT}", "resourceAttributes": asked},
        }
        answer = self._control_plane.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review))
        return bool(json.loads(answer)["status"]["allowed"])


def homeless(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that lie where the release does."""
    return [manifest for manifest in manifests if "namespace" not in manifest["metadata"]]


def housed(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that say in which namespace they lie."""
    return [manifest for manifest in manifests if "namespace" in manifest["metadata"]]


@pytest.fixture(scope="module")
def installed(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Rights, a task in each namespace but the operator's own, and no operator yet."""
    made = Installation(control_plane, tmp_path_factory.mktemp("account"))
    for namespace in (*made.watched, made.elsewhere):
        made.task(namespace)
    for namespace in made.watched:
        until("the rights are known", partial(made.may, *ALLOWED[-1], namespace))
    return made


def log(folder: Path) -> str:
    """What all operators of a test have said."""
    return "".join(path.read_text() for path in folder.glob("crontask*.log"))


def test_it_decides_in_its_namespaces_alone_and_misses_no_right(
    control_plane: ControlPlane, installed: Installation, processes: Processes, tmp_path: Path
) -> None:
    processes.kubelet()
    operator = installed.operator(processes)
    for namespace in installed.watched:
        until(f"runs succeed in {namespace}", partial(installed.has_ended, namespace, 2))
    # A run made by hand there, and one elsewhere, which nobody sees.
    spec = {"taskRef": {"name": "tick"}}
    body = {"apiVersion": "crontask.dev/v1alpha1", "kind": "ScheduledRun", "metadata": {"name": "mine"}, "spec": spec}
    for namespace in (installed.watched[0], installed.elsewhere):
        control_plane.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(body))
    shop = ("-n", installed.watched[0], "wait", "sr/mine", "--for=condition=Complete", "--timeout=60s")
    control_plane.kubectl(*shop)
    operator.terminate()
    assert operator.wait(30) == 0
    (task,) = items(control_plane, installed.elsewhere, "ct")
    (run,) = items(control_plane, installed.elsewhere, "sr")
    assert "phase" not in (task.get("status") or {})
    assert "phase" not in (run.get("status") or {})
    assert not items(control_plane, installed.elsewhere, "pods")
    said = log(tmp_path)
    assert f"crontasks in namespace {installed.watched[1]} listed: 1" in said
    assert not [line for line in said.splitlines() if any(word in line for word in ("orbidden", "ERROR", "cannot be"))]


def test_its_account_has_rights_there_and_nowhere_else(installed: Installation) -> None:
    assert {manifest["kind"] for manifest in installed.rights} == {"Role", "RoleBinding", "ServiceAccount"}
    for namespace in installed.watched:
        assert [right for right in ALLOWED if not installed.may(*right, namespace)] == []
        assert [right for right in REFUSED if installed.may(*right, namespace)] == []
    for namespace in (installed.home, installed.elsewhere, "default", "kube-system", ""):
        assert [right for right in (*ALLOWED, *REFUSED) if installed.may(*right, namespace)] == []


@pytest.mark.parametrize("who", ["account", "admin"])
def test_a_namespace_that_is_not_there_is_an_error_and_the_others_go_on(
    control_plane: ControlPlane, installed: Installation, processes: Processes, tmp_path: Path, who: str
) -> None:
    """Rights in one that is not there cannot be given, so its account is refused; an administrator hears 404."""
    missing = f"missing-{uuid4().hex[:6]}"
    path = installed.kubeconfig if who == "account" else control_plane.kubeconfig
    (port,) = free_ports(1)
    watch = ("--watch-namespaces", f"{installed.watched[0]},{missing}", "--readiness-port", str(port))
    operator = processes.operator("--lease-namespace", installed.home, "--lease-name", NAME, *watch, kubeconfig=path)
    until("it is said", lambda: f"ERROR   namespace {missing} does not exist" in log(tmp_path))
    assert "watchNamespaces" in log(tmp_path)
    # What it begins with is not listed at once.
    status, said = until("all else is ready", lambda: said_once(readiness(port)))
    assert status == 503
    assert f"namespace {missing} does not exist" in said
    before = installed.succeeded(installed.watched[0])
    processes.kubelet()
    until("runs succeed in the other", lambda: installed.succeeded(installed.watched[0]) > before)
    assert operator.poll() is None
    # It comes, and so do the rights in it.
    control_plane.kubectl("create", "namespace", missing)
    installed.give_rights_in(missing)
    until("it is ready", lambda: readiness(port) == (200, "ready\n"), 30)
    installed.task(missing)
    until("runs succeed there, too", partial(installed.has_ended, missing, 1))
    assert "Traceback" not in log(tmp_path)
    assert log(tmp_path).count("does not exist") == 1


def test_a_namespace_belongs_to_who_has_claimed_it(
    control_plane: ControlPlane, installed: Installation, processes: Processes, tmp_path: Path
) -> None:
    """The second waits, says so, and takes over when the claim is deleted and its holder gone."""
    ours, theirs = installed.watched
    claim = ("-n", theirs, "lease", "crontask-claim")
    holder = installed.operator(processes, theirs)
    until("it is claimed", lambda: holder_of(control_plane, theirs) == f"{installed.home}/{NAME}", 30)
    (port,) = free_ports(1)
    watch = ("--watch-namespaces", f"{ours},{theirs}", "--readiness-port", str(port))
    second = processes.operator("--lease-namespace", installed.home, "--lease-name", "second", *watch)
    until("it is said", lambda: f"namespace {theirs} is claimed by another operator" in log(tmp_path))
    until("the rest is listed", lambda: f"crontasks in namespace {ours} listed" in log(tmp_path))
    assert readiness(port)[0] == 503
    assert f"kubectl delete lease crontask-claim -n {theirs}" in readiness(port)[1]
    # The holder is gone without a word; the operator of the whole cluster respects its claim as well.
    holder.kill()
    holder.wait()
    whole = processes.operator("--lease-name", "whole")
    until("it is left", lambda: f"namespace {theirs} is left to the operator that claims it" in log(tmp_path))
    control_plane.kubectl(claim[0], claim[1], "delete", *claim[2:])
    until("the second is ready", lambda: readiness(port)[0] == 200, 30)
    assert holder_of(control_plane, theirs) == f"{installed.home}/second"
    processes.kubelet()
    before = installed.succeeded(theirs)
    until("it decides there", lambda: installed.succeeded(theirs) > before)
    for operator in (second, whole):
        operator.terminate()
        assert operator.wait(30) == 0


def holder_of(control_plane: ControlPlane, namespace: str) -> str:
    """Who holds the claim of a namespace; empty if nobody does."""
    leases = items(control_plane, namespace, "leases")
    return "".join(lease["spec"].get("holderIdentity", "") for lease in leases if lease["metadata"]["name"] == CLAIM)


def said_once(answer: tuple[int, str]) -> tuple[int, str] | None:
    """The answer, if it is one line."""
    return answer if answer[1].count("\n") == 1 else None


def readiness(port: int) -> tuple[int, str]:
    """What the operator answers, 0 and nothing before it does."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refusal:
        return refusal.code, refusal.read().decode()
    except OSError:
        return 0, ""
