"""The example of an approval: a person approves it, rejects it, or does so while no operator is there."""

import json
from functools import partial
from typing import Any

import pytest
from bench import Bench
from faults import kill_operator, listed


def _step(bench: Bench, name: str) -> dict[str, Any]:
    steps = bench.get("sr", "approval")["status"]["steps"]
    return next(step for step in steps if step["name"] == name)


def _waits(bench: Bench) -> dict[str, Any]:
    bench.apply("approval.yaml")
    bench.until("it waits for a person", lambda: _step(bench, "manager")["phase"] == "Waiting", 120)
    return _step(bench, "manager")


def _annotate(bench: Bench, annotation: str) -> None:
    bench.kubectl("annotate", "--overwrite", "sr", "approval", annotation)


def _is_told(bench: Bench, reason: str, words: str) -> bool:
    return any(event["reason"] == reason and words in event["message"] for event in listed(bench, "events"))


def _pods(bench: Bench) -> int:
    return len(listed(bench, "pods"))


def test_a_workflow_waits_until_a_person_approves(bench: Bench) -> None:
    waiting = _waits(bench)
    command = f"kubectl annotate --overwrite -n {bench.namespace} sr approval crontask.dev/approve=manager"
    assert waiting["message"] == f"waits for approval: refunds over 100 euros need a second pair of eyes; {command}"
    assert _pods(bench) == 1
    assert "waits for approval: manager" in bench.kubectl("get", "sr", "approval", "-o", "wide")
    _annotate(bench, "crontask.dev/approve=manger")
    bench.until("it says that no step is called so", lambda: "did you mean manager?" in str(listed(bench, "events")))
    assert _step(bench, "manager")["phase"] == "Waiting"
    _annotate(bench, "crontask.dev/approve=manager by alice")
    status = bench.ended("approval", "Succeeded")
    assert status["result"] == {"refunded": 120, "approvedBy": "alice"}
    approved = _step(bench, "manager")
    assert approved["startTime"] == waiting["startTime"]
    assert approved["answer"] == {"approved": True, "at": approved["completionTime"], "by": "alice"}
    assert _pods(bench) == 3
    told = {"Approved": "manager: approved by alice", "WaitingForApproval": command}
    for reason, words in told.items():
        bench.until(f"an event tells of {reason}", partial(_is_told, bench, reason, words))


def test_what_a_person_rejects_is_not_done(bench: Bench) -> None:
    _waits(bench)
    _annotate(bench, "crontask.dev/reject=manager by bob")
    status = bench.ended("approval", "Failed")
    assert status["message"] == "step manager is Failed: rejected by bob"
    assert {step["name"]: step["phase"] for step in status["steps"]} == {
        "price": "Succeeded",
        "manager": "Failed",
        "refund": "NotReached",
        "answer-customer": "Succeeded",
    }
    last = bench.get("sr", _step(bench, "answer-customer")["run"])["status"]["podName"]
    answered = json.loads(bench.kubectl("logs", last).partition("answer ")[2])
    assert answered == {"refund": "NotReached", "answer": "rejected by bob"}


@pytest.mark.usefixtures("healthy")
@pytest.mark.kills
def test_an_approval_is_seen_by_the_operator_that_comes_next(bench: Bench) -> None:
    waiting = _waits(bench)
    kill_operator(bench)
    _annotate(bench, "crontask.dev/approve=manager by alice")
    status = bench.ended("approval", "Succeeded")
    assert status["result"]["approvedBy"] == "alice"
    assert _step(bench, "manager")["startTime"] == waiting["startTime"]
