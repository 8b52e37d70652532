"""What became of each nominal time that has come: what is known of a task and its runs, and the outcomes wanted."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from task_views import CREATED, at, condition, ended, make_run, make_task, manual_run, owned_by

from crontask.api.names import ANNOTATION_REPLACED_BY, run_name
from crontask.api.phases import Origin, RunPhase
from crontask.api.scheduledrun import status_model
from crontask.api.task_status import Decision, RunSummary, TaskPhase, Timing
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.task.past import (
    Outcome,
    PastTime,
    TooManyTimesError,
    past_times,
)

SINCE, LATER = at(0, 30), at(9)
S, F, m, s = Outcome.SUCCEEDED, Outcome.FAILED, Outcome.MISSED, Outcome.SKIPPED


def task(decided: str | None, minute: int, *, status: dict[str, Any] | None = None, **spec: Any) -> CronTask:
    """A task that is due each minute, whose times are decided up to that one; it was created at 12:00:30."""
    known = {"decided": decided, "decided_since": SINCE if decided is not None else None}
    return make_task({**known, "last_scheduled_time": at(minute), **(status or {})}, **spec)


def over(minute: int, phase: RunPhase, *, late: float = 0, **fields: Any) -> ScheduledRun:
    """The run of a nominal time, which has ended so."""
    started = {"start_time": at(minute, late)} if phase not in (RunPhase.SKIPPED, RunPhase.MISSED) else {}
    return ended(make_run(at(minute)), phase, at(minute, 40), **{**started, **fields})


def open_run(minute: int, phase: RunPhase = RunPhase.RUNNING) -> ScheduledRun:
    """One that has not ended."""
    return make_run(at(minute), phase).run


def for_time(minute: int, phase: RunPhase, name: str = "made") -> ScheduledRun:
    """A run that somebody made for a nominal time."""
    return ended(manual_run(name, at(9), scheduledTime=at(minute)), phase, at(9, 30), origin=Origin.MANUAL)


def held(minute: int, name: str) -> ScheduledRun:
    """A run that somebody made for a nominal time, and that waits."""
    return manual_run(name, at(9), scheduledTime=at(minute), suspend=True).run


def replaced(minute: int) -> ScheduledRun:
    """The run of a time that made room for another."""
    run = over(minute, RunPhase.CANCELED)
    return replace(run, meta=run.meta.model_copy(update={"annotations": {ANNOTATION_REPLACED_BY: "t-other"}}))


def backfill(ends: str, *minutes: int, phase: RunPhase = RunPhase.RUNNING, created: datetime = LATER) -> ScheduledRun:
    """A backfill for these times, of which that has become."""
    items = [f"{at(minute):%Y-%m-%dT%H:%M:%SZ}" for minute in minutes]
    fan = {"items": [*items, "nonsense"], "handler": {"task": "t"}, "scheduledTime": "${item}"}
    run = owned_by(manual_run("b", created, taskRef=None, handler={"forEach": fan}), None).run
    total = {"total": len(items) + 1, "ends": ends}
    known: dict[str, Any] = {"phase": phase.value, "items": total, "plan": {"handler": {}}}
    status = status_model(known).model_validate(known)
    return replace(run, status=status)


def suspended(minute: int) -> dict[str, Any]:
    """The status of a task that is suspended since then."""
    return {"phase": TaskPhase.SUSPENDED, "conditions": (condition("Suspended", "True", "Suspended", at(minute)),)}


def skipped(first: int, last: int, reason: str = "RunAlreadyActive", run: str | None = "t-long") -> dict[str, Any]:
    """Its entry about skips."""
    entry = Decision(type="Skipped", nominal_time=at(first), until=at(last), reason=reason, run=run, count=2)
    return {"recent_decisions": (entry,)}


@dataclass(frozen=True)
class Case:
    """`wanted`: the outcome of each minute from 12:01 on, with what the reason has."""

    name: str
    task: CronTask
    runs: tuple[ScheduledRun, ...]
    now: datetime
    wanted: list[Outcome | tuple[Outcome, str]]


NOW = at(4, 30)
CASES = [
    Case("the record", task("S30 F60 m60 s60", 4), (), NOW, [S, F, m, s]),
    Case("why one was skipped", task("S30 s60x2 S60", 4, status=skipped(2, 3)), (), NOW, [
        S, (s, "RunAlreadyActive: run t-long was in the way"), (s, "t-long"), S,
    ]),
    Case("a run under way", task("S30x1 S60x2 R60", 4), (open_run(4),), NOW, [S, S, S, (Outcome.RUNNING, "Running")]),
    Case("one that queues", task("S30 S60x2 R60", 4), (open_run(4, RunPhase.QUEUED),), NOW, [
        S, S, S, (Outcome.RUNNING, "Queued"),
    ]),
    Case("one that was removed", task("S30 S60 R60 S60", 4), (), NOW, [S, S, (Outcome.REMOVED, "removed"), S]),
    Case("an end that is not counted yet", task("S30 S60x2 R60", 4), (over(4, RunPhase.FAILED, message="no"),), NOW, [
        S, S, S, (F, "no"),
    ]),
    Case("one that was replaced", task("S30 S60x2 R60", 4), (replaced(4),), NOW, [
        S, S, S, (Outcome.REPLACED, "by run t-other"),
    ]),
    Case("done again", task("S30 F60 F60 m60", 4), (for_time(2, RunPhase.SUCCEEDED), over(2, RunPhase.FAILED)), NOW, [
        S, (S, "made up for by run made; its own run was Failed"), F, m,
    ]),
    Case("recorded as done again", task("S30 S60 F60 m60", 4), (over(2, RunPhase.FAILED),), NOW, [
        S, (S, "made up for since; its own run was Failed"), F, m,
    ]),
    Case("done again in vain", task("S30 F60 m60 m60", 4), (for_time(3, RunPhase.FAILED),), NOW, [S, F, F, m]),
    Case("made for it, and skipped", task("S30 F60 m60 m60", 4), (for_time(3, RunPhase.SKIPPED),), NOW, [S, F, m, m]),
    Case("a part of one that failed is done again", task("S30 F60 S60x2", 4), (for_time(2, RunPhase.PARTIAL),), NOW, [
        S, Outcome.PARTIAL, S, S,
    ]),
    Case("a backfill, whose parts are gone", task("S30 m60x3", 4), (backfill("SFR-", 2, 3, 4),), NOW, [
        S, (S, "made up for by run b"), F, m,
    ]),
    Case("a backfill of an earlier task", task("S30 m60x3", 4), (backfill("S3-", 2, 3, 4, created=at(0)),), NOW, [
        S, m, m, m,
    ]),
    Case("a pause", task("S30 S60", 2, status=suspended(3)), (), NOW, [
        S, S, (Outcome.NOT_DUE, "Suspended: suspended since 2026-03-01T12:03:00Z"), Outcome.NOT_DUE,
    ]),
    Case(
        "a backfill in a pause", task("S30 S60", 2, status=suspended(3)), (backfill("S2-", 3, 4),), NOW, [S, S, S, S]
    ),
    Case(
        "a pause that is over",
        task("S30 S180", 4, status={"timing": Timing(hash=make_task().timing_hash, since=at(3, 10))}),
        (),
        NOW,
        [S, (Outcome.NOT_DUE, "suspended, or had another schedule, before 2026-03-01T12:03:10Z"), Outcome.NOT_DUE, S],
    ),
    Case(
        "an edit that nobody has seen",
        task("S30 S60", 2, status={"timing": Timing(hash="other", since=CREATED)}),
        (),
        NOW,
        [S, S, (Outcome.NOT_DUE, "no operator has seen the edit"), Outcome.NOT_DUE],
    ),
    Case("older than the record", task("S60x2", 4, status={"decided_since": at(2)}), (over(1, RunPhase.FAILED),), NOW, [
        F, (Outcome.UNKNOWN, "the record begins at 2026-03-01T12:02:00Z"), S, S,
    ]),
    Case(
        "one that is held, for a time that is done and for one that is not",
        task("S30 F60 S60x2", 4),
        (over(1, RunPhase.SUCCEEDED), held(1, "held-1"), held(2, "held-2"), held(3, "held-3")),
        NOW,
        [S, (Outcome.RUNNING, "Pending"), S, S],
    ),
    Case("no record", task(None, 4), (), NOW, [Outcome.UNKNOWN] * 4),
    Case("a record that is none", task("what?", 4), (), NOW, [(Outcome.UNKNOWN, "status.decided: ")] * 4),
    Case("left out of the record", task("S30 S120 S60", 4), (), NOW, [
        S, (Outcome.UNEXPLAINED, "neither the record nor a run has it"), S, S,
    ]),
    Case("nobody decides", task("S30 S60", 2), (), NOW, [S, S, (Outcome.OVERDUE, "no operator"), Outcome.WAITING]),
    Case("nobody has decided yet", make_task({"timing": None, "phase": None}), (), at(1, 50), [Outcome.WAITING]),
    Case(
        "the API server refuses its runs",
        task("S30 S60", 2, status={
            "phase": TaskPhase.REJECTED, "conditions": (condition("Ready", "False", "RunRejected", at(3)),),
        }),
        (),
        NOW,
        [S, S, (Outcome.WAITING, "RunRejected"), Outcome.WAITING],
    ),
    Case("all of maxRuns", task("S30 S60", 2, status={"phase": TaskPhase.COMPLETED}, maxRuns=2), (), NOW, [S, S]),
    Case(
        "a run that came too late for its time",
        task("S30 m60 S60x2", 4),
        (over(2, RunPhase.SKIPPED, conditions=(condition("Failed", "True", "Stale", at(3)),)),),
        NOW,
        [S, m, S, S],
    ),
    Case(
        "what a run says that waited in vain",
        task("S30 R60 S60x2", 4),
        (over(2, RunPhase.SKIPPED, conditions=(condition("Failed", "True", "Suspended", at(3)),)),),
        NOW,
        [S, (s, "Suspended"), S, S],
    ),
    Case("that of another task with its name", task("S30 m60 S60x2", 4), (
        owned_by(make_run(at(2), RunPhase.SUCCEEDED), "other").run,
    ), NOW, [S, m, S, S]),
]  # fmt: skip


def became(task: CronTask, runs: tuple[ScheduledRun, ...], now: datetime, most: int = 100) -> tuple[PastTime, ...]:
    return past_times(task, runs, at(1), at(20), now, most)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_became_of_each_time(case: Case) -> None:
    found = became(case.task, case.runs, case.now)
    wanted = [each if isinstance(each, tuple) else (each, "") for each in case.wanted]
    assert [each.nominal for each in found] == [at(minute) for minute in range(1, len(wanted) + 1)]
    assert [each.outcome for each in found] == [outcome for outcome, _ in wanted]
    for each, (_, words) in zip(found, wanted, strict=True):
        assert words in each.why


def test_how_late_a_run_started() -> None:
    gone = RunSummary(name=run_name("t", at(1)), phase="Failed", scheduled_time=at(1), start_time=at(1, 7))
    other = RunSummary(name="by-hand", phase="Failed", scheduled_time=at(2), start_time=at(2, 7))
    known = task("F30 S60 S60 m60", 4, status={"recent_runs": (gone, other)})
    runs = (over(3, RunPhase.SUCCEEDED, late=70), for_time(4, RunPhase.SUCCEEDED))
    found = became(known, runs, NOW)
    assert [each.late for each in found] == [timedelta(seconds=7), None, timedelta(seconds=70), None]
    assert [each.run for each in found] == [gone.name, None, run_name("t", at(3)), "made"]


def test_it_counts_from_when_jitter_has_it_start() -> None:
    spread = task("S30 S60", 2, jitter="20s", status={"timing": None})
    start = spread.start_of(at(2))
    assert start > at(2)
    started = replace(
        over(2, RunPhase.SUCCEEDED), status=over(2, RunPhase.SUCCEEDED).status.model_copy(update={"start_time": start})
    )
    assert became(spread, (started,), at(2, 50))[1].late == timedelta(0)
    (*_, last) = became(spread, (), at(3))
    assert (last.outcome, "jitter: it starts at" in last.why) == (Outcome.WAITING, spread.start_of(at(3)) > at(3))


def test_who_is_yet_to_make_up_for_it() -> None:
    runs = (backfill("SR-", 2, 3, 4), open_run(9))
    assert [each.planned for each in became(task("S30 m60x3", 4), runs, NOW)] == [(), (), ("b",), ("b",)]
    over = (backfill("SFN", 2, 3, 4, phase=RunPhase.CANCELED),)
    assert [each.planned for each in became(task("S30 m60x3", 4), over, NOW)] == [()] * 4


def test_times_of_an_earlier_schedule_are_there_and_its_holes_are_not_due() -> None:
    edited = Timing(hash=make_task(schedule="*/2 * * * *").timing_hash, since=at(3, 30))
    found = became(task("S30 S60x2 S60", 4, status={"timing": edited}, schedule="*/2 * * * *"), (), at(6, 10))
    assert [(each.nominal.minute, each.outcome) for each in found] == [
        (1, S),
        (2, S),
        (3, S),
        (4, S),
        (6, Outcome.WAITING),
    ]


def test_a_task_without_times_has_those_that_are_known() -> None:
    found = became(task("S30 F60", 2, delay="5s"), (), NOW)
    assert [each.outcome for each in found] == [S, F]


@pytest.mark.parametrize(
    ("known", "most"),
    [(task("S30 S60x2", 3), 3), (task("S1x180", 3, schedule="0 0 1 1 *"), 179), (task(f"S30 S1x{10**9 - 1}", 3), 1000)],
)
def test_too_many_are_counted_and_not_gone_through(known: CronTask, most: int) -> None:
    with pytest.raises(TooManyTimesError) as caught:
        past_times(known, (), at(0), at(60 * 24 * 365 * 30), at(60 * 24 * 365 * 30), most)
    assert caught.value.count > most


def test_nothing_that_is_still_to_come() -> None:
    assert past_times(task("S30 S60", 2), (), at(5), at(9), at(4), 100) == ()
    assert past_times(task("S30 S60", 2), (), at(9), at(5), at(20), 100) == ()
