"""The pages about metrics and alerts, as far as they are made of what the code and the chart say.

Callers: docs.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from crontask.engine.exposition import MOST_TASKS
from crontask.engine.metric import OPERATOR_METRICS, OTHER, REASONS, TASK_METRICS, Metric

ALERTS = Path(__file__).resolve().parents[1] / "charts" / "crontask" / "files" / "alerts.yaml"
_TABLE = re.compile(r"^\| alert \|.*\n(?:\|.*\n)+", re.MULTILINE)

# More values than these are listed elsewhere.
_MOST_LISTED = 8
_LABEL = re.compile(r"\{\{ \$labels\.(\w+) \}\}")

_HEAD = f"""# Metrics

Each operator serves metrics for Prometheus at `/metrics`, on port 8081 of its pod (`--metrics-port`; 0: not at all).
[Alerts](alerts.md) that go by them are in the chart. `hack/docs.py` writes this page from the metrics' own definitions.

With the Prometheus operator, the chart brings a ServiceMonitor, and the alerts:

```console
$ helm upgrade crontask charts/crontask --namespace crontask-system --reuse-values \\
    --set metrics.serviceMonitor.enabled=true --set metrics.alerts.enabled=true \\
    --set metrics.serviceMonitor.labels.release=prometheus --set metrics.alerts.labels.release=prometheus
```

`metrics.dashboard.enabled=true` adds a dashboard for Grafana, as a ConfigMap that Grafana's sidecar loads; or import
`charts/crontask/files/dashboard.json`.

The labels are those by which your Prometheus selects what it reads. Without the Prometheus operator, set
`metrics.service.enabled=true`, have your Prometheus read that Service's pods **with `honor_labels: true`** (the label
`namespace` is the task's), and hand it `charts/crontask/files/alerts.yaml`. To look once:

```console
$ kubectl -n crontask-system port-forward deployment/crontask 8081 &
$ curl -s localhost:8081/metrics | grep crontask_task_
```

- Every operator serves the metrics of the operator; those that stand by say `crontask_leader 0`.
- The metrics of tasks come from the leader alone. When another operator takes over, they are its: write
  `max by (namespace, task) (…)`, and no label of the operator's pod matters.
- They are left out while there are {MOST_TASKS:,} tasks or more, which the operator's log says. `metrics.tasks=on` (or
  `--task-metrics on`) has them in any case, `off` never: each task is some nine series.
- They are made when Prometheus asks, of what the operator knows: no request goes to the API server. That is done in
  slices of 5 ms at most, and after launches that are on their way: a scrape in a burst makes no start later. It waits
  for them for half of the scrape's timeout at most.
- No label has the name of a run, or a text that a user wrote, but for the names of namespaces and tasks. Reasons are
  those below; one that is not among them would be `{OTHER}`.
"""
_FAILED = 'crontask_runs_finished_total{origin="Schedule",phase=~"Failed|TimedOut"}[1h]'
QUERIES = {
    "Which tasks are late, and why": "max by (namespace, task, reason) (crontask_task_overdue_seconds) > 0",
    "For how many seconds a task has not succeeded": (
        "time() - max by (namespace, task) (crontask_task_last_success_timestamp_seconds)"
    ),
    "What starts within an hour": (
        "max by (namespace, task) (crontask_task_next_run_timestamp_seconds) - time() < 3600"
    ),
    "Which tasks are suspended": "max by (namespace, task, reason) (crontask_task_suspended)",
    "Starts a second": "sum by (origin) (rate(crontask_starts_total[5m]))",
    "How late starts are": "histogram_quantile(0.99, sum by (le) (rate(crontask_start_lag_seconds_bucket[5m])))",
    "Scheduled runs that failed within an hour": f"sum by (phase) (increase({_FAILED}))",
    "Scheduled times that were missed within a day": (
        'sum by (reason) (increase(crontask_decisions_total{decision="Miss"}[1d]))'
    ),
    "How fast the API server answers": (
        "histogram_quantile(0.99, sum by (kind, verb, le) (rate(crontask_write_seconds_bucket[5m])))"
    ),
}
"""What may be asked of Prometheus, by what one wants to know."""


def metrics() -> str:
    """The page about metrics."""
    parts = (
        _HEAD,
        _section("Of the operator", OPERATOR_METRICS),
        "Beside these there are `process_…` (memory, processor time, open files) and `python_gc_…`, as of any Python "
        "program.\n",
        _section("Of tasks", TASK_METRICS, more="Each has the labels `namespace` and `task`.\n\n"),
        _decisions(),
        _questions(),
    )
    return "\n".join(parts)


def with_alerts(page: str) -> str:
    """The page about alerts, with the table of those that there are."""
    return _TABLE.sub(lambda _: _alerts(), page)


def alerts() -> list[dict[str, Any]]:
    """The alerting rules of the chart."""
    (group,) = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def _section(title: str, metrics: tuple[Metric, ...], more: str = "") -> str:
    rows = "\n".join(map(_row, metrics))
    return f"## {title}\n\n{more}| metric | type | labels | meaning |\n|---|---|---|---|\n{rows}\n"


def _row(metric: Metric) -> str:
    shown = [name for name in metric.labels if name not in ("namespace", "task")]
    labels = "<br>".join(_label(metric, name) for name in shown)
    return f"| `{metric.full_name}` | {metric.type} | {labels} | {metric.help} |"


def _label(metric: Metric, name: str) -> str:
    values = metric.labels[name]
    if len(values) > _MOST_LISTED:
        return f"`{name}`: [below](#reasons-of-decisions)"
    listed = ", ".join(f"`{value}`" for value in values)
    return f"`{name}`: {listed}" if listed else f"`{name}`"


def _decisions() -> str:
    rows = (f"| `{kind}` | {', '.join(f'`{each}`' for each in reasons)} |" for kind, reasons in REASONS.items())
    return "## Reasons of decisions\n\n| `decision` | `reason` |\n|---|---|\n" + "\n".join(rows) + "\n"


def _questions() -> str:
    return "## Questions\n\n" + "\n".join(f"{what}:\n\n```promql\n{query}\n```\n" for what, query in QUERIES.items())


def _alerts() -> str:
    rows = []
    for rule in alerts():
        name, says = rule["alert"], _LABEL.sub(r"*\1*", rule["annotations"]["summary"])
        rows.append(
            f"| [{name}](#{name.lower()}) | {rule['labels']['severity']} | {rule.get('for', 'at once')} | {says} |"
        )
    return "\n".join(("| alert | severity | after | what it says |", "|---|---|---|---|", *rows)) + "\n"
