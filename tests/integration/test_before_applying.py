"""What is asked of a real API server before anything is applied: what an edit changes, and what would be refused."""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import chart
import pytest
from api_server import ROOT, Processes, until
from certificates import self_signed
from verbs import Verbs

from cluster.control_plane import ControlPlane

TASK = """\
apiVersion: crontask.dev/v1alpha1
kind: CronTask
metadata: {{name: {name}}}
spec:
  {timing}
  handler: {{container: {{image: "busybox:1.36"}}}}
"""
DAILY = 'schedule: "30 2 * * *"'


@pytest.fixture
def verbs(control_plane: ControlPlane, namespace: str) -> Verbs:
    return Verbs(control_plane, namespace)


def manifest(timing: str = DAILY, name: str = "backup") -> str:
    return TASK.format(name=name, timing=timing)


def compared(verbs: Verbs, text: str) -> dict[str, Any]:
    (row,) = json.loads(verbs("diff", "-f", "-", "-o", "json", "--days", "3", stdin=text).stdout)
    return {"fields": [field["path"] for field in row["fields"]], **{key: row[key] for key in ("state", "times")}}


@pytest.mark.parametrize("apply", [("apply",), ("apply", "--server-side")])
def test_an_edit_is_compared_as_kubectl_would_apply_it(verbs: Verbs, apply: tuple[str, ...]) -> None:
    verbs.kubectl(*apply, "-f", "-", stdin=manifest(f"{DAILY}\n  jitter: 1m"))
    verbs("suspend", "backup", "--reason", "deploy")
    before = verbs.get("ct", "backup")
    # The jitter goes; that it is suspended is no business of the file's.
    found = compared(verbs, manifest("schedule: '0 3 * * *'"))
    assert found["fields"] == ["spec.schedule", "spec.jitter"]
    assert (found["times"]["old"], found["times"]["new"]) == (0, 0)
    assert verbs.get("ct", "backup") == before, "nothing was written"
    verbs.kubectl(*apply, "-f", "-", stdin=manifest("schedule: '0 3 * * *'"))
    applied = verbs.get("ct", "backup")["spec"]
    assert "jitter" not in applied
    assert applied["suspend"] is True
    unsuspended = compared(verbs, manifest("schedule: '0 3 * * *'\n  suspend: false"))
    assert unsuspended["times"] == {"old": 0, "new": 3, "stay": 0, "moves": 0, "startMoves": 0, "goes": 0, "comes": 3}
    assert compared(verbs, manifest("schedule: '0 3 * * *'"))["state"] == "unchanged"


def test_a_new_task_is_new_and_who_may_not_look_is_told(verbs: Verbs, tmp_path: Path) -> None:
    assert compared(verbs, manifest())["state"] == "new"
    done = verbs("diff", "-f", "-", "--as", "nobody", code=7, stdin=manifest())
    assert "needed is get on crontasks.crontask.dev" in done.stderr


def test_the_operator_moves_the_times_that_an_edit_is_said_to_move(verbs: Verbs, processes: Processes) -> None:
    processes.operator()
    edit = str(ROOT / "examples" / "diff" / "nightly.yaml")
    verbs.kubectl("apply", "-f", str(ROOT / "examples" / "nightly.yaml"))

    def upcoming(schedule: str) -> list[str]:
        status = verbs.get("ct", "nightly").get("status", {})
        return list(status["upcoming"]) if status.get("scheduleText") == schedule else []

    before = until("the operator has seen the task", lambda: upcoming("30 2 * * *"))
    # At noon: between the old time and the new one, the last of them would move out of what is looked at.
    at = f"{datetime.now(UTC):%Y-%m-%d}T12:00:00Z"
    (row,) = json.loads(verbs("diff", "-f", edit, "-o", "json", "--at", at, "--days", "90", "--count", "5").stdout)
    (moves,) = row["changes"]
    assert moves["change"] == "moves"
    assert [each["old"]["nominal"] for each in moves["times"]] == before
    verbs.kubectl("apply", "-f", edit)
    after = until("the operator has seen the edit", lambda: upcoming("0 3 * * *"))
    assert [each["new"]["nominal"] for each in moves["times"]] == after


# --- validate --server ------------------------------------------------------------------------------------------------


def run_of(spec: str) -> str:
    return f"apiVersion: crontask.dev/v1alpha1\nkind: ScheduledRun\nmetadata: {{name: r}}\nspec: {spec}\n"


def test_what_is_good_is_not_stored_and_what_is_there_is_fine(verbs: Verbs) -> None:
    both = f"{manifest()}---\n{run_of('{taskRef: {name: backup}}')}"
    for _ in range(2):
        assert verbs("validate", "--server", "-f", "-", stdin=both).stdout == "no problems found\n"
    assert verbs.kubectl("get", "ct,sr", "-o", "name") == ""
    verbs.kubectl("apply", "-f", "-", stdin=both)
    before = verbs.get("ct", "backup")
    edited = manifest("interval: 5m")
    # One timing goes and another comes: what is there does not count against it.
    assert verbs("validate", "--server", "-f", "-", stdin=edited + "---\n" + run_of("{taskRef: {name: backup}}")).stdout
    assert verbs.get("ct", "backup") == before
    generated = edited.replace("name: backup", "generateName: b-")
    assert verbs("validate", "--server", "-f", "-", stdin=generated).stdout == "no problems found\n"


def test_what_the_rules_of_the_api_server_refuse_has_its_line_and_path(verbs: Verbs) -> None:
    verbs.kubectl("create", "-f", "-", stdin=run_of("{taskRef: {name: backup}}"))
    done = verbs("validate", "--server", "-f", "-", code=2, stdin=run_of("{taskRef: {name: other}}"))
    assert done.stderr.startswith("stdin:4: ScheduledRun r: spec: "), done.stderr
    assert "cannot be changed" in done.stderr
    assert "Invalid value" not in done.stderr
    (row,) = json.loads(
        verbs("validate", "--server", "-f", "-", "-o", "json", code=2, stdin=run_of("{taskRef: {name: other}}")).stdout
    )
    assert (row["severity"], row["path"], row["line"]) == ("error", "spec", 4)


def test_what_a_policy_refuses_is_said_in_our_form(verbs: Verbs, control_plane: ControlPlane) -> None:
    with chart.policy_in_force(control_plane):
        for verb in ("get", "create"):
            role = f"{verb}-runs"
            verbs.kubectl("create", "role", role, f"--verb={verb}", "--resource=scheduledruns.crontask.dev")
            verbs.kubectl("create", "rolebinding", role, f"--role={role}", "--user=jane")
        inline = run_of("{handler: {container: {image: a}}}")

        def refused() -> str:
            done = verbs("validate", "--server", "-f", "-", "--as", "jane", code=None, stdin=inline)
            return done.stderr if done.returncode == 2 else ""

        # What it refuses as forbidden is in the manifest, and no right of ours to ask.
        said = until("the policy counts", refused)
        assert said.startswith("stdin:4: ScheduledRun r: spec.handler: "), said
        past = run_of('{taskRef: {name: backup}, at: "2020-01-01T00:00:00Z"}')
        said = verbs("validate", "--server", "-f", "-", code=2, stdin=past).stderr.splitlines()[-1]
        assert said.startswith(
            "stdin:4: ScheduledRun r: spec.at: 2020-01-01T00:00:00Z is more than a minute before the"
        )
        assert said.endswith("; write a time to come, or set allowPast: true")


def test_who_may_not_create_is_told_the_role_and_a_namespace_to_come_is_a_warning(verbs: Verbs) -> None:
    done = verbs("validate", "--server", "-f", "-", "--as", "nobody", code=7, stdin=manifest())
    assert "crontasks.crontask.dev" in done.stderr
    elsewhere = manifest().replace("name: backup", "name: backup, namespace: to-come")
    done = verbs("validate", "--server", "-n", "to-come", "-f", "-", stdin=elsewhere)
    assert done.stdout == "no problems found, but warnings\n"
    assert 'namespaces "to-come" not found; create the namespace first' in done.stderr
    done = verbs("validate", "--server", "-f", "-", code=2, stdin=elsewhere)
    assert "metadata.namespace: is not that of -n" in done.stderr


def test_a_cron_job_of_the_cluster_that_is_active_under_its_name_is_warned_of(verbs: Verbs) -> None:
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": pod}}}
    body = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "backup"}, "spec": spec}
    verbs.kubectl("create", "-f", "-", stdin=json.dumps(body))
    done = verbs("validate", "--server", "--strict", "-f", "-", code=2, stdin=manifest())
    assert "metadata.name: is that of a CronJob of the cluster, which is active as well" in done.stderr
    assert verbs("validate", "--server", "-f", "-", stdin=manifest()).stderr == ""
    verbs.kubectl("patch", "cronjob", "backup", "-p", '{"spec":{"suspend":true}}')
    verbs("validate", "--server", "--strict", "-f", "-", stdin=manifest())


# --- doctor -----------------------------------------------------------------------------------------------------------


class _Refuses(BaseHTTPRequestHandler):
    """A webhook that refuses all, as ours refuses a minute 61."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = {"message": "spec.schedule: 61 is not in 0-59", "code": 422}
        answer = {**review, "response": {"uid": review["request"]["uid"], "allowed": False, "status": said}}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing is written of requests."""


@contextmanager
def webhook(control_plane: ControlPlane, namespace: str, folder: Path) -> Iterator[ThreadingHTTPServer]:
    """Such a webhook, of one namespace; whoever shuts it down leaves its configuration."""
    certificate, key = self_signed(["127.0.0.1"])
    for name, text in (("crt", certificate), ("key", key)):
        (folder / name).write_text(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "crt", folder / "key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refuses)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kinds = {"apiGroups": ["crontask.dev"], "apiVersions": ["v1alpha1"], "resources": ["crontasks"]}
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [
            {
                "name": "crontasks.crontask.dev",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Ignore",
                "timeoutSeconds": 2,
                "rules": [{**kinds, "operations": ["CREATE", "UPDATE"]}],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "clientConfig": {
                    "url": f"https://127.0.0.1:{server.server_address[1]}/",
                    "caBundle": base64.b64encode(certificate.encode()).decode(),
                },
            }
        ],
    }
    control_plane.kubectl("create", "-f", "-", stdin=json.dumps(configuration))
    try:
        yield server
    finally:
        control_plane.kubectl("delete", "validatingwebhookconfiguration", namespace)
        server.shutdown()
        server.server_close()


def looked_at(verbs: Verbs, *words: str) -> list[tuple[str, str]]:
    found = json.loads(verbs("doctor", "-o", "json", *words, code=None).stdout)
    return [(each["state"], each["message"].partition(":")[0]) for each in found if each["check"] == "webhook"]


def test_the_doctor_looks_at_the_webhook(verbs: Verbs, control_plane: ControlPlane, tmp_path: Path) -> None:
    assert looked_at(verbs) == [("warning", "none is configured")]
    with webhook(control_plane, verbs.namespace, tmp_path) as server:
        answers = ("ok", "it answers, and refuses what cannot be used")

        def seen() -> bool:
            return looked_at(verbs)[1:] == [answers]

        until("the API server asks the webhook", seen)
        # Asked about another namespace, it says that no operator watches that one, and asks where one does.
        elsewhere = verbs("doctor", "-n", "default", code=None).stdout
        assert "warning  namespace default: no operator watches it: nothing starts here; add it to watch" in elsewhere
        assert "ok       webhook: it answers" in elsewhere
        (certificate, _) = looked_at(verbs)
        assert certificate[0] == "warning", "it ends in a day"
        assert certificate[1].startswith("its certificate ends on ")
        done = verbs("validate", "--server", "-f", "-", code=2, stdin=manifest())
        assert done.stderr == "stdin:5: CronTask backup: spec.schedule: 61 is not in 0-59\n"
        server.shutdown()
        server.server_close()
        assert looked_at(verbs)[1:] == [("problem", "it does not answer")]
    assert looked_at(verbs, "--as", "nobody") == [("unknown", "you may not look")]
