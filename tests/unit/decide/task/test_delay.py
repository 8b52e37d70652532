"""When a task with a delay is due: after the end of its last run, or its resume; never while a run is under way."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from task_views import (
    CREATED,
    INSTANT,
    at,
    ended,
    known_of_pod,
    make_run,
    make_task,
    manual_run,
    refused,
    timing_of,
)

from crontask.api.phases import RunPhase
from crontask.api.task_status import RunSummary, Timing
from crontask.decide.model import ScheduledRun
from crontask.decide.pod_state import Creating
from crontask.decide.task.delay import delayed_start
from crontask.decide.views import RunView, TaskView

NOW = at(9)


def done(end: datetime, phase: RunPhase = RunPhase.SUCCEEDED) -> ScheduledRun:
    return ended(make_run(at(1)), phase, end)


def summary(end: datetime | None, phase: RunPhase = RunPhase.SUCCEEDED) -> RunSummary:
    return RunSummary(name="r", phase=phase.value, completion_time=end)


REFUSED_RERUN = ended(
    manual_run("again", at(1), rerunOf={"name": "x"}), RunPhase.FAILED, at(1), reason="RerunSourceGone"
)


@dataclass(frozen=True)
class Row:
    """A task that is due two minutes after the end of its last run, and when that is. `resumed`: when it last was."""

    name: str
    wanted: datetime | None
    runs: tuple[RunView, ...] = ()
    finished: tuple[ScheduledRun, ...] = ()
    recent: tuple[RunSummary, ...] = ()
    spec: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    since: datetime = CREATED
    resumed: datetime | None = None


RUNNING = make_run(at(1), RunPhase.RUNNING, pod="Running")
PENDING = make_run(at(1), RunPhase.PENDING)
ROWS = (
    # --- without a run ---
    Row("the first one at once: the second after its creation", at(0, 31)),
    Row("no delay", None, spec={"delay": None}),
    Row("since an edit", at(5, 1), since=at(5)),
    Row("not before it starts", at(7), spec={"startTime": at(7)}),
    Row("past its end", None, spec={"endTime": at(5)}, since=at(5)),
    Row("at its end", None, spec={"endTime": at(5, 1)}, since=at(5)),
    Row("a second before its end", at(5, 1), spec={"endTime": at(5, 2)}, since=at(5)),
    Row(
        "on a date that is left out",
        at(0) + timedelta(hours=12),
        spec={"skip": [{"from": "2026-03-01"}]},
    ),
    Row("never what was decided before", at(6, 1), status={"last_scheduled_time": at(6)}),
    # --- after the end of the last ---
    Row("after the end of the run", at(3), finished=(done(at(1)),)),
    Row("a start of zero seconds later", at(1), finished=(done(at(1)),), spec={"delay": "0s"}),
    Row(
        "never within the second that was decided",
        at(1, 1),
        finished=(done(at(1)),),
        spec={"delay": "0s"},
        status={"last_scheduled_time": at(1)},
    ),
    Row("a fraction of a second counts as the next", at(3, 1), finished=(done(at(1) + INSTANT),)),
    Row("the last of several", at(5), finished=(done(at(3)), done(at(2)))),
    Row("of any origin", at(4), finished=(ended(manual_run("m", at(1)), RunPhase.FAILED, at(2)),)),
    *(
        Row(f"{phase.value} is an end", at(3), finished=(done(at(1), phase),))
        for phase in (RunPhase.PARTIAL, RunPhase.FAILED, RunPhase.TIMED_OUT, RunPhase.CANCELED)
    ),
    *(
        Row(f"{phase.value} never ran", at(0, 31), finished=(done(at(1), phase),))
        for phase in (RunPhase.SKIPPED, RunPhase.MISSED)
    ),
    Row("a rerun that was refused never ran", at(0, 31), finished=(REFUSED_RERUN,)),
    Row("of a run that is gone, by the status", at(4), recent=(summary(at(2)),)),
    Row(
        "the later of what is known and what is recorded",
        at(5),
        finished=(done(at(2)),),
        recent=(summary(at(3)), summary(at(1))),
    ),
    Row("one that never ran, by the status", at(0, 31), recent=(summary(at(2), RunPhase.MISSED),)),
    Row("when it ended is not recorded", at(0, 31), recent=(summary(None),)),
    Row("not before an edit since", at(8, 1), finished=(done(at(1)),), since=at(8)),
    Row("later than the edit", at(3), finished=(done(at(1)),), since=at(2, 58)),
    # --- after a resume ---
    Row("a resume after the end counts instead", at(6), finished=(done(at(1)),), resumed=at(4)),
    Row("a resume before the end does not", at(3), finished=(done(at(1)),), resumed=CREATED),
    Row("a resume with no run before it", at(4, 1), since=at(4), resumed=at(4)),
    # --- while a run is under way ---
    Row("a run is under way", None, (RUNNING,)),
    Row("one has ended, and does not say so yet", None, (make_run(at(1), RunPhase.RUNNING, pod="Succeeded"),)),
    Row("one is on its way", None, (known_of_pod(PENDING, Creating()),)),
    Row("one waits for its turn", None, (PENDING,)),
    Row("a launch was cut short", None, (make_run(at(1)),)),
    Row("its pod is refused", None, (refused(PENDING, at(10)),)),
    Row("its pod will never be taken", None, (refused(PENDING, at(10), final=True),)),
    Row("one of several", None, (manual_run("m", at(1), delay="1h"), RUNNING)),
    Row("a manual run is due", None, (manual_run("m", at(1), at=NOW, allowPast=True),)),
    Row("a manual run is due an instant later", at(0, 31), (manual_run("m", at(1), at=NOW + INSTANT),)),
    Row("a run cannot be used", at(0, 31), (make_run(at(1), at="tomorrow"),)),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_when_a_task_with_a_delay_is_due(row: Row) -> None:
    task = make_task({"recent_runs": row.recent, **row.status}, **{"schedule": None, "delay": "2m", **row.spec})
    timing = Timing(hash=timing_of(task).hash, since=row.since, resumed=row.resumed)
    assert delayed_start(TaskView(task, row.runs, finished=row.finished), timing, NOW) == row.wanted
