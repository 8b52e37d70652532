"""Who has a slot, who starts, who waits and who is skipped: which runs are known, and what each policy makes of it."""

from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from task_views import (
    INSTANT,
    at,
    known_of_pod,
    make_run,
    make_task,
    manual_run,
    pre_created,
    refused,
)

from crontask.api.names import run_name
from crontask.api.phases import Origin, RunPhase
from crontask.api.policies import Concurrency, ConcurrencyPolicy
from crontask.decide.decisions import CancelRun, Launch, StartAttempt
from crontask.decide.pod_state import VANISHED, Creating, CreationUnknown
from crontask.decide.stage import Stage, stage_of
from crontask.decide.task.due import Candidate
from crontask.decide.task.overlap import (
    QUEUE_FULL,
    RUN_ALREADY_ACTIVE,
    Skip,
    Slots,
    assign_slots,
    is_in_line,
)
from crontask.decide.views import RunView, TaskView

NOW = at(9)
FORBID = Concurrency()
ALLOW = Concurrency(policy=ConcurrencyPolicy.ALLOW)
REPLACE = Concurrency(policy=ConcurrencyPolicy.REPLACE)
QUEUE = Concurrency(policy=ConcurrencyPolicy.QUEUE)


def of(policy: Concurrency, limit: int | None = None, queue_limit: int = 10) -> Concurrency:
    return policy.model_copy(update={"max": limit, "queue_limit": queue_limit})


def running(minute: int, task: str = "t") -> RunView:
    return make_run(at(minute), RunPhase.RUNNING, pod="Running", task=task)


def canceling(minute: int) -> RunView:
    return make_run(at(minute), RunPhase.CANCELING, pod="Running")


def queued(minute: int, task: str = "t") -> RunView:
    return make_run(at(minute), RunPhase.QUEUED, task=task)


def manual(name: str, minute: int, second: float = 0, task: str = "t") -> RunView:
    return manual_run(name, at(minute, second), task=task)


def name_of(minute: int, task: str = "t") -> str:
    return run_name(task, at(minute))


def launch(minute: int, *, wait: bool = False, catching_up: bool = False) -> Launch:
    return Launch(at(minute), name_of(minute), wait, catching_up)


def start(run: RunView) -> StartAttempt:
    return StartAttempt(run.run, 1)


def cancel(run: RunView, minute: int) -> CancelRun:
    return CancelRun(run.run, f"replaced by {name_of(minute)}", launch(minute, wait=True))


def skip(minute: int, run: str, reason: str = RUN_ALREADY_ACTIVE) -> Skip:
    return Skip(at(minute), run, reason)


def names(*runs: RunView) -> frozenset[str]:
    return frozenset(run.run.meta.name for run in runs)


@dataclass(frozen=True)
class Row:
    """The runs of the task, of which those in `waiting` await their turn, and the times that have just come due."""

    name: str
    concurrency: Concurrency
    wanted: Slots
    under_way: tuple[RunView, ...] = ()
    waiting: tuple[RunView, ...] = ()
    due: tuple[int, ...] = ()
    catching_up: tuple[int, ...] = ()
    others: tuple[RunView, ...] = ()
    orphaned: tuple[str, ...] = ()
    now: datetime = NOW


def backfill(name: str, phase: RunPhase | None = None, pod: str | None = None) -> RunView:
    """A run that makes up for the past."""
    run = manual_run(name, at(1), phase, pod=pod)
    status = run.run.status.model_copy(update={"origin": Origin.BACKFILL})
    return replace(run, run=replace(run.run, status=status))


M, N = manual("m", 4), manual("n", 5)
B, B_RUNS = backfill("b"), backfill("runs", RunPhase.RUNNING, "Running")
# Made before its time, twenty seconds ahead, and its time has been decided since.
EARLY = pre_created(make_run(at(5), RunPhase.QUEUED, created=at(4, 40)))
TRIED_AGAIN = refused(make_run(at(3), RunPhase.PENDING), NOW)

ROWS = (
    # --- a slot is free ---
    Row("nothing is there", FORBID, Slots()),
    Row("the time has a slot", FORBID, Slots((launch(9),)), due=(9,)),
    Row("a run that waits has a slot", FORBID, Slots((start(M),)), waiting=(M,)),
    Row("without a limit all start", ALLOW, Slots((start(M), start(N), launch(9))), (running(1),), (N, M), due=(9,)),
    Row("one below the limit", of(ALLOW, 3), Slots((launch(9),)), (running(1), running(2)), due=(9,)),
    Row("at the limit", of(ALLOW, 2), Slots(skipped=(skip(9, name_of(1)),)), (running(2), running(1)), due=(9,)),
    Row("a limit of Forbid", of(FORBID, 2), Slots((launch(9),)), (running(1),), due=(9,)),
    Row(
        "more run than a new limit allows, and nobody starts",
        of(ALLOW, 2),
        Slots(queued=names(M, N), skipped=(skip(9, name_of(1)),)),
        (running(1), running(2), running(3)),
        (M, N),
        due=(9,),
    ),
    # --- who waits comes first, in the order of times ---
    Row(
        "the run that waits has the slot, not the time",
        FORBID,
        Slots((start(M),), skipped=(skip(9, "m"),)),
        (),
        (M,),
        (9,),
    ),
    Row("both have one", of(FORBID, 2), Slots((start(M), launch(9))), (), (M,), (9,)),
    Row("the older manual run first", QUEUE, Slots((start(M),), names(N)), waiting=(N, M)),
    Row(
        "the older nominal time first",
        QUEUE,
        Slots((start(queued(2)),), names(queued(3))),
        waiting=(queued(3), queued(2)),
    ),
    Row(
        "of one age the lower name first",
        QUEUE,
        Slots((start(manual("a", 4)),), names(manual("b", 4))),
        waiting=(manual("b", 4), manual("a", 4)),
    ),
    Row(
        "a nominal time, not a creation before it: a manual run made in between comes first",
        QUEUE,
        Slots((start(manual("m", 4, 50)),), names(EARLY)),
        waiting=(EARLY, manual("m", 4, 50)),
    ),
    Row(
        "and one made after the nominal time does not",
        QUEUE,
        Slots((start(EARLY),), names(manual("m", 5, 0.000001))),
        waiting=(manual("m", 5, 0.000001), EARLY),
    ),
    Row(
        "two slots, three that wait",
        of(QUEUE, 2),
        Slots((start(queued(2)), start(M)), names(EARLY)),
        waiting=(EARLY, M, queued(2)),
    ),
    # --- orphaned pods ---
    Row(
        "the pod of a run that is gone has a slot",
        FORBID,
        Slots(skipped=(skip(9, "gone"),)),
        due=(9,),
        orphaned=("gone",),
    ),
    Row("nobody who waits starts beside it", FORBID, Slots(queued=names(M)), waiting=(M,), orphaned=("gone",)),
    Row("each of them counts", of(FORBID, 2), Slots(skipped=(skip(9, "a"),)), due=(9,), orphaned=("a", "b")),
    Row("beside one there is a slot", of(FORBID, 2), Slots((launch(9),)), due=(9,), orphaned=("gone",)),
    Row(
        "they count together with runs, which are named first",
        of(FORBID, 2),
        Slots(skipped=(skip(9, name_of(1)),)),
        (running(1),),
        due=(9,),
        orphaned=("gone",),
    ),
    Row("Queue waits for it", QUEUE, Slots((launch(9, wait=True),)), due=(9,), orphaned=("gone",)),
    Row("Replace waits for it", REPLACE, Slots((launch(9, wait=True),)), due=(9,), orphaned=("gone",)),
    Row("without a limit it does not matter", ALLOW, Slots((launch(9),)), due=(9,), orphaned=("gone",)),
    # --- Forbid names the run in the way ---
    Row(
        "the oldest of those under way",
        of(FORBID, 2),
        Slots(skipped=(skip(9, name_of(2)),)),
        (running(3), running(2)),
        due=(9,),
    ),
    Row(
        "a run that starts now is in the way, too",
        of(FORBID, 2),
        Slots((start(M),), skipped=(skip(9, "m"),)),
        (running(5),),
        (M,),
        (9,),
    ),
    Row("and one that waits", FORBID, Slots((), names(M), (skip(9, "m"),)), (running(5),), (M,), (9,)),
    # --- Queue ---
    Row("the queue is empty", of(QUEUE, None, 1), Slots((launch(9, wait=True),)), (running(1),), due=(9,)),
    Row(
        "the queue has room for one more",
        of(QUEUE, None, 2),
        Slots((launch(9, wait=True),), names(queued(2))),
        (running(1),),
        (queued(2),),
        (9,),
    ),
    Row(
        "the queue is full",
        of(QUEUE, None, 1),
        Slots((), names(queued(2)), (skip(9, name_of(1), QUEUE_FULL),)),
        (running(1),),
        (queued(2),),
        (9,),
    ),
    Row(
        "manual runs fill no queue",
        of(QUEUE, None, 1),
        Slots((launch(9, wait=True),), names(M)),
        (running(1),),
        (M,),
        (9,),
    ),
    Row(
        "nor do the runs of other tasks",
        of(QUEUE, None, 1),
        Slots((launch(9, wait=True),)),
        (running(1),),
        others=(queued(2, "u"),),
        due=(9,),
    ),
    Row(
        "a time that has just come fills it",
        of(QUEUE, None, 1),
        Slots((launch(8, wait=True),), skipped=(skip(9, name_of(1), QUEUE_FULL),)),
        (running(1),),
        due=(8, 9),
    ),
    # --- Replace ---
    Row(
        "the one that runs is replaced",
        REPLACE,
        Slots((cancel(running(1), 9), launch(9, wait=True))),
        (running(1),),
        due=(9,),
    ),
    Row("a slot is free: nobody is replaced", of(REPLACE, 2), Slots((launch(9),)), (running(1),), due=(9,)),
    Row(
        "the oldest of several",
        of(REPLACE, 2),
        Slots((cancel(running(1), 9), launch(9, wait=True))),
        (running(2), running(1)),
        due=(9,),
    ),
    Row(
        "as many as the limit asks for",
        REPLACE,
        Slots((cancel(running(1), 9), cancel(running(2), 9), launch(9, wait=True))),
        (running(2), running(1)),
        due=(9,),
    ),
    Row("nobody twice", REPLACE, Slots((launch(9, wait=True),)), (canceling(1),), due=(9,)),
    Row(
        "one that is canceled already is no contender",
        of(REPLACE, 2),
        Slots((launch(9, wait=True),)),
        (canceling(1), running(2)),
        due=(9,),
    ),
    Row(
        "one that waits is replaced, and waits no more",
        REPLACE,
        Slots((cancel(running(1), 9), cancel(queued(2), 9), launch(9, wait=True))),
        (running(1),),
        (queued(2),),
        (9,),
    ),
    Row(
        "one that would start now is replaced instead",
        REPLACE,
        Slots((cancel(queued(2), 9), launch(9, wait=True))),
        (),
        (queued(2),),
        (9,),
    ),
    Row(
        "one of another task is replaced in a group",
        REPLACE,
        Slots((cancel(running(1, "u"), 9), launch(9, wait=True))),
        others=(running(1, "u"),),
        due=(9,),
    ),
    # --- catching up ---
    Row(
        "what is made up for waits, and is never skipped",
        FORBID,
        Slots((launch(7, wait=True, catching_up=True), launch(8, wait=True, catching_up=True))),
        (running(1),),
        catching_up=(7, 8),
    ),
    Row(
        "nor does it replace anybody",
        REPLACE,
        Slots((launch(8, wait=True, catching_up=True),)),
        (running(1),),
        catching_up=(8,),
    ),
    Row(
        "nor does a full queue keep it out",
        of(QUEUE, None, 1),
        Slots((launch(8, wait=True, catching_up=True),), names(queued(2))),
        (running(1),),
        (queued(2),),
        catching_up=(8,),
    ),
    Row(
        "the first has the only slot, the others wait",
        FORBID,
        Slots((launch(7, catching_up=True), launch(8, wait=True, catching_up=True))),
        catching_up=(7, 8),
    ),
    Row(
        "two have slots",
        of(FORBID, 2),
        Slots(tuple(launch(minute, wait=minute == 8, catching_up=True) for minute in (6, 7, 8))),
        catching_up=(6, 7, 8),
    ),
    # --- groups ---
    Row(
        "a run of another task has a slot",
        FORBID,
        Slots(skipped=(skip(9, name_of(1, "u")),)),
        others=(running(1, "u"),),
        due=(9,),
    ),
    Row(
        "an older run of another task has the slot, and is not ours to start",
        QUEUE,
        Slots(queued=names(queued(3))),
        waiting=(queued(3),),
        others=(queued(2, "u"),),
    ),
    Row(
        "a younger one has not",
        QUEUE,
        Slots((start(queued(2)),)),
        waiting=(queued(2),),
        others=(queued(3, "u"),),
    ),
    Row(
        "a manual one waits like any other",
        QUEUE,
        Slots(queued=names(queued(3))),
        waiting=(queued(3),),
        others=(manual("m", 2, task="u"),),
    ),
    Row(
        "one of which nothing is recorded has no turn yet",
        QUEUE,
        Slots((start(queued(3)),)),
        waiting=(queued(3),),
        others=(make_run(at(2), task="u"),),
    ),
    Row(
        "nor has one that is not due",
        QUEUE,
        Slots((start(queued(3)),)),
        waiting=(queued(3),),
        others=(manual_run("m", at(2), task="u", at=NOW + INSTANT, allowPast=True),),
    ),
    Row(
        "but at that instant it has",
        QUEUE,
        Slots(queued=names(EARLY)),
        waiting=(EARLY,),
        others=(manual_run("m", at(2), task="u", at=NOW, allowPast=True),),
    ),
    # --- a pod that is tried again ---
    Row(
        "a run whose pod is tried again comes before older ones",
        QUEUE,
        Slots((start(TRIED_AGAIN),), names(queued(2))),
        waiting=(queued(2), TRIED_AGAIN),
    ),
    Row(
        "before that it is in the way",
        QUEUE,
        Slots(queued=names(queued(2))),
        (TRIED_AGAIN,),
        (queued(2),),
        now=NOW - INSTANT,
    ),
    Row(
        "the older of two that are tried again",
        QUEUE,
        Slots((start(refused(queued(2), NOW)),), names(TRIED_AGAIN)),
        waiting=(TRIED_AGAIN, refused(queued(2), NOW)),
    ),
    Row(
        "one of another task that is tried again",
        QUEUE,
        Slots(queued=names(queued(2))),
        waiting=(queued(2),),
        others=(refused(queued(3, "u"), NOW),),
    ),
    # --- what makes up for the past ---
    Row("it has a slot that is free", FORBID, Slots((start(B),)), waiting=(B,)),
    Row("it is in the way of no time that comes due", FORBID, Slots((launch(9),)), (B_RUNS,), due=(9,)),
    Row("it is in the way of others of its kind", FORBID, Slots(queued=names(B)), (B_RUNS,), (B,)),
    Row("it comes after those that wait", FORBID, Slots((start(M),), names(B)), waiting=(B, M)),
    Row("it comes after the time that is due", FORBID, Slots((launch(9),), names(B)), waiting=(B,), due=(9,)),
    Row("there is room beside others", of(FORBID, 2), Slots((start(M), start(B))), waiting=(B, M)),
    Row("an end of what it comes after makes no room", REPLACE, Slots(queued=names(B)), (canceling(1),), (B,)),
    Row(
        "a slot that another gives up for the time that is due is not for it",
        REPLACE,
        Slots((cancel(M, 9), launch(9, wait=True)), names(B)),
        waiting=(M, B),
        due=(9,),
    ),
    Row("without a limit all start", ALLOW, Slots((start(B),)), (B_RUNS, running(2)), (B,)),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_who_starts_who_waits_and_who_is_skipped(row: Row) -> None:
    view = TaskView(make_task(), (*row.under_way, *row.waiting), others=row.others, orphaned_pods=row.orphaned)
    due = (*(Candidate(at(m)) for m in row.due), *(Candidate(at(m), catching_up=True) for m in row.catching_up))
    assert assign_slots(view, row.waiting, due, row.concurrency, row.now) == row.wanted


PENDING = make_run(at(1), RunPhase.PENDING)


@dataclass(frozen=True)
class Known:
    """A run, its stage, and whether it is in the way of a time that comes due: as a run of the task, and in a group."""

    name: str
    run: RunView
    stage: Stage
    own: bool
    of_group: bool


STAGES = (
    Known("pre-created", pre_created(make_run(at(1))), Stage.PRE_CREATED, False, False),
    Known("nothing is recorded", make_run(at(1)), Stage.UNRECORDED, False, False),
    Known("pending", PENDING, Stage.WAITING, False, True),
    Known("queued", queued(1), Stage.WAITING, False, True),
    Known("its pod is on its way", known_of_pod(PENDING, Creating()), Stage.CREATING, True, True),
    Known("its pod may be there", known_of_pod(PENDING, CreationUnknown()), Stage.CREATION_UNKNOWN, True, True),
    Known("its pod is refused", refused(PENDING, NOW + INSTANT), Stage.REFUSED, True, True),
    Known("its pod is tried again now", refused(PENDING, NOW), Stage.REFUSED, False, True),
    Known("its pod is refused for good", refused(PENDING, NOW, final=True), Stage.REJECTED, False, False),
    Known("its pod has vanished", known_of_pod(PENDING, VANISHED), Stage.VANISHED, True, True),
    Known("its pod is not scheduled", make_run(at(1), RunPhase.PENDING, pod="Pending"), Stage.RUNNING, True, True),
    Known("its pod runs", running(1), Stage.RUNNING, True, True),
    Known("its pod is being stopped", canceling(1), Stage.RUNNING, True, True),
    Known("its pod is lost", make_run(at(1), RunPhase.RUNNING, pod="Failed"), Stage.ATTEMPT_OVER, True, True),
    Known(
        "its last pod is lost",
        make_run(at(1), RunPhase.RUNNING, pod="Failed", retry={"maxLost": 0}),
        Stage.ENDING,
        False,
        False,
    ),
    Known("its pod succeeded", make_run(at(1), RunPhase.RUNNING, pod="Succeeded"), Stage.ENDING, False, False),
    Known("it waits for its retry", make_run(at(1), RunPhase.RETRYING), Stage.BETWEEN_ATTEMPTS, True, True),
    Known("it cannot be used", make_run(at(1), at="tomorrow"), Stage.UNUSABLE, False, False),
)


@pytest.mark.parametrize("known", STAGES, ids=lambda known: str(known.name))
def test_which_runs_are_in_the_way(known: Known) -> None:
    """Of the task's own runs: for which it is not asked at the same time whether they start."""
    assert stage_of(known.run) is known.stage
    own, of_group = TaskView(make_task(), (known.run,)), TaskView(make_task(), (), others=(known.run,))
    for view, in_the_way in ((own, known.own), (of_group, known.of_group)):
        wanted = Slots(skipped=(skip(9, name_of(1)),)) if in_the_way else Slots((launch(9),))
        assert assign_slots(view, (), (Candidate(at(9)),), FORBID, NOW) == wanted


@pytest.mark.parametrize(
    ("run", "wanted"),
    [
        pytest.param(manual("m", 1), True, id="a manual run"),
        pytest.param(make_run(at(1)), False, id="a scheduled run of which nothing is recorded"),
        pytest.param(queued(1), True, id="a scheduled run with a status"),
        pytest.param(make_run(at(1), pod="Pending"), True, id="a scheduled run with a pod"),
    ],
)
def test_whose_turn_is_recorded(run: RunView, wanted: bool) -> None:
    assert is_in_line(run) is wanted
