"""Fan-outs and batches while the operator is killed in the middle of them, on a real cluster."""

import json
from typing import Any

from bench import Bench
from faults import kill_operator

ITEMS, BATCHES = 100, 12
_PYTHON = """\
def handler(ctx):
    import time
    time.sleep(1)
    done = (ctx.cursor or 0) + 1
    return {{"cursor": done, "isDone": done == {batches}, "processedCount": 1}}
"""


def fan_out(name: str) -> str:
    """A hundred items, twenty at a time."""
    container = {
        "image": "busybox:1.36",
        "command": ["sh", "-c", """echo '{"processedCount": 1}' >/dev/termination-log"""],
    }
    return _run(name, {"forEach": {"items": ITEMS, "parallelism": 20, "handler": {"container": container}}})


def batches(name: str) -> str:
    """A dozen batches of a second."""
    return _run(name, {"batch": {"size": 1, "handler": {"python": {"source": _PYTHON.format(batches=BATCHES)}}}})


def kill_at(bench: Bench, name: str, done: int) -> None:
    """Kill the operator as soon as so many of the parts have ended."""
    bench.until(f"{done} parts have ended", lambda: _ended(bench, name) >= done, 240)
    kill_operator(bench)


def judge_fan_out(bench: Bench, name: str) -> None:
    """Each item has one run, with one attempt and one pod, and is counted once."""
    status = _at_its_end(bench, name)
    assert (status["phase"], status["items"]["ends"]) == ("Succeeded", f"S{ITEMS}"), status.get("message")
    assert (status["progress"], status["processedCount"]) == (f"{ITEMS}/{ITEMS}", ITEMS)
    found = bench.parts(name)
    assert sorted(run["spec"]["parent"]["item"]["index"] for run in found) == list(range(ITEMS))
    _each_once(bench, name, found)


def judge_batches(bench: Bench, name: str) -> None:
    """Each batch has one run, with one attempt and one pod, and begins where the one before ended."""
    status = _at_its_end(bench, name)
    assert status["phase"] == "Succeeded", status.get("message")
    known = status["batch"]
    assert (known["batches"], known["cursor"], known["processedCount"]) == (BATCHES, BATCHES, BATCHES)
    found = sorted(bench.parts(name), key=lambda run: int(run["spec"]["parent"]["batch"]["number"]))
    assert [run["spec"]["parent"]["batch"]["number"] for run in found] == list(range(1, BATCHES + 1))
    assert [run["spec"]["parent"]["batch"].get("cursor") for run in found] == [None, *range(1, BATCHES)]
    _each_once(bench, name, found)


def _run(name: str, handler: dict[str, Any]) -> str:
    run = {"apiVersion": "crontask.dev/v1alpha1", "kind": "ScheduledRun", "metadata": {"name": name}}
    return json.dumps({**run, "spec": {"handler": handler}})


def _at_its_end(bench: Bench, name: str) -> dict[str, Any]:
    bench.until("it has ended", lambda: bench.get("sr", name)["status"]["completionTime"], 300)
    return dict(bench.get("sr", name)["status"])


def _ended(bench: Bench, name: str) -> int:
    return sum("completionTime" in run.get("status", {}) for run in bench.parts(name))


def _each_once(bench: Bench, name: str, found: list[dict[str, Any]]) -> None:
    assert all(len(run["status"]["attempts"]) == 1 for run in found)
    selector = f"crontask.dev/parent={name}"
    pods = bench.kubectl("get", "pods", "-l", selector, "-o", "name").split()
    assert len(pods) == len(found)
