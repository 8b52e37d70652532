"""What goes wrong around the operator, on the real cluster: nothing is lost, nothing starts twice, and what is shown
says what happened. The operator killed in a burst is in test_operator; more, and for longer, in tests/soak.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from bench import Bench
from faults import (
    Operators,
    assert_each_time_is_decided_once,
    described,
    end_well,
    evict,
    goes_on,
    listed,
    next_launch,
    pod_of,
    row,
    single,
    ticking,
    with_phase,
)

from cluster import cluster

pytestmark = pytest.mark.usefixtures("healthy")

AWAY = 18
"""Seconds: longer than a lease, so that the leader loses it."""

FIRST_ATTEMPT_WAITS = 'trap "exit 143" TERM; [ "$CRONTASK_ATTEMPT" -gt 1 ] || { sleep 600 & wait; }'


@pytest.mark.alone
@pytest.mark.last
@pytest.mark.stops_parts
def test_times_that_pass_while_the_api_server_is_away_are_caught_up_or_recorded(bench: Bench) -> None:
    bench.apply(ticking("tick", 2))
    goes_on(bench, "tick")
    with cluster.stopped("kube-apiserver"):
        time.sleep(AWAY)
    goes_on(bench, "tick")
    counts = assert_each_time_is_decided_once(bench, "tick")
    assert counts["Missed"] > 0
    end_well(bench, "tick")
    described(bench, "ct", "tick", "MissSchedule", "NotStartedInTime")


@pytest.mark.parametrize(
    ("how", "reason", "words"),
    [
        ("evicted", "EvictionByEvictionAPI", "Eviction API: evicting"),
        ("deleted by hand", "PodDeleted", "pod lost-1 was deleted by somebody else"),
        ("deleted by force", "PodLost", "pod lost-1 is gone and nobody saw its end"),
    ],
)
def test_a_pod_that_others_end_is_retried_under_a_new_number(bench: Bench, how: str, reason: str, words: str) -> None:
    bench.apply(single("lost", pod_of(FIRST_ATTEMPT_WAITS), retry={"initial": "3s"}))
    bench.until("its pod runs", lambda: bench.get("pod", "lost-1").get("status", {}).get("phase") == "Running")
    if how == "evicted":
        evict(bench, "lost-1")
    elif how == "deleted by hand":
        bench.kubectl("delete", "pod", "lost-1", "--wait=false")
    else:
        bench.kubectl("delete", "pod", "lost-1", "--force", "--grace-period=0")
    bench.until("it waits for its next attempt", lambda: bench.phase("lost") == "Retrying", 20)
    assert f"attempt 1 was lost: {words}" in row(bench, "sr", "lost")
    bench.until("it has succeeded", lambda: bench.phase("lost") == "Succeeded")
    attempts = bench.get("sr", "lost")["status"]["attempts"]
    assert [attempt["pod"] for attempt in attempts] == ["lost-1", "lost-2"]
    assert attempts[0]["reason"] == reason
    assert [pod["metadata"]["name"] for pod in listed(bench, "pods")] == ["lost-2"]
    described(bench, "sr", "lost", "AttemptLost", f"an attempt was lost: {words}; another one follows")


def test_runs_that_a_quota_refuses_say_so_and_start_once_it_is_lifted(bench: Bench) -> None:
    bench.apply(ticking("tick", 2))
    goes_on(bench, "tick", times=1)
    bench.kubectl("create", "quota", "none", "--hard=pods=0")
    refused = bench.until("runs are refused", lambda: _at_least(3, with_phase(bench, "tick", "Pending")))
    name = refused[0]["metadata"]["name"]
    bench.until("it says why", lambda: "exceeded quota: none" in row(bench, "sr", name), 20)
    bench.until("so does an event", lambda: "FailedCreate" in bench.kubectl("describe", "sr", name), 20)
    bench.kubectl("delete", "quota", "none")
    names = {run["metadata"]["name"] for run in refused}
    bench.until("those have started and succeeded", lambda: all(bench.phase(n) == "Succeeded" for n in names))
    assert assert_each_time_is_decided_once(bench, "tick")["Missed"] == 0
    assert [len(bench.get("sr", n)["status"]["attempts"]) for n in names] == [1] * len(names)


def _at_least(count: int, things: list[dict[str, object]]) -> list[dict[str, object]]:
    return things if len(things) >= count else []


def test_a_canceled_handler_that_ignores_sigterm_is_in_the_way_until_it_has_stopped(bench: Bench) -> None:
    bench.apply(single("deaf", pod_of('trap "" TERM; while :; do sleep 1; done', grace=5)))
    bench.until("its pod runs", lambda: bench.get("pod", "deaf-1").get("status", {}).get("phase") == "Running")
    bench.kubectl("patch", "sr", "deaf", "--type=merge", "-p", '{"spec":{"cancel":true,"cancelReason":"enough"}}')
    bench.until("its pod is being stopped", lambda: "activeDeadlineSeconds" in bench.get("pod", "deaf-1")["spec"], 20)
    assert "Canceling" in row(bench, "sr", "deaf")
    bench.until("it is canceled", lambda: bench.phase("deaf") == "Canceled", 30)
    assert [pod["status"]["phase"] for pod in listed(bench, "pods")] == ["Failed"]
    assert "enough" in row(bench, "sr", "deaf")
    described(bench, "sr", "deaf", "Canceled after ")
    assert len(bench.get("sr", "deaf")["status"]["attempts"]) == 1


def test_a_namespace_that_goes_in_the_middle_of_runs_goes_and_others_go_on(bench: Bench) -> None:
    doomed, operators = Bench(bench.tools, f"{bench.namespace}-doomed"), Operators(bench.tools)
    bench.tools.create_namespace(doomed.namespace)
    bench.apply(ticking("tick", 2))
    doomed.apply(ticking("tick", 1, "sleep 600"))
    doomed.until("runs are under way", lambda: _at_least(3, with_phase(doomed, "tick", "Running")))
    bench.tools.kubectl("delete", "namespace", doomed.namespace, "--timeout=90s")
    goes_on(bench, "tick")
    assert assert_each_time_is_decided_once(bench, "tick")["Missed"] == 0
    (operator,) = operators.pods()
    assert operator["status"]["containerStatuses"][0]["restartCount"] == 0
    lines = operators.lines(operator["metadata"]["name"])
    assert [line for line in lines if "exception" in line] == []
    gone = [line for line in lines if line.get("namespace") == doomed.namespace or doomed.namespace in line["message"]]
    bench.until("nothing more is tried there", lambda: _quiet(operators, operator["metadata"]["name"], doomed), 30)
    assert gone


def _quiet(operators: Operators, pod: str, doomed: Bench) -> bool:
    """Whether the log has had no line about the namespace for some seconds."""
    about = [line for line in operators.lines(pod) if doomed.namespace in str(line)]
    return (datetime.now(UTC) - datetime.fromisoformat(about[-1]["time"])).total_seconds() > 5


@pytest.mark.alone
def test_a_standby_goes_on_each_time_that_the_leader_is_asked_to_end(
    bench: Bench, two_operators: Operators, capsys: pytest.CaptureFixture[str]
) -> None:
    def end(leader: str) -> datetime:
        asked = datetime.now(UTC)
        two_operators.delete(leader)
        return asked

    _hand_over_three_times(bench, two_operators, end, capsys)


@pytest.mark.alone
@pytest.mark.stops_parts
def test_a_standby_goes_on_each_time_that_the_leader_is_killed(
    bench: Bench, two_operators: Operators, capsys: pytest.CaptureFixture[str]
) -> None:
    _hand_over_three_times(bench, two_operators, two_operators.kill_with_pod, capsys)


def _hand_over_three_times(
    bench: Bench, operators: Operators, end: Callable[[str], datetime], capsys: pytest.CaptureFixture[str]
) -> None:
    bench.apply(ticking("tick", 1))
    for _ in range(3):
        goes_on(bench, "tick")
        leader = bench.until("somebody leads", operators.leader)
        ended = end(leader)
        launched = next_launch(bench, operators, ended, leader)
        with capsys.disabled():
            print(f"\nthe next launch came {(launched - ended).total_seconds():.2f} s after the end of the leader")
        assert operators.leader() not in ("", leader)
        bench.until("a standby is there", lambda: len(operators.ready()) == 2)
    goes_on(bench, "tick")
    assert_each_time_is_decided_once(bench, "tick")
