"""What the end of a run causes: the end, the tasks that come after, and the runs that follow."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from run_life import (
    START,
    Life,
    at,
    caused,
    exited,
    known_of,
    make_task,
    own_run,
    pod,
    recorded,
    scheduled_run,
    with_status,
)

from crontask.api.metadata import Condition, Metadata
from crontask.api.names import ANNOTATION_TRIGGER, follow_up_name
from crontask.api.phases import Origin, RunPhase
from crontask.api.scheduledrun import Attempt, ScheduledRunStatus
from crontask.api.task_status import TaskPhase
from crontask.api.trigger import Trigger, trigger_json
from crontask.decide.decisions import CreateRun
from crontask.decide.model import CronTask
from crontask.decide.run.follow_up import DEEPEST, chain_too_deep, follow_ups
from crontask.decide.views import RunView

MOMENT = 0.000001
ON_COMPLETE: dict[str, Any] = {"onComplete": {"taskRef": {"name": "report"}}}


def ended(phase: RunPhase | None = RunPhase.SUCCEEDED, at_: float | None = 5, **fields: Any) -> ScheduledRunStatus:
    return recorded(phase, completion_time=at(at_) if at_ is not None else None, **fields)


def dependent(on: str = "Finished", name: str = "next", **spec: Any) -> CronTask:
    task = make_task(after={"task": "t", "on": on}, **spec)
    meta = Metadata(name=name, namespace="n", uid=name, generation=1, creation_timestamp=START)
    return with_status(replace(task, meta=meta), since=0)


def after(*tasks: CronTask, **known: Any) -> RunView:
    return known_of(scheduled_run(), dependents=tasks, **known)


# --- which ends ------------------------------------------------------------------------------------------------------

SUCCESS = {RunPhase.SUCCEEDED, RunPhase.PARTIAL}
FAILURE = {RunPhase.FAILED, RunPhase.TIMED_OUT}
FINISHED = {*SUCCESS, *FAILURE, RunPhase.CANCELED}


@pytest.mark.parametrize("phase", [None, *RunPhase])
@pytest.mark.parametrize(
    ("on", "count"),
    [("Succeeded", SUCCESS), ("Failed", FAILURE), ("Finished", FINISHED)],
    ids=["Succeeded", "Failed", "Finished"],
)
def test_which_ends_a_task_follows(on: str, count: set[RunPhase], phase: RunPhase | None) -> None:
    assert bool(follow_ups(after(dependent(on)), ended(phase))) is (phase in count)


@pytest.mark.parametrize(
    ("reason", "attempts", "follows"),
    [
        ("NothingToRerun", (), False),
        ("AlreadyRerun", (), False),
        ("ArgsInvalid", (), True),
        ("Error", (Attempt(number=1, pod="p"),), True),
    ],
)
@pytest.mark.parametrize("on", ["Failed", "Finished"])
def test_a_rerun_that_was_refused_is_followed_by_what_it_asked_for_alone(
    on: str, reason: str, attempts: tuple[Attempt, ...], follows: bool
) -> None:
    why = Condition(type="Failed", status="True", reason=reason, last_transition_time=at(5))
    status = recorded(RunPhase.FAILED, *attempts, completion_time=at(5), conditions=(why,))
    run = scheduled_run(rerunOf={"name": "x"}, **ON_COMPLETE)
    found = follow_ups(known_of(run, dependents=(dependent(on),)), status)
    assert [create.spec["taskRef"]["name"] for create in found] == [*(["next"] if follows else []), "report"]


@pytest.mark.parametrize("phase", [None, *RunPhase])
def test_which_ends_are_followed_by_what_the_run_asked_for(phase: RunPhase | None) -> None:
    found = follow_ups(known_of(scheduled_run(**ON_COMPLETE)), ended(phase))
    assert bool(found) is (phase in FINISHED)


# --- which tasks -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A name, the task that comes after one whose run ended at 5, and whether a run of it follows."""

    name: str
    task: CronTask
    wanted: bool


def time(seconds: float) -> str:
    return at(seconds).isoformat()


LIMITED = dependent(maxRuns=2)
ROWS = (
    Row("it comes after", dependent(), True),
    Row("it does not come after any more", replace(dependent(), spec=make_task().spec), False),
    Row("it is suspended", dependent(suspend=True), False),
    Row("its status says so", with_status(dependent(), since=0, phase=TaskPhase.SUSPENDED), False),
    *(
        Row(f"its status says {phase}", with_status(dependent(), since=0, phase=phase), True)
        for phase in TaskPhase
        if phase is not TaskPhase.SUSPENDED
    ),
    Row("suspended until a moment before", dependent(suspendUntil=time(5 - MOMENT)), True),
    Row("suspended until then", dependent(suspendUntil=time(5)), True),
    Row("suspended until a moment after", dependent(suspendUntil=time(5 + MOMENT)), False),
    Row("no run of it is left", with_status(LIMITED, since=0, scheduled_count=2), False),
    Row("one run of it is left", with_status(LIMITED, since=0, scheduled_count=1), True),
    Row("it begins a moment before", dependent(startTime=time(5 - MOMENT)), True),
    Row("it begins then", dependent(startTime=time(5)), True),
    Row("it begins a moment after", dependent(startTime=time(5 + MOMENT)), False),
    Row("it is over a moment before", dependent(endTime=time(5 - MOMENT)), False),
    Row("it is over then", dependent(endTime=time(5)), False),
    Row("it is over a moment after", dependent(endTime=time(5 + MOMENT)), True),
    Row("its timing counts from a second before", with_status(dependent(), since=4), True),
    Row("its timing counts from then", with_status(dependent(), since=5), True),
    Row("its timing counts from a second after", with_status(dependent(), since=6), False),
    Row("an edit of its timing has not been seen", replace(dependent(), timing_hash="edited"), False),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_which_tasks_follow(row: Row) -> None:
    found = follow_ups(after(row.task), ended())
    assert [create.task for create in found] == ([row.task] if row.wanted else [])


@pytest.mark.parametrize(("created", "wanted"), [(4, True), (5, True), (6, False)])
def test_a_task_that_has_no_status_yet_follows_what_ended_since_its_creation(created: float, wanted: bool) -> None:
    task = with_status(dependent())
    task = replace(task, meta=task.meta.model_copy(update={"creation_timestamp": at(created)}))
    assert bool(follow_ups(after(task), ended())) is wanted


@pytest.mark.parametrize("status", [ended(at_=None), ended(phase=None)], ids=["when is not known", "how is not known"])
def test_what_has_not_ended_causes_nothing(status: ScheduledRunStatus) -> None:
    assert follow_ups(known_of(scheduled_run(**ON_COMPLETE), dependents=(dependent(),)), status) == ()


# --- what is created -------------------------------------------------------------------------------------------------


def test_each_task_that_comes_after_follows_and_then_what_was_asked_for() -> None:
    first, second, report = dependent(name="b"), dependent(name="a"), make_task()
    known = known_of(scheduled_run(**ON_COMPLETE), dependents=(first, second), on_complete=report)
    found = follow_ups(known, ended())
    assert [(create.spec["taskRef"]["name"], create.task) for create in found] == [
        ("b", first),
        ("a", second),
        ("report", report),
    ]
    assert [create.name for create in found] == [
        follow_up_name("b", "r"),
        follow_up_name("a", "r"),
        follow_up_name("report", "r/onComplete"),
    ]
    assert [create.cause for create in found] == [known.run] * 3
    assert follow_ups(known, ended()) == found


def test_a_task_that_follows_both_ways_has_two_runs() -> None:
    known = known_of(scheduled_run(**ON_COMPLETE), dependents=(dependent(name="report"),))
    assert len({create.name for create in follow_ups(known, ended())}) == 2


def trigger(create: CreateRun) -> Trigger:
    return Trigger.model_validate_json(create.annotations[ANNOTATION_TRIGGER])


@pytest.mark.parametrize(("args", "wanted"), [({}, {}), ({"a": 1}, {"args": {"a": 1}})], ids=["no args", "args"])
def test_what_a_run_that_follows_is_given(args: dict[str, Any], wanted: dict[str, Any]) -> None:
    run = scheduled_run(args={"own": 1}, onComplete={"taskRef": {"name": "report"}, "args": args})
    status = ended(RunPhase.PARTIAL, 5, message="two of three", result=[1, None])
    by_task, asked_for = follow_ups(known_of(run, dependents=(dependent(),)), status)
    scheduled = {"scheduledTime": "2026-03-01T12:00:05Z"}
    assert by_task.spec == {"taskRef": {"name": "next"}, **scheduled}
    assert asked_for.spec == {"taskRef": {"name": "report"}, **scheduled, **wanted}
    for create, cause in ((by_task, "after"), (asked_for, "onComplete")):
        assert trigger(create) == Trigger(
            cause=cause,
            task="t",
            run="r",
            run_uid="r",
            phase="Partial",
            completion_time=at(5),
            message="two of three",
            result=[1, None],
            depth=1,
        )


def test_a_run_on_its_own_names_no_task_as_the_cause() -> None:
    (create,) = follow_ups(known_of(own_run(**ON_COMPLETE), alone=True), ended())
    assert (trigger(create).task, trigger(create).run) == ("", "r")


# --- chains ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, DEEPEST - 2, DEEPEST - 1, DEEPEST])
def test_a_chain_has_so_many_runs_that_follow(depth: int) -> None:
    known = known_of(caused(scheduled_run(**ON_COMPLETE), depth), dependents=(dependent(),))
    found, cut = follow_ups(known, ended()), chain_too_deep(known, RunPhase.SUCCEEDED, at(5))
    assert [trigger(create).depth for create in found] == ([depth + 1] * 2 if depth < DEEPEST else [])
    assert bool(cut) is (depth >= DEEPEST)


@pytest.mark.parametrize(
    ("known", "phase", "wanted"),
    [
        ({}, RunPhase.SUCCEEDED, False),
        ({"dependents": (dependent("Failed"),)}, RunPhase.SUCCEEDED, False),
        ({"dependents": (dependent("Failed"),)}, RunPhase.FAILED, True),
        ({"dependents": (dependent("Failed"), dependent("Succeeded"))}, RunPhase.SUCCEEDED, True),
        ({"asked": True}, RunPhase.SUCCEEDED, True),
        ({"asked": True}, RunPhase.SKIPPED, False),
    ],
)
def test_a_chain_is_cut_where_something_would_have_followed(
    known: dict[str, Any], phase: RunPhase, wanted: bool
) -> None:
    asked = ON_COMPLETE if known.get("asked") else {}
    run = caused(scheduled_run(**asked), DEEPEST)
    found = chain_too_deep(known_of(run, dependents=known.get("dependents", ())), phase, at(5))
    assert [(transition.reason, transition.warning, transition.run) for transition in found] == (
        [("ChainTooDeep", True, "r")] if wanted else []
    )


# --- in a run's life -------------------------------------------------------------------------------------------------


def test_a_run_that_asks_for_it_is_followed_by_another_given_its_outcome() -> None:
    life = Life(scheduled_run(onComplete={"taskRef": {"name": "report"}, "args": {"to": "me"}}))
    life.decide(1, pod(1, 0))
    decided = life.decide(5, pod(1, 0, exited(5, 0, '{"result": {"rows": 3}, "message": "done"}')))
    (follow_up,) = decided.follow_ups
    spec = {"taskRef": {"name": "report"}, "scheduledTime": "2026-03-01T12:00:05Z", "args": {"to": "me"}}
    assert (follow_up.spec, follow_up.task) == (spec, None)
    trigger = Trigger.model_validate_json(follow_up.annotations[ANNOTATION_TRIGGER])
    assert (trigger.cause, trigger.run, trigger.phase) == ("onComplete", "r", "Succeeded")
    assert (trigger.result, trigger.message, trigger.depth) == ({"rows": 3}, "done", 1)
    annotated = scheduled_run("x").meta.model_copy(update={"annotations": {ANNOTATION_TRIGGER: trigger_json(trigger)}})
    assert replace(scheduled_run("x"), meta=annotated).origin is Origin.ON_COMPLETE


def test_a_chain_of_completions_ends() -> None:
    deep = Trigger(task="t", run="x", run_uid="x", phase="Succeeded", completion_time=START, depth=16)
    life = Life(scheduled_run(onComplete={"taskRef": {"name": "t"}}))
    meta = life.run.meta.model_copy(update={"annotations": {ANNOTATION_TRIGGER: trigger_json(deep)}})
    life.run = replace(life.run, meta=meta)
    decided = life.decide(5, pod(1, 0, exited(5, 0)))
    assert decided.follow_ups == ()
    assert "ChainTooDeep" in [transition.reason for transition in decided.transitions]
