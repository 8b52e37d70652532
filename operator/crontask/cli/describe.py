"""`crontask describe`: a task or a run, and what happened to it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from crontask.cli import names as completed
from crontask.cli.columns import aligned
from crontask.cli.connection import cluster_options, connected
from crontask.cli.named import find_either
from crontask.cli.output import JSON, NAME, YAML, show_document, show_names, without_managers
from crontask.client.timing import distance, instant

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.client.requests import Document

_MOST_EVENTS = 10


@click.command("describe")
@click.argument("name", metavar="TASK|RUN", shell_complete=completed.tasks_and_runs)
@click.option("-o", "--output", type=click.Choice(["text", JSON, YAML, NAME]), default="text", show_default=True)
@cluster_options
def describe_command(name: str, output: str) -> None:
    """Show a task or a run: what it does, what it waits for, why it ended so.

    A run is shown as a tree of its attempts, or of its parts. Of what failed, the end of the log is shown. Write
    task/NAME or run/NAME where both have one name.

    Example: crontask describe nightly-report
    """
    from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
    from crontask.cli import describe_run, describe_task

    now = datetime.now(UTC)
    with connected() as cluster:
        found = find_either(cluster, name)
        is_run = found["kind"] == SCHEDULED_RUN.kind
        if output == NAME:
            show_names([found], SCHEDULED_RUN if is_run else CRON_TASK)
        elif output != "text":
            show_document(without_managers(found), output)
        else:
            lines = describe_run.lines(cluster, found, now) if is_run else describe_task.lines(cluster, found, now)
            for line in (*lines, *_events(cluster, found, now)):
                click.echo(line.rstrip())


def _events(cluster: "Cluster", found: "Document", now: datetime) -> list[str]:
    """The latest events of the object; who may not read them is not bothered."""
    from crontask.api.resources import EVENT
    from crontask.client import errors

    try:
        events = cluster.list(EVENT, fields=f"involvedObject.uid={found['metadata']['uid']}")["items"]
    except errors.Forbidden:
        return ["", "Events: you may not read them."]
    if not events:
        return []
    events.sort(key=lambda event: str(event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]))
    rows = [_event(event, now) for event in events[-_MOST_EVENTS:]]
    return ["", "Events:", *aligned([("LAST", "TYPE", "REASON", "MESSAGE"), *rows], "  ")]


def _event(event: "Document", now: datetime) -> tuple[str, ...]:
    last = instant(event.get("lastTimestamp") or event["metadata"]["creationTimestamp"])
    count = event.get("count") or 1
    message = " ".join(str(event.get("message") or "").split()) + (f" (x{count})" if count > 1 else "")
    return distance(last, now) if last else "", str(event.get("type")), str(event.get("reason")), message
