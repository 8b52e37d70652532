"""How late a task is: by its first time that is undecided, and by runs that should have started."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from task_views import CREATED, at, make_run, make_task, manual_run

from crontask.api.phases import RunPhase
from crontask.api.task_status import TaskPhase, Timing
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.task.lateness import first_undecided, lateness

NOW = at(10)


def decided_until(when: datetime, **fields: Any) -> dict[str, Any]:
    return {"last_scheduled_time": when, **fields}


@dataclass(frozen=True)
class Row:
    """A task, its runs that have not ended, and how many seconds it is late at ten past."""

    name: str
    task: CronTask
    late: float
    runs: tuple[ScheduledRun, ...] = ()


def moved(**spec: Any) -> float:
    """By how many seconds its jitter moves the start of ten past less one."""
    task = make_task(**spec)
    return (task.start_of(at(9)) - at(9)).total_seconds()


JITTER: dict[str, Any] = {"jitter": "20s"}
ROWS = (
    Row("all is decided", make_task(decided_until(at(10))), 0),
    Row("the last time is not", make_task(decided_until(at(9))), 0),
    Row("nor the one before", make_task(decided_until(at(8))), 60),
    Row("none since its creation", make_task(), 540),
    Row("its start is moved", make_task(decided_until(at(8)), **JITTER), 60 - moved(**JITTER)),
    Row("rejected", make_task(decided_until(at(8), phase=TaskPhase.REJECTED)), 60),
    Row("not seen by any operator", make_task({"phase": None, "timing": None}), 540),
    Row("not seen, and suspended", make_task({"phase": None, "timing": None}, suspend=True), 0),
    Row("suspended", make_task(decided_until(at(8), phase=TaskPhase.SUSPENDED)), 0),
    Row("completed", make_task(decided_until(at(8), phase=TaskPhase.COMPLETED)), 0),
    Row("invalid", make_task(timeZone="Mars"), 0),
    Row("no run is left", make_task(decided_until(at(8), scheduled_count=3), maxRuns=3), 0),
    Row("an edit is not seen yet", make_task({"timing": Timing(hash="other", since=CREATED)}), 0),
    Row("its timing counts from later", make_task({"timing": Timing(hash=make_task().timing_hash, since=at(9))}), 0),
    Row("on demand", make_task(schedule=None), 0),
    Row("after another", make_task(after={"task": "x"}), 0),
    Row("a delay that has passed", make_task({"upcoming": (at(9),)}, delay="5s"), 60),
    Row("a delay to come", make_task({"upcoming": (at(11),)}, delay="5s"), 0),
    Row("a delay while it runs", make_task(delay="5s"), 0),
    Row("a run that has not started", make_task(decided_until(at(10))), 240, (make_run(at(6)).run,)),
    Row("its pod is refused", make_task(decided_until(at(10))), 240, (make_run(at(6), RunPhase.PENDING).run,)),
    Row("the first counts", make_task(decided_until(at(8))), 240, (make_run(at(6)).run, make_run(at(7)).run)),
    Row("it waits for its turn", make_task(decided_until(at(10))), 0, (make_run(at(6), RunPhase.QUEUED).run,)),
    Row("it runs", make_task(decided_until(at(10))), 0, (make_run(at(6), RunPhase.RUNNING).run,)),
    Row("it is held back", make_task(decided_until(at(10))), 0, (make_run(at(6), suspend=True).run,)),
    Row("it is to be canceled", make_task(decided_until(at(10))), 0, (make_run(at(6), cancel=True).run,)),
    Row("it is pre-created", make_task(decided_until(at(10))), 0, (make_run(at(11)).run,)),
    Row("a manual run", make_task(decided_until(at(10))), 0, (manual_run("m", at(6)).run,)),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_how_late_a_task_is(row: Row) -> None:
    found = lateness(row.task, first_undecided(row.task), row.runs, NOW)
    assert found == timedelta(seconds=row.late)
