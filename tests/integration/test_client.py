"""The client's two transports against a real API server: one suite, run with both."""

import base64
import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_server import until, until_allowed
from both_clients import BOTH, cluster_by

from cluster.control_plane import ControlPlane
from cluster.processes import ClusterError
from crontask.api.resources import CRON_JOB, CRON_TASK, EVENT, POD, SCHEDULED_RUN, Resource
from crontask.client import Access, Cluster, Flags, errors, load
from crontask.client.access import Surroundings

Connect = Callable[[Access], Any]


@pytest.fixture(params=BOTH)
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """A client over each of the transports."""
    with ExitStack() as stack:
        yield lambda access: stack.enter_context(cluster_by(request.param, access))


@pytest.fixture
def cluster(connect: Connect, control_plane: ControlPlane, namespace: str) -> Any:
    """A client of an admin."""
    return connect(load(Flags(kubeconfig=str(control_plane.kubeconfig), namespace=namespace)))


def task(name: str, **spec: Any) -> dict[str, Any]:
    handler = {"container": {"image": "busybox:1.36"}}
    return {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "CronTask",
        "metadata": {"name": name, "labels": {"app": "shop"}},
        "spec": {"schedule": "30 2 * * *", "handler": handler, **spec},
    }


def names(document: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in document["items"]]


def test_an_object_is_created_read_patched_and_deleted(cluster: Any, namespace: str) -> None:
    created = cluster.create(CRON_TASK, task("nightly"), manager="test")
    assert created["metadata"]["namespace"] == namespace
    changed = cluster.patch(CRON_TASK, "nightly", {"spec": {"suspend": True}}, manager="test")
    assert cluster.get(CRON_TASK, "nightly") == changed
    again = cluster.patch(CRON_TASK, "nightly", [{"op": "replace", "path": "/spec/suspend", "value": False}])
    assert (changed["spec"]["suspend"], again["spec"]["suspend"]) == (True, False)
    cluster.delete(CRON_TASK, "nightly", uid=created["metadata"]["uid"])
    with pytest.raises(errors.NotFound) as caught:
        cluster.get(CRON_TASK, "nightly")
    assert 'crontasks.crontask.dev "nightly" not found' in caught.value.message
    assert not caught.value.unknown_resource


def test_what_the_server_refuses_has_its_type(cluster: Any) -> None:
    made = cluster.create(CRON_TASK, task("nightly"))["metadata"]
    with pytest.raises(errors.AlreadyExists):
        cluster.create(CRON_TASK, task("nightly"))
    with pytest.raises(errors.Invalid) as invalid:
        cluster.create(CRON_TASK, task("another", historyLimits="many"))
    assert "historyLimits" in invalid.value.message
    with pytest.raises(errors.Invalid) as causes:
        cluster.create(CRON_TASK, task("another", suspend="yes"))
    assert {cause.field for cause in causes.value.causes} == {"spec.suspend", ""}
    with pytest.raises(errors.NotFound) as unknown:
        cluster.list(Resource("apis/crontask.dev/v1alpha1", "cronthings", "CronThing"))
    assert unknown.value.unknown_resource
    with pytest.raises(errors.Conflict):
        cluster.delete(CRON_TASK, "nightly", uid="another-uid")
    with pytest.raises(errors.Conflict):
        cluster.patch(CRON_TASK, "nightly", {"metadata": {"resourceVersion": "1"}, "spec": {"suspend": True}})
    cluster.delete(CRON_TASK, "nightly", uid=made["uid"], version=made["resourceVersion"])


def test_server_side_apply_names_who_owns_a_field(cluster: Any) -> None:
    cluster.apply(CRON_TASK, task("nightly"), manager="crontask-sdk/shop")
    changed = task("nightly", schedule="0 3 * * *")
    with pytest.raises(errors.Conflict) as caught:
        cluster.apply(CRON_TASK, changed, manager="other")
    assert [(cause.field, cause.reason) for cause in caught.value.causes] == [
        (".spec.schedule", "FieldManagerConflict")
    ]
    assert "crontask-sdk/shop" in caught.value.causes[0].message
    assert (
        cluster.apply(CRON_TASK, changed, manager="other", dry_run=True, force=True)["spec"]["schedule"] == "0 3 * * *"
    )
    assert cluster.get(CRON_TASK, "nightly")["spec"]["schedule"] == "30 2 * * *"
    assert cluster.apply(CRON_TASK, changed, manager="other", force=True)["spec"]["schedule"] == "0 3 * * *"


def test_a_list_by_pages_selector_and_field(cluster: Any) -> None:
    for name in ("a", "b", "c", "d", "e"):
        cluster.create(CRON_TASK, task(name))
    found = cluster.list(CRON_TASK, selector="app=shop", limit=2)
    assert (names(found), found["kind"]) == (["a", "b", "c", "d", "e"], "CronTaskList")
    assert {item["kind"] for item in found["items"]} == {"CronTask"}
    assert names(cluster.list(CRON_TASK, fields="metadata.name=c")) == ["c"]
    assert names(cluster.list(CRON_TASK, selector="app=other")) == []
    assert set(names(cluster.list(CRON_TASK, namespace="", limit=2))) >= {"a", "e"}
    assert cluster.list(EVENT)["items"] == cluster.list(POD)["items"] == []


def test_the_items_of_a_built_in_kind_say_what_they_are(cluster: Any) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}}
    cluster.create(CRON_JOB, {"metadata": {"name": "with.dots"}, "spec": spec})
    assert [(item["kind"], item["apiVersion"]) for item in cluster.list(CRON_JOB)["items"]] == [("CronJob", "batch/v1")]


def test_a_watch_sees_what_comes_and_goes(cluster: Any, namespace: str) -> None:
    cluster.create(CRON_TASK, task("a"))
    known = cluster.list(CRON_TASK)
    cluster.patch(CRON_TASK, "a", {"spec": {"suspend": True}})
    cluster.create(CRON_TASK, task("b"))
    cluster.delete(CRON_TASK, "a")
    events = cluster.watch(CRON_TASK, after=known, timeout=20)
    seen = [(event.type, event.object["metadata"]["name"]) for event in itertools.islice(events, 3)]
    assert seen == [("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")]
    began = time.monotonic()
    assert [event.type for event in cluster.watch(CRON_TASK, name="b", timeout=1.5)] == ["ADDED"]
    assert 1 <= time.monotonic() - began < 60


def test_a_watch_from_a_version_that_is_gone_lists_again(cluster: Any) -> None:
    """An API server answers 410 of a version that it has compacted; 1 is one."""
    cluster.create(CRON_TASK, task("a"))
    old = {"metadata": {"resourceVersion": "1"}, "items": []}
    events = cluster.watch(CRON_TASK, after=old, timeout=10)
    event = next(events)
    events.close()
    assert (event.type, event.object["metadata"]["name"]) == ("ADDED", "a")


def test_what_we_may_do(connect: Connect, control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl(
        "-n", namespace, "create", "role", "reader", "--verb=get,list", "--resource=crontasks.crontask.dev"
    )
    control_plane.kubectl("-n", namespace, "create", "rolebinding", "reader", "--role=reader", "--user=ann")
    until_allowed(control_plane, "ann", namespace, "list", "crontasks.crontask.dev")
    kubeconfig = control_plane.kubeconfig_for("ann")
    ann = connect(load(Flags(kubeconfig=str(kubeconfig), namespace=namespace)))
    assert ann.can("list", CRON_TASK)
    assert not ann.can("list", CRON_TASK, namespace="")
    assert not ann.can("create", SCHEDULED_RUN)
    assert names(ann.list(CRON_TASK)) == []
    with pytest.raises(errors.Forbidden) as caught:
        ann.create(SCHEDULED_RUN, {"metadata": {"name": "x"}, "spec": {"taskRef": {"name": "t"}}})
    refused = caught.value
    assert (refused.verb, refused.resource, refused.name, refused.namespace) == (
        "create",
        "scheduledruns.crontask.dev",
        "x",
        namespace,
    )
    assert 'User "ann" cannot create resource "scheduledruns"' in refused.message


def test_acting_as_another(connect: Connect, control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl(
        "-n", namespace, "create", "role", "reader", "--verb=list", "--resource=crontasks.crontask.dev"
    )
    control_plane.kubectl("-n", namespace, "create", "rolebinding", "reader", "--role=reader", "--group=shop-devs")
    bob = Flags(kubeconfig=str(control_plane.kubeconfig), namespace=namespace, as_user="bob")
    assert not connect(load(bob)).can("list", CRON_TASK)
    of_shop = connect(load(replace(bob, as_groups=("devs", "shop-devs"))))
    until("the role is known", lambda: of_shop.can("list", CRON_TASK))


def test_version_and_namespaces(cluster: Any, namespace: str) -> None:
    assert cluster.version()["major"] == "1"
    assert {"default", namespace} <= set(cluster.namespaces())


def test_a_log_of_a_pod_that_is_not_there(cluster: Any) -> None:
    with pytest.raises(errors.NotFound) as caught:
        list(cluster.logs("none"))
    assert caught.value.asked.subresource == "log"


def test_in_a_pod_the_token_of_the_service_account_is_taken(
    connect: Connect, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    admin = yaml.safe_load(control_plane.kubeconfig.read_text())["clusters"][0]["cluster"]
    host, _, port = admin["server"].removeprefix("https://").rpartition(":")
    control_plane.kubectl("-n", namespace, "create", "serviceaccount", "job")
    token = control_plane.kubectl("-n", namespace, "create", "token", "job")
    (tmp_path / "token").write_text("expired")
    (tmp_path / "namespace").write_text(namespace)
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(admin["certificate-authority-data"]))
    where = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    pod = connect(load(Flags(), Surroundings(where, tmp_path / "home", tmp_path)))
    with pytest.raises(errors.Unauthorized):
        pod.get(CRON_TASK, "x")
    (tmp_path / "token").write_text(token)
    with pytest.raises(errors.Forbidden, match=f"system:serviceaccount:{namespace}:job"):
        pod.get(CRON_TASK, "x")


def test_a_plugin_renews_its_client_certificate(
    connect: Connect, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """First ann's, which has passed at once, and then bob's."""

    def prints(user: str, until: str) -> None:
        of_user = yaml.safe_load(control_plane.kubeconfig_for(user).read_text())["users"][0]["user"]
        pair = {
            "clientCertificateData": base64.b64decode(of_user["client-certificate-data"]).decode(),
            "clientKeyData": base64.b64decode(of_user["client-key-data"]).decode(),
        }
        version = "client.authentication.k8s.io/v1"
        status = {**pair, "expirationTimestamp": until}
        (tmp_path / "prints").write_text(
            json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
        )

    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "cat"}
    config["users"][0]["user"] = {"exec": {**plugin, "args": [str(tmp_path / "prints")]}}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    cluster = connect(load(Flags(kubeconfig=str(path), namespace=namespace)))
    prints("ann", "2020-01-01T00:00:00Z")
    with pytest.raises(errors.Forbidden, match='User "ann"'):
        cluster.list(CRON_TASK)
    prints("bob", "2099-01-01T00:00:00Z")
    with pytest.raises(errors.Forbidden, match='User "bob"'):
        cluster.list(CRON_TASK)


def test_a_child_has_connections_of_its_own(control_plane: ControlPlane, namespace: str) -> None:
    with Cluster(load(Flags(kubeconfig=str(control_plane.kubeconfig), namespace=namespace))) as cluster:
        cluster.create(CRON_TASK, task("a"))
        children = []
        for _ in range(3):
            child = os.fork()
            if child == 0:
                found = [cluster.get(CRON_TASK, "a")["metadata"]["name"] for _ in range(20)]
                os._exit(0 if found == ["a"] * 20 else 1)
            children.append(child)
        assert [cluster.get(CRON_TASK, "a")["metadata"]["name"] for _ in range(20)] == ["a"] * 20
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
        assert names(cluster.list(CRON_TASK)) == ["a"]


def test_a_watch_survives_an_api_server_that_goes_away(
    connect: Connect, control_plane: ControlPlane, namespace: str
) -> None:
    cluster = connect(load(Flags(kubeconfig=str(control_plane.kubeconfig), namespace=namespace)))
    cluster.create(CRON_TASK, task("a"))
    events = cluster.watch(CRON_TASK, timeout=90)
    assert next(events).object["metadata"]["name"] == "a"
    restarting = threading.Thread(target=_restart_and_create, args=(control_plane, namespace))
    restarting.start()
    try:
        event = next(events)
    finally:
        restarting.join()
        events.close()
    assert (event.type, event.object["metadata"]["name"]) == ("ADDED", "b")


def _restart_and_create(control_plane: ControlPlane, namespace: str) -> None:
    time.sleep(1)
    control_plane.stop_apiserver(grace=0)
    control_plane.start_apiserver()
    until("it is there", lambda: _created(control_plane, namespace))


def _created(control_plane: ControlPlane, namespace: str) -> bool:
    try:
        control_plane.kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(task("b")))
    except ClusterError:
        return False
    return True
