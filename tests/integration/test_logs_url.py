"""Where the log of a run is when its pod is gone: by the real operator, in the API server, as clients show it."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from api_server import Processes, crontask, until
from chart import CHART, rendered
from logs_urls import GOOD_TEMPLATES, REFUSED_BY_BOTH
from verbs import Verbs, container

from cluster.control_plane import ControlPlane
from cluster.processes import ClusterError
from crontask import Client
from crontask.api.logs_url import FORM
from crontask.api.phases import TERMINAL
from crontask.api.resources import SCHEDULED_RUN
from crontask.client import Cluster
from crontask.client.access import Flags, load

TEMPLATE = "https://logs.example.com/{namespace}/{run}?from={startMillis}&to={end}"
FLOW = {"steps": [{"name": "one", **container()}, {"name": "two", **container(code=3)}]}
TASKS = {"ok": {"handler": container()}, "broken": {"handler": container(code=3)}, "flow": {"handler": FLOW}}


def _made(control_plane: ControlPlane, folder: Path, template: str) -> Iterator[Verbs]:
    """Runs that have ended, and one that goes on, by an operator with that template."""
    verbs = Verbs(control_plane, f"it-{uuid4().hex[:8]}")
    control_plane.kubectl("create", "namespace", verbs.namespace)
    with Processes(control_plane.kubeconfig, folder) as processes:
        processes.kubelet()
        processes.operator("--logs-url", template)
        for name, spec in TASKS.items():
            verbs.make("CronTask", name, spec)
            verbs.make("ScheduledRun", f"{name}-1", {"taskRef": {"name": name}})
        verbs.make("ScheduledRun", "long-1", {"handler": container(600)})
        verbs.make("ScheduledRun", "late-1", {"taskRef": {"name": "ok"}, "at": "2020-01-01T00:00:00Z"})
        ended = ("ok-1", "broken-1", "flow-1", "late-1")
        until("they have ended", lambda: all(_status(verbs, name).get("completionTime") for name in ended))
        until("one runs", lambda: _status(verbs, "long-1").get("phase") == "Running")
        yield verbs


@pytest.fixture(scope="module")
def verbs(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verbs]:
    yield from _made(control_plane, tmp_path_factory.mktemp("world"), TEMPLATE)


def _status(verbs: Verbs, name: str) -> dict[str, Any]:
    return dict(verbs.get("sr", name).get("status") or {})


def _parts(verbs: Verbs) -> list[dict[str, Any]]:
    found = json.loads(verbs.kubectl("get", "sr", "-o", "json"))["items"]
    return [run for run in found if run["spec"].get("parent")]


def test_a_run_that_has_ended_says_where_its_log_is(verbs: Verbs) -> None:
    for name in ("ok-1", "broken-1", "flow-1"):
        wanted = rf"https://logs\.example\.com/{verbs.namespace}/{name}\?from=\d{{13}}&to=[\dTZ-]+%3A\d\d%3A\d\dZ"
        assert re.fullmatch(wanted, _status(verbs, name)["logsURL"])
    for part in _parts(verbs):
        assert f"/{part['metadata']['name']}?" in part["status"]["logsURL"]
    assert len(_parts(verbs)) == 2
    assert "logsURL" not in _status(verbs, "long-1")


def test_a_run_that_never_had_a_pod_says_nothing(verbs: Verbs) -> None:
    assert _status(verbs, "late-1")["phase"] == "Failed"
    assert "logsURL" not in _status(verbs, "late-1")


def test_it_is_in_the_write_that_ends_the_run(verbs: Verbs) -> None:
    """Who watches sees no version of it that has ended, and does not say it."""
    cluster = Cluster(load(Flags(kubeconfig=str(verbs.kubeconfig), namespace=verbs.namespace)))
    verbs.make("ScheduledRun", "watched-1", {"taskRef": {"name": "ok"}})
    for event in cluster.watch(SCHEDULED_RUN, name="watched-1"):
        status = event.object.get("status") or {}
        assert ("logsURL" in status) == ("completionTime" in status) == (status.get("phase") in TERMINAL)
        if "logsURL" in status:
            break
    cluster.close()


def test_a_program_reads_it(verbs: Verbs) -> None:
    with Client(kubeconfig=str(verbs.kubeconfig), namespace=verbs.namespace) as client:
        assert client.get("ok-1").logs_url == _status(verbs, "ok-1")["logsURL"]
        assert client.get("late-1").logs_url is None


def test_the_command_line_shows_it(verbs: Verbs) -> None:
    url = _status(verbs, "ok-1")["logsURL"]
    assert f"  Logs:         {url}\n" in verbs("describe", "ok-1").stdout
    assert "Logs:" not in verbs("describe", "late-1").stdout
    shown = {run["metadata"]["name"]: run for run in json.loads(verbs("runs", "-o", "json").stdout)["items"]}
    assert shown["ok-1"]["status"]["logsURL"] == url


def test_where_the_pod_is_gone_it_is_said_where_to_look(verbs: Verbs) -> None:
    url = _status(verbs, "broken-1")["logsURL"]
    verbs.kubectl("delete", "pod", "broken-1-1", "--wait=true")
    done = verbs("logs", "broken-1")
    assert done.stderr.splitlines()[0].startswith("[#1] pod broken-1-1 is gone, and its log with it: it ended at ")
    assert done.stderr.splitlines()[1:] == [f"[#1] its log may be kept at {url}"]


def test_the_api_server_refuses_anything_else_there(verbs: Verbs) -> None:
    for url in ("javascript:alert(1)", "https://a b", "https://a/\x1b[2J"):
        patch = json.dumps({"status": {"logsURL": url}})
        with pytest.raises(ClusterError, match=r"status\.logsURL"):
            verbs.kubectl("patch", "sr", "ok-1", "--subresource=status", "--type=merge", "-p", patch)


def test_the_operator_does_not_start_with_a_bad_template(control_plane: ControlPlane) -> None:
    done = crontask(control_plane.kubeconfig, "operator", "--logs-url", "https://logs.example.com/{podd}")
    assert done.returncode == 2
    assert "'--logs-url': has {podd}: there is no such variable; write {pod}, or another of {namespace}" in done.stderr


def _deployed(tmp_path: Path, template: str) -> str | None:
    values = tmp_path / "values.yaml"
    values.write_text(json.dumps({"logsURL": template}))
    found = next(each for each in rendered("-f", str(values)) if each["kind"] == "Deployment")
    container = found["spec"]["template"]["spec"]["containers"][0]
    return next((each["value"] for each in container["env"] if each["name"] == "CRONTASK_OPERATOR_LOGS_URL"), None)


def test_the_chart_hands_over_what_is_good(tmp_path: Path) -> None:
    assert [template for template in GOOD_TEMPLATES if _deployed(tmp_path, template) != template] == []
    assert _deployed(tmp_path, "") is None


def test_the_chart_has_the_form_of_the_operator() -> None:
    assert FORM in (CHART / "templates" / "_helpers.tpl").read_text()


@pytest.mark.parametrize("template", REFUSED_BY_BOTH)
def test_the_chart_refuses_what_the_operator_would(tmp_path: Path, template: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _deployed(tmp_path, template)
    # Where, by the schema or by us; and by us, what to write instead.
    assert re.search(r"at '/logsURL': .* does not match pattern|: logsURL: has .*; write ", refused.value.stderr)
