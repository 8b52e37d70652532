"""`crontask`: runs the operator; checks manifests, and shows what they would do.

Callers: the console script; the image's entrypoint.
"""

import sys
from collections.abc import Iterator
from typing import Any

import click
import orjson

from crontask import __version__
from crontask.api.crontask import CronTaskSpec
from crontask.api.problem import Problem
from crontask.api.scheduledrun import ScheduledRunSpec
from crontask.api.unknown import unknown_fields
from crontask.api.validate import LONGEST_RUN_NAME, validate_name, validate_run, validate_task
from crontask.cli.manifest import read_documents, read_text
from crontask.cli.next import next_command
from crontask.cli.parameters import DurationParam, refuse
from crontask.cli.simulate import simulate_command
from crontask.engine.ports import Document


@click.group(context_settings={"auto_envvar_prefix": "CRONTASK", "help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Scheduled work on Kubernetes."""


@main.command()
@click.option("--scheduling/--no-scheduling", default=True, help="Off: a pause of every task; all else works.")
@click.option("--start-rate", default=0, type=click.IntRange(min=0), help="Starts a second at most; 0: no limit.")
@click.option("--keep-finished", default="10m", type=DurationParam(), help="No finished run is pruned sooner.")
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
@click.option("--webhook-port", default=0, type=click.IntRange(0, 65535), help="Serves admission; 0: not at all.")
@click.option("--webhook-certificates", default="/etc/crontask/webhook", help="The folder of its tls.crt and tls.key.")
@click.option("--metrics-port", default=0, type=click.IntRange(0, 65535), help="Serves /metrics; 0: not at all.")
@click.option("--log-format", default="text", type=click.Choice(["text", "json"]), help="How log lines look.")
def operator(**options: Any) -> None:
    """Run the operator against the cluster of KUBECONFIG, or the one that it runs in.

    Every option can be given as an environment variable, for example CRONTASK_OPERATOR_START_RATE=50.

    Example: crontask operator --start-rate 50 --log-format json
    """
    from crontask.app import Settings, serve

    sys.exit(serve(Settings(**options)))


@main.command()
@click.option(
    "-f", "--file", "path", required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=str)
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def validate(path: str, output: str) -> None:
    """Check manifests of CronTasks and ScheduledRuns, without a cluster.

    Exit code 0: all are good; 2: problems were found, each with its place and what to write instead.

    Example: crontask validate -f examples/nightly.yaml
    """
    found = [(label, problem) for document in read_documents(read_text(path)) for label, problem in _problems(document)]
    if output == "json":
        rows = [{"object": name, "path": p.path, "message": p.message, "fix": p.fix} for name, p in found]
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
    if found:
        refuse(f"{name}: {problem}" for name, problem in found)
    if output == "text":
        click.echo("no problems found")


def _problems(document: Document) -> Iterator[tuple[str, Problem]]:
    """Every problem of an object of ours, with its name."""
    meta = document.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    namespace = (meta.get("namespace") or "default") if isinstance(meta, dict) else "default"
    label = f"{document.get('kind')} {name or '(no name)'}"
    spec = document.get("spec")
    if document.get("kind") == "CronTask":
        unknown = unknown_fields(spec, CronTaskSpec, "spec")
        problems = (*validate_name(name), *unknown, *validate_task(spec, f"{namespace}/{name}")[1])
    elif document.get("kind") == "ScheduledRun":
        named = () if isinstance(meta, dict) and meta.get("generateName") else validate_name(name, LONGEST_RUN_NAME)
        problems = (*named, *unknown_fields(spec, ScheduledRunSpec, "spec"), *validate_run(spec)[1])
    else:
        problems = ()
    yield from ((label, problem) for problem in problems)


main.add_command(next_command)
main.add_command(simulate_command)

if __name__ == "__main__":
    main()
