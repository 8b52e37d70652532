"""Workflows when the operator is killed in the middle of them, on the real cluster."""

import json
from itertools import pairwise
from typing import Any

import pytest
from bench import Bench
from faults import Operators

pytestmark = pytest.mark.usefixtures("healthy")

STEPS = ("one", "two", "three", "four", "five", "six")


def _saga(name: str) -> str:
    """Five steps that do their work, and can be undone; and a sixth that fails."""

    def container(script: str) -> dict[str, Any]:
        return {"container": {"image": "busybox:1.36", "command": ["sh", "-c", script]}}

    steps = [{"name": step, **container("sleep 2"), "compensate": container("sleep 2")} for step in STEPS[:-1]]
    steps.append({"name": STEPS[-1], **container("exit 1")})
    run = {"apiVersion": "crontask.dev/v1alpha1", "kind": "ScheduledRun", "metadata": {"name": name}}
    return json.dumps({**run, "spec": {"handler": {"steps": steps}}})


def _parts(bench: Bench) -> list[dict[str, Any]]:
    items = json.loads(bench.kubectl("get", "sr", "-o", "json"))["items"]
    parts = [run for run in items if "parent" in run["spec"]]
    return sorted(parts, key=lambda run: (run.get("status", {}).get("startTime", ""), run["metadata"]["name"]))


def _part(run: dict[str, Any]) -> str:
    asked = run["spec"]["parent"]
    return f"{asked['undo']}/undo" if "undo" in asked else str(asked["step"])


@pytest.mark.parametrize("at", ["three", "four/undo"])
def test_a_saga_goes_on_where_it_was_when_the_operator_is_killed(bench: Bench, at: str) -> None:
    operators = Operators(bench.tools)
    bench.apply(_saga("saga"))
    bench.until(f"{at} has begun", lambda: at in map(_part, _parts(bench)))
    (pod,) = bench.until("an operator is there", operators.ready, 90)
    operators.kill_with_pod(pod)
    bench.until("it has ended", lambda: bench.phase("saga") == "Failed", 180)
    status = bench.get("sr", "saga")["status"]
    undone = [f"{step}/undo" for step in reversed(STEPS[:-1])]
    found = _parts(bench)
    assert sorted(map(_part, found)) == sorted([*STEPS, *undone])
    assert status["undo"] == list(reversed(STEPS[:-1]))
    assert all(step.get("compensated") for step in status["steps"][:-1])
    assert all(len(run["status"]["attempts"]) == 1 for run in found)
    # One after the other, and each pod once.
    pods = json.loads(bench.kubectl("get", "pods", "-o", "json"))["items"]
    assert len(pods) == len(found)
    ends = {_part(run): run["status"] for run in found}
    line = [*STEPS, *undone]
    assert all(ends[b]["startTime"] >= ends[a]["completionTime"] for a, b in pairwise(line))
