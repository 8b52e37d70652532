"""Each file of examples/, applied as it is, does what it says."""

from datetime import datetime
from pathlib import Path
from typing import Any

from bench import EXAMPLES, Bench
from faults import described, row


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_every_example_has_a_test() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [path.name for path in EXAMPLES.glob("*.yaml") if f'"{path.name}"' not in tests] == []


def test_a_cron_expression_fires_on_the_minute(bench: Bench) -> None:
    bench.apply("every-minute.yaml")
    runs = bench.until("a run has succeeded", lambda: _with_phase(bench, "every-minute", "Succeeded"), 80)
    status = runs[0]["status"]
    assert status["scheduledTime"].endswith(":00Z")
    assert _time(status["startTime"]) >= _time(status["scheduledTime"])
    assert runs[0]["status"]["origin"] == "Schedule"
    log = bench.kubectl("logs", status["podName"])
    assert f"for {status['scheduledTime']}" in log
    bench.until("the task says so", lambda: "Succeeded" in row(bench, "ct", "every-minute"))
    assert "* * * * *" in row(bench, "ct", "every-minute")


def _with_phase(bench: Bench, task: str, phase: str) -> list[dict[str, Any]]:
    return [run for run in bench.runs(task) if run.get("status", {}).get("phase") == phase]


def test_an_interval_keeps_its_rate_and_counts(bench: Bench) -> None:
    bench.apply("interval.yaml")
    runs = bench.until("two runs have succeeded", lambda: _two(_with_phase(bench, "every-ten-seconds", "Succeeded")))
    times = [_time(run["status"]["scheduledTime"]) for run in runs]
    assert (times[1] - times[0]).total_seconds() == 10
    counted = bench.until(
        "the runs are counted",
        lambda: bench.get("ct", "every-ten-seconds")["status"].get("counts", {}).get("succeeded", 0) >= 2,
    )
    assert counted


def _two(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return runs if len(runs) >= 2 else []


def test_a_run_now_gives_its_result(bench: Bench) -> None:
    bench.apply("run-now.yaml")
    bench.kubectl("wait", "--for=condition=Complete", "sr/run-now", "--timeout=60s")
    status = bench.get("sr", "run-now")["status"]
    assert status["result"] == {"answer": 42}
    assert status["phase"] == "Succeeded"


def test_a_run_later_waits_for_its_delay(bench: Bench) -> None:
    bench.apply("run-later.yaml")
    bench.until("it is pending", lambda: bench.phase("run-later") == "Pending")
    status = bench.ended("run-later", "Succeeded")
    waited = _time(status["startTime"]) - _time(bench.get("sr", "run-later")["metadata"]["creationTimestamp"])
    assert waited.total_seconds() >= 5


def test_a_trigger_runs_a_task_with_other_args(bench: Bench) -> None:
    bench.apply("trigger.yaml")
    status = bench.ended("greet-now", "Succeeded")
    assert status["origin"] == "Manual"
    log = bench.kubectl("logs", status["podName"])
    assert '"name":"everybody"' in log
    assert '"greeting":"hello"' in log
    assert bench.get("sr", "greet-now")["metadata"]["ownerReferences"][0]["name"] == "greet"


def test_cancel_stops_the_pod(bench: Bench) -> None:
    bench.apply("cancel.yaml")
    bench.until("it runs", lambda: bench.phase("long-one") == "Running")
    pod = bench.get("sr", "long-one")["status"]["podName"]
    bench.until("its container runs", lambda: bench.get("pod", pod)["status"]["phase"] == "Running")
    bench.kubectl("patch", "sr", "long-one", "--type=merge", "-p", '{"spec":{"cancel":true,"cancelReason":"enough"}}')
    status = bench.ended("long-one", "Canceled")
    assert status["message"] == "enough"
    # For its log.
    assert bench.get("pod", pod)["metadata"]["annotations"]["crontask.dev/stopped"] == "Canceled"
    refused = bench.kubectl("patch", "sr", "long-one", "--type=merge", "-p", '{"spec":{"cancel":false}}', check=False)
    assert "cancel never goes back" in refused


def test_a_timeout_stops_what_takes_too_long(bench: Bench) -> None:
    bench.apply("timeout.yaml")
    status = bench.ended("too-slow", "TimedOut")
    assert "timeout of 3s" in status["message"]
    assert status["attempts"][0]["reason"] == "TimedOut"


def test_forbid_skips_and_records(bench: Bench) -> None:
    bench.apply("forbid.yaml")
    task = bench.until("a time was skipped", lambda: _skipped(bench, "slow-one"))
    decision = task["status"]["recentDecisions"][0]
    assert (decision["type"], decision["reason"]) == ("Skipped", "RunAlreadyActive")
    assert task["status"]["activeCount"] == 1
    assert len(bench.runs("slow-one")) == 1
    described(bench, "ct", "slow-one", "RunAlreadyActive")


def _skipped(bench: Bench, task: str) -> dict[str, Any] | None:
    found = bench.get("ct", task)
    return found if found.get("status", {}).get("counts", {}).get("skipped") else None


def test_replace_ends_the_old_run_before_the_new_one_starts(bench: Bench) -> None:
    bench.apply("one-at-a-time-replace.yaml")
    old = bench.until("a run was replaced", lambda: _with_phase(bench, "latest-only", "Canceled"))[0]
    assert old["status"]["message"].startswith("replaced by latest-only-")
    new = bench.until("the next one runs", lambda: _with_phase(bench, "latest-only", "Running"))[0]
    assert _time(new["status"]["startTime"]) >= _time(old["status"]["completionTime"])


def test_the_main_container_gives_the_result_and_the_sidecar_is_stopped(bench: Bench) -> None:
    bench.apply("sidecar.yaml")
    status = bench.ended("with-sidecar", "Succeeded")
    pod = status["podName"]
    bench.until("the sidecar is stopped", lambda: bench.get("pod", pod)["status"]["phase"] in ("Failed", "Succeeded"))
    assert "main is done" in bench.kubectl("logs", pod, "-c", "work")


def test_a_failure_says_why(bench: Bench) -> None:
    bench.apply("result.yaml")
    partial = bench.ended("report-partial", "Partial")
    assert (partial["processedCount"], partial["errorCount"]) == (98, 2)
    failed = bench.ended("report-failed", "Failed")
    assert failed["attempts"][0]["exitCode"] == 3
    assert "no such table" in failed["message"]
    bench.kubectl("wait", "--for=condition=Failed", "sr/report-failed", "--timeout=5s")


def test_a_suspended_task_says_so_and_resumes(bench: Bench) -> None:
    bench.apply("suspended.yaml")
    bench.until("it is suspended", lambda: bench.get("ct", "paused").get("status", {}).get("phase") == "Suspended")
    assert bench.runs("paused") == []
    bench.kubectl("patch", "ct", "paused", "--type=merge", "-p", '{"spec":{"suspend":false}}')
    assert bench.until("it runs again", lambda: bench.runs("paused"))
