"""`crontask cancel`: the end of runs, before they start or while they run."""

import click

from crontask.cli import names as completed
from crontask.cli.connection import cluster_options, connected
from crontask.cli.named import find_run
from crontask.cli.output import TABLE, output_option, show_each, tabled_one
from crontask.cli.waiting import ended
from crontask.client.tree import phase_of


@click.command("cancel")
@click.argument("names", metavar="RUN...", nargs=-1, required=True, shell_complete=completed.open_runs)
@click.option("--reason", metavar="TEXT", help="Why; it is kept in the status.")
@click.option("--immediate", is_flag=True, help="Of a workflow: nothing that was done is undone.")
@output_option
@cluster_options
def cancel_command(names: tuple[str, ...], reason: str | None, immediate: bool, output: str) -> None:
    """End runs, before they start or while they run.

    Pods are stopped with their grace period, and stay for their logs. Runs that have ended are left as they are.

    Example: crontask cancel import-t2x4a0 --reason "wrong region"
    """
    from crontask.api.resources import SCHEDULED_RUN
    from crontask.client import actions

    with connected() as cluster:
        # First all of them, so that a name that is wrong cancels none.
        runs = [find_run(cluster, name) for name in names]
        change = actions.cancel(reason=reason, immediate=immediate)
        tables = []
        for run in runs:
            name = run["metadata"]["name"]
            if ended(run):
                click.echo(f"{name} has ended already: {phase_of(run)}", err=True)
            else:
                cluster.patch(SCHEDULED_RUN, name, change, manager=actions.MANAGER)
                if output == TABLE:
                    click.echo(f"scheduledrun.crontask.dev/{name} canceled")
            if output != TABLE:
                tables.append(tabled_one(cluster, SCHEDULED_RUN, name, cluster.namespace))
        if tables:
            show_each(tables, output, SCHEDULED_RUN)
