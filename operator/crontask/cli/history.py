"""`crontask history`: what became of the times of a task, newest first; also of those whose runs are gone."""

from typing import TYPE_CHECKING, Any

import click

from crontask.api.phases import Origin
from crontask.cli import names as completed
from crontask.cli.columns import aligned
from crontask.cli.connection import cluster_options, connected
from crontask.cli.named import find_task
from crontask.cli.output import TABLE, WIDE, output_option, show_list
from crontask.cli.runs import runs_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from crontask.cli.output import Table
    from crontask.client.requests import Document

_HEAD = ("DUE", "RESULT", "RUN", "ORIGIN", "STARTED", "DURATION", "MESSAGE")


@click.command("history")
@click.argument("task", shell_complete=completed.tasks)
@click.option(
    "--parts",
    is_flag=True,
    help="Runs that are parts of workflows and fan-outs, too; those of backfills are there anyway.",
)
@output_option
@cluster_options
def history_command(task: str, parts: bool, output: str) -> None:
    """Show what became of the times of a CronTask, newest first.

    Runs, those of the last ten that are removed already, and times that were skipped or missed, with the reason. The
    other forms of output have the runs that are there.

    Example: crontask history nightly-report
    """
    from crontask.api.resources import SCHEDULED_RUN

    with connected() as cluster:
        found = find_task(cluster, task)
        there = runs_of(cluster, cluster.namespace, task=found["metadata"]["name"], parts=True)
        runs = there.having(lambda run: parts or stands_for_itself(run))
        if output not in (TABLE, WIDE):
            show_list(runs, output, cluster.namespace, SCHEDULED_RUN)
            return
    rows = rows_of(found, runs, [run["metadata"]["name"] for run in there.objects])
    if rows:
        click.echo("\n".join(line.rstrip() for line in aligned([_HEAD, *rows])))
    else:
        click.echo(f"nothing has happened to {found['metadata']['name']} yet", err=True)


def stands_for_itself(run: "Document") -> bool:
    """Whether it is shown without being asked for: no part of another, or one that makes up for a time of the task."""
    return not run["spec"].get("parent") or (run.get("status") or {}).get("origin") == Origin.BACKFILL


def rows_of(task: "Document", runs: "Table", parts: "Collection[str]") -> list[tuple[str, ...]]:
    """Of each run and each time that did not start, the one that came last first.

    `parts`: the names of runs that are there, and are not asked for.
    """
    status = task.get("status") or {}
    there = {run["metadata"]["name"] for run in runs.objects} | set(parts)
    rows = [_of_run(run) for run in runs.objects]
    rows += [_of_summary(gone) for gone in status.get("recentRuns") or () if gone.get("name") not in there]
    rows += [_of_decision(each) for each in status.get("recentDecisions") or ()]
    return sorted(rows, key=lambda row: row[0], reverse=True)


def _of_run(run: "Document") -> tuple[str, ...]:
    spec, status = run["spec"], run.get("status") or {}
    due = status.get("scheduledTime") or spec.get("scheduledTime") or spec.get("at")
    phase = status.get("phase") or "Pending"
    name, origin = run["metadata"]["name"], status.get("origin")
    return _row(due or run["metadata"]["creationTimestamp"], phase, name, origin, status)


def _of_summary(run: "Document") -> tuple[str, ...]:
    return _row(
        run.get("scheduledTime") or run.get("startTime"), run.get("phase"), f"{run.get('name')} (removed)", "", run
    )


def _of_decision(decision: "Document") -> tuple[str, ...]:
    last, first = decision.get("until"), decision.get("nominalTime")
    count = decision.get("count") or 1
    notes = [
        str(decision.get("reason")),
        f"run {decision['run']} in the way" if decision.get("run") else "",
        f"{count} times, from {first}" if count > 1 else "",
    ]
    return str(last or first), str(decision.get("type")), "-", "Schedule", "-", "-", "; ".join(filter(None, notes))


def _row(due: Any, phase: Any, name: str, origin: Any, status: "Document") -> tuple[str, ...]:
    message = " ".join(str(status.get("message") or "").split())
    cells = (due, phase, name, origin, status.get("startTime"), status.get("duration"))
    return (*(str(cell or "-") for cell in cells), message)
