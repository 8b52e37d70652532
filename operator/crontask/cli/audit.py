"""`crontask audit`: what became of each nominal time of a task, and which of them nothing explains."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from crontask.api.times import format_duration, format_time
from crontask.cli import names as completed
from crontask.cli.connection import cluster_options, connected
from crontask.cli.exits import FAILED
from crontask.cli.parameters import DurationParam
from crontask.cli.past import range_of, range_options, read_task, times_in

if TYPE_CHECKING:
    from datetime import datetime

    from crontask.decide.model import CronTask
    from crontask.decide.task.past import PastTime
    from crontask.decide.task.range import Range

_HEAD = ("DUE", "UNTIL", "TIMES", "RESULT", "START", "RUN", "REASON")


@click.command("audit")
@click.argument("task", shell_complete=completed.tasks)
@range_options
@click.option(
    "--tolerance",
    type=DurationParam(),
    default="10s",
    show_default=True,
    help="A start is on time up to so long after it was due.",
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@cluster_options
def audit_command(task: str, start: "datetime", end: "datetime | None", tolerance: timedelta, output: str) -> None:
    """Show what became of each nominal time of a CronTask: on time, late, skipped, missed, not known, and why.

    Exit code 1 if there is one that nothing explains. What is older than the record of the task is Unknown.

    Example: crontask audit nightly-report --from 30d
    """
    asked = range_of(start, end)
    with connected() as cluster:
        found, runs = read_task(cluster, task)
    times = times_in(found, runs, asked, ("audit", found.meta.name))
    if output == "json":
        from crontask.cli.output import as_json

        click.echo(as_json(_report(found, times, asked, tolerance)))
    elif times:
        _show(found, times, tolerance)
    if not times:
        within = f"from {format_time(asked.start)} up to {format_time(asked.end)}"
        click.echo(f"{found.meta.name} has no nominal times {within}: {why_none(found, asked)}", err=True)
    unexplained = _unexplained(times)
    if unexplained:
        click.echo(
            f"{_counted(len(unexplained))} unexplained, the first {format_time(unexplained[0].nominal)}", err=True
        )
        click.get_current_context().exit(FAILED)


def _unexplained(times: "Sequence[PastTime]") -> "list[PastTime]":
    from crontask.decide.task.past import WITHOUT_REASON

    return [each for each in times if each.outcome in WITHOUT_REASON]


def why_none(task: "CronTask", asked: "Range") -> str:
    """Why there is no time in a range, and where to look."""
    spec = task.spec
    if spec.after is not None:
        return f"it runs after {spec.after.task}; see crontask history {task.meta.name}"
    if spec.delay is not None:
        return f"its times follow from the ends of its runs; see crontask history {task.meta.name}"
    if not (spec.schedule or spec.schedules or spec.interval):
        return f"it has no schedule; see crontask history {task.meta.name}"
    from crontask.decide.task.described import coming_of

    coming = coming_of(task, asked.end - timedelta(seconds=1), 1, None)
    if not coming:
        return "its schedule, startTime, endTime and skip leave none"
    created = task.meta.creation_timestamp
    began = f"it was created at {format_time(created)}, and " if created > asked.start else ""
    return f"{began}the next is {format_time(coming[0].nominal)}"


def _show(task: "CronTask", times: "Sequence[PastTime]", tolerance: timedelta) -> None:
    """A line for each time, or for several in a row of which the same is to be said."""
    from crontask.cli.columns import aligned

    rows = [_HEAD]
    for _, alike in groupby(times, key=lambda each: _said(each, tolerance)):
        first, *others = alike
        last = format_time(others[-1].nominal) if others else ""
        outcome, when, why = _said(first, tolerance)
        run = (first.run or "-") if not others else "-"
        rows.append((format_time(first.nominal), last, str(1 + len(others)), outcome, when, run, why))
    click.echo("\n".join(line.rstrip() for line in aligned(rows)))
    click.echo(f"\n{', '.join(_summed_up(times, tolerance))}")
    if task.status.decided_since is not None:
        click.echo(f"the record of {task.meta.name} begins at {format_time(task.status.decided_since)}")


def _said(each: "PastTime", tolerance: timedelta) -> tuple[str, str, str]:
    """The result, the start, and the reason."""
    planned = f"waits in backfill {', '.join(each.planned)}" if each.planned else ""
    when = "-" if each.late is None else "on time" if each.late <= tolerance else f"{format_duration(each.late)} late"
    return each.outcome.value, when, "; ".join(filter(None, (each.why, planned)))


def _counted(count: int) -> str:
    return f"{count:,} {'time' if count == 1 else 'times'}"


def _summed_up(times: "Sequence[PastTime]", tolerance: timedelta) -> Iterator[str]:
    yield _counted(len(times))
    for outcome, count in Counter(each.outcome.value for each in times).most_common():
        yield f"{count:,} {outcome}"
    late = _late(times, tolerance)
    if late:
        yield f"{late:,} of them late"


def _late(times: "Sequence[PastTime]", tolerance: timedelta) -> int:
    return sum(each.late is not None and each.late > tolerance for each in times)


def _report(task: "CronTask", times: "Sequence[PastTime]", asked: "Range", tolerance: timedelta) -> dict[str, Any]:
    """As docs/backfill-and-audit.md has it."""
    since, late = task.status.decided_since, _late(times, tolerance)
    known = sum(each.late is not None for each in times)
    return {
        "namespace": task.meta.namespace,
        "task": task.meta.name,
        "from": format_time(asked.start),
        "to": format_time(asked.end),
        "recordedSince": format_time(since) if since is not None else None,
        "totals": {
            "times": len(times),
            "onTime": known - late,
            "late": late,
            "unexplained": len(_unexplained(times)),
            "results": dict(Counter(each.outcome.value for each in times)),
        },
        "times": [_row(each, tolerance) for each in times],
    }


def _row(each: "PastTime", tolerance: timedelta) -> dict[str, Any]:
    late = each.late
    return {
        "nominal": format_time(each.nominal),
        "result": each.outcome.value,
        "reason": each.why,
        "run": each.run,
        "onTime": late <= tolerance if late is not None else None,
        "lateSeconds": int(late.total_seconds()) if late is not None else None,
        "backfills": list(each.planned),
    }
