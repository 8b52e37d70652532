"""Which stage a run is in: what is known of it, and what the stage is; and which stages belong together."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from run_life import (
    annotated,
    attempt,
    exited,
    invalid_run,
    known_of,
    make_task,
    own_run,
    pod,
    recorded,
    refusal,
    run_of_time,
    runs,
    scheduled_run,
    waits,
)

from crontask.api.phases import RunPhase
from crontask.decide.pod_state import VANISHED, Creating, CreationUnknown, PodState, Refused
from crontask.decide.stage import OCCUPIES_SLOT, UNDER_WAY, UNSTARTED, WITH_POD, Stage, stage_of
from crontask.decide.views import RunView


@dataclass(frozen=True)
class Row:
    """A name, what is known of a run, and its stage."""

    name: str
    known: RunView
    wanted: Stage


RESERVED = annotated(run_of_time(0), reserved="true")
ANOTHER = make_task()
ANOTHER = replace(ANOTHER, meta=ANOTHER.meta.model_copy(update={"uid": "another"}))
FIRST = attempt(1, 0, 5)
AGAIN: dict[str, Any] = {"retry": {"limit": 1}}
RUNS, ENDED = pod(1, 0, runs(1)), pod(1, 0, exited(5, 1))
SUCCEEDED = pod(1, 0, exited(5, 0))

ROWS = (
    # Without a pod, and without an attempt.
    Row("a manual run as it was made", known_of(), Stage.WAITING),
    Row("a run on its own as it was made", known_of(own_run(), alone=True), Stage.WAITING),
    Row("a run of a nominal time as it was made", known_of(run_of_time(0)), Stage.UNRECORDED),
    Row("the same, recorded", known_of(run_of_time(0, None, recorded(RunPhase.PENDING))), Stage.WAITING),
    Row("the same, without its task", known_of(run_of_time(0), alone=True), Stage.UNRECORDED),
    Row("pre-created", known_of(RESERVED), Stage.PRE_CREATED),
    Row("pre-created, and its time has been decided", known_of(RESERVED, claimed=True), Stage.UNRECORDED),
    Row("pre-created, without its task", known_of(RESERVED, alone=True), Stage.UNRECORDED),
    Row("pre-created for a task that was there before", known_of(RESERVED, ANOTHER), Stage.UNRECORDED),
    Row(
        "pre-created, and to be canceled",
        known_of(annotated(run_of_time(0, cancel=True), reserved="true")),
        Stage.UNRECORDED,
    ),
    Row(
        "pre-created, and recorded",
        known_of(replace(RESERVED, status=recorded(RunPhase.QUEUED))),
        Stage.WAITING,
    ),
    Row(
        "a manual run that says it is pre-created", known_of(annotated(scheduled_run(), reserved="true")), Stage.WAITING
    ),
    Row("its first pod is on its way", known_of(pod_state=Creating()), Stage.CREATING),
    Row("its first pod is on its way again", known_of(pod_state=Creating(refusal())), Stage.CREATING),
    Row("the answer is lost", known_of(pod_state=CreationUnknown()), Stage.CREATION_UNKNOWN),
    Row("the answer leaves it open", known_of(pod_state=CreationUnknown(refusal())), Stage.CREATION_UNKNOWN),
    Row("refused", known_of(pod_state=Refused(refusal())), Stage.REFUSED),
    Row("refused for good", known_of(pod_state=Refused(refusal(final=True))), Stage.REJECTED),
    Row("its first pod is gone", known_of(pod_state=VANISHED), Stage.VANISHED),
    Row("pre-created, and its pod is on its way", known_of(RESERVED, pod_state=Creating()), Stage.CREATING),
    # Its spec cannot be used.
    Row("unusable", known_of(invalid_run(scheduled_run())), Stage.UNUSABLE),
    Row("unusable, and refused", known_of(invalid_run(scheduled_run()), pod_state=Refused(refusal())), Stage.UNUSABLE),
    Row(
        "unusable between attempts",
        known_of(invalid_run(scheduled_run(status=recorded(RunPhase.RETRYING, FIRST)))),
        Stage.UNUSABLE,
    ),
    Row("unusable, with a pod", known_of(invalid_run(scheduled_run()), pod=RUNS), Stage.RUNNING),
    Row("unusable, and ended", known_of(invalid_run(scheduled_run(status=recorded(RunPhase.FAILED)))), Stage.ENDED),
    # With a pod.
    Row("its pod waits", known_of(pod=pod(1, 0, waits("ImagePullBackOff"))), Stage.RUNNING),
    Row("its pod runs", known_of(pod=RUNS), Stage.RUNNING),
    Row("its pod has failed", known_of(pod=ENDED), Stage.ENDING),
    Row("its pod has failed, and another follows", known_of(scheduled_run(**AGAIN), pod=ENDED), Stage.ATTEMPT_OVER),
    Row(
        "its pod has failed, and the wish to end came",
        known_of(scheduled_run(cancel=True, **AGAIN), pod=ENDED),
        Stage.ENDING,
    ),
    Row("its pod has succeeded", known_of(scheduled_run(**AGAIN), pod=SUCCEEDED), Stage.ENDING),
    Row(
        "its pod was lost, and another follows",
        known_of(pod=pod(1, 0, phase="Failed", reason="Evicted")),
        Stage.ATTEMPT_OVER,
    ),
    # With parts.
    Row("its plan is recorded", known_of(scheduled_run(status=recorded(RunPhase.RUNNING, plan={}))), Stage.COMPOSED),
    Row(
        "its plan is recorded, and its spec cannot be used",
        known_of(invalid_run(scheduled_run(status=recorded(RunPhase.RUNNING, plan={})))),
        Stage.COMPOSED,
    ),
    Row(
        "it is undone, without its task",
        known_of(scheduled_run(status=recorded(RunPhase.COMPENSATING, plan={})), alone=True),
        Stage.COMPOSED,
    ),
    Row("its parts have ended", known_of(scheduled_run(status=recorded(RunPhase.PARTIAL, plan={}))), Stage.ENDED),
    Row(
        "its end is recorded, its pod there",
        known_of(scheduled_run(status=recorded(RunPhase.FAILED)), pod=RUNS),
        Stage.ENDED,
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_stages(row: Row) -> None:
    assert stage_of(row.known) is row.wanted


BEGUN = frozenset({RunPhase.RUNNING, RunPhase.RETRYING, RunPhase.CANCELING})
STATES: tuple[tuple[PodState, Stage], ...] = (
    (Creating(), Stage.CREATING),
    (CreationUnknown(), Stage.CREATION_UNKNOWN),
    (Refused(refusal()), Stage.REFUSED),
    (Refused(refusal(final=True)), Stage.REJECTED),
    (VANISHED, Stage.VANISHED),
)


@pytest.mark.parametrize("phase", [None, *RunPhase])
def test_of_each_phase(phase: RunPhase | None) -> None:
    """An end goes before all else; what has begun, or has an attempt, is between attempts, whatever its pod is."""
    for state, unstarted in STATES:
        bare, with_attempt = (
            stage_of(known_of(scheduled_run(status=recorded(phase, *attempts)), pod_state=state))
            for attempts in ((), (FIRST,))
        )
        if phase is not None and phase.terminal:
            assert (bare, with_attempt) == (Stage.ENDED, Stage.ENDED)
        else:
            assert bare is (Stage.BETWEEN_ATTEMPTS if phase in BEGUN else unstarted)
            assert with_attempt is Stage.BETWEEN_ATTEMPTS


@pytest.mark.parametrize(
    ("stage", "subsets"),
    [
        (Stage.PRE_CREATED, {"unstarted"}),
        (Stage.UNRECORDED, {"unstarted"}),
        (Stage.WAITING, {"unstarted"}),
        (Stage.CREATING, {"unstarted", "occupies slot", "under way"}),
        (Stage.CREATION_UNKNOWN, {"unstarted", "occupies slot", "under way"}),
        (Stage.REFUSED, {"unstarted", "occupies slot", "under way"}),
        (Stage.REJECTED, {"unstarted"}),
        (Stage.VANISHED, {"unstarted", "occupies slot", "under way"}),
        (Stage.RUNNING, {"with pod", "occupies slot", "under way"}),
        (Stage.ATTEMPT_OVER, {"with pod", "occupies slot", "under way"}),
        (Stage.ENDING, {"with pod", "under way"}),
        (Stage.BETWEEN_ATTEMPTS, {"occupies slot", "under way"}),
        (Stage.COMPOSED, {"occupies slot", "under way"}),
        (Stage.UNUSABLE, {"unstarted"}),
        (Stage.ENDED, set[str]()),
    ],
    ids=lambda value: value.name if isinstance(value, Stage) else "",
)
def test_which_stages_belong_together(stage: Stage, subsets: set[str]) -> None:
    named = {
        "unstarted": UNSTARTED,
        "with pod": WITH_POD,
        "occupies slot": OCCUPIES_SLOT,
        "under way": UNDER_WAY,
    }
    assert {name for name, subset in named.items() if stage in subset} == subsets


def test_each_stage_has_a_row() -> None:
    reached = {row.wanted for row in ROWS}
    assert reached | {Stage.BETWEEN_ATTEMPTS} == set(Stage)
