"""How far the batches of a task have come: by its status, and by the runs that ended since."""

from typing import Any

import pytest
from run_life import at, recorded

from crontask.api.composite_status import BatchStatus
from crontask.api.metadata import Metadata
from crontask.api.phases import RunPhase
from crontask.api.task_status import CronTaskStatus, TaskBatch
from crontask.api.validate import validate_run, validate_task
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.task.batches import batch_record
from crontask.engine.parse import observed_task

HANDLER: dict[str, Any] = {"batch": {"size": 1, "handler": {"container": {"image": "i"}}}}
BEFORE = TaskBatch(cursor=7, done=False, run="old")


def task(batch: TaskBatch | None = BEFORE) -> CronTask:
    spec, problems = validate_task({"handler": HANDLER})
    meta = Metadata(name="t", uid="t-uid", namespace="n", creation_timestamp=at(0))
    return observed_task(meta, spec, problems, CronTaskStatus(batch=batch))


def run(name: str, ended: float, cursor: Any, *, done: bool = False, continues: str | None = None) -> ScheduledRun:
    """A run in batches that has ended, having come so far."""
    spec, _ = validate_run({"taskRef": {"name": "t"}})
    assert spec is not None
    plan = {"handler": HANDLER, **({"continues": continues} if continues else {})}
    status = recorded(
        RunPhase.PARTIAL, completion_time=at(ended), plan=plan, batch=BatchStatus(batches=1, done=done, cursor=cursor)
    )
    return ScheduledRun(Metadata(name=name, uid=name, namespace="n", creation_timestamp=at(0)), spec, (), status)


def skipped(name: str, ended: float) -> ScheduledRun:
    """One that never began."""
    spec, _ = validate_run({"taskRef": {"name": "t"}})
    assert spec is not None
    status = recorded(RunPhase.SKIPPED, completion_time=at(ended))
    return ScheduledRun(Metadata(name=name, uid=name, namespace="n", creation_timestamp=at(0)), spec, (), status)


# (the runs that ended since, in order of their ends and names, the record)
TABLE: list[tuple[str, list[ScheduledRun], TaskBatch]] = [
    ("none", [], BEFORE),
    ("one", [run("a", 1, 8)], TaskBatch(cursor=8, done=False, run="a")),
    ("the last of two", [run("a", 1, 8), run("b", 2, 9)], TaskBatch(cursor=9, done=False, run="b")),
    ("done", [run("a", 1, 8, done=True)], TaskBatch(cursor=8, done=True, run="a")),
    ("one that came nowhere", [run("a", 1, None)], TaskBatch(cursor=None, done=False, run="a")),
    ("one that never began", [run("a", 1, 8), skipped("b", 2)], TaskBatch(cursor=8, done=False, run="a")),
    ("only such", [skipped("b", 2)], BEFORE),
    (
        "two in one second, the later first by name",
        [run("a", 1, 9, continues="b"), run("b", 1, 8, continues="old")],
        TaskBatch(cursor=9, done=False, run="a"),
    ),
    (
        "three in one second",
        [run("a", 1, 9, continues="c"), run("b", 1, 10, continues="a"), run("c", 1, 8, continues="old")],
        TaskBatch(cursor=10, done=False, run="b"),
    ),
]


@pytest.mark.parametrize(("fresh", "wanted"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_table(fresh: list[ScheduledRun], wanted: TaskBatch) -> None:
    assert batch_record(task(), fresh) == wanted


def test_a_task_that_is_new_has_none() -> None:
    assert batch_record(task(None), []) is None
