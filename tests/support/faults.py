"""Faults of a real cluster: tasks to watch through them, the operators by name and process, what must hold after."""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bench import Bench

from cluster import cluster
from installation import NAMESPACE, Tools, install

IMAGE = "busybox:1.36"
LAUNCHED = "SuccessfulCreate"
_DEPLOYMENT = "deployment/crontask"


def time_of(text: str) -> datetime:
    """A time as the API writes it."""
    return datetime.fromisoformat(text)


def nominal_of(run: dict[str, Any]) -> datetime:
    """The nominal time of a scheduled run."""
    return time_of(run["spec"]["scheduledTime"])


def pod_of(command: str, *, grace: int = 1, image: str = IMAGE) -> dict[str, Any]:
    """A handler: a shell command in a pod that is given `grace` seconds to end."""
    container = {"name": "main", "image": image, "command": ["sh", "-c", command]}
    return {"podTemplate": {"spec": {"terminationGracePeriodSeconds": grace, "containers": [container]}}}


def ticking(name: str, every: int, command: str = "true", **spec: Any) -> str:
    """A CronTask due every so many seconds, whose runs neither wait for each other nor are removed."""
    spec = {
        "interval": f"{every}s",
        "concurrency": {"policy": "Allow"},
        "history": {"succeeded": 1000, "failed": 1000},
        "handler": pod_of(command),
        **spec,
    }
    return _manifest("CronTask", name, spec)


def single(name: str, handler: dict[str, Any], **spec: Any) -> str:
    """A ScheduledRun on its own."""
    return _manifest("ScheduledRun", name, {"handler": handler, **spec})


def _manifest(kind: str, name: str, spec: dict[str, Any]) -> str:
    body = {"apiVersion": "crontask.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    return json.dumps(body) + "\n---\n"


def evict(bench: Bench, pod: str) -> None:
    """Ask the Eviction API for the end of a pod, as a drain of its node does."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": bench.namespace}}
    path = f"/api/v1/namespaces/{bench.namespace}/pods/{pod}/eviction"
    bench.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body))


def listed(bench: Bench, kind: str) -> list[dict[str, Any]]:
    """All objects of a kind in the namespace."""
    return list(json.loads(bench.kubectl("get", kind, "-o", "json"))["items"])


def row(bench: Bench, kind: str, name: str) -> str:
    """The line of `kubectl get -o wide`."""
    return bench.kubectl("get", kind, name, "-o", "wide", "--no-headers")


def described(bench: Bench, kind: str, name: str, *words: str) -> None:
    """Wait until `kubectl describe` says all that: an event comes after the status that it is about."""
    asked = ("describe", kind, name)
    bench.until(f"{name} is described by {', '.join(words)}", lambda: _has_all(bench.kubectl(*asked), words))


def _has_all(text: str, words: tuple[str, ...]) -> bool:
    return all(each in text for each in words)


def with_phase(bench: Bench, task: str, phase: str) -> list[dict[str, Any]]:
    """The runs of a task that are in a phase."""
    return [run for run in bench.runs(task) if run.get("status", {}).get("phase") == phase]


def goes_on(bench: Bench, *tasks: str, times: int = 2) -> None:
    """Wait until so many runs more of each task have succeeded."""
    before = _succeeded(bench)

    def more() -> bool:
        now = _succeeded(bench)
        return all(now[task] - before[task] >= times for task in tasks)

    bench.until(f"{', '.join(tasks)} go on", more, 120)


def _succeeded(bench: Bench) -> Counter[str]:
    """How many runs of each task have."""
    ended = [run for run in listed(bench, "sr") if run.get("status", {}).get("phase") == "Succeeded"]
    return Counter(run["spec"]["taskRef"]["name"] for run in ended if "taskRef" in run["spec"])


def end_well(bench: Bench, *tasks: str) -> None:
    """Wait until all runs that the tasks have now have succeeded."""
    names = {run["metadata"]["name"] for task in tasks for run in bench.runs(task)}

    def all_have() -> bool:
        phases = {run["metadata"]["name"]: run.get("status", {}).get("phase") for run in listed(bench, "sr")}
        return all(phases[name] == "Succeeded" for name in names)

    bench.until(f"the runs of {', '.join(tasks)} end well", all_have, 120)


def next_launch(bench: Bench, operators: "Operators", since: datetime, but: str) -> datetime:
    """Wait until another operator than `but` has started a run since then; when it did."""
    found = bench.until("another starts runs", lambda: operators.first_launch(bench.namespace, since, but))
    assert isinstance(found, datetime)
    return found


def assert_each_time_is_decided_once(bench: Bench, task: str) -> Counter[str]:
    """Each nominal time up to the watermark is one run with one pod an attempt, or in a miss or skip, never both.

    How many there are of each. The task is read first: the runs of what its watermark covers are there by then.
    """
    found = bench.get("ct", task)
    status, runs = found["status"], bench.runs(task, pre_created=True)
    watermark = time_of(status["lastScheduledTime"])
    started = [nominal_of(run) for run in runs if nominal_of(run) <= watermark and not _is_stale(run)]
    assert _more_than_one(started) == []
    due = set(_times(found, watermark))
    assert set(started) <= due
    left, rows = due - set(started), status.get("recentDecisions", [])
    covered = [(time_of(row["nominalTime"]), time_of(row.get("until", row["nominalTime"]))) for row in rows]
    assert [time for time in sorted(left) if not any(first <= time <= last for first, last in covered)] == []
    counts = Counter({type_: sum(row["count"] for row in rows if row["type"] == type_) for type_ in _DECISIONS})
    assert counts.total() == len(left)
    assert {type_: status["counts"][field] for type_, field in _DECISIONS.items()} == dict(counts)
    attempts = [attempt["pod"] for run in runs for attempt in run.get("status", {}).get("attempts", [])]
    assert _more_than_one(attempts) == []
    pods = {pod["metadata"]["name"] for pod in listed(bench, "pods")}
    known = {run["metadata"]["name"] for run in bench.runs(task, pre_created=True)}
    assert {name.rpartition("-")[0] for name in pods if name.startswith(f"{task}-")} <= known
    return counts + Counter({"Run": len(started)})


_DECISIONS = {"Missed": "missed", "Skipped": "skipped"}


def _times(task: dict[str, Any], until: datetime) -> Iterator[datetime]:
    every = timedelta(seconds=int(task["spec"]["interval"].removesuffix("s")))
    time = time_of(task["metadata"]["creationTimestamp"]) + every
    while time <= until:
        yield time
        time += every


def _is_stale(run: dict[str, Any]) -> bool:
    """Written by an operator that had lost its lease: recorded as such, without a pod."""
    return any(condition["reason"] == "Stale" for condition in run.get("status", {}).get("conditions", []))


def _more_than_one(things: list[Any]) -> list[Any]:
    return [thing for thing, count in Counter(things).items() if count > 1]


class Operators:
    """The operators of the installation: pods, the leader, their log lines, their processes on this machine."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def pods(self) -> list[dict[str, Any]]:
        """Those that are not being deleted."""
        items = json.loads(self._kubectl("get", "pods", "-o", "json"))["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def ready(self) -> list[str]:
        """The names of the pods that are."""
        return [
            pod["metadata"]["name"]
            for pod in self.pods()
            if any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
        ]

    def leader(self) -> str:
        """The pod that holds the Lease; empty while none does."""
        return str(json.loads(self._kubectl("get", "lease", "crontask", "-o", "json"))["spec"]["holderIdentity"])

    def lease_seconds(self) -> int:
        """How long a lease lasts that nobody renews."""
        return int(json.loads(self._kubectl("get", "lease", "crontask", "-o", "json"))["spec"]["leaseDurationSeconds"])

    def lines(self, pod: str, since: datetime | None = None) -> list[dict[str, Any]]:
        """What the pod's present container has logged; nothing where it is gone."""
        options = [f"--since-time={since:%Y-%m-%dT%H:%M:%S.%fZ}"] if since is not None else []
        text = self._kubectl("logs", pod, *options, check=False)
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def said(self, pod: str, words: str) -> bool:
        """Whether a line of its log has the words."""
        return any(words in line["message"] for line in self.lines(pod))

    def launches(self, pod: str, namespace: str, since: datetime | None = None) -> list[datetime]:
        """When it started pods in the namespace."""
        lines = self.lines(pod, since)
        return [
            time_of(line["time"])
            for line in lines
            if line.get("reason") == LAUNCHED and line.get("namespace") == namespace
        ]

    def first_launch(self, namespace: str, since: datetime, but: str) -> datetime | None:
        """The first launch by another operator than `but` since then."""
        found = [
            time
            for name in (pod["metadata"]["name"] for pod in self.pods())
            if name != but
            for time in self.launches(name, namespace, since)
            if time >= since
        ]
        return min(found, default=None)

    def delete(self, pod: str, *options: str) -> None:
        """Have the pod deleted; nothing where it is gone."""
        self._kubectl("delete", "pod", pod, "--wait=false", "--ignore-not-found", *options)

    def process(self, pod: str) -> int:
        """The pid of a pod's operator on this machine: that of the throw-away cluster, whose node it is."""
        assert self._tools.throw_away
        uid = next(each["metadata"]["uid"] for each in self.pods() if each["metadata"]["name"] == pod)
        return next(pid for pid in _processes_of(uid) if b"operator" in _command(pid))

    def signal(self, pod: str, number: signal.Signals) -> datetime:
        """Send a signal to the pod's operator itself; when."""
        pid = self.process(pod)
        sent = datetime.now(UTC)
        os.kill(pid, number)
        return sent

    def kill_with_pod(self, pod: str) -> datetime:
        """As when its node dies: the operator is killed, and not started again in its pod. When.

        On a cluster whose nodes are elsewhere it is left to the kubelet.
        """
        sent = self.signal(pod, signal.SIGKILL) if self._tools.throw_away else datetime.now(UTC)
        self.delete(pod, "--force", "--grace-period=0")
        return sent

    def free_lease_of(self, pod: str) -> None:
        """Take the Lease from a pod that is dead, if it was the leader."""
        holder = "/spec/holderIdentity"
        steps = [{"op": "test", "path": holder, "value": pod}, {"op": "replace", "path": holder, "value": ""}]
        self._kubectl("patch", "lease", "crontask", "--type=json", "-p", json.dumps(steps), check=False)

    def _kubectl(self, *arguments: str, check: bool = True) -> str:
        return self._tools.kubectl("-n", NAMESPACE, *arguments, check=check)


def kill_operator(bench: Bench) -> None:
    """Kill the only operator, as when its node dies. Where other tests do so just then, it is dead all the same.

    How the end of its lease is waited for is another test's matter: the next one leads at once.
    """
    operators = Operators(bench.tools)
    (pod,) = bench.until("an operator is there", operators.ready, 90)
    with suppress(StopIteration, ProcessLookupError):
        operators.kill_with_pod(pod)
        operators.free_lease_of(pod)


def _processes_of(pod_uid: str) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"/pod{pod_uid}/" in (folder / "cgroup").read_text():
                yield int(folder.name)
        except OSError:
            continue


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def healthy(tools: Tools) -> Iterator[None]:
    """After the test the cluster and the operator are as they were before it."""
    yield
    tools.kubectl("-n", NAMESPACE, "rollout", "status", _DEPLOYMENT, "--timeout=120s")
    if tools.throw_away:
        assert cluster.status().up


@pytest.fixture
def two_operators(tools: Tools, healthy: None) -> Iterator[Operators]:
    """A leader and a standby."""
    install(tools, "replicas=2")
    try:
        yield Operators(tools)
    finally:
        install(tools)
