"""What the command line shows of a cluster: list, runs, history, describe; against a real API server."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from api_server import Processes, until
from kubelet_logs import NODE, log_node
from verbs import Verbs, container

from cluster.control_plane import ControlPlane

FAILED_RUN, FLOW, SLOW, QUEUED = "broken-1", "flow-1", "slow-1", "slow-2"


@pytest.fixture(scope="module")
def world(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verbs]:
    """Tasks and runs that have ended, run and wait; an operator that has been told to end by then."""
    folder: Path = tmp_path_factory.mktemp("world")
    verbs = Verbs(control_plane, f"it-{uuid4().hex[:8]}")
    control_plane.kubectl("create", "namespace", verbs.namespace)
    with Processes(control_plane.kubeconfig, folder) as processes, log_node(control_plane, folder) as node:
        node.written[f"{FAILED_RUN}-2", "main"] = [f"line {number}" for number in range(30)]
        processes.kubelet()
        processes.operator()
        verbs.make(
            "CronTask", "nightly", {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin", "handler": container()}
        )
        verbs.make(
            "CronTask",
            "broken",
            {
                "retry": {"limit": 1},
                "handler": container(code=3, node=NODE),
                "suspend": True,
                "suspendReason": "deploy",
            },
            labels={"app": "shop"},
        )
        verbs.make("CronTask", "slow", {"concurrency": {"policy": "Queue"}, "handler": container(600)})
        steps = [
            {"name": "fetch", **container()},
            {"name": "charge", **container(code=4)},
            {"name": "notify", **container()},
        ]
        verbs.make("CronTask", "flow", {"handler": {"steps": steps}})
        for run in (FAILED_RUN, FLOW, SLOW, QUEUED):
            verbs.make("ScheduledRun", run, {"taskRef": {"name": run.partition("-")[0]}})
        wanted = {FAILED_RUN: "Failed", FLOW: "Failed", SLOW: "Running", QUEUED: "Queued"}
        until("all runs are where they stay", lambda: all(_phase(verbs, run) == wanted[run] for run in wanted))
        until("the tasks say so", lambda: _are_settled(verbs))
        until("an event tells why", lambda: "StepFailed" in verbs.kubectl("get", "events"))
        yield verbs


def _phase(verbs: Verbs, run: str) -> str | None:
    phase = verbs.get("sr", run).get("status", {}).get("phase")
    return None if phase is None else str(phase)


def _are_settled(verbs: Verbs) -> bool:
    """Whether the statuses of the tasks say all that there is to say: from then on they do not change."""
    tasks = {name: verbs.get("ct", name).get("status", {}) for name in ("nightly", "broken", "slow", "flow")}
    ends = {name: tasks[name].get("lastRun", {}).get("phase") for name in ("broken", "flow")}
    waits = (tasks["slow"].get("activeCount"), tasks["slow"].get("queued"))
    return all(tasks.values()) and set(ends.values()) == {"Failed"} and waits == (1, 1)


def _ages_left_out(text: str) -> list[str]:
    """Ages pass while one looks; so do the widths of their columns."""
    return [re.sub(r"\b(\d+[smhd])+\b", "AGE", line).split() for line in text.splitlines()]  # type: ignore[misc]


@pytest.mark.parametrize("more", [(), ("-o", "wide"), ("-A",), ("-l", "app=shop"), ("-l", "app=other")])
def test_tables_are_those_of_kubectl(world: Verbs, more: tuple[str, ...]) -> None:
    done = world("list", *more)
    ours, kubectls = (_ages_left_out(text) for text in (done.stdout, world.kubectl("get", "crontasks", *more)))
    assert ours == kubectls
    if more == ("-l", "app=other"):
        assert done.stderr == f"No resources found in {world.namespace} namespace.\n"


def test_a_table_has_the_very_spaces_of_kubectl(world: Verbs) -> None:
    # Ages pass while one looks; no header of their columns is narrower than they are.
    def spaced(text: str) -> str:
        return re.sub(r"\b(?:\d+[smhd])+\b( *)", lambda age: "AGE".ljust(len(age[0]) if age[1] else 3), text)

    ours = spaced(world("list").stdout)
    assert ours == spaced(world.kubectl("get", "crontasks"))
    assert "AGE  " in ours


@pytest.mark.parametrize("output", ["json", "name"])
def test_objects_are_printed_as_kubectl_prints_them(world: Verbs, output: str) -> None:
    assert world("list", "-o", output).stdout == world.kubectl("get", "crontasks", "-o", output)


def test_yaml_says_what_kubectl_says(world: Verbs) -> None:
    ours = yaml.safe_load(world("list", "-o", "yaml").stdout)
    assert ours == yaml.safe_load(world.kubectl("get", "crontasks", "-o", "yaml"))


def _names(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.partition("/")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((), {FAILED_RUN, FLOW, SLOW, QUEUED}),
        (("--phase", "Failed"), {FAILED_RUN, FLOW}),
        (("--phase", "failed", "--phase", "Queued"), {FAILED_RUN, FLOW, QUEUED}),
        (("--task", "slow"), {SLOW, QUEUED}),
        (("--origin", "Manual", "--task", "flow"), {FLOW}),
        (("--origin", "Schedule"), set()),
        (("--since", "1d"), {FAILED_RUN, FLOW, SLOW, QUEUED}),
        (("--since", "0s"), set()),
        (("--since", "2020-01-01"), {FAILED_RUN, FLOW, SLOW, QUEUED}),
        (("-l", "no=such"), set()),
    ],
)
def test_runs_are_picked(world: Verbs, words: tuple[str, ...], names: set[str]) -> None:
    assert set(_names(world("runs", *words, "-o", "name"))) == names


def test_parts_are_hidden_unless_asked_for(world: Verbs) -> None:
    parts = set(_names(world("runs", "--parts", "-o", "name"))) - {FAILED_RUN, FLOW, SLOW, QUEUED}
    assert {re.sub("-[0-9a-f]{8}$", "", name) for name in parts} == {"flow-1-fetch", "flow-1-charge"}


def test_runs_come_newest_first(world: Verbs) -> None:
    times = [run["metadata"]["creationTimestamp"] for run in json.loads(world("runs", "-o", "json").stdout)["items"]]
    assert times == sorted(times, reverse=True)
    assert len(times) == 4


def test_history_has_what_ended_and_what_did_not_start(world: Verbs) -> None:
    lines = world("history", "broken").stdout.splitlines()
    assert lines[0].split() == ["DUE", "RESULT", "RUN", "ORIGIN", "STARTED", "DURATION", "MESSAGE"]
    assert re.search(rf"Failed +{FAILED_RUN} +Manual .*exit code 3", lines[1])
    assert len(lines) == 2
    empty = world("history", "nightly")
    assert (empty.stdout, empty.stderr) == ("", "nothing has happened to nightly yet\n")


def test_a_workflow_is_described_as_a_tree(world: Verbs) -> None:
    text = world("describe", FLOW).stdout
    assert f"ScheduledRun {world.namespace}/{FLOW}\n  Task:         flow\n  Phase:        Failed\n" in text
    assert "  Reason:       StepFailed: step charge is Failed: exit code 4\n" in text
    tree = [line.split()[:3] for line in text.splitlines() if "─" in line]
    assert tree == [
        ["├─", "fetch", "Succeeded"],
        ["│", "└─", "attempt"],
        ["├─", "charge", "Failed"],
        ["│", "└─", "attempt"],
        ["└─", "notify", "NotReached"],
    ]
    assert re.search(r"Events:\n +LAST +TYPE +REASON +MESSAGE\n.*StepFailed", text, re.DOTALL)


def test_of_what_failed_the_end_of_the_log_is_shown(world: Verbs) -> None:
    text = world("describe", f"run/{FAILED_RUN}").stdout
    assert re.search(r"├─ attempt 1 +Error", text)
    assert re.search(r"└─ attempt 2 +Error", text)
    end = "\n".join(f"  line {number}" for number in range(20, 30))
    assert f"End of the log of {FAILED_RUN} (pod {FAILED_RUN}-2):\n{end}\n" in text


def test_what_waits_says_for_what(world: Verbs) -> None:
    text = world("describe", QUEUED).stdout
    assert "  Phase:        Queued\n" in text
    assert "  In the queue: 1 of 1\n" in text
    assert "turn" in re.findall("  Reason: (.*)", text)[0]


def test_a_task_is_described_with_why_it_does_not_start(world: Verbs) -> None:
    text = world("describe", "broken").stdout
    assert "  State:        Suspended\n" in text
    assert "(reason: deploy)" in text
    assert f"  Last run:     {FAILED_RUN}: Failed " in text
    assert "  Failures:     1 in a row\n" in text


def test_an_object_that_is_described_as_json_is_that_of_kubectl(world: Verbs) -> None:
    assert world("describe", FLOW, "-o", "json").stdout == world.kubectl("get", "sr", FLOW, "-o", "json")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("describe", "nope"), "there is neither a CronTask nor a ScheduledRun nope in namespace"),
        (("describe", "run/flow"), f"there is no ScheduledRun flow in namespace .*; that is a CronTask, .* {FLOW}"),
        (("history", FLOW), f"there is no CronTask {FLOW} in namespace .*; that is a run of task flow"),
        (("history", "run/x"), "'run/x' is a run, where a task is meant"),
        (("describe", "pod/x"), "'pod' is not a kind that is known here; write task/x or run/x"),
        (("describe", "Ä"), "the name must be lowercase"),
        (("describe", "-A", "flow"), "-A does not go with describe; write -n NAMESPACE"),
        (("list", "--context", "nope"), "no context has that name"),
        (("list", "--kubeconfig", "/nowhere"), "/nowhere"),
        (("list", "-l", "a=b=c"), "-l: .*; write labels like app=shop"),
        (("runs", "--phase", "Broken"), "'Broken' is not one of 'Pending'"),
        (("runs", "--since", "lastweek"), "'lastweek' is not a time"),
    ],
)
def test_what_is_wrong_is_said(world: Verbs, words: tuple[str, ...], said: str) -> None:
    done = world(*words, code=2)
    assert re.search(said, done.stderr), done.stderr
    assert done.stdout == ""


def test_who_may_not_is_told_which_right_and_role_is_missing(world: Verbs) -> None:
    done = world("list", "--as", "bob", code=7)
    needed = "needed is list on crontasks.crontask.dev, which the ClusterRole crontask-view gives"
    assert needed in done.stderr
    assert f"-n {world.namespace} --clusterrole=crontask-view" in done.stderr


def test_options_of_the_cluster_stand_before_the_verb_or_after_it(world: Verbs) -> None:
    before = world("--as", "bob", "--as-group", "system:masters", "list").stdout
    after = world("list", "--as-group=system:masters", "--as=bob", "--request-timeout", "10").stdout
    assert _ages_left_out(before) == _ages_left_out(after)
    assert "nightly" in after
    assert world("list", "-n", "another").stdout == ""


def test_a_reader_that_goes_away_ends_it_quietly(world: Verbs) -> None:
    shell = ["bash", "-c", 'set -o pipefail; "$@" | true', "sh", *world.command("list", "-o", "json")]
    done = subprocess.run(shell, env=world.environment(), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_doctor_finds_who_leads_and_what_does_not_run(world: Verbs) -> None:
    done = world("doctor")
    assert re.search(r"^ok +operator: \S+ leads$", done.stdout, re.MULTILINE)
    assert "ok       rights: you may trigger, cancel, suspend, and read logs" in done.stdout
    job = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}}
    body = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly"}}
    world.kubectl(
        "create", "-f", "-", stdin=json.dumps(body | {"spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}})
    )
    found = json.loads(world("doctor", "-o", "json", code=1).stdout)
    (problem,) = [each for each in found if each["state"] == "problem"]
    assert problem == {
        "check": f"task {world.namespace}/nightly",
        "state": "problem",
        "message": "a CronJob of this name is active as well: both start it",
        "fix": "suspend one of them",
    }
    nobody = world("doctor", "--as", "bob").stdout
    assert "unknown  tasks: you may not look" in nobody
    assert "warning  rights: you may not trigger runs, not cancel runs, not suspend" in nobody
