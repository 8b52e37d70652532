"""Which finished runs the counts contain, what they add, and the record that keeps each from counting twice."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from task_views import CREATED, INSTANT, at, decide, decided_about, ended, make_run, make_task, manual_run

from crontask.api.metadata import find_condition
from crontask.api.phases import RunPhase
from crontask.api.rerun import REFUSALS
from crontask.api.scheduledrun import Attempt, ScheduledRunStatus
from crontask.api.task_status import Counted, Counts, RunSummary, TaskPhase
from crontask.decide.model import STALE, Config, ScheduledRun
from crontask.decide.run.decide import decide_run, end_seen_before
from crontask.decide.run.status import ended as run_ended
from crontask.decide.task.counting import LAG, add_runs, failure_streak, record_counted, sort_finished, that_ran
from crontask.decide.views import RunView, TaskView


def done(minute: int, phase: RunPhase = RunPhase.SUCCEEDED, *, recorded: datetime | None = None) -> ScheduledRun:
    return ended(make_run(at(minute)), phase, at(minute), recorded=recorded)


def unknown(run: ScheduledRun) -> ScheduledRun:
    """When its end was recorded is not known."""
    return replace(run, status=run.status.model_copy(update={"conditions": ()}))


def stale(minute: int) -> ScheduledRun:
    return ended(make_run(at(minute)), RunPhase.SKIPPED, at(minute), reason=STALE)


def rerun(minute: int, reason: str, **status: Any) -> ScheduledRun:
    """A run that was to run another again, and has failed."""
    asked = manual_run(f"again-{minute}", at(minute), rerunOf={"name": "x"})
    return ended(asked, RunPhase.FAILED, at(minute), reason=reason, **status)


A, B, C = done(1), done(2), done(3)
BEGUN = {"attempts": (Attempt(number=1, pod="again-1"),)}


@dataclass(frozen=True)
class Row:
    """What the status says of what is counted, the finished runs, and which of them are counted, and which fresh."""

    name: str
    before: Counted | None
    finished: tuple[ScheduledRun, ...]
    counted: tuple[ScheduledRun, ...]
    fresh: tuple[ScheduledRun, ...]


ROWS = (
    Row("nothing is recorded, all are fresh, in the order of their ends", None, (C, A, B), (), (A, B, C)),
    Row("an instant after what is recorded", Counted(through=at(2) - INSTANT), (B,), (), (B,)),
    Row("at that instant", Counted(through=at(2)), (B,), (B,), ()),
    Row("those after it are fresh, in the order of their ends", Counted(through=at(1)), (C, A, B), (A,), (B, C)),
    Row("it is named", Counted(through=at(1), runs=(B.meta.name,)), (B, C), (B,), (C,)),
    Row(
        "what counts is when it was recorded",
        Counted(through=at(4)),
        (done(1, recorded=at(5)),),
        (),
        (done(1, recorded=at(5)),),
    ),
    Row("when it was recorded is not known", Counted(through=at(4)), (unknown(A),), (), (unknown(A),)),
    Row(
        "that is not known, but it is named",
        Counted(through=at(4), runs=(A.meta.name,)),
        (unknown(A),),
        (unknown(A),),
        (),
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_which_runs_are_counted(row: Row) -> None:
    found = sort_finished(TaskView(make_task({"counted": row.before}), (), finished=row.finished))
    assert (found.counted, found.fresh) == (row.counted, row.fresh)


OK, FAILED = RunPhase.SUCCEEDED, RunPhase.FAILED


@pytest.mark.parametrize("seconds", [-3600, -61, -1, 0, 0.5, 1, 90])
@pytest.mark.parametrize("noticed", [False, True], ids=["not noticed yet", "noticed"])
def test_an_end_is_not_taken_for_counted_though_the_clock_has_gone_back(seconds: float, noticed: bool) -> None:
    now = at(5) + timedelta(seconds=seconds)
    task = make_task({"counted": Counted(through=at(5))})
    if noticed:
        task = make_task({"counted": record_counted(task, (), now)})
    view = RunView(make_run(at(1)).run, task)
    seen = run_ended(view, now, FAILED, "Error", None)
    for end in (seen, end_seen_before(view, seen, now)):
        # As the API has it, in whole seconds.
        recorded = ScheduledRunStatus.model_validate_json(end.status.model_dump_json(by_alias=True))
        run = replace(view.run, status=recorded)
        assert sort_finished(TaskView(task, (), finished=(run,))).fresh == (run,)
        assert recorded.completion_time == now.replace(microsecond=0)


@pytest.mark.parametrize(
    ("before", "phases", "wanted"),
    [
        pytest.param(2, (), 2, id="nothing is new"),
        pytest.param(2, (FAILED,), 3, id="Failed"),
        pytest.param(2, (RunPhase.TIMED_OUT,), 3, id="TimedOut"),
        pytest.param(2, (OK,), 0, id="Succeeded"),
        pytest.param(2, (RunPhase.PARTIAL,), 0, id="Partial"),
        pytest.param(2, (RunPhase.CANCELED,), 2, id="Canceled"),
        pytest.param(2, (RunPhase.SKIPPED,), 2, id="Skipped"),
        pytest.param(2, (RunPhase.MISSED,), 2, id="Missed"),
        pytest.param(2, (OK, FAILED), 1, id="a failure after a success"),
        pytest.param(2, (FAILED, OK), 0, id="a success after a failure"),
        pytest.param(2, (FAILED, RunPhase.CANCELED, FAILED), 4, id="what was canceled is no success"),
    ],
)
def test_failures_in_a_row(before: int, phases: tuple[RunPhase, ...], wanted: int) -> None:
    fresh = [done(minute, phase) for minute, phase in enumerate(phases, 1)]
    assert failure_streak(make_task({"consecutive_failures": before}), fresh) == wanted


@pytest.mark.parametrize(
    ("run", "refused"),
    [
        *(pytest.param(rerun(1, reason), True, id=reason) for reason in sorted(REFUSALS)),
        pytest.param(rerun(1, "Error", **BEGUN), False, id="it ran, and failed"),
        pytest.param(rerun(1, "ResultTruncated", **BEGUN), False, id="it ran, and failed for such a reason"),
        pytest.param(rerun(1, "ArgsInvalid"), False, id="it did not start, for another reason"),
        pytest.param(done(1, FAILED), False, id="it runs none again"),
        pytest.param(ended(make_run(at(1)), FAILED, at(1), reason="NothingToRerun"), False, id="it only says so"),
    ],
)
def test_a_rerun_that_is_refused_says_nothing_of_its_task(run: ScheduledRun, refused: bool) -> None:
    assert run.rerun_refused is refused
    assert that_ran((A, run, B)) == ((A, B) if refused else (A, run, B))
    assert failure_streak(make_task({"consecutive_failures": 2}), (run,)) == (2 if refused else 3)
    known = RunSummary(name="known", phase="Succeeded", completion_time=at(0))
    before = {"counts": Counts(failed=3), "last_run": known, "recent_runs": (known,)}
    task = make_task(before, schedule="0 0 1 1 *", suspendAfterFailures=1)
    status = decided_about(TaskView(task, (), finished=(run,)), Config(), at(1)).status
    assert (status.counts.failed, status.consecutive_failures) == ((3, 0) if refused else (4, 1))
    assert status.last_run is not None
    assert status.last_run.name == ("known" if refused else run.meta.name)
    assert (find_condition(status.conditions, "LastRunSucceeded") is None) is refused
    assert status.phase is (TaskPhase.ACTIVE if refused else TaskPhase.SUSPENDED)
    assert status.counted is not None
    assert status.counted.runs == (run.meta.name,), "it may be removed some day"


@pytest.mark.parametrize(
    ("run", "field"),
    [
        pytest.param(done(1, RunPhase.SUCCEEDED), "succeeded", id="Succeeded"),
        pytest.param(done(1, RunPhase.PARTIAL), "partial", id="Partial"),
        pytest.param(done(1, RunPhase.FAILED), "failed", id="Failed"),
        pytest.param(done(1, RunPhase.TIMED_OUT), "timed_out", id="TimedOut"),
        pytest.param(done(1, RunPhase.CANCELED), "canceled", id="Canceled"),
        pytest.param(done(1, RunPhase.SKIPPED), "skipped", id="Skipped"),
        pytest.param(done(1, RunPhase.MISSED), "missed", id="Missed"),
        pytest.param(stale(1), None, id="its time was decided, and counted, otherwise"),
        pytest.param(make_run(at(1)).run, None, id="it has not ended"),
    ],
)
def test_what_a_run_adds_to_the_counts(run: ScheduledRun, field: str | None) -> None:
    before = Counts(succeeded=1, partial=2, failed=3, timed_out=4, canceled=5, skipped=6, missed=7)
    added = {field: getattr(before, field) + 2} if field is not None else {}
    assert add_runs(before, (run, run)) == before.model_copy(update=added)


@dataclass(frozen=True)
class Record:
    """What is recorded as counted, all runs that have finished, and what is recorded then."""

    name: str
    before: Counted | None
    finished: tuple[ScheduledRun, ...]
    now: datetime
    through: datetime
    runs: tuple[ScheduledRun, ...] = ()


FLOOR = CREATED - timedelta(seconds=1)
RECORDS = (
    Record("the first one, of a new task: not yet past its creation", None, (), at(1), FLOOR),
    Record(
        "an instant before its creation is a minute ago", None, (), FLOOR + LAG + timedelta(seconds=1) - INSTANT, FLOOR
    ),
    Record("then it moves", None, (), FLOOR + LAG + timedelta(seconds=1), CREATED),
    Record("it lags behind now, by whole seconds", Counted(through=CREATED), (), at(5, 7.9), at(4, 7)),
    Record("it never goes back", Counted(through=at(5)), (), at(5, 30), at(5)),
    Record("but is never ahead of now", Counted(through=at(9)), (), at(5, 7.9), at(5, 7)),
    Record("a run recorded at that instant needs no name", None, (done(4),), at(5), at(4)),
    Record(
        "a run recorded an instant later is named", None, (done(4, recorded=at(4) + INSTANT),), at(5), at(4), (done(4),)
    ),
    Record("when it was recorded is not known", None, (unknown(A),), at(5), at(4), (A,)),
    Record(
        "a run recorded before that needs no name, one after it does",
        None,
        (done(6), done(5)),
        at(6, 30),
        at(5, 30),
        (done(6),),
    ),
    Record(
        "all that were recorded later",
        None,
        (done(8), done(6), done(7)),
        at(6, 30),
        at(5, 30),
        (done(6), done(7), done(8)),
    ),
    Record("what was named before is let go", Counted(through=at(1), runs=(B.meta.name, "gone")), (B,), at(9), at(8)),
)


@pytest.mark.parametrize("row", RECORDS, ids=lambda row: str(row.name))
def test_what_is_recorded_as_counted(row: Record) -> None:
    recorded = record_counted(make_task({"counted": row.before}), row.finished, row.now)
    assert recorded == Counted(through=row.through, runs=tuple(sorted(run.meta.name for run in row.runs)))


def test_a_finished_run_is_counted_once() -> None:
    task = make_task({"last_scheduled_time": at(1)})
    done = make_run(at(1), RunPhase.RUNNING, pod="Succeeded")
    ended = decide_run(done, at(1, 10)).status
    view = replace(done, run=replace(done.run, status=ended))
    first = decide(task, view, now=at(1, 11)).status
    again = decide(replace(task, status=first), view, now=at(1, 12)).status
    assert first.counts.succeeded == 1
    assert again.counts.succeeded == 1
