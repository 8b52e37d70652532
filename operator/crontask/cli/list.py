"""`crontask list`: the tasks, with their state, their last run and their next one."""

from typing import TYPE_CHECKING

import click

from crontask.cli.connection import connected, options_of_all_namespaces, scope
from crontask.cli.output import TABLE, WIDE, output_option, show_list, tabled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crontask.client.requests import Document


@click.command("list")
@click.option("-l", "--selector", default="", metavar="LABELS", help="Those with these labels, like app=shop.")
@output_option
@options_of_all_namespaces
def list_command(selector: str, output: str) -> None:
    """List CronTasks with their state, last run and next run.

    Example: crontask list -n shop -l app=shop -o wide
    """
    from crontask.api.resources import CRON_TASK

    with connected(all_namespaces=True) as cluster:
        namespace = scope(cluster)
        found = tabled(cluster, CRON_TASK, namespace, selector=selector)
        show_list(found, output, namespace, CRON_TASK)
    if output in (TABLE, WIDE):
        for line in notes(found.objects):
            click.echo(line, err=True)


def notes(tasks: "Sequence[Document]") -> "Iterator[str]":
    """What their state does not show: of those that are Active, what keeps them from being due."""
    for task in tasks:
        status = task.get("status") or {}
        ready = [each for each in status.get("conditions") or () if each.get("type") == "Ready"]
        if status.get("phase") == "Active" and ready and ready[0].get("message"):
            yield f"{task['metadata']['name']}: {ready[0]['message']}"
