"""The chart's admission policy on the real API server: what only admission can see of a ScheduledRun."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import chart
import pytest

from cluster.control_plane import ControlPlane

REF = {"taskRef": {"name": "t"}}
INLINE = {"handler": {"container": {"image": "busybox:1.36"}}}
LONG_AGO = "2020-01-01T00:00:00Z"
TEXT = "is more than a minute before the creation at"
PAST_FIX = "write a time to come, or set allowPast: true"
AT_PAST = f"spec.at: {LONG_AGO} {TEXT}"
NO_CHANGE = "cannot be changed; create another ScheduledRun"


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


@pytest.fixture(scope="module")
def active(control_plane: ControlPlane) -> Iterator[None]:
    """The policy as the chart has it, in force; removed for the tests of other files."""
    with chart.policy_in_force(control_plane):
        yield


@pytest.fixture
def where(namespace: str, active: None) -> str:
    """A namespace in which the policy is in force."""
    return namespace


def test_the_names_are_the_release_s_and_the_policy_can_be_left_out() -> None:
    found = chart.policies(chart.rendered())
    assert [(m["kind"], m["metadata"]["name"]) for m in found] == [
        (kind, f"{chart.NAME}{rules}")
        for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
        for rules in ("", "-run-rights", "-task-rights")
    ]
    # Helm removes what it has installed, unless an annotation keeps it.
    assert all("annotations" not in manifest["metadata"] for manifest in found)
    for policy, binding in zip(found[:3], found[3:], strict=True):
        assert binding["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}
    assert chart.policies(chart.rendered("--set", "admissionPolicy.enabled=false")) == []


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
