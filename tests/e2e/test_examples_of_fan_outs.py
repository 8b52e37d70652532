"""Examples of fan-outs and of parts that are a task's: each file, applied as it is, on real pods."""

import json
from datetime import datetime

from bench import Bench
from faults import described


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_same_for_each_item_and_the_totals(bench: Bench) -> None:
    bench.apply("fan-out.yaml")
    status = bench.ended("fan-out", "Partial")
    assert status["items"]["ends"] == "S3FS"
    assert status["result"] == {"letters": 22, "failed": 1}
    assert (status["progress"], status["message"]) == ("4/5", "1 of 5 items failed")
    (failed,) = status["items"]["failedItems"]
    assert (failed["index"], failed["item"]) == (3, '"narnia"')
    assert "KeyError" in failed["message"]
    parts = bench.parts("fan-out")
    assert len(parts) == 6
    log = bench.kubectl("logs", next(run for run in parts if "collect" in run["spec"]["parent"])["status"]["podName"])
    assert "failed: ['\"narnia\"']" in log
    # Two at a time.
    spans = [run["status"] for run in parts if "item" in run["spec"]["parent"]]
    for span in spans:
        beside = [s for s in spans if s["startTime"] <= span["startTime"] < s["completionTime"]]
        assert len(beside) <= 2
    # Few events: that it started, and that an item failed.
    events = json.loads(bench.kubectl("get", "events", "-o", "json"))["items"]
    mine = [event for event in events if event["involvedObject"]["name"] == "fan-out"]
    assert len(mine) <= 10
    described(bench, "sr", "fan-out", "an item: Failed")


def test_days_that_have_passed_are_made_up_for(bench: Bench) -> None:
    bench.apply("backfill.yaml")
    bench.ended("backfill", "Succeeded")
    parts = bench.parts("backfill")
    assert {run["status"]["origin"] for run in parts} == {"Backfill"}
    for run in parts:
        log = bench.kubectl("logs", run["status"]["podName"])
        assert log == f"the report of {run['spec']['parent']['item']['value']}\n"
    bench.until("they are counted", lambda: bench.get("ct", "daily-report")["status"]["counts"]["succeeded"] == 3)
    spans = sorted((run["status"]["startTime"], run["status"]["completionTime"]) for run in parts)
    assert _time(spans[0][1]) <= _time(spans[1][0])
    assert _time(spans[1][1]) <= _time(spans[2][0])


def test_a_step_is_a_fan_out_of_its_own(bench: Bench) -> None:
    bench.apply("nested.yaml")
    status = bench.ended("nested", "Succeeded")
    assert status["result"] == "60 rows are there"
    inner = next(step["run"] for step in status["steps"] if step["name"] == "import")
    assert bench.get("sr", inner)["status"]["items"]["ends"] == "S4"
    bench.until("its task is active", lambda: bench.get("ct", "import-pages")["status"]["phase"] == "Active")
    # All that belongs to it goes with it.
    bench.kubectl("delete", "sr", "nested")
    bench.until("all is gone", lambda: not bench.kubectl("get", "sr,pods", "-o", "name").strip())
