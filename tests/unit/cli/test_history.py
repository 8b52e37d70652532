"""What `history` shows of a task: its runs that are there, those that are removed, and what did not start."""

from typing import Any

import pytest

from crontask.cli.history import rows_of, stands_for_itself
from crontask.cli.output import Row, Table


def run(name: str, origin: str, parent: str = "") -> dict[str, Any]:
    spec = {"parent": {"name": parent}} if parent else {}
    status = {"phase": "Succeeded", "origin": origin, "scheduledTime": f"2026-03-01T00:00:0{name[-1]}Z"}
    return {"metadata": {"name": name, "creationTimestamp": "2026-03-01T00:00:00Z"}, "spec": spec, "status": status}


SCHEDULED, BACKFILL, PART = run("a-1", "Schedule"), run("b-2", "Backfill", "x"), run("c-3", "Child", "y")


@pytest.mark.parametrize(("known", "is_shown"), [(SCHEDULED, True), (BACKFILL, True), (PART, False)])
def test_what_makes_up_for_a_time_is_no_part_of_something_else(known: dict[str, Any], is_shown: bool) -> None:
    assert stands_for_itself(known) is is_shown


def test_what_is_there_is_not_said_to_be_removed() -> None:
    names = ("a-1", "b-2", "c-3", "gone-4")
    recent = [{"name": name, "phase": "Failed", "scheduledTime": f"2026-03-01T00:00:0{name[-1]}Z"} for name in names]
    skipped = {"type": "Skipped", "nominalTime": "2026-03-01T00:00:05Z", "reason": "Overlap"}
    task = {"status": {"recentRuns": recent, "recentDecisions": [skipped]}}
    shown = Table((), (Row((), SCHEDULED), Row((), BACKFILL)))
    assert [row[1:4] for row in rows_of(task, shown, ["a-1", "b-2", "c-3"])] == [
        ("Skipped", "-", "Schedule"),
        ("Failed", "gone-4 (removed)", "-"),
        ("Succeeded", "b-2", "Backfill"),
        ("Succeeded", "a-1", "Schedule"),
    ]
