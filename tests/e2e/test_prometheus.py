"""A real Prometheus reads the operator in the cluster: alerts fire by their causes and end with them; panels show."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from api_server import until
from bench import Bench
from chart import CHART
from faults import ticking
from real_prometheus import Answer, alerts, asked, reading

from installation import NAMESPACE, Tools

WAITS = "2s"
"""How long each has to be true here before it fires; promtool holds how long it is in the chart."""

OPERATORS, METRICS = "app.kubernetes.io/name=crontask", 8081

# Of what did not happen, a panel has nothing to show.
EMPTY = {"Times skipped and missed", "Writes that fail a second"}


@pytest.fixture
def url(tools: Tools, tmp_path: Path) -> Iterator[str]:
    """Where a Prometheus answers that reads the operators' pods."""
    found, read = tmp_path / "pods.json", {"files": [str(tmp_path / "pods.json")], "refresh_interval": "1s"}
    _find_pods(tools, found)
    with reading(tmp_path, {"file_sd_configs": [read]}, alerts(tmp_path, waits=WAITS)) as address:
        yield address


def _find_pods(tools: Tools, found: Path) -> None:
    """Do what Prometheus does by itself where it was built with service discovery, which Debian's is not."""
    pods = json.loads(tools.kubectl("-n", NAMESPACE, "get", "pods", "-l", OPERATORS, "-o", "json"))["items"]
    targets = [
        {
            "targets": [f"{pod['status']['podIP']}:{METRICS}"],
            "labels": {"namespace": NAMESPACE, "pod": pod["metadata"]["name"]},
        }
        for pod in pods
        if pod["status"].get("podIP")
    ]
    partial = found.with_suffix(".partial")
    partial.write_text(json.dumps(targets))
    partial.rename(found)


def _firing(url: str, alert: str, labels: str = "") -> Answer:
    return asked(url, f'ALERTS{{alertname="{alert}",alertstate="firing"{labels}}}')


def _is_quiet(url: str, alert: str, labels: str) -> bool:
    return not _firing(url, alert, labels)


@pytest.mark.alone
def test_alerts_fire_by_their_causes_and_end_with_them(bench: Bench, url: str, tmp_path: Path) -> None:
    bench.until("the leader is read", lambda: asked(url, "crontask_leader == 1"))
    of_task = f',namespace="{bench.namespace}",task="sick"'
    bench.apply(ticking("sick", 2, "exit 1", expect={"successWithin": "5s"}, retry={"limit": 0}))
    for alert in ("CrontaskTaskFailing", "CrontaskTaskOverdue"):
        bench.until(f"{alert} fires", partial(_firing, url, alert, of_task), 90)
    _all_panels_are_answered(url)
    bench.apply(ticking("sick", 2, "true", expect={"successWithin": "1h"}, retry={"limit": 0}))
    for alert in ("CrontaskTaskFailing", "CrontaskTaskOverdue"):
        bench.until(f"{alert} has ended", partial(_is_quiet, url, alert, of_task), 90)

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
    bench.tools.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/crontask", "--timeout=120s")
    _find_pods(bench.tools, tmp_path / "pods.json")
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
            if panel["title"] in EMPTY:
                asked(url, query)
            else:
                until(f"{panel['title']}: {query}", partial(asked, url, query))
