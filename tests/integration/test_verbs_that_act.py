"""What the command line does with runs: wait, logs, cancel, trigger, run, rerun; against a real API server."""

import json
import re
import signal
import time
from collections.abc import Iterator

import pytest
from api_server import until, until_allowed
from kubelet_logs import NODE, LogNode, log_node
from verbs import Verbs, container, world

from cluster.control_plane import ControlPlane

SCHEMA = {
    "type": "object",
    "properties": {"days": {"type": "integer"}, "region": {"type": "string"}, "mail": {"type": "object"}},
    "additionalProperties": False,
}
TASKS = {
    "quick": {"handler": container()},
    "failing": {"handler": container(code=3)},
    "long": {"concurrency": {"policy": "Allow"}, "handler": container(600, node=NODE)},
    "queue": {"concurrency": {"policy": "Queue"}, "handler": container(600)},
    "checked": {"argsSchema": SCHEMA, "args": {"days": 3, "mail": {"to": "a", "cc": "b"}}, "handler": container()},
    "partial": {
        "handler": {
            "forEach": {"items": [1, 2], "maxFailed": 2, "handler": container(code=3)},
        }
    },
    "flow": {"handler": {"steps": [{"name": "a", **container(node=NODE)}, {"name": "b", **container(1, 3, NODE)}]}},
    "unstartable": {"handler": container(), "concurrency": {"policy": "Forbid"}},
}


@pytest.fixture(scope="module")
def node(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogNode]:
    with log_node(control_plane, tmp_path_factory.mktemp("node")) as running:
        yield running


@pytest.fixture(scope="module")
def verbs(control_plane: ControlPlane, node: LogNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verbs]:
    """Tasks on demand, an operator, and a stand-in kubelet."""
    with world(control_plane, tmp_path_factory.mktemp("world"), TASKS) as made:
        yield made


def phase(verbs: Verbs, run: str) -> str:
    return str(verbs.get("sr", run).get("status", {}).get("phase"))


def triggered(verbs: Verbs, *words: str) -> str:
    """The name of a new run."""
    return verbs("trigger", *words, "-o", "name").stdout.strip().partition("/")[2]


@pytest.mark.parametrize(
    ("words", "code", "ends"),
    [
        (("quick",), 0, "Succeeded"),
        (("failing",), 1, "Failed"),
        (("partial",), 0, "Partial"),
        (("partial", "--strict"), 6, "Partial"),
    ],
)
def test_the_exit_code_says_how_a_run_ended(verbs: Verbs, words: tuple[str, ...], code: int, ends: str) -> None:
    done = verbs("trigger", *words, "--wait", "--timeout", "60s", "-o", "json", code=code)
    run = json.loads(done.stdout)
    assert (run["kind"], run["status"]["phase"]) == ("ScheduledRun", ends)
    name = run["metadata"]["name"]
    assert done.stdout == verbs.kubectl("get", "sr", name, "-o", "json")
    assert f"scheduledrun.crontask.dev/{name} created" in done.stderr
    assert f"{name}: {ends}" in done.stderr
    again = verbs("wait", name, *words[1:], code=code)
    assert again.stdout.splitlines()[1].split()[:3] == [name, words[0], ends]
    # What it says of itself is not in the table.
    assert again.stderr.startswith(f"{name}: {ends}")
    assert again.stderr.count("\n") == 1


def test_a_run_that_was_canceled_has_a_code_of_its_own(verbs: Verbs) -> None:
    name = triggered(verbs, "long")
    done = verbs("cancel", name, "--reason", "wrong region")
    assert done.stdout == f"scheduledrun.crontask.dev/{name} canceled\n"
    assert "Canceled" in verbs("wait", name, "--timeout", "60s", code=4).stdout
    assert "wrong region" in verbs("describe", name).stdout
    late = verbs("cancel", name)
    assert (late.stdout, late.stderr) == ("", f"{name} has ended already: Canceled\n")


def test_a_name_that_is_wrong_cancels_none(verbs: Verbs) -> None:
    name = triggered(verbs, "long")
    assert "there is no ScheduledRun nope" in verbs("cancel", name, "nope", code=2).stderr
    assert not verbs.get("sr", name)["spec"].get("cancel")
    verbs("cancel", name, "--immediate")
    assert verbs.get("sr", name)["spec"]["cancelMode"] == "Immediate"


def test_a_failure_is_the_exit_code_also_where_nobody_reads_on(verbs: Verbs) -> None:
    """Such as `crontask wait RUN | true`, of which a shell takes the code of each part."""
    name = verbs("trigger", "failing", "--wait", "-o", "name", code=1).stdout.strip().partition("/")[2]
    for words in (("wait", name), ("wait", name, "-o", "json"), ("rerun", name, "--wait", "-o", "name")):
        with verbs.begin(*words) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.wait(120) == 1, words


def test_waiting_ends_in_time_and_says_how_to_wait_again(verbs: Verbs) -> None:
    name = triggered(verbs, "long")
    until("it runs", lambda: phase(verbs, name) == "Running")
    done = verbs("wait", name, "--timeout", "1s", code=3)
    assert done.stdout == ""
    assert re.search(
        rf"{name} has not ended in time: it is Running; to wait again: .* wait {name} -n \S+\n", done.stderr
    )
    verbs("cancel", name)


def test_who_waits_hears_that_the_run_was_deleted(verbs: Verbs) -> None:
    name = triggered(verbs, "long")
    waiting = verbs.begin("wait", name, "--timeout", "60s")
    _hears(waiting, f"{name}: Running")
    verbs.kubectl("delete", "sr", name)
    stdout, stderr = waiting.communicate(timeout=60)
    assert (waiting.returncode, stdout, stderr) == (10, "", f"{name} was deleted\n")


def test_ctrl_c_leaves_the_run_and_says_how_to_wait_again(verbs: Verbs) -> None:
    name = triggered(verbs, "long")
    waiting = verbs.begin("wait", name, "--timeout", "60s")
    _hears(waiting, f"{name}: Running")
    waiting.send_signal(signal.SIGINT)
    stdout, stderr = waiting.communicate(timeout=60)
    assert (waiting.returncode, stdout) == (130, "")
    assert re.fullmatch(rf"{name} goes on; to wait again: .* wait {name} -n {verbs.namespace}\n", stderr)
    assert phase(verbs, name) == "Running"
    verbs("cancel", name)


def _hears(process: object, words: str) -> None:
    """Read its stderr until it says that."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        line = process.stderr.readline()  # type: ignore[attr-defined]
        if words in line:
            return
    pytest.fail(f"it does not say {words}")


def test_what_a_run_waits_for_is_said_with_its_position(verbs: Verbs) -> None:
    first = triggered(verbs, "queue")
    second = verbs("trigger", "queue")
    name = second.stdout.partition("/")[2].split()[0]
    assert f"{name}: Queued, 1 of 1 in the queue: " in second.stderr
    third = verbs("trigger", "queue")
    assert re.search(r"Queued, \d of 2 in the queue: ", third.stderr)
    for run in (name, third.stdout.partition("/")[2].split()[0], first):
        verbs("cancel", run)


def test_a_run_for_later_waits_for_its_time(verbs: Verbs) -> None:
    name = triggered(verbs, "quick", "--delay", "1h")
    spec = verbs.get("sr", name)["spec"]
    assert spec["delay"] == "1h"
    until("it waits", lambda: phase(verbs, name) == "Pending")
    at = triggered(verbs, "quick", "--at", "2099-01-01T00:00:00+01:00")
    assert verbs.get("sr", at)["spec"]["at"] == "2098-12-31T23:00:00Z"
    assert "leave it out to start now" in verbs("trigger", "quick", "--at", "2020-01-01", code=2).stderr
    for run in (name, at):
        verbs("cancel", run)


def test_args_are_what_the_schema_says(verbs: Verbs) -> None:
    name = triggered(verbs, "checked", "--set", "days=5", "--set", "region=7", "--set", "mail.to=x")
    assert verbs.get("sr", name)["spec"]["args"] == {"days": 5, "region": "7", "mail": {"to": "x", "cc": "b"}}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "days=x"), "--set days: 'x' is not a whole number, as argsSchema asks for"),
        (("--set", "dayz=1"), "args.dayz is not one of the task's args; did you mean days?"),
        (("--set-string", "days=1"), "args.days: must be a whole number, not '1'"),
        (("--set", "days"), "--set 'days': write PATH=VALUE"),
        (("--args-file", "nowhere.yaml"), "--args-file nowhere.yaml"),
        (("--at", "2099-01-01", "--delay", "1s"), "--at and --delay are both given; keep one of them"),
        (("--timeout", "1s"), "--timeout and --strict are about waiting; write --wait too"),
        (("--logs", "-o", "json"), "--logs and -o would both write to stdout"),
        (("--key", ""), "key: has 0 characters"),
    ],
)
def test_a_run_that_cannot_be_meant_is_not_made(verbs: Verbs, words: tuple[str, ...], said: str) -> None:
    before = verbs.kubectl("get", "sr", "-o", "name")
    done = verbs("trigger", "checked", *words, code=2)
    assert said in done.stderr
    assert verbs.kubectl("get", "sr", "-o", "name") == before


def test_args_come_from_a_file_too(verbs: Verbs) -> None:
    done = verbs(
        "trigger", "checked", "--args-file", "-", "--set", "days=9", "-o", "json", stdin="days: 4\nregion: eu\n"
    )
    assert json.loads(done.stdout)["spec"]["args"] == {"days": 9, "region": "eu"}


def test_asking_twice_by_a_key_runs_once(verbs: Verbs) -> None:
    first = verbs("trigger", "quick", "--key", "deploy-42", "--set", "a=1")
    again = verbs("trigger", "quick", "--key", "deploy-42", "--set", "a=1")
    name = first.stdout.split()[0]
    assert again.stdout == f"{name} exists already, by its key\n"
    other = verbs("trigger", "quick", "--key", "deploy-42", "--set", "a=2", code=2)
    assert "key 'deploy-42' is that of run " in other.stderr
    assert "with other args" in other.stderr


def test_an_image_runs_once_and_is_removed(verbs: Verbs) -> None:
    done = verbs(
        "run", "--image", "busybox:1.36", "--delay", "1h", "--set", "a=1", "-o", "json", "--", "echo", "-n", "x"
    )
    run = json.loads(done.stdout)
    assert run["spec"]["handler"]["container"]["command"] == ["echo", "-n", "x"]
    assert (run["spec"]["delay"], run["spec"]["args"]) == ("1h", {"a": 1})
    verbs("cancel", run["metadata"]["name"])
    name = "once"
    waiting = verbs.begin("run", "--name", name, "--image", "busybox:1.36", "--rm")
    until("it is there", lambda: name in verbs.kubectl("get", "sr", "-o", "name"))
    verbs("cancel", name)
    stdout, stderr = waiting.communicate(timeout=60)
    assert (waiting.returncode, "Canceled" in stdout) == (4, True)
    assert stderr.endswith(f"{name} is removed\n")
    assert f"/{name}\n" not in verbs.kubectl("get", "sr", "-o", "name")


def test_a_file_of_python_and_a_call_run_once(verbs: Verbs) -> None:
    source = "def handler(ctx, n):\n    return n\n"
    done = verbs("run", "--python", "-", "--set", "n=2", "--delay", "1h", "-o", "json", stdin=source)
    assert json.loads(done.stdout)["spec"]["handler"]["python"]["source"] == source
    call = verbs("run", "--url", "https://example.com/x", "--method", "PUT", "--delay", "1h", "-o", "json")
    assert json.loads(call.stdout)["spec"]["handler"]["http"] == {
        "url": "https://example.com/x",
        "method": "PUT",
    } | {
        key: value
        for key, value in json.loads(call.stdout)["spec"]["handler"]["http"].items()
        if key not in ("url", "method")
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "what runs is not said once; write one of --image IMAGE, --python FILE and --url URL"),
        (("--image", "a", "--url", "http://x"), "what runs is not said once"),
        (("--url", "http://x", "--", "echo"), "-- COMMAND goes with --image alone; remove it"),
        (("--python", "/nowhere.py"), "/nowhere.py"),
        (("--image", "a", "--name", "Not_a_name"), "the name must be lowercase"),
        (("--url", "ftp://x"), "spec.handler"),
    ],
)
def test_a_one_off_that_cannot_be_meant_is_not_made(verbs: Verbs, words: tuple[str, ...], said: str) -> None:
    assert said in verbs("run", *words, code=2).stderr


def test_a_workflow_runs_again_from_where_it_failed(verbs: Verbs, node: LogNode) -> None:
    first = verbs("trigger", "flow", "--wait", "-o", "name", code=1).stdout.strip().partition("/")[2]
    done = verbs("rerun", first, "--wait", "-o", "json", code=1)
    run = json.loads(done.stdout)
    assert run["spec"]["rerunOf"]["name"] == first
    assert [step["phase"] for step in run["status"]["steps"]] == ["Reused", "Failed"]
    part = next(step["run"] for step in verbs.get("sr", first)["status"]["steps"] if step["name"] == "b")
    refused = verbs("rerun", part, code=2)
    assert f"{part} is a part of {first}; write " in refused.stderr
    anew = verbs("rerun", run["metadata"]["name"], "--from", "Start", "--latest", "-o", "json")
    assert json.loads(anew.stdout)["spec"]["rerunOf"]["definition"] == "Latest"
    verbs("wait", json.loads(anew.stdout)["metadata"]["name"], code=1)


def test_what_has_not_ended_is_not_run_again(verbs: Verbs) -> None:
    name = triggered(verbs, "long")
    assert f"{name} has not ended: it is " in verbs("rerun", name, code=2).stderr
    verbs("cancel", name)


def test_logs_are_of_all_parts_and_of_pods_that_are_gone(verbs: Verbs) -> None:
    name = verbs("trigger", "flow", "--wait", "-o", "name", code=1).stdout.strip().partition("/")[2]
    steps = {step["name"]: step["run"] for step in verbs.get("sr", name)["status"]["steps"]}
    done = verbs("logs", name)
    assert done.stdout.splitlines() == [f"[{step} #1] this is main of {steps[step]}-1" for step in ("a", "b")]
    assert done.stderr == ""
    verbs.kubectl("delete", "pod", f"{steps['b']}-1", "--wait=false", "--force", "--grace-period=0")
    until("the pod is gone", lambda: f"/{steps['b']}-1\n" not in verbs.kubectl("get", "pods", "-o", "name"))
    gone = verbs("logs", name, "--no-prefix", "--tail", "1")
    assert gone.stdout == f"this is main of {steps['a']}-1\n"
    assert re.fullmatch(
        rf"\[b #1\] pod {steps['b']}-1 is gone, and its log with it: it ended at \S+Z \(Error, exit code 3\); "
        r"its message was: exit code 3\n",
        gone.stderr,
    )


def test_logs_are_followed_until_the_run_has_ended(verbs: Verbs) -> None:
    done = verbs("trigger", "flow", "--logs", "--timeout", "60s", code=1)
    lines = [re.sub("main of .*", "main", line) for line in done.stdout.splitlines()]
    assert lines == ["[a #1] this is main", "[b #1] this is main"]
    assert re.search(r": Failed: step b is Failed: exit code 3\n$", done.stderr)


def test_a_run_without_a_pod_has_no_log_and_says_why(verbs: Verbs) -> None:
    name = triggered(verbs, "quick", "--delay", "1h")
    done = verbs("logs", name)
    assert (done.stdout, done.stderr.startswith(f"{name} has no log: it is Pending")) == ("", True)
    verbs("cancel", name)


def test_who_may_only_trigger_can(verbs: Verbs, control_plane: ControlPlane) -> None:
    rules = [
        {"apiGroups": ["crontask.dev"], "resources": ["crontasks"], "verbs": ["get", "list", "watch"]},
        {
            "apiGroups": ["crontask.dev"],
            "resources": ["scheduledruns"],
            "verbs": ["create", "get", "list", "watch", "patch", "update"],
        },
    ]
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "trigger"},
        "rules": rules,
    }
    verbs.kubectl("create", "-f", "-", stdin=json.dumps(role))
    verbs.kubectl("create", "rolebinding", "trigger", "--role=trigger", "--user=ann")
    until_allowed(control_plane, "ann", verbs.namespace, "create", "scheduledruns.crontask.dev")
    hers = Verbs(control_plane, verbs.namespace, control_plane.kubeconfig_for("ann"))
    name = hers("trigger", "failing", "--wait", "-o", "name", code=1).stdout.strip().partition("/")[2]
    described = hers("describe", name).stdout
    assert "you may not read it (pod" in described
    assert described.endswith("Events: you may not read them.\n")
    assert name in hers("history", "failing").stdout
    assert "quick" in hers("list").stdout
    hers("rerun", name, "--wait", code=1)
    hers("cancel", name)
    refused = hers("logs", name, code=7)
    assert "which the ClusterRole view gives" in refused.stderr
