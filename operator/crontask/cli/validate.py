"""`crontask validate`: what is wrong with manifests, and what has no effect in them, without a cluster."""

import click
import orjson

from crontask.api.problem import Problem
from crontask.cli.objects import KINDS, Manifest, Report, read_manifest
from crontask.cli.parameters import refuse
from crontask.cli.reading import manifest_files


@click.command("validate")
@click.option(
    "-f",
    "--file",
    "paths",
    required=True,
    multiple=True,
    metavar="FILE",
    help="A manifest, or a folder of them; -: stdin. May be repeated.",
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def validate_command(paths: tuple[str, ...], output: str) -> None:
    """Check manifests of CronTasks and ScheduledRuns, without a cluster.

    Exit code 0: all are good, but for warnings about what has no effect; 2: problems were found, each with its path
    and what to write instead.

    Example: crontask validate -f examples/nightly.yaml -f tasks/
    """
    reports = [report for path in paths for file in manifest_files(path) for report in _reports(read_manifest(file))]
    if output == "json":
        rows = [_row(report) for report in reports]
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
    if not all(report.warning for report in reports):
        refuse(reports)
    for report in reports:
        click.echo(str(report), err=True)
    if output == "text":
        click.echo("no problems found" + (", but warnings" if reports else ""))


def _reports(manifest: Manifest) -> list[Report]:
    nothing = [] if manifest.objects or manifest.reports else [manifest.nothing_of(*KINDS)]
    return [
        *manifest.reports,
        *nothing,
        *(report for found in manifest.objects for report in manifest.reports_of(found)),
        *_repeated(manifest),
    ]


def _repeated(manifest: Manifest) -> list[Report]:
    """Warnings about objects that are there more than once: of them only the last would stay."""
    first: dict[tuple[str, str, str], int | None] = {}
    reports = []
    for found in manifest.objects:
        if not isinstance(found.name, str):
            continue
        key = (found.kind, found.namespace or "", found.name)
        if key in first:
            message = f"is that of the {found.kind} at line {first[key]}, which this one replaces"
            problem = Problem("metadata.name", message, "rename one of them")
            reports.append(Report(manifest.file, found.line, found.label, problem, warning=True))
        first.setdefault(key, found.line)
    return reports


def _row(report: Report) -> dict[str, object]:
    problem = report.problem
    return {
        "object": report.label,
        "path": problem.path,
        "message": problem.message,
        "fix": problem.fix,
        "severity": "warning" if report.warning else "error",
        "file": report.file,
        "line": report.line,
    }
