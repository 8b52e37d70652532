"""A saga while the operator is killed in the middle of it, on a real cluster: the run, and the judge."""

import json
from itertools import pairwise
from typing import Any

from bench import Bench
from faults import kill_operator

STEPS = ("one", "two", "three", "four", "five", "six")
_UNDONE = tuple(f"{step}/undo" for step in reversed(STEPS[:-1]))
# In the order in which they run.
PARTS = (*STEPS, *_UNDONE)


def saga(name: str) -> str:
    """Five steps that do their work, and can be undone; and a sixth that fails."""

    def container(script: str) -> dict[str, Any]:
        return {"container": {"image": "busybox:1.36", "command": ["sh", "-c", script]}}

    steps = [{"name": step, **container("sleep 2"), "compensate": container("sleep 2")} for step in STEPS[:-1]]
    steps.append({"name": STEPS[-1], **container("exit 1")})
    run = {"apiVersion": "crontask.dev/v1alpha1", "kind": "ScheduledRun", "metadata": {"name": name}}
    return json.dumps({**run, "spec": {"handler": {"steps": steps}}})


def _part(run: dict[str, Any]) -> str:
    asked = run["spec"]["parent"]
    return f"{asked['undo']}/undo" if "undo" in asked else str(asked["step"])


def kill_at_part(bench: Bench, name: str, at: str) -> None:
    """Kill the operator as soon as that part is there."""
    bench.until(f"{at} has begun", lambda: at in map(_part, bench.parts(name)), 180)
    kill_operator(bench)


def judge_saga(bench: Bench, name: str) -> None:
    """Each part has one attempt and one pod, one after the other; all that was done is undone."""
    bench.until("it has ended", lambda: bench.phase(name) == "Failed", 180)
    status = bench.get("sr", name)["status"]
    found = bench.parts(name)
    assert sorted(map(_part, found)) == sorted(PARTS)
    assert status["undo"] == list(reversed(STEPS[:-1]))
    assert all(step.get("compensated") for step in status["steps"][:-1])
    assert all(len(run["status"]["attempts"]) == 1 for run in found)
    pods = bench.kubectl("get", "pods", "-l", f"crontask.dev/parent={name}", "-o", "name").split()
    assert len(pods) == len(found)
    ends = {_part(run): run["status"] for run in found}
    assert all(ends[b]["startTime"] >= ends[a]["completionTime"] for a, b in pairwise(PARTS))
