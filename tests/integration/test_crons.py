"""Crons in code against a real API server, an operator and a stand-in kubelet: by both clients, and by the command."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_server import Processes, until, until_allowed
from both_clients import BOTH, client_by
from verbs import Verbs

from cluster.control_plane import ControlPlane
from crontask import Client, Context, Crons, errors
from crontask.client import Flags, load
from crontask.client.errors import Asked
from crontask.crons.sync import Synced, _Sync
from crontask.sdk.asking import Asking
from crontask.sdk.objects import Task

NEVER = "0 0 1 1 *"
OWNED = "crontask.dev/owner=shop"


def one(ctx: Context) -> None:
    """Does nothing: the stand-in kubelet plays its pod."""


def two(ctx: Context, *, days: int = 1) -> None:
    """Likewise."""


def playing(seconds: float) -> dict[str, Any]:
    """A pod that takes so long."""
    return {"metadata": {"annotations": {"stand-in/seconds": str(seconds)}}, "spec": {"schedulerName": "nobody"}}


def registry(*names: str, owner: str = "shop", seconds: float = 0.1, **fields: Any) -> Crons:
    """Tasks of an image."""
    crons = Crons(owner, image="none")
    for name in names:
        crons.cron(name, NEVER, run=one, pod=playing(seconds), **fields)
    return crons


Sync = Callable[..., Any]


@pytest.fixture(params=BOTH)
def client(request: pytest.FixtureRequest, control_plane: ControlPlane, namespace: str) -> Iterator[Any]:
    with client_by(request.param, load(Flags(str(control_plane.kubeconfig), namespace=namespace))) as made:
        yield made


@pytest.fixture
def sync(client: Any) -> Sync:
    """Crons.sync with the client, awaited where that is needed."""

    def synced(crons: Crons, **how: Any) -> Any:
        raw = getattr(client, "_awaited", client)
        found = crons.sync(raw, **how)
        return client._runner.run(found) if raw is not client else found

    return synced


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """An operator and a kubelet for all tests of this file."""
    with Processes(control_plane.kubeconfig, tmp_path_factory.mktemp("logs")) as started:
        started.operator()
        started.kubelet()
        yield started


def names_of(client: Any) -> list[str]:
    return sorted(task.name for task in client.tasks())


def whats(synced: Any) -> dict[str, str]:
    return {change.name: change.what for change in synced.changes}


# --- applying: no operator is needed ---------------------------------------------------------------------------------


def test_applied_again_it_changes_what_has_changed(client: Any, sync: Sync) -> None:
    assert whats(sync(registry("a", "b"))) == {"a": "created", "b": "created"}
    task = client.task("a")
    assert task.document["metadata"]["labels"] == {"crontask.dev/owner": "shop"}
    assert {entry["manager"] for entry in task.document["metadata"]["managedFields"]} == {"crontask-crons/shop"}
    again = sync(registry("a", "b"))
    assert bool(again)
    assert whats(again) == {"a": "unchanged", "b": "unchanged"}
    client.pause("b", reason="migration")
    assert whats(sync(registry("a", "b", timeout="1h"))) == {"a": "configured", "b": "configured"}
    assert (client.task("b").spec["suspend"], client.task("b").spec["timeout"]) == (True, "1h")


def test_what_is_not_registered_any_more_stays_unless_it_is_pruned(client: Any, sync: Sync) -> None:
    sync(registry("a", "b"))
    sync(registry("x", owner="other"))
    client.register("mine", interval="1h", image="none")
    sync(registry("a"))
    assert names_of(client) == ["a", "b", "mine", "x"]
    dry = sync(registry("a"), prune=True, dry_run=True)
    assert whats(dry) == {"a": "unchanged", "b": "pruned"}
    assert names_of(client) == ["a", "b", "mine", "x"]
    assert not client.task("b").spec.get("suspend")
    assert whats(sync(registry("a"), prune=True)) == {"a": "unchanged", "b": "pruned"}
    assert names_of(client) == ["a", "mine", "x"]


def test_a_registry_without_tasks(client: Any, sync: Sync) -> None:
    sync(registry("a"))
    with pytest.raises(errors.BadInput, match=r"Crons\('shop'\): has no task, so that pruning would delete all"):
        sync(Crons("shop"), prune=True)
    assert names_of(client) == ["a"]
    assert whats(sync(Crons("shop"), prune=True, allow_empty=True)) == {"a": "pruned"}
    assert names_of(client) == []


def test_an_older_revision_changes_nothing(client: Any, sync: Sync) -> None:
    sync(registry("a", "b"), revision=7)
    older = sync(registry("a", "c", timeout="1h"), revision=6, prune=True)
    assert (bool(older), older.newer, older.changes) == (False, 7, ())
    assert names_of(client) == ["a", "b"]
    # The same one again does; one that says none does too, and leaves the revision as it is.
    assert whats(sync(registry("a", "b", timeout="1h"), revision=7))["a"] == "configured"
    assert whats(sync(registry("a", "b", timeout="2h")))["a"] == "configured"
    assert sync(registry("a"), revision=6).newer == 7
    assert whats(sync(registry("a"), revision=8, prune=True)) == {"a": "configured", "b": "pruned"}
    for wrong in (-1, True, "7"):
        with pytest.raises(errors.BadInput, match=r"^revision: is .*; write one, like a build number"):
            sync(registry("a"), revision=wrong)


def test_nothing_is_written_unless_all_would_be_taken(client: Any, sync: Sync) -> None:
    client.register("b", schedule="0 3 * * *", handler={"python": {"image": "none", "entrypoint": "a:b"}})
    with pytest.raises(errors.FieldConflict, match=r"CronTask b: .*spec\.schedule is owned by crontask-sdk/shop"):
        sync(registry("a", "b", owner="other"))
    assert names_of(client) == ["b"]
    taken = sync(registry("a", "b", owner="other"), take_over=True)
    assert whats(taken) == {"a": "created", "b": "configured"}
    assert client.task("b").spec["schedule"] == NEVER


def test_a_task_of_another_owner_is_not_taken(client: Any, sync: Sync) -> None:
    sync(registry("a", owner="other"))
    with pytest.raises(errors.FieldConflict, match=r"crontask\.dev/owner is owned by crontask-crons/other"):
        sync(registry("a"))
    assert client.task("a").document["metadata"]["labels"] == {"crontask.dev/owner": "other"}


def test_a_client_of_that_name_does_not_replace_a_task_of_the_registry(client: Any, sync: Sync) -> None:
    sync(registry("a"))
    with pytest.raises(errors.FieldConflict, match=r"owner is owned by the registry Crons\('shop'\); leave it out"):
        client.register("a", interval="1h", image="none")
    assert whats(sync(registry("a"))) == {"a": "unchanged"}


def test_a_service_account_that_is_missing_is_a_warning(
    client: Any, sync: Sync, control_plane: ControlPlane, namespace: str
) -> None:
    synced = sync(registry("a", may_trigger=True))
    (warning,) = synced.warnings
    words = f"there is no service account crontask-trigger in namespace {namespace}, without which a cannot run; an "
    assert bool(synced)
    assert warning.startswith(words)
    assert f"kubectl create rolebinding crontask-trigger -n {namespace} --clusterrole=crontask-trigger" in warning
    control_plane.kubectl("-n", namespace, "create", "serviceaccount", "crontask-trigger")
    assert sync(registry("a", may_trigger=True)).warnings == ()


def test_all_that_is_wrong_is_said_before_anything_is_sent(client: Any, sync: Sync) -> None:
    crons = registry("a", time_zone="Nowhere/At_All")
    crons.cron("b", "61 * * * *", run=one)
    with pytest.raises(errors.BadInput) as caught:
        sync(crons)
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["CronTask a", "CronTask b"]
    assert names_of(client) == []


# --- pruning: with an operator ---------------------------------------------------------------------------------------


def test_what_is_pruned_is_suspended_waited_for_and_deleted(client: Any, sync: Sync, operator: Processes) -> None:
    sync(registry("a", "b", seconds=600))
    until("they are seen", lambda: all(task.state for task in client.tasks()))
    run = client.trigger("b")
    until("it runs", lambda: run.refresh().phase == "Running")
    too_early = sync(registry("a", seconds=600), prune=True, drain_timeout=0.5)
    assert (bool(too_early), too_early.names("still running")) == (False, ("b",))
    task = client.task("b")
    assert (task.spec["suspend"], task.spec["suspendReason"]) == (True, "not registered by shop any more")
    assert run.refresh().phase == "Running"
    run.cancel("enough")
    assert sync(registry("a", seconds=600), prune=True, drain_timeout=60).names("pruned") == ("b",)
    assert names_of(client) == ["a"]


def test_what_is_registered_again_before_it_is_gone_resumes(client: Any, sync: Sync, operator: Processes) -> None:
    sync(registry("a", "b", "c", seconds=600))
    until("they are seen", lambda: all(task.state for task in client.tasks()))
    client.pause("c", reason="migration")
    runs = [client.trigger("b"), client.trigger("c")]
    until("they run", lambda: all(run.refresh().phase == "Running" for run in runs))
    assert sync(registry("a", seconds=600), prune=True, drain_timeout=1).names("still running") == ("b", "c")
    assert whats(sync(registry("a", "b", "c", seconds=600)))["b"] == "configured"
    assert not client.task("b").spec.get("suspend")
    # Somebody else had paused this one.
    assert client.task("c").spec["suspendReason"] == "migration"
    assert [run.refresh().phase for run in runs] == ["Running", "Running"]


def test_a_run_that_is_put_off_is_not_waited_for(client: Any, sync: Sync, operator: Processes) -> None:
    sync(registry("a", "b"))
    client.trigger("b", delay="1d")
    until("it is seen", lambda: all(run.phase for run in client.runs()))
    assert sync(registry("a"), prune=True, drain_timeout=60).names("pruned") == ("b",)
    assert names_of(client) == ["a"]


# --- the command line ------------------------------------------------------------------------------------------------

FILE = """
from crontask import Context, Crons

print("loaded")
crons = Crons(owner="shop")

def clean_up(ctx: Context, *, days: int = 1) -> int:
    return days

crons.cron("clean-up", "0 0 1 1 *", run=clean_up)
crons.interval("report", hours=1, run=clean_up, args={"days": 2})
"""
MAP = "configmap/crons-shop.crons"
CLEAN_UP, REPORT = (f"crontask.crontask.dev/{name}" for name in ("clean-up", "report"))


@pytest.fixture
def verbs(control_plane: ControlPlane, namespace: str) -> Verbs:
    return Verbs(control_plane, namespace)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "crons.py"
    path.write_text(FILE)
    return path


def test_apply_a_file(verbs: Verbs, file: Path) -> None:
    dry = verbs("apply", str(file), "--dry-run").stdout.splitlines()
    assert dry == [f"{each} created (server dry run)" for each in (MAP, CLEAN_UP, REPORT)]
    assert verbs.kubectl("get", "cm,ct", "-l", OWNED, "-o", "name") == ""
    done = verbs("apply", str(file))
    assert done.stdout.splitlines() == [f"{each} created" for each in (MAP, CLEAN_UP, REPORT)]
    assert done.stderr == "loaded\n"
    assert verbs.get("configmap", "crons-shop.crons")["data"] == {"crons.py": FILE}
    file.write_text(FILE.replace("return days", "return days + 1").replace("hours=1", "hours=2"))
    done = verbs("apply", str(file))
    assert done.stdout.splitlines() == [f"{MAP} configured", f"{CLEAN_UP} unchanged", f"{REPORT} configured"]
    assert verbs("apply", str(file), "-o", "name").stdout.splitlines() == [MAP, CLEAN_UP, REPORT]
    listed = json.loads(verbs("apply", str(file), "-o", "json").stdout)
    assert [each["kind"] for each in listed["items"]] == ["ConfigMap", "CronTask", "CronTask"]
    assert not any("managedFields" in each["metadata"] for each in listed["items"])


def test_apply_and_prune(verbs: Verbs, file: Path) -> None:
    verbs("apply", f"{file}:crons", "--revision", "4")
    file.write_text("\n".join(line for line in FILE.splitlines() if "report" not in line))
    older = verbs("apply", str(file), "--prune", "--revision", "3")
    assert (older.stdout, older.stderr.splitlines()[-1]) == (
        "",
        "revision 3 is older than 4, which has been applied: nothing is changed",
    )
    done = verbs("apply", str(file), "--prune", "--revision", "5")
    assert done.stdout.splitlines() == [f"{MAP} configured", f"{CLEAN_UP} configured", f"{REPORT} pruned"]
    file.write_text("from crontask import Crons\ncrons = Crons('shop')\n")
    refused = verbs("apply", str(file), "--prune", code=2)
    assert refused.stderr == (
        "Crons('shop'): has no task, so that pruning would delete all that there are; "
        "import the modules that register them, or say --allow-empty\n"
    )
    done = verbs("apply", str(file), "--prune", "--allow-empty")
    assert done.stdout.splitlines() == [f"{CLEAN_UP} pruned", f"{MAP} pruned"]
    assert verbs.kubectl("get", "cm,ct", "-l", OWNED, "-o", "name") == ""


def test_what_is_exported_is_what_is_applied(verbs: Verbs, file: Path) -> None:
    text = verbs("export", str(file)).stdout
    assert [body["kind"] for body in yaml.safe_load_all(text)] == ["ConfigMap", "CronTask", "CronTask"]
    verbs.kubectl("apply", "-f", "-", stdin=text)
    by_kubectl = [verbs.get(kind, name) for kind, name in (("cm", "crons-shop.crons"), ("ct", "report"))]
    verbs.kubectl("delete", "-f", "-", stdin=text)
    verbs("apply", str(file))
    by_apply = [verbs.get(kind, name) for kind, name in (("cm", "crons-shop.crons"), ("ct", "report"))]
    for one_way, other in zip(by_kubectl, by_apply, strict=True):
        assert (one_way.get("data"), one_way.get("spec")) == (other.get("data"), other.get("spec"))
        assert one_way["metadata"]["labels"] == other["metadata"]["labels"]


def test_apply_waits_for_runs_and_says_so(verbs: Verbs, tmp_path: Path, operator: Processes) -> None:
    pod = {"metadata": {"annotations": {"stand-in/seconds": "600"}}, "spec": {"schedulerName": "nobody"}}
    file = tmp_path / "slow.py"
    file.write_text(FILE.replace("run=clean_up)", f"run=clean_up, pod={pod})"))
    verbs("apply", str(file))
    until("it is seen", lambda: verbs.get("ct", "clean-up").get("status", {}).get("phase"))
    run = verbs("trigger", "clean-up", "-o", "name").stdout.strip().rpartition("/")[2]
    until("it runs", lambda: verbs.get("sr", run).get("status", {}).get("phase") == "Running")
    file.write_text("\n".join(line for line in FILE.splitlines() if "clean-up" not in line))
    done = verbs("apply", str(file), "--prune", "--drain-timeout", "0s", code=3)
    assert f"{CLEAN_UP} still running" in done.stdout.splitlines()
    later = "suspended, and deleted by the next apply --prune after the end of its runs"
    assert done.stderr.splitlines()[-1] == f"clean-up is not deleted yet: {later}"
    waiting = verbs.begin("apply", str(file), "--prune")
    assert waiting.stderr is not None
    told = f"waiting for run {run} of clean-up, which is not registered any more\n"
    assert told in iter(waiting.stderr.readline, "")
    verbs("cancel", run)
    stdout, stderr = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, stderr
    assert f"{CLEAN_UP} pruned" in stdout.splitlines()


def test_what_others_own_and_what_is_not_allowed(verbs: Verbs, file: Path, control_plane: ControlPlane) -> None:
    verbs("apply", str(file))
    patch = json.dumps({"spec": {"schedule": "0 3 * * *"}})
    verbs.kubectl("patch", "ct", "clean-up", "--type=merge", "-p", patch, "--field-manager=ops")
    refused = verbs("apply", str(file), code=2)
    assert "spec.schedule is owned by ops; leave it out here, or write --take-over" in refused.stderr
    assert "clean-up configured" in verbs("apply", str(file), "--take-over").stdout
    nobody = Verbs(control_plane, verbs.namespace, control_plane.kubeconfig_for("nobody"))
    assert "the ClusterRole edit gives" in nobody("apply", str(file), code=7).stderr
    assert "-n is elsewhere" in _of_own_namespace(verbs, file)


def _of_own_namespace(verbs: Verbs, file: Path) -> str:
    file.write_text(FILE.replace('owner="shop"', 'owner="shop", namespace="own"'))
    return verbs("apply", str(file), "-n", "elsewhere", code=2).stderr


def test_who_ships_nothing_needs_no_right_to_config_maps(control_plane: ControlPlane, verbs: Verbs) -> None:
    for kind, what in (("crontasks", "get,list,watch,create,patch,delete"), ("scheduledruns", "get,list,watch")):
        verbs.kubectl("create", "role", kind, f"--verb={what}", f"--resource={kind}.crontask.dev")
        verbs.kubectl("create", "rolebinding", kind, f"--role={kind}", "--user=ann")
    until_allowed(control_plane, "ann", verbs.namespace, "list", "scheduledruns.crontask.dev")
    access = load(Flags(str(control_plane.kubeconfig_for("ann")), namespace=verbs.namespace))
    with client_by("sync", access) as ann:
        registry("a", "b").sync(ann)
        assert whats(registry("a").sync(ann, prune=True)) == {"a": "unchanged", "b": "pruned"}
        shipped = Crons("shop")
        shipped.cron("c", NEVER, run=one)
        with pytest.raises(errors.BadInput, match="imports pytest"):
            shipped.sync(ann)


# --- two deployments at once -----------------------------------------------------------------------------------------


@pytest.fixture
def deployer(control_plane: ControlPlane, namespace: str) -> Iterator[Client]:
    with Client("shop", access=load(Flags(str(control_plane.kubeconfig), namespace=namespace))) as made:
        yield made


def test_a_newer_deployment_that_comes_meanwhile_wins(deployer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    registry("a", "b").sync(deployer, revision=6)
    apply, newer = _Sync._apply, registry("a", timeout="2h")

    async def overtaken(self: _Sync, body: Any, before: Any, dry_run: bool) -> None:
        if self.revision == 7 and not dry_run and not newer_ones:
            newer_ones.append(newer.sync(deployer, revision=8, prune=True))
        await apply(self, body, before, dry_run)

    newer_ones: list[Synced] = []
    monkeypatch.setattr(_Sync, "_apply", overtaken)
    older = registry("a", "b", timeout="1h").sync(deployer, revision=7, prune=True)
    assert (older.newer, bool(older), bool(newer_ones[0])) == (8, False, True)
    assert [(task.name, task.spec["timeout"]) for task in deployer.tasks()] == [("a", "2h")]


def test_a_newer_deployment_that_creates_it_meanwhile_wins(deployer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    apply = _Sync._apply
    newer_ones: list[Synced] = []

    async def overtaken(self: _Sync, body: Any, before: Any, dry_run: bool) -> None:
        if self.revision == 7 and not dry_run and not newer_ones:
            newer_ones.append(registry("a", timeout="2h").sync(deployer, revision=8))
        await apply(self, body, before, dry_run)

    monkeypatch.setattr(_Sync, "_apply", overtaken)
    older = registry("a", timeout="1h").sync(deployer, revision=7)
    assert (older.newer, [bool(each) for each in newer_ones]) == (8, [True])
    task = deployer.task("a")
    assert (task.spec["timeout"], task.document["metadata"]["annotations"]["crontask.dev/revision"]) == ("2h", "8")
    assert owners_of(task) == {("crontask-crons/shop", "Apply")}


def test_what_creates_a_task_owns_nothing_of_it_where_somebody_wrote_it_meanwhile(
    deployer: Client, control_plane: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = _Sync._begun

    async def written(self: _Sync, body: Any) -> Any:
        begun = await begin(self, body)
        control_plane.kubectl("-n", namespace, "label", "--field-manager=ann", "crontask", "a", "team=x")
        return begun

    monkeypatch.setattr(_Sync, "_begun", written)
    assert registry("a", timeout="1h").sync(deployer, revision=7)
    assert owners_of(deployer.task("a")) == {("crontask-crons/shop", "Apply"), ("ann", "Update")}


def owners_of(task: Task) -> set[tuple[str, str]]:
    """Who owns fields of it, and how; an operator, if one runs, its status."""
    entries = task.document["metadata"]["managedFields"]
    return {(entry["manager"], entry["operation"]) for entry in entries if entry.get("subresource") != "status"}


def test_a_deployment_that_ended_while_it_created_is_gone_on_with(
    deployer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ended(*about: Any, **how: Any) -> Any:
        raise errors.Unreachable(Asked("patch"), "cut", sent=False)

    with monkeypatch.context() as killed:
        killed.setattr(Asking, "give_up", ended)
        with pytest.raises(errors.Unreachable):
            registry("a", timeout="1h").sync(deployer, revision=7)
    assert registry("a", timeout="2h").sync(deployer, revision=8)
    assert deployer.task("a").spec["timeout"] == "2h"


def test_what_a_deployment_registers_again_meanwhile_is_not_pruned(
    deployer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry("a", "b").sync(deployer, revision=6)

    async def registered_meanwhile(*about: Any) -> bool:
        registry("a", "b", timeout="2h").sync(deployer, revision=8)
        return True

    monkeypatch.setattr("crontask.crons.sync.drained", registered_meanwhile)
    registry("a").sync(deployer, revision=7, prune=True)
    assert [(task.name, task.spec.get("suspend", False)) for task in deployer.tasks()] == [("a", False), ("b", False)]
