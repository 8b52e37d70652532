"""A run in batches, on real pods: each begins where the one before ended."""

import json
from typing import Any

from bench import Bench


def batches_of(bench: Bench, name: str) -> list[dict[str, Any]]:
    """Its parts, in order."""
    listed = bench.kubectl("get", "sr", "--field-selector", f"spec.parent.name={name}", "-o", "json")
    return sorted(json.loads(listed)["items"], key=lambda run: int(run["spec"]["parent"]["batch"]["number"]))


def test_a_batch_begins_where_the_one_before_ended(bench: Bench) -> None:
    bench.apply("batch.yaml")
    status = bench.ended("batch")
    assert (status["phase"], status["progress"]) == ("Succeeded", "100 %"), status.get("message")
    known = status["batch"]
    assert (known["batches"], known["done"], known["cursor"]) == (3, True, {"next": 11})
    assert (known["processedCount"], status["result"]["batches"]) == (10, 3)
    runs = batches_of(bench, "batch")
    assert [run["spec"]["parent"]["batch"].get("cursor") for run in runs] == [None, {"next": 5}, {"next": 9}]
    assert [run["status"]["batch"]["cursor"] for run in runs] == [{"next": 5}, {"next": 9}, {"next": 11}]
    logs = [bench.kubectl("logs", run["status"]["podName"]) for run in runs]
    assert "batch 2: the numbers [5, 6, 7, 8]" in logs[1]
    assert "batch 3: the numbers [9, 10]" in logs[2]


def test_the_next_run_of_a_task_goes_on_at_its_cursor(bench: Bench) -> None:
    bench.apply("batch.yaml")
    for name, phase, cursor in (("first", "Partial", 8), ("second", "Succeeded", 10)):
        bench.apply(_run(name))
        status = bench.ended(name)
        assert (status["phase"], status["batch"]["cursor"]) == (phase, cursor), status.get("message")
    bench.until("both are counted", lambda: bench.get("ct", "batch-at-night")["status"]["batch"]["run"] == "second")
    assert bench.get("ct", "batch-at-night")["status"]["batch"] == {"cursor": 10, "done": True, "run": "second"}


def _run(name: str) -> str:
    spec = {"taskRef": {"name": "batch-at-night"}}
    return json.dumps(
        {"apiVersion": "crontask.dev/v1alpha1", "kind": "ScheduledRun", "metadata": {"name": name}, "spec": spec}
    )
