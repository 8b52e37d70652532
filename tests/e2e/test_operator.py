"""The installed operator: killed in a burst, refused input, switched off, uninstalled."""

import json

import pytest
from bench import Bench

from installation import NAMESPACE, install

TASK = """
apiVersion: crontask.dev/v1alpha1
kind: CronTask
metadata:
  name: burst-{number}
spec:
  interval: 15s
  handler:
    container:
      image: busybox:1.36
      command: ["true"]
---
"""


def test_thirty_tasks_all_start_once_though_the_operator_is_killed(bench: Bench) -> None:
    bench.apply("".join(TASK.format(number=number) for number in range(30)))
    bench.until("the burst has begun", lambda: len(_pods(bench)) > 3)
    bench.tools.kubectl("-n", NAMESPACE, "delete", "pod", "--all", "--grace-period=0", "--force", "--wait=false")
    bench.until("each task has run", lambda: len(_succeeded(bench)) == 30, 150)
    runs = json.loads(bench.kubectl("get", "sr", "-o", "json"))["items"]
    times = [(run["spec"]["taskRef"]["name"], run["spec"]["scheduledTime"]) for run in runs]
    assert len(times) == len(set(times))
    pods = json.loads(bench.kubectl("get", "pods", "-o", "json"))["items"]
    owners = [pod["metadata"]["ownerReferences"][0]["uid"] for pod in pods]
    assert len(owners) == len(set(owners))


def _pods(bench: Bench) -> list[str]:
    return bench.kubectl("get", "pods", "-o", "name").split()


def _succeeded(bench: Bench) -> set[str]:
    items = json.loads(bench.kubectl("get", "sr", "-o", "json"))["items"]
    return {run["spec"]["taskRef"]["name"] for run in items if run.get("status", {}).get("phase") == "Succeeded"}


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ('schedule: "61 * * * *"', "spec.schedule"),
        ('schedule: "@every 5m"', "interval"),
        ('schedule: "0 0 30 2 *"', "the day never comes"),
        ('schedule: "* * * * *"\n  timeZone: Europe/Berln', "Europe/Berlin"),
    ],
)
def test_what_only_the_operator_can_refuse_is_said_in_ready(bench: Bench, schedule: str, words: str) -> None:
    bench.apply(TASK.format(number=1).replace("interval: 15s", schedule))
    bench.until("it is invalid", lambda: bench.get("ct", "burst-1").get("status", {}).get("phase") == "Invalid", 20)
    ready = bench.get("ct", "burst-1")["status"]["conditions"][0]
    assert (ready["type"], ready["status"], ready["reason"]) == ("Ready", "False", "InvalidSpec")
    assert words in ready["message"]


def test_scheduling_switched_off_pauses_every_task_and_nothing_fires_after(bench: Bench) -> None:
    install(bench.tools, "scheduling.enabled=false")
    try:
        bench.apply(TASK.format(number=1).replace("15s", "1s"))
        bench.until("it says so", lambda: _ready_reason(bench) == "SchedulingDisabled")
        assert bench.runs("burst-1") == []
    finally:
        install(bench.tools)
    assert bench.until("it runs", lambda: bench.runs("burst-1"))


def _ready_reason(bench: Bench) -> str:
    conditions = bench.get("ct", "burst-1").get("status", {}).get("conditions") or [{}]
    return str(conditions[0].get("reason"))


def test_an_operator_that_is_installed_anew_goes_on_with_the_tasks(bench: Bench) -> None:
    bench.apply(TASK.format(number=1))
    bench.tools.helm("uninstall", "crontask", "--namespace", NAMESPACE, "--wait")
    try:
        assert bench.get("ct", "burst-1")
    finally:
        install(bench.tools)
    assert bench.until("the new operator runs it", lambda: bench.runs("burst-1"))
