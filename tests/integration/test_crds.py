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
    (TASK, {"handler": {}}, "exactly one of container and podTemplate"),
    (TASK, {"handler": {**HANDLER, "podTemplate": {}}}, "exactly one of container and podTemplate"),
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
GOOD = [
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
