"""The real API server takes the CRDs, refuses bad manifests in words, and explains every field."""

import json

import pytest

from cluster.control_plane import ControlPlane

TASK = {"apiVersion": "crontask.dev/v1alpha1", "kind": "CronTask", "metadata": {"name": "t"}}
RUN = {"apiVersion": "crontask.dev/v1alpha1", "kind": "ScheduledRun", "metadata": {"name": "r"}}
HANDLER = {"container": {"image": "busybox:1.36"}}
BAD = [
    (TASK, {"schedule": "* * * * *", "interval": "5s", "handler": HANDLER}, "keep one of them"),
    (TASK, {"interval": "0s", "handler": HANDLER}, "write at least 1s"),
    (TASK, {"interval": "5 minutes", "handler": HANDLER}, "spec.interval"),
    (TASK, {"handler": {}}, "exactly one of container, podTemplate"),
    (TASK, {"handler": {**HANDLER, "podTemplate": {}}}, "exactly one of container, podTemplate"),
    (TASK, {"handler": {**HANDLER, "resultFrom": "x"}}, "resultFrom goes with podTemplate only"),
    (TASK, {"schedule": "* * * * *"}, "spec.handler"),
    (TASK, {"handler": HANDLER, "concurrency": {"policy": "Never"}}, "supported values"),
    (TASK, {"handler": HANDLER, "concurrency": {"max": 0}}, "greater than or equal to 1"),
    (TASK, {"handler": HANDLER, "history": {"failed": 1001}}, "less than or equal to 1000"),
    ({**TASK, "metadata": {"name": "x" * 53}}, {"handler": HANDLER}, "at most 52 characters"),
    ({**TASK, "metadata": {"name": "a.b"}}, {"handler": HANDLER}, "DNS label"),
    (RUN, {}, "exactly one of taskRef and handler"),
    (RUN, {"taskRef": {"name": "t"}, "handler": HANDLER}, "exactly one of taskRef and handler"),
    (RUN, {"handler": HANDLER, "at": "2030-01-01T00:00:00Z", "delay": "5s"}, "at and delay are both set"),
    (RUN, {"handler": HANDLER, "at": "tomorrow"}, "spec.at"),
    ({**RUN, "metadata": {"name": "x" * 61}}, {"handler": HANDLER}, "at most 60 characters"),
]
FIRST = {"name": "a", **HANDLER}
BAD_STEPS = [
    ([{**FIRST, "name": "A_"}], "name is not a DNS label"),
    ([{**FIRST, "name": "x" * 25}], "Too long: may not be more than 24"),
    ([FIRST, FIRST], "two steps have the same name"),
    ([{"name": "a"}], "exactly one of container, podTemplate, http, python"),
    ([{"name": "a", "http": {"url": "ftp://x"}}], "url is not a valid URL"),
    ([{**FIRST, "dependsOn": ["b"]}], "dependsOn names a step that there is not"),
    ([{**FIRST, "dependsOn": []}, {"name": "b", **HANDLER}], "dependsOn is missing"),
    ([{**FIRST, "always": True, "compensate": HANDLER}], "compensate does not go with always"),
    ([{**FIRST, "always": True, "dependsOn": []}], "dependsOn does not go with always"),
    ([{**FIRST, "compensate": {}}], "exactly one of container, podTemplate, http, python"),
    ([], "should have at least 1 items"),
    ([{"name": f"s{n}", **HANDLER} for n in range(51)], "Too many: 51: must have at most 50 items"),
]
BAD += [(base, {"handler": {"steps": steps}}, words) for steps, words in BAD_STEPS for base in (TASK, RUN)]
BAD += [
    (TASK, {"handler": {**HANDLER, "onFailure": "Cancel"}}, "onFailure goes with steps only"),
    (TASK, {"handler": {"steps": [FIRST], "stepResultFrom": "b"}}, "stepResultFrom names no step"),
    (RUN, {"handler": HANDLER, "cancelMode": "Immediate"}, "goes with cancel: true only"),
]
GOOD = [
    (TASK, {"handler": {"steps": [FIRST, {"name": "b", **HANDLER, "compensate": HANDLER}], "pod": {"spec": {}}}}),
    (RUN, {"handler": {"steps": [{**FIRST, "dependsOn": []}, {"name": "b", **HANDLER, "dependsOn": ["a"]}]}}),
    (RUN, {"handler": {"steps": [{**FIRST, "when": {"value": "${args.x}", "in": [True, None, 3]}}]}}),
    (TASK, {"handler": HANDLER}),
    (TASK, {"interval": "1s", "handler": HANDLER, "history": {"failed": 1000}}),
    (
        {**TASK, "metadata": {"name": "x" * 52}},
        {"schedule": "@daily", "timeZone": "Asia/Kathmandu", "handler": HANDLER},
    ),
    ({**RUN, "metadata": {"name": "x" * 60}}, {"handler": HANDLER, "delay": "1h30m"}),
]


def _try(control_plane: ControlPlane, namespace: str, document: object) -> str:
    try:
        return control_plane.kubectl(
            "-n", namespace, "create", "--dry-run=server", "-f", "-", stdin=json.dumps(document)
        )
    except Exception as refused:  # noqa: BLE001 - kubectl's words are what is tested, whatever carries them
        return f"{refused} {getattr(refused, 'stderr', '')}"


@pytest.mark.parametrize(("base", "spec", "words"), BAD)
def test_bad_manifests_are_refused_in_words(
    control_plane: ControlPlane, namespace: str, base: dict[str, object], spec: dict[str, object], words: str
) -> None:
    answer = _try(control_plane, namespace, {**base, "spec": spec})
    assert words in answer
    assert "created" not in answer


@pytest.mark.parametrize(("base", "spec"), GOOD)
def test_good_manifests_are_taken(
    control_plane: ControlPlane, namespace: str, base: dict[str, object], spec: dict[str, object]
) -> None:
    assert "created" in _try(control_plane, namespace, {**base, "spec": spec})


def test_explain_helps(control_plane: ControlPlane) -> None:
    words = control_plane.kubectl("explain", "crontask.spec.schedule")
    assert "five fields" in words
    assert "30 2 * * *" in words


def test_the_crds_are_established(control_plane: ControlPlane) -> None:
    for plural in ("crontasks", "scheduledruns"):
        crd = json.loads(control_plane.kubectl("get", "crd", f"{plural}.crontask.dev", "-o", "json"))
        conditions = {c["type"]: c["status"] for c in crd["status"]["conditions"]}
        assert conditions["Established"] == conditions["NamesAccepted"] == "True"
        # A schema that is not structural is taken, but not enforced.
        assert "NonStructuralSchema" not in conditions


@pytest.mark.parametrize(
    ("spec", "phase", "change", "words"),
    [
        ({"cancel": True}, None, {"cancel": False}, "cancel never goes back"),
        ({"cancel": True}, None, {"cancel": None}, "cancel never goes back"),
        ({}, None, {"taskRef": {"name": "other"}}, "spec.taskRef cannot be changed"),
        ({"delay": "1h"}, None, {"delay": None}, "spec.delay cannot be changed"),
        ({}, None, {"timeout": "5s"}, "spec.timeout cannot be changed"),
        ({}, None, {"allowPast": True}, "spec.allowPast cannot be changed"),
        ({}, None, {"scheduledTime": "2030-01-01T00:00:00Z"}, "spec.scheduledTime cannot be changed"),
        ({"at": "2030-01-01T00:00:00Z"}, "Running", {"at": "2031-01-01T00:00:00Z"}, "spec.at cannot be changed once"),
        ({"at": "2030-01-01T00:00:00Z"}, "Failed", {"at": None}, "spec.at cannot be changed once"),
        ({"at": "2030-01-01T00:00:00Z"}, None, {"at": "2031-01-01T00:00:00Z"}, ""),
        ({"at": "2030-01-01T00:00:00Z"}, "Pending", {"at": "2031-01-01T00:00:00Z"}, ""),
        ({"at": "2030-01-01T00:00:00Z"}, "Running", {"cancel": True, "cancelReason": "no need"}, ""),
    ],
)
def test_what_may_change_in_a_run(
    control_plane: ControlPlane,
    namespace: str,
    spec: dict[str, object],
    phase: str | None,
    change: dict[str, object],
    words: str,
) -> None:
    run = {**RUN, "spec": {"taskRef": {"name": "t"}, **spec}}
    control_plane.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(run))
    patch = ("-n", namespace, "patch", "sr", "r", "--type=merge")
    if phase is not None:
        control_plane.kubectl(*patch, "--subresource=status", "-p", json.dumps({"status": {"phase": phase}}))
    try:
        answer = control_plane.kubectl(*patch, "-p", json.dumps({"spec": change}))
    except Exception as refused:  # noqa: BLE001 - as above
        answer = f"{refused} {getattr(refused, 'stderr', '')}"
    assert (words or "patched") in answer
    assert ("patched" in answer) is not bool(words)


@pytest.mark.parametrize("field", ["crontask.status.lastRun.message", "scheduledrun.status.attempts.exitCode"])
def test_the_status_is_explained_too(control_plane: ControlPlane, field: str) -> None:
    assert "<empty>" not in control_plane.kubectl("explain", field)


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ({"phase": "Running"}, "Running"),
        ({"phase": "Running", "display": "Paused"}, "Paused"),
        ({"phase": "Succeeded", "display": None}, "Succeeded"),
        ({}, ""),
    ],
)
def test_the_column_shows_the_phase_or_what_is_to_be_shown_in_its_place(
    control_plane: ControlPlane, namespace: str, status: dict[str, object], shown: str
) -> None:
    run = {**RUN, "spec": {"taskRef": {"name": "t"}}}
    control_plane.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(run))
    patch = ("-n", namespace, "patch", "sr", "r", "--type=merge", "--subresource=status", "-p")
    control_plane.kubectl(*patch, json.dumps({"status": {"progress": "1/2 steps", **status}}))
    heads, line = control_plane.kubectl("-n", namespace, "get", "sr").splitlines()
    assert line[heads.index("PHASE") : heads.index("SCHEDULED")].strip() == shown


def test_no_list_is_kept_of_who_set_which_field_of_a_status(control_plane: ControlPlane, namespace: str) -> None:
    run = {**RUN, "spec": {"taskRef": {"name": "t"}}}
    control_plane.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(run))
    status = {"status": {"phase": "Running", "startTime": "2030-01-01T00:00:00Z", "podName": "p"}}
    patch = ("-n", namespace, "patch", "sr", "r", "--type=merge", "--subresource=status", "-p", json.dumps(status))
    control_plane.kubectl(*patch)
    written = json.loads(
        control_plane.kubectl("-n", namespace, "get", "sr", "r", "-o", "json", "--show-managed-fields")
    )
    fields = [entry["fieldsV1"] for entry in written["metadata"]["managedFields"] if entry.get("subresource")]
    assert fields == [{"f:status": {}}]
    assert written["status"].items() >= status["status"].items()
