"""Whether a run can be run again, and who else does: the two runs, what is known beside them, and why not."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from composite_views import C, fan_out, flow, step
from run_life import annotated, invalid_run, make_task, own_run, recorded, scheduled_run

from crontask.api.composite_status import BatchStatus, StepPhase, StepStatus
from crontask.api.phases import RunPhase
from crontask.api.task_status import TaskBatch
from crontask.decide.composite.rerun import claimed_by, has_taken_over, newest_of, refusal
from crontask.decide.model import CronTask, ScheduledRun

P = RunPhase


def again(name: str = "again", created: float = 9, status: Any = None, **spec: Any) -> ScheduledRun:
    """The run that is to run `x` again."""
    asked = {"name": "x", **spec.pop("rerunOf", {})}
    return scheduled_run(name, created, status, rerunOf=asked, **spec)


def alone(**asked: Any) -> ScheduledRun:
    """The same, of a run without a task."""
    return own_run("again", 9, handler=None, rerunOf={"name": "flow", **asked})


def source(phase: RunPhase = P.FAILED, **spec: Any) -> ScheduledRun:
    return scheduled_run("x", status=recorded(phase), **spec)


def composed(run: ScheduledRun, phase: RunPhase) -> ScheduledRun:
    """A composite run, as one that has ended."""
    return replace(run, status=run.status.model_copy(update={"phase": phase}))


def steps(ends: str, phase: RunPhase = P.FAILED) -> ScheduledRun:
    """A workflow of the steps a, b, …, that Succeeded, Failed, or were skipped (-)."""
    letters = {"S": StepPhase.SUCCEEDED, "F": StepPhase.FAILED, "-": StepPhase.SKIPPED}
    said = tuple(StepStatus(name=name, phase=letters[end]) for name, end in zip("abc", ends, strict=False))
    return composed(flow(*(step(each.name) for each in said), said=said).run, phase)


def in_batches(phase: RunPhase, done: bool, name: str = "x") -> ScheduledRun:
    status = recorded(phase, plan={"args": {}}, batch=BatchStatus(batches=2, done=done, cursor=2))
    return scheduled_run(name, status=status)


PART: dict[str, Any] = {"parent": {"name": "w", "uid": "w", "root": "w", "depth": 1, "key": "k", "step": "s"}}
BATCHES = make_task(handler={"batch": {"size": 1, "handler": C, "continueFrom": "LastRun"}})
LATER, SAME = TaskBatch(run="later"), TaskBatch(run="x")


@dataclass(frozen=True)
class Row:
    """A name, the run, the other, why it cannot run that again, if so, and what else is known."""

    name: str
    run: ScheduledRun
    other: ScheduledRun | None
    wanted: str | None
    task: CronTask | None = None
    known: dict[str, Any] = field(default_factory=dict)


ROWS = (
    Row("it failed", again(), source(), None),
    Row("it was canceled", again(), source(P.CANCELED), None),
    Row("it is gone", again(), None, "RerunSourceGone"),
    Row("it is a part", again(), source(**PART), "RerunOfAPart"),
    Row("both are parts", again(**PART), source(**PART), None),
    Row("it goes on", again(), source(P.RUNNING), "RerunSourceActive"),
    Row("it is one of another task", again(taskRef={"name": "u"}), source(), "RerunOfAnotherTask"),
    Row("it has no task", again(), replace(own_run("x"), status=recorded(P.FAILED)), "RerunOfAnotherTask"),
    Row("its spec cannot be used", again(), invalid_run(source()), "RerunOfAnotherTask"),
    Row(
        "its spec cannot be used, and neither has a task",
        alone(),
        invalid_run(replace(own_run("flow"), status=recorded(P.FAILED))),
        "RerunSourceInvalid",
    ),
    Row("it never started to run another again", again(), source(rerunOf={"name": "w"}), "RerunNotStarted"),
    Row("another has run it again", again(), source(), "AlreadyRerun", known={"newest": "y"}),
    # What is left of it.
    Row("it succeeded", again(), source(P.SUCCEEDED), "NothingToRerun"),
    Row("it succeeded, and all is to be done again", again(rerunOf={"from": "Start"}), source(P.SUCCEEDED), None),
    Row("a step failed, and was tolerated", alone(), steps("SF", P.PARTIAL), None),
    Row("a step was partial, and none failed", alone(), steps("S-", P.PARTIAL), "NothingToRerun"),
    Row("an item failed, and was tolerated", alone(), composed(fan_out(2, "SF").run, P.PARTIAL), None),
    Row("an item was partial", alone(), composed(fan_out(2, "SP").run, P.PARTIAL), "NothingToRerun"),
    Row("there are more batches", again(), in_batches(P.PARTIAL, done=False), None, BATCHES),
    Row("the batches are done", again(), in_batches(P.PARTIAL, done=True), "NothingToRerun", BATCHES),
    # Where it is to begin.
    Row("from a step", alone(**{"from": "b"}), steps("SSF"), None),
    Row("from a step that there is not", alone(**{"from": "z"}), steps("SSF"), "NoSuchStep"),
    Row("from a step of what has none", again(rerunOf={"from": "z"}), source(), "NoSuchStep"),
    Row(
        "a later run has gone on where it ended",
        again(),
        in_batches(P.FAILED, done=False),
        "AlreadyRerun",
        BATCHES,
        {"last": LATER},
    ),
    Row("it is the last itself", again(), in_batches(P.FAILED, done=False), None, BATCHES, {"last": SAME}),
    Row(
        "a later run has gone on, and this one begins where that did",
        again(rerunOf={"from": "Start"}),
        in_batches(P.FAILED, done=False),
        None,
        BATCHES,
        {"last": LATER},
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_why_a_run_is_not_run_again(row: Row) -> None:
    known = {"newest": None, "last": None, **row.known}
    found = refusal(row.run, row.task or make_task(), row.other, (), known["newest"], known["last"])
    assert (found[0] if found is not None else None) == row.wanted


# --- who else runs it again ------------------------------------------------------------------------------------------


def started(name: str, of: str, created: float, phase: RunPhase = P.FAILED) -> ScheduledRun:
    """A run that has started to run the other again."""
    return scheduled_run(name, created, recorded(phase, rerun={"name": of, "uid": of}, plan={}), rerunOf={"name": of})


def never(name: str, of: str) -> ScheduledRun:
    """A run that was to, and never ran."""
    status = recorded(P.SKIPPED, rerun={"name": of, "uid": of})
    return scheduled_run(name, 3, status, rerunOf={"name": of})


CLAIMED = annotated(source(), rerun_by="y/y")


@pytest.mark.parametrize(
    ("name", "other", "reruns", "wanted"),
    [
        ("nobody", source(), (), None),
        ("one has", source(), (started("y", "x", 5),), "y"),
        ("one waits", source(), (again("y"),), None),
        ("one never ran", source(), (never("y", "x"),), None),
        ("two have: the younger", source(), (started("y", "x", 6), started("z", "x", 5)), "y"),
        ("each the one before", source(), (started("y", "x", 5), started("z", "y", 7)), "z"),
        ("in a circle", source(), (started("y", "x", 5), started("x", "y", 7)), "y"),
        ("one that is gone has begun to", CLAIMED, (), "y"),
        ("that one is there, and waits", CLAIMED, (again("y"),), None),
    ],
)
def test_the_last_that_has_run_it_again(
    name: str, other: ScheduledRun, reruns: tuple[ScheduledRun, ...], wanted: str | None
) -> None:
    def reruns_of(of: str) -> Iterable[ScheduledRun]:
        return [each for each in reruns if each.spec.rerun_of is not None and each.spec.rerun_of.name == of]

    assert newest_of(other, reruns_of) == wanted, name


def test_the_one_that_is_starting() -> None:
    waits, over = again("y"), again("y", status=recorded(P.CANCELED))
    assert claimed_by(CLAIMED, lambda name: (waits,)) == waits
    assert claimed_by(CLAIMED, lambda name: (over,)) is None
    assert claimed_by(CLAIMED, lambda name: (again("z"),)) is None
    assert claimed_by(source(), lambda name: (waits,)) is None


def test_one_that_never_ran_leaves_it_to_another() -> None:
    assert [has_taken_over(run) for run in (again(), never("y", "x"), started("y", "x", 5))] == [False, False, True]
