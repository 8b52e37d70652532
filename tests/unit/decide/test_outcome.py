"""What a container's end means."""

from datetime import UTC, datetime

import pytest

from crontask.api.pod import ContainerState, ContainerStatus, Pod, PodMetadata, PodSpec, PodStatus, Terminated
from crontask.api.scheduledrun import RunPhase
from crontask.decide.outcome import outcome_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def make_pod(exit_code: int, message: str) -> Pod:
    state = ContainerState(terminated=Terminated(exit_code, "Error" if exit_code else "Completed", message))
    meta = PodMetadata("p", "n", "u", "1", NOW, annotations={"kubectl.kubernetes.io/default-container": "main"})
    return Pod(meta, PodSpec(), PodStatus("Running", container_statuses=(ContainerStatus("main", state),)))


@pytest.mark.parametrize(
    ("exit_code", "text", "phase", "reason", "message"),
    [
        (0, "", RunPhase.SUCCEEDED, "Completed", None),
        (0, "all good", RunPhase.SUCCEEDED, "Completed", "all good"),
        (0, '{"status": "partial", "errorCount": 2}', RunPhase.PARTIAL, "Completed", None),
        (0, '{"status": "failed", "message": "no"}', RunPhase.FAILED, "ReportedFailed", "no"),
        (0, '{"status": "odd"}', RunPhase.FAILED, "ResultUnreadable", '{"status": "odd"}'),
        (0, '{"cut', RunPhase.FAILED, "ResultUnreadable", '{"cut'),
        (3, "", RunPhase.FAILED, "Error", "exit code 3"),
        (3, '{"status": "success", "message": "said"}', RunPhase.FAILED, "Error", "said"),
        (3, '{"cut', RunPhase.FAILED, "Error", '{"cut'),
    ],
)
def test_outcomes(exit_code: int, text: str, phase: RunPhase, reason: str, message: str | None) -> None:
    outcome = outcome_of(make_pod(exit_code, text))
    assert outcome is not None
    assert (outcome.phase, outcome.reason, outcome.message) == (phase, reason, message)


def test_a_pod_whose_main_container_runs_has_no_outcome() -> None:
    assert outcome_of(Pod(PodMetadata("p", "n", "u", "1", NOW))) is None


def test_an_evicted_pod_has_failed_with_its_own_reason() -> None:
    pod = Pod(PodMetadata("p", "n", "u", "1", NOW), status=PodStatus("Failed", "Evicted", "the node was low on memory"))
    outcome = outcome_of(pod)
    assert outcome is not None
    assert (outcome.phase, outcome.reason, outcome.message) == (
        RunPhase.FAILED,
        "Evicted",
        "the node was low on memory",
    )


def test_a_result_that_is_nested_too_deeply_to_be_written_is_unreadable() -> None:
    for depth, reason in ((100, "Completed"), (300, "ResultUnreadable")):
        text = '{"result": ' + "[" * depth + "]" * depth + "}"
        outcome = outcome_of(make_pod(0, text))
        assert outcome is not None
        assert outcome.reason == reason
