"""A run that failed is run again, on real pods: only what had not succeeded is done."""

import json

from bench import Bench


def test_a_workflow_goes_on_where_it_failed(bench: Bench) -> None:
    bench.apply("fails-at-first.yaml")
    before = bench.ended("fails-at-first")
    assert [step["phase"] for step in before["steps"]] == ["Succeeded", "Succeeded", "Failed"]
    bench.apply("rerun.yaml")
    status = bench.ended("rerun")
    assert (status["phase"], status["result"]) == ("Succeeded", {"loaded": 3, "table": "orders"}), status.get("message")
    assert [step["phase"] for step in status["steps"]] == ["Reused", "Reused", "Succeeded"]
    assert [step["run"] for step in status["steps"][:2]] == [step["run"] for step in before["steps"][:2]]
    listed = json.loads(bench.kubectl("get", "sr", "--field-selector", "spec.parent.name=rerun", "-o", "json"))
    (part,) = listed["items"]
    uid = bench.get("sr", "fails-at-first")["metadata"]["uid"]
    assert (part["spec"]["parent"]["step"], part["spec"]["parent"]["key"]) == ("load", f"{uid}/load")


def test_it_is_run_again_once(bench: Bench) -> None:
    bench.apply("fails-at-first.yaml")
    bench.ended("fails-at-first")
    bench.apply("rerun.yaml")
    assert bench.ended("rerun")["phase"] == "Succeeded"
    again = {"apiVersion": "crontask.dev/v1alpha1", "kind": "ScheduledRun", "metadata": {"name": "late"}}
    bench.apply(json.dumps({**again, "spec": {"rerunOf": {"name": "fails-at-first"}}}))
    status = bench.ended("late")
    words = "run fails-at-first has already been run again, last by run rerun; name that one"
    assert (status["phase"], status["message"]) == ("Failed", words)
