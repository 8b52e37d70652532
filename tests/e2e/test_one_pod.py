"""Batches of which one pod does several, on real pods: what a kubelet keeps of one that has ended, however that was."""

import json
from typing import Any

import pytest
from bench import Bench

# After the second batch, in its first attempt: it takes more memory, or more of the disk, than it may.
_MEMORY = "kept = []\n        while True:\n            kept.append(b'x' * 2**20)"
_DISK = "open('/tmp/x', 'wb').write(b'x' * 2**25)\n        time.sleep(120)"
_SOURCE = """\
import time

def handler(ctx):
    print(f"batch {{ctx.batch}} begins", flush=True)
    if ctx.batch == 3 and ctx.attempt == 1:
        {harm}
    done = (ctx.cursor or 0) + 1
    return {{"cursor": done, "isDone": done == 5, "processedCount": 1}}
"""


def ended(bench: Bench, name: str) -> dict[str, Any]:
    bench.until(f"{name} has ended", lambda: bench.get("sr", name)["status"]["completionTime"], 240)
    return dict(bench.get("sr", name)["status"])


def part_of(bench: Bench, name: str, number: int = 1) -> dict[str, Any]:
    """The part of that number."""
    found = {run["spec"]["parent"]["batch"]["part"]: run for run in bench.parts(name)}
    return dict(found[number])


def batches_begun(bench: Bench, pod: str) -> list[int]:
    # A container that is not there yet has no log.
    lines = bench.kubectl("logs", pod, check=False).splitlines()
    return [int(line.split()[1]) for line in lines if line.startswith("batch ") and line.endswith(" begins")]


def test_one_pod_does_a_hundred_batches(bench: Bench) -> None:
    bench.apply("one-pod.yaml")
    status = ended(bench, "one-pod")
    assert (status["phase"], status["progress"]) == ("Succeeded", "100 %"), status.get("message")
    known = status["batch"]
    assert (known["batches"], known["parts"], known["cursor"]) == (100, 1, {"next": 1001})
    assert (known["processedCount"], status["result"]) == (1000, {"calls": 100})
    pod = part_of(bench, "one-pod")["status"]["podName"]
    assert "batch 100, call 100 of process 1: 991 to 1000" in bench.kubectl("logs", pod)
    # What the kubelet has kept is one message, as long as the first, with nothing cut off.
    said = bench.get("pod", pod)["status"]["containerStatuses"][0]["state"]["terminated"]["message"]
    assert (len(said), json.loads(said)["batches"]) == (4095, 100)


def test_a_pause_ends_the_pod_after_its_batch_and_a_cancel_the_run(bench: Bench) -> None:
    bench.apply("one-pod.yaml")
    name = "one-pod-slowly"
    bench.until("it runs", lambda: part_of(bench, name)["status"]["phase"] == "Running", 120)
    first = part_of(bench, name)["status"]["podName"]
    bench.until("it has begun the third", lambda: 3 in batches_begun(bench, first))
    _edit(bench, name, suspend=True)
    bench.until("its pod has ended", lambda: part_of(bench, name)["status"]["completionTime"])
    paused = part_of(bench, name)["status"]
    done = paused["batch"]["batches"]
    assert (paused["phase"], paused["batch"]["cursor"]) == ("Succeeded", done)
    assert batches_begun(bench, first) == list(range(1, done + 1))
    assert len(bench.parts(name)) == 1
    _edit(bench, name, suspend=False)
    bench.until("another runs", lambda: part_of(bench, name, 2)["status"]["phase"] == "Running")
    second = part_of(bench, name, 2)["status"]["podName"]
    bench.until("it has begun one", lambda: batches_begun(bench, second))
    _edit(bench, name, cancel=True)
    status = ended(bench, name)
    begun = batches_begun(bench, second)
    assert begun == list(range(done + 1, begun[-1] + 1))
    assert (status["phase"], status["batch"]["batches"], status["batch"]["cursor"]) == (
        "Canceled",
        begun[-1],
        begun[-1],
    )


@pytest.mark.parametrize(
    ("harm", "limits", "reason"),
    [(_MEMORY, {"memory": "64Mi"}, "OOMKilled"), (_DISK, {"ephemeral-storage": "8Mi"}, "Evicted")],
    ids=["out of memory", "evicted"],
)
def test_after_a_kill_only_the_batch_under_way_runs_again(bench: Bench, harm: str, limits: Any, reason: str) -> None:
    handler = {
        "python": {"source": _SOURCE.format(harm=harm)},
        "pod": {"spec": {"containers": [{"name": "main", "resources": {"limits": limits}}]}},
    }
    batch = {"size": 1, "reusePodFor": "5m", "retry": {"limit": 1, "initial": "1s"}, "handler": handler}
    run = {"apiVersion": "crontask.dev/v1alpha1", "kind": "ScheduledRun", "metadata": {"name": "killed"}}
    bench.apply(json.dumps({**run, "spec": {"handler": {"batch": batch}}}))
    status = ended(bench, "killed")
    assert (status["phase"], status["batch"]["batches"], status["processedCount"]) == ("Succeeded", 5, 5)
    first, second = part_of(bench, "killed")["status"]["attempts"]
    assert first["reason"] == reason
    assert batches_begun(bench, second["pod"]) == [3, 4, 5]


def test_a_pod_that_somebody_deletes_at_once_runs_again_from_its_cursor(bench: Bench) -> None:
    bench.apply("one-pod.yaml")
    name = "one-pod-slowly"
    bench.until("it runs", lambda: part_of(bench, name)["status"]["phase"] == "Running", 120)
    pod = part_of(bench, name)["status"]["podName"]
    bench.until("it has begun the second", lambda: 2 in batches_begun(bench, pod))
    bench.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
    status = ended(bench, name)
    assert (status["phase"], status["batch"]["batches"], status["processedCount"]) == ("Succeeded", 12, 12)
    found = part_of(bench, name)["status"]
    assert (found["lostAttempts"], batches_begun(bench, found["podName"])[0]) == (1, 1)


def _edit(bench: Bench, name: str, **spec: Any) -> None:
    bench.kubectl("patch", "sr", name, "--type=merge", "-p", json.dumps({"spec": spec}))
