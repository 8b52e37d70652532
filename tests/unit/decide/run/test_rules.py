"""The rules of a run: what is known of it and the time, which rule decides, and what; and what holds of any run.

Also of a run of which anything may be known.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import event, given, settings
from run_life import (
    NO_JITTER,
    Life,
    annotated,
    at,
    attempt,
    exited,
    invalid_run,
    known_of,
    make_task,
    own_run,
    owned,
    pod,
    recorded,
    refusal,
    run_of_time,
    runs,
    scheduled_run,
    waits,
    with_status,
)
from run_strategies import instants, views
from several_batches import several_batches

from crontask.api.metadata import OwnerReference
from crontask.api.phases import RunPhase
from crontask.api.pod import Container, ContainerStatus
from crontask.api.scheduledrun import Attempt, ScheduledRunStatus
from crontask.api.validate import validate_run
from crontask.decide.decisions import (
    Dropped,
    LookForPod,
    RunAction,
    RunDecisions,
    StartAttempt,
    StopLeftovers,
    StopPod,
)
from crontask.decide.model import STALE, UNUSABLE_RUN
from crontask.decide.pod_state import (
    NOT_MADE,
    VANISHED,
    Creating,
    CreationUnknown,
    PodState,
    Refused,
)
from crontask.decide.refusal import Refusal
from crontask.decide.run.decide import decide_run
from crontask.decide.run.rules import RULES, Rule
from crontask.decide.run.status import attempt_recorded
from crontask.decide.stage import Stage, stage_of
from crontask.decide.views import RunView

MOMENT = 0.000001
Q = RunPhase


def deciding(known: RunView, now: datetime) -> tuple[Rule, RunDecisions]:
    """The first rule of the run's stage that has something to say, and what it says."""
    stage = stage_of(known)
    found = ((rule, rule.decide(known, now)) for rule in RULES if stage in rule.stages)
    return next((rule, decided) for rule, decided in found if decided is not None)


# --- which rule decides ----------------------------------------------------------------------------------------------


_PARENT = {"name": "flow", "uid": "u", "root": "flow", "depth": 1, "key": "u/a", "step": "a"}
PART_OF = known_of(own_run(parent=_PARENT), alone=True, pod=pod(1, 0, runs(1)))


@dataclass(frozen=True)
class Row:
    """What is known of a run at `now`, the rule that decides, the phase then, what is done, and when to look again.

    `reason`: of the end that is recorded, where there is one.
    """

    name: str
    known: RunView
    rule: str
    phase: RunPhase | None = None
    actions: tuple[type[RunAction], ...] = ()
    reason: str | None = None
    wake_at: float | None = None
    now: float = 9


FIRST, OPEN, AHEAD = attempt(1, 0, 5), attempt(1, 0), attempt(1)
CANCEL: dict[str, Any] = {"cancel": True}
STILL: dict[str, Any] = {"retry": NO_JITTER}
AT_MOST_ONCE: dict[str, Any] = {"retry": {"onLost": "Fail"}}
RESERVED = annotated(run_of_time(60), reserved="true")
REFUSED, NEVER, LATER = Refused(refusal(8)), Refused(refusal(final=True)), Refused(refusal(20))
IN_VAIN = Dropped(Q.SKIPPED, "Suspended", "the task is suspended")
RUNS = pod(1, 0, runs(1))
DELETED: dict[str, Any] = {"deletion_timestamp": at(39), "deletion_grace_period_seconds": 30}


def of_phase(phase: RunPhase | None, *attempts: Attempt, pod_state: PodState = NOT_MADE, **spec: Any) -> RunView:
    return known_of(scheduled_run(status=recorded(phase, *attempts), **spec), pod_state=pod_state)


def composed(plan: dict[str, Any] | None = None) -> RunView:
    """A workflow of one step, which has started."""
    steps = [{"name": "a", "container": {"image": "i"}}]
    known = plan if plan is not None else {"handler": {"steps": steps}}
    return known_of(scheduled_run(status=recorded(Q.RUNNING, plan=known, start_time=at(5))))


def retrying(next_at: float | None, *attempts: Attempt, pod_state: PodState = NOT_MADE, **spec: Any) -> RunView:
    status = recorded(Q.RETRYING, *(attempts or (FIRST,)), next_retry_time=at(next_at) if next_at is not None else None)
    return known_of(scheduled_run(status=status, **spec), pod_state=pod_state)


def of_time(watermark: float | None = None, since: float | None = None, **known: Any) -> RunView:
    return known_of(run_of_time(60), with_status(make_task(), since, watermark), **known)


ROWS = (
    # After its end.
    Row("ended", of_phase(Q.FAILED), "after its end", Q.FAILED),
    Row(
        "ended, with a pod that runs",
        known_of(scheduled_run(status=recorded(Q.FAILED)), pod=RUNS),
        "after its end",
        Q.FAILED,
    ),
    # Its spec.
    Row("with a plan", composed(), "composed", Q.RUNNING),
    Row("whose plan nobody can read", composed({}), "composed", Q.FAILED, reason="PlanUnreadable"),
    Row("unusable", known_of(invalid_run(scheduled_run())), "unusable", Q.FAILED, reason="Invalid"),
    Row(
        "unusable, and to be canceled",
        known_of(invalid_run(scheduled_run(status=recorded(Q.CANCELING)))),
        "unusable",
        Q.FAILED,
        reason="Invalid",
    ),
    # Its owner.
    Row(
        "owned by another",
        known_of(owned(scheduled_run(), "Job", "j")),
        "owned by another",
        Q.FAILED,
        reason="OwnedByAnother",
    ),
    Row(
        "owned by another, which is no controller",
        known_of(owned(scheduled_run(), "Job", "j", controller=False)),
        "turn",
    ),
    Row(
        "on its own, and owned by another",
        known_of(owned(own_run(), "Job", "j"), alone=True),
        "turn",
        None,
        (StartAttempt,),
    ),
    Row(
        "owned by another, and its pod is on its way",
        known_of(owned(scheduled_run(), "Job", "j"), pod_state=Creating()),
        "owned by another",
        Q.FAILED,
        reason="OwnedByAnother",
    ),
    Row(
        "owned by another, with a pod",
        known_of(owned(scheduled_run(), "Job", "j"), pod=RUNS),
        "under way",
        Q.RUNNING,
        wake_at=None,
    ),
    # Its first pod is on its way.
    Row("on its way", known_of(pod_state=Creating()), "being started"),
    Row("on its way, and to be canceled", known_of(scheduled_run(**CANCEL), pod_state=Creating()), "being started"),
    Row("on its way again", retrying(7, pod_state=Creating()), "being started", Q.RETRYING),
    Row("unknown", known_of(pod_state=CreationUnknown()), "being started", None, (StartAttempt,)),
    Row(
        "unknown, at most once",
        known_of(scheduled_run(**AT_MOST_ONCE), pod_state=CreationUnknown()),
        "being started",
        None,
        (LookForPod,),
    ),
    Row(
        "unknown, and to be canceled",
        known_of(scheduled_run(**CANCEL), pod_state=CreationUnknown()),
        "being started",
        None,
        (LookForPod,),
    ),
    Row(
        "unknown, and dropped",
        known_of(pod_state=CreationUnknown(), dropped=IN_VAIN),
        "being started",
        None,
        (LookForPod,),
    ),
    Row(
        "unknown, by an answer that refused it",
        known_of(pod_state=CreationUnknown(refusal(8))),
        "being started",
        None,
        (LookForPod,),
    ),
    Row(
        "unknown, and hindered",
        known_of(scheduled_run(suspend=True), pod_state=CreationUnknown()),
        "being started",
        None,
        (LookForPod,),
    ),
    Row(
        "unknown between attempts",
        retrying(7, pod_state=CreationUnknown()),
        "being started",
        Q.RETRYING,
        (StartAttempt,),
    ),
    # Refused for good.
    Row("never taken", known_of(pod_state=NEVER), "refused", Q.FAILED, reason="PodRejected"),
    Row(
        "never taken, and to be canceled",
        known_of(scheduled_run(**CANCEL), pod_state=NEVER),
        "refused",
        Q.FAILED,
        reason="PodRejected",
    ),
    Row(
        "never taken, and an attempt open",
        of_phase(Q.RUNNING, AHEAD, pod_state=NEVER),
        "refused",
        Q.FAILED,
        reason="PodRejected",
    ),
    # Gone.
    Row(
        "gone before it was recorded",
        known_of(scheduled_run(**STILL), pod_state=VANISHED),
        "pod vanished",
        Q.RETRYING,
        wake_at=10,
    ),
    Row(
        "gone, and none is left",
        known_of(scheduled_run(**AT_MOST_ONCE), pod_state=VANISHED),
        "pod vanished",
        Q.FAILED,
        reason="PodLost",
    ),
    Row("gone, and an attempt is open", of_phase(Q.RUNNING, OPEN, **STILL), "pod vanished", Q.RETRYING, wake_at=10),
    Row(
        "gone, and its name is recorded",
        known_of(scheduled_run(status=ScheduledRunStatus(phase=Q.RUNNING, pod_name="r-1"), **STILL)),
        "pod vanished",
        Q.RETRYING,
        wake_at=10,
    ),
    Row(
        "gone, of an attempt that was recorded ahead",
        of_phase(Q.RUNNING, AHEAD, **STILL),
        "pod vanished",
        Q.RETRYING,
        wake_at=10,
    ),
    # It was seen: that the API server refused it since does not bring it back.
    Row(
        "gone, and refused since",
        of_phase(Q.RUNNING, OPEN, pod_state=REFUSED, **STILL),
        "pod vanished",
        Q.RETRYING,
        wake_at=10,
    ),
    Row("gone, and being canceled", of_phase(Q.CANCELING, OPEN), "pod vanished", Q.CANCELED, reason="Canceled"),
    Row(
        "gone, and to be canceled, which is not recorded",
        of_phase(Q.RUNNING, OPEN, **CANCEL),
        "pod vanished",
        Q.FAILED,
        reason="PodLost",
    ),
    Row(
        "gone, of an attempt that took too long",
        of_phase(Q.RUNNING, attempt(1, 0, reason="TimedOut")),
        "pod vanished",
        Q.TIMED_OUT,
        reason="TimedOut",
    ),
    # To be canceled.
    Row("to be canceled", known_of(scheduled_run(**CANCEL)), "canceled before start", Q.CANCELED, reason="Canceled"),
    Row(
        "to be canceled, of a time",
        known_of(run_of_time(60, **CANCEL)),
        "canceled before start",
        Q.CANCELED,
        reason="Canceled",
    ),
    Row(
        "to be canceled, and refused",
        known_of(scheduled_run(**CANCEL), pod_state=LATER),
        "canceled before start",
        Q.CANCELED,
        reason="Canceled",
    ),
    Row(
        "to be canceled between attempts",
        retrying(20, **CANCEL),
        "canceled before start",
        Q.CANCELED,
        reason="Canceled",
    ),
    Row(
        "to be canceled, and dropped",
        known_of(scheduled_run(**CANCEL), dropped=IN_VAIN),
        "canceled before start",
        Q.CANCELED,
        reason="Canceled",
    ),
    Row("canceling without an attempt", of_phase(Q.CANCELING), "canceled before start", Q.CANCELED, reason="Canceled"),
    # Its time is still to come.
    Row("pre-created", known_of(RESERVED), "pre created"),
    Row("pre-created, and dropped", known_of(RESERVED, dropped=IN_VAIN), "pre created"),
    # Its task's decision.
    Row("dropped", known_of(dropped=IN_VAIN), "dropped", Q.SKIPPED, reason="Suspended"),
    Row(
        "dropped, as missed",
        known_of(dropped=replace(IN_VAIN, phase=Q.MISSED)),
        "dropped",
        Q.MISSED,
        reason="Suspended",
    ),
    Row(
        "dropped, and held back",
        known_of(scheduled_run(suspend=True), dropped=IN_VAIN),
        "dropped",
        Q.SKIPPED,
        reason="Suspended",
    ),
    Row("dropped, and refused", known_of(pod_state=LATER, dropped=IN_VAIN), "dropped", Q.SKIPPED, reason="Suspended"),
    Row(
        "dropped, and between attempts", replace(retrying(20), dropped=IN_VAIN), "next attempt", Q.RETRYING, wake_at=20
    ),
    Row(
        "dropped, and of a time that is decided", of_time(60, dropped=IN_VAIN), "dropped", Q.SKIPPED, reason="Suspended"
    ),
    # Its time was decided otherwise.
    Row("of the watermark", of_time(60), "stale", Q.SKIPPED, reason=STALE),
    Row("of a time before the watermark", of_time(61), "stale", Q.SKIPPED, reason=STALE),
    Row("of a time after the watermark", of_time(59), "turn", now=60),
    Row("of the time since when its timing counts", of_time(None, 60), "stale", Q.SKIPPED, reason=STALE),
    Row("of a time before its timing counts", of_time(None, 61), "stale", Q.SKIPPED, reason=STALE),
    Row("of a time after its timing counts", of_time(None, 59), "turn", now=60),
    Row("of a time between the two", of_time(59, 60), "stale", Q.SKIPPED, reason=STALE),
    Row("of a time, without watermark and timing", of_time(), "turn", now=60),
    Row("of a time to come, and edited", of_time(), "hindered", Q.PENDING, wake_at=60),
    Row("of the watermark, and refused", of_time(60, pod_state=LATER), "stale", Q.SKIPPED, reason=STALE),
    Row(
        "of the watermark, and recorded",
        known_of(run_of_time(60, None, recorded(Q.PENDING)), with_status(make_task(), None, 60)),
        "turn",
        Q.PENDING,
        now=60,
    ),
    Row("of the watermark, without its task", known_of(run_of_time(60), alone=True), "hindered", Q.PENDING),
    Row("manual, before the watermark", known_of(task=with_status(make_task(), None, 60)), "turn"),
    # Hindered.
    Row("held back", known_of(scheduled_run(suspend=True)), "hindered", Q.PENDING),
    Row(
        "a duplicate",
        known_of(same_key=(scheduled_run("a", status=recorded(Q.RUNNING, OPEN)),)),
        "hindered",
        Q.SKIPPED,
        reason="Duplicate",
    ),
    Row("not due", known_of(scheduled_run(delay="30s")), "hindered", Q.PENDING, wake_at=30),
    Row("no task, between attempts", replace(retrying(20), task=None), "hindered", Q.RETRYING),
    Row(
        "no time left, between attempts",
        known_of(scheduled_run(status=recorded(Q.RETRYING, FIRST, start_time=at(0)), totalTimeout="9s")),
        "hindered",
        Q.TIMED_OUT,
        reason="TotalTimeout",
    ),
    Row(
        "refused for too long",
        known_of(scheduled_run(startTimeout="5s"), pod_state=REFUSED),
        "hindered",
        Q.FAILED,
        reason="PodRejected",
    ),
    Row(
        "refused for too long, and another follows",
        known_of(scheduled_run(startTimeout="5s", retry={"limit": 1, **NO_JITTER}), pod_state=REFUSED),
        "hindered",
        Q.RETRYING,
        wake_at=10,
    ),
    Row(
        "refused, and hindered until then",
        known_of(own_run(), pod_state=LATER, alone=True),
        "hindered",
        Q.PENDING,
        wake_at=20,
    ),
    # Between attempts.
    Row("a moment before the next one", retrying(9 + MOMENT), "next attempt", Q.RETRYING, wake_at=9 + MOMENT),
    Row("at the next one", retrying(9), "next attempt", Q.RETRYING, (StartAttempt,)),
    Row("a moment after the next one", retrying(9 - MOMENT), "next attempt", Q.RETRYING, (StartAttempt,)),
    Row(
        "the whole run is over before the next one",
        known_of(
            scheduled_run(
                status=recorded(Q.RETRYING, FIRST, start_time=at(0), next_retry_time=at(15)),
                totalTimeout="12s",
                retry={"initial": "10s"},
            )
        ),
        "next attempt",
        Q.RETRYING,
        wake_at=12,
    ),
    Row(
        "the next one is refused, and tried again",
        retrying(20, pod_state=REFUSED),
        "next attempt",
        Q.RETRYING,
        (StartAttempt,),
    ),
    Row("the next one is refused", retrying(7, pod_state=LATER), "hindered", Q.RETRYING, wake_at=20),
    Row(
        "one was recorded ahead, refused, and is tried again",
        of_phase(Q.RUNNING, AHEAD, pod_state=REFUSED),
        "next attempt",
        Q.RUNNING,
        (StartAttempt,),
    ),
    # Its turn.
    Row("nothing is known", known_of(), "turn"),
    Row("on its own", known_of(own_run(), alone=True), "turn", None, (StartAttempt,)),
    Row(
        "on its own, and tried again", known_of(own_run(), pod_state=REFUSED, alone=True), "turn", None, (StartAttempt,)
    ),
    Row("queued", known_of(queued=True), "turn", Q.QUEUED),
    Row("queued, and refused before", known_of(queued=True, pod_state=REFUSED), "turn", Q.QUEUED, wake_at=4 + 900),
    Row("not queued, and refused before", known_of(pod_state=REFUSED), "turn", None, wake_at=4 + 900),
    Row(
        "queued, and its turn can never come",
        known_of(queued=True, deadlocked_by=("a", "b")),
        "turn",
        Q.FAILED,
        reason="WouldDeadlock",
    ),
    Row("not queued, whoever holds the slots", known_of(deadlocked_by=("a", "b")), "turn"),
    # Its pod has ended.
    Row("succeeded", known_of(pod=pod(1, 0, exited(5, 0))), "finished", Q.SUCCEEDED, reason="Completed"),
    Row(
        "succeeded in part",
        known_of(pod=pod(1, 0, exited(5, 0, '{"status": "partial"}'))),
        "finished",
        Q.PARTIAL,
        reason="Completed",
    ),
    Row("failed", known_of(pod=pod(1, 0, exited(5, 1))), "finished", Q.FAILED, reason="Error"),
    Row(
        "failed, and another follows",
        known_of(scheduled_run(retry={"limit": 1, "initial": "5s", **NO_JITTER}), pod=pod(1, 0, exited(5, 1))),
        "finished",
        Q.RETRYING,
        wake_at=11,
    ),
    Row(
        "ended, and to be canceled",
        known_of(scheduled_run(**CANCEL), pod=pod(1, 0, exited(5, 0))),
        "finished",
        Q.SUCCEEDED,
        reason="Completed",
    ),
    # Its pod runs.
    Row("to be canceled, with a pod", known_of(scheduled_run(**CANCEL), pod=RUNS), "cancel", Q.CANCELING),
    Row(
        "to be canceled, as it takes too long",
        known_of(scheduled_run(timeout="1s", **CANCEL), pod=RUNS),
        "cancel",
        Q.CANCELING,
    ),
    Row(
        "being canceled",
        known_of(scheduled_run(status=recorded(Q.CANCELING)), pod=RUNS),
        "cancel",
        Q.CANCELING,
        (StopPod,),
    ),
    Row("it takes too long", known_of(scheduled_run(timeout="8s"), pod=RUNS), "timeout", Q.RUNNING),
    Row(
        "it will take too long in a moment",
        known_of(scheduled_run(timeout="9s"), pod=RUNS),
        "under way",
        Q.RUNNING,
        wake_at=10,
    ),
    Row(
        "it took too long, which is recorded",
        known_of(scheduled_run(status=recorded(Q.RUNNING, attempt(1, 0, reason="TimedOut"))), pod=RUNS),
        "timeout",
        Q.RUNNING,
        (StopPod,),
    ),
    Row(
        "it takes too long, and somebody deletes it",
        known_of(scheduled_run(timeout="1s"), pod=pod(1, 0, runs(1), metadata=DELETED)),
        "under way",
        Q.RUNNING,
    ),
    Row("a part that has just begun", PART_OF, "under way", None, wake_at=2, now=2 - MOMENT),
    Row("a part that goes on", PART_OF, "under way", Q.RUNNING, now=2),
    Row("its run pauses", several_batches(pod(1, 0, runs(1))), "pause", Q.RUNNING),
    Row("its run goes on", several_batches(pod(1, 0, runs(1)), paused=False), "under way", Q.RUNNING),
    Row("its run pauses; it has not begun", several_batches(pod(1, 0, waits())), "under way", Q.RUNNING, wake_at=900),
    Row("its run pauses, and it does one batch", several_batches(RUNS, reuse=False), "under way", Q.RUNNING),
    Row(
        "its run pauses, and somebody deletes it",
        several_batches(pod(1, 0, runs(1), metadata=DELETED)),
        *("under way", Q.RUNNING),
    ),
    Row(
        "its run pauses, which is recorded",
        several_batches(RUNS, attempt(1, 0, reason="Paused")),
        *("timeout", Q.RUNNING, (StopPod,)),
    ),
    Row(
        "its run paused, and goes on before it has ended",
        several_batches(RUNS, attempt(1, 0, reason="Paused"), paused=False),
        *("timeout", Q.RUNNING, (StopPod,)),
    ),
    Row("it waits", known_of(pod=pod(1, 0, waits("ErrImagePull"))), "under way", Q.RUNNING, wake_at=900),
    Row("it runs", known_of(pod=RUNS), "under way", Q.RUNNING),
    Row(
        "its spec cannot be used, and it runs", known_of(invalid_run(scheduled_run()), pod=RUNS), "under way", Q.RUNNING
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_which_rule_decides_and_what(row: Row) -> None:
    rule, decided = deciding(row.known, at(row.now))
    assert rule.name == row.rule
    assert decide_run(row.known, at(row.now)) == decided
    assert decided.status.phase is row.phase
    assert row.phase in (row.known.run.status.phase, *rule.leads_to)
    assert tuple(map(type, decided.actions)) == row.actions
    assert decided.wake_at == (at(row.wake_at) if row.wake_at is not None else None)
    assert [condition.reason for condition in decided.status.conditions] == ([row.reason] if row.reason else [])


def test_each_rule_and_each_stage_has_a_row() -> None:
    assert {row.rule for row in ROWS} == {rule.name for rule in RULES}
    assert {stage_of(row.known) for row in ROWS} == set(Stage)


def test_each_stage_has_rules_and_each_rule_has_stages() -> None:
    assert all(any(stage in rule.stages for rule in RULES) for stage in Stage)
    assert all(rule.stages for rule in RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (known_of(invalid_run(scheduled_run())), "spec.at: is no time; write one; spec.delay: is no duration"),
        (
            known_of(owned(scheduled_run(), "Job", "j")),
            "its controller is Job mine, but a run of CronTask t is the task's; "
            "write an owner reference without controller",
        ),
        (known_of(pod_state=NEVER), "exceeded quota"),
        (known_of(scheduled_run(**AT_MOST_ONCE), pod_state=VANISHED), "pod r-1 is gone and nobody saw its end"),
        (known_of(dropped=IN_VAIN), "the task is suspended"),
        (of_time(60), "its time had been decided otherwise"),
        (known_of(queued=True), "waits for its turn"),
        (replace(retrying(20), task=None), "waits for CronTask t, which does not exist"),
        (known_of(pod=pod(1, 0, runs(1), metadata=DELETED)), "its pod is being deleted by somebody else"),
        (known_of(pod=pod(1, 0, waits("ErrImagePull"))), "container main does not start: ImagePullBackOff"),
    ],
)
def test_what_is_said(known: RunView, message: str) -> None:
    assert decide_run(known, at(9)).status.message == message


def test_the_attempt_that_is_started_is_the_expected_one() -> None:
    for known, number in (
        (known_of(own_run(), alone=True), 1),
        (retrying(9), 2),
        (retrying(9, FIRST, attempt(2, 6, 7)), 3),
        (of_phase(Q.RUNNING, FIRST, attempt(2), pod_state=REFUSED), 2),
        (retrying(7, pod_state=CreationUnknown()), 2),
    ):
        assert decide_run(known, at(9)).actions == (StartAttempt(known.run, number),)


def test_leftovers_are_stopped_before_the_end_is_recorded() -> None:
    beside = {"containers": (Container("main"), Container("side"))}
    statuses = (ContainerStatus("main", exited(5, 0)), ContainerStatus("side", runs(1)))
    left = pod(1, 0, container_statuses=statuses, spec=beside)
    assert decide_run(known_of(pod=left), at(9)).before == (StopLeftovers(left),)
    assert decide_run(known_of(pod=pod(1, 0, exited(5, 0))), at(9)).before == ()


# --- of any run ------------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(views(), instants())
def test_whatever_is_known_a_rule_of_the_stage_decides_and_leads_where_it_says(known: RunView, now: datetime) -> None:
    decided = decide_run(known, now)
    stage, before = stage_of(known), known.run.status.phase
    rule, _ = deciding(known, now)
    event(stage.name)
    assert stage in rule.stages
    assert decided.status.phase in (before, *rule.leads_to), (stage, rule.name)
    # What has ended stays ended, as it was.
    assert not known.run.ended or decided.status.phase is before


# --- in a run's life -------------------------------------------------------------------------------------------------


def test_at_most_once_an_attempt_that_was_recorded_and_has_no_pod_is_not_repeated() -> None:
    life = Life(scheduled_run(retry={"limit": 5, "onLost": "Fail"}))
    recorded = attempt_recorded(RunView(life.run, life.task))
    life.run = replace(life.run, status=recorded)
    assert [(a.number, a.start_time) for a in recorded.attempts] == [(1, None)]
    unchanged = decide_run(RunView(life.run, life.task, Creating()), at(1))
    assert (unchanged.status, unchanged.actions) == (recorded, ())
    # Refused for sure: it may be tried again.
    refused = Refusal("PodRejected", "quota", False, at(2), at(1))
    assert life.decide(1, pod_state=Refused(refused)).wake_at == at(2)
    assert [a.number for a in life.decide(2, pod_state=Refused(refused)).actions if isinstance(a, StartAttempt)] == [1]
    life.decide(3)
    assert (life.phase, life.status.conditions[0].reason) == (RunPhase.FAILED, "PodLost")


@pytest.mark.parametrize(
    ("spec", "action"),
    [({}, StartAttempt), ({"retry": {"onLost": "Fail"}}, LookForPod), ({"cancel": True}, LookForPod)],
)
def test_whether_a_pod_was_made_is_found_out_before_all_else(spec: dict[str, Any], action: type) -> None:
    """The answer to its creation was lost."""
    decided = Life(scheduled_run(**spec)).decide(1, pod_state=CreationUnknown())
    assert [type(found) for found in decided.actions] == [action]


WEBHOOK = Refusal("PodRejected", "failed calling webhook", False, at(4), at(1))


DROPPED = Dropped(RunPhase.SKIPPED, "Suspended", "dropped")


@pytest.mark.parametrize(
    ("unknown", "then", "known", "phase"),
    [
        (CreationUnknown(WEBHOOK), Refused(WEBHOOK), {}, RunPhase.PENDING),
        (CreationUnknown(), NOT_MADE, {"dropped": DROPPED}, RunPhase.SKIPPED),
    ],
    ids=["it was refused", "it is not to start any more"],
)
def test_a_pod_that_may_be_there_is_looked_for_where_it_is_not_to_be_made_now(
    unknown: PodState, then: PodState, known: dict[str, Any], phase: RunPhase
) -> None:
    life = Life()
    assert life.decide(1, pod_state=unknown, **known).actions == (LookForPod(life.run),)
    assert life.decide(2, pod_state=then, **known).actions == ()
    assert life.phase == phase


@pytest.mark.parametrize(
    ("kind", "controller", "named", "phase"),
    [
        ("Deployment", True, True, RunPhase.FAILED),
        ("Deployment", None, True, None),
        ("Deployment", True, False, None),
        # Of a task that was there before: it goes with that one.
        ("CronTask", True, True, None),
    ],
)
def test_a_run_of_a_task_with_another_controller_says_so(
    kind: str, controller: bool | None, named: bool, phase: RunPhase | None
) -> None:
    owner = OwnerReference(api_version="v", kind=kind, name="mine", uid="other", controller=controller)
    run = scheduled_run()
    life = Life(replace(run, meta=run.meta.model_copy(update={"owner_references": (owner,)})))
    if not named:
        spec, _ = validate_run({"handler": {"container": {"image": "i"}}})
        life.run = replace(life.run, spec=spec or UNUSABLE_RUN)
    life.decide(0)
    assert life.phase is phase
    if phase is not None:
        assert life.status.conditions[0].reason == "OwnedByAnother"
        assert "its controller is Deployment mine" in (life.status.message or "")
