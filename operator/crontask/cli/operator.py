"""`crontask operator`: the process that starts what is due."""

import sys
from typing import Any

import click

from crontask.cli.exits import BAD_INPUT, stop
from crontask.cli.parameters import DurationParam, LogsUrlParam, NamespacesParam
from crontask.version import __version__


# It alone reads options from the environment: each pod of a handler has a CRONTASK_NAMESPACE.
@click.command("operator", context_settings={"auto_envvar_prefix": "CRONTASK_OPERATOR"})
@click.option("--scheduling/--no-scheduling", default=True, help="Off: a pause of every task; all else works.")
@click.option(
    "--watch-namespaces",
    default="",
    type=NamespacesParam(),
    metavar="NAMESPACE,...",
    help="Look at and act in these alone, 50 at most; none: all.",
)
@click.option("--start-rate", default=0, type=click.IntRange(min=0), help="Starts a second at most; 0: no limit.")
@click.option("--keep-finished", default="10m", type=DurationParam(), help="No finished run is pruned sooner.")
@click.option(
    "--logs-url",
    default="",
    type=LogsUrlParam(),
    metavar="TEMPLATE",
    help="Where a run's log can be read when its pod is gone, as {namespace}, {run}, {pod}, {start} and {end} say.",
)
@click.option("--in-flight", default=256, type=click.IntRange(1, 1024), help="Writes under way at once.")
@click.option(
    "--runner-image",
    default=f"crontask/operator:{__version__}",
    show_default=True,
    help="Runs http and python handlers; the operator's own image can.",
)
@click.option("--lease-namespace", default="default", help="Where the Lease is that makes one operator lead.")
@click.option("--lease-name", default="crontask", help="The name of that Lease.")
@click.option("--identity", default="", help="Who holds the Lease; by default the host's name and the process id.")
@click.option("--probe-port", default=8080, type=click.IntRange(0, 65535), help="Serves /healthz; 0: not at all.")
@click.option("--readiness-port", default=0, type=click.IntRange(0, 65535), help="Serves /readyz; 0: not at all.")
@click.option("--webhook-port", default=0, type=click.IntRange(0, 65535), help="Serves admission; 0: not at all.")
@click.option("--webhook-certificates", default="/etc/crontask/webhook", help="The folder of its tls.crt and tls.key.")
@click.option("--metrics-port", default=0, type=click.IntRange(0, 65535), help="Serves /metrics; 0: not at all.")
@click.option(
    "--task-metrics",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "on", "off"]),
    help="Whether each task is on /metrics; auto: while there are fewer than 5,000.",
)
@click.option("--log-format", default="text", type=click.Choice(["text", "json"]), help="How log lines look.")
def operator_command(**options: Any) -> None:
    """Run the operator against the cluster of KUBECONFIG, or the one that it runs in.

    Every option can be given as an environment variable, for example CRONTASK_OPERATOR_START_RATE=50.

    Example: crontask operator --start-rate 50 --log-format json
    """
    try:
        from crontask.app import Settings, serve
        from crontask.shell import ShellSettings
    except ModuleNotFoundError as error:
        stop(BAD_INPUT, f"the operator needs {error.name}, which is not installed; pip install 'crontask[operator]'")

    of_shell = {name: options.pop(name) for name in ("identity", "probe_port", "webhook_port", "webhook_certificates")}
    sys.exit(serve(Settings(**options, shell=ShellSettings(**of_shell))))
