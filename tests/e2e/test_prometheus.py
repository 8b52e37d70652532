"""A real Prometheus finds the operator in the cluster: alerts fire by their causes and end with them; panels show."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import Bench
from chart import CHART
from faults import ticking
from real_prometheus import Answer, alerts, asked, reading

from installation import NAMESPACE, Tools

WAITS = "2s"
"""How long each has to be true here before it fires; promtool holds how long it is in the chart."""

# Of what did not happen, a panel has nothing to show.
EMPTY = {"Times skipped and missed", "Writes that fail a second"}


@pytest.fixture
def url(tools: Tools, tmp_path: Path) -> Iterator[str]:
    """Where a Prometheus answers that finds pods as by the chart's ServiceMonitor."""
    found_by = {"role": "pod", "kubeconfig_file": str(tools.kubeconfig), "namespaces": {"names": [NAMESPACE]}}
    of_ours = [
        {
            "source_labels": ["__meta_kubernetes_pod_label_app_kubernetes_io_name"],
            "regex": "crontask",
            "action": "keep",
        },
        {"source_labels": ["__meta_kubernetes_pod_container_port_name"], "regex": "metrics", "action": "keep"},
        {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
        {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
    ]
    job = {"kubernetes_sd_configs": [found_by], "relabel_configs": of_ours}
    with reading(tmp_path, job, alerts(tmp_path, waits=WAITS)) as address:
        yield address


def _firing(url: str, alert: str, labels: str = "") -> Answer:
    return asked(url, f'ALERTS{{alertname="{alert}",alertstate="firing"{labels}}}')


@pytest.mark.alone
def test_alerts_fire_by_their_causes_and_end_with_them(bench: Bench, url: str) -> None:
    bench.until("the leader is read", lambda: asked(url, "crontask_leader == 1"))
    of_task = f',namespace="{bench.namespace}",task="sick"'
    bench.apply(ticking("sick", 2, "exit 1", expect={"successWithin": "5s"}, retry={"limit": 0}))
    for alert in ("CrontaskTaskFailing", "CrontaskTaskOverdue"):
        bench.until(f"{alert} fires", lambda alert=alert: _firing(url, alert, of_task), 90)
    _all_panels_are_answered(url)
    bench.apply(ticking("sick", 2, "true", expect={"successWithin": "1h"}, retry={"limit": 0}))
    for alert in ("CrontaskTaskFailing", "CrontaskTaskOverdue"):
        bench.until(f"{alert} has ended", lambda alert=alert: not _firing(url, alert, of_task), 90)

    role = ("-n", NAMESPACE, "patch", "role", "crontask-lease", "--type=json", "-p")
    verbs = [{"op": "replace", "path": "/rules/0/verbs", "value": ["get"]}]
    bench.tools.kubectl(*role, json.dumps(verbs))
    bench.until("nobody leads", lambda: _firing(url, "CrontaskNotLeading"), 90)
    verbs[0]["value"] = ["create", "get", "patch"]
    bench.tools.kubectl(*role, json.dumps(verbs))
    bench.until("somebody leads again", lambda: not _firing(url, "CrontaskNotLeading"), 90)

    scaled = ("-n", NAMESPACE, "scale", "deployment/crontask")
    bench.tools.kubectl(*scaled, "--replicas=0")
    bench.until("no operator is there", lambda: _firing(url, "CrontaskOperatorAbsent"), 90)
    bench.tools.kubectl(*scaled, "--replicas=1")
    bench.until("one is there again", lambda: not _firing(url, "CrontaskOperatorAbsent"), 90)
    bench.until("and leads", lambda: asked(url, "crontask_leader == 1"), 90)


def _all_panels_are_answered(url: str) -> None:
    """The queries of each panel, with its variables as Grafana writes them: none is refused, each shows something."""
    panels = json.loads((CHART / "files" / "dashboard.json").read_text())["panels"]
    for panel in panels:
        for target in panel.get("targets", []):
            query = (
                target["expr"].replace("$namespace", ".*").replace("$__rate_interval", "1m").replace("$__range", "1h")
            )
            assert asked(url, query) or panel["title"] in EMPTY, (panel["title"], query)
