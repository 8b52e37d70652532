"""`crontask resume`: suspended tasks go on, and what else still pauses one is said."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from crontask.cli.chosen import Refusals, chosen, chosen_options, paused_by
from crontask.cli.connection import cluster_options, connected
from crontask.cli.output import TABLE, output_option, show_each, tabled_one
from crontask.cli.who import me

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.client.requests import Document

# The operator answers within milliseconds; where it is away nobody waits for it.
_FIRST_WORD = 2.0


@click.command("resume")
@chosen_options
@click.option("--reason", metavar="TEXT", help="With -l and --all: those that are suspended for this reason.")
@click.option("--force", is_flag=True, help="With -l and --all: no matter who suspended them.")
@output_option
@cluster_options
def resume_command(
    names: tuple[str, ...],
    selector: str | None,
    everything: bool,
    reason: str | None,
    force: bool,
    output: str,
) -> None:
    """Resume CronTasks that are suspended.

    Times that passed meanwhile are not made up for. With -l and --all only those are resumed that you suspended, or
    those with that --reason; the others are listed. A task that failures suspended is resumed too.

    Example: crontask resume -l app=shop --reason deploy
    """
    from crontask.api.resources import CRON_TASK
    from crontask.client import actions

    with connected() as cluster:
        tasks, refusals = chosen(cluster, names, selector, everything), Refusals()
        user = me(cluster) if tasks and not names and not force and reason is None else ""
        resumed = []
        for task in tasks:
            name = task["metadata"]["name"]
            if (left := _left(task, by_name=bool(names), force=force, reason=reason, user=user)) is not None:
                click.echo(f"{name} is left as it is: {left}", err=True)
                continue
            with refusals.of(name):
                change = actions.resume(task, datetime.now(UTC))
                resumed.append(cluster.patch(CRON_TASK, name, change, manager=actions.MANAGER))
                if output == TABLE:
                    click.echo(f"crontask.crontask.dev/{name} resumed")
        deadline = time.monotonic() + _FIRST_WORD
        for task in resumed:
            if still := _still(cluster, task, deadline):
                click.echo(f"{task['metadata']['name']} is still suspended: {still}", err=True)
        if output != TABLE and resumed:
            tables = [tabled_one(cluster, CRON_TASK, task["metadata"]["name"], cluster.namespace) for task in resumed]
            show_each(tables, output, CRON_TASK)
    refusals.end()


def _left(task: "Document", *, by_name: bool, force: bool, reason: str | None, user: str) -> str | None:
    """Why the task is not resumed; None where it is."""
    from crontask.api.names import ANNOTATION_SUSPENDED_BY

    paused, tripped = paused_by(task), bool((task.get("status") or {}).get("tripped"))
    if not paused and not tripped:
        return "it is not suspended"
    if reason is not None:
        return None if task["spec"].get("suspendReason") == reason else paused or "failures in a row suspended it"
    if by_name or force or not paused:
        return None
    by = (task["metadata"].get("annotations") or {}).get(ANNOTATION_SUSPENDED_BY)
    return None if by == user else f"{paused}, not by you; write --reason, or --force"


def _still(cluster: "Cluster", task: "Document", deadline: float) -> str:
    """What else pauses a task that was resumed, as the operator says."""
    from crontask.api.resources import CRON_TASK

    generation = task["metadata"]["generation"]

    def seen(task: "Document") -> bool:
        status = task.get("status") or {}
        return status.get("observedGeneration") == generation and not status.get("tripped")

    if not seen(task):
        name, left = task["metadata"]["name"], max(0.001, deadline - time.monotonic())
        for event in cluster.watch(CRON_TASK, namespace=cluster.namespace, name=name, after=task, timeout=left):
            task = event.object
            if event.type == "DELETED" or seen(task):
                break
    conditions = (task.get("status") or {}).get("conditions") or ()
    paused = [each for each in conditions if each.get("type") == "Suspended" and each.get("status") == "True"]
    if not seen(task) or not paused:
        return ""
    return ": ".join(filter(None, (paused[0].get("reason"), paused[0].get("message"))))
