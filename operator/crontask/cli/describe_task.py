"""What `crontask describe` says of a task."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crontask.cli.columns import aligned
from crontask.client.timing import with_distance

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.client.requests import Document

_COUNTS = {
    "succeeded": "succeeded",
    "partial": "partial",
    "failed": "failed",
    "timedOut": "timed out",
    "canceled": "canceled",
    "skipped": "skipped",
    "missed": "missed",
}
_EXPECTED = {"Ready": "True", "Suspended": "False", "LastRunSucceeded": "True"}


def lines(cluster: "Cluster", task: "Document", now: datetime) -> Iterator[str]:
    """The lines, without the events."""
    metadata, status = task["metadata"], task.get("status") or {}
    yield f"CronTask {metadata['namespace']}/{metadata['name']}"
    facts = [(name, value) for name, value in _facts(task, now) if value]
    yield from (f"  {name + ':':<14}{value}" for name, value in facts)
    for condition in status.get("conditions") or ():
        as_expected = condition.get("status") == _EXPECTED.get(condition.get("type"), "False")
        # A task that is Ready, and says something of it, has something in its way.
        if not as_expected or (condition.get("type") == "Ready" and condition.get("message")):
            said = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
            yield f"  {condition.get('type')} is {condition.get('status')}: {said}"
    yield from _table(
        "Runs that ended:", ("RUN", "PHASE", "DUE", "TOOK", "MESSAGE"), map(_run, status.get("recentRuns") or ())
    )
    decisions = map(decision_row, status.get("recentDecisions") or ())
    yield from _table("Times that did not start:", ("DUE", "", "REASON", "RUN IN THE WAY", "TIMES"), decisions)


def decision_row(decision: "Document") -> tuple[str, ...]:
    """A row of times that did not start."""
    until = f" to {decision['until']}" if decision.get("until") else ""
    due, kind = f"{decision.get('nominalTime')}{until}", str(decision.get("type"))
    return due, kind, str(decision.get("reason")), str(decision.get("run") or ""), str(decision.get("count") or 1)


def _facts(task: "Document", now: datetime) -> Iterator[tuple[str, str]]:
    spec, status = task["spec"], task.get("status") or {}
    yield "State", str(status.get("phase") or "the operator has not seen it yet")
    zone = f" ({spec['timeZone']})" if spec.get("timeZone", "UTC") != "UTC" else ""
    yield "Schedule", f"{status.get('scheduleText') or spec.get('schedule') or ''}{zone}"
    yield "Handler", ", ".join(key for key in spec.get("handler") or {} if key != "pod")
    if status.get("nextRunTime"):
        yield "Next run", with_distance(status["nextRunTime"], now) or str(status["nextRunTime"])
    last = status.get("lastRun") or {}
    ended = with_distance(last.get("completionTime"), now)
    yield "Last run", f"{last['name']}: {last.get('phase')} {ended}" if last.get("name") else ""
    yield "Last success", with_distance(status.get("lastSuccessfulTime"), now)
    yield "Running", ", ".join(status.get("active") or ())
    yield "Queued", str(status.get("queued") or "")
    counts = status.get("counts") or {}
    yield "So far", ", ".join(f"{counts[key]} {words}" for key, words in _COUNTS.items() if counts.get(key))
    failures = status.get("consecutiveFailures") or 0
    yield "Failures", f"{failures} in a row" if failures else ""
    yield "Labels", ", ".join(f"{key}={value}" for key, value in (task["metadata"].get("labels") or {}).items())


def _run(summary: "Document") -> tuple[str, ...]:
    message = " ".join(str(summary.get("message") or "").split())
    keys = ("name", "phase", "scheduledTime", "duration")
    return (*(str(summary.get(key) or "") for key in keys), message)


def _table(title: str, head: tuple[str, ...], rows: Any) -> Iterator[str]:
    rows = list(rows)
    if rows:
        yield from ("", title, *aligned([head, *rows], "  "))
