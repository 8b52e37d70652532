"""`crontask backfill`: a task again for nominal times that have passed, as one run with a part for each of them."""

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

import click

from crontask.api.names import BACKFILL_CHOICES, BACKFILL_FAILED, BACKFILL_MISSING
from crontask.api.times import format_time
from crontask.cli import names as completed
from crontask.cli.connection import cluster_options, connected, written_again
from crontask.cli.exits import BAD_INPUT, stop
from crontask.cli.past import commands, range_of, range_options, read_task, times_in
from crontask.cli.starting import Asked, follow
from crontask.cli.waiting import ended, timeout_option
from crontask.client.tree import phase_of

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.client.requests import Document
    from crontask.decide.model import CronTask
    from crontask.decide.task.backfill import BackfillPlan
    from crontask.decide.task.range import Range

MOST_RUNS = 1_000
_UNASKED = 20


@click.command("backfill")
@click.argument("task", shell_complete=completed.tasks)
@range_options
@click.option(
    "--only",
    type=click.Choice(BACKFILL_CHOICES),
    default=BACKFILL_MISSING,
    show_default=True,
    help="missing: those for which nothing has run; failed: those whose run did not end well; all.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, MOST_RUNS),
    default=1,
    show_default=True,
    help="How many run at the same time, at most.",
)
@click.option("-y", "--yes", is_flag=True, help=f"Do not ask, however many runs it makes; it asks above {_UNASKED}.")
@click.option("--force", is_flag=True, help="Even if another open backfill covers some of the same times.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and make no run.")
@click.option("--wait", is_flag=True, help="Wait until it has ended; the exit code says how, as that of wait.")
@timeout_option
@click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Of the plan."
)
@cluster_options
def backfill_command(task: str, start: datetime, end: datetime | None, **options: Any) -> None:
    """Run a CronTask again for nominal times that have passed.

    First the plan is shown; then one run is made, with a part for each time. The parts never take the slot of a
    scheduled run, and start while the task is suspended too. What is older than the record of the task is not known,
    and is not taken for missing.

    Example: crontask backfill nightly-report --from 2026-03-01 --to 2026-03-08 --dry-run
    """
    asked = Asked.of({name: options.pop(name) for name in ("wait", "timeout", "strict")})
    within = range_of(start, end)
    with connected() as cluster:
        plan = _plan(cluster, task, within, options["only"], options["parallel"])
        if plan is None:
            return
        if not options["dry_run"]:
            _refuse_the_same(cluster, plan)
        _check_how_many(plan)
        goes_on = bool(plan.chosen) and not options["dry_run"]
        if goes_on and plan.in_the_way and not options["force"]:
            _refuse_overlap(plan)
        if options["output"] != "json":
            from crontask.cli.backfill_plan import lines_of

            click.echo("\n".join(lines_of(plan)), err=goes_on)
        if goes_on and len(plan.chosen) > _UNASKED and not options["yes"]:
            plan = _confirmed(cluster, plan)
            goes_on = bool(plan.chosen)
        run = _create(cluster, plan) if goes_on else None
        if options["output"] == "json":
            from crontask.cli.backfill_plan import report_on
            from crontask.cli.output import as_json

            click.echo(as_json(report_on(plan, created=run is not None)))
        if run is None:
            return
        in_data = options["output"] != "json" and not asked.waits
        click.echo(f"scheduledrun.crontask.dev/{run['metadata']['name']} created", err=not in_data)
        click.get_current_context().exit(follow(cluster, run, asked))


def _plan(cluster: "Cluster", task: str, within: "Range", only: str, parallel: int) -> "BackfillPlan | None":
    """What it would do; None where there is no nominal time at all."""
    found, runs = read_task(cluster, task)
    name = found.meta.name
    _refuse_without_schedule(found)
    again = ("backfill", name, *(("--only", only) if only != BACKFILL_MISSING else ()))
    again = (*again, *(("--parallel", str(parallel)) if parallel > 1 else ()))
    times = times_in(found, runs, within, again)
    if not times:
        span = f"from {format_time(within.start)} up to {format_time(within.end)}"
        click.echo(f"nothing to do: {name} has no nominal times {span}", err=True)
        return None
    from crontask.decide.task.backfill import BackfillPlan

    return BackfillPlan(found, within, times, only, parallel, runs)


def _refuse_without_schedule(task: "CronTask") -> None:
    from crontask.decide.task.backfill import why_never

    if why := why_never(task):
        trigger = written_again("trigger", task.meta.name)
        stop(BAD_INPUT, f"{task.meta.name} has no times that could be made up for: {why}; write {trigger}")


def _refuse_the_same(cluster: "Cluster", plan: "BackfillPlan") -> None:
    """Whoever asks for the same again hears of the first."""
    from crontask.api.resources import SCHEDULED_RUN
    from crontask.client import operations, requests

    first = cluster.run(operations.known(requests.get(SCHEDULED_RUN, plan.name, cluster.namespace)))
    if first is not None:
        _same(first, plan.only)


def _same(first: "Document", only: str) -> NoReturn:
    name = first["metadata"]["name"]
    if ended(first) and only == BACKFILL_FAILED:
        fix = "none of its times is failed by now"
    elif ended(first):
        again = written_again("rerun", name, "--from", "Start")
        failed = f"to run what failed of it again, write --only {BACKFILL_FAILED}; " if has_failed(first) else ""
        fix = f"{failed}to run all of it again, with the right to create pods: {again}"
    else:
        fix = f"to wait for it: {written_again('wait', name)}"
    made = f"since {first['metadata']['creationTimestamp']}"
    stop(BAD_INPUT, f"this backfill is there already, {made}: run {name}, which is {phase_of(first)}; {fix}")


def has_failed(first: "Document") -> bool:
    """Whether something of a backfill did not succeed."""
    items = (first.get("status") or {}).get("items") or {}
    return bool(items.get("failed") or items.get("canceled") or items.get("notReached"))


def _refuse_overlap(plan: "BackfillPlan") -> NoReturn:
    """Two that do the same times would do them twice."""
    names = ", ".join(plan.in_the_way)
    are = "is open and is" if len(plan.in_the_way) == 1 else "are open and are"
    wait = written_again("wait", *plan.in_the_way)
    stop(BAD_INPUT, f"{names} {are} for some of these times; wait for it: {wait}; or write --force")


def _check_how_many(plan: "BackfillPlan") -> None:
    """One run has so many parts at most: of more, the commands for one after the other."""
    if len(plan.chosen) <= MOST_RUNS:
        return
    from crontask.decide.task.backfill import ranges_of

    again = ["backfill", plan.task.meta.name, "--yes", "--wait"]
    again += ["--only", plan.only] if plan.only != BACKFILL_MISSING else []
    again += ["--parallel", str(plan.parallel)] if plan.parallel > 1 else []
    why = f"{len(plan.chosen):,} runs are more than the {MOST_RUNS:,} of one backfill; write one after the other:"
    stop(BAD_INPUT, why, *commands(tuple(again), ranges_of(plan.chosen, plan.asked.end, MOST_RUNS)))


def _confirmed(cluster: "Cluster", plan: "BackfillPlan") -> "BackfillPlan":
    """The plan as it is once somebody has said yes. Ends the program where nobody does."""
    many = f"{len(plan.chosen):,} runs"
    if not sys.stdin.isatty():
        stop(BAD_INPUT, f"{many} are more than {_UNASKED}; write --yes to make them, or --dry-run to see which")
    if not click.confirm(f"Make {many}?", err=True):
        stop(BAD_INPUT, "nothing is made")
    now = _plan(cluster, plan.task.meta.name, plan.asked, plan.only, plan.parallel)
    if now is None:
        stop(BAD_INPUT, "nothing is made: the task has no nominal times in that range any more")
    if len(now.chosen) != len(plan.chosen):
        click.echo(f"{len(now.chosen):,} runs by now", err=True)
    return now


def _create(cluster: "Cluster", plan: "BackfillPlan") -> "Document":
    from crontask.api.resources import SCHEDULED_RUN
    from crontask.client import actions, errors

    body = actions.backfill(plan.task.meta.name, plan.nominals, name=plan.name, only=plan.only, parallel=plan.parallel)
    try:
        return cluster.create(SCHEDULED_RUN, body, manager=actions.MANAGER, drawn=True)
    except errors.AlreadyExists:
        _same(cluster.get(SCHEDULED_RUN, plan.name), plan.only)
