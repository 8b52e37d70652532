"""The chart's admission policy on the real API server: what only admission can see of a ScheduledRun."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from api_server import ROOT, until

from cluster import binaries
from cluster.control_plane import ControlPlane

RELEASE = "somewhere"
NAME = f"{RELEASE}-crontask"
WITHOUT_PODS = "jane"
REF = {"taskRef": {"name": "t"}}
INLINE = {"handler": {"container": {"image": "busybox:1.36"}}}
LONG_AGO = "2020-01-01T00:00:00Z"
TEXT = "is more than a minute before the creation at"
PAST_FIX = "write a time to come, or set allowPast: true"
AT_PAST = f"spec.at: {LONG_AGO} {TEXT}"
NO_CHANGE = "cannot be changed; create another ScheduledRun"


def _rendered(*settings: str) -> list[dict[str, Any]]:
    helm = binaries.find(["helm"])["helm"]
    command = [str(helm), "template", RELEASE, str(ROOT / "charts" / "crontask"), *settings]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def _ours(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [manifest for manifest in manifests if manifest["kind"].startswith("ValidatingAdmissionPolicy")]


def _run(spec: dict[str, Any], **metadata: str) -> str:
    named = {"name": "r", **metadata}
    return json.dumps({"apiVersion": "crontask.dev/v1alpha1", "kind": "ScheduledRun", "metadata": named, "spec": spec})


def _try(control_plane: ControlPlane, *arguments: str, stdin: str | None = None) -> tuple[bool, str]:
    """Whether kubectl succeeded, and its words."""
    try:
        return True, control_plane.kubectl(*arguments, stdin=stdin)
    except Exception as refused:  # noqa: BLE001 - kubectl's words are what is tested, whatever carries them
        return False, str(refused)


def _ago(seconds: int) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _allow(control_plane: ControlPlane, namespace: str, resource: str, verbs: str) -> None:
    name = resource.partition(".")[0]
    create = ("-n", namespace, "create")
    control_plane.kubectl(*create, "role", name, f"--verb={verbs}", f"--resource={resource}")
    control_plane.kubectl(*create, "rolebinding", name, f"--role={name}", f"--user={WITHOUT_PODS}")


@pytest.fixture(scope="module")
def active(control_plane: ControlPlane) -> Iterator[None]:
    """The policy as the chart has it, in force; removed for the tests of other files."""
    manifests = "\n---\n".join(json.dumps(manifest) for manifest in _ours(_rendered()))
    control_plane.kubectl("create", "-f", "-", stdin=manifests)
    past = _run({**REF, "at": LONG_AGO})
    create = ("-n", "default", "create", "--dry-run=server", "-f", "-")
    until("the policy is in force", lambda: not _try(control_plane, *create, stdin=past)[0], 30)
    yield
    control_plane.kubectl("delete", "-f", "-", stdin=manifests)
    until("the policy is gone", lambda: _try(control_plane, *create, stdin=past)[0], 30)


@pytest.fixture
def where(control_plane: ControlPlane, namespace: str, active: None) -> str:
    """A namespace in which a user may do all to runs, but nothing to pods."""
    _allow(control_plane, namespace, "scheduledruns.crontask.dev", "create,get,list,patch,update")
    return namespace


def test_the_names_are_the_release_s_and_the_policy_can_be_left_out() -> None:
    found = _ours(_rendered())
    assert [(m["kind"], m["metadata"]["name"]) for m in found] == [
        ("ValidatingAdmissionPolicy", NAME),
        ("ValidatingAdmissionPolicyBinding", NAME),
    ]
    # Helm removes what it has installed, unless an annotation keeps it.
    assert all("annotations" not in manifest["metadata"] for manifest in found)
    assert found[1]["spec"] == {"policyName": NAME, "validationActions": ["Deny"]}
    assert _ours(_rendered("--set", "admissionPolicy.enabled=false")) == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"at": LONG_AGO}, (AT_PAST, PAST_FIX)),
        ({"at": LONG_AGO, "allowPast": False}, (AT_PAST, PAST_FIX)),
        # Also by another offset and in lower case, as the schema takes it.
        ({"at": "2020-01-01t00:00:00z"}, ("spec.at in body should match",)),
        ({"at": "2020-01-01T02:00:00.5+02:00"}, ("spec.at: 2020-01-01T02:00:00.5+02:00", TEXT)),
        ({"at": LONG_AGO, "allowPast": True}, ()),
        ({"at": "2090-01-01T00:00:00Z"}, ()),
        ({"delay": "5s"}, ()),
        ({"scheduledTime": LONG_AGO}, ()),
    ],
)
def test_a_time_long_past(control_plane: ControlPlane, where: str, spec: dict[str, Any], words: tuple[str]) -> None:
    create = ("-n", where, "create", "--dry-run=server", "-f", "-")
    taken, answer = _try(control_plane, *create, stdin=_run({**REF, **spec}))
    assert taken is not bool(words), answer
    assert all(word in answer for word in words), answer


@pytest.mark.parametrize(("seconds", "taken"), [(50, True), (70, False)])
def test_a_minute_is_the_limit(control_plane: ControlPlane, where: str, seconds: int, taken: bool) -> None:
    create = ("-n", where, "create", "--dry-run=server", "-f", "-")
    assert _try(control_plane, *create, stdin=_run({**REF, "at": _ago(seconds)}))[0] is taken


@pytest.mark.parametrize("how", [("create",), ("apply", "--server-side")])
def test_the_creation_is_the_server_s(control_plane: ControlPlane, where: str, how: tuple[str, ...]) -> None:
    run = _run({**REF, "at": LONG_AGO}, creationTimestamp=LONG_AGO)
    taken, answer = _try(control_plane, "-n", where, *how, "-f", "-", stdin=run)
    assert not taken
    assert f"{AT_PAST} {_ago(0)[:10]}" in answer


@pytest.mark.parametrize(
    ("spec", "change", "words"),
    [
        ({**REF, "args": {"a": {"b": [1, 2]}}}, {"args": {"a": {"b": [1, 3]}}}, f"spec.args {NO_CHANGE}"),
        ({**REF, "args": {"a": 1}}, {"args": {"b": 1}}, f"spec.args {NO_CHANGE}"),
        ({**REF, "args": {"a": 1}}, {"args": None}, f"spec.args {NO_CHANGE}"),
        (REF, {"args": {"a": 1}}, f"spec.args {NO_CHANGE}"),
        ({**REF, "cursor": {"a": [1]}}, {"cursor": {"a": [2]}}, f"spec.cursor {NO_CHANGE}"),
        ({**REF, "cursor": "a"}, {"cursor": None}, f"spec.cursor {NO_CHANGE}"),
        ({**REF, "cursor": 1}, {"cursor": True}, f"spec.cursor {NO_CHANGE}"),
        (REF, {"cursor": 0}, f"spec.cursor {NO_CHANGE}"),
        ({**REF, "cursor": {"a": [1.5, None, "x"]}}, {"cancel": True}, ""),
        (INLINE, {"handler": {"container": {"image": "busybox:1.37"}}}, f"spec.handler {NO_CHANGE}"),
        (INLINE, {"handler": {"container": {"env": [{"name": "A"}]}}}, f"spec.handler {NO_CHANGE}"),
        ({**REF, "at": "2090-01-01T00:00:00Z"}, {"at": LONG_AGO}, PAST_FIX),
        ({**REF, "at": "2090-01-01T00:00:00Z"}, {"at": "2091-01-01T00:00:00Z"}, ""),
        ({**REF, "args": {"a": 1, "b": {"c": 2.5}}}, {"args": {"b": {"c": 2.5}}, "cancel": True}, ""),
        (REF, {"args": {}}, ""),
        (INLINE, {"cancel": True, "cancelReason": "enough"}, ""),
        ({**REF, "at": LONG_AGO, "allowPast": True}, {"cancel": True}, ""),
        ({**REF, "args": {"text": "x" * 100_000}}, {"cancel": True}, ""),
        ({**REF, "args": {f"k{i}": [i, str(i)] for i in range(4000)}}, {"cancel": True}, ""),
    ],
)
def test_what_may_change(
    control_plane: ControlPlane, where: str, spec: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    control_plane.kubectl("-n", where, "create", "-f", "-", stdin=_run(spec))
    patch = json.dumps({"spec": change})
    taken, answer = _try(control_plane, "-n", where, "patch", "sr", "r", "--type=merge", "-p", patch)
    assert taken is not bool(words), answer
    assert words in answer


def test_the_status_is_left_alone(control_plane: ControlPlane, where: str) -> None:
    control_plane.kubectl("-n", where, "create", "-f", "-", stdin=_run({**REF, "args": {"a": 1}}))
    patch = ("patch", "sr", "r", "--subresource=status", "--type=merge", "-p", '{"status": {"phase": "Running"}}')
    assert "patched" in control_plane.kubectl("-n", where, *patch)


def test_a_handler_needs_the_right_to_create_pods(control_plane: ControlPlane, where: str) -> None:
    create = ("-n", where, "create", "-f", "-", "--as", WITHOUT_PODS)
    taken, answer = _try(control_plane, *create, stdin=_run(INLINE))
    assert not taken
    assert f"spec.handler: {WITHOUT_PODS} may not create pods in namespace {where}" in answer
    assert "name a CronTask in spec.taskRef instead" in answer
    assert "(Forbidden)" in answer
    assert _try(control_plane, *create, stdin=_run(REF, name="by-reference"))[0]
    # Others' runs can still be canceled, whatever they run.
    control_plane.kubectl("-n", where, "create", "-f", "-", stdin=_run(INLINE, name="inline"))
    cancel = ("patch", "sr", "inline", "--type=merge", "-p", '{"spec": {"cancel": true}}', "--as", WITHOUT_PODS)
    assert "patched" in control_plane.kubectl("-n", where, *cancel)
    # The right in another namespace is none here.
    control_plane.kubectl("create", "namespace", f"{where}-2")
    _allow(control_plane, f"{where}-2", "pods", "create")
    may = ("-n", f"{where}-2", "auth", "can-i", "create", "pods", "--as", WITHOUT_PODS)
    until("the right there is known", lambda: _try(control_plane, *may)[0], 20)
    assert not _try(control_plane, *create, stdin=_run(INLINE, name="own"))[0]
    _allow(control_plane, where, "pods", "create")
    until("the right is known", lambda: _try(control_plane, *create, stdin=_run(INLINE, name="own"))[0], 20)


def test_what_ran_before_is_run_again_by_who_may_create_pods(control_plane: ControlPlane, where: str) -> None:
    create = ("-n", where, "create", "-f", "-", "--as", WITHOUT_PODS)
    old = {"name": "before"}
    for spec in ({"rerunOf": {**old, "definition": "Latest"}}, {**REF, "rerunOf": old}, {"rerunOf": old}):
        taken, answer = _try(control_plane, *create, stdin=_run(spec, name="refused"))
        assert not taken
        assert f"spec.rerunOf: {WITHOUT_PODS} may not create pods in namespace {where}" in answer
        assert "name it in spec.taskRef, and write definition: Latest" in answer
        assert "(Forbidden)" in answer
    latest = _run({**REF, "rerunOf": {**old, "definition": "Latest"}}, name="latest")
    assert _try(control_plane, *create, stdin=latest)[0]
    _allow(control_plane, where, "pods", "create")
    for name, spec in (("same", {**REF, "rerunOf": old}), ("inline", {"rerunOf": old})):
        again = _run(spec, name=name)
        until("the right is known", lambda again=again: _try(control_plane, *create, stdin=again)[0], 20)  # type: ignore[misc]


def test_only_who_may_write_statuses_makes_parts(control_plane: ControlPlane, where: str) -> None:
    parent = {"name": "flow", "uid": "u", "root": "flow", "depth": 1, "key": "u/a", "step": "a"}
    part = _run({**REF, "parent": parent}, name="part")
    create = ("-n", where, "create", "-f", "-", "--as", WITHOUT_PODS)
    taken, answer = _try(control_plane, *create, stdin=part)
    assert not taken
    assert "spec.parent: only the operator makes the parts of a run; remove it" in answer
    control_plane.kubectl("-n", where, "create", "role", "statuses", "--verb=update", "--resource=scheduledruns/status")
    bind = ("create", "rolebinding", "statuses", "--role=statuses", f"--user={WITHOUT_PODS}")
    control_plane.kubectl("-n", where, *bind)
    until("the right is known", lambda: _try(control_plane, *create, stdin=part)[0], 20)
    # What is there may be canceled by whoever may edit runs.
    cancel = ("patch", "sr", "part", "--type=merge", "-p", '{"spec": {"cancel": true}}', "--as", WITHOUT_PODS)
    assert "patched" in control_plane.kubectl("-n", where, *cancel)
