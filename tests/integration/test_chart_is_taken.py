"""What the charts render is taken by a real API server, with every value that adds to it."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chart
import pytest
import yaml
from api_server import ROOT

from cluster import monitoring_crds
from cluster.control_plane import ControlPlane
from cluster.processes import ClusterError

HOME = "chart-home"
EVERYTHING = (
    "replicas=2",
    "podDisruptionBudget.enabled=true",
    "networkPolicy.enabled=true",
    "metrics.serviceMonitor.enabled=true",
    "metrics.alerts.enabled=true",
    "metrics.dashboard.enabled=true",
    "dashboard.enabled=true",
    "dashboard.url=https://cron.example.com",
    "dashboard.ingress.enabled=true",
    "dashboard.ingress.tlsSecret=cron-tls",
    "commonLabels.team=a",
    "podLabels.team=a",
    "priorityClassName=system-cluster-critical",
    "extraEnv[0].name=HTTPS_PROXY",
    "extraEnv[0].value=http://proxy:3128",
    "extraArgs[0]=--log-format=text",
)
VALUES = {
    "by default": (),
    "with everything": EVERYTHING,
    "for two namespaces": ("watchNamespaces={default,kube-public}", "replicas=2"),
    "behind a proxy, with a certificate of one's own": (
        "dashboard.enabled=true",
        "dashboard.url=https://cron.example.com",
        "dashboard.login=proxy",
        "webhook.secretName=mine",
        "webhook.annotations.cert-manager\\.io/inject-ca-from=home/mine",
    ),
}


@pytest.fixture(scope="module")
def home(control_plane: ControlPlane) -> str:
    """A namespace to install in, on a cluster that knows the Prometheus operator's kinds."""
    for path in monitoring_crds.files():
        control_plane.kubectl("apply", "--server-side", "-f", str(path))
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    control_plane.kubectl("create", "namespace", HOME)
    return HOME


def _taken(control_plane: ControlPlane, manifests: str) -> str:
    """What the API server says to each; nothing is made. Fields that it does not know are errors."""
    return control_plane.kubectl(
        *("create", "--dry-run=server", "--validate=strict", "-o", "name", "-f", "-"), stdin=manifests
    )


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_all_that_is_rendered_is_taken(control_plane: ControlPlane, home: str, values: tuple[str, ...]) -> None:
    settings = [part for value in values for part in ("--set", value)]
    # The CRDs are there: the API server takes those in every test.
    manifests = chart.rendered("--namespace", home, "--set", "crds.enabled=false", *settings)
    for manifest in manifests:
        manifest["metadata"].setdefault("namespace", home)
    assert _taken(control_plane, chart.as_text(manifests)).splitlines() != []


@pytest.mark.parametrize("name", ["2026", "null"])
def test_names_that_yaml_reads_as_something_else_stay_names(control_plane: ControlPlane, home: str, name: str) -> None:
    control_plane.kubectl("create", "namespace", name)
    named = {"dashboard.ingress.className": name, "dashboard.ingress.tlsSecret": name, "watchNamespaces": [name]}
    settings = [part for value in ("crds.enabled=false", *EVERYTHING) for part in ("--set", value)]
    settings += [part for value in named.items() for part in ("--set-json", f"{value[0]}={json.dumps(value[1])}")]
    manifests = chart.rendered("--namespace", name, *settings, release="true")
    roles = [each for each in manifests if each["kind"] == "Role" and each["metadata"]["name"] == "true-crontask"]
    assert [role["metadata"]["namespace"] for role in roles] == [name]
    for manifest in manifests:
        manifest["metadata"].setdefault("namespace", name)
    assert _taken(control_plane, chart.as_text(manifests)).splitlines() != []
    own = ("--set", "crds.enabled=false", "--set-json", f'webhook.secretName="{name}"')
    (deployment,) = (each for each in chart.rendered(*own) if each["kind"] == "Deployment")
    assert deployment["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"] == name


@pytest.mark.parametrize("release", ["2026", "a.b"])
def test_a_release_that_no_service_can_be_called_after_is_refused(release: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        chart.rendered(release=release)
    assert f"release {release}: Services are called after it; begin it with a letter" in refused.value.stderr


def test_a_field_that_a_service_monitor_does_not_have_is_found(control_plane: ControlPlane, home: str) -> None:
    manifests = chart.rendered("--namespace", home, "--set", "metrics.serviceMonitor.enabled=true")
    (monitor,) = (manifest for manifest in manifests if manifest["kind"] == "ServiceMonitor")
    monitor["metadata"]["namespace"] = home
    monitor["spec"]["endpoints"][0]["intervall"] = "30s"
    with pytest.raises(ClusterError, match="intervall"):
        _taken(control_plane, json.dumps(monitor))


def test_what_an_administrator_installs_apart_is_all_that_is_of_the_cluster(control_plane: ControlPlane) -> None:
    apart = chart.rendered(chart=chart.OF_THE_CLUSTER, release="crontask-crds")
    of_the_rest = chart.rendered(
        "--set", "crds.enabled=false,admissionPolicy.enabled=false,userRoles.enabled=false", release="crontask"
    )
    whole = chart.rendered(release="crontask")
    assert _named(apart) + _named(of_the_rest) == sorted(_named(whole), key=(_named(apart) + _named(of_the_rest)).index)
    assert {kind for kind, _ in _named(apart)} == {
        "ClusterRole",
        "CustomResourceDefinition",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
    crds = [manifest for manifest in apart if manifest["kind"] == "CustomResourceDefinition"]
    for crd in crds:
        assert crd["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert crds == [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]
    policies = [manifest for manifest in apart if manifest not in crds]
    assert len(_taken(control_plane, chart.as_text(policies)).splitlines()) == len(policies)


@pytest.mark.parametrize(
    ("part", "alias", "values"),
    [
        (chart.CHART, "", {}),
        (chart.CHART, "cron", {}),
        (chart.CHART, "", {"global": {"imageRegistry": "r.example.com"}}),
        (chart.OF_THE_CLUSTER, "", {"global": {"imageRegistry": "r.example.com"}}),
        (chart.OF_THE_CLUSTER, "crds", {}),
    ],
)
def test_each_can_be_a_part_of_somebody_s_chart(part: Path, alias: str, values: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(part, tmp_path / "charts" / part.name)
    version = yaml.safe_load((part / "Chart.yaml").read_text())["version"]
    needed = {"name": part.name, "version": version, **({"alias": alias} if alias else {})}
    mine = {"apiVersion": "v2", "name": "mine", "version": "1.0.0", "dependencies": [needed]}
    (tmp_path / "Chart.yaml").write_text(json.dumps(mine))
    (tmp_path / "values.yaml").write_text(json.dumps(values))
    found = _named(chart.rendered(chart=tmp_path, release="crontask"))
    assert sorted(found) == sorted(_named(chart.rendered(chart=part, release="crontask")))


@pytest.mark.parametrize("value", ["crontask-crds.crds.enabled=false", "crontask-crds.keep=true"])
def test_the_part_of_the_cluster_has_no_values_of_its_own(value: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        chart.rendered("--set", value)
    assert "/crontask-crds" in refused.value.stderr


def test_the_charts_have_one_version() -> None:
    parent, child = (yaml.safe_load((path / "Chart.yaml").read_text()) for path in (chart.CHART, chart.OF_THE_CLUSTER))
    assert parent["version"] == child["version"] == parent["dependencies"][0]["version"]
    assert parent["appVersion"] == child["appVersion"]


def _named(manifests: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests]


def _sections(values: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield f"{before}{name}"
            yield from _sections(value, f"{before}{name}.")


@pytest.mark.parametrize("part", [chart.CHART, chart.OF_THE_CLUSTER], ids=["crontask", "crontask-crds"])
def test_a_section_of_nothing_is_asked_for_by_its_name(part: Path) -> None:
    """With null helm takes its defaults away: where they are needed the schema says so, and no template fails."""
    sections = list(_sections(yaml.safe_load((part / "values.yaml").read_text())))
    assert {"crds", "userRoles"} <= set(sections)
    for section in sections:
        try:
            chart.rendered("--set-json", f"{section}=null", chart=part)
        except subprocess.CalledProcessError as error:
            assert f"missing property '{section.rpartition('.')[2]}'" in error.stderr, section
