"""From the version before, whose chart and operator lie in before/, to this one: nothing is lost, and all goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import Bench
from faults import Operators, assert_each_time_is_decided_once, end_well, goes_on, pod_of, single, ticking

from cluster import dockerfile, images
from installation import NAMESPACE, Tools, install

BEFORE = Path(__file__).parent / "before"
CHART = BEFORE / "crontask-0.0.9.tgz"
IMAGE = "crontask/operator:before"
NEW_FIELD = "jsonpath={.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.expect.description}"
WORKFLOW = """
apiVersion: crontask.dev/v1alpha1
kind: ScheduledRun
metadata:
  name: flow
spec:
  handler:
    steps:
      - name: first
        container: {image: "busybox:1.36", command: [sh, -c, "echo one"]}
      - name: second
        container: {image: "busybox:1.36", command: [sh, -c, "until [ -e /tmp/go ]; do sleep 0.2; done"]}
      - name: third
        container: {image: "busybox:1.36", command: [sh, -c, "echo three"]}
"""


@pytest.fixture
def before(tools: Tools) -> Iterator[Tools]:
    """A cluster with the version before, which has this one again at the end."""
    images.load([dockerfile.build(BEFORE, BEFORE / "Dockerfile", IMAGE)])
    repository, tag = IMAGE.split(":")
    settings = ("--set", f"image.repository={repository},image.tag={tag}")
    tools.helm("upgrade", "crontask", str(CHART), "--namespace", NAMESPACE, "--wait", "--timeout", "120s", *settings)
    tools.kubectl("rollout", "status", "deployment/crontask", "--namespace", NAMESPACE, "--timeout=120s")
    yield tools
    install(tools)


@pytest.mark.alone
@pytest.mark.stops_parts
def test_an_upgrade_keeps_tasks_and_runs_and_a_workflow_goes_on_where_it_was(before: Tools, bench: Bench) -> None:
    assert before.kubectl("get", "crd", "crontasks.crontask.dev", "-o", NEW_FIELD) == ""
    bench.apply(ticking("ticks", 2) + ticking("paused", 2, suspend=True, suspendReason="a migration"))
    bench.apply(WORKFLOW)
    bench.apply(single("later", pod_of("true"), delay="1h"))
    goes_on(bench, "ticks", times=2)
    second = bench.until("the second step runs", lambda: _running_part(bench, "second"))
    bench.until("the one for later waits", lambda: bench.phase("later") == "Pending")
    kept = {name: bench.get("sr", name)["metadata"]["uid"] for name in _names(bench)}
    (old,) = Operators(before).ready()

    install(before)

    assert before.kubectl("get", "crd", "crontasks.crontask.dev", "-o", NEW_FIELD) != ""
    bench.until("the operator is the new one", lambda: Operators(before).leader() not in ("", old))
    goes_on(bench, "ticks", times=2)
    assert bench.phase("flow") == "Running"
    (pod,) = bench.get("sr", second)["status"]["attempts"]
    bench.kubectl("exec", pod["pod"], "--", "touch", "/tmp/go")
    status = bench.ended("flow", "Succeeded")
    assert [(step["name"], step["phase"]) for step in status["steps"]] == [
        (name, "Succeeded") for name in ("first", "second", "third")
    ]
    assert [len(part["status"]["attempts"]) for part in bench.parts("flow")] == [1, 1, 1]
    assert {name: bench.get("sr", name)["metadata"]["uid"] for name in kept} == kept
    assert bench.phase("later") == "Pending"
    paused = bench.get("ct", "paused")
    assert (paused["spec"]["suspendReason"], bench.runs("paused")) == ("a migration", [])
    bench.kubectl("patch", "ct", "ticks", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    end_well(bench, "ticks")
    assert assert_each_time_is_decided_once(bench, "ticks")["Run"] >= 4


def _running_part(bench: Bench, step: str) -> str:
    """The name of a step's run once its pod runs; empty before."""
    running = [
        str(part["metadata"]["name"])
        for part in bench.parts("flow")
        if part["spec"]["parent"].get("step") == step and part.get("status", {}).get("phase") == "Running"
    ]
    return running[0] if running else ""


def _names(bench: Bench) -> list[str]:
    return bench.kubectl("get", "sr", "-o", "jsonpath={.items[*].metadata.name}").split()
