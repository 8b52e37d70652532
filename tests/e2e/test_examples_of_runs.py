"""Examples of a run's life: each file, applied as it is, on real pods."""

import json
from datetime import datetime

from bench import Bench, reason_of
from faults import described


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_run_that_fails_is_tried_again_after_pauses_that_grow(bench: Bench) -> None:
    bench.apply("retry.yaml")
    bench.until(
        "it waits for the next attempt", lambda: bench.get("sr", "retry").get("status", {}).get("nextRetryTime")
    )
    status = bench.ended("retry", "Succeeded")
    assert [attempt.get("exitCode") for attempt in status["attempts"]] == [1, 1, 0]
    first, second, third = status["attempts"]
    assert (_time(second["startTime"]) - _time(first["completionTime"])).total_seconds() >= 0.9
    assert (_time(third["startTime"]) - _time(second["completionTime"])).total_seconds() >= 1.8
    logs = [bench.kubectl("logs", attempt["pod"]) for attempt in status["attempts"]]
    assert [log.split(",")[0] for log in logs] == ["attempt 1", "attempt 2", "attempt 3"]
    assert len({log.partition("always for ")[2] for log in logs}) == 1
    described(bench, "sr", "retry", "AttemptFailed")
    assert bench.kubectl("get", "sr", "retry", "--no-headers").split()[-2] == "3"


def test_what_must_happen_at_most_once_is_not_repeated_when_its_pod_is_gone(bench: Bench) -> None:
    bench.apply("at-most-once.yaml")
    bench.until("it runs", lambda: bench.phase("at-most-once") == "Running")
    bench.until("its pod runs", lambda: _pod_phase(bench, "at-most-once-1") == "Running")
    bench.kubectl("delete", "pod", "at-most-once-1", "--grace-period=1")
    status = bench.ended("at-most-once", "Failed")
    assert reason_of(status) in ("PodLost", "PodDeleted")
    assert len(status["attempts"]) == 1
    assert _pod_phase(bench, "at-most-once-2") is None


def _pod_phase(bench: Bench, name: str) -> str | None:
    phase = bench.get("pod", name).get("status", {}).get("phase")
    return str(phase) if phase else None


def test_asking_twice_runs_once(bench: Bench) -> None:
    bench.apply("ask-twice.yaml")
    bench.ended("invoice-42", "Succeeded")
    status = bench.ended("invoice-42-again", "Skipped")
    assert "run invoice-42 " in status["message"]
    pods = json.loads(bench.kubectl("get", "pods", "-o", "json"))["items"]
    assert [pod["metadata"]["name"] for pod in pods] == ["invoice-42-1"]


def test_a_run_starts_another_when_it_has_ended(bench: Bench) -> None:
    bench.apply("on-complete.yaml")
    bench.ended("export", "Succeeded")
    (run,) = bench.until("it is followed", lambda: bench.runs("notify"))
    status = bench.ended(run["metadata"]["name"], "Succeeded")
    assert status["origin"] == "OnComplete"
    log = bench.kubectl("logs", status["podName"])
    assert '{"to":"team@example.com"}' in log.replace(" ", "")
    trigger = json.loads(log.partition("because of ")[2])
    assert (trigger["run"], trigger["phase"], trigger["result"]) == ("export", "Succeeded", {"rows": 3})


def test_a_finished_run_is_gone_when_its_time_is_over(bench: Bench) -> None:
    bench.apply("keep-for.yaml")
    bench.ended("keep-for", "Succeeded")
    bench.until("it is gone", lambda: not bench.get("sr", "keep-for"), 30)
    bench.until("its pod went with it", lambda: not bench.get("pod", "keep-for-1"), 60)


def test_a_run_that_is_held_back_starts_when_it_is_let_go(bench: Bench) -> None:
    bench.apply("held-back.yaml")
    bench.until(
        "it says so", lambda: "spec.suspend" in str(bench.get("sr", "held-back").get("status", {}).get("message"))
    )
    assert bench.phase("held-back") == "Pending"
    bench.kubectl("patch", "sr", "held-back", "--type=merge", "-p", '{"spec":{"suspend":false}}')
    bench.ended("held-back", "Succeeded")


def test_an_image_that_does_not_exist_is_named_and_given_up(bench: Bench) -> None:
    bench.apply("no-such-image.yaml")
    status = bench.ended("no-such-image", "Failed", 90)
    assert reason_of(status) == "StartTimeout"
    assert "did not start within 10s" in status["message"]
    assert "ImagePullBackOff" in status["message"]


def test_args_are_checked_before_a_pod_starts_and_results_when_it_has_ended(bench: Bench) -> None:
    bench.apply("schemas.yaml")
    moon = bench.ended("report-moon", "Failed")
    assert (reason_of(moon), moon["message"]) == ("ArgsInvalid", "args.region: must be eu or us, not 'moon'")
    assert _pod_phase(bench, "report-moon-1") is None
    assert bench.ended("report-eu", "Succeeded")["result"] == {"rows": 42}
    us = bench.ended("report-us", "Failed")
    assert (reason_of(us), us["message"]) == ("ResultInvalid", "result.rows: is missing")
    assert us["result"] == {"lines": 42}
