"""`crontask logs`: what the pods of a run wrote."""

import click

from crontask.cli import names as completed
from crontask.cli.connection import cluster_options, connected
from crontask.cli.named import find_run
from crontask.cli.parts import parts_of
from crontask.cli.waiting import ended, interruptible
from crontask.client.log_sources import logs_url, sources_of
from crontask.client.tree import GONE_PARTS, gone_parts, is_composite, note_of, phase_of


@click.command("logs")
@click.argument("name", metavar="RUN", shell_complete=completed.runs)
@click.option("-f", "--follow", is_flag=True, help="Follow the logs until the run has ended.")
@click.option("--prefix/--no-prefix", default=True, help="Begin each line with its part and attempt.")
@click.option("--tail", type=click.IntRange(min=0), help="Only this many lines from the end of each log.")
@click.option("--timestamps", is_flag=True, help="Begin each line with its time.")
@click.option("-c", "--container", default="", metavar="NAME", help="Which container, of pods that have several.")
@cluster_options
def logs_command(name: str, follow: bool, prefix: bool, tail: int | None, timestamps: bool, container: str) -> None:
    """Show the logs of a run, of all its attempts and parts.

    Lines begin with the part and the attempt: [charge #2]. Where a pod is gone it is said when and why its attempt
    ended, the message that was kept, and where the log may be kept, if the installation says that.

    Example: crontask logs -f nightly-report-t2x4a0
    """
    from crontask.cli.log_reader import Options, follow_all, read_one

    with connected() as cluster:
        run = find_run(cluster, name)
        options = Options(prefix=prefix, tail=tail, timestamps=timestamps, container=container)
        if follow and not ended(run):
            with interruptible([run["metadata"]["name"]]):
                follow_all(cluster, run, options)
            return
        parts = parts_of(cluster, run)
        sources = list(sources_of(run, parts))
        gone_logs = [s for s in sources if not read_one(cluster, run["metadata"]["namespace"], s, options)]
        # Of several attempts it is one.
        for url, source in {source.url: source for source in gone_logs if source.url}.items():
            click.echo(f"{source.prefix}its log may be kept at {url}", err=True)
        if not sources:
            gone = is_composite(run) and gone_parts(run.get("status") or {}, parts.of(run))
            note = f"{gone:,} {'item' if gone == 1 else 'items'}: {GONE_PARTS}" if gone else note_of(run)
            click.echo(
                f"{run['metadata']['name']} has no log: it is {phase_of(run)}{f': {note}' if note else ''}", err=True
            )
            if url := logs_url(run.get("status") or {}):
                click.echo(f"the logs of its parts may be kept at {url}", err=True)
