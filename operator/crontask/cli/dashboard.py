"""`crontask dashboard`: the page, on one's own machine with one's own kubeconfig, or served for many."""

import click

from crontask.cli.connection import everywhere, flags, options_of_all_namespaces
from crontask.cli.exits import BAD_INPUT, NOT_REACHED, explain, stop


@click.command("dashboard")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port, of 127.0.0.1; by default a free one.")
@click.option("--browser/--no-browser", default=True, help="Open it in the browser, or only say which file opens it.")
@click.option("--url", metavar="URL", help="Serve it for many, who reach it there and log in with their own tokens.")
@click.option(
    "--host",
    metavar="ADDRESS",
    help="With --url: where to listen; by default on all addresses, of an http:// one on 127.0.0.1 alone.",
)
@click.option(
    "--login",
    type=click.Choice(["token", "proxy"]),
    help="With --url: a token is pasted (the default), or a proxy in front forwards one with each request.",
)
@options_of_all_namespaces
def dashboard_command(port: int, browser: bool, url: str | None, host: str | None, login: str | None) -> None:
    """Open a page with all tasks, what runs and what comes, and buttons to run, pause and cancel.

    It runs until Ctrl-C, reached from this machine alone, and acts with your own rights.

    Example: crontask dashboard -n shop
    """
    if url is None and (host is not None or login is not None):
        stop(BAD_INPUT, "--host and --login are about a page that is served for many; write --url too")
    try:
        import jinja2  # noqa: F401
    except ImportError:
        stop(BAD_INPUT, "the page needs the extra `page`; install it: pip install 'crontask[page]'")
    from crontask.client import AsyncCluster, errors

    try:
        cluster = AsyncCluster.load(flags())
    except errors.ClientError as error:
        stop(BAD_INPUT, str(error))
    if url is not None:
        _serve(cluster, url, host or "", port or 8080, login or "token")
        return
    from crontask.dashboard.address import EVERYWHERE
    from crontask.dashboard.local import PortTakenError, serve

    begin = EVERYWHERE if everywhere() else cluster.namespace
    try:
        serve(cluster, port, begin=begin, browser=browser, say=lambda line: click.echo(line, err=True))
    except errors.ClientError as error:
        stop(*explain(error))
    except PortTakenError as error:
        stop(NOT_REACHED, str(error))


def _serve(cluster: object, url: str, host: str, port: int, login: str) -> None:
    """For many."""
    from crontask.client import AsyncCluster
    from crontask.dashboard.served import BadAddressError, Served, serve

    assert isinstance(cluster, AsyncCluster)
    served = Served(host, port, url, login)
    try:
        serve(cluster, served)
    except BadAddressError as error:
        stop(BAD_INPUT, str(error))
    except OSError as error:
        stop(NOT_REACHED, f"{served.listens}:{port} cannot be listened on: {error.strerror}")
