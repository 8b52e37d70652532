"""`crontask rerun`: a finished run again."""

from typing import Any

import click

from crontask.cli import names as completed
from crontask.cli.connection import cluster_options, connected, written_again
from crontask.cli.exits import BAD_INPUT, stop
from crontask.cli.named import find_run
from crontask.cli.starting import Asked, start, start_options
from crontask.cli.waiting import ended
from crontask.client.tree import phase_of


@click.command("rerun")
@click.argument("run", shell_complete=completed.runs)
@click.option("--from", "from_", metavar="Failed|Start|STEP", help="What runs again; by default what did not succeed.")
@click.option("--latest", is_flag=True, help="As its CronTask says now, not as it was then.")
@start_options
@cluster_options
def rerun_command(run: str, from_: str | None, latest: bool, **options: Any) -> None:
    """Run a finished run again: what had succeeded is not done again.

    With --from Start all of it; with the name of a step, that step and all that follows it.

    Example: crontask rerun import-t2x4a0 --from load --wait
    """
    from crontask.client import actions

    asked = Asked.of(options)
    with connected() as cluster:
        source = find_run(cluster, run)
        name, parent = source["metadata"]["name"], source["spec"].get("parent")
        if parent:
            above = parent.get("root") or parent.get("name")
            stop(BAD_INPUT, f"{name} is a part of {above}; write {written_again('rerun', above)}")
        if not ended(source):
            stop(BAD_INPUT, f"{name} has not ended: it is {phase_of(source)}; wait for it, or cancel it")
        body = actions.rerun(source, name=actions.drawn(name), from_=from_, latest=latest)
        start(cluster, body, asked)
