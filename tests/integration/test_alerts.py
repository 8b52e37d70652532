"""The alerts, by promtool: they are sound, each begins with its cause and ends with it, and none else comes along."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_server import ROOT

from cluster import binaries, prometheus
from docs_of_metrics import QUERIES

CHART = ROOT / "charts" / "crontask"
ALERTS = CHART / "files" / "alerts.yaml"
OPERATOR = 'job="crontask-metrics",namespace="ops"'
LEADS = {f'crontask_leader{{{OPERATOR},instance="a"}}': "1x120"}
STANDS_BY = {f'crontask_leader{{{OPERATOR},instance="b"}}': "0x120"}
TASK = 'namespace="shop",task="sync"'
OF_OPERATOR = {"job": "crontask-metrics", "namespace": "ops"}
OF_TASK = {"namespace": "shop", "task": "sync"}


@dataclass(frozen=True)
class Row:
    """Series by the minute, with their values in promtool's shorthand; the alert, its labels, and when it is there.

    `begins`: the first whole minute at which it fires; `ended`: one at which it does not any more.
    """

    name: str
    alert: str
    series: dict[str, str]
    labels: dict[str, str]
    begins: int
    ended: int


def written(kind: str, verb: str, code: str) -> str:
    return f'crontask_write_seconds_count{{{OPERATOR},instance="a",kind="{kind}",verb="{verb}",code="{code}"}}'


def lag(buckets: dict[str, str]) -> dict[str, str]:
    return {
        **LEADS,
        **{
            f'crontask_start_lag_seconds_bucket{{{OPERATOR},instance="a",le="{le}"}}': values
            for le, values in buckets.items()
        },
    }


ROWS = (
    Row(
        "it went, and is back",
        "CrontaskOperatorAbsent",
        {f'crontask_leader{{{OPERATOR},instance="a"}}': "1x9 _x30 1x60"},
        {},
        15 + 5,
        45,
    ),
    Row(
        "two stand by, then one leads",
        "CrontaskNotLeading",
        {f'crontask_leader{{{OPERATOR},instance="a"}}': "0x30 1x60", **STANDS_BY},
        OF_OPERATOR,
        2,
        31,
    ),
    Row(
        "clocks apart, either way",
        "CrontaskClockSkew",
        {**LEADS, f'crontask_clock_skew_seconds{{{OPERATOR},instance="a"}}': "0x9 -45x20 0x60"},
        OF_OPERATOR,
        11,
        31,
    ),
    Row(
        "a time that does not start",
        "CrontaskTaskOverdue",
        {**LEADS, f'crontask_task_overdue_seconds{{{TASK},reason="NotStarted"}}': "0x9 0+60x15 0x60"},
        {**OF_TASK, "reason": "NotStarted"},
        10 + 6 + 1,
        27,
    ),
    Row(
        "without a success for too long",
        "CrontaskTaskOverdue",
        {**LEADS, f'crontask_task_overdue_seconds{{{TASK},reason="NoSuccess"}}': "0x9 1+60x15 0x60"},
        {**OF_TASK, "reason": "NoSuccess"},
        11,
        27,
    ),
    Row(
        "of two operators, the one that leads says it, then the other one",
        "CrontaskTaskOverdue",
        {
            **LEADS,
            f'crontask_task_overdue_seconds{{instance="a",{TASK},reason="RunTakesTooLong"}}': "1+60x9 _x60",
            f'crontask_task_overdue_seconds{{instance="b",{TASK},reason="RunTakesTooLong"}}': "_x8 1+60x9 0x60",
        },
        {**OF_TASK, "reason": "RunTakesTooLong"},
        1,
        20,
    ),
    Row(
        "failures in a row, then a success",
        "CrontaskTaskFailing",
        {**LEADS, f"crontask_task_consecutive_failures{{{TASK}}}": "0x4 1x4 2x4 3x4 4x4 0x60"},
        OF_TASK,
        15,
        26,
    ),
    Row(
        "nothing is taken but leases, and answered with errors",
        "CrontaskQueueStuck",
        {
            **LEADS,
            f'crontask_queue_length{{{OPERATOR},instance="a",priority="launch"}}': "0x9 7x25 0x60",
            written("pods", "create", "201"): "0+9x9 90x90",
            written("pods", "create", "429"): "0+9x90",
            written("leases", "patch", "200"): "0+9x90",
        },
        OF_OPERATOR,
        10 + 5 + 5,
        36,
    ),
    Row(
        "one of fifty starts late",
        "CrontaskStartsLate",
        lag({"0.5": "0+49x20 980x60", "30": "0+50x20 1000x60", "+Inf": "0+50x20 1000x60"}),
        OF_OPERATOR,
        6,
        35,
    ),
    Row(
        "a certificate is renewed in its last weeks",
        "CrontaskCertificateEnding",
        {
            **LEADS,
            f'crontask_webhook_certificate_end_timestamp_seconds{{{OPERATOR},instance="a"}}': "1000000x80 9000000x30",
        },
        OF_OPERATOR,
        60,
        82,
    ),
    Row(
        "a watch breaks each minute",
        "CrontaskWatchFlapping",
        {
            **LEADS,
            f'crontask_watch_restarts_total{{{OPERATOR},instance="a",kind="pods"}}': "0x9 0+1x30 30x60",
            f'crontask_watch_restarts_total{{{OPERATOR},instance="a",kind="crontasks"}}': "0+1x5 6x90",
        },
        {**OF_OPERATOR, "kind": "pods"},
        10 + 10 + 1 + 5,
        56,
    ),
)
# What is no cause: nothing may fire at any minute.
QUIET: dict[str, dict[str, str]] = {
    "nothing happens": LEADS,
    "another operator takes over": {
        f'crontask_leader{{{OPERATOR},instance="a"}}': "1x20 0x60",
        f'crontask_leader{{{OPERATOR},instance="b"}}': "0x21 1x60",
    },
    "many wait, and are written": {
        **LEADS,
        f'crontask_queue_length{{{OPERATOR},instance="a",priority="status"}}': "500x90",
        written("pods", "create", "201"): "0+9x90",
    },
    "a time starts within five minutes": {
        **LEADS,
        f'crontask_task_overdue_seconds{{{TASK},reason="NotStarted"}}': "0x9 0+60x5 0x60",
    },
    "starts are on time": lag({"0.5": "0+50x60", "30": "0+50x60", "+Inf": "0+50x60"}),
    "a certificate of ten years": {
        **LEADS,
        f'crontask_webhook_certificate_end_timestamp_seconds{{{OPERATOR},instance="a"}}': "315360000x90",
    },
}


def _promtool(*arguments: str) -> None:
    done = subprocess.run(
        [str(prometheus.find("promtool")), *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _test_rules(folder: Path, series: dict[str, str], firing: dict[int, list[dict[str, str]]]) -> None:
    """Which alerts fire at which minutes, and none besides."""
    expected = [
        {
            "expr": 'ALERTS{alertstate="firing"}',
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": _sample(labels), "value": 1} for labels in alerts],
        }
        for minute, alerts in firing.items()
    ]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": expected,
    }
    path = folder / "test.yaml"
    content: dict[str, Any] = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": [test]}
    path.write_text(yaml.safe_dump(content))
    _promtool("test", "rules", str(path))


def _sample(labels: dict[str, str]) -> str:
    pairs = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"ALERTS{{{pairs}}}"


def _severity(alert: str) -> str:
    (found,) = [rule for rule in _rules() if rule["alert"] == alert]
    return str(found["labels"]["severity"])


def _rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    return list(group["rules"])


def test_the_alerts_are_sound() -> None:
    _promtool("check", "rules", str(ALERTS))


def test_what_the_page_of_metrics_asks_prometheus_understands(tmp_path: Path) -> None:
    rules = [{"record": f"asked:{number}", "expr": query} for number, query in enumerate(QUERIES.values())]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    _promtool("check", "rules", str(path))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.alert}: {row.name}")
def test_an_alert_begins_with_its_cause_and_ends_with_it(row: Row, tmp_path: Path) -> None:
    fires = {"alertname": row.alert, "alertstate": "firing", "severity": _severity(row.alert), **row.labels}
    _test_rules(tmp_path, row.series, {row.begins - 1: [], row.begins: [fires], row.ended: []})


@pytest.mark.parametrize("series", QUIET.values(), ids=QUIET.keys())
def test_what_is_no_cause_raises_no_alert(series: dict[str, str], tmp_path: Path) -> None:
    _test_rules(tmp_path, series, {minute: [] for minute in range(5, 60, 2)})


def test_each_alert_is_tested() -> None:
    assert {row.alert for row in ROWS} == {rule["alert"] for rule in _rules()}


def _rendered(*settings: str) -> list[dict[str, Any]]:
    command = [str(binaries.find(["helm"])["helm"]), "template", "somewhere", str(CHART)]
    command += [part for setting in settings for part in ("--set", setting)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def test_the_chart_has_them_where_they_are_asked_for(tmp_path: Path) -> None:
    kinds = {"PrometheusRule", "ServiceMonitor"}
    assert not kinds & {manifest["kind"] for manifest in _rendered()}
    where = "https://docs.example/alerts"
    on = ("metrics.alerts.enabled=true", "metrics.alerts.labels.release=p", f"metrics.alerts.runbooks={where}")
    found = _rendered(*on)
    (rule,) = [manifest for manifest in found if manifest["kind"] == "PrometheusRule"]
    assert rule["metadata"]["labels"]["release"] == "p"
    (group,) = rule["spec"]["groups"]
    assert [each["alert"] for each in group["rules"]] == [each["alert"] for each in _rules()]
    assert all(each["annotations"]["runbook_url"].startswith(f"{where}#") for each in group["rules"])
    path = tmp_path / "rendered.yaml"
    path.write_text(yaml.safe_dump(rule["spec"]))
    _promtool("check", "rules", str(path))


def test_the_dashboard_asks_what_prometheus_understands(tmp_path: Path) -> None:
    (found,) = [each for each in _rendered("metrics.dashboard.enabled=true") if each["kind"] == "ConfigMap"]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    dashboard = json.loads(found["data"]["crontask.json"])
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    plain = [each.replace("$__rate_interval", "5m").replace("$namespace", ".*") for each in asked]
    rules = [{"record": f"asked:{number}", "expr": query} for number, query in enumerate(plain)]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    _promtool("check", "rules", str(path))
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells)), "no panel lies over another one"
    assert max(x for x, _ in cells) < 24
    assert "ConfigMap" not in {each["kind"] for each in _rendered()}


@pytest.mark.parametrize(("value", "given"), [("on", "on"), ("true", "on"), ("false", "off"), ("auto", "auto")])
def test_an_unquoted_on_is_one(value: str, given: str) -> None:
    (deployment,) = [each for each in _rendered(f"metrics.tasks={value}") if each["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert environment["CRONTASK_OPERATOR_TASK_METRICS"] == given


def test_the_monitor_finds_the_service_and_leaves_the_labels_of_tasks_alone() -> None:
    found = _rendered("metrics.serviceMonitor.enabled=true", "metrics.serviceMonitor.interval=15s")
    (monitor,) = [manifest for manifest in found if manifest["kind"] == "ServiceMonitor"]
    selected = monitor["spec"]["selector"]["matchLabels"].items()
    services = [each for each in found if each["kind"] == "Service" and selected <= each["metadata"]["labels"].items()]
    assert [service["metadata"]["name"] for service in services] == ["somewhere-crontask-metrics"]
    assert monitor["spec"]["endpoints"] == [{"port": "metrics", "honorLabels": True, "interval": "15s"}]
    (port,) = services[0]["spec"]["ports"]
    (deployment,) = [manifest for manifest in found if manifest["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]
    assert services[0]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert port["targetPort"] in [each["name"] for each in pod["spec"]["containers"][0]["ports"]]
