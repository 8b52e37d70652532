"""The results as they are kept: a file of JSON a measurement, and in it a row a repetition."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]
# Rows that agree in these are repetitions of one measurement.
_SUBJECT = ("table", "variant", "tasks", "ends", "runs", "seconds")
_EXTREMES = {"max": max, "first": min}
_RAW = "raw-"


def save(name: str, rows: Sequence[Row], failures: Sequence[str] = ()) -> None:
    """Keep the rows, each with `measured`, in place of those of the same subject; those of other subjects stay."""
    subjects = {subject(row) for row in rows}
    kept = [row for row in load(name) if subject(row) not in subjects]
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    document = {"machine": machine, "rows": [*kept, *rows], "failures": list(failures)}
    _path(name).parent.mkdir(exist_ok=True)
    _path(name).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def load(name: str) -> list[Row]:
    """Every row that is kept; none if it was never measured."""
    if not _path(name).exists():
        return []
    document: dict[str, Any] = json.loads(_path(name).read_text(encoding="utf-8"))
    rows: list[Row] = document["rows"]
    return rows


def subject(row: Row) -> tuple[Any, ...]:
    """What was measured, in one value."""
    return tuple(row.get(field) for field in _SUBJECT)


def summary(rows: Sequence[Row]) -> list[Row]:
    """A row a subject: medians of the numbers, but for the worst `max` and the earliest `first`; and how many."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(subject(row), []).append(row)
    return _with_best_raw([_summed_up(group) for group in groups.values()])


def _summed_up(group: Sequence[Row]) -> Row:
    first = group[0]
    found: Row = {field: first[field] for field in _SUBJECT if field in first}
    for field, value in first.items():
        if field in found or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        values = [row[field] for row in group if field in row]
        summed_up = _EXTREMES.get(field, statistics.median)(values)
        found[field] = round(summed_up, 3) if isinstance(value, float) else int(summed_up)
    return {**found, "repetitions": len(group), "measured": max(row["measured"] for row in group)}


def _with_best_raw(rows: list[Row]) -> list[Row]:
    """Of the raw clients with different numbers of connections, the one whose p99 is best: the limit."""
    found = [row for row in rows if not str(row.get("variant", "")).startswith(_RAW)]
    for tasks in dict.fromkeys(row["tasks"] for row in rows if row not in found):
        raw = [row for row in rows if row not in found and row["tasks"] == tasks]
        best = min(raw, key=lambda row: float(row["p99"]))
        found.append({**best, "variant": f"raw (best: {best['variant']})"})
    return sorted(found, key=lambda row: -row.get("tasks", 0))


def _path(name: str) -> Path:
    return RESULTS / f"{name}.json"
