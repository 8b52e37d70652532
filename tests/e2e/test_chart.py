"""The chart: what it renders under its values, what it refuses, and which rights an installation has.

The installation here is a second one, beside the one of the session: its own namespace and name, no operator running
(two would lead), and the CRDs left to the first. An uninstall of the first is in test_operator.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from bench import Bench
from cryptography import x509

from installation import CHART, Tools

Manifest = dict[str, Any]
PAGE = ("dashboard.enabled=true", "dashboard.url=https://cron.example.com")
CRDS = ("crontasks.crontask.dev", "scheduledruns.crontask.dev")

# Each right of the ClusterRole, beside what needs it.
NEEDED = [
    ("list", "crontasks.crontask.dev", "the informer"),
    ("watch", "crontasks.crontask.dev", "the informer"),
    ("get", "crontasks.crontask.dev", "a fresh look after a conflict"),
    ("update", "crontasks.crontask.dev/status", "the task's status"),
    ("list", "scheduledruns.crontask.dev", "the informer"),
    ("watch", "scheduledruns.crontask.dev", "the informer"),
    ("create", "scheduledruns.crontask.dev", "a scheduled start"),
    ("get", "scheduledruns.crontask.dev", "a name that is taken"),
    ("patch", "scheduledruns.crontask.dev", "the owner of a run made by hand; cancel by Replace"),
    ("delete", "scheduledruns.crontask.dev", "history"),
    ("update", "scheduledruns.crontask.dev/status", "the run's status"),
    ("list", "pods", "the informer"),
    ("watch", "pods", "the informer"),
    ("create", "pods", "an attempt"),
    ("get", "pods", "a name that is taken"),
    ("patch", "pods", "a stop by cancel, timeout and Replace; an end for sidecars that are left over"),
    ("delete", "pods", "a stop of what has not started, or whose kubelet does not answer"),
    ("create", "events", "telling"),
    ("get", "events", "telling again"),
    ("patch", "events", "telling again"),
]
LEASES = "leases.coordination.k8s.io"
REFUSED = [
    *((verb, "secrets") for verb in ("get", "list", "watch", "create")),
    *((verb, "nodes") for verb in ("get", "list")),
    *(("create", resource) for resource in ("pods/exec", "pods/attach", "pods/portforward")),
    ("get", "pods/log"),
    *((verb, "crontasks.crontask.dev") for verb in ("create", "patch", "update", "delete")),
    *(
        (verb, f"{kind}webhookconfigurations.admissionregistration.k8s.io")
        for kind in ("validating", "mutating")
        for verb in ("get", "create", "patch")
    ),
    ("create", "clusterrolebindings.rbac.authorization.k8s.io"),
    ("impersonate", "serviceaccounts"),
]


def _settings(*values: str) -> list[str]:
    return [part for value in values for part in ("--set", value)]


def _rendered(tools: Tools, *values: str) -> dict[str, list[Manifest]]:
    """The chart's manifests by kind."""
    found: dict[str, list[Manifest]] = {}
    for manifest in yaml.safe_load_all(
        tools.helm("template", "crontask", str(CHART), "--namespace", "home", *_settings(*values))
    ):
        if manifest is not None:
            found.setdefault(manifest["kind"], []).append(manifest)
    return found


def _pod(deployment: Manifest) -> Manifest:
    return dict(deployment["spec"]["template"]["spec"])


def _environment(deployment: Manifest) -> dict[str, str]:
    """Values, and in place of references the path that they read."""
    variables = _pod(deployment)["containers"][0]["env"]
    return {v["name"]: v["value"] if "value" in v else v["valueFrom"]["fieldRef"]["fieldPath"] for v in variables}


def test_lint_finds_nothing(tools: Tools) -> None:
    assert "0 chart(s) failed" in tools.helm("lint", str(CHART), "--strict")


def test_without_values_the_operator_gets_the_defaults(tools: Tools) -> None:
    deployment = _rendered(tools)["Deployment"][0]
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "RollingUpdate"}
    assert _pod(deployment)["terminationGracePeriodSeconds"] == 30
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    container = _pod(deployment)["containers"][0]
    assert container["image"] == f"crontask/operator:{version}"
    assert container["args"] == ["operator"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "probes"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "readiness"}
    ports = [{"name": "probes", "containerPort": 8080}, {"name": "readiness", "containerPort": 8082}]
    assert all(port in container["ports"] for port in ports)
    environment = _environment(deployment)
    assert {
        "CRONTASK_OPERATOR_SCHEDULING": "true",
        "CRONTASK_OPERATOR_START_RATE": "0",
        "CRONTASK_OPERATOR_KEEP_FINISHED": "10m",
        "CRONTASK_OPERATOR_LEASE_NAMESPACE": "metadata.namespace",
        "CRONTASK_OPERATOR_LEASE_NAME": "crontask",
        "CRONTASK_OPERATOR_IDENTITY": "metadata.name",
        "CRONTASK_OPERATOR_LOG_FORMAT": "json",
        "CRONTASK_OPERATOR_PROBE_PORT": "8080",
        "CRONTASK_OPERATOR_READINESS_PORT": "8082",
        "CRONTASK_OPERATOR_IN_FLIGHT": "256",
        "CRONTASK_OPERATOR_RUNNER_IMAGE": f"crontask/operator:{version}",
        "CRONTASK_OPERATOR_WEBHOOK_PORT": "9443",
        "CRONTASK_OPERATOR_METRICS_PORT": "8081",
        "CRONTASK_OPERATOR_TASK_METRICS": "auto",
    }.items() <= environment.items()


def test_values_reach_the_operator(tools: Tools) -> None:
    deployment = _rendered(
        tools,
        "replicas=2",
        "image.repository=mine/operator",
        "image.tag=v9",
        "image.pullPolicy=Never",
        "imagePullSecrets[0].name=registry",
        "scheduling.enabled=false",
        "startRate=50",
        "inFlight=64",
        "runnerImage=mine/runner:v1",
        "keepFinished=1h30m",
        "log.format=text",
        "metrics.tasks=on",
        "podAnnotations.team=data",
        "nodeSelector.disk=fast",
        "tolerations[0].operator=Exists",
        "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight=1",
        "topologySpreadConstraints[0].maxSkew=1",
    )["Deployment"][0]
    pod, environment = _pod(deployment), _environment(deployment)
    assert deployment["spec"]["replicas"] == 2
    assert (pod["containers"][0]["image"], pod["containers"][0]["imagePullPolicy"]) == ("mine/operator:v9", "Never")
    assert deployment["spec"]["template"]["metadata"]["annotations"] == {"team": "data"}
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert (pod["nodeSelector"], pod["tolerations"]) == ({"disk": "fast"}, [{"operator": "Exists"}])
    assert list(pod["affinity"]) == ["nodeAffinity"]
    assert pod["topologySpreadConstraints"] == [{"maxSkew": 1}]
    assert environment["CRONTASK_OPERATOR_SCHEDULING"] == "false"
    assert environment["CRONTASK_OPERATOR_START_RATE"] == "50"
    assert environment["CRONTASK_OPERATOR_IN_FLIGHT"] == "64"
    assert environment["CRONTASK_OPERATOR_RUNNER_IMAGE"] == "mine/runner:v1"
    assert environment["CRONTASK_OPERATOR_KEEP_FINISHED"] == "1h30m"
    assert environment["CRONTASK_OPERATOR_LOG_FORMAT"] == "text"
    assert environment["CRONTASK_OPERATOR_TASK_METRICS"] == "on"


def test_what_somebody_asks_for_beside_it_is_there_and_else_is_not(tools: Tools) -> None:
    asked = _rendered(
        tools,
        "replicas=2",
        "podDisruptionBudget.enabled=true",
        "networkPolicy.enabled=true",
        "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=monitoring",
        "priorityClassName=important",
        "podLabels.team=data",
        "commonLabels.cost=shared",
        "extraArgs={--log-format=text}",
        "extraEnv[0].name=HTTPS_PROXY",
        "extraEnv[0].value=http://proxy:3128",
    )
    template = asked["Deployment"][0]["spec"]["template"]
    (budget,), (policy,) = asked["PodDisruptionBudget"], asked["NetworkPolicy"]
    for selector in (
        budget["spec"]["selector"],
        policy["spec"]["podSelector"],
        asked["Deployment"][0]["spec"]["selector"],
    ):
        assert selector["matchLabels"].items() <= template["metadata"]["labels"].items()
        # A selector cannot be changed: it has none of these.
        assert not selector["matchLabels"].keys() & {"team", "cost"}
    assert budget["spec"]["minAvailable"] == 1
    webhook, metrics = policy["spec"]["ingress"]
    assert (webhook["ports"][0]["port"], "from" in webhook) == ("webhook", False)
    assert metrics["from"] == [{"namespaceSelector": {"matchLabels": {"team": "monitoring"}}}]
    assert {"team": "data", "cost": "shared"}.items() <= template["metadata"]["labels"].items()
    assert template["spec"]["priorityClassName"] == "important"
    assert template["spec"]["containers"][0]["args"] == ["operator", "--log-format=text"]
    assert _environment(asked["Deployment"][0])["HTTPS_PROXY"] == "http://proxy:3128"
    mine = [each for kind, found in asked.items() if kind not in ("CustomResourceDefinition", "Pod") for each in found]
    assert [each["metadata"]["name"] for each in mine if each["metadata"]["labels"].get("cost") != "shared"] == []
    plain = _rendered(tools)
    assert not plain.keys() & {"PodDisruptionBudget", "NetworkPolicy"}
    assert "priorityClassName" not in _pod(plain["Deployment"][0])


def test_a_disruption_budget_of_one_replica_is_refused(tools: Tools) -> None:
    with pytest.raises(RuntimeError, match="set replicas to 2 or more"):
        _rendered(tools, "podDisruptionBudget.enabled=true")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("extraArgs=--log-format=text", "extraArgs"),
        ("podLabels.team=7", "podLabels/team"),
        ("extraEnv[0].value=x", "extraEnv/0"),
        ("startRate=fast", "startRate"),
        ("startRate=-1", "startRate"),
        ("inFlight=0", "inFlight"),
        ("webhook.enabled=sometimes", "webhook/enabled"),
        ("watchNamespaces={Shop}", "watchNamespaces/0"),
        ("watchNamespaces={shop,shop}", "watchNamespaces"),
        ("watchNamespaces=shop", "watchNamespaces"),
        ("userRoles.enabled=perhaps", "userRoles/enabled"),
        ("keepFinished=10 minutes", "keepFinished"),
        ("log.format=xml", "log/format"),
        ("logsURL=ftp://logs.example.com", "logsURL"),
        ("logsURL=https://logs.example.com/\\{podd\\}", "logsURL"),
        ("metrics.tasks=some", "metrics/tasks"),
        ("metrics.serviceMonitor.interval=often", "metrics/serviceMonitor/interval"),
        ("replicaCount=2", "replicaCount"),
        ("scheduling.enabled=never", "scheduling/enabled"),
        ("podAnnotations.prometheus\\.io/scrape=true", "got boolean, want string"),
        ("nodeSelector.disks=2", "nodeSelector/disks"),
        ("webhook.annotations.a=1", "webhook/annotations/a"),
        ("extraEnv[0].name=X,extraEnv[0].value=1", "extraEnv/0/value"),
        ("tolerations[0]=spot", "tolerations/0"),
        ("imagePullSecrets[0].nam=registry", "imagePullSecrets/0"),
        ("image.tag=@sha256:0123", "image/tag"),
        ("image.repository=r/crontask@sha256:0123", "image/repository"),
        ("image.digest=0123abcd", "image/digest"),
        ("commonLabels.my team=a", "my team"),
        ("commonLabels.team=a b", "commonLabels/team"),
        (
            "commonLabels.app\\.kubernetes\\.io/name=shop",
            "app/kubernetes/io/name is a label of the chart's own; remove it",
        ),
        ("metrics.alerts.enabled=true,metrics.alerts.runbooks=https://x/a: b", "metrics/alerts/runbooks"),
        ("dashboard.enabled=true,dashboard.url=https://me@cron.example.com", "dashboard/url"),
        ("dashboard.enabled=true,dashboard.url=http://cron.example.com", "dashboard/url"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(tools: Tools, value: str, words: str) -> None:
    with pytest.raises(RuntimeError) as refused:
        _rendered(tools, value)
    # Helm's versions write a path with dots or with slashes.
    assert words in str(refused.value).replace(".", "/")


def test_a_digest_stands_in_place_of_the_tag(tools: Tools) -> None:
    digest = f"sha256:{'0a' * 32}"
    (deployment,) = _rendered(tools, "image.repository=r/crontask", f"image.digest={digest}", "image.tag=v1")[
        "Deployment"
    ]
    assert _pod(deployment)["containers"][0]["image"] == f"r/crontask@{digest}"
    assert _environment(deployment)["CRONTASK_OPERATOR_RUNNER_IMAGE"] == f"r/crontask@{digest}"


def test_a_label_stands_once_and_the_nearest_one_counts(tools: Tools) -> None:
    values = ("commonLabels.team=all", "podLabels.team=pods", "podLabels.app\\.kubernetes\\.io/name=shop")
    monitor = ("metrics.serviceMonitor.enabled=true", "metrics.serviceMonitor.labels.team=monitors")
    text = tools.helm("template", "crontask", str(CHART), "--show-only=templates/deployment.yaml", *_settings(*values))
    labels = yaml.safe_load(text)["spec"]["template"]["metadata"]["labels"]
    assert (labels["team"], labels["app.kubernetes.io/name"]) == ("pods", "crontask")
    assert text.count("  team: ") + text.count('"team": ') == 2  # Of the Deployment, and of its pods.
    (found,) = _rendered(tools, *values, *monitor)["ServiceMonitor"]
    assert found["metadata"]["labels"]["team"] == "monitors"


def test_what_a_cluster_asks_of_every_pod_each_pod_of_the_chart_has(tools: Tools) -> None:
    page = ("dashboard.enabled=true", "dashboard.url=https://cron.example.com")
    place = ("nodeSelector.disk=fast", "tolerations[0].key=spot", "tolerations[0].operator=Exists")
    found = _rendered(tools, "podLabels.team=a", "commonLabels.cost=shared", *page, *place)
    pods = [each["spec"]["template"] for each in found["Deployment"]] + found["Pod"]
    assert len(pods) == 3
    for pod in pods:
        labels = pod["metadata"]["labels"]
        assert (labels["team"], labels["cost"]) == ("a", "shared")
        assert (pod["spec"]["nodeSelector"], pod["spec"]["tolerations"][0]["key"]) == ({"disk": "fast"}, "spot")
    assert len({pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in pods}) == 3


def test_a_million_starts_a_second_are_a_whole_number(tools: Tools) -> None:
    # As a file of values has it; helm reads --set by other rules.
    text = tools.helm("template", "crontask", str(CHART), "--set-json", "startRate=1000000")
    (deployment,) = (each for each in yaml.safe_load_all(text) if each and each["kind"] == "Deployment")
    assert _environment(deployment)["CRONTASK_OPERATOR_START_RATE"] == "1000000"


def test_no_watched_namespaces_can_be_written_as_null(tools: Tools) -> None:
    assert '--namespace, "home"' in tools.helm(
        *("template", "crontask", str(CHART), "--namespace", "home", "--set-json", "watchNamespaces=null")
    )


def test_the_page_is_off_unless_its_address_is_given(tools: Tools) -> None:
    assert len(_rendered(tools)["Deployment"]) == 1
    with pytest.raises(RuntimeError, match=r"dashboard\.url: is empty"):
        _rendered(tools, "dashboard.enabled=true")
    with pytest.raises(RuntimeError, match=r"dashboard\.ingress\.tlsSecret: is empty"):
        _rendered(tools, *PAGE, "dashboard.ingress.enabled=true")


def test_the_page_reads_tasks_and_runs_and_nothing_else(tools: Tools) -> None:
    found = _rendered(tools, *PAGE, "dashboard.ingress.enabled=true", "dashboard.ingress.tlsSecret=cron-tls")
    page = next(each for each in found["Deployment"] if each["metadata"]["name"] == "crontask-dashboard")
    container = _pod(page)["containers"][0]
    assert container["args"] == [
        *("dashboard", "--url", "https://cron.example.com"),
        *("--host", "0.0.0.0", "--login", "token", "--port", "8080"),
    ]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    role = next(each for each in found["ClusterRole"] if each["metadata"]["name"] == "crontask-dashboard")
    kinds = ["crontasks", "scheduledruns"]
    assert role["rules"] == [{"apiGroups": ["crontask.dev"], "resources": kinds, "verbs": ["get", "list", "watch"]}]
    (ingress,) = found["Ingress"]
    assert ingress["spec"]["tls"] == [{"hosts": ["cron.example.com"], "secretName": "cron-tls"}]
    # The operator's own Services lead to no page.
    labels = page["spec"]["template"]["metadata"]["labels"]
    for service in found["Service"]:
        leads = service["spec"]["selector"].items() <= labels.items()
        assert leads is (service["metadata"]["name"] == "crontask-dashboard")


def test_the_webhook_has_a_certificate_of_its_service_and_stands_in_nobody_s_way(tools: Tools) -> None:
    rendered = _rendered(tools)
    (secret,) = rendered["Secret"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["tls.crt"]))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["crontask-webhook.home.svc"]
    (configuration,) = rendered["ValidatingWebhookConfiguration"]
    for webhook in configuration["webhooks"]:
        assert webhook["failurePolicy"] == "Ignore"
        assert webhook["clientConfig"]["caBundle"] == secret["data"]["ca.crt"]
        assert webhook["clientConfig"]["service"]["name"] == rendered["Service"][0]["metadata"]["name"]
        (condition,) = webhook["matchConditions"]
        assert "system:serviceaccount:home:crontask" in condition["expression"]


def test_the_webhook_takes_somebody_s_own_certificate_or_is_left_out(tools: Tools) -> None:
    own = _rendered(tools, "webhook.secretName=mine", "webhook.annotations.cert-manager\\.io/inject-ca-from=home/mine")
    assert "Secret" not in own
    assert _pod(own["Deployment"][0])["volumes"] == [{"name": "webhook", "secret": {"secretName": "mine"}}]
    (configuration,) = own["ValidatingWebhookConfiguration"]
    assert configuration["metadata"]["annotations"] == {"cert-manager.io/inject-ca-from": "home/mine"}
    assert all("caBundle" not in webhook["clientConfig"] for webhook in configuration["webhooks"])
    without = _rendered(tools, "webhook.enabled=false")
    assert not without.keys() & {"Secret", "Service", "ValidatingWebhookConfiguration"}
    assert "CRONTASK_OPERATOR_WEBHOOK_PORT" not in _environment(without["Deployment"][0])
    assert "volumes" not in _pod(without["Deployment"][0])


def test_with_watch_namespaces_there_are_roles_in_these_alone(tools: Tools) -> None:
    rendered = _rendered(tools, "watchNamespaces={shop,billing}", "userRoles.enabled=false")
    assert not rendered.keys() & {"ClusterRole", "ClusterRoleBinding"}
    for kind in ("Role", "RoleBinding"):
        assert {(each["metadata"].get("namespace"), each["metadata"]["name"]) for each in rendered[kind]} == {
            ("shop", "crontask"),
            ("billing", "crontask"),
            (None, "crontask-lease"),
        }
    for role in rendered["Role"]:
        namespace = role["metadata"].get("namespace")
        if namespace is not None:
            claims = {(verb, LEASES) for verb in ("create", "get", "patch")}
            assert _granted(role) == {(verb, resource) for verb, resource, _ in NEEDED} | claims
            named = [rule["verbs"] for rule in role["rules"] if rule.get("resourceNames") == ["crontask-claim"]]
            assert named == [["get", "patch"]]
    subjects = [binding["subjects"] for binding in rendered["RoleBinding"]]
    assert all(who == [{"kind": "ServiceAccount", "name": "crontask", "namespace": "home"}] for who in subjects)
    environment = _environment(rendered["Deployment"][0])
    assert environment["CRONTASK_OPERATOR_WATCH_NAMESPACES"] == "shop,billing"
    (configuration,) = rendered["ValidatingWebhookConfiguration"]
    for webhook in configuration["webhooks"]:
        (selected,) = webhook["namespaceSelector"]["matchExpressions"]
        assert selected == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop", "billing"]}


def test_without_it_the_operator_has_a_cluster_role_and_looks_everywhere(tools: Tools) -> None:
    rendered = _rendered(tools)
    assert [role["metadata"]["name"] for role in rendered["Role"]] == ["crontask-lease"]
    assert "CRONTASK_OPERATOR_WATCH_NAMESPACES" not in _environment(rendered["Deployment"][0])
    (configuration,) = rendered["ValidatingWebhookConfiguration"]
    assert not any("namespaceSelector" in webhook for webhook in configuration["webhooks"])


def test_the_crds_come_with_the_chart_and_stay_unless_told(tools: Tools) -> None:
    for keep, annotations in (("true", {"helm.sh/resource-policy": "keep"}), ("false", {})):
        crds = _rendered(tools, f"crds.keep={keep}")["CustomResourceDefinition"]
        assert {crd["metadata"]["name"] for crd in crds} == set(CRDS)
        assert all(crd["metadata"].get("annotations", {}) == annotations for crd in crds)
    assert "CustomResourceDefinition" not in _rendered(tools, "crds.enabled=false")


def test_the_chart_has_the_generated_crds(tools: Tools) -> None:
    committed = [yaml.safe_load(path.read_text()) for path in sorted((CHART.parents[1] / "crds").glob("*.yaml"))]
    rendered = _rendered(tools, "crds.keep=false")["CustomResourceDefinition"]
    assert sorted(rendered, key=lambda crd: str(crd["metadata"]["name"])) == committed


@pytest.fixture
def release(bench: Bench) -> Iterator[str]:
    """A second installation in the test's namespace, under its name."""
    name = bench.namespace
    _install(bench, name)
    yield name
    bench.tools.helm("uninstall", name, "--namespace", bench.namespace, "--ignore-not-found", "--wait")


def _install(bench: Bench, name: str, *values: str) -> None:
    settings = _settings("replicas=0", "crds.enabled=false", *values)
    bench.tools.helm("upgrade", "--install", name, str(CHART), "--namespace", bench.namespace, "--wait", *settings)


def _full(release: str) -> str:
    return f"{release}-crontask"


@pytest.mark.alone
def test_an_upgrade_changes_the_operator_and_an_uninstall_keeps_tasks(bench: Bench, release: str) -> None:
    bench.apply(
        """
apiVersion: crontask.dev/v1alpha1
kind: CronTask
metadata:
  name: kept
spec:
  suspend: true
  schedule: "@daily"
  handler:
    container:
      image: busybox:1.36
"""
    )
    assert _environment(bench.get("deployment", _full(release)))["CRONTASK_OPERATOR_START_RATE"] == "0"
    certificate = bench.get("secret", f"{_full(release)}-webhook")["data"]
    _install(bench, release, "startRate=7")
    assert bench.get("secret", f"{_full(release)}-webhook")["data"] == certificate
    assert _environment(bench.get("deployment", _full(release)))["CRONTASK_OPERATOR_START_RATE"] == "7"
    bench.tools.helm("uninstall", release, "--namespace", bench.namespace, "--wait")
    assert bench.get("deployment", _full(release)) == {}
    assert bench.get("clusterrole", _full(release)) == {}
    assert [bench.get("crd", name)["metadata"]["name"] for name in CRDS] == list(CRDS)
    assert bench.get("crontask", "kept")["spec"]["schedule"] == "@daily"


@pytest.mark.alone
def test_an_upgrade_in_the_last_year_of_a_certificate_makes_another_and_believes_both(
    bench: Bench, release: str
) -> None:
    name = f"{_full(release)}-webhook"
    before = bench.get("secret", name)
    # Nine years and a day ago.
    long_ago = str(int(before["metadata"]["annotations"]["crontask.dev/certificate-made"]) - (9 * 365 + 1) * 86400)
    bench.kubectl("annotate", "secret", name, f"crontask.dev/certificate-made={long_ago}", "--overwrite")
    _install(bench, release)
    after = bench.get("secret", name)
    assert after["data"]["tls.crt"] != before["data"]["tls.crt"]
    believed = base64.b64decode(after["data"]["ca.crt"]).decode()
    for each in (before, after):
        assert base64.b64decode(each["data"]["tls.crt"]).decode() in believed
    configuration = bench.get("validatingwebhookconfiguration", f"{_full(release)}-{bench.namespace}")
    assert all(hook["clientConfig"]["caBundle"] == after["data"]["ca.crt"] for hook in configuration["webhooks"])
    # The new one is good for long.
    _install(bench, release)
    assert bench.get("secret", name)["data"] == after["data"]


@pytest.mark.alone
def test_the_operator_runs_under_restricted_pod_security(bench: Bench, release: str) -> None:
    bench.tools.kubectl("label", "namespace", bench.namespace, "pod-security.kubernetes.io/enforce=restricted")
    template = bench.get("deployment", _full(release))["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "operator"}, "spec": template["spec"]}
    answer = bench.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    assert "created" in answer
    security = _pod(bench.get("deployment", _full(release)))["containers"][0]["securityContext"]
    # Restricted does not ask for this one.
    assert security["readOnlyRootFilesystem"] is True


def _granted(role: Manifest) -> set[tuple[str, str]]:
    """The verbs of a role with the full names of the resources."""
    return {
        (verb, f"{resource.partition('/')[0]}{'.' * bool(group)}{group}{''.join(resource.partition('/')[1:])}")
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def _can(bench: Bench, who: str, verb: str, resource: str, namespace: str = "default") -> bool:
    name, _, subresource = resource.partition("/")
    asked = [verb, name, *([f"--subresource={subresource}"] if subresource else [])]
    answer = bench.tools.kubectl("auth", "can-i", *asked, "--as", who, "--namespace", namespace, check=False)
    word = answer.split()[0]
    assert word in ("yes", "no"), answer
    return word == "yes"


@pytest.mark.alone
def test_the_operator_may_do_what_it_needs_and_no_more(bench: Bench, release: str) -> None:
    role = bench.get("clusterrole", _full(release))
    assert _granted(role) == {(verb, resource) for verb, resource, _ in NEEDED} | {("list", LEASES)}
    (claims,) = (rule for rule in role["rules"] if rule["resources"] == ["leases"])
    assert claims["resourceNames"] == ["crontask-claim"]
    account = f"system:serviceaccount:{bench.namespace}:{_full(release)}"
    # The API server knows a new binding a moment later.
    bench.until("it may lead", lambda: _can(bench, account, "patch", LEASES, bench.namespace))
    bench.until("it may tell", lambda: _can(bench, account, NEEDED[-1][0], NEEDED[-1][1]))
    assert [right for right in NEEDED if not _can(bench, account, right[0], right[1])] == []
    assert [right for right in REFUSED if _can(bench, account, *right)] == []
    assert all(_can(bench, account, verb, LEASES, bench.namespace) for verb in ("create", "get", "patch"))
    # Leases of others, such as those of nodes and of other controllers.
    assert not any(_can(bench, account, verb, LEASES, "kube-system") for verb in ("create", "get", "list", "patch"))


@pytest.mark.alone
def test_people_may_look_trigger_or_edit_by_their_role(bench: Bench, release: str) -> None:
    tasks, runs = CRDS
    for who, role in (("triggers", f"{_full(release)}-trigger"), ("looks", "view"), ("edits", "edit")):
        bench.kubectl("create", "rolebinding", who, f"--clusterrole={role}", f"--user={who}")
    # The aggregated roles are filled in by a controller.
    bench.until("edit is aggregated", lambda: _can(bench, "edits", "create", tasks, bench.namespace), 20)
    bench.until("view is aggregated", lambda: _can(bench, "looks", "list", tasks, bench.namespace), 20)
    may = {
        (who, verb, resource): _can(bench, who, verb, resource, bench.namespace)
        for who in ("triggers", "looks", "edits")
        for verb, resource in (("list", runs), ("create", runs), ("patch", runs), ("create", tasks), ("delete", runs))
    }
    assert {key[1:] for key, yes in may.items() if yes and key[0] == "looks"} == {("list", runs)}
    assert {key[1:] for key, yes in may.items() if yes and key[0] == "triggers"} == {
        *((verb, runs) for verb in ("list", "create", "patch")),
    }
    assert all(yes for key, yes in may.items() if key[0] == "edits")
    assert not _can(bench, "triggers", "create", "pods", bench.namespace)
