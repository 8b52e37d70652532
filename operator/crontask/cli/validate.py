"""`crontask validate`: what is wrong with manifests, and what has no effect in them, without a cluster.

Callers: main.
"""

import click
import orjson

from crontask.api.problem import Problem
from crontask.cli.objects import KINDS, Finding, Manifest, read_manifest
from crontask.cli.parameters import refuse


@click.command("validate")
@click.option("-f", "--file", "path", required=True, metavar="FILE", help="A manifest; -: stdin.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def validate_command(path: str, output: str) -> None:
    """Check manifests of CronTasks and ScheduledRuns, without a cluster.

    Exit code 0: all are good, but for warnings about what has no effect; 2: problems were found, each with its place
    and what to write instead.

    Example: crontask validate -f examples/nightly.yaml
    """
    manifest = read_manifest(path)
    nothing = [] if manifest.objects or manifest.findings else [manifest.nothing_of(*KINDS)]
    findings = [
        *manifest.findings,
        *nothing,
        *(finding for found in manifest.objects for finding in manifest.findings_of(found)),
        *_repeated(manifest),
    ]
    if output == "json":
        rows = [_row(finding) for finding in findings]
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
    if not all(finding.warning for finding in findings):
        refuse(findings)
    for finding in findings:
        click.echo(str(finding), err=True)
    if output == "text":
        click.echo("no problems found")


def _repeated(manifest: Manifest) -> list[Finding]:
    """Warnings about objects that are there more than once: of them only the last would stay."""
    first: dict[tuple[str, str, str], int | None] = {}
    findings = []
    for found in manifest.objects:
        if not isinstance(found.name, str):
            continue
        key = (found.kind, found.namespace or "", found.name)
        if key in first:
            words = f"is that of the {found.kind} at line {first[key]}, which this one replaces"
            problem = Problem("metadata.name", words, "rename one of them")
            findings.append(Finding(manifest.file, found.line, found.label, problem, warning=True))
        first.setdefault(key, found.line)
    return findings


def _row(finding: Finding) -> dict[str, object]:
    problem = finding.problem
    return {
        "object": finding.label,
        "path": problem.path,
        "message": problem.message,
        "fix": problem.fix,
        "severity": "warning" if finding.warning else "error",
        "file": finding.file,
        "line": finding.line,
    }
