"""`crontask simulate`: what the operator would do with a task, by its own engine on simulated time.

Callers: main.
"""

import json
import logging
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import click

from crontask.api.base import format_time, parse_duration
from crontask.cli.manifest import about_a_task, complete, find_task, read_patch
from crontask.cli.parameters import AssignedParam, DurationParam, StretchParam, TimeParam, refuse
from crontask.decide.decisions import DecisionKind
from crontask.engine.ports import Document
from crontask.simulation.simulate import Failing, Happening, Line, Scenario, Simulation, simulate

Stretches = tuple[tuple[datetime, datetime], ...]
_SUMMED = {
    "started": DecisionKind.START,
    "missed": DecisionKind.MISS,
    "skipped": DecisionKind.SKIP,
    "queued": DecisionKind.QUEUE,
    "replaced": DecisionKind.REPLACE,
    "canceled": DecisionKind.CANCEL,
    "suspended": DecisionKind.SUSPEND,
    "resumed": DecisionKind.RESUME,
    "completed": DecisionKind.COMPLETE,
}


@click.command("simulate")
@about_a_task
@click.option("--from", "start", required=True, type=TimeParam(), help="The first instant that is shown.")
@click.option("--to", "end", required=True, type=TimeParam(), help="The instant at which it ends, itself left out.")
@click.option("--created", type=TimeParam(), help="When the task is created; by default at --from.")
@click.option("--run-takes", default="10s", show_default=True, type=DurationParam(), help="How long each run takes.")
@click.option(
    "--run-result", default="success", show_default=True, metavar="success|failed|N%", help="N%: fail so often."
)
@click.option("--seed", default=0, show_default=True, type=int, help="Chooses which runs fail.")
@click.option("--down", multiple=True, type=StretchParam(), help="No operator then. May be repeated, like those below.")
@click.option("--suspended", multiple=True, type=StretchParam(), help="spec.suspend is true then.")
@click.option(
    "--edit", "edits", multiple=True, type=AssignedParam(), metavar="TIME=PATCH.yaml", help="A JSON merge patch."
)
@click.option(
    "--clock-back", "backs", multiple=True, type=AssignedParam(), metavar="TIME=DURATION", help="The operator's clock."
)
@click.option("-o", "--output", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
def command(
    path: str | None,
    name: str | None,
    namespace: str | None,
    start: datetime,
    end: datetime,
    created: datetime | None,
    run_takes: timedelta,
    run_result: str,
    seed: int,
    output: str,
    **happenings: Any,
) -> None:
    """Show what the operator would decide about a CronTask, one line a decision, without a cluster.

    Exit code 0; 2 for bad input, with what is wrong, where, and what to write instead.

    Example: crontask simulate -f examples/every-minute.yaml --from 2026-03-29T00:00:00Z --to 2026-03-29T03:00:00Z
    --down 2026-03-29T01:00:00Z/2026-03-29T02:00:00Z
    """
    if end <= start:
        refuse([f"--to {format_time(end)} is not after --from {format_time(start)}; exchange them"])
    beginning = created or start
    manifest = complete(find_task(path, name, namespace), beginning)
    failing = _failing(run_result, seed)
    scenario = Scenario(manifest, start, end, beginning, run_takes, failing, tuple(_happenings(**happenings)))
    with _without_log():
        _print(simulate(scenario), output)


@contextmanager
def _without_log() -> Iterator[None]:
    """The lines say what happens; a log would say it again."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _failing(text: str, seed: int) -> Failing:
    if text in ("success", "failed"):
        return Failing(100.0 if text == "failed" else 0.0, seed)
    match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%", text)
    if match is None or float(match[1]) > 100:
        refuse([f"--run-result {text!r} is unknown; write success, failed, or a share that fails, like 20%"])
    return Failing(float(match[1]), seed)


def _happenings(
    down: Stretches,
    suspended: Stretches,
    edits: tuple[tuple[datetime, str], ...],
    backs: tuple[tuple[datetime, str], ...],
) -> Iterator[Happening]:
    for at, file in edits:
        yield Happening(at, partial(_edit, read_patch(file)))
    for first, last in _merged(suspended):
        yield Happening(first, partial(_edit, {"spec": {"suspend": True}}))
        yield Happening(last, partial(_edit, {"spec": {"suspend": False}}))
    for at, text in backs:
        yield Happening(at, partial(_turn_back, _duration(text)))
    for first, last in _merged(down):
        yield Happening(first, Simulation.operator_down, order=1)
        yield Happening(last, Simulation.operator_up, order=1)


def _edit(patch: Document, world: Simulation) -> None:
    world.edit(patch)


def _turn_back(by: timedelta, world: Simulation) -> None:
    world.turn_back(by)


def _merged(stretches: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Stretches that touch or overlap as one."""
    merged: list[tuple[datetime, datetime]] = []
    for first, last in sorted(stretches):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        refuse([f"--clock-back: {error}"])


def _print(lines: Iterator[Line], output: str) -> None:
    totals: Counter[DecisionKind] = Counter()
    write: Callable[[str], object] = sys.stdout.write
    if output == "table":
        write(f"{'TIME':<22}{'DECISION':<10}{'NOMINAL':<22}{'COUNT':<7}{'REASON':<22}RUN\n")
    for line in lines:
        totals[line.decision] += line.count
        write(_json(line) if output == "jsonl" else _row(line))
    summary = {word: totals[kind] for word, kind in _SUMMED.items()}
    if output == "jsonl":
        write(json.dumps({"summary": summary}) + "\n")
    else:
        write(
            "\n"
            + ", ".join(f"{count:,} {word}" for word, count in summary.items() if count or word == "started")
            + "\n"
        )


def _json(line: Line) -> str:
    return (
        json.dumps(
            {
                "time": format_time(line.time),
                "nominal": format_time(line.nominal) if line.nominal is not None else None,
                "decision": line.decision.value,
                "reason": line.reason,
                "run": line.run,
                "count": line.count,
            }
        )
        + "\n"
    )


def _row(line: Line) -> str:
    nominal = format_time(line.nominal) if line.nominal is not None else "-"
    count = f"{line.count:,}" if line.count > 1 else ""
    cells = f"{format_time(line.time):<22}{line.decision:<10}{nominal:<22}{count:<6} {line.reason:<22}{line.run or ''}"
    return cells.rstrip() + "\n"
