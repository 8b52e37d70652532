"""The rules of a run: what is known of it and the time, which rule decides, and what; and what holds of any run.

Also of a run of which anything may be known.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from run_life import (
    NO_JITTER,
    Life,
    annotated,
    asked_to_stop,
    at,
    attempt,
    caused,
    exited,
    invalid_run,
    invalid_task,
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
    stopped,
    waits,
    with_status,
)

from crontask.api.metadata import OwnerReference
from crontask.api.pod import Container, ContainerState, ContainerStatus, Pod, PodCondition
from crontask.api.scheduledrun import Attempt, RunPhase, ScheduledRunStatus
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
from crontask.decide.model import STALE, UNUSABLE_RUN, CronTask, ScheduledRun
from crontask.decide.pod_state import (
    NOT_MADE,
    VANISHED,
    Creating,
    CreationUnknown,
    PodRefusal,
    PodState,
    Present,
    Refused,
)
from crontask.decide.run.decide import decide_run
from crontask.decide.run.rules import RULES, Rule
from crontask.decide.run.status import attempt_recorded
from crontask.decide.stage import Stage, stage_of
from crontask.decide.views import RunRefusal, RunView

MOMENT = 0.000001
Q = RunPhase


def deciding(known: RunView, now: datetime) -> tuple[Rule, RunDecisions]:
    """The first rule of the run's stage that has something to say, and what it says."""
    stage = stage_of(known)
    found = ((rule, rule.decide(known, now)) for rule in RULES if stage in rule.stages)
    return next((rule, decided) for rule, decided in found if decided is not None)


# --- which rule decides ----------------------------------------------------------------------------------------------


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
    Row("by hand, before the watermark", known_of(task=with_status(make_task(), None, 60)), "turn"),
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

SECONDS = st.sampled_from((-(10**7), -3600, -61, -60, -1, -MOMENT, 0, MOMENT, 1, 5, 10, 12, 60, 900, 3600, 10**7))
DURATIONS = st.sampled_from(("1s", "10s", "1m", "15m", "3660d"))
CODES = st.sampled_from((0, 1, 3, 137, 143))
TEXTS = st.sampled_from(
    ("", "done", '{"status": "partial"}', '{"status": "failed"}', '{"cut', '{"result": 3, "resultTruncated": true}')
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


RETRIES = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.sampled_from((0, 1, 2, 100)),
        "initial": DURATIONS,
        "max": DURATIONS,
        "factor": st.sampled_from((1, 2, 10)),
        "jitterPercent": st.sampled_from((0, 10, 100)),
        "maxLost": st.sampled_from((0, 1, 3)),
        "onLost": st.sampled_from(("Retry", "Fail")),
        "nonRetryableExitCodes": st.just([3]),
    },
)
LIMITS: dict[str, st.SearchStrategy[Any]] = {
    "timeout": DURATIONS,
    "startTimeout": DURATIONS,
    "totalTimeout": DURATIONS,
    "ttlAfterFinished": DURATIONS,
    "retry": RETRIES,
    "args": st.sampled_from(({}, {"a": 1})),
}


NOT_ENDED = tuple(phase for phase in RunPhase if not phase.terminal)


def instants() -> st.SearchStrategy[datetime]:
    return SECONDS.map(at)


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    spec: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                **LIMITS,
                "cancel": st.booleans(),
                "cancelReason": st.just("enough"),
                "suspend": st.booleans(),
                "allowPast": st.booleans(),
                "idempotencyKey": st.just("k"),
                "onComplete": st.just({"taskRef": {"name": "report"}}),
            },
        )
    )
    when = draw(st.sampled_from(("now", "at", "delay")))
    if when == "at":
        spec["at"] = draw(instants()).isoformat()
    elif when == "delay":
        spec["delay"] = draw(DURATIONS)
    return spec


@st.composite
def attempts(draw: st.DrawFn) -> tuple[Attempt, ...]:
    first, count = draw(st.integers(1, 3)), draw(st.sampled_from((0, 0, 1, 2)))
    reasons = st.sampled_from((None, "Error", "TimedOut", "StartTimeout", "TotalTimeout", "Canceled", "PodLost"))
    return tuple(
        Attempt(
            number=first + n,
            pod=f"r-{first + n}",
            start_time=draw(maybe(instants())),
            completion_time=draw(maybe(instants())),
            reason=draw(reasons),
        )
        for n in range(count)
    )


def statuses() -> st.SearchStrategy[ScheduledRunStatus]:
    return st.builds(
        ScheduledRunStatus,
        phase=st.sampled_from((None, None, None, *NOT_ENDED, *RunPhase)),
        attempts=attempts(),
        lost_attempts=st.integers(0, 4),
        start_time=maybe(instants()),
        completion_time=maybe(instants()),
        next_retry_time=maybe(instants()),
        pod_name=st.sampled_from((None, "r-1", "r-2")),
        message=st.sampled_from((None, "before")),
    )


@st.composite
def tasks(draw: st.DrawFn) -> CronTask:
    optional = {
        **LIMITS,
        "argsSchema": st.just({"required": ["a"]}),
        "resultSchema": st.just({"type": "object"}),
        "suspend": st.booleans(),
        "after": st.just({"task": "x", "on": "Finished"}),
    }
    spec: dict[str, Any] = draw(st.fixed_dictionaries({}, optional=optional))
    if "after" in spec:
        # What starts by itself has args that fit.
        spec["args"] = {"a": 1}
    task = with_status(make_task(**spec), draw(maybe(SECONDS)), draw(maybe(SECONDS)))
    if draw(st.booleans()):
        task = replace(task, meta=task.meta.model_copy(update={"uid": "another"}))
    return invalid_task(task) if draw(st.integers(0, 4)) == 0 else task


@st.composite
def any_run(draw: st.DrawFn, name: str = "r") -> ScheduledRun:
    spec, status, created = draw(specs()), draw(statuses()), draw(SECONDS)
    kind = draw(st.sampled_from(("manual", "own", "time", "time")))
    if kind == "own":
        run = own_run(name, created, status, **spec)
    elif kind == "manual":
        run = scheduled_run(name, created, status, **spec)
    else:
        run = run_of_time(draw(st.integers(-60, 60)), created, status, **spec)
    run = draw(
        st.sampled_from(
            (
                run,
                annotated(run, reserved="true"),
                annotated(run, replaced_by="newer", catch_up="true"),
                caused(run, 1),
                caused(run, 16),
                owned(run, "Job", "j"),
                owned(run, "CronTask", "earlier"),
                owned(run, "CronTask", "t", controller=None),
            )
        )
    )
    return invalid_run(run) if draw(st.integers(0, 9)) == 0 else run


def states() -> st.SearchStrategy[ContainerState]:
    return st.one_of(
        st.just(ContainerState()),
        st.sampled_from(("ContainerCreating", "ErrImagePull", "CrashLoopBackOff")).map(waits),
        SECONDS.map(runs),
        st.builds(exited, SECONDS, CODES, TEXTS),
    )


@st.composite
def any_pod(draw: st.DrawFn) -> Pod:
    status: dict[str, Any] = {
        "phase": draw(st.sampled_from(("", "Pending", "Running", "Succeeded", "Failed"))),
        "reason": draw(st.sampled_from(("", "Evicted", "DeadlineExceeded"))),
        "start_time": draw(maybe(instants())),
        "container_statuses": tuple(
            ContainerStatus(name, draw(states())) for name in draw(st.sampled_from(((), ("main",), ("main", "side"))))
        ),
        "init_container_statuses": tuple(
            ContainerStatus(name, draw(states()), draw(st.integers(0, 2)))
            for name in draw(st.sampled_from(((), ("setup",), ("setup", "proxy"))))
        ),
        "conditions": draw(
            st.sampled_from(
                (
                    (),
                    (PodCondition("DisruptionTarget", "True", "EvictionByEvictionAPI", "", at(5)),),
                    (PodCondition("PodScheduled", "False", "Unschedulable", "0/1 nodes are available: 1 Odd."),),
                )
            )
        ),
    }
    spec: dict[str, Any] = {
        "containers": draw(st.sampled_from(((Container("main"),), (Container("main"), Container("side"))))),
        "init_containers": (Container("setup"), Container("proxy", "Always")),
        "active_deadline_seconds": draw(st.sampled_from((None, 1, 900))),
        "termination_grace_period_seconds": draw(st.sampled_from((None, 0, 3600))),
        "node_name": draw(st.sampled_from(("", "n1"))),
    }
    metadata: dict[str, Any] = {"annotations": {}}
    why = draw(st.sampled_from((None, "Canceled", "Replaced", "TimedOut", "Ended", "Odd")))
    if why is not None:
        metadata["annotations"] = asked_to_stop(draw(SECONDS), why)["metadata"]["annotations"]
    if draw(st.integers(0, 3)) == 0:
        metadata |= {"deletion_timestamp": draw(instants()), "deletion_grace_period_seconds": draw(maybe(st.just(30)))}
    if draw(st.integers(0, 3)) == 0:
        status |= stopped(draw(SECONDS), draw(CODES))
    return pod(draw(st.integers(1, 3)), draw(SECONDS), metadata=metadata, spec=spec, **status)


def refusals() -> st.SearchStrategy[PodRefusal]:
    return st.builds(
        lambda retry_at, since, final: refusal(retry_at, since, final=final), SECONDS, SECONDS, st.booleans()
    )


def pod_states() -> st.SearchStrategy[PodState]:
    return st.one_of(
        st.just(NOT_MADE),
        st.just(VANISHED),
        refusals().map(Refused),
        maybe(refusals()).map(Creating),
        maybe(refusals()).map(CreationUnknown),
        any_pod().map(Present),
        any_pod().map(Present),
    )


def views() -> st.SearchStrategy[RunView]:
    return st.builds(
        RunView,
        any_run(),
        maybe(tasks()),
        pod_states(),
        queued=st.booleans(),
        dropped=st.sampled_from((None, None, IN_VAIN, replace(IN_VAIN, phase=Q.MISSED))),
        dependents=st.lists(tasks(), max_size=1).map(tuple),
        on_complete=maybe(tasks()),
        same_key=st.lists(any_run("a"), max_size=1).map(tuple),
        claimed=st.booleans(),
        follow_up_refusal=st.sampled_from((None, RunRefusal("next", "exceeded quota", at(10), 1))),
    )


@settings(deadline=None, max_examples=200)
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
    refused = PodRefusal("PodRejected", "quota", False, at(2), at(1))
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


WEBHOOK = PodRefusal("PodRejected", "failed calling webhook", False, at(4), at(1))


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
