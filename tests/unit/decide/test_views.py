"""What is asked of all that is known of a run: what is known, and the answer."""

import pytest
from run_life import at, invalid_task, known_of, make_task, own_run, pod, recorded, refusal, scheduled_run

from crontask.api.phases import RunPhase
from crontask.api.pod import Pod
from crontask.decide.decisions import earliest
from crontask.decide.pod_state import (
    NOT_MADE,
    VANISHED,
    Creating,
    CreationUnknown,
    PodState,
    Present,
    Refused,
)
from crontask.decide.refusal import Refusal

POD, REFUSAL = pod(1, 0), refusal()


@pytest.mark.parametrize(
    ("state", "of_pod", "of_refusal"),
    [
        (NOT_MADE, None, None),
        (Refused(REFUSAL), None, REFUSAL),
        (Creating(), None, None),
        (Creating(REFUSAL), None, REFUSAL),
        (CreationUnknown(), None, None),
        (CreationUnknown(REFUSAL), None, REFUSAL),
        (Present(POD), POD, None),
        (VANISHED, None, None),
    ],
)
def test_a_pod_that_is_there_has_no_refusal(state: PodState, of_pod: Pod | None, of_refusal: Refusal | None) -> None:
    known = known_of(pod_state=state)
    assert (known.pod, known.refusal) == (of_pod, of_refusal)


def test_a_task_is_missing_that_is_not_there_or_cannot_be_used() -> None:
    assert not known_of().task_is_missing
    assert known_of(alone=True).task_is_missing
    assert known_of(task=invalid_task(make_task())).task_is_missing
    assert not known_of(own_run(), alone=True).task_is_missing
    assert not known_of(own_run(), invalid_task(make_task())).task_is_missing


def test_a_start_is_recorded_by_a_pod_or_a_status() -> None:
    assert not known_of().is_recorded
    assert not known_of(pod_state=Creating()).is_recorded
    assert known_of(pod=POD).is_recorded
    assert all(known_of(scheduled_run(status=recorded(phase))).is_recorded for phase in RunPhase)


def test_the_earliest_of_the_instants_that_are_set() -> None:
    assert earliest() is None
    assert earliest(None, None) is None
    assert earliest(None, at(2), at(1), None) == at(1)
