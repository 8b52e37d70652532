"""Pods that are stopped, by cancel, timeout and Replace, on a real kubelet: with their grace, and their logs stay."""

import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from bench import Bench
from faults import IMAGE, listed, pod_of, single, ticking, time_of, with_phase

from cluster import cluster

CLEANS_UP = 'sleep 1; echo cleaned up; echo "half done" > /dev/termination-log; exit 3'
TELLS = f"echo started; trap '{CLEANS_UP}' TERM; sleep 600 & wait"
DEAF = 'trap "" TERM; echo started; while :; do sleep 1; done'


def cancel(bench: Bench, name: str) -> None:
    """Ask for the run's end, once its pod has said something."""
    bench.until(f"{name} has started", lambda: "started" in bench.kubectl("logs", f"{name}-1", check=False))
    bench.kubectl("patch", "sr", name, "--type=merge", "-p", '{"spec":{"cancel":true,"cancelReason":"enough"}}')


def why_stopped(pod: dict[str, Any]) -> str | None:
    """What a pod says itself."""
    found = pod["metadata"].get("annotations", {}).get("crontask.dev/stopped")
    return str(found) if found else None


def test_a_canceled_run_has_its_grace_period_and_its_log_and_words_stay(bench: Bench) -> None:
    bench.apply(single("tells", pod_of(TELLS, grace=20)))
    bench.apply(single("deaf", pod_of(DEAF, grace=3)))
    for name in ("tells", "deaf"):
        cancel(bench, name)
    for name, code in (("tells", 3), ("deaf", 137)):
        status = bench.ended(name, "Canceled", 30)
        assert status["message"] == "enough"
        assert [(attempt["reason"], attempt["exitCode"]) for attempt in status["attempts"]] == [("Canceled", code)]
        pod = bench.get("pod", f"{name}-1")
        assert (pod["status"]["phase"], why_stopped(pod)) == ("Failed", "Canceled")
        assert "started" in bench.kubectl("logs", f"{name}-1")
        # The end is told when nothing runs any more, and not before.
        stopped = pod["status"]["containerStatuses"][0]["state"]["terminated"]
        assert time_of(status["completionTime"]) == time_of(stopped["finishedAt"])
    assert "cleaned up" in bench.kubectl("logs", "tells-1")
    assert (
        bench.get("pod", "tells-1")["status"]["containerStatuses"][0]["state"]["terminated"]["message"] == "half done\n"
    )
    bench.kubectl("delete", "sr", "tells", "--wait=false")
    bench.until("its pod goes with it", lambda: not bench.get("pod", "tells-1"))


def test_each_attempt_that_takes_too_long_leaves_its_log(bench: Bench) -> None:
    retry = {"limit": 1, "initial": "1s"}
    bench.apply(single("slow", pod_of('echo "attempt $CRONTASK_ATTEMPT"; sleep 600'), timeout="3s", retry=retry))
    status = bench.ended("slow", "TimedOut")
    assert status["message"] == "took longer than its timeout of 3s"
    assert [attempt["pod"] for attempt in status["attempts"]] == ["slow-1", "slow-2"]
    for number in (1, 2):
        assert f"attempt {number}" in bench.kubectl("logs", f"slow-{number}")
        assert why_stopped(bench.get("pod", f"slow-{number}")) == "TimedOut"
    first, second = (bench.get("pod", f"slow-{number}") for number in (1, 2))
    stopped = first["status"]["containerStatuses"][0]["state"]["terminated"]
    assert time_of(second["metadata"]["creationTimestamp"]) >= time_of(stopped["finishedAt"])


def test_a_run_that_is_replaced_has_stopped_before_the_next_one_starts(bench: Bench) -> None:
    command = """echo started; trap 'sleep 2; exit 0' TERM; sleep 600 & wait"""
    bench.apply(ticking("newest", 8, command, concurrency={"policy": "Replace"}, handler=pod_of(command, grace=10)))
    bench.until("two were replaced", lambda: _replaced(bench, 2), 60)
    bench.kubectl("patch", "ct", "newest", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    pods = sorted(listed(bench, "pods"), key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
    for before, after in pairwise(pods):
        assert why_stopped(before) == "Replaced"
        stopped = before["status"]["containerStatuses"][0]["state"]["terminated"]
        assert time_of(after["metadata"]["creationTimestamp"]) >= time_of(stopped["finishedAt"])
        assert "started" in bench.kubectl("logs", before["metadata"]["name"])
    status = bench.get("ct", "newest")["status"]
    assert status["activeCount"] <= 1
    replaced = with_phase(bench, "newest", "Canceled")
    assert all(run["metadata"]["annotations"]["crontask.dev/replaced-by"] for run in replaced)


def _replaced(bench: Bench, number: int) -> bool:
    return len(with_phase(bench, "newest", "Canceled")) >= number


def test_every_container_of_a_pod_is_stopped_within_the_grace_period(bench: Bench) -> None:
    proxy = """trap 'echo proxy ended; exit 0' TERM; sleep 600 & wait"""
    main = {"name": "main", "image": IMAGE, "command": ["sh", "-c", DEAF]}
    beside = {"name": "beside", "image": IMAGE, "command": ["sh", "-c", proxy]}
    native = {"name": "native", "image": IMAGE, "command": ["sh", "-c", proxy], "restartPolicy": "Always"}
    containers = {"initContainers": [native], "containers": [main, beside]}
    spec = {"terminationGracePeriodSeconds": 4, "activeDeadlineSeconds": 500, **containers}
    bench.apply(single("many", {"podTemplate": {"spec": spec}}))
    bench.until("it runs", lambda: "started" in bench.kubectl("logs", "many-1", "-c", "main", check=False))
    bench.kubectl("patch", "sr", "many", "--type=merge", "-p", '{"spec":{"cancel":true}}')
    bench.ended("many", "Canceled", 30)
    status = bench.get("pod", "many-1")["status"]
    states = [each["state"] for each in (*status["initContainerStatuses"], *status["containerStatuses"])]
    assert all("terminated" in state for state in states)
    for name in ("native", "beside"):
        assert "proxy ended" in bench.kubectl("logs", "many-1", "-c", name)


def test_a_pod_that_has_not_started_has_no_log_and_goes(bench: Bench) -> None:
    bench.apply(single("stuck", pod_of("true", image="no-such-image:1")))
    bench.until("it is stuck", lambda: "ImagePullBackOff" in bench.kubectl("get", "sr", "stuck", "-o", "wide"))
    bench.kubectl("patch", "sr", "stuck", "--type=merge", "-p", '{"spec":{"cancel":true}}')
    bench.ended("stuck", "Canceled")
    assert bench.get("pod", "stuck-1") == {}


@pytest.mark.usefixtures("healthy")
@pytest.mark.alone
@pytest.mark.stops_parts
def test_a_pod_whose_kubelet_does_not_answer_is_deleted_after_half_a_minute(bench: Bench) -> None:
    bench.apply(single("far", pod_of("echo started; sleep 600", grace=1)))
    bench.until("it has started", lambda: "started" in bench.kubectl("logs", "far-1", check=False))
    with cluster.stopped("kubelet"):
        asked = datetime.now(UTC)
        bench.kubectl("patch", "sr", "far", "--type=merge", "-p", '{"spec":{"cancel":true}}')
        bench.until("its kubelet is asked", lambda: why_stopped(bench.get("pod", "far-1")) == "Canceled", 10)
        time.sleep(20)
        assert "deletionTimestamp" not in bench.get("pod", "far-1")["metadata"]
        assert bench.phase("far") == "Canceling"
        bench.until("it is deleted", lambda: "deletionTimestamp" in bench.get("pod", "far-1")["metadata"], 30)
        assert (datetime.now(UTC) - asked).total_seconds() > 30
        assert bench.phase("far") == "Canceling"
    status = bench.ended("far", "Canceled")
    assert len(status["attempts"]) == 1
    bench.until("its pod is gone", lambda: not bench.get("pod", "far-1"), 30)
