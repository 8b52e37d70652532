"""`crontask runs`: runs of all tasks and of none, newest first."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from crontask.api.phases import Origin, RunPhase
from crontask.cli import names as completed
from crontask.cli.connection import connected, options_of_all_namespaces, scope
from crontask.cli.output import Table, output_option, show_list, tabled
from crontask.cli.parameters import SinceParam

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.client.requests import Document


class _Known(click.Choice[str]):
    """One of these, however its letters are written."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The one that is meant, or fail with all that there are."""
        meant = {known.lower(): known for known in self.choices}
        return super().convert(meant.get(str(value).lower(), value), param, ctx)


@click.command("runs")
@click.option("--task", metavar="TASK", shell_complete=completed.tasks, help="Of this CronTask.")
@click.option("--phase", "phases", multiple=True, type=_Known([*map(str, RunPhase)]), help="In this phase.")
@click.option("--origin", "origins", multiple=True, type=_Known([*map(str, Origin)]), help="Created in this way.")
@click.option("--since", type=SinceParam(), help="Created since then: 24h, or 2026-03-29T01:00:00Z.")
@click.option("-l", "--selector", default="", metavar="LABELS", help="Those with these labels, like app=shop.")
@click.option("--parts", is_flag=True, help="Parts of workflows, fan-outs and batches too.")
@output_option
@options_of_all_namespaces
def runs_command(
    task: str | None,
    phases: tuple[str, ...],
    origins: tuple[str, ...],
    since: datetime | None,
    selector: str,
    parts: bool,
    output: str,
) -> None:
    """List runs, newest first.

    --phase and --origin may be repeated.

    Example: crontask runs --phase Failed --phase TimedOut --since 24h
    """
    from crontask.api.resources import SCHEDULED_RUN

    with connected(all_namespaces=True) as cluster:
        namespace = scope(cluster)
        found = runs_of(cluster, namespace, task=task, phases=phases, origins=origins, selector=selector, parts=parts)
        if since is not None:
            found = found.having(lambda run: datetime.fromisoformat(run["metadata"]["creationTimestamp"]) >= since)
        show_list(found, output, namespace, SCHEDULED_RUN)


def runs_of(
    cluster: "Cluster",
    namespace: str,
    *,
    task: str | None = None,
    phases: tuple[str, ...] = (),
    origins: tuple[str, ...] = (),
    selector: str = "",
    parts: bool = False,
) -> Table:
    """The runs of which all that is so, newest first. The API server picks what it can."""
    from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
    from crontask.client.requests import checked_name

    fields = [] if parts else ["spec.parent.name="]
    if task is not None:
        fields.append(f"spec.taskRef.name={checked_name(task, CRON_TASK)}")
    for field, values in (("status.phase", phases), ("status.origin", origins)):
        if len(values) == 1:
            fields.append(f"{field}={values[0]}")

    def wanted(run: "Document") -> bool:
        status = run.get("status") or {}
        return status.get("phase") in (phases or (status.get("phase"),)) and status.get("origin") in (
            origins or (status.get("origin"),)
        )

    found = tabled(cluster, SCHEDULED_RUN, namespace, selector=selector, fields=",".join(fields))
    return found.having(wanted).newest_first()
