"""Promises about time on a real API server: catching up over a restart, chains, pauses, delays, groups."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from api_server import Processes, items, until

from cluster.control_plane import ControlPlane

pytestmark = pytest.mark.long

Document = dict[str, Any]
Apply = Callable[..., None]


@pytest.fixture
def apply(control_plane: ControlPlane, namespace: str) -> Apply:
    """Apply a CronTask whose pods the stand-in kubelet plays."""

    def make(name: str, *, seconds: float = 0.2, exit_code: int = 0, resume: str = "", **spec: Any) -> None:
        played = {"stand-in/seconds": str(seconds), "stand-in/exit-code": str(exit_code)}
        pod = {"schedulerName": "nobody", "containers": [{"name": "main", "image": "busybox:1.36"}]}
        body: Document = {
            "apiVersion": "crontask.dev/v1alpha1",
            "kind": "CronTask",
            "metadata": {"name": name, "annotations": {"crontask.dev/resume": resume}},
            "spec": {
                "handler": {"podTemplate": {"metadata": {"annotations": played}, "spec": pod}},
                "history": {"succeeded": 100},
                **spec,
            },
        }
        control_plane.kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(body))

    return make


class World:
    """What is there in the test's namespace."""

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        self.control_plane = control_plane
        self.namespace = namespace

    def task(self, name: str) -> Document:
        return next(t for t in items(self.control_plane, self.namespace, "ct") if t["metadata"]["name"] == name)

    def status(self, name: str) -> Document:
        return dict(self.task(name).get("status") or {})

    def runs(self, name: str) -> list[Document]:
        all_runs = items(self.control_plane, self.namespace, "sr")
        mine = [run for run in all_runs if run["spec"]["taskRef"]["name"] == name]
        return sorted(mine, key=lambda run: str(run["spec"].get("scheduledTime")))

    def ended(self, name: str, count: int) -> list[Document]:
        """The runs of a task once so many have ended."""
        return list(until(f"{count} runs of {name}", lambda: len(found := self._ended(name)) >= count and found))

    def _ended(self, name: str) -> list[Document]:
        return [run for run in self.runs(name) if (run.get("status") or {}).get("completionTime")]

    def edit(self, name: str, **spec: Any) -> None:
        self.control_plane.kubectl(
            "-n", self.namespace, "patch", "ct", name, "--type=merge", "-p", json.dumps({"spec": spec})
        )


@pytest.fixture
def world(control_plane: ControlPlane, namespace: str) -> World:
    return World(control_plane, namespace)


def _times(runs: list[Document]) -> list[datetime]:
    return [_time(run["spec"]["scheduledTime"]) for run in runs]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _under_way(run: Document) -> tuple[datetime, datetime]:
    return _time(run["status"]["startTime"]), _time(run["status"]["completionTime"])


EVERY = timedelta(seconds=5)
CATCH_UP = {"latest": {"policy": "Latest"}, "none": {"policy": "None"}, "all": {"policy": "All", "limit": 3}}
MADE_UP_FOR = {"latest": 1, "none": 0, "all": 3}


def test_what_is_missed_while_no_operator_watches(world: World, apply: Apply, processes: Processes) -> None:
    processes.kubelet()
    operator = processes.operator()
    for name, catch_up in CATCH_UP.items():
        apply(name, interval="5s", catchUp=catch_up)
    for name in CATCH_UP:
        world.ended(name, 1)
    operator.kill()
    operator.wait()
    # Only now: until then it may have started more.
    gone = datetime.now(UTC)
    until("four times have passed", lambda: datetime.now(UTC) > gone + 4 * EVERY)
    started = datetime.now(UTC)
    processes.operator()
    for name, made_up_for in MADE_UP_FOR.items():
        until("it goes on", partial(_goes_on, world, name, started))
        times = _times(world.runs(name))
        # One that is late by less than ten seconds is not missed; the latest may be one of those.
        assert len([t for t in times if gone < t < started - timedelta(seconds=10)]) <= made_up_for
        assert len([t for t in times if gone < t <= started]) <= max(made_up_for, 1)
        until("every time is decided", partial(_are_decided, world, name, gone))


def _goes_on(world: World, name: str, after: datetime) -> bool:
    return any(time > after for time in _times(world.runs(name)))


def _are_decided(world: World, name: str, since: datetime) -> bool:
    """Whether five times after that one are. All up to the mark are runs or recorded misses, or it fails."""
    task = world.task(name)
    status, created = task["status"], _time(task["metadata"]["creationTimestamp"])
    mark = _time(status["lastScheduledTime"])
    runs = [t for t in _times(world.runs(name)) if t <= mark]
    counts = status.get("counts", {})
    assert len(runs) + counts.get("missed", 0) + counts.get("skipped", 0) == (mark - created) // EVERY
    return (mark - since) // EVERY >= 5


def test_a_chain_goes_on_over_a_restart(world: World, apply: Apply, processes: Processes) -> None:
    processes.kubelet()
    operator = processes.operator()
    apply("report", after={"task": "load"})
    apply("load", after={"task": "extract"}, seconds=3)
    apply("extract", interval="5s", maxRuns=2)
    until("the second step runs", lambda: world.runs("load"))
    operator.kill()
    operator.wait()
    processes.operator()
    reports = world.ended("report", 2)
    assert [len(world.runs(name)) for name in ("extract", "load", "report")] == [2, 2, 2]
    assert {run["status"]["origin"] for run in reports} == {"After"}
    until("the first one is completed", lambda: world.status("extract").get("phase") == "Completed")
    pod = items(world.control_plane, world.namespace, "pods")
    triggers = [
        _environment(p, "CRONTASK_TRIGGER") for p in pod if p["metadata"]["labels"]["crontask.dev/task"] == "load"
    ]
    causes = {run["metadata"]["name"] for run in world.runs("extract")}
    assert {json.loads(text)["run"] for text in triggers} == causes


def _environment(pod: Document, name: str) -> str:
    variables = pod["spec"]["containers"][0]["env"]
    return str(next(variable["value"] for variable in variables if variable["name"] == name))


def test_a_task_suspended_until_a_time_resumes_by_itself(world: World, apply: Apply, processes: Processes) -> None:
    processes.kubelet()
    processes.operator()
    # It has to be awake while there is still time.
    apply("beside", schedule="0 3 1 1 *")
    until("the operator decides", lambda: world.status("beside"))
    until_then = (datetime.now(UTC) + timedelta(seconds=15)).replace(microsecond=0)
    apply("later", interval="1s", suspendUntil=until_then.isoformat(), suspendReason="holidays")

    def suspended() -> object:
        """What it says while it is: a moment later it may have resumed."""
        status = world.status("later")
        return status.get("phase") == "Suspended" and status["conditions"]

    words = {c["type"]: c["message"] for c in until("it is suspended", suspended)}
    assert "holidays" in words["Suspended"]
    runs = world.ended("later", 1)
    assert _times(runs)[0] == until_then
    until("the task says so", lambda: world.status("later").get("phase") == "Active")


def test_failures_in_a_row_suspend_a_task_until_it_is_resumed(world: World, apply: Apply, processes: Processes) -> None:
    processes.kubelet()
    processes.operator()
    apply("flaky", interval="2s", suspendAfterFailures=2, exit_code=1)
    until("it is suspended", lambda: world.status("flaky").get("phase") == "Suspended")
    before = len(world.runs("flaky"))
    assert world.status("flaky")["consecutiveFailures"] == before == 2
    apply("flaky", interval="2s", suspendAfterFailures=2, exit_code=1, resume="now")
    until("it has failed again", lambda: len(world.runs("flaky")) == 4)
    until("it is suspended again", lambda: world.status("flaky").get("phase") == "Suspended")
    assert len(world.runs("flaky")) == 4


def test_what_is_expected_and_does_not_come_makes_a_task_overdue_until_it_comes(
    world: World, apply: Apply, processes: Processes
) -> None:
    processes.kubelet()
    operator = processes.operator()
    apply("fails", interval="2s", exit_code=1, expect={"successWithin": "6s"})
    until("it is overdue", lambda: _condition(world, "fails", "Overdue") == ("True", "NoSuccess"))
    operator.kill()
    operator.wait()
    processes.operator()
    apply("fails", interval="2s", exit_code=0, expect={"successWithin": "6s"})
    until("a success clears it", lambda: _condition(world, "fails", "Overdue") == ("False", "AsExpected"))
    apply("fails", interval="2s", seconds=8, expect={"finishWithin": "1s"})
    until("a run takes too long", lambda: _condition(world, "fails", "Overdue") == ("True", "RunTakesTooLong"))
    until("it has ended", lambda: _condition(world, "fails", "Overdue") == ("False", "AsExpected"))


def _condition(world: World, task: str, type_: str) -> tuple[str, str]:
    """Its status and reason; empty while there is none."""
    found = (c for c in world.status(task).get("conditions", ()) if c["type"] == type_)
    return next(((c["status"], c["reason"]) for c in found), ("", ""))


def test_a_delay_counts_from_the_end_also_over_a_restart(world: World, apply: Apply, processes: Processes) -> None:
    processes.kubelet()
    operator = processes.operator()
    apply("pause", delay="3s", seconds=1)
    world.ended("pause", 2)
    operator.kill()
    operator.wait()
    processes.operator()
    runs = world.ended("pause", 4)
    for before, after in pairwise(runs):
        assert _time(after["spec"]["scheduledTime"]) >= _under_way(before)[1] + timedelta(seconds=3)
    assert world.status("pause").get("counts", {}).get("missed", 0) == 0


def test_three_tasks_of_a_group_take_turns(world: World, apply: Apply, processes: Processes) -> None:
    processes.kubelet()
    processes.operator()
    for name in ("one", "two", "three"):
        apply(name, interval="4s", seconds=1, concurrency={"policy": "Queue", "group": "database"})
    for name in ("one", "two", "three"):
        world.ended(name, 2)
    runs = [run for name in ("one", "two", "three") for run in world.ended(name, 2)]
    stretches = sorted(_under_way(run) for run in runs)
    # Times are to the second: one may begin in the second in which another ends.
    assert all(end <= start for (_, end), (start, _) in pairwise(stretches))


def test_a_pod_that_would_be_refused_is_said_at_once(world: World, apply: Apply, processes: Processes) -> None:
    processes.operator()
    apply("good", schedule="0 3 1 1 *")
    bad = {"podTemplate": {"spec": {"containers": [{"name": "Main!", "image": "busybox:1.36"}]}}}
    apply("bad", schedule="0 3 1 1 *", handler=bad)
    until("both are looked at", lambda: world.status("good").get("phase") and world.status("bad").get("phase"))
    ready = {name: world.status(name)["conditions"][0] for name in ("good", "bad")}
    assert (ready["good"]["status"], ready["bad"]["status"]) == ("True", "False")
    assert ready["bad"]["reason"] == "PodRejected"
    assert "spec.containers[0].name" in ready["bad"]["message"]
    good = {"podTemplate": {"spec": {"containers": [{"name": "main", "image": "busybox:1.36"}]}}}
    world.edit("bad", handler=good)
    until("it is ready", lambda: world.status("bad")["conditions"][0]["status"] == "True")
    assert items(world.control_plane, world.namespace, "pods") == []
