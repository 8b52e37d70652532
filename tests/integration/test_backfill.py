"""`crontask backfill` with an operator: under the trigger role alone, while the task is suspended, and asked again."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import chart
import pytest
from api_server import Processes, is_seen, until, until_allowed
from verbs import Verbs, container

from cluster.control_plane import ControlPlane
from crontask.api.outcomes import Became, times_of

EACH_TIME = {"concurrency": {"policy": "Allow"}, "catchUp": {"policy": "All"}}
"""A run for each time, however slow the machine is."""


@pytest.fixture(scope="module")
def admin(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verbs]:
    """An operator, a stand-in kubelet, the chart's admission policy and its trigger role, bound to ann alone."""
    folder: Path = tmp_path_factory.mktemp("world")
    made = Verbs(control_plane, f"it-{uuid4().hex[:8]}")
    control_plane.kubectl("create", "namespace", made.namespace)
    role = f"{chart.NAME}-trigger"
    text = chart.as_text(chart.rendered(), lambda manifest: manifest["metadata"]["name"] == role)
    control_plane.kubectl("create", "-f", "-", stdin=text)
    made.kubectl("create", "rolebinding", "trigger", f"--clusterrole={role}", "--user=ann")
    with chart.policy_in_force(control_plane), Processes(control_plane.kubeconfig, folder) as processes:
        processes.kubelet()
        processes.operator()
        until_allowed(control_plane, "ann", made.namespace, "create", "scheduledruns.crontask.dev")
        yield made
    control_plane.kubectl("delete", "-f", "-", stdin=text)


@pytest.fixture(scope="module")
def verbs(admin: Verbs, control_plane: ControlPlane) -> Verbs:
    """The command line of somebody who may only trigger."""
    return Verbs(control_plane, admin.namespace, control_plane.kubeconfig_for("ann"))


def results(verbs: Verbs, task: str, code: int = 0) -> dict[str, int]:
    """How many times have which result, since the task was created."""
    report = json.loads(verbs("audit", task, "--from", "1h", "-o", "json", code=code).stdout)
    return {result: count for result, count in report["totals"]["results"].items() if result != "Unknown"}


def paused(verbs: Verbs, task: str) -> dict[str, int]:
    """The results once two times have passed in the pause, and no run of before it is under way; nothing until then."""
    found = results(verbs, task)
    return found if found.get("NotDue", 0) >= 2 and "Running" not in found else {}


def decided(admin: Verbs, task: str) -> str:
    return str(admin.get("ct", task).get("status", {}).get("decided", ""))


def test_times_of_a_pause_are_made_up_for_while_it_lasts(admin: Verbs, verbs: Verbs) -> None:
    admin.make("CronTask", "often", {"interval": "2s", "handler": container(0.1)})
    until("three times have passed", lambda: results(verbs, "often").get("Succeeded", 0) >= 3)
    admin("suspend", "often", "--reason", "deploy")
    before = until("two times have passed since", lambda: paused(verbs, "often"))
    assert set(before) <= {"Succeeded", "Skipped", "Missed", "NotDue"}
    planned = json.loads(verbs("backfill", "often", "--from", "1h", "--dry-run", "-o", "json").stdout)
    # The last two are of the pause, and follow each other: before it, some may have been skipped here and there.
    first, last = (time["nominal"] for time in planned["times"][-2:])
    span = ("--from", first, "--to", _after(last))
    done = verbs("backfill", "often", *span, "--wait")
    assert "the task is suspended: that holds back its schedule, and not these runs" in done.stderr
    assert "Succeeded" in done.stdout
    name = done.stdout.splitlines()[1].split()[0]
    assert admin.get("sr", name)["status"]["items"]["ends"] == "S2"
    of_it = ("--field-selector", f"spec.parent.name={name}")
    parts = json.loads(admin.kubectl("get", "sr", *of_it, "-o", "json"))["items"]
    assert {part["status"]["origin"] for part in parts} == {"Backfill"}
    assert admin.get("ct", "often")["status"]["phase"] == "Suspended"
    # Though it is in no record: the backfill says so.
    admin.kubectl("delete", "sr", *(part["metadata"]["name"] for part in parts))
    audited = verbs("audit", "often", *span).stdout
    assert f"made up for by run {name}" in audited
    assert "2 times, 2 Succeeded" in audited
    again = verbs("backfill", "often", *span, code=2)
    assert f"run {name}, which is Succeeded; to run all of it again, with the right to create pods: " in again.stderr


def _after(time: str) -> str:
    """A second later, by which the time is the last."""
    return f"{datetime.fromisoformat(time) + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"


def test_what_failed_is_run_again_and_stands_in_the_record(admin: Verbs, verbs: Verbs) -> None:
    admin.make("CronTask", "flaky", {"interval": "2s", "maxRuns": 3, **EACH_TIME, "handler": container(0.1, code=1)})
    until("all of its runs have failed", lambda: _failures(decided(admin, "flaky")) == 3)
    assert results(verbs, "flaky") == {"Failed": 3}
    mended = json.dumps({"spec": {"handler": {"pod": {"metadata": {"annotations": {"stand-in/exit-code": "0"}}}}}})
    admin.kubectl("patch", "ct", "flaky", "--type=merge", "-p", mended)
    until("the operator has seen the edit", lambda: is_seen(admin.get("ct", "flaky")))
    done = verbs("backfill", "flaky", "--from", "1h", "--only", "failed", "--wait", "-o", "json")
    report = json.loads(done.stdout[: done.stdout.rindex("}") + 1])
    assert (report["created"], report["totals"]["chosen"]) == (True, 3)
    until("they are counted", lambda: "F" not in decided(admin, "flaky"))
    assert results(verbs, "flaky") == {"Succeeded": 3}
    again = verbs("backfill", "flaky", "--from", "1h", "--only", "failed", "-o", "json", code=2)
    assert (again.stdout, "this backfill is there already" in again.stderr) == ("", True)


def _failures(text: str) -> int:
    """How many times are recorded as failed."""
    return sum(became is Became.FAILED for _, became in times_of(text, datetime(2026, 1, 1, tzinfo=UTC)))


def test_a_backfill_that_fails_is_the_exit_code(admin: Verbs, verbs: Verbs) -> None:
    admin.make("CronTask", "broken", {"schedule": "0 6 * * *", "handler": container(0.1, code=3)})
    words = ("--from", "2026-03-01", "--to", "2026-03-03", "--only", "all", "--wait")
    done = verbs("backfill", "broken", *words, "--timeout", "60s", code=1)
    assert "Failed" in done.stdout
