"""A run's life as tables: what its pods did, and what should be decided, attempt after attempt."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from run_life import NO_JITTER, START, Life, asked_to_stop, at, exited, make_task, pod, runs, scheduled_run, stopped

from crontask.api.metadata import OwnerReference
from crontask.api.names import ANNOTATION_TRIGGER
from crontask.api.pod import (
    ContainerState,
    PodCondition,
    Waiting,
)
from crontask.api.policies import Retry
from crontask.api.scheduledrun import Origin, RunPhase
from crontask.api.trigger import Trigger, trigger_json
from crontask.api.validate import validate_run
from crontask.decide.decisions import DeletePod, Dropped, LookForPod, RemoveRun, StartAttempt, StopPod
from crontask.decide.model import UNUSABLE_RUN
from crontask.decide.pod_state import NOT_MADE, VANISHED, Creating, CreationUnknown, PodRefusal, PodState, Refused
from crontask.decide.retry import pause_after
from crontask.decide.run.decide import decide_run
from crontask.decide.run.status import attempt_recorded
from crontask.decide.views import RunView

# --- retries ---------------------------------------------------------------------------------------------------------


def test_a_failed_attempt_is_followed_after_a_pause_that_grows() -> None:
    life = Life(scheduled_run(retry={"limit": 2, **NO_JITTER}))
    pauses = []
    for number, created in ((1, 0), (2, 10), (3, 20)):
        decided = life.fails(number, created, created + 5)
        if number < 3:
            assert life.phase == RunPhase.RETRYING
            assert life.status.next_retry_time == decided.wake_at
            assert decided.wake_at is not None
            pauses.append((decided.wake_at - at(created + 5)).total_seconds())
            assert life.decide(created + 5.5).actions == ()
            again = life.decide(created + 9)
            assert [(type(a), a.number) for a in again.actions if isinstance(a, StartAttempt)] == [
                (StartAttempt, number + 1)
            ]
    assert pauses == [1, 2]
    assert life.phase == RunPhase.FAILED
    assert [a.number for a in life.status.attempts] == [1, 2, 3]
    assert [a.exit_code for a in life.status.attempts] == [1, 1, 1]
    assert life.status.next_retry_time is None
    assert [(c.type, c.reason) for c in life.status.conditions] == [("Failed", "Error")]


def test_a_success_after_a_failure_is_a_success() -> None:
    life = Life(scheduled_run(retry={"limit": 1}))
    life.fails(1, 0, 5)
    life.decide(7, pod(2, 7))
    assert (life.phase, life.status.pod_name) == (RunPhase.RUNNING, "r-2")
    assert life.status.start_time == at(0)
    life.decide(9, pod(2, 7, exited(9, 0)))
    assert life.phase == RunPhase.SUCCEEDED
    assert [a.reason for a in life.status.attempts] == ["Error", "Completed"]
    assert life.status.duration == "9s"


@pytest.mark.parametrize(
    ("retry", "end", "phase"),
    [
        ({}, {}, RunPhase.FAILED),
        ({"limit": 1}, {}, RunPhase.RETRYING),
        ({"limit": 1, "nonRetryableExitCodes": [1]}, {}, RunPhase.FAILED),
        ({"limit": 1, "nonRetryableExitCodes": [2]}, {}, RunPhase.RETRYING),
        ({"limit": 1, "onLost": "Fail"}, {}, RunPhase.RETRYING),
    ],
)
def test_whether_another_attempt_follows(retry: dict[str, Any], end: dict[str, Any], phase: RunPhase) -> None:
    life = Life(scheduled_run(retry=retry))
    life.fails(1, 0, 5, **end)
    assert life.phase == phase


def test_a_run_s_own_policy_goes_before_its_task_s() -> None:
    life = Life(scheduled_run(retry={"limit": 0}), make_task(retry={"limit": 5}))
    life.fails(1, 0, 5)
    assert life.phase == RunPhase.FAILED
    life = Life(scheduled_run(), make_task(retry={"limit": 5}))
    life.fails(1, 0, 5)
    assert life.phase == RunPhase.RETRYING


def test_what_a_container_reports_as_failed_is_tried_again_and_a_partial_success_is_not() -> None:
    for report, phase in (("failed", RunPhase.RETRYING), ("partial", RunPhase.PARTIAL)):
        life = Life(scheduled_run(retry={"limit": 1}))
        life.decide(1, pod(1, 0))
        life.decide(5, pod(1, 0, exited(5, 0, f'{{"status": "{report}"}}')))
        assert life.phase == phase


def test_pauses_are_bounded_and_vary_by_the_share_that_is_asked_for() -> None:
    retry = Retry.model_validate({"initial": "10s", "max": "1m", "jitterPercent": 20})
    pauses = {uid: pause_after(retry, 1, uid).total_seconds() for uid in map(str, range(500))}
    assert 8 <= min(pauses.values()) < 8.2
    assert 11.8 < max(pauses.values()) <= 12
    assert pauses == {uid: pause_after(retry, 1, uid).total_seconds() for uid in map(str, range(500))}
    bare = Retry.model_validate({"initial": "1s", "factor": 10, "max": "5m", **NO_JITTER})
    assert [pause_after(bare, n, "r").total_seconds() for n in (1, 2, 3, 4, 100)] == [1, 10, 100, 300, 300]
    still = Retry.model_validate({"initial": "3650d", "factor": 10, "max": "3650d", **NO_JITTER})
    assert pause_after(still, 100, "r") == timedelta(days=3650)


def test_ten_attempts_are_kept_and_all_are_numbered() -> None:
    life = Life(scheduled_run(retry={"limit": 100, "max": "1s", **NO_JITTER}))
    for number in range(1, 14):
        life.fails(number, number * 10, number * 10 + 5)
    assert [a.number for a in life.status.attempts] == list(range(4, 14))
    assert life.status.expected_attempt == 14


def test_an_attempt_records_the_generation_that_it_was_built_from() -> None:
    life = Life(scheduled_run(retry={"limit": 1}))
    life.fails(1, 0, 5)
    life.task = replace(life.task, meta=life.task.meta.model_copy(update={"generation": 8}))
    life.decide(7, pod(2, 7))
    assert [a.task_generation for a in life.status.attempts] == [7, 8]


def test_a_run_that_waits_for_its_next_attempt_is_canceled_at_once() -> None:
    life = Life(scheduled_run(retry={"limit": 1, "initial": "1h"}))
    life.fails(1, 0, 5)
    life.run = replace(life.run, spec=scheduled_run(retry={"limit": 1}, cancel=True, cancelReason="enough").spec)
    life.decide(9)
    assert (life.phase, life.status.message) == (RunPhase.CANCELED, "enough")
    assert [a.reason for a in life.status.attempts] == ["Error"]
    assert life.status.next_retry_time is None


# --- lost attempts ---------------------------------------------------------------------------------------------------


def test_an_attempt_whose_pod_is_gone_is_lost_and_repeated_under_a_new_number() -> None:
    life = Life(scheduled_run(retry=NO_JITTER))
    life.decide(1, pod(1, 0, runs(1)))
    life.decide(5)
    assert (life.phase, life.status.lost_attempts) == (RunPhase.RETRYING, 1)
    assert life.status.attempts[-1].reason == "PodLost"
    decided = life.decide(6.5)
    assert [a.number for a in decided.actions if isinstance(a, StartAttempt)] == [2]


def test_a_pod_that_went_before_its_attempt_was_recorded_is_lost_too() -> None:
    life = Life()
    life.decide(5, pod_state=VANISHED)
    assert (life.phase, life.status.lost_attempts) == (RunPhase.RETRYING, 1)
    assert [(a.number, a.reason) for a in life.status.attempts] == [(1, "PodLost")]


def test_lost_attempts_have_their_own_limit_beside_that_of_failures() -> None:
    life = Life(scheduled_run(retry={"limit": 1, "maxLost": 2, **NO_JITTER}))
    number, now = 0, 0.0
    for kind in ("lost", "failed", "lost"):
        number, now = number + 1, now + 20
        life.decide(now, pod(number, now))
        life.decide(now + 5, pod(number, now, exited(now + 5, 1)) if kind == "failed" else None)
        assert life.phase == RunPhase.RETRYING, number
    life.decide(100, pod(4, 100))
    life.decide(105)
    assert (life.phase, life.status.lost_attempts) == (RunPhase.FAILED, 3)
    assert life.status.conditions[0].reason == "PodLost"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}, "Evicted"),
        ({"phase": "Failed", "reason": "OutOfcpu"}, "OutOfcpu"),
        ({"phase": "Failed"}, "PodFailed"),
        (
            {
                "state": 137,
                "conditions": (PodCondition("DisruptionTarget", "True", "EvictionByEvictionAPI", "Eviction API"),),
            },
            "EvictionByEvictionAPI",
        ),
        ({"state": 137, "reason": "Terminated", "phase": "Failed"}, "Terminated"),
        ({"state": 143, "metadata": {"deletion_timestamp": at(33), "deletion_grace_period_seconds": 30}}, "PodDeleted"),
    ],
)
def test_what_the_cluster_or_somebody_else_ended_is_lost(fields: dict[str, Any], reason: str) -> None:
    code = fields.pop("state", None)
    life = Life()
    life.decide(1, pod(1, 0))
    life.decide(6, pod(1, 0, exited(5, code) if code is not None else None, **fields))
    assert (life.phase, life.status.lost_attempts) == (RunPhase.RETRYING, 1)
    assert life.status.attempts[-1].reason == reason


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        (1, {"metadata": {"deletion_timestamp": at(60), "deletion_grace_period_seconds": 30}}),
        (None, {"phase": "Failed", "reason": "DeadlineExceeded"}),
    ],
)
def test_what_failed_by_itself_is_not_lost(code: int | None, fields: dict[str, Any]) -> None:
    life = Life()
    life.decide(1, pod(1, 0))
    life.decide(31, pod(1, 0, exited(5, code) if code is not None else None, **fields))
    assert life.phase in (RunPhase.FAILED, RunPhase.TIMED_OUT)
    assert life.status.lost_attempts == 0


def test_a_pod_that_somebody_deletes_is_lost_and_not_timed_out_while_it_stops() -> None:
    life = Life(scheduled_run(timeout="5s", retry={"limit": 3, "onLost": "Fail"}))
    life.decide(1, pod(1, 0, runs(0)))
    deleting = pod(1, 0, runs(0), metadata={"deletion_timestamp": at(34), "deletion_grace_period_seconds": 30})
    decided = life.decide(9, deleting)
    assert (decided.actions, life.status.message) == ((), "its pod is being deleted by somebody else")
    life.decide(34)
    assert (life.phase, life.status.lost_attempts) == (RunPhase.FAILED, 1)


@pytest.mark.parametrize(("deleted", "phase"), [(7, RunPhase.SUCCEEDED), (5, RunPhase.RETRYING)])
def test_a_success_counts_though_somebody_deletes_the_pod_after_it(deleted: float, phase: RunPhase) -> None:
    life = Life()
    metadata = {"deletion_timestamp": at(deleted + 30), "deletion_grace_period_seconds": 30}
    life.decide(7, pod(1, 0, exited(5, 0), metadata=metadata))
    assert life.phase is phase


def test_at_most_once_an_attempt_that_was_recorded_and_has_no_pod_is_not_repeated() -> None:
    life = Life(scheduled_run(retry={"limit": 5, "onLost": "Fail"}))
    recorded = attempt_recorded(RunView(life.run, life.task))
    life.run = replace(life.run, status=recorded)
    assert [(a.number, a.start_time) for a in recorded.attempts] == [(1, None)]
    unchanged = decide_run(RunView(life.run, life.task, Creating()), at(1))
    assert (unchanged.status, unchanged.actions) == (recorded, ())
    # Refused for sure: it may be tried again.
    finding = PodRefusal("PodRejected", "quota", False, at(2), at(1))
    assert life.decide(1, pod_state=Refused(finding)).wake_at == at(2)
    assert [a.number for a in life.decide(2, pod_state=Refused(finding)).actions if isinstance(a, StartAttempt)] == [1]
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


# --- limits of time --------------------------------------------------------------------------------------------------


def test_an_attempt_that_takes_too_long_is_stopped_and_may_be_repeated() -> None:
    life = Life(scheduled_run(retry={"limit": 1, **NO_JITTER}, timeout="10s"))
    assert life.decide(2, pod(1, 0, runs(2))).wake_at == at(12)
    first = life.decide(12, pod(1, 0, runs(2)))
    assert first.actions == ()
    assert life.decide(12, pod(1, 0, runs(2))).actions == (StopPod(pod(1, 0, runs(2)), "TimedOut", at(12)),)
    # What its container then does is not its end.
    assert life.decide(13, pod(1, 0, exited(13, 0), **asked_to_stop(12, "TimedOut"))).actions == ()
    life.decide(14, pod(1, 0, **asked_to_stop(12, "TimedOut"), **stopped(13, 0)))
    assert life.phase == RunPhase.RETRYING
    life.decide(16, pod(2, 16, runs(16)))
    life.decide(26, pod(2, 16, runs(16)))
    life.decide(27)
    assert (life.phase, life.status.message) == (RunPhase.TIMED_OUT, "took longer than its timeout of 10s")
    assert [a.reason for a in life.status.attempts] == ["TimedOut", "TimedOut"]
    assert life.status.lost_attempts == 0


def test_a_pod_that_does_not_start_fails_by_its_reason() -> None:
    life = Life(scheduled_run(startTimeout="1m"))
    stuck = pod(1, 0, ContainerState(waiting=Waiting("ErrImagePull")))
    assert life.decide(1, stuck).wake_at == at(60)
    life.decide(60, stuck)
    assert [type(action) for action in life.decide(60, stuck).actions] == [DeletePod]
    life.decide(61)
    assert (life.phase, life.status.conditions[0].reason) == (RunPhase.FAILED, "StartTimeout")
    assert life.status.message == "did not start within 1m: container main does not start: ImagePullBackOff"


def test_fifteen_minutes_to_start_are_the_default_and_a_run_that_runs_has_no_such_limit() -> None:
    life = Life()
    assert life.decide(1, pod(1, 0)).wake_at == at(900)
    assert life.decide(2, pod(1, 0, runs(2))).wake_at is None


def test_a_pod_that_is_refused_for_longer_than_it_may_take_to_start_fails() -> None:
    life = Life(scheduled_run(startTimeout="1m"))
    refused = PodRefusal("PodRejected", "exceeded quota", False, at(8), at(4), 3)
    assert life.decide(5, pod_state=Refused(refused)).wake_at == at(64)
    assert (life.phase, life.status.message) == (RunPhase.PENDING, "the pod is refused: exceeded quota")
    life.decide(64, pod_state=Refused(refused))
    assert (life.phase, life.status.conditions[0].reason) == (RunPhase.FAILED, "PodRejected")


def test_a_run_with_all_its_attempts_has_a_limit_too() -> None:
    life = Life(scheduled_run(retry={"limit": 9, "initial": "10s", **NO_JITTER}, totalTimeout="30s"))
    life.fails(1, 0, 5)
    life.decide(16, pod(2, 16, runs(16)))
    assert life.decide(17, pod(2, 16, runs(16))).wake_at == at(30)
    life.decide(30, pod(2, 16, runs(16)))
    life.decide(31)
    assert (life.phase, life.status.conditions[0].reason) == (RunPhase.TIMED_OUT, "TotalTimeout")
    assert life.status.message == "took longer than its totalTimeout of 30s"


def test_no_attempt_is_waited_for_that_would_start_too_late() -> None:
    life = Life(scheduled_run(retry={"limit": 9, "initial": "10s", **NO_JITTER}, totalTimeout="12s"))
    life.fails(1, 0, 5)
    assert (life.phase, life.status.conditions[0].reason) == (RunPhase.FAILED, "Error")


# --- holding back, asking twice --------------------------------------------------------------------------------------


def test_a_run_that_is_held_back_does_not_start() -> None:
    life = Life(scheduled_run(suspend=True))
    life.decide(5)
    assert (life.phase, life.status.message) == (RunPhase.PENDING, "held back: spec.suspend is true")
    # What has started goes on.
    life.decide(6, pod(1, 6))
    assert life.phase == RunPhase.RUNNING


def test_of_runs_with_one_key_the_first_to_start_counts() -> None:
    first = scheduled_run("a", 0, idempotencyKey="k")
    second = Life(scheduled_run("b", 1, idempotencyKey="k"))
    second.decide(2, same_key=(first,))
    assert (second.phase, second.status.message) == (RunPhase.PENDING, "waits for run a with the same idempotencyKey")
    view = RunView(first, second.task, same_key=(second.run,))
    assert decide_run(view, at(2)).status.phase is None
    started = replace(first, status=Life(first).decide(3, pod(1, 3)).status)
    second.decide(4, same_key=(started,))
    assert (second.phase, second.status.conditions[0].reason) == (RunPhase.SKIPPED, "Duplicate")
    assert second.status.message == "run a with the same idempotencyKey started before"


@pytest.mark.parametrize("change", [{"at": at(99)}, {"suspend": True}, {"cancel": True}])
def test_a_run_that_does_not_start_yet_is_not_waited_for(change: dict[str, Any]) -> None:
    first = scheduled_run("a", 0, idempotencyKey="k", **change)
    second = Life(scheduled_run("b", 1, idempotencyKey="k"))
    assert second.decide(2, same_key=(first,)).status.phase is None


# --- what an end causes, and how long it is kept ---------------------------------------------------------------------


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


@pytest.mark.parametrize("kept", [None, "1h"])
def test_a_finished_run_without_a_task_goes_when_its_time_is_over(kept: str | None) -> None:
    ttl: dict[str, Any] = {"ttlAfterFinished": kept} if kept is not None else {}
    life = Life(scheduled_run(**ttl))
    life.decide(5, pod(1, 0, exited(5, 0)))
    over = 5 + (3600 if kept is not None else 168 * 3600)
    alone = RunView(life.run, None)
    assert decide_run(alone, at(over - 1)).wake_at == at(over)
    assert decide_run(alone, at(over)).actions == (RemoveRun(life.run),)
    assert decide_run(RunView(life.run, life.task), at(over)).actions == ()


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


# --- schemas ---------------------------------------------------------------------------------------------------------

REGION: dict[str, Any] = {"properties": {"region": {"enum": ["eu", "us"]}}, "required": ["region"]}


@pytest.mark.parametrize(
    ("of_task", "own", "words"),
    [
        ({}, {"region": "eu"}, None),
        ({"region": "eu"}, {}, None),
        ({"region": "moon"}, {"region": "us"}, None),
        ({}, {}, "args.region: is missing"),
        ({"region": "eu"}, {"region": "moon"}, "args.region: must be eu or us, not 'moon'"),
        ({"region": "eu", "a": "x" * 60_000}, {"b": "y" * 60_000}, "args have 120029 bytes as JSON together"),
    ],
)
def test_args_that_do_not_fit_never_start_a_pod(
    of_task: dict[str, Any], own: dict[str, Any], words: str | None
) -> None:
    task = make_task(args=of_task, argsSchema=REGION)
    life = Life(scheduled_run(args=own), task)
    decided = life.decide(0)
    if words is None:
        assert life.phase is None
        return
    assert (life.phase, decided.actions) == (RunPhase.FAILED, ())
    assert life.status.conditions[0].reason == "ArgsInvalid"
    assert (life.status.message or "").startswith(words)


def test_args_are_judged_when_the_run_starts_and_told_before() -> None:
    task = make_task(argsSchema=REGION)
    life = Life(scheduled_run(at=at(100).isoformat(), args={"region": "moon"}), task)
    life.decide(0)
    assert (life.phase, life.status.message) == (RunPhase.PENDING, "args.region: must be eu or us, not 'moon'")
    life.task = make_task(argsSchema={})
    life.decide(1)
    assert (life.phase, life.status.message) == (RunPhase.PENDING, None)


def test_a_task_that_does_not_fit_any_more_ends_the_retries() -> None:
    life = Life(scheduled_run(retry={"limit": 3, **NO_JITTER}, args={"region": "moon"}))
    life.fails(1, 0, 5)
    assert life.phase is RunPhase.RETRYING
    life.task = make_task(argsSchema=REGION)
    decided = life.decide(20)
    assert (life.phase, decided.actions) == (RunPhase.FAILED, ())
    assert life.status.conditions[0].reason == "ArgsInvalid"


@pytest.mark.parametrize(
    ("written", "phase", "reason", "words"),
    [
        ('{"result": {"rows": 3}}', RunPhase.SUCCEEDED, "Completed", None),
        ('{"status": "partial", "result": {"rows": 3}}', RunPhase.PARTIAL, "Completed", None),
        ('{"result": {"lines": 3}}', RunPhase.FAILED, "ResultInvalid", "result.rows: is missing"),
        ('{"result": {"rows": "3"}}', RunPhase.FAILED, "ResultInvalid", "result.rows: must be a whole number, not '3'"),
        ('{"status": "partial"}', RunPhase.FAILED, "ResultInvalid", "result: must be an object, not null"),
        ("free text", RunPhase.FAILED, "ResultInvalid", "result: must be an object, not null"),
        ('{"resultTruncated": true}', RunPhase.FAILED, "ResultInvalid", "the result was too long to be handed over"),
        ('{"status": "failed", "message": "no"}', RunPhase.FAILED, "ReportedFailed", "no"),
    ],
)
def test_a_success_needs_the_result_that_is_asked_for(
    written: str, phase: RunPhase, reason: str, words: str | None
) -> None:
    schema = {"type": "object", "properties": {"rows": {"type": "integer"}}, "required": ["rows"]}
    life = Life(scheduled_run(), make_task(resultSchema=schema))
    life.decide(0, pod(1, 0))
    life.decide(5, pod(1, 0, exited(5, 0, written)))
    assert (life.phase, life.status.conditions[0].reason, life.status.message) == (phase, reason, words)
    if "result" in written and "Truncated" not in written:
        assert life.status.result is not None


def test_a_result_that_does_not_fit_is_a_failure_like_any_other() -> None:
    life = Life(scheduled_run(), make_task(resultSchema={"type": "object"}, retry={"limit": 1}))
    life.decide(0, pod(1, 0))
    life.decide(5, pod(1, 0, exited(5, 0)))
    assert (life.phase, life.status.attempts[0].reason) == (RunPhase.RETRYING, "ResultInvalid")
