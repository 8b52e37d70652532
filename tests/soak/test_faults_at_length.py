"""Faults again and again, at random moments, and those that take minutes; and what is promised of failover, measured.

On the throw-away cluster only: its processes are signalled, its parts stopped.
"""

import random
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import cycle

import pytest
from bench import Bench
from faults import (
    Operators,
    assert_each_time_is_decided_once,
    described,
    end_well,
    evict,
    goes_on,
    next_launch,
    pod_of,
    row,
    single,
    ticking,
    with_phase,
)

from cluster import cluster
from installation import Tools

pytestmark = [pytest.mark.usefixtures("healthy"), pytest.mark.alone]

KILLS = 20
FAILOVERS = 50
HANDED_OVER = 2.0
"""Seconds in which the standby's next launch comes after a SIGTERM of the leader."""
BURST = [f"burst-{number}" for number in range(10)]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints, though the test passes."""

    def print_it(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", end="", flush=True)

    return print_it


@pytest.fixture
def operators(tools: Tools, bench: Bench) -> Operators:
    """The installed one."""
    return Operators(tools)


def _bursts(bench: Bench, every: int) -> None:
    """Ten tasks that are due together, but for those of them that were made a second later."""
    bench.apply("".join(ticking(name, every) for name in BURST))


def _runs(bench: Bench) -> int:
    return len(bench.kubectl("get", "pods", "-o", "name").split())


def _more_than(bench: Bench, before: int) -> bool:
    return _runs(bench) > before


def _assert_all_is_well(bench: Bench, tasks: Sequence[str], tell: Callable[[str], None]) -> None:
    goes_on(bench, *tasks, times=1)
    counts = [assert_each_time_is_decided_once(bench, task) for task in tasks]
    end_well(bench, *tasks)
    runs, missed, skipped = (sum(count[kind] for count in counts) for kind in ("Run", "Missed", "Skipped"))
    tell(f"{runs} runs, {missed} times missed and recorded, {skipped} skipped; none lost, none twice")


# --- the operator ----------------------------------------------------------------------------------------------------


def test_each_time_is_decided_once_though_the_operator_is_killed_again_and_again(
    bench: Bench, operators: Operators, tell: Callable[[str], None]
) -> None:
    _bursts(bench, 10)
    bench.until("the first burst has begun", lambda: _runs(bench) > 3)
    for with_its_pod in _alternating(KILLS):
        # At any moment of a burst or between two.
        time.sleep(random.uniform(0, 10))
        (pod,) = bench.until("an operator is there", operators.ready, 90)
        before = _runs(bench)
        if with_its_pod:
            operators.kill_with_pod(pod)
        else:
            operators.signal(pod, signal.SIGKILL)
        bench.until("runs go on", partial(_more_than, bench, before), 90)
    _assert_all_is_well(bench, BURST, tell)


def _alternating(times: int) -> Iterator[bool]:
    """A container that is killed is started again by the kubelet, with growing pauses; a pod is replaced at once."""
    choices = cycle((False, True))
    return (next(choices) for _ in range(times))


def test_the_standby_starts_runs_soon_after_a_leader_is_asked_to_end(
    bench: Bench, two_operators: Operators, tell: Callable[[str], None]
) -> None:
    def end(leader: str) -> datetime:
        sent = two_operators.signal(leader, signal.SIGTERM)
        two_operators.delete(leader)
        return sent

    taken = _failovers(bench, two_operators, end)
    tell(_summary("SIGTERM", taken, HANDED_OVER))
    assert max(taken) <= HANDED_OVER
    _assert_all_is_well(bench, ["tick"], tell)


def test_the_standby_starts_runs_when_the_lease_of_a_killed_leader_has_run_out(
    bench: Bench, two_operators: Operators, tell: Callable[[str], None]
) -> None:
    taken = _failovers(bench, two_operators, two_operators.kill_with_pod)
    promised = two_operators.lease_seconds() + 1
    tell(_summary("SIGKILL", taken, promised))
    assert max(taken) <= promised
    _assert_all_is_well(bench, ["tick"], tell)


def _failovers(bench: Bench, operators: Operators, end: Callable[[str], datetime]) -> list[float]:
    """Seconds from each end of the leader to the next launch by another, with a task that is due each second."""
    bench.apply(ticking("tick", 1))
    bench.until("runs start", lambda: bench.runs("tick"))
    taken = []
    for _ in range(FAILOVERS):
        leader = bench.until("somebody leads, somebody stands by", lambda: _leader_of_two(operators, bench), 90)
        # At any moment between two renewals of the lease.
        time.sleep(random.uniform(0, 5))
        ended = end(leader)
        taken.append((next_launch(bench, operators, ended, leader) - ended).total_seconds())
    return taken


def _leader_of_two(operators: Operators, bench: Bench) -> str:
    """The leader, once it has started runs and a standby knows all that there is."""
    leader, ready = operators.leader(), operators.ready()
    if len(ready) < 2 or leader not in ready:
        return ""
    warm = all(operators.said(pod, "pods listed") for pod in ready if pod != leader)
    return leader if warm and operators.launches(leader, bench.namespace) else ""


def _summary(what: str, taken: Sequence[float], promised: float) -> str:
    each = " ".join(f"{seconds:.2f}" for seconds in sorted(taken))
    return (
        f"after {what}, {len(taken)} times, seconds to the next launch: median {statistics.median(taken):.2f}, "
        f"longest {max(taken):.2f}, promised {promised:.0f}\n{each}"
    )


def test_a_leader_that_was_paused_until_it_had_lost_its_lease_does_no_harm(
    bench: Bench, two_operators: Operators, tell: Callable[[str], None]
) -> None:
    _bursts(bench, 5)
    bench.until("the first burst has begun", lambda: _runs(bench) > 3)
    for _ in range(5):
        leader = bench.until("somebody leads, somebody stands by", lambda: _leader_of_two(two_operators, bench), 90)
        time.sleep(random.uniform(0, 5))
        paused = two_operators.signal(leader, signal.SIGSTOP)
        try:
            next_launch(bench, two_operators, paused, leader)
        finally:
            woken = two_operators.signal(leader, signal.SIGCONT)
        bench.until("it sees that", partial(_gave_way, two_operators, leader, woken))
        assert two_operators.leader() not in ("", leader)
        late = [time for time in two_operators.launches(leader, bench.namespace) if time >= woken]
        tell(f"launches of the woken one: {len(late)}")
        assert late == []
    _assert_all_is_well(bench, BURST, tell)


def _gave_way(operators: Operators, pod: str, since: datetime) -> bool:
    lines = operators.lines(pod, since)
    return any("stopping: the lease is lost" in line["message"] for line in lines)


# --- the cluster -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("part", "seconds"), [("kube-apiserver", 30), ("etcd", 30), ("etcd", 0)])
def test_the_control_plane_goes_and_comes_back(
    bench: Bench, tell: Callable[[str], None], part: str, seconds: int
) -> None:
    _bursts(bench, 5)
    bench.until("the first burst has begun", lambda: _runs(bench) > 3)
    with cluster.stopped(part):
        time.sleep(seconds)
    _assert_all_is_well(bench, BURST, tell)


def test_runs_of_a_node_that_is_away_wait_and_its_lost_pods_are_replaced(
    bench: Bench, tell: Callable[[str], None]
) -> None:
    handler = pod_of('trap "exit 143" TERM; [ "$CRONTASK_ATTEMPT" -gt 1 ] || { sleep 3600 & wait; }')
    bench.apply(single("moved", handler))
    bench.apply(ticking("tick", 5))
    bench.until("its pod runs", lambda: bench.get("pod", "moved-1").get("status", {}).get("phase") == "Running")
    goes_on(bench, "tick")
    with cluster.stopped("kubelet"):
        # As the cluster does by itself where another node is left.
        evict(bench, "moved-1")
        words = "its pod is being deleted by somebody else"
        bench.until("it says so", lambda: words in row(bench, "sr", "moved"))
        bench.until("no node is left", lambda: "Unschedulable" in bench.kubectl("get", "sr", "-o", "wide"), 120)
        assert bench.phase("moved") == "Running"
    bench.until("it is done by another", lambda: bench.phase("moved") == "Succeeded", 120)
    assert [attempt["pod"] for attempt in bench.get("sr", "moved")["status"]["attempts"]] == ["moved-1", "moved-2"]
    described(bench, "sr", "moved", "attempt 1 was lost")
    _assert_all_is_well(bench, ["tick"], tell)


def test_a_task_whose_image_does_not_exist_says_so_each_time(bench: Bench) -> None:
    handler = pod_of("true", image="crontask.example/no-such-image:1")
    bench.apply(ticking("stuck", 3, handler=handler, startTimeout="8s", concurrency={"policy": "Forbid"}))
    bench.until("it says so", lambda: "ImagePullBackOff" in bench.kubectl("get", "sr", "-o", "wide"))
    failed = bench.until("two have failed", lambda: _two(with_phase(bench, "stuck", "Failed")), 90)
    for run in failed:
        assert "did not start within 8s" in row(bench, "sr", run["metadata"]["name"])
    counts = assert_each_time_is_decided_once(bench, "stuck")
    assert counts["Missed"] == 0
    assert counts["Skipped"] > 0
    described(bench, "ct", "stuck", "RunAlreadyActive")


def _two(runs: list[dict[str, object]]) -> list[dict[str, object]]:
    return runs if len(runs) >= 2 else []
