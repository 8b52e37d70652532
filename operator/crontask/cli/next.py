"""`crontask next`: the coming nominal times of a task, by the operator's own timetable."""

from dataclasses import dataclass
from datetime import UTC, datetime

import click
import orjson

from crontask.api.base import format_time
from crontask.api.crontask import CronTaskSpec
from crontask.cli.local_times import LocalTimes
from crontask.cli.manifest import about_a_task, complete, find_task, parsed
from crontask.cli.parameters import TimeParam, parse_time
from crontask.decide.model import CronTask
from crontask.decide.task.coming import coming_times
from crontask.ports import Document
from crontask.timetable.notes import uneven_steps


@dataclass(frozen=True, slots=True)
class Coming:
    """A nominal time to come, and when its run starts."""

    nominal: datetime
    start: datetime
    local: datetime
    note: str
    change: str


@click.command("next")
@about_a_task
@click.option("--from", "after", type=TimeParam(), help="Starts after this time; by default now.")
@click.option("--count", default=10, show_default=True, type=click.IntRange(1, 10_000), help="So many at most.")
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
        document["status"] = found.get("status") or {}
    task, spec = parsed(document)
    local = LocalTimes(task)
    coming = _coming(task, local, instant, count, task.recorded_until if created else None)
    if output == "json":
        click.echo(orjson.dumps([_row(each) for each in coming], option=orjson.OPT_INDENT_2).decode())
    else:
        _show(task, local, coming, counted_from=None if created else instant)
    if not coming:
        click.echo(f"no times to come: {_why_none(task, spec)}", err=True)


def _coming(task: CronTask, local: LocalTimes, instant: datetime, count: int, decided: datetime | None) -> list[Coming]:
    return [
        Coming(nominal, task.start_of(nominal), local.local(nominal), local.note(nominal), local.change(nominal))
        for nominal in coming_times(task, instant, count, decided)
    ]


def _row(coming: Coming) -> Document:
    return {
        "nominal": format_time(coming.nominal),
        "start": format_time(coming.start),
        "local": coming.local.isoformat(),
        "note": coming.note,
    }


def _show(task: CronTask, local: LocalTimes, coming: list[Coming], counted_from: datetime | None) -> None:
    """`counted_from`: of a manifest, what stands for the creation that it does not have yet."""
    spec = task.spec
    click.echo(f"{task.meta.namespace}/{task.meta.name}: {local.described()}")
    for expression in local.expressions:
        for note in uneven_steps(expression):
            click.echo(f"note: {note}")
    if counted_from is not None and spec.interval is not None and spec.start_time is None:
        click.echo(f"note: counted from {format_time(counted_from)}; on a cluster, from the creation of the task")
    if spec.suspend:
        click.echo("suspended: nothing starts on schedule until spec.suspend is false")
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


def _why_none(task: CronTask, spec: CronTaskSpec) -> str:
    if spec.after is not None:
        return f"it runs after {spec.after.task}"
    if spec.delay is None and not (spec.schedule or spec.schedules or spec.interval):
        return "it has no schedule, and runs on demand only"
    if spec.max_runs is not None and task.status.scheduled_count >= spec.max_runs:
        return f"all of its maxRuns, {spec.max_runs}, have been started"
    if spec.end_time is not None:
        kept = " on a date that skip leaves in" if spec.skip else ""
        return f"none is left{kept} before endTime, {format_time(spec.end_time)}"
    return "the calendar ends before the next"
