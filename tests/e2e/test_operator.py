"""The installed operator: killed in a burst, refused input, switched off, uninstalled."""

import json
from functools import partial

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


@pytest.mark.kills
@pytest.mark.usefixtures("healthy")
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


# What no schema and no rule of the CRDs can see.
WRONG = [
    ('schedule: "61 * * * *"', "spec.schedule"),
    ('schedule: "@every 5m"', "interval"),
    ('schedule: "0 0 30 2 *"', "the day never comes"),
    ('schedule: "* * * * *"\n  timeZone: Europe/Berln', "Europe/Berlin"),
]


@pytest.mark.parametrize(("schedule", "words"), WRONG)
def test_what_only_the_operator_can_see_is_refused_when_it_is_applied(bench: Bench, schedule: str, words: str) -> None:
    manifest = TASK.format(number=1).replace("interval: 15s", schedule)

    def denied() -> str:
        """What the webhook says; nothing while nobody answers for it."""
        said = bench.kubectl("create", "-f", "-", stdin=manifest, check=False)
        if "denied the request" in said:
            return said
        bench.kubectl("delete", "-f", "-", stdin=manifest, check=False)
        return ""

    assert words in bench.until("it is denied", denied, 30)


@pytest.mark.alone
def test_where_nobody_is_asked_it_is_said_in_ready(bench: Bench) -> None:
    install(bench.tools, "webhook.enabled=false")
    try:
        for number, (schedule, _) in enumerate(WRONG):
            bench.apply(TASK.format(number=number).replace("interval: 15s", schedule))
        for number, (_, words) in enumerate(WRONG):
            name = f"burst-{number}"
            bench.until("it is invalid", partial(_is_invalid, bench, name))
            ready = bench.get("ct", name)["status"]["conditions"][0]
            assert (ready["type"], ready["status"], ready["reason"]) == ("Ready", "False", "InvalidSpec")
            assert words in ready["message"]
    finally:
        install(bench.tools)


def _is_invalid(bench: Bench, name: str) -> bool:
    return bool(bench.get("ct", name).get("status", {}).get("phase") == "Invalid")


@pytest.mark.alone
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


@pytest.mark.alone
def test_an_operator_that_is_installed_anew_goes_on_with_the_tasks(bench: Bench) -> None:
    bench.apply(TASK.format(number=1))
    bench.tools.helm("uninstall", "crontask", "--namespace", NAMESPACE, "--wait")
    try:
        assert bench.get("ct", "burst-1")
    finally:
        install(bench.tools)
    assert bench.until("the new operator runs it", lambda: bench.runs("burst-1"))
