"""`python -m benchmarks`: measure, print, and write the results as JSON to benchmarks/results/.

Callers: make bench.
"""

import json
import os
import platform
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks import cost as cost_benchmark
from benchmarks import end as end_benchmark
from benchmarks import idle as idle_benchmark
from benchmarks import lag as lag_benchmark
from benchmarks import prune as prune_benchmark
from benchmarks import start as start_benchmark
from benchmarks import sustained as sustained_benchmark
from benchmarks.world import MeasurementError

RESULTS = Path(__file__).parent / "results"
_MANY = 100
"""CronJob as shipped takes minutes for more than so many."""
_progress = Console(stderr=True)
_output = click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure crontask beside CronJob and beside a client that only creates pods."""
    signal.signal(signal.SIGTERM, _end)


@main.command()
@click.option("--tasks", "sizes", multiple=True, type=click.IntRange(1), default=(1000, 20), show_default=True)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    type=click.Choice([*lag_benchmark.VARIANTS, "raw"]),
    help="May be repeated; all unless given. raw: each of its numbers of connections.",
)
@click.option("--repetitions", default=3, show_default=True, type=click.IntRange(1))
@click.option("--slow-repetitions", default=1, show_default=True, help="Of CronJob as shipped: minutes each.")
@_output
def lag(
    sizes: tuple[int, ...], variants: tuple[str, ...], repetitions: int, slow_repetitions: int, output: str
) -> None:
    """From the nominal time to the pod, for many due at once.

    Example: python -m benchmarks lag --tasks 20 --repetitions 1
    """
    results: list[lag_benchmark.Lag] = []
    failures: list[str] = []
    for size in sizes:
        for repetition in range(repetitions):
            for variant in _expand(variants):
                if variant == "cronjob" and size > _MANY and repetition >= slow_repetitions:
                    continue
                label = f"{size} tasks, repetition {repetition + 1} of {repetitions}: {variant}"
                _measure(label, variant, size, results, failures)
                _save_lags("lag", results, failures)
    summary = lag_benchmark.summary(results)
    _show(output, "seconds after the nominal time; medians of the repetitions", summary, failures)


@main.command()
@click.option("--tasks", default=1000, show_default=True, type=click.IntRange(1), help="Due at once in the burst.")
@click.option(
    "--variant",
    "variants",
    multiple=True,
    type=click.Choice(lag_benchmark.VARIANTS),
    default=("crontask", "cronjob-tuned"),
    show_default=True,
)
@_output
def writes(tasks: int, variants: tuple[str, ...], output: str) -> None:
    """Object writes and events a run: of a run on its own, and of each in a burst.

    Example: python -m benchmarks writes --tasks 200 --variant crontask
    """
    results: list[lag_benchmark.Lag] = []
    failures: list[str] = []
    for size in (1, tasks):
        for variant in variants:
            _measure(f"{size} tasks: {variant}", variant, size, results, failures)
            _save_lags("writes", results, failures)
    rows: list[dict[str, Any]] = [
        {
            "variant": r.variant,
            "tasks": r.tasks,
            "writes": r.writes_a_run,
            "events": r.events_a_run,
            "each": r.writes,
            "cpu": r.cpu_a_run,
        }
        for r in results
    ]
    _show(output, "object writes and events a run, milliseconds of processor time", rows, failures)


@main.command()
@click.option("--tasks", default=200, show_default=True, type=click.IntRange(1), help="Each due once a second.")
@click.option("--seconds", default=120, show_default=True, type=click.IntRange(4))
@click.option("--repetitions", default=3, show_default=True, type=click.IntRange(1))
@click.option(
    "--variant",
    "variants",
    multiple=True,
    type=click.Choice(sustained_benchmark.VARIANTS),
    default=sustained_benchmark.VARIANTS,
    show_default=True,
)
@_output
def sustained(tasks: int, seconds: int, repetitions: int, variants: tuple[str, ...], output: str) -> None:
    """Tasks that are due each second, for minutes: what starts, how late, and whether it grows.

    Example: python -m benchmarks sustained --tasks 50 --seconds 60 --repetitions 1
    """
    rows: list[dict[str, Any]] = []
    failures: list[str] = []
    for repetition in range(repetitions):
        for variant in variants:
            label = f"{tasks} tasks for {seconds} s, repetition {repetition + 1} of {repetitions}: {variant}"
            with _recorded(label, failures):
                rows.append(asdict(sustained_benchmark.measure(variant, tasks, seconds)))
            _save("sustained", {"rows": rows, "failures": failures})
    _show(output, "seconds after the nominal times", rows, failures)


@main.command()
@click.option("--tasks", default=2000, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=60, show_default=True, type=click.IntRange(1))
@_output
def idle(tasks: int, seconds: int, output: str) -> None:
    """What tasks that are not due cost.

    Example: python -m benchmarks idle --tasks 2000
    """
    row = idle_benchmark.measure(tasks, seconds)
    _save("idle", {"rows": [row]})
    _show(output, "idle", [row], [])


@main.command()
@click.option("--tasks", default=500, show_default=True, type=click.IntRange(1), help="Due at once.")
@click.option("--runs", default=5000, show_default=True, type=click.IntRange(1), help="To be removed meanwhile.")
@click.option("--repetitions", default=3, show_default=True, type=click.IntRange(1))
@_output
def prune(tasks: int, runs: int, repetitions: int, output: str) -> None:
    """Tasks due at once while finished runs are removed, and without that.

    Example: python -m benchmarks prune --tasks 100 --runs 500 --repetitions 1
    """
    rows: list[dict[str, Any]] = []
    failures: list[str] = []
    for repetition in range(repetitions):
        for removed in (0, runs):
            label = f"{tasks} tasks, {removed} runs to remove, repetition {repetition + 1} of {repetitions}"
            with _recorded(label, failures):
                rows.append(asdict(prune_benchmark.measure(tasks, removed)))
            _save("prune", {"rows": rows, "failures": failures})
    _show(output, "seconds after the nominal time", rows, failures)


@main.command()
@click.option("--tasks", default=20, show_default=True, type=click.IntRange(1), help="Whose pods end at once.")
@click.option("--repetitions", default=3, show_default=True, type=click.IntRange(1))
@click.option(
    "--variant",
    "variants",
    multiple=True,
    type=click.Choice(end_benchmark.VARIANTS),
    default=end_benchmark.VARIANTS,
    show_default=True,
)
@_output
def end(tasks: int, repetitions: int, variants: tuple[str, ...], output: str) -> None:
    """From the end of a pod to the end of its run, or of its Job.

    Example: python -m benchmarks end --repetitions 1
    """
    rows: list[dict[str, Any]] = []
    failures: list[str] = []
    for repetition in range(repetitions):
        for variant in variants:
            with _recorded(f"{tasks} ends, repetition {repetition + 1} of {repetitions}: {variant}", failures):
                rows.append(asdict(end_benchmark.measure(variant, tasks)))
            _save("end", {"rows": rows, "failures": failures})
    _show(output, "seconds from the end of the pod to the end of its run or Job", rows, failures)


@main.command()
@click.option(
    "--tasks", "sizes", multiple=True, type=click.IntRange(1), default=(1000, 3000, 10_000), show_default=True
)
@_output
def start(sizes: tuple[int, ...], output: str) -> None:
    """An operator begins where there are many tasks, each with a finished run: seconds to the first pod, memory.

    Example: python -m benchmarks start --tasks 1000
    """
    rows: list[dict[str, Any]] = []
    failures: list[str] = []
    for size in sizes:
        with _recorded(f"{size} tasks", failures):
            rows.append(start_benchmark.measure(size))
        _save("start", {"rows": rows, "failures": failures})
    _show(output, "cold start", rows, failures)


@main.command()
@_output
def cost(output: str) -> None:
    """What computing costs: the next time beside croniter's, counting misses, memory a task, one decision.

    Example: python -m benchmarks cost -o json
    """
    tables = {
        "microseconds a step to the next time": cost_benchmark.next_times(),
        "microseconds to count what came due": cost_benchmark.counting(),
        "bytes a task, microseconds a decision": cost_benchmark.decisions(),
    }
    _save("cost", {"tables": tables})
    if output == "json":
        click.echo(json.dumps(tables, indent=2))
        return
    for title, rows in tables.items():
        _show(output, title, rows, [])


def _end(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends like Ctrl-C: with everything that was started."""
    raise KeyboardInterrupt


def _expand(variants: tuple[str, ...]) -> list[str]:
    """Each variant once, in the order in which they take turns."""
    named = set(variants or lag_benchmark.VARIANTS)
    if "raw" in named:
        named.update(lag_benchmark.RAW)
    return [variant for variant in lag_benchmark.VARIANTS if variant in named]


def _measure(label: str, variant: str, size: int, results: list[lag_benchmark.Lag], failures: list[str]) -> None:
    with _recorded(label, failures):
        results.append(lag_benchmark.measure(variant, size))


@contextmanager
def _recorded(label: str, failures: list[str]) -> Iterator[None]:
    """One measurement that fails is said and recorded; the others go on."""
    _progress.print(f"{label} …")
    try:
        yield
    except MeasurementError as error:
        failures.append(f"{label}: {error}")
        _progress.print(f"failed: {error}")


def _save_lags(name: str, results: list[lag_benchmark.Lag], failures: list[str]) -> None:
    """After each measurement, so that an end in between loses nothing."""
    repetitions = "the summary's `repetitions` says how often a variant was measured; CronJob as shipped less often"
    rows = [asdict(result) for result in results]
    content = {"note": repetitions, "summary": lag_benchmark.summary(results), "rows": rows, "failures": failures}
    _save(name, content)


def _save(name: str, content: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    where = {"cores": os.cpu_count(), "python": platform.python_version()}
    document = {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": where, **content}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _show(output: str, title: str, rows: list[dict[str, Any]], failures: list[str]) -> None:
    """Print the rows; exit code 1 if something could not be measured."""
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        Console(width=140).print(_table(title, rows))
    if failures:
        sys.exit(1)


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        table.add_column(column)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    return table


def _cell(value: Any) -> str:
    return "\n".join(f"{key}: {each}" for key, each in value.items()) if isinstance(value, dict) else str(value)


if __name__ == "__main__":
    main()
