"""What a pod's end means: a table of what its kubelet reported, and what the attempt has come to."""

from dataclasses import dataclass
from typing import Any

import pytest
from run_life import at, exited, pod, runs

from crontask.api.names import ANNOTATION_STOPPED
from crontask.api.phases import RunPhase
from crontask.api.pod import Container, ContainerState, ContainerStatus, Pod, PodCondition, Terminated, Waiting
from crontask.decide.attempt.outcome import LEFTOVERS_STOPPED, outcome_of

S, P, F, T = RunPhase.SUCCEEDED, RunPhase.PARTIAL, RunPhase.FAILED, RunPhase.TIMED_OUT


@dataclass(frozen=True)
class Row:
    """A name, what the kubelet reported, and phase, reason, message, exit code of the outcome; None without one yet."""

    name: str
    known: Pod
    wanted: tuple[RunPhase, str, str | None, int | None] | None
    lost: bool = False


def main(code: int, said: str = "", *, why: str | None = None, **fields: Any) -> Pod:
    """A pod whose main container has ended; `why`: the container's reason."""
    why = why or ("Error" if code else "Completed")
    state = ContainerState(terminated=Terminated(code, why, said, at(1), at(5)))
    return pod(1, 0, state, **{"phase": "Failed" if code else "Succeeded", "start_time": at(0), **fields})


def init(code: int, said: str = "", *, why: str = "Error", **fields: Any) -> Pod:
    """A pod of which the container before the main one has ended."""
    setup = ContainerStatus("setup", ContainerState(terminated=Terminated(code, why, said, at(1), at(5))))
    fields["spec"] = {"init_containers": (Container("setup"),), **fields.get("spec", {})}
    state = ContainerState(waiting=Waiting("PodInitializing"))
    return pod(1, 0, state, **{"phase": "Failed", "start_time": at(0), "init_container_statuses": (setup,), **fields})


def within(seconds: int) -> dict[str, Any]:
    """Of a pod with such a deadline of its own."""
    return {"spec": {"active_deadline_seconds": seconds}}


def deleted(asked: float) -> dict[str, Any]:
    """Of a pod that somebody deleted then."""
    return {"metadata": {"deletion_timestamp": at(asked + 30), "deletion_grace_period_seconds": 30}}


def disrupted(asked: float, reason: str = "EvictionByEvictionAPI") -> dict[str, Any]:
    """Of a pod that the cluster took away then."""
    return {"conditions": (PodCondition("DisruptionTarget", "True", reason, "Eviction API: evicting", at(asked)),)}


SIDE_RUNS = (
    ContainerStatus("main", exited(5, 0)),
    ContainerStatus("side", runs(1)),
)
BESIDE: dict[str, Any] = {"containers": (Container("main"), Container("side"))}
# A sidecar before the one that failed, and stopped for that.
SIDECAR: dict[str, Any] = {
    "spec": {"init_containers": (Container("proxy", "Always"), Container("setup"))},
    "init_container_statuses": (
        ContainerStatus("proxy", exited(6, 9)),
        ContainerStatus("setup", exited(5, 7, "no table")),
    ),
}
LEFTOVERS: dict[str, Any] = {"annotations": {ANNOTATION_STOPPED: LEFTOVERS_STOPPED}}
LATE: dict[str, Any] = {
    "reason": "DeadlineExceeded",
    "phase": "Failed",
    "message": "Pod was active on the node longer than …",
}
REPORT = '{"status": "success", "result": 3}'
FAILED = '{"status": "failed"}'
ENDED = "the pod ended as Failed"
DEADLINE = "its pod took longer than its own activeDeadlineSeconds of 3s"
GONE = "pod r-1 was deleted by somebody else"

ROWS = (
    # By itself.
    Row("nothing has ended", pod(1, 0, runs(1)), None),
    Row("nothing is known of any container", pod(1, 0), None),
    Row("exit code 0", main(0), (S, "Completed", None, 0)),
    Row("exit code 0, and the pod's end is not reported yet", main(0, phase="Running"), (S, "Completed", None, 0)),
    Row("a text", main(0, "all good\n"), (S, "Completed", "all good", 0)),
    Row("a partial success", main(0, '{"status": "partial", "errorCount": 2}'), (P, "Completed", None, 0)),
    Row("a report of failure", main(0, '{"status": "failed", "message": "no"}'), (F, "ReportedFailed", "no", 0)),
    Row("a report of failure without words", main(0, '{"status": "failed"}'), (F, "ReportedFailed", None, 0)),
    Row(
        "another status",
        main(0, '{"status": "odd"}'),
        (
            F,
            "ResultUnreadable",
            'its report cannot be read: its status "odd" is not known; write success, partial, failed: '
            '{"status": "odd"}',
            0,
        ),
    ),
    Row(
        "no JSON",
        main(0, '{"cut'),
        (F, "ResultUnreadable", 'its report cannot be read: it is not valid JSON: {"cut', 0),
    ),
    Row("no object", main(0, "[1, 2]"), (S, "Completed", "[1, 2]", 0)),
    Row("an exit code", main(3), (F, "Error", "exit code 3", 3)),
    Row("an exit code, and a text", main(3, "no disk"), (F, "Error", "no disk", 3)),
    Row("an exit code, and a report", main(3, '{"status": "success", "message": "said"}'), (F, "Error", "said", 3)),
    Row("an exit code, and a report without words", main(3, '{"processedCount": 1}'), (F, "Error", "exit code 3", 3)),
    Row("an exit code, and no JSON", main(3, '{"cut'), (F, "Error", '{"cut', 3)),
    Row("a line of a log", main(1, '{"msg": "db refused"}'), (F, "Error", '{"msg": "db refused"}', 1)),
    Row(
        "a line of a log with a level", main(1, '{"level":"e","status":5}'), (F, "Error", '{"level":"e","status":5}', 1)
    ),
    Row("a line of a log with words", main(1, '{"level": "e", "message": "db"}'), (F, "Error", "db", 1)),
    Row("out of memory", main(137, why="OOMKilled"), (F, "OOMKilled", "exit code 137", 137)),
    # A container before the main one.
    Row("an init container fails", init(1), (F, "Error", "init container setup failed with exit code 1", 1)),
    Row(
        "an init container fails and says why",
        init(7, "no table\n", why="OOMKilled"),
        (F, "OOMKilled", "init container setup failed with exit code 7: no table", 7),
    ),
    Row(
        "an init container fails and logs why",
        init(7, '{"msg": "no"}'),
        (F, "Error", 'init container setup failed with exit code 7: {"msg": "no"}', 7),
    ),
    Row("an init container has failed, and others still stop", init(1, phase="Pending"), None),
    Row("an init container has ended", init(0, phase="Pending", why="Completed"), None),
    Row(
        "an init container fails, and a sidecar is stopped for that",
        init(0, **SIDECAR),
        (F, "Error", "init container setup failed with exit code 7: no table", 7),
    ),
    Row("an init container is stopped with its pod", init(143, **deleted(4)), (F, "PodDeleted", GONE, 143), lost=True),
    # The pod's own deadline.
    Row("a deadline", main(137, **LATE, **within(3)), (T, "DeadlineExceeded", DEADLINE, 137)),
    Row(
        "a deadline, trapped",
        main(0, **LATE, **within(3)),
        (T, "DeadlineExceeded", DEADLINE, 0),
    ),
    Row(
        "a deadline, trapped, with a report",
        main(0, REPORT, **LATE, **within(3)),
        (T, "DeadlineExceeded", DEADLINE, 0),
    ),
    Row("a deadline is over, and not reported yet", main(0, phase="Running", **within(5)), None),
    Row(
        "a deadline is over, and it ended by itself just then",
        main(0, **within(5)),
        (S, "Completed", None, 0),
    ),
    Row(
        "a deadline that is still to come",
        main(0, phase="Running", **within(6)),
        (S, "Completed", None, 0),
    ),
    Row(
        "a deadline that stopped others after the end",
        main(0, **LATE, **within(6)),
        (S, "Completed", None, 0),
    ),
    Row(
        "a deadline in an init container",
        init(137, **LATE, **within(3)),
        (T, "DeadlineExceeded", DEADLINE, 137),
    ),
    Row(
        "a deadline before any container ended",
        pod(1, 0, **LATE, **within(3)),
        (T, "DeadlineExceeded", DEADLINE, None),
    ),
    Row(
        "leftovers were stopped",
        main(
            0,
            **LATE,
            **within(1),
            metadata=LEFTOVERS,
        ),
        (S, "Completed", None, 0),
    ),
    # Stopped from outside.
    Row("deleted", main(143, **deleted(4)), (F, "PodDeleted", GONE, 143), lost=True),
    Row("deleted, trapped", main(0, **deleted(4)), (F, "PodDeleted", GONE, 0), lost=True),
    Row("deleted, trapped, with a text", main(0, "bye", **deleted(4)), (F, "PodDeleted", GONE, 0), lost=True),
    Row("deleted, with a report", main(0, REPORT, **deleted(4)), (S, "Completed", None, 0)),
    Row("deleted, with a partial one", main(0, '{"status": "partial"}', **deleted(4)), (P, "Completed", None, 0)),
    Row(
        "deleted, with a report of failure",
        main(0, '{"status": "failed"}', **deleted(4)),
        (F, "PodDeleted", GONE, 0),
        True,
    ),
    # A kubelet tells times to the second, rounded down: what ended at 5 may have ended until 6.
    Row("deleted in the second of its end", main(0, **deleted(5)), (F, "PodDeleted", GONE, 0), lost=True),
    Row("deleted at the end of that second", main(0, **deleted(5.999999)), (F, "PodDeleted", GONE, 0), lost=True),
    Row("deleted after its end", main(0, **deleted(6)), (S, "Completed", None, 0)),
    Row("deleted after its failure", main(1, **deleted(6)), (F, "Error", "exit code 1", 1)),
    Row("drained", main(143, **disrupted(4)), (F, "EvictionByEvictionAPI", "Eviction API: evicting", 143), lost=True),
    Row(
        "drained, trapped",
        main(0, **disrupted(4)),
        (F, "EvictionByEvictionAPI", "Eviction API: evicting", 0),
        lost=True,
    ),
    Row("drained, with a report", main(0, REPORT, **disrupted(4)), (S, "Completed", None, 0)),
    Row(
        "drained in the second of its end",
        main(0, **disrupted(5)),
        (F, "EvictionByEvictionAPI", "Eviction API: evicting", 0),
        lost=True,
    ),
    Row("drained after its end", main(0, **disrupted(6)), (S, "Completed", None, 0)),
    Row("drained after its failure", main(1, **disrupted(6)), (F, "Error", "exit code 1", 1)),
    Row(
        "a kubelet tells of a disruption when it is over",
        main(143, **disrupted(6, "TerminationByKubelet")),
        (F, "TerminationByKubelet", "Eviction API: evicting", 143),
        lost=True,
    ),
    Row(
        "evicted by its kubelet",
        main(137, reason="Evicted"),
        (F, "Evicted", "its pod ended: Evicted", 137),
        lost=True,
    ),
    Row(
        "evicted before it started",
        pod(1, 0, phase="Failed", reason="Evicted", message="low on memory"),
        (F, "Evicted", "low on memory", None),
        lost=True,
    ),
    Row(
        "refused by its node",
        pod(1, 0, phase="Failed", reason="OutOfcpu"),
        (F, "OutOfcpu", "the pod ended as Failed", None),
        lost=True,
    ),
    Row(
        "failed, and nobody says why",
        pod(1, 0, phase="Failed"),
        (F, "PodFailed", "the pod ended as Failed", None),
        lost=True,
    ),
    # Others beside it.
    Row(
        "others run on",
        pod(1, 0, container_statuses=SIDE_RUNS, spec=BESIDE),
        (S, "Completed", None, 0),
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_outcomes(row: Row) -> None:
    outcome = outcome_of(row.known)
    if row.wanted is None:
        assert outcome is None
        return
    assert outcome is not None
    assert (outcome.phase, outcome.reason, outcome.message, outcome.exit_code) == row.wanted
    assert outcome.lost is row.lost


def test_what_a_report_gives_back_is_kept_also_of_a_failure() -> None:
    text = '{"result": [1, null], "processedCount": 5, "errorCount": true, "resultTruncated": true}'
    for code in (0, 1):
        outcome = outcome_of(main(code, text))
        assert outcome is not None
        assert (outcome.result, outcome.processed_count, outcome.error_count) == ([1, None], 5, None)
        assert outcome.result_truncated is True


def test_a_result_that_is_nested_too_deeply_to_be_written_is_unreadable() -> None:
    for depth, reason in ((100, "Completed"), (300, "ResultUnreadable")):
        outcome = outcome_of(main(0, '{"result": ' + "[" * depth + "]" * depth + "}"))
        assert outcome is not None
        assert outcome.reason == reason
