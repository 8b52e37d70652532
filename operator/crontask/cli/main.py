"""`crontask`: runs the operator, and checks manifests without a cluster.

Callers: the console script; the image's entrypoint.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import orjson
import yaml

from crontask import __version__
from crontask.api.base import parse_duration
from crontask.api.validate import Problem, validate_run, validate_task


class DurationParam(click.ParamType[timedelta]):
    """A duration such as 90s, 5m, 1h30m."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Parse, or fail with what to write instead."""
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group(context_settings={"auto_envvar_prefix": "CRONTASK", "help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Scheduled work on Kubernetes."""


@main.command()
@click.option("--scheduling/--no-scheduling", default=True, help="Off: a pause of every task; all else works.")
@click.option("--start-rate", default=0, type=click.IntRange(min=0), help="Starts a second at most; 0: no limit.")
@click.option("--keep-finished", default="10m", type=DurationParam(), help="No finished run is pruned sooner.")
@click.option("--in-flight", default=64, type=click.IntRange(1, 1024), help="Writes under way at once.")
@click.option("--lease-namespace", default="default", help="Where the Lease is that makes one operator lead.")
@click.option("--lease-name", default="crontask", help="The name of that Lease.")
@click.option("--identity", default="", help="Who holds the Lease; by default the host's name and the process id.")
@click.option("--probe-port", default=8080, type=click.IntRange(0, 65535), help="Serves /healthz; 0: not at all.")
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
    text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    found = _problems_of(text)
    if output == "json":
        rows = [{"object": name, "path": p.path, "message": p.message, "fix": p.fix} for name, p in found]
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
    for name, problem in found:
        click.echo(f"{name}: {problem}", err=True)
    if found:
        sys.exit(2)
    if output == "text":
        click.echo("no problems found")


def _problems_of(text: str) -> list[tuple[str, Problem]]:
    """Every problem of every object of ours in the manifests, with the object's name."""
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        return [("manifest", Problem("(file)", f"this is not YAML: {error}", "correct the line named"))]
    found: list[tuple[str, Problem]] = []
    for document in documents:
        if not isinstance(document, dict):
            found.append(("manifest", Problem("(file)", "a document is not an object", "write apiVersion, kind, spec")))
            continue
        meta = document.get("metadata")
        name = meta.get("name", "(no name)") if isinstance(meta, dict) else "(no name)"
        namespace = (meta.get("namespace") or "default") if isinstance(meta, dict) else "default"
        label = f"{document.get('kind')} {name}"
        if document.get("kind") == "CronTask":
            found += [(label, p) for p in validate_task(document.get("spec"), f"{namespace}/{name}")[1]]
        elif document.get("kind") == "ScheduledRun":
            found += [(label, p) for p in validate_run(document.get("spec"))[1]]
    return found


if __name__ == "__main__":
    main()
