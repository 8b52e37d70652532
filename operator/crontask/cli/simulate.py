"""`crontask simulate`: what the operator would do with a task, or a run, by its own engine on simulated time."""

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
from pydantic import ValidationError

from crontask.api.base import LATEST_YEAR, format_time, parse_duration
from crontask.api.metadata import Metadata
from crontask.api.names import step_of_part
from crontask.cli.manifest import about_a_task, parsed, read_patch
from crontask.cli.not_started import notes_of_unstarted
from crontask.cli.parameters import AssignedParam, DurationParam, StretchParam, TimeParam, refuse
from crontask.cli.played import Played, check_edits, find_played, why_not_played
from crontask.cli.progress import Progress
from crontask.cli.workflow import approvals_of, durations_of_steps, failing_steps, parts_of, results_of_steps
from crontask.decide.decisions import DecisionKind
from crontask.ports import Document
from crontask.simulation.documents import merge_patch
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
    "invalid": DecisionKind.INVALID,
    "overdue": DecisionKind.OVERDUE,
}


@click.command("simulate")
@about_a_task
@click.option("--from", "start", required=True, type=TimeParam(), help="The first instant that is shown.")
@click.option("--to", "end", required=True, type=TimeParam(), help="The instant at which it ends, itself left out.")
@click.option("--created", type=TimeParam(), help="When it is created; by default at --from.")
@click.option("--run-takes", default="10s", show_default=True, type=DurationParam(), help="How long each run takes.")
@click.option(
    "--run-result", default="success", show_default=True, metavar="success|failed|N%", help="N%: fail so often."
)
@click.option(
    "--fail",
    "failing_parts",
    multiple=True,
    metavar="STEP",
    help="A step of a workflow fails, or NAME/undo its undo; an approval is rejected.",
)
@click.option(
    "--step-takes",
    "part_takes",
    multiple=True,
    metavar="STEP=DURATION",
    help="How long a step takes, in place of --run-takes; an approval is given at once unless set.",
)
@click.option(
    "--step-result",
    "part_results",
    multiple=True,
    metavar="STEP=JSON",
    help="The result of a step; none unless set.",
)
@click.option(
    "--batches",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Of a task in batches: how many it takes until all is done.",
)
@click.option("--seed", default=0, show_default=True, type=int, help="Chooses which runs fail.")
@click.option("--down", multiple=True, type=StretchParam(), help="No operator then. May be repeated, like those below.")
@click.option("--suspended", multiple=True, type=StretchParam(), help="spec.suspend is true then.")
@click.option(
    "--edit", "edits", multiple=True, type=AssignedParam(), metavar="TIME=PATCH.yaml", help="A JSON merge patch."
)
@click.option(
    "--clock-back",
    "backs",
    multiple=True,
    type=AssignedParam(),
    metavar="TIME=DURATION",
    help="The operator's clock is put back then, by this much.",
)
@click.option("-o", "--output", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
def simulate_command(
    path: str | None,
    name: str | None,
    namespace: str | None,
    start: datetime,
    end: datetime,
    created: datetime | None,
    run_takes: timedelta,
    run_result: str,
    failing_parts: tuple[str, ...],
    part_takes: tuple[str, ...],
    part_results: tuple[str, ...],
    batches: int,
    seed: int,
    output: str,
    **happenings: Any,
) -> None:
    """Show what the operator would decide about a CronTask or a run, a line a decision, without a cluster.

    A ScheduledRun of the file is played alone: with its own handler, or with that of its CronTask in the same file.
    NAME may be scheduledrun/NAME, where a CronTask is called so too.

    Exit code 0; 2 for bad input, with what is wrong, where, and what to write instead.

    Example: crontask simulate -f examples/every-minute.yaml --from 2026-03-29T00:00:00Z --to 2026-03-29T03:00:00Z
    --down 2026-03-29T01:00:00Z/2026-03-29T02:00:00Z
    """
    beginning = created or start
    _check_times(start, end, beginning, happenings)
    played = find_played(path, name, namespace, beginning)
    manifest, parts = played.document, parts_of(played.handled)
    failing = _failing(run_result, seed)
    fail, takes = failing_steps(failing_parts, parts), durations_of_steps(part_takes, parts)
    results = results_of_steps(part_results, parts, approvals_of(played.handled))
    happen = tuple(_happenings(played, **happenings))
    with _without_log(), Progress(beginning, end) as progress:
        scenario = Scenario(
            manifest,
            start,
            end,
            beginning,
            run_takes,
            failing,
            happen,
            passed=progress.show,
            failing_parts=fail,
            part_takes=takes,
            part_results=results,
            task=played.task,
            batches=batches,
        )
        ran = _print(progress.until_the_first(simulate(scenario)), output)
    if ran is None:
        click.echo(why_not_played(manifest, end) if played.alone else _why_nothing(manifest, start, end), err=True)
        return
    asked: dict[str, Iterable[str]] = {"--fail": fail, "--step-takes": takes, "--step-result": results}
    for note in notes_of_unstarted(asked, ran, start, end):
        click.echo(note, err=True)


@contextmanager
def _without_log() -> Iterator[None]:
    """The lines say what happens; a log would say it again."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _check_times(start: datetime, end: datetime, created: datetime, happenings: dict[str, Any]) -> None:
    """Refuse what would happen outside of the time that is simulated: it would change nothing, or too much."""
    if end <= start:
        refuse([f"--to {format_time(end)} is not after --from {format_time(start)}; swap them"])
    if created >= end:
        refuse([f"--created {format_time(created)} is not before --to {format_time(end)}; write an earlier time"])
    if end.year > LATEST_YEAR:
        refuse([f"--to {format_time(end)} is after {LATEST_YEAR}; write an earlier time"])
    times = f"from {format_time(start)} up to, but not including, {format_time(end)}"
    outside = [
        f"--{option} {format_time(at)}={value} is outside the simulated time; write a time {times}"
        for option, name in (("edit", "edits"), ("clock-back", "backs"))
        for at, value in happenings[name]
        if not start <= at < end
    ]
    outside += [
        f"--{option} {format_time(first)}/{format_time(last)} is not within the simulated time; "
        f"write a stretch from {format_time(start)} to {format_time(end)}, or a part of it"
        for option in ("down", "suspended")
        for first, last in happenings[option]
        if not start <= first < last <= end
    ]
    if outside:
        refuse(outside)


def _failing(text: str, seed: int) -> Failing:
    if text in ("success", "failed"):
        return Failing(100.0 if text == "failed" else 0.0, seed)
    match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%", text)
    if match is None or float(match[1]) > 100:
        refuse([f"--run-result {text!r} is unknown; write success, failed, or a share that fails, like 20%"])
    return Failing(float(match[1]), seed)


def _happenings(
    played: Played,
    down: Stretches,
    suspended: Stretches,
    edits: tuple[tuple[datetime, str], ...],
    backs: tuple[tuple[datetime, str], ...],
) -> Iterator[Happening]:
    manifest = played.document
    patches = [(at, file, _of_played(manifest, file, read_patch(file, manifest["kind"]))) for at, file in edits]
    if played.alone:
        check_edits(played, [(file, patch) for _, file, patch in sorted(patches, key=lambda known: known[0])])
    for at, _, patch in patches:
        yield Happening(at, partial(_edit, patch))
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


def _of_played(manifest: Document, file: str, patch: Document) -> Document:
    """The patch. Refuses one that is for another object, or whose metadata no object has."""
    known, metadata = manifest["metadata"], patch.get("metadata", {})
    if not isinstance(metadata, dict):
        refuse(
            [f"--edit {file}: metadata: {metadata!r} is not an object; write it like metadata: {{labels: {{a: b}}}}"]
        )
    named = {"apiVersion": patch.get("apiVersion"), "kind": patch.get("kind")}
    named |= {f"metadata.{field}": metadata.get(field) for field in ("name", "namespace")}
    wanted = {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"]}
    wanted |= {f"metadata.{field}": known[field] for field in ("name", "namespace")}
    others = [
        f"--edit {file}: {field}: {value!r} is not that of what is simulated; write {wanted[field]}, or leave it out"
        for field, value in named.items()
        if value not in (None, wanted[field])
    ]
    if others:
        refuse(others)
    try:
        Metadata.model_validate({"uid": "", "resourceVersion": "", **merge_patch(known, metadata)})
    except ValidationError as error:
        refuse(f"--edit {file}: metadata.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return patch


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        refuse([f"--clock-back: {error}"])


def _print(lines: Iterable[Line], output: str) -> frozenset[str] | None:
    """The parts of workflows of which there was a run; None where there was nothing to print."""
    totals: Counter[DecisionKind] = Counter()
    ran: set[str] = set()
    failed: set[str | None] = set()
    write: Callable[[str], object] = sys.stdout.write
    if output == "table":
        write(f"{'TIME':<22}{'DECISION':<10}{'NOMINAL':<22}{'COUNT':<7}{'REASON':<22}RUN\n")
    for line in lines:
        totals[line.decision] += line.count
        if line.part is not None and not line.unstarted:
            ran.add(line.part)
        if line.fails or (line.decision is DecisionKind.END and line.reason in ("Failed", "TimedOut")):
            failed.add(line.run)
        write(_json(line) if output == "jsonl" else _row(line))
    summary = {word: totals[kind] for word, kind in _SUMMED.items()} | {"failed": len(failed)}
    if output == "jsonl":
        write(json.dumps({"summary": summary}) + "\n")
    else:
        said = (f"{number:,} {word}" for word, number in summary.items() if number or word == "started")
        write("\n" + ", ".join(said) + "\n")
    return frozenset(ran) if totals else None


def _why_nothing(manifest: Document, start: datetime, end: datetime) -> str:
    """What there is to say where nothing was decided: nothing was due."""
    task, spec = parsed(manifest)
    following = task.next_nominal(task.recorded_until, start)
    if following is not None:
        return f"nothing is due before {format_time(end)}: the next start is at {format_time(task.start_of(following))}"
    if spec.after is not None:
        return f"nothing is due by the clock: it runs after {spec.after.task}"
    if not (spec.schedule or spec.schedules or spec.interval or spec.delay is not None):
        return "nothing is due: it has no schedule, and runs on demand only"
    return f"nothing is due after {format_time(start)}: its schedule, startTime, endTime and skip leave no time"


def _json(line: Line) -> str:
    document = {
        "time": format_time(line.time),
        "nominal": format_time(line.nominal) if line.nominal is not None else None,
        "decision": line.decision.value,
        "reason": line.reason,
        "run": line.run,
        "count": line.count,
    }
    if line.fails:
        document["fails"] = True
    if line.part is not None:
        document["part"] = line.part
    if line.message is not None:
        document["message"] = line.message
    return json.dumps(document) + "\n"


def _why(line: Line) -> str:
    """Why something has ended so, where the reason does not say it."""
    if line.message is None or (line.decision is not DecisionKind.END and line.part is None):
        return ""
    # That of an end begins with how long it took, which the times say.
    return line.message.partition(": ")[2] if line.decision is DecisionKind.END else line.message


def _row(line: Line) -> str:
    nominal = format_time(line.nominal) if line.nominal is not None else "-"
    count = f"{line.count:,}" if line.count > 1 else ""
    rest = f"{line.run or line.message or ''}{' fails' if line.fails else ''}"
    rest += f" {step_of_part(line.part)}" if line.part is not None else ""
    why = _why(line)
    rest += f": {why.splitlines()[0]}" if why else ""
    cells = f"{format_time(line.time):<22}{line.decision:<10}{nominal:<22}{count:<6} {line.reason:<22}{rest}"
    return cells.rstrip() + "\n"
