"""`crontask next`: the coming nominal times of a task, by the operator's own timetable."""

from datetime import UTC, datetime

import click
import orjson

from crontask.api.base import format_time
from crontask.api.times import parse_time
from crontask.cli.manifest import about_a_task, complete, find_task, parsed
from crontask.cli.parameters import TimeParam
from crontask.decide.model import CronTask
from crontask.decide.task.described import Coming, coming_of, why_none_comes
from crontask.decide.task.local_times import LocalTimes
from crontask.decide.task.pause import said_not_by_spec
from crontask.ports import Document
from crontask.timetable.notes import uneven_steps


@click.command("next")
@about_a_task
@click.option("--from", "after", type=TimeParam(), help="Starts after this time; by default now.")
@click.option(
    "--count", default=10, show_default=True, type=click.IntRange(1, 10_000), help="How many to show, at most."
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def next_command(
    path: str | None, name: str | None, namespace: str | None, after: datetime | None, count: int, output: str
) -> None:
    """Show the coming times of a CronTask, from a manifest or from the cluster.

    Exit code 0; 2 for bad input, with what is wrong, where, and what to write instead.

    Example: crontask next -f examples/every-minute.yaml --from 2026-03-29T00:00:00Z --count 5
    """
    found = find_task(path, name, namespace)
    instant = after or datetime.now(UTC).replace(microsecond=0)
    created = (found.get("metadata") or {}).get("creationTimestamp")
    document = complete(found, parse_time(created) if created else instant)
    if created:
        document["metadata"]["uid"] = found["metadata"].get("uid", "")
        generation = found["metadata"].get("generation")
        document["metadata"]["generation"] = generation if isinstance(generation, int) else 1
        document["status"] = found.get("status") or {}
    task, _ = parsed(document)
    coming = coming_of(task, instant, count, task.recorded_until if created else None)
    if output == "json":
        click.echo(orjson.dumps([_row(each) for each in coming], option=orjson.OPT_INDENT_2).decode())
    else:
        _show(task, coming, counted_from=None if created else instant)
    if not coming:
        click.echo(f"no times to come: {why_none_comes(task)}", err=True)


def _row(coming: Coming) -> Document:
    return {
        "nominal": format_time(coming.nominal),
        "start": format_time(coming.start),
        "local": coming.local.isoformat(),
        "note": coming.note,
    }


def _show(task: CronTask, coming: list[Coming], counted_from: datetime | None) -> None:
    """`counted_from`: of a manifest, what stands for the creation that it does not have yet."""
    spec = task.spec
    click.echo(f"{task.meta.namespace}/{task.meta.name}: {LocalTimes(task).described()}")
    for expression in LocalTimes(task).expressions:
        for note in uneven_steps(expression):
            click.echo(f"note: {note}")
    if counted_from is not None and spec.interval is not None and spec.start_time is None:
        click.echo(f"note: counted from {format_time(counted_from)}; on a cluster, from the creation of the task")
    if spec.suspend:
        click.echo("suspended: nothing starts on schedule until spec.suspend is false")
    elif said := said_not_by_spec(task):
        click.echo(f"suspended: {said}")
    if not coming:
        return
    jittered = any(each.start != each.nominal for each in coming)
    rows = [("NOMINAL (UTC)", *(["STARTS (UTC)"] if jittered else []), "LOCAL", "NOTE")]
    for each in coming:
        notes = "; ".join(filter(None, (each.note, each.change)))
        starts = [format_time(each.start)] if jittered else []
        rows.append((format_time(each.nominal), *starts, each.local.strftime("%a %Y-%m-%d %H:%M:%S %z"), notes))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
