"""What `list` says beside its table: what keeps a task from being due, which its state does not show."""

from typing import Any

import pytest

from crontask.cli.list import notes

AFTER = "comes after CronTask nope, which does not exist: nothing starts before it does"


def task(phase: str | None, **ready: Any) -> dict[str, Any]:
    status = {"phase": phase, "conditions": [{"type": "Suspended"}, {"type": "Ready", **ready}]} if phase else {}
    return {"metadata": {"name": "t"}, "status": status}


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (task("Active", status="True", reason="PredecessorMissing", message=AFTER), [f"t: {AFTER}"]),
        (task("Active", status="True", reason="Scheduled"), []),
        (task("Completed", status="True", reason="Completed", message="maxRuns or endTime is reached"), []),
        (task(None), []),
    ],
)
def test_what_keeps_an_active_task_from_being_due_is_said(known: dict[str, Any], said: list[str]) -> None:
    assert list(notes([known])) == said
