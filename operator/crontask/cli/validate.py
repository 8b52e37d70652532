"""`crontask validate`: what is wrong with manifests, and what has no effect in them, without a cluster or with one."""

from datetime import UTC, datetime

import click
import orjson

from crontask.api.problem import Problem
from crontask.cli.connection import cluster_options, connected, namespace_given
from crontask.cli.objects import KINDS, Manifest, ManifestObject, Report, read_manifest
from crontask.cli.parameters import refuse
from crontask.cli.reading import manifest_files

Found = tuple[Manifest, ManifestObject]


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
@click.option("--server", is_flag=True, help="Ask the API server too, by a dry run of each object.")
@click.option("--strict", is_flag=True, help="Warn of more, and let no warning pass.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
@cluster_options
def validate_command(paths: tuple[str, ...], server: bool, strict: bool, output: str) -> None:
    """Check manifests of CronTasks and ScheduledRuns, without a cluster or with one.

    Exit code 0: all are good, but for warnings about what has no effect; 2: problems were found, each with its path
    and what to write instead. With --strict a warning is a problem, and there are more of them: of suspend: false,
    which un-pauses; of twenty tasks and more that are due at one minute without jitter; of args in the code of a shell;
    of a CronJob that is active under the name of a task.

    Example: crontask validate -f examples/nightly.yaml -f tasks/
    """
    manifests = [read_manifest(file) for path in paths for file in manifest_files(path)]
    reports = [report for manifest in manifests for report in _reports(manifest)]
    good = _good(manifests) if strict or server else []
    if strict:
        from crontask.cli.strict import strict_reports

        reports += strict_reports(good, manifests, namespace_given(), datetime.now(UTC))
    if server:
        reports += [report for manifest in manifests for report in manifest.misplaced(namespace_given())]
        reports += _asked(good, strict)
    if output == "json":
        rows = [_row(report) for report in reports]
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
    if not all(report.warning and not strict for report in reports):
        refuse(reports)
    for report in reports:
        click.echo(str(report), err=True)
    if output == "text":
        click.echo("no problems found" + (", but warnings" if reports else ""))


def _good(manifests: list[Manifest]) -> list[Found]:
    """The objects that have no problem."""
    found = [(manifest, each) for manifest in manifests for each in manifest.objects]
    return [(manifest, each) for manifest, each in found if all(r.warning for r in manifest.reports_of(each))]


def _asked(good: list[Found], strict: bool) -> list[Report]:
    """What the API server says against the objects, where they are to be in the namespace that is asked about."""
    from crontask.cli.server_check import active_cron_jobs, server_reports
    from crontask.cli.strict import namesakes
    from crontask.client import errors

    asked = [each for each in good if namespace_given() in (None, each[1].namespace or namespace_given())]
    if not asked:
        return []
    with connected() as cluster:
        reports = [report for manifest, found in asked for report in server_reports(manifest, found, cluster)]
        tasks = [each for each in asked if each[1].kind == "CronTask"]
        if strict and tasks:
            try:
                jobs = active_cron_jobs(cluster, {found.namespace or cluster.namespace for _, found in tasks})
            except errors.Forbidden as error:
                click.echo(f"CronJobs were not looked at: {error.message}", err=True)
            else:
                reports += namesakes(tasks, jobs, cluster.namespace)
    return reports


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
