"""`python -m benchmarks`: measure, print, and keep the results as JSON in benchmarks/results/."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from types import FrameType
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks import batches as batches_benchmark
from benchmarks import command_line as command_line_benchmark
from benchmarks import composites as composites_benchmark
from benchmarks import cost as cost_benchmark
from benchmarks import dashboard as dashboard_benchmark
from benchmarks import end as end_benchmark
from benchmarks import growth as growth_benchmark
from benchmarks import idle as idle_benchmark
from benchmarks import lag as lag_benchmark
from benchmarks import prune as prune_benchmark
from benchmarks import requests as requests_benchmark
from benchmarks import runner as runner_benchmark
from benchmarks import scrape as scrape_benchmark
from benchmarks import start as start_benchmark
from benchmarks import sustained as sustained_benchmark
from benchmarks.results import Row, save, summary
from benchmarks.world import MeasurementError

Plan = Iterator[tuple[str, Callable[[], Row]]]
"""What to measure: a label, and the measurement."""
_MANY = 100
"""CronJob as shipped takes minutes for more than so many."""
_progress = Console(stderr=True)
_output = click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
_repetitions = click.option("--repetitions", default=3, show_default=True, type=click.IntRange(1))


def _variants(names: tuple[str, ...], default: tuple[str, ...] | None = None) -> Callable[[Any], Any]:
    return click.option(
        "--variant",
        "variants",
        multiple=True,
        type=click.Choice(names),
        default=default or names,
        show_default=True,
        help="May be repeated.",
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure crontask beside CronJob and beside a client that only creates pods."""
    signal.signal(signal.SIGTERM, _end)


@main.command()
@click.option("--tasks", "sizes", multiple=True, type=click.IntRange(1), default=(1000, 20), show_default=True)
@_variants(lag_benchmark.VARIANTS)
@_repetitions
@click.option("--slow-repetitions", default=1, show_default=True, help="Of CronJob as shipped: minutes each.")
@_output
def lag(
    sizes: tuple[int, ...], variants: tuple[str, ...], repetitions: int, slow_repetitions: int, output: str
) -> None:
    """From the nominal time to the pod, for many due at once.

    Example: python -m benchmarks lag --tasks 20 --repetitions 1
    """

    def plan() -> Plan:
        for size in sizes:
            for repetition in range(repetitions):
                for variant in variants:
                    if variant != "cronjob" or size <= _MANY or repetition < slow_repetitions:
                        label = f"{size} tasks, repetition {repetition + 1} of {repetitions}: {variant}"
                        yield label, partial(_row, lag_benchmark.measure, variant, size)

    _measure("lag", "seconds after the nominal time", plan(), output)


@main.command()
@click.option("--tasks", default=1000, show_default=True, type=click.IntRange(1), help="Due at once in the burst.")
@_variants(lag_benchmark.VARIANTS, ("crontask", "cronjob-tuned"))
@_repetitions
@_output
def writes(tasks: int, repetitions: int, variants: tuple[str, ...], output: str) -> None:
    """Object writes and events a run, and processor time: of a run on its own, and of each in a burst.

    Example: python -m benchmarks writes --tasks 200 --variant crontask --repetitions 1
    """

    def plan() -> Plan:
        for size in (1, tasks):
            of_size = ((f"{size} tasks: {each}", partial(_row, lag_benchmark.measure, each, size)) for each in variants)
            yield from _in_turn(repetitions, of_size)

    _measure("writes", "object writes and events a run, milliseconds of processor time", plan(), output)


@main.command()
@click.option("--tasks", default=200, show_default=True, type=click.IntRange(1), help="Each due once a second.")
@click.option("--seconds", default=120, show_default=True, type=click.IntRange(4))
@_variants(sustained_benchmark.VARIANTS)
@_repetitions
@_output
def sustained(tasks: int, seconds: int, repetitions: int, variants: tuple[str, ...], output: str) -> None:
    """Tasks that are due each second, for minutes: what starts, how late, and whether it grows.

    Example: python -m benchmarks sustained --tasks 50 --seconds 60 --repetitions 1
    """
    plan = (
        (f"{tasks} tasks for {seconds} s: {each}", partial(_row, sustained_benchmark.measure, each, tasks, seconds))
        for each in variants
    )
    _measure("sustained", "seconds after the nominal times", _in_turn(repetitions, plan), output)


@main.command()
@click.option("--tasks", default=500, show_default=True, type=click.IntRange(1), help="Due at once.")
@click.option("--runs", default=5000, show_default=True, type=click.IntRange(1), help="To be removed meanwhile.")
@_repetitions
@_output
def prune(tasks: int, runs: int, repetitions: int, output: str) -> None:
    """Tasks due at once while finished runs are removed, and without that.

    Example: python -m benchmarks prune --tasks 100 --runs 500 --repetitions 1
    """
    plan = (
        (f"{tasks} tasks, {removed} runs to remove", partial(_row, prune_benchmark.measure, tasks, removed))
        for removed in (0, runs)
    )
    _measure("prune", "seconds after the nominal time", _in_turn(repetitions, plan), output)


@main.command()
@click.option("--tasks", default=20, show_default=True, type=click.IntRange(1), help="Whose pods end at once.")
@_variants(end_benchmark.VARIANTS)
@_repetitions
@_output
def end(tasks: int, repetitions: int, variants: tuple[str, ...], output: str) -> None:
    """From the end of a pod to the end of its run, or of its Job.

    Example: python -m benchmarks end --repetitions 1
    """
    plan = ((f"{tasks} ends: {each}", partial(_row, end_benchmark.measure, each, tasks)) for each in variants)
    title = "seconds from the end of the pod to the end of its run or Job"
    _measure("end", title, _in_turn(repetitions, plan), output)


@main.command()
@click.option("--tasks", "sizes", multiple=True, type=click.IntRange(1), default=(1000, 10_000), show_default=True)
@_repetitions
@_output
def start(sizes: tuple[int, ...], repetitions: int, output: str) -> None:
    """An operator begins where there are many tasks, each with a finished run: seconds to the first pod, memory.

    Example: python -m benchmarks start --tasks 1000 --repetitions 1
    """
    plan = ((f"{size} tasks", partial(start_benchmark.measure, size)) for size in sizes)
    _measure("start", "cold start", _in_turn(repetitions, plan), output)


@main.command()
@click.option("--tasks", default=10_000, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=600, show_default=True, type=click.IntRange(1))
@_variants(idle_benchmark.VARIANTS)
@click.option("--repetitions", default=1, show_default=True, type=click.IntRange(1), help="Many minutes each.")
@_output
def idle(tasks: int, seconds: int, repetitions: int, variants: tuple[str, ...], output: str) -> None:
    """What tasks that are not due cost.

    Example: python -m benchmarks idle --tasks 2000 --seconds 60 --variant crontask
    """
    plan = (
        (f"{tasks} tasks for {seconds} s: {variant}", partial(idle_benchmark.measure, variant, tasks, seconds))
        for variant in variants
    )
    _measure("idle", "idle", _in_turn(repetitions, plan), output)


@main.command()
@click.option(
    "--tasks",
    "sizes",
    multiple=True,
    type=click.IntRange(1),
    default=(1000, 3000, 10_000, 30_000),
    show_default=True,
)
@_repetitions
@_output
def growth(sizes: tuple[int, ...], repetitions: int, output: str) -> None:
    """One decision, memory, and the first look at all, for ever more tasks; without an API server.

    Example: python -m benchmarks growth --tasks 1000 --tasks 10000
    """
    plan = ((f"{size} tasks", partial(growth_benchmark.measure, size)) for size in sizes)
    _measure("growth", "growth", _in_turn(repetitions, plan), output)


@main.command()
@click.option("--tasks", "sizes", multiple=True, type=click.IntRange(1), default=(500, 5000), show_default=True)
@_repetitions
@_output
def scrape(sizes: tuple[int, ...], repetitions: int, output: str) -> None:
    """What /metrics costs with the metrics of so many tasks; without an API server.

    Example: python -m benchmarks scrape --tasks 5000
    """
    plan = ((f"{size} tasks", partial(scrape_benchmark.measure, size)) for size in sizes)
    _measure("scrape", "a page of metrics", _in_turn(repetitions, plan), output)


@main.command()
@click.option("--tasks", "sizes", multiple=True, type=click.IntRange(1), default=(10_000,), show_default=True)
@_repetitions
@_output
def page(sizes: tuple[int, ...], repetitions: int, output: str) -> None:
    """The page with so many tasks, and three runs of each: over HTTP, and in Chromium.

    Example: python -m benchmarks page --tasks 1000 --repetitions 1
    """
    plan = ((f"{size} tasks", partial(dashboard_benchmark.measure, size)) for size in sizes)
    _measure("page", "the page", _in_turn(repetitions, plan), output)


@main.command("open-pages")
@click.option("--tasks", default=1000, show_default=True, type=click.IntRange(1), help="Due at once.")
@click.option("--pages", default=50, show_default=True, type=click.IntRange(1), help="Open, beside none.")
@_repetitions
@_output
def open_pages(tasks: int, pages: int, repetitions: int, output: str) -> None:
    """Tasks due at once while pages of theirs are open, and without these.

    Example: python -m benchmarks open-pages --pages 10 --tasks 100 --repetitions 1
    """
    plan = (
        (f"{tasks} tasks, {count} pages", partial(dashboard_benchmark.measure_beside, count, tasks))
        for count in (0, pages)
    )
    _measure("open-pages", "seconds after the nominal time", _in_turn(repetitions, plan), output)


@main.command()
@click.option("--workflows", default=20, show_default=True, type=click.IntRange(1), help="That start at once.")
@_variants(composites_benchmark.STEPS_VARIANTS)
@_repetitions
@_output
def steps(workflows: int, repetitions: int, variants: tuple[str, ...], output: str) -> None:
    """From the end of one step's pod to the next one's pod.

    Example: python -m benchmarks steps --repetitions 1
    """
    plan = (
        (f"{workflows} workflows: {variant}", partial(_row, composites_benchmark.steps, variant, workflows))
        for variant in variants
    )
    title = "seconds from the end of a step's pod to the next one's"
    _measure("steps", title, _in_turn(repetitions, plan), output)


@main.command("fan-out")
@click.option("--items", default=1000, show_default=True, type=click.IntRange(1, 1000))
@_variants(composites_benchmark.FAN_OUT_VARIANTS)
@_repetitions
@_output
def fan_out(items: int, repetitions: int, variants: tuple[str, ...], output: str) -> None:
    """A fan-out, 50 items at a time, whose pods end at once.

    Example: python -m benchmarks fan-out --items 200 --repetitions 1
    """
    plan = (
        (f"{items} items: {variant}", partial(_row, composites_benchmark.fan_out, variant, items))
        for variant in variants
    )
    _measure("fan-out", "seconds from start to end", _in_turn(repetitions, plan), output)


@main.command()
@click.option("--tasks", default=500, show_default=True, type=click.IntRange(1), help="Due at once.")
@click.option("--workflows", default=100, show_default=True, type=click.IntRange(1), help="That start then, too.")
@_repetitions
@_output
def beside(tasks: int, workflows: int, repetitions: int, output: str) -> None:
    """Tasks due at once while workflows start, and without these.

    Example: python -m benchmarks beside --tasks 100 --workflows 20 --repetitions 1
    """
    plan = (
        (f"{tasks} tasks beside {number} workflows", partial(_row, composites_benchmark.beside, tasks, number))
        for number in (0, workflows)
    )
    _measure("beside", "seconds after the nominal time", _in_turn(repetitions, plan), output)


@main.command()
@_output
def cost(output: str) -> None:
    """What computing costs: the next time beside croniter's, counting misses, a decision.

    Example: python -m benchmarks cost -o json
    """
    tables = {
        "microseconds a step to the next time": cost_benchmark.next_times(),
        "microseconds to count what came due": cost_benchmark.counting(),
        "microseconds a decision about a task with many runs": cost_benchmark.decisions(),
    }
    rows = [{"measured": _now(), "table": title, **row} for title, table in tables.items() for row in table]
    save("cost", rows)
    if output == "json":
        click.echo(json.dumps(tables, indent=2))
        return
    for title, table in tables.items():
        _show(output, title, table)


@main.command()
@_repetitions
@_output
def requests(repetitions: int, output: str) -> None:
    """What each write of a run costs the API server.

    Example: python -m benchmarks requests --repetitions 1
    """
    rows: list[Row] = []
    for repetition in range(repetitions):
        _progress.print(f"repetition {repetition + 1} of {repetitions} …")
        rows += ({"measured": _now(), **asdict(cost)} for cost in requests_benchmark.measure())
        save("requests", rows)
    _show(output, "milliseconds of the API server a write; medians of the repetitions", summary(rows))


@main.command()
@_output
def runner(output: str) -> None:
    """How long the runner of http and python handlers takes for work that takes no time.

    Example: python -m benchmarks runner
    """
    rows = [{"measured": _now(), **row} for row in runner_benchmark.measure()]
    save("runner", rows)
    _show(output, "milliseconds from start to end", rows)


@main.command()
@_output
def batches(output: str) -> None:
    """How long one pod takes for a thousand batches of a millisecond.

    Example: python -m benchmarks batches
    """
    rows = [{"measured": _now(), **row} for row in batches_benchmark.measure()]
    save("batches", rows)
    _show(output, "seconds from start to end", rows)


@main.command("command-line")
@_output
def command_line(output: str) -> None:
    """What commands take of the processor, and the import of the SDK; as a part of their budgets too.

    Example: python -m benchmarks command-line
    """
    rows = [{"measured": _now(), **row} for row in command_line_benchmark.measure()]
    save("command-line", rows)
    _show(output, "milliseconds of processor", rows)


def _end(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends like Ctrl-C: with everything that was started."""
    raise KeyboardInterrupt


def _measure(name: str, title: str, plan: Plan, output: str) -> None:
    """Measure one after the other, and keep each at once. One that fails is said and recorded; exit code 1 then."""
    rows: list[Row] = []
    failures: list[str] = []
    for label, measure in plan:
        _progress.print(f"{label} …")
        try:
            rows.append({"measured": _now(), **measure()})
        except MeasurementError as error:
            failures.append(f"{label}: {error}")
            _progress.print(f"failed: {error}")
        save(name, rows, failures)
    _show(output, f"{title}; medians of the repetitions", summary(rows))
    if failures:
        sys.exit(1)


def _in_turn(repetitions: int, plan: Plan) -> Plan:
    """Each once, then each again: what the machine does meanwhile meets all of them."""
    once = list(plan)
    for repetition in range(repetitions):
        for label, measure in once:
            yield f"{label}, repetition {repetition + 1} of {repetitions}", measure


def _row(measure: Callable[..., Any], *arguments: Any) -> Row:
    """A measurement's dataclass as it is kept."""
    return asdict(measure(*arguments))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _show(output: str, title: str, rows: list[Row]) -> None:
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        Console(width=140).print(_table(title, rows))


def _table(title: str, rows: list[Row]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        table.add_column(column)
    for row in rows:
        table.add_row(*map(str, row.values()))
    return table


if __name__ == "__main__":
    main()
