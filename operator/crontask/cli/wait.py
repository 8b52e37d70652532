"""`crontask wait`: until runs have ended."""

from datetime import timedelta

import click

from crontask.cli import names as completed
from crontask.cli.connection import cluster_options, connected
from crontask.cli.named import find_run
from crontask.cli.output import output_option
from crontask.cli.waiting import deadline_of, interruptible, show_ended, timeout_option, until_ended


@click.command("wait")
@click.argument("names", metavar="RUN...", nargs=-1, required=True, shell_complete=completed.open_runs)
@timeout_option
@output_option
@cluster_options
def wait_command(names: tuple[str, ...], timeout: timedelta | None, strict: bool, output: str) -> None:
    """Wait until runs have ended; the exit code says how.

    0: Succeeded, or Partial without --strict; 1: Failed or TimedOut; 3: not in time; 4: Canceled; 5: Skipped or
    Missed; 6: Partial, with --strict; 10: deleted; 130: Ctrl-C. Of several runs it is that of the first that did not
    end well. What a run does meanwhile is said on stderr.

    Example: crontask wait nightly-report-t2x4a0 --timeout 10m
    """
    with connected() as cluster:
        deadline = deadline_of(timeout)
        runs = [find_run(cluster, name) for name in names]
        with interruptible([run["metadata"]["name"] for run in runs]):
            code = show_ended(cluster, [until_ended(cluster, run, deadline) for run in runs], output, strict=strict)
    click.get_current_context().exit(code)
