"""What the page about GitOps says: of the chart as it is rendered without a cluster, and of an API server."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_server import ROOT, Processes, items, until
from chart import rendered
from lupa import lua51
from verbs import Verbs, container

from cluster import binaries
from cluster.control_plane import ControlPlane
from crontask.cli.ailments import our_webhooks

PAGE = (ROOT / "docs" / "gitops.md").read_text(encoding="utf-8")
FILES = {
    name: list(yaml.safe_load_all(text))
    for name, text in re.findall(r"^```yaml\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
}
MOST_OF_AN_ANNOTATION = 262_144
"""Bytes: what kubectl apply keeps of an object in an annotation of it."""


def as_argo_cd(*settings: str) -> str:
    """The chart as Argo CD has it rendered, by the names of the page."""
    helm = binaries.find(["helm"])["helm"]
    command = [str(helm), "template", "crontask", str(ROOT / "charts" / "crontask"), "-n", "crontask-system", *settings]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def values(tmp_path: Path) -> list[str]:
    """The page's values, as an argument of helm."""
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump(FILES["values.yaml"][0]), encoding="utf-8")
    return ["--values", str(path)]


# --- the webhook's certificate ---------------------------------------------------------------------------------------


def test_without_a_cluster_each_rendering_has_another_certificate_unless_a_secret_is_named(values: list[str]) -> None:
    assert as_argo_cd() != as_argo_cd()
    first, second = as_argo_cd(*values), as_argo_cd(*values)
    assert first == second
    assert "kind: Secret\n" not in first


def test_with_a_secret_the_chart_leaves_the_authority_to_cert_manager(values: list[str]) -> None:
    manifests = [each for each in yaml.safe_load_all(as_argo_cd(*values)) if each]
    (configuration,) = (each for each in manifests if each["kind"] == "ValidatingWebhookConfiguration")
    issuer, certificate = FILES["certificate.yaml"]
    name = f"{certificate['metadata']['namespace']}/{certificate['metadata']['name']}"
    assert configuration["metadata"]["annotations"] == {"cert-manager.io/inject-ca-from": name}
    hooks = our_webhooks([configuration])
    assert len(hooks) == 2
    assert all("caBundle" not in hook["clientConfig"] for hook in hooks)
    service = hooks[0]["clientConfig"]["service"]
    assert certificate["spec"]["dnsNames"] == [f"{service['name']}.{service['namespace']}.svc"]
    assert certificate["spec"]["issuerRef"]["name"] == issuer["metadata"]["name"]
    (deployment,) = (each for each in manifests if each["kind"] == "Deployment")
    (volume,) = (each for each in deployment["spec"]["template"]["spec"]["volumes"] if each["name"] == "webhook")
    assert volume["secret"]["secretName"] == certificate["spec"]["secretName"]


def test_the_name_of_the_service_has_the_release_in_it_as_the_page_says() -> None:
    (service,) = (
        hook["clientConfig"]["service"]["name"]
        for hook in our_webhooks([each for each in rendered() if each["kind"] == "ValidatingWebhookConfiguration"])[:1]
    )
    assert service == "somewhere-crontask-webhook"
    assert "`RELEASE-crontask-webhook.NAMESPACE.svc`" in PAGE


def test_the_applications_values_are_those_of_the_page_and_the_chart_takes_them(tmp_path: Path) -> None:
    application, _ = FILES["application.yaml"]
    values = application["spec"]["source"]["helm"]["valuesObject"]
    assert values["webhook"] == FILES["values.yaml"][0]["webhook"]
    release, _ = FILES["flux.yaml"]
    for number, each in enumerate((values, release["spec"]["values"])):
        path = tmp_path / f"{number}.yaml"
        path.write_text(yaml.safe_dump(each), encoding="utf-8")
        assert f'image: "{each["image"]["repository"]}:' in as_argo_cd("--values", str(path))


def test_the_crds_come_with_the_templates_stay_and_are_small_enough_for_every_kind_of_apply() -> None:
    crds = [each for each in rendered() if each["kind"] == "CustomResourceDefinition"]
    assert len(crds) == 2
    for crd in crds:
        assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert len(json.dumps(crd)) < MOST_OF_AN_ANNOTATION


# --- health ----------------------------------------------------------------------------------------------------------


def argo_health(task: dict[str, Any]) -> str:
    """What Argo CD says of a task, by the script of the page; its Lua is 5.1 as well."""
    (config,) = FILES["argocd-cm.yaml"]
    script = config["data"]["resource.customizations.health.crontask.dev_CronTask"]
    lua = lua51.LuaRuntime()
    lua.globals().obj = lua.table_from(task, recursive=True)
    return str(lua.execute(script).status)


def test_health_follows_what_the_operator_says(
    control_plane: ControlPlane, namespace: str, processes: Processes
) -> None:
    verbs = Verbs(control_plane, namespace)
    specs: dict[str, dict[str, Any]] = {
        "good": {"schedule": "30 2 * * *", "handler": container()},
        "bad": {"schedule": "61 * * * *", "handler": container()},
        "paused": {"schedule": "30 2 * * *", "suspend": True, "handler": container()},
    }
    for name, spec in specs.items():
        verbs.make("CronTask", name, spec)
    assert {argo_health(verbs.get("ct", name)) for name in specs} == {"Progressing"}
    processes.operator()
    wanted = {"good": "Healthy", "bad": "Degraded", "paused": "Suspended"}
    until("health", lambda: {name: argo_health(verbs.get("ct", name)) for name in specs} == wanted)
    # What Flux goes by.
    found = {name: verbs.get("ct", name) for name in specs}
    ready = {name: _condition(task, "Ready") for name, task in found.items()}
    assert ready == {"good": "True", "bad": "False", "paused": "True"}
    assert _condition(found["bad"], "Stalled") == "True"


def _condition(task: dict[str, Any], type_: str) -> str:
    return next((each["status"] for each in task["status"]["conditions"] if each["type"] == type_), "")


# --- pauses, defaults, runs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [("--server-side", "--field-manager=gitops"), ()], ids=["server-side", "client-side"])
def test_a_pause_by_command_outlasts_a_sync_unless_git_says_suspend_false(
    how: tuple[str, ...], control_plane: ControlPlane, namespace: str
) -> None:
    verbs = Verbs(control_plane, namespace)
    forced = ("--force-conflicts",) if how else ()

    def sync(**more: Any) -> bool:
        spec = {"schedule": "30 2 * * *", "handler": container(), **more}
        manifest = {"apiVersion": "crontask.dev/v1alpha1", "kind": "CronTask", "metadata": {"name": "a"}, "spec": spec}
        verbs.kubectl("apply", *how, *forced, "-f", "-", stdin=json.dumps(manifest))
        return bool(verbs.get("ct", "a")["spec"].get("suspend"))

    assert not sync()
    verbs("suspend", "a", "--reason", "on call")
    assert sync()
    assert not sync(suspend=False)


def test_the_api_server_fills_in_defaults_in_lists(control_plane: ControlPlane, namespace: str) -> None:
    verbs = Verbs(control_plane, namespace)
    verbs.make("CronTask", "a", {"handler": {"steps": [{"name": "only", "container": {"image": "busybox:1.36"}}]}})
    (step,) = verbs.get("ct", "a")["spec"]["handler"]["steps"]
    assert set(step) > {"name", "container"}


def test_a_run_is_no_part_of_an_application(control_plane: ControlPlane, namespace: str, processes: Processes) -> None:
    """It has the operator's labels, and an owner; nothing by which a tool tracks what it applies."""
    verbs = Verbs(control_plane, namespace)
    marks = {
        "labels": {"app.kubernetes.io/instance": "shop-tasks", "kustomize.toolkit.fluxcd.io/name": "shop-tasks"},
        "annotations": {"argocd.argoproj.io/tracking-id": "shop-tasks:crontask.dev/CronTask:shop/a"},
    }
    processes.operator()
    verbs.make("CronTask", "a", {"interval": "1s", "handler": container()}, **marks)
    run = until("a run", lambda: items(control_plane, namespace, "scheduledruns"))[0]
    assert [owner["name"] for owner in run["metadata"]["ownerReferences"]] == ["a"]
    named = {*run["metadata"].get("labels", {}), *run["metadata"].get("annotations", {})}
    assert named
    assert all(key.startswith("crontask.dev/") for key in named)


def test_the_run_after_a_sync_is_taken(control_plane: ControlPlane, namespace: str) -> None:
    (run,) = FILES["after-sync.yaml"]
    control_plane.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(run))
    (made,) = items(control_plane, namespace, "scheduledruns")
    assert made["metadata"]["name"].startswith("migrate-")
