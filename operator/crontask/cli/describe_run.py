"""What `crontask describe` says of a run."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from crontask.cli.columns import aligned
from crontask.cli.log_reader import container_of
from crontask.cli.parts import parts_of
from crontask.cli.queue import position
from crontask.client.log_sources import logs_url
from crontask.client.timing import took, with_distance
from crontask.client.tree import Node, note_of, phase_of, tree_of

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.client.requests import Document

_MOST_LOGS, _LOG_LINES = 3, 10


def lines(cluster: "Cluster", run: "Document", now: datetime) -> Iterator[str]:
    """The lines, without the events."""
    metadata = run["metadata"]
    yield f"ScheduledRun {metadata['namespace']}/{metadata['name']}"
    for name, value in _facts(cluster, run, now):
        if value:
            yield f"  {name + ':':<14}{value}"
    tree = tree_of(run, parts_of(cluster, run), now)
    if tree.children:
        yield ""
        yield from aligned([("RUN", "PHASE", "STARTED", "TOOK", "REASON"), *tree.rows()])
    yield from _logs(cluster, metadata["namespace"], tree)


def _facts(cluster: "Cluster", run: "Document", now: datetime) -> Iterator[tuple[str, str]]:
    spec, status = run["spec"], run.get("status") or {}
    yield "Task", str((spec.get("taskRef") or {}).get("name") or "")
    parent = spec.get("parent") or {}
    yield "Part of", str(parent.get("name") or "")
    yield "Again", f"runs {spec['rerunOf'].get('name')} again" if spec.get("rerunOf") else ""
    yield "Phase", phase_of(run)
    conditions = [c for c in status.get("conditions") or () if c.get("type") in ("Complete", "Failed")]
    reason = str(conditions[0].get("reason") or "") if conditions else ""
    yield "Reason", ": ".join(filter(None, (reason, note_of(run))))
    yield "In the queue", position(cluster, run)
    made = with_distance(run["metadata"].get("creationTimestamp"), now)
    yield "Created", ", ".join(filter(None, (made, status.get("origin"))))
    yield "Due", with_distance(status.get("scheduledTime") or spec.get("scheduledTime") or spec.get("at"), now)
    yield "Started", with_distance(status.get("startTime"), now)
    yield "Ended", with_distance(status.get("completionTime"), now)
    yield "Took", str(status.get("duration") or took(status.get("startTime"), None, now))
    yield "Key", str(spec.get("idempotencyKey") or "")
    yield "Args", _json(spec.get("args"))
    yield "Result", _json(status.get("result"))
    counted = [(status.get("processedCount"), "processed"), (status.get("errorCount"), "failed")]
    yield "Items", ", ".join(f"{count} {words}" for count, words in counted if count is not None)
    left = [f"{each.get('step')} ({each.get('reason')})" for each in status.get("notCompensated") or ()]
    yield "Not undone", ", ".join(left)
    yield "Logs", logs_url(status)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value not in (None, {}) else ""


def _logs(cluster: "Cluster", namespace: str, tree: Node) -> Iterator[str]:
    """The end of the logs of what failed."""
    from crontask.client import errors

    failed = list(tree.failed_pods())
    for name, pod in failed[:_MOST_LOGS]:
        try:
            container = container_of(cluster, namespace, pod)
            if container is None:
                found = ["(the pod is gone, and its log with it)"]
            else:
                read = cluster.logs(pod, namespace=namespace, container=container, tail_lines=_LOG_LINES)
                found = [line.decode(errors="replace") for line in read] or ["(it is empty)"]
        except errors.Forbidden:
            yield from ("", f"Log of {name}: you may not read it (pod {pod}).")
            return
        except errors.RequestFailed as error:
            found = [f"(it cannot be read: {error.message})"]
        yield from ("", f"End of the log of {name} (pod {pod}):", *(f"  {line}" for line in found))
    if len(failed) > _MOST_LOGS:
        yield from ("", f"{len(failed) - _MOST_LOGS} more failed; crontask logs shows all logs.")
