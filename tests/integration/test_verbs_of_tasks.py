"""What the command line does with tasks: suspend and resume; names completed in real shells."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_server import Processes, until, until_allowed
from verbs import Verbs, container

from cluster.control_plane import ControlPlane

SCHEDULE = {"schedule": "30 2 * * *", "handler": container()}


@pytest.fixture(scope="module")
def running(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An operator, and a stand-in kubelet."""
    with Processes(control_plane.kubeconfig, tmp_path_factory.mktemp("world")) as processes:
        processes.kubelet()
        processes.operator()
        yield


@pytest.fixture
def verbs(running: None, control_plane: ControlPlane, namespace: str) -> Verbs:
    """Three tasks of a shop, and one of nobody."""
    made = Verbs(control_plane, namespace)
    for name in ("one", "two", "three"):
        made.make("CronTask", name, SCHEDULE, labels={"app": "shop"})
    made.make("CronTask", "other", SCHEDULE)
    return made


def suspended(verbs: Verbs) -> set[str]:
    return {name for name in ("one", "two", "three", "other") if verbs.get("ct", name)["spec"].get("suspend")}


def test_what_is_suspended_by_labels_is_resumed_by_labels(verbs: Verbs) -> None:
    verbs.kubectl("patch", "ct", "two", "--type=merge", "-p", '{"spec":{"suspend":true,"suspendReason":"broken"}}')
    done = verbs("suspend", "-l", "app=shop", "--reason", "deploy")
    assert done.stdout == "crontask.crontask.dev/one suspended\ncrontask.crontask.dev/three suspended\n"
    assert done.stderr == "two is left as it is: suspended (broken)\n"
    assert suspended(verbs) == {"one", "two", "three"}
    assert verbs.get("ct", "one")["spec"]["suspendReason"] == "deploy"
    until("the operator has seen it", lambda: "deploy" in verbs("describe", "one").stdout)
    back = verbs("resume", "-l", "app=shop")
    assert back.stdout == "crontask.crontask.dev/one resumed\ncrontask.crontask.dev/three resumed\n"
    assert back.stderr == "two is left as it is: suspended (broken), not by you; write --reason, or --force\n"
    assert suspended(verbs) == {"two"}


def test_others_are_resumed_by_their_reason_by_force_or_by_name(verbs: Verbs, control_plane: ControlPlane) -> None:
    ann = ("--as", "ann", "--as-group", "system:masters")
    verbs("suspend", "--all", "--reason", "deploy", *ann)
    assert verbs.get("ct", "one")["metadata"]["annotations"]["crontask.dev/suspended-by"] == "ann"
    assert "one is left as it is: suspended by ann (deploy), not by you" in verbs("resume", "--all").stderr
    assert verbs("resume", "--all", "--reason", "other").stdout == ""
    assert verbs("resume", "one").stdout == "crontask.crontask.dev/one resumed\n"
    assert "two resumed" in verbs("resume", "-l", "app=shop", "--reason", "deploy").stdout
    assert suspended(verbs) == {"other"}
    assert verbs("resume", "--all", "--force").stdout == "crontask.crontask.dev/other resumed\n"
    assert suspended(verbs) == set()


def test_what_one_may_not_suspend_keeps_no_other_from_it(verbs: Verbs, control_plane: ControlPlane) -> None:
    for name, rule in (
        ("look", ("--verb=get,list,watch", "--resource=crontasks.crontask.dev")),
        ("one-alone", ("--verb=patch", "--resource=crontasks.crontask.dev", "--resource-name=two")),
    ):
        verbs.kubectl("create", "role", name, *rule)
        verbs.kubectl("create", "rolebinding", name, f"--role={name}", "--user=dan")
    until_allowed(control_plane, "dan", verbs.namespace, "patch", "crontasks.crontask.dev/two")
    his = Verbs(control_plane, verbs.namespace, control_plane.kubeconfig_for("dan"))
    done = his("suspend", "--all", code=7)
    assert done.stdout == "crontask.crontask.dev/two suspended\n"
    said = done.stderr.splitlines()
    assert [line.partition(" is left as it is: ")[0] for line in said] == ["one", "other", "three"]
    assert all("the ClusterRole crontask-operate gives" in line for line in said)
    assert suspended(verbs) == {"two"}
    assert his("resume", "two").stdout == "crontask.crontask.dev/two resumed\n"
    assert suspended(verbs) == set()


def test_a_pause_until_a_time_sets_that_alone(verbs: Verbs) -> None:
    verbs("suspend", "one", "--until", "2099-01-01")
    spec = verbs.get("ct", "one")["spec"]
    assert (spec["suspend"], spec["suspendUntil"]) == (False, "2099-01-01T00:00:00Z")
    assert "has passed" in verbs("suspend", "two", "--until", "2020-01-01", code=2).stderr
    verbs("resume", "one")
    assert "suspendUntil" not in verbs.get("ct", "one")["spec"]


def test_a_task_that_failures_suspended_is_resumed(verbs: Verbs) -> None:
    verbs.make("CronTask", "weak", {**SCHEDULE, "suspendAfterFailures": 1, "handler": container(code=1)})
    verbs("trigger", "weak", "--wait", code=1)
    until("failures suspend it", lambda: verbs.get("ct", "weak").get("status", {}).get("tripped"))
    done = verbs("resume", "-l", "!app")
    assert "crontask.crontask.dev/weak resumed\n" in done.stdout
    assert done.stderr == "other is left as it is: it is not suspended\n"
    until("it goes on", lambda: verbs.get("ct", "weak")["status"]["phase"] == "Active")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("suspend",), "name the tasks, or choose them by -l LABELS, or write --all: one of the three"),
        (("resume", "one", "--all"), "one of the three"),
        (("suspend", "-l", ""), "-l is empty; write labels, like app=shop, or --all for all of the namespace"),
        (("resume", "-l", " "), "-l is empty"),
        (("suspend", "one", "nope"), "there is no CronTask nope"),
    ],
)
def test_tasks_that_are_not_said_are_not_changed(verbs: Verbs, words: tuple[str, ...], said: str) -> None:
    assert said in verbs(*words, code=2).stderr
    assert suspended(verbs) == set()


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with `crontask` and `kubectl-crontask`, as an installation has them in PATH."""
    for name in ("crontask", "kubectl-crontask"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!{sys.executable}\nfrom crontask.cli.main import main\nmain()\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return tmp_path / "bin"


def shell(verbs: Verbs, programs: Path, *command: str) -> str:
    environment = {**verbs.environment(), "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(programs.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.stdout


BASH = """
source <(crontask completion bash)
COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_crontask_completion crontask
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("line", "candidates"),
    [
        ("crontask des", ["describe"]),
        ("crontask -n {ns} history t", ["three", "two"]),
        ("crontask history -n {ns} o", ["one", "other"]),
        ("crontask suspend -n {ns} one o", ["other"]),
        ("crontask runs -n {ns} --task th", ["three"]),
        ("crontask list -n {ns} -o j", ["json"]),
        ("crontask list -n {ns}", ["{ns}"]),
        ("crontask history --context nope t", [""]),
        ("crontask list --context cr", ["crontask"]),
        ("crontask --context c", ["crontask"]),
        ("crontask completion f", ["fish"]),
    ],
)
def test_bash_completes(verbs: Verbs, programs: Path, line: str, candidates: list[str]) -> None:
    script = BASH.format(words=line.format(ns=verbs.namespace))
    assert shell(verbs, programs, "bash", "-c", script).splitlines() == [
        candidate.format(ns=verbs.namespace) for candidate in candidates
    ]


def test_fish_completes(verbs: Verbs, programs: Path) -> None:
    line = f"crontask -n {verbs.namespace} history t"
    script = f"crontask completion fish | source; complete -C '{line}'"
    assert [each.split("\t")[0] for each in shell(verbs, programs, "fish", "-c", script).splitlines()] == [
        "three",
        "two",
    ]


ZSH = """
autoload -U compinit; compinit -u
source <(crontask completion zsh)
_describe() { shift 3; print -l ${(P)1} }
compadd() { print -l -- ${(P)${@[-1]}} }
words=({words}); CURRENT=$#words
_crontask_completion
"""


def test_zsh_completes(verbs: Verbs, programs: Path) -> None:
    script = ZSH.replace("{words}", f"crontask -n {verbs.namespace} history t")
    printed = shell(verbs, programs, "zsh", "-fc", script).split()
    assert {"three", "two"} <= set(printed)
    assert "one" not in printed


def test_kubectl_completes(verbs: Verbs, programs: Path, control_plane: ControlPlane) -> None:
    helper = programs / "kubectl_complete-crontask"
    helper.write_text(shell(verbs, programs, "crontask", "completion", "--kubectl"))
    helper.chmod(0o755)
    kubectl = str(control_plane.kubectl_path)
    # What a shell asks kubectl, which asks the plugin.
    asked = ("__completeNoDesc", "crontask", "-n", verbs.namespace, "history", "t")
    environment = {**verbs.environment(), "PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run([kubectl, *asked], env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["three", "two", ":4"]


def test_usage_is_by_how_it_was_called(verbs: Verbs, programs: Path, control_plane: ControlPlane) -> None:
    assert shell(verbs, programs, "crontask", "list", "--help").startswith("Usage: crontask list [OPTIONS]")
    environment = {**verbs.environment(), "PATH": f"{programs}:{os.environ['PATH']}"}
    command = [str(control_plane.kubectl_path), "crontask", "list", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("Usage: kubectl crontask list [OPTIONS]")


def test_whoever_completes_does_not_wait_for_a_server_that_is_silent(programs: Path, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        config = tmp_path / "config"
        config.write_text(
            f"clusters: [{{name: a, cluster: {{server: 'http://127.0.0.1:{server.getsockname()[1]}'}}}}]\n"
            "contexts: [{name: a, context: {cluster: a, user: ''}}]\ncurrent-context: a\n"
        )
        environment = {**os.environ, "KUBECONFIG": str(config)}
        began = time.monotonic()
        done = subprocess.run(
            [str(programs / "crontask"), "completion", "--complete", "--", "history", ""],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    # Two seconds of waiting, and what a slow machine takes to begin.
    assert 1.5 < time.monotonic() - began < 30
