"""`crontask suspend`: tasks of which nothing starts on schedule."""

from datetime import UTC, datetime

import click

from crontask.api.times import format_time
from crontask.cli.chosen import Refusals, chosen, chosen_options, paused_by
from crontask.cli.connection import cluster_options, connected
from crontask.cli.exits import BAD_INPUT, stop
from crontask.cli.output import TABLE, output_option, show_each, tabled_one
from crontask.cli.parameters import UntilParam
from crontask.cli.who import me


@click.command("suspend")
@chosen_options
@click.option("--reason", metavar="TEXT", help="Why; it is shown with the task, and resume -l asks for it.")
@click.option(
    "--until",
    type=UntilParam(),
    help="They resume by themselves then: 2026-03-29T01:00:00Z, tomorrow, 18:00Z, 2h (from now).",
)
@output_option
@cluster_options
def suspend_command(
    names: tuple[str, ...],
    selector: str | None,
    everything: bool,
    reason: str | None,
    until: datetime | None,
    output: str,
) -> None:
    """Suspend CronTasks: nothing of them starts on schedule.

    What runs goes on, and manual runs work. With -l and --all, tasks that are suspended already are left as they are.

    Example: crontask suspend -l app=shop --reason deploy --until 2026-03-29T01:00:00Z
    """
    from crontask.api.resources import CRON_TASK
    from crontask.client import actions

    if until is not None and until <= datetime.now(UTC):
        stop(BAD_INPUT, f"--until {format_time(until)} has passed; write a time to come")
    with connected() as cluster:
        tasks, refusals = chosen(cluster, names, selector, everything), Refusals()
        change = actions.pause(by=me(cluster), reason=reason, until=until) if tasks else {}
        for task in tasks:
            name = task["metadata"]["name"]
            if not names and (already := paused_by(task)):
                click.echo(f"{name} is left as it is: {already}", err=True)
                continue
            with refusals.of(name):
                cluster.patch(CRON_TASK, name, change, manager=actions.MANAGER)
                if output == TABLE:
                    click.echo(f"crontask.crontask.dev/{name} suspended")
        if output != TABLE and tasks:
            tables = [tabled_one(cluster, CRON_TASK, task["metadata"]["name"], cluster.namespace) for task in tasks]
            show_each(tables, output, CRON_TASK)
    refusals.end()
