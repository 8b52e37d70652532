"""`crontask dashboard`: the page, on one's own machine, with one's own kubeconfig."""

import click

from crontask.cli.connection import cluster_options, flags
from crontask.cli.exits import BAD_INPUT, NOT_REACHED, explain, stop


@click.command("dashboard")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of 127.0.0.1; by default a free one.")
@click.option("--browser/--no-browser", default=True, help="Open it in the browser, or only say which file opens it.")
@cluster_options
def dashboard_command(port: int, browser: bool) -> None:
    """Open a page with all tasks, what runs and what comes, and buttons to run, pause and cancel.

    It runs until Ctrl-C, reached from this machine alone, and acts with your own rights.

    Example: crontask dashboard -n shop
    """
    try:
        import jinja2  # noqa: F401
    except ImportError:
        stop(BAD_INPUT, "the page needs the extra `page`; install it: pip install 'crontask[page]'")
    from crontask.client import AsyncCluster, errors
    from crontask.dashboard.local import PortTakenError, serve

    try:
        cluster = AsyncCluster.load(flags())
    except errors.ClientError as error:
        stop(BAD_INPUT, str(error))
    try:
        serve(cluster, port, browser=browser, say=lambda line: click.echo(line, err=True))
    except errors.ClientError as error:
        stop(*explain(error))
    except PortTakenError as error:
        stop(NOT_REACHED, str(error))
