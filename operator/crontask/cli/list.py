"""`crontask list`: the tasks, with their state, their last run and their next one."""

import click

from crontask.cli.connection import cluster_options, connected, scope
from crontask.cli.output import output_option, show_list, tabled


@click.command("list")
@click.option("-l", "--selector", default="", metavar="LABELS", help="Those with these labels, like app=shop.")
@output_option
@cluster_options
def list_command(selector: str, output: str) -> None:
    """List CronTasks with their state, last run and next run.

    Example: crontask list -n shop -l app=shop -o wide
    """
    from crontask.api.resources import CRON_TASK

    with connected(all_namespaces=True) as cluster:
        namespace = scope(cluster)
        show_list(tabled(cluster, CRON_TASK, namespace, selector=selector), output, namespace, CRON_TASK)
