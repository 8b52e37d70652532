"""`ctx.trigger` against a real API server: the run is made by the pod's service account, once, if it may."""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import chart
import pytest
import yaml
from api_server import items

from cluster.control_plane import ControlPlane
from crontask.runner.api_server import ROLE, ApiServer
from crontask.runner.trigger import TriggerError, Triggers


@pytest.fixture
def secrets(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Path:
    """The folder that a kubelet makes in a pod of the service account."""
    control_plane.kubectl("-n", namespace, "create", "serviceaccount", ROLE)
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    authority = config["clusters"][0]["cluster"]["certificate-authority-data"]
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(authority))
    (tmp_path / "token").write_text(control_plane.kubectl("-n", namespace, "create", "token", ROLE).strip() + "\n")
    return tmp_path


@pytest.fixture
def attempt(control_plane: ControlPlane, namespace: str, secrets: Path) -> Callable[[], Triggers]:
    """Begins an attempt of a run."""
    server = urlsplit(control_plane.url)
    environ = {"KUBERNETES_SERVICE_HOST": str(server.hostname), "KUBERNETES_SERVICE_PORT": str(server.port)}
    return lambda: Triggers(ApiServer(environ, str(secrets), first_pause=0.01), namespace, "uid-1")


def allow(control_plane: ControlPlane, namespace: str) -> None:
    """Make the chart's role, and bind the service account to it."""
    manifests = chart.rendered("--set", "crds.enabled=false")
    rules = next(each["rules"] for each in manifests if each["metadata"]["name"] == f"{chart.NAME}-trigger")
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": ROLE}}
    control_plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump({**role, "rules": rules}))
    account = f"--serviceaccount={namespace}:{ROLE}"
    control_plane.kubectl("-n", namespace, "create", "rolebinding", ROLE, f"--clusterrole={ROLE}", account)


def asked(triggers: Triggers, task: str = "ship", **how: Any) -> str:
    """The name of the run; an authorizer sees a new binding a moment later."""
    call: dict[str, Any] = {"args": None, "at": None, "delay": None, "key": None, "missing_ok": True, **how}
    return triggers.ask(task, **call)


def test_it_is_refused_until_the_role_is_bound_and_then_done_once(
    control_plane: ControlPlane, namespace: str, attempt: Callable[[], Triggers]
) -> None:
    words = rf"not allowed without the role {ROLE}: .*cannot create resource \"scheduledruns\".*create rolebinding"
    with pytest.raises(TriggerError, match=words):
        asked(attempt())
    allow(control_plane, namespace)
    limit = time.monotonic() + 30
    while True:
        try:
            first = asked(attempt(), args={"order": 7}, delay="1h")
            break
        except TriggerError:
            assert time.monotonic() < limit
            time.sleep(0.1)
    again = attempt()
    assert asked(again, args={"order": 7}, delay="1h") == first
    second = asked(again, args={"order": 8}, key="order-8", at="2036-01-01T00:00:00Z")
    with pytest.raises(TriggerError, match=f"key 'order-8' has been used for run {second}, with different args"):
        asked(again, args={"order": 9}, key="order-8", at="2036-01-01T00:00:00Z")
    wanted = ("taskRef", "idempotencyKey", "args", "delay", "at")
    runs = {
        run["metadata"]["name"]: {field: value for field, value in run["spec"].items() if field in wanted}
        for run in items(control_plane, namespace, "scheduledruns")
    }
    assert runs == {
        first: {
            "taskRef": {"name": "ship"},
            "idempotencyKey": "uid-1/call-1",
            "args": {"order": 7},
            "delay": "1h",
        },
        second: {
            "taskRef": {"name": "ship"},
            "idempotencyKey": "order-8",
            "args": {"order": 8},
            "at": "2036-01-01T00:00:00Z",
        },
    }
    with pytest.raises(TriggerError, match=r"the API server refused the run: .*delay"):
        asked(attempt(), delay="soon", key="bad")


def test_whoever_is_not_who_he_says_is_not_trusted(
    control_plane: ControlPlane, secrets: Path, attempt: Callable[[], Triggers]
) -> None:
    (secrets / "token").write_text("stale")
    with pytest.raises(TriggerError, match=r"the API server does not take the pod's token: Unauthorized"):
        asked(attempt())
