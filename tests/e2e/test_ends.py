"""How attempts end on real pods, and what is said of those that do not start."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from bench import Bench, reason_of
from faults import IMAGE, evict, pod_of, row, single

SIDECAR = {"name": "proxy", "image": IMAGE, "command": ["sleep", "600"]}
ON_TERM = 'trap "exit 0" TERM; echo ready; [ "$CRONTASK_ATTEMPT" -gt 1 ] || { sleep 600 & wait; }'
SAYS_DONE = (
    """trap 'echo "{\\"status\\": \\"success\\"}" > /dev/termination-log; exit 0' TERM; echo ready; sleep 600 & wait"""
)


def template(command: str, *, setup: str | None = None, container: Any = None, **spec: Any) -> dict[str, Any]:
    """A handler: a shell command in a pod with more in it; `setup`: what is run before."""
    main = {"name": "main", "image": IMAGE, "command": ["sh", "-c", command], **(container or {})}
    if setup is not None:
        spec["initContainers"] = [{"name": "setup", "image": IMAGE, "command": ["sh", "-c", setup]}]
    beside = spec.pop("beside", [])
    return {"podTemplate": {"spec": {"terminationGracePeriodSeconds": 3, "containers": [main, *beside], **spec}}}


def runs(bench: Bench, pod: str) -> None:
    """Wait until its main container says that it listens to signals."""
    bench.until(f"{pod} runs", lambda: "ready" in bench.kubectl("logs", pod, "-c", "main", check=False))


def pod_phase(bench: Bench, pod: str) -> str:
    """The phase of a pod when it has ended."""

    def phase() -> str | None:
        found = bench.get("pod", pod)["status"]["phase"]
        return found if found in ("Succeeded", "Failed") else None

    return str(bench.until(f"{pod} has ended", phase))


def test_a_container_that_fails_before_the_main_one_is_a_failure_like_another(bench: Bench) -> None:
    told = 'echo "no table" > /dev/termination-log; exit 7'
    bench.apply(single("fails", template("true", setup="false")))
    bench.apply(single("retried", template("true", setup=told), retry={"limit": 1, "initial": "1s"}))
    once = {"limit": 3, "initial": "1s", "nonRetryableExitCodes": [7]}
    sidecar = {**SIDECAR, "restartPolicy": "Always"}
    inits = [sidecar, {"name": "setup", "image": IMAGE, "command": ["sh", "-c", told]}]
    bench.apply(single("once", template("true", initContainers=inits), retry=once))
    status = bench.ended("fails", "Failed")
    assert (status["message"], len(status["attempts"])) == ("init container setup failed with exit code 1", 1)
    assert status["attempts"][0]["exitCode"] == 1
    status = bench.ended("once", "Failed")
    words = "init container setup failed with exit code 7: no table"
    assert (status["message"], [attempt["exitCode"] for attempt in status["attempts"]]) == (words, [7])
    assert [attempt["exitCode"] for attempt in bench.ended("retried", "Failed")["attempts"]] == [7, 7]


def test_a_report_that_was_cut_is_no_success_and_a_long_text_is_one(bench: Bench) -> None:
    zeros = "head -c 5000 /dev/zero | tr '\\0' 0"
    report = f"""(printf '{{"status":"failed","result":"'; {zeros}; printf '"}}') > /dev/termination-log"""
    bench.apply(single("cut", template(report)))
    bench.apply(single("cut-among-five", template(report, beside=[{**SIDECAR, "name": f"p{n}"} for n in range(4)])))
    bench.apply(single("text", template("seq 1 2000 > /dev/termination-log")))
    log = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    bench.apply(single("log", template("seq 1 2000; echo db refused us; exit 1", container=log)))
    line = """echo '{"level":"error","msg":"db refused us"}'; exit 1"""
    bench.apply(single("line", template(line, container=log)))
    for name, limit in (("cut", 4096), ("cut-among-five", 2457)):
        status = bench.ended(name, "Failed")
        assert reason_of(status) == "ResultUnreadable"
        assert f"longer than the {limit} bytes that Kubernetes keeps" in status["message"]
    text = bench.ended("text", "Succeeded")["message"]
    assert text.startswith("…")
    assert text.endswith("1999\n2000")
    failed = bench.ended("log", "Failed")["message"]
    assert failed.startswith("…")
    assert failed.endswith("2000\ndb refused us")
    assert bench.ended("line", "Failed")["message"] == '{"level":"error","msg":"db refused us"}'


def test_a_deadline_of_the_template_is_a_timeout_that_names_it(bench: Bench) -> None:
    bench.apply(single("trapped", template('trap "exit 0" TERM; sleep 600 & wait', activeDeadlineSeconds=15)))
    bench.apply(single("killed", template("sleep 600", activeDeadlineSeconds=15)))
    bench.apply(single("in-time", template("sleep 1", activeDeadlineSeconds=60)))
    for name, code in (("trapped", 0), ("killed", 137)):
        status = bench.ended(name, "TimedOut")
        assert reason_of(status) == "DeadlineExceeded"
        assert status["message"] == "its pod took longer than its own activeDeadlineSeconds of 15s"
        assert status["attempts"][0]["exitCode"] == code
    bench.ended("in-time", "Succeeded")


def test_what_is_beside_the_main_container_is_stopped_and_nothing_else(bench: Bench) -> None:
    bench.apply(single("alone", template("true")))
    bench.apply(single("beside", template("echo done", beside=[SIDECAR], activeDeadlineSeconds=900)))
    bench.apply(single("native", template("echo done", initContainers=[{**SIDECAR, "restartPolicy": "Always"}])))
    for name in ("alone", "beside", "native"):
        bench.ended(name, "Succeeded")
    # Where nothing was left, nobody has touched the pod.
    assert [pod_phase(bench, f"{name}-1") for name in ("alone", "beside", "native")] == [
        "Succeeded",
        "Failed",
        "Succeeded",
    ]
    assert bench.get("pod", "beside-1")["metadata"]["annotations"]["crontask.dev/stopped"] == "Ended"
    assert "done" in bench.kubectl("logs", "beside-1", "-c", "main")
    assert bench.phase("beside") == "Succeeded"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (evict, "EvictionByEvictionAPI"),
        (lambda bench, pod: bench.kubectl("delete", "pod", pod, "--wait=false"), "PodDeleted"),
    ],
)
def test_who_is_stopped_from_outside_and_does_not_say_that_it_is_done_is_lost(
    bench: Bench, how: Callable[[Bench, str], object], reason: str
) -> None:
    bench.apply(single("trapped", template(ON_TERM), retry={"initial": "1s"}))
    bench.apply(single("once", template(ON_TERM), retry={"onLost": "Fail"}))
    bench.apply(single("says-done", template(SAYS_DONE)))
    for name in ("trapped", "once", "says-done"):
        runs(bench, f"{name}-1")
        how(bench, f"{name}-1")
    status = bench.ended("trapped", "Succeeded")
    assert [attempt["reason"] for attempt in status["attempts"]] == [reason, "Completed"]
    status = bench.ended("once", "Failed")
    assert (reason_of(status), status["lostAttempts"], status["attempts"][0]["exitCode"]) == (reason, 1, 0)
    assert len(bench.ended("says-done", "Succeeded")["attempts"]) == 1


def test_why_a_pod_does_not_start_is_said_at_once_and_at_its_end(bench: Bench) -> None:
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    failing = {**SIDECAR, "restartPolicy": "Always", "command": ["sh", "-c", "exit 3"], "startupProbe": probe}
    claim = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    never = {"image": "nosuch:1", "imagePullPolicy": "Never"}
    cases = {
        "never": (template("true", container=never), "container main does not start: ErrImageNeverPull: "),
        "sidecar": (
            template("true", initContainers=[failing]),
            "init container proxy does not start: CrashLoopBackOff (exit code 3)",
        ),
        "gated": (
            template("true", schedulingGates=[{"name": "example.com/wait"}]),
            "waits for its scheduling gates to be removed: SchedulingGated",
        ),
        "claim": (
            template("true", volumes=claim),
            'no node takes the pod: Unschedulable: persistentvolumeclaim "data" not found',
        ),
        "big": (
            template("true", nodeSelector={"no": "such"}),
            "no node takes the pod: Unschedulable: node(s) didn't match Pod's node affinity/selector",
        ),
    }
    for name, (handler, _) in cases.items():
        bench.apply(single(name, handler, startTimeout="25s"))
    for name, (_, words) in cases.items():
        bench.until(f"{name} says why", partial(_says, bench, name, words), 20)
    bench.apply(single("nobody", template("true", schedulerName="nobody"), startTimeout="5s"))
    assert bench.ended("nobody", "Failed")["message"] == "did not start within 5s: no scheduler has taken it up"
    for name, (_, words) in cases.items():
        status = bench.ended(name, "Failed", 90)
        assert reason_of(status) == "StartTimeout"
        assert status["message"].startswith(f"did not start within 25s: {words}")
        assert bench.get("pod", f"{name}-1") == {} or name == "sidecar"


def _says(bench: Bench, run: str, words: str) -> bool:
    return words in row(bench, "sr", run)


def test_the_work_of_an_init_container_is_named_and_counts_as_work(bench: Bench) -> None:
    bench.apply(single("slow", template("true", setup="sleep 25"), startTimeout="20s"))
    bench.apply(single("too-slow", template("true", setup="sleep 600"), startTimeout="20s", timeout="8s"))
    bench.until("it says so", lambda: "init container setup is running" in row(bench, "sr", "slow"), 20)
    bench.ended("slow", "Succeeded")
    status = bench.ended("too-slow", "TimedOut")
    assert status["message"] == "took longer than its timeout of 8s: init container setup is running"
    assert pod_phase(bench, "too-slow-1") == "Failed"


def test_a_run_on_a_pod_that_is_there_costs_it_no_change(bench: Bench) -> None:
    """What nobody has to stop is left alone."""
    bench.apply(single("plain", pod_of("echo hello")))
    bench.ended("plain", "Succeeded")
    assert pod_phase(bench, "plain-1") == "Succeeded"
    pod = json.loads(bench.kubectl("get", "pod", "plain-1", "-o", "json", "--show-managed-fields"))
    assert "activeDeadlineSeconds" not in pod["spec"]
    assert {entry["operation"] for entry in pod["metadata"]["managedFields"] if entry.get("subresource") is None} == {
        "Update"
    }
