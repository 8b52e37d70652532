"""`python -m benchmarks`: measure, print, and write the results as JSON to benchmarks/results/.

Callers: make bench.
"""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks import idle as idle_benchmark
from benchmarks import lag as lag_benchmark

RESULTS = Path(__file__).parent / "results"
_progress = Console(stderr=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure crontask beside CronJob and beside a client that only creates pods."""


@main.command()
@click.option("--tasks", "sizes", multiple=True, type=int, default=(1000, 20), show_default=True)
@click.option("--variant", "variants", multiple=True, type=click.Choice(lag_benchmark.VARIANTS))
@click.option("--repetitions", default=3, show_default=True)
@click.option("--slow-repetitions", default=1, show_default=True, help="Of CronJob as shipped: minutes each.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table")
def lag(
    sizes: tuple[int, ...], variants: tuple[str, ...], repetitions: int, slow_repetitions: int, output: str
) -> None:
    """From the nominal time to the pod, for many due at once.

    Example: python -m benchmarks lag --tasks 20 --repetitions 1
    """
    results: list[lag_benchmark.Lag] = []
    for size in sizes:
        for repetition in range(repetitions):
            for variant in variants or lag_benchmark.VARIANTS:
                if variant == "cronjob" and size > 100 and repetition >= slow_repetitions:
                    continue
                _progress.print(f"{size} tasks, repetition {repetition + 1} of {repetitions}: {variant} …")
                results.append(lag_benchmark.measure(variant, size))
    rows = lag_benchmark.rows(results)
    _save("lag", rows)
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
    else:
        _print("seconds after the nominal time", rows)


@main.command()
@click.option("--tasks", default=2000, show_default=True)
@click.option("--seconds", default=60, show_default=True)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table")
def idle(tasks: int, seconds: int, output: str) -> None:
    """What tasks that are not due cost.

    Example: python -m benchmarks idle --tasks 2000
    """
    row = idle_benchmark.measure(tasks, seconds)
    _save("idle", [row])
    if output == "json":
        click.echo(json.dumps(row, indent=2))
    else:
        _print("idle", [row])


def _save(name: str, rows: list[dict[str, Any]]) -> None:
    RESULTS.mkdir(exist_ok=True)
    where = {"cores": os.cpu_count(), "python": platform.python_version()}
    document = {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": where, "rows": rows}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _print(title: str, rows: list[dict[str, Any]]) -> None:
    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        table.add_column(column)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
