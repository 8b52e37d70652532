"""The SDK's two clients against a real API server with an operator and a stand-in kubelet: one suite, run with both."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from api_server import Processes, is_seen, until, until_allowed
from both_clients import BOTH, client_by

from cluster.control_plane import ControlPlane
from crontask import CronTaskSpec, Retry, errors
from crontask.client import Flags, load

NEVER = "0 0 1 1 *"


@dataclass(frozen=True)
class Totals:
    rows: int
    regions: list[str]


def handler(seconds: float = 0.1, exit_code: int = 0, message: str = "") -> dict[str, Any]:
    """A pod that the stand-in kubelet plays."""
    play = {"stand-in/seconds": str(seconds), "stand-in/exit-code": str(exit_code)}
    if message:
        play["stand-in/message"] = message
    pod = {"metadata": {"annotations": play}, "spec": {"schedulerName": "nobody"}}
    return {"container": {"image": "none"}, "pod": pod}


@pytest.fixture(params=BOTH)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(transport: str, control_plane: ControlPlane, namespace: str) -> Iterator[Any]:
    with client_by(transport, load(Flags(str(control_plane.kubeconfig), namespace=namespace))) as made:
        yield made


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """An operator and a kubelet for all tests of this file."""
    with Processes(control_plane.kubeconfig, tmp_path_factory.mktemp("logs")) as started:
        started.operator()
        started.kubelet()
        yield started


class Kubectl:
    """kubectl in the namespace of a test."""

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        self._control_plane, self._namespace = control_plane, namespace

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        return self._control_plane.kubectl("-n", self._namespace, *arguments, stdin=stdin or None)


@pytest.fixture
def kubectl(control_plane: ControlPlane, namespace: str) -> Kubectl:
    return Kubectl(control_plane, namespace)


# --- tasks: no operator is needed -------------------------------------------------------------------------------------


def test_a_task_is_registered_and_registered_again(client: Any) -> None:
    made = client.register("sync", schedule=NEVER, handler=handler(), retry=Retry(limit=3), timeout=timedelta(hours=1))
    assert made.spec["schedule"] == NEVER
    assert (made.spec["retry"]["limit"], made.spec["timeout"]) == (3, "1h")
    owners = {entry["manager"] for entry in made.document["metadata"]["managedFields"]}
    assert owners == {"crontask-sdk/shop"}
    same = client.register("sync", schedule=NEVER, handler=handler(), retry=Retry(limit=3), timeout="1h")
    assert same.document["metadata"]["resourceVersion"] == made.document["metadata"]["resourceVersion"]
    # What is not said any more is not so any more.
    changed = client.register("sync", interval=timedelta(minutes=5), handler=handler())
    assert (changed.spec["interval"], "schedule" in changed.spec, "timeout" in changed.spec) == ("5m", False, False)


def test_a_manifest_and_a_model(client: Any) -> None:
    manifest = {"metadata": {"name": "a", "labels": {"team": "data"}}, "spec": {"handler": handler()}}
    by_manifest = client.register(manifest, interval="1h", annotations={"example.com/why": "x"})
    assert by_manifest.document["metadata"]["labels"] == {"team": "data"}
    # An object that was read is a manifest too.
    assert client.register(by_manifest.document).spec == by_manifest.spec
    spec = CronTaskSpec.model_validate({"schedule": NEVER, "timeZone": "Europe/Berlin", "handler": handler()})
    by_model = client.register("b", spec)
    assert by_model.spec["timeZone"] == "Europe/Berlin"
    assert client.register("c", spec, schedule=None, on_demand=True).spec.get("schedule") is None


def test_a_redeploy_neither_pauses_nor_resumes(client: Any) -> None:
    first = client.register("sync", schedule=NEVER, handler=handler(), paused=True)
    assert first.spec["suspend"] is True
    again = client.register("sync", schedule="0 0 2 1 *", handler=handler(1))
    assert (again.spec["suspend"], again.spec["schedule"]) == (True, "0 0 2 1 *")
    client.resume("sync")
    once_more = client.register("sync", schedule="0 0 3 1 *", handler=handler(2), paused=True)
    assert not once_more.spec.get("suspend")
    client.pause("sync", reason="deploy")
    assert client.register("sync", schedule="0 0 4 1 *", handler=handler(3)).spec["suspend"] is True


def test_what_others_own_is_taken_over_only_when_asked(client: Any, kubectl: Kubectl) -> None:
    client.register("sync", schedule=NEVER, handler=handler())
    patch = json.dumps({"spec": {"schedule": "0 3 * * *"}})
    kubectl("patch", "crontask", "sync", "--type=merge", "-p", patch, "--field-manager=ops")
    with pytest.raises(errors.FieldConflict) as caught:
        client.register("sync", schedule=NEVER, handler=handler())
    assert caught.value.owners == {"spec.schedule": "ops"}
    assert str(caught.value) == (
        "CronTask sync: spec.schedule is owned by ops; leave it out here, or register with take_over=True"
    )
    taken = client.register("sync", schedule=NEVER, handler=handler(), take_over=True)
    assert (taken.spec["schedule"], taken.taken_over) == (NEVER, {"spec.schedule": "ops"})
    assert client.register("sync", schedule=NEVER, handler=handler()).taken_over == {}


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"spec": {"schedule": None, "interval": "1h"}}, "spec.interval"),
        ({"spec": {"handler": {"container": None, "http": {"url": "https://a.example"}}}}, "spec.handler.http"),
        (
            {"spec": {"handler": {"container": None, "steps": [{"name": "a", "task": "b"}], "maxParallel": 2}}},
            "spec.handler.steps",
        ),
    ],
)
def test_another_kind_of_timing_or_handler_is_taken_over_too(
    client: Any, kubectl: Kubectl, patch: dict[str, Any], field: str
) -> None:
    image = {"container": {"image": "none"}}
    client.register("sync", schedule=NEVER, handler=image)
    kubectl("patch", "crontask", "sync", "--type=merge", "-p", json.dumps(patch), "--field-manager=ops")
    with pytest.raises(errors.FieldConflict) as caught:
        client.register("sync", schedule=NEVER, handler=image)
    assert caught.value.owners[field] == "ops"
    taken = client.register("sync", schedule=NEVER, handler=image, take_over=True)
    assert taken.taken_over[field] == "ops"
    assert (taken.spec["schedule"], taken.spec["handler"], "interval" in taken.spec) == (NEVER, image, False)
    entries = taken.document["metadata"]["managedFields"]
    assert {(each["manager"], each["operation"]) for each in entries} == {("crontask-sdk/shop", "Apply")}
    # It is ours alone again: an edit of ours leaves nothing behind.
    again = client.register("sync", interval="2h", handler=image)
    assert ("schedule" in again.spec, again.spec["interval"], again.taken_over) == (False, "2h", {})


def test_what_an_update_changed_is_not_lost_by_a_redeploy(client: Any) -> None:
    client.register("sync", schedule=NEVER, handler=handler(), timeout="1h")
    client.update("sync", lambda spec: {**spec, "timeout": "2h"})
    with pytest.raises(errors.FieldConflict) as caught:
        client.register("sync", schedule=NEVER, handler=handler(), timeout="1h")
    assert caught.value.owners == {"spec.timeout": "crontask-sdk/shop, by update()"}
    # Whoever says the same, or nothing of it, has no conflict.
    assert client.register("sync", schedule=NEVER, handler=handler()).spec["timeout"] == "2h"
    assert client.register("sync", schedule=NEVER, handler=handler(), timeout="2h").spec["timeout"] == "2h"
    assert client.register("sync", schedule=NEVER, handler=handler(), timeout="1h", take_over=True).taken_over


def test_what_is_refused_by_the_server_is_said(client: Any) -> None:
    with pytest.raises(errors.InvalidTask, match=r"CronTask a: spec.scedule: there is no such field; .*schedule"):
        client.register({"metadata": {"name": "a"}, "spec": {"handler": handler(), "scedule": 1}}, interval="1h")
    client.register("a", interval="1h", handler=handler())
    with pytest.raises(errors.Invalid, match="novelty"):
        client.update("a", lambda spec: {**spec, "novelty": 1})
    with pytest.raises(errors.NotFound):
        client.pause("none")
    with pytest.raises(errors.NotFound):
        client.delete("none")


def test_pause_and_resume(client: Any) -> None:
    client.register("sync", schedule=NEVER, handler=handler(), suspend_after_failures=2)
    paused = client.pause("sync", reason="deploy")
    assert (paused.spec["suspend"], paused.spec["suspendReason"]) == (True, "deploy")
    assert paused.document["metadata"]["annotations"]["crontask.dev/suspended-by"] == "crontask-sdk/shop"
    resumed = client.resume("sync")
    assert not resumed.spec.get("suspend")
    assert "suspendReason" not in resumed.spec
    assert list(resumed.document["metadata"]["annotations"]) == ["crontask.dev/resume"]
    until_then = client.pause("sync", until=datetime(2100, 1, 1, tzinfo=UTC))
    assert until_then.spec["suspendUntil"] == "2100-01-01T00:00:00Z"
    assert not until_then.spec.get("suspend")


def test_an_update_sends_the_differences_and_again_on_a_conflict(client: Any, kubectl: Kubectl) -> None:
    client.register("sync", schedule=NEVER, handler=handler(), args={"a": 1, "b": 2}, timeout="5m")
    calls = []

    def change(spec: dict[str, Any]) -> None:
        calls.append(spec["timeout"])
        if len(calls) == 1:
            patch = json.dumps({"spec": {"timeout": "7m"}})
            kubectl("patch", "crontask", "sync", "--type=merge", "-p", patch)
        spec["args"]["c"] = spec["args"].pop("a")
        spec["timeZone"] = None
        spec["jitter"] = timedelta(minutes=1)

    changed = client.update("sync", change)
    assert calls == ["5m", "7m"]
    assert changed.spec["args"] == {"b": 2, "c": 1}
    assert (changed.spec["timeout"], changed.spec["jitter"]) == ("7m", "1m")
    version = changed.document["metadata"]["resourceVersion"]
    same = client.update("sync", lambda spec: dict(spec))
    assert same.document["metadata"]["resourceVersion"] == version


def test_none_within_args_is_a_value(client: Any) -> None:
    client.register("sync", schedule=NEVER, handler=handler(), args={"a": 1, "deep": {"x": None}})

    def change(spec: dict[str, Any]) -> None:
        spec["args"] |= {"b": None, "list": [{"c": None}]}
        del spec["args"]["a"]

    wanted = {"deep": {"x": None}, "b": None, "list": [{"c": None}]}
    assert client.update("sync", change).spec["args"] == wanted
    assert client.task("sync").spec["args"] == wanted


def test_a_run_by_a_key_is_one_run(client: Any) -> None:
    client.register("sync", on_demand=True, handler=handler())
    at = datetime.now(UTC) + timedelta(hours=1)
    first = client.trigger("sync", key="deploy-42", args={"full": True}, at=at)
    again = client.trigger("sync", key="deploy-42", args={"full": True}, at=at)
    assert (first.name, first.uid) == (again.name, again.uid)
    assert first.spec["idempotencyKey"] == "deploy-42"
    with pytest.raises(errors.KeyConflict) as caught:
        client.trigger("sync", key="deploy-42", args={"full": False}, at=at)
    assert (caught.value.fields, caught.value.run) == (["args"], first.name)
    with pytest.raises(errors.KeyConflict, match="different args and at"):
        client.trigger("sync", key="deploy-42")
    with pytest.raises(errors.KeyConflict, match="different at and delay"):
        client.trigger("sync", key="deploy-42", args={"full": True}, delay="1h")
    assert client.trigger("sync", key="deploy-43", args={"full": True}, at=at).name != first.name
    assert [run.name for run in client.runs(task="other")] == []
    assert len(client.runs(task="sync", since=at - timedelta(hours=2))) == 2
    assert client.runs(since=at) == []


def test_asking_by_a_key_whose_time_has_passed_finds_the_run(client: Any, kubectl: Kubectl) -> None:
    client.register("sync", on_demand=True, handler=handler())
    past = datetime.now(UTC) - timedelta(hours=1)
    with pytest.raises(errors.BadInput, match=r"^at: .* has passed: it is "):
        client.trigger("sync", key="k", at=past)
    made = client.trigger("sync", key="k", at=past, allow_past=True)
    assert client.trigger("sync", key="k", at=past).uid == made.uid
    with pytest.raises(errors.BadInput, match="has passed"):
        client.trigger("sync", at=past)
    with pytest.raises(errors.BadInput, match="has passed"):
        client.run(image="none", at=past)


def test_what_cannot_be_meant_is_not_sent(client: Any) -> None:
    with pytest.raises(errors.BadInput, match=r"at: .* has no time zone"):
        client.trigger("sync", at=datetime(2100, 1, 1))
    with pytest.raises(errors.BadInput, match=r"delay: 1\.5"):
        client.trigger("sync", delay=1.5)
    with pytest.raises(errors.InvalidName):
        client.trigger("No Such")
    with pytest.raises(errors.BadInput, match=r"write one of them, or on_demand=True"):
        client.register("sync", handler=handler())
    assert (client.runs(), client.tasks()) == ([], [])


def test_a_watch_of_runs(client: Any) -> None:
    for name in ("sync", "other"):
        client.register(name, on_demand=True, handler=handler())
    client.trigger("sync", key="a", delay="1h")
    client.trigger("other", key="b", delay="1h")
    known = [(event.type, event.run.task) for event in client.watch_runs(existing=True, timeout=1)]
    assert sorted(known) == [("ADDED", "other"), ("ADDED", "sync")]
    events = client.watch_runs(task="sync", timeout=30)
    making = threading.Timer(1, _trigger_beside, [client])
    making.start()
    event = next(events)
    events.close()
    making.join()
    assert (event.type, event.run.task, event.run.spec["idempotencyKey"]) == ("ADDED", "sync", "c")


def _trigger_beside(client: Any) -> None:
    """By another client: one belongs to one event loop."""
    access = getattr(client, "_client", client)._asking.port
    cluster = getattr(access, "_cluster", access)
    with client_by("sync", cluster.access) as beside:
        beside.trigger("other", key="d", delay="1h")
        beside.trigger("sync", key="c", delay="1h")


# --- runs: with an operator ------------------------------------------------------------------------------------------


def test_a_run_and_its_result(client: Any, operator: Processes) -> None:
    given = json.dumps({"result": {"rows": 3, "regions": ["eu", "us"]}})
    client.register("sync", on_demand=True, handler=handler(message=given))
    run = client.trigger("sync", key="deploy-42")
    assert run.result(Totals, timeout=60) == Totals(3, ["eu", "us"])
    assert run.result() == {"rows": 3, "regions": ["eu", "us"]}
    assert (run.phase, run.ended, run.succeeded, len(run.attempts)) == ("Succeeded", True, True, 1)
    with pytest.raises(errors.ResultMismatch, match="rows: Input should be a valid string"):
        run.result(dict[str, str])
    assert client.trigger("sync", key="deploy-42").wait(timeout=0).phase == "Succeeded"
    assert [run.name for run in client.runs(task="sync", phase="Succeeded")] == [run.name]
    task = until("it is counted", lambda: _with_last_run(client))
    assert (task.last_run["name"], task.state) == (run.name, "Active")
    assert list(run.logs()) == []


def _with_last_run(client: Any) -> Any:
    task = client.task("sync")
    return task if task.last_run else None


def test_runs_that_do_not_succeed(client: Any, operator: Processes) -> None:
    failing = client.run(handler=handler(exit_code=3, message="no such table"), retry=Retry(limit=1, initial="1s"))
    with pytest.raises(errors.RunFailed, match="no such table") as failed:
        failing.result(timeout=60)
    assert (failed.value.run, failed.value.phase, len(failed.value.attempts)) == (failing.name, "Failed", 2)
    assert failed.value.attempts[-1].exit_code == 3
    slow = client.run(handler=handler(seconds=60), timeout="1s")
    with pytest.raises(errors.RunTimedOut):
        slow.result(timeout=60)
    canceled = client.run(handler=handler(seconds=60))
    with pytest.raises(errors.WaitTimeout, match="goes on") as late:
        canceled.wait(timeout=0.5)
    assert isinstance(late.value, TimeoutError)
    canceled.cancel("enough")
    with pytest.raises(errors.RunCanceled, match="enough"):
        canceled.result(timeout=60)


def test_a_run_that_is_skipped_names_the_one_that_counted(client: Any, operator: Processes, kubectl: Kubectl) -> None:
    client.register("sync", on_demand=True, handler=handler(seconds=1))
    first = client.trigger("sync", key="k")
    first.wait(timeout=60)
    second = {**first.document, "metadata": {"name": "second"}, "spec": first.spec}
    kubectl("create", "-f", "-", stdin=json.dumps({key: second[key] for key in second if key != "status"}))
    with pytest.raises(errors.RunSkipped) as caught:
        client.get("second").result(timeout=60)
    assert (caught.value.counted, caught.value.phase) == (first.name, "Skipped")


def test_a_run_that_goes_is_gone(client: Any, operator: Processes, kubectl: Kubectl) -> None:
    run = client.run(image="none", delay="1h")
    deleting = threading.Timer(1, lambda: kubectl("delete", "scheduledrun", run.name))
    deleting.start()
    with pytest.raises(errors.RunGone):
        run.result(timeout=30)
    deleting.join()
    with pytest.raises(errors.RunGone):
        run.refresh()


def test_a_workflow_again_from_where_it_failed(client: Any, operator: Processes) -> None:
    steps = [{"name": "fetch", **handler(message="fetched")}, {"name": "load", **handler(exit_code=1)}]
    client.register("import", on_demand=True, handler={"steps": steps})
    run = client.trigger("import")
    with pytest.raises(errors.RunFailed):
        run.result(timeout=60)
    assert [(step.name, step.phase) for step in run.steps] == [("fetch", "Succeeded"), ("load", "Failed")]
    steps[1] = {"name": "load", **handler()}
    client.register("import", on_demand=True, handler={"steps": steps})
    until("the operator has seen the edit", lambda: is_seen(client.task("import").document))
    again = run.rerun(latest=True)
    assert again.wait(timeout=60).phase == "Succeeded"
    assert [(step.name, step.phase) for step in again.steps] == [("fetch", "Reused"), ("load", "Succeeded")]


def test_tasks_by_state_and_times_to_come(client: Any, operator: Processes) -> None:
    client.register("often", interval="10m", handler=handler())
    client.register("paused", interval="1m", handler=handler(), paused=True)
    client.register("never", on_demand=True, handler=handler())
    until("all are seen", lambda: all(task.state for task in client.tasks()))
    assert [task.name for task in client.tasks(state="Suspended")] == ["paused"]
    assert [task.name for task in client.tasks()] == ["never", "often", "paused"]
    coming = client.upcoming(timedelta(hours=1))
    assert {each.task for each in coming} == {"often"}
    assert len(coming) in (5, 6)
    assert coming[0].start_time == client.task("often").next_run
    assert [each.scheduled_time for each in coming] == sorted(each.scheduled_time for each in coming)
    assert len(client.upcoming(timedelta(days=2), limit=7)) == 7
    assert client.upcoming(task="never") == []


def test_a_task_that_failures_suspended_resumes(client: Any, operator: Processes) -> None:
    client.register("sync", on_demand=True, handler=handler(exit_code=1), suspend_after_failures=1)
    client.trigger("sync").wait(timeout=60)
    until("it is suspended", lambda: client.task("sync").state == "Suspended")
    client.resume("sync")
    until("it is resumed", lambda: client.task("sync").state == "Active")


def test_what_the_right_to_trigger_is_enough_for(
    client: Any, transport: str, operator: Processes, control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    """As the chart's role for triggering has it."""
    rights = {"crontasks": "get,list,watch", "scheduledruns": "create,get,list,watch,patch,update"}
    for resource, verbs in rights.items():
        kubectl("create", "role", resource, f"--verb={verbs}", f"--resource={resource}.crontask.dev")
        kubectl("create", "rolebinding", resource, f"--role={resource}", "--user=ann")
    until_allowed(control_plane, "ann", namespace, "create", "scheduledruns.crontask.dev")
    client.register("sync", on_demand=True, handler=handler(seconds=0.1))
    with client_by(transport, load(Flags(str(control_plane.kubeconfig_for("ann")), namespace=namespace))) as ann:
        run = ann.trigger("sync", key="k")
        assert run.wait(timeout=60).phase == "Succeeded"
        assert ann.trigger("sync", key="k").uid == run.uid
        assert run.rerun(from_="Start").wait(timeout=60).phase == "Succeeded"
        later = ann.trigger("sync", delay="1h").cancel("enough")
        with pytest.raises(errors.RunCanceled, match="enough"):
            later.result(timeout=60)
        assert [len(ann.runs(task="sync")), len(ann.tasks()), len(ann.upcoming())] == [3, 1, 0]
        with pytest.raises(errors.Forbidden) as caught:
            ann.register("sync", on_demand=True, handler=handler())
        assert (caught.value.verb, caught.value.resource) == ("patch", "crontasks.crontask.dev")
        with pytest.raises(errors.Forbidden):
            ann.pause("sync")


def test_waiting_survives_an_api_server_that_goes_away(
    client: Any, operator: Processes, control_plane: ControlPlane
) -> None:
    run = client.run(handler=handler(seconds=8))
    restarting = threading.Timer(1, _restart, [control_plane])
    restarting.start()
    try:
        assert run.wait(timeout=90).phase == "Succeeded"
    finally:
        restarting.join()


def _restart(control_plane: ControlPlane) -> None:
    control_plane.stop_apiserver(grace=0)
    time.sleep(1)
    control_plane.start_apiserver()
