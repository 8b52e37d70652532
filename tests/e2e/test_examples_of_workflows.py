"""Examples of workflows: each file, applied as it is, on real pods."""

import json
from datetime import datetime
from typing import Any

from bench import Bench


def steps(status: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["phase"] for step in status["steps"]}


def log_of(bench: Bench, run: str) -> str:
    return bench.kubectl("logs", bench.get("sr", run)["status"]["podName"])


def test_steps_run_one_after_the_other_and_hand_on_their_results(bench: Bench) -> None:
    bench.apply("workflow.yaml")
    status = bench.ended("workflow", "Succeeded")
    assert steps(status) == {"fetch": "Succeeded", "charge": "Succeeded"}
    assert status["result"] == {"total": 42}
    assert status["steps"][0]["result"] == {"region": "eu", "orders": [17, 25]}
    fetch, charge = (step["run"] for step in status["steps"])
    assert "charging 2 orders of eu" in log_of(bench, charge)
    listed = bench.kubectl("get", "sr", "workflow")
    assert "PROGRESS" in listed
    assert "2/2 steps" in listed
    parts = bench.kubectl("get", "sr", "--field-selector", "spec.parent.name=workflow", "-o", "name").split()
    assert parts == sorted(f"scheduledrun.crontask.dev/{run}" for run in (fetch, charge))
    top = bench.kubectl("get", "sr", "--field-selector", "spec.parent.name=", "-o", "name").split()
    assert top == ["scheduledrun.crontask.dev/workflow"]
    # With the run, its parts and their pods go.
    bench.kubectl("delete", "sr", "workflow")
    bench.until("its parts are gone", lambda: not bench.kubectl("get", "sr,pods", "-o", "name").strip())


def test_what_was_done_is_undone_when_a_later_step_fails(bench: Bench) -> None:
    bench.apply("saga.yaml")
    status = bench.ended("saga", "Failed")
    assert status["undo"] == ["book-flight", "book-hotel"]
    assert [step.get("compensated") for step in status["steps"]] == [True, True, None]
    assert "step charge is Failed: ValueError: the card was declined" in status["message"]
    undone = json.loads(bench.kubectl("get", "sr", "-o", "json"))["items"]
    undone = [run for run in undone if "undo" in run["spec"].get("parent", {})]
    logs = {run["spec"]["parent"]["undo"]: log_of(bench, run["metadata"]["name"]) for run in undone}
    assert "canceled F-2" in logs["book-flight"]
    assert "canceled H-1" in logs["book-hotel"]
    first, second = sorted(undone, key=lambda run: str(run["status"]["completionTime"]))
    assert first["spec"]["parent"]["undo"] == "book-flight"
    assert second["status"]["startTime"] >= first["status"]["completionTime"]


def test_conditions_tolerated_failures_delays_and_clean_up(bench: Bench) -> None:
    bench.apply("conditions.yaml")
    status = bench.ended("conditions", "Partial")
    assert steps(status) == {
        "scan": "Succeeded",
        "repair": "Skipped",
        "warm-cache": "Failed",
        "report": "Succeeded",
        "clean-up": "Succeeded",
    }
    assert status["result"] == {"text": "0 found, cache Failed"}
    by_name = {step["name"]: step for step in status["steps"]}
    waited = _time(by_name["report"]["startTime"]) - _time(by_name["scan"]["completionTime"])
    assert waited.total_seconds() >= 4
    assert 'clean-up after {"ended":"Partial"}' in log_of(bench, by_name["clean-up"]["run"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
