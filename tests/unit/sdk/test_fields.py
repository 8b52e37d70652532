"""The manifest of a task from what a program has, as tables."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from crontask import Concurrency, CronTaskSpec, Retry, errors
from crontask.api.crontask import CronTaskSpec as Spec
from crontask.client import actions
from crontask.sdk.fields import TaskFields, manifest

IMAGE: dict[str, Any] = {"container": {"image": "busybox:1.36"}}
PAUSE = {"suspend", "suspend_until", "suspend_reason"}


def made(task: Any = "sync", spec: Any = None, *, on_demand: bool = False, **fields: Any) -> dict[str, Any]:
    return manifest(task, spec, fields, (None, "shop"), on_demand=on_demand)  # type: ignore[arg-type]


def test_each_field_of_a_task_but_a_pause_can_be_said() -> None:
    assert set(TaskFields.__annotations__) == (set(Spec.model_fields) - PAUSE) | actions.WHAT | {"may_trigger"}


SPECS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("an image", made(image="a", command=["b"], schedule="0 0 * * *"), {"container": {"image": "a", "command": ["b"]}}),
    ("a handler", made(handler=IMAGE, interval="1m"), IMAGE),
    ("source", made(source="def handler(ctx): ...", interval="1m"), {"python": {"source": "def handler(ctx): ..."}}),
    ("a manifest", made({"metadata": {"name": "a"}, "spec": {"handler": IMAGE, "interval": "1m"}}), IMAGE),
    ("a model", made("a", CronTaskSpec.model_validate({"handler": IMAGE}), on_demand=True), IMAGE),
    ("fields above a manifest", made({"metadata": {"name": "a"}, "spec": {}}, {"handler": IMAGE}, delay="5m"), IMAGE),
]


@pytest.mark.parametrize(("name", "body", "handler"), SPECS, ids=[row[0] for row in SPECS])
def test_what_runs(name: str, body: dict[str, Any], handler: dict[str, Any]) -> None:
    assert body["spec"]["handler"] == handler
    assert body["metadata"]["namespace"] == "shop"


def test_values_as_the_api_has_them() -> None:
    spec = made(
        handler=IMAGE,
        interval=timedelta(minutes=90),
        start_time=datetime(2026, 6, 1, tzinfo=UTC),
        time_zone="Europe/Berlin",
        skip=[{"from": date(2026, 12, 24)}],
        retry=Retry(limit=3),
        concurrency=Concurrency(max=2),
        args={"ratio": 0.5, "none": None},
        timeout=None,
    )["spec"]
    del spec["handler"]
    assert spec == {
        "interval": "1h30m",
        "startTime": "2026-06-01T00:00:00Z",
        "timeZone": "Europe/Berlin",
        "skip": [{"from": "2026-12-24"}],
        "retry": {"limit": 3},
        "concurrency": {"max": 2},
        "args": {"ratio": 0.5, "none": None},
    }


def test_an_object_that_was_read_is_a_manifest() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "why": "x"}
    metadata = {"name": "a", "namespace": "b", "uid": "1", "resourceVersion": "2", "managedFields": [{}], "labels": {}}
    read = {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "CronTask",
        "metadata": {**metadata, "annotations": annotations},
        "spec": {"handler": IMAGE, "interval": "1m", "suspend": False},
        "status": {"phase": "Active"},
    }
    assert made(read) == {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "CronTask",
        "metadata": {"name": "a", "namespace": "b", "annotations": {"why": "x"}},
        "spec": {"handler": IMAGE, "interval": "1m"},
    }


def test_of_which_namespace_it_is() -> None:
    def of(written: str | None, asked: str | None) -> str:
        metadata = {"name": "a", **({"namespace": written} if written else {})}
        body = {"metadata": metadata, "spec": {"handler": IMAGE, "interval": "1m"}}
        return str(manifest(body, None, {}, (asked, "shop"), on_demand=False)["metadata"]["namespace"])

    assert [of(None, None), of("b", None), of(None, "c"), of("b", "b")] == ["shop", "b", "c", "b"]
    with pytest.raises(errors.BadInput, match="is 'b' in the manifest, but 'c' is asked for"):
        of("b", "c")


def test_fields_of_a_newer_version_go_along() -> None:
    assert made(spec={"novelty": {"a": 1}}, handler=IMAGE, interval="1m")["spec"]["novelty"] == {"a": 1}


REFUSED: list[tuple[str, Callable[[], Any], str]] = [
    (
        "no timing",
        lambda: made(handler=IMAGE),
        "CronTask sync: has no schedule (or schedules), interval, delay or after, so that nothing would ever start it; "
        "write one of them, or on_demand=True",
    ),
    (
        "on demand, and a timing",
        lambda: made(handler=IMAGE, interval="1m", on_demand=True),
        "CronTask sync: is on_demand, and has interval; keep one of them",
    ),
    (
        "a pause",
        lambda: made(spec={"suspend": True}, handler=IMAGE, interval="1m"),
        "spec.suspend: is never written by register, which would undo what others decide; write paused=True",
    ),
    (
        "a reason of one",
        lambda: made(spec={"suspendReason": "x"}, handler=IMAGE, interval="1m"),
        "spec.suspendReason: is never written by register",
    ),
    (
        "a cron expression that is none",
        lambda: made(handler=IMAGE, schedule="0 25 * * *"),
        "CronTask sync: spec.schedule: ",
    ),
    ("a name that is none", lambda: made("No Name", handler=IMAGE, interval="1m"), "CronTask 'No Name': the name must"),
    (
        "a name that is long",
        lambda: made("n" * 53, handler=IMAGE, interval="1m"),
        f"CronTask {'n' * 53}: metadata.name: '{'n' * 53}' is not a DNS label of at most 52 characters",
    ),
    ("no name", lambda: made({"spec": {}}), "metadata.name: is missing; write metadata: {name: my-task}"),
    ("another kind", lambda: made({"kind": "CronJob", "metadata": {"name": "a"}}), "kind: is CronJob of crontask.dev"),
    ("a function", lambda: made(made), "task: is a function; write the name of the task, or its manifest as a dict"),
    ("a list as the spec", lambda: made("a", [1]), "spec: of spec is a list; write a dict, or a CronTaskSpec"),
    (
        "a number as a duration",
        lambda: made(handler=IMAGE, interval=5),
        "spec.interval: 5 (int) is not a duration; write timedelta(seconds=90), or 90s",
    ),
    (
        "a naive time",
        lambda: made(handler=IMAGE, interval="1m", end_time=datetime(2026, 1, 1)),
        "spec.endTime: 2026-01-01 00:00:00 has no time zone",
    ),
    ("a float", lambda: made(handler=IMAGE, interval="1m", max_runs=1.5), "spec.maxRuns: 1.5 is a float"),
]


@pytest.mark.parametrize(("name", "make", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_refused(name: str, make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    assert isinstance(caught.value, errors.ClientError)
    assert str(caught.value).startswith(message)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(errors.InvalidTask) as caught:
        made(handler=IMAGE, schedule="0 25 * * *", time_zone="Mars/Olympus")
    assert [problem.path for problem in caught.value.problems] == ["spec.schedule", "spec.timeZone"]
    assert "\nCronTask sync: spec.timeZone: " in str(caught.value)


MAY_TRIGGER: list[tuple[dict[str, Any], Any, dict[str, Any]]] = [
    ({"source": "def handler(ctx): ..."}, True, {"serviceAccountName": "crontask-trigger"}),
    ({"image": "i"}, "shop", {"serviceAccountName": "shop"}),
    (
        {"image": "i", "pod": {"spec": {"nodeSelector": {"a": "b"}, "serviceAccountName": "shop"}}},
        "shop",
        {"serviceAccountName": "shop", "nodeSelector": {"a": "b"}},
    ),
]


@pytest.mark.parametrize(("what", "may_trigger", "spec"), MAY_TRIGGER)
def test_a_task_that_may_trigger_others(what: Any, may_trigger: Any, spec: dict[str, Any]) -> None:
    fields: Any = {**what, "may_trigger": may_trigger}
    made = manifest("t", None, fields, (None, "shop"), on_demand=True)
    assert made["spec"]["handler"]["pod"]["spec"] == {**spec, "automountServiceAccountToken": True}
    assert "mayTrigger" not in made["spec"]


@pytest.mark.parametrize("may_trigger", [None, False])
def test_a_task_that_may_not(may_trigger: Any) -> None:
    made = manifest("t", None, {"image": "i", "may_trigger": may_trigger}, (None, "shop"), on_demand=True)
    assert made["spec"] == {"handler": {"container": {"image": "i"}}}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"url": "https://example.com", "may_trigger": True}, "goes with a python or container handler only"),
        ({"image": "i", "may_trigger": 1}, "may_trigger: is 1; write True, or the name of a service account"),
        ({"image": "i", "may_trigger": "Not A Name"}, "ServiceAccount 'Not A Name'"),
        (
            {"image": "i", "pod": {"spec": {"serviceAccountName": "shop"}}, "may_trigger": True},
            "handler.pod names the service account shop; write may_trigger='shop'",
        ),
    ],
)
def test_a_right_that_cannot_be_given(fields: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        manifest("t", None, fields, (None, "shop"), on_demand=True)


AS_IN_PYTHON: list[tuple[dict[str, Any], str]] = [
    ({"retries": 3}, "retries=: there is no such argument; write retry=Retry(limit=3)"),
    ({"timezone": "UTC"}, "timezone=: there is no such argument; write time_zone="),
    ({"every": "1h"}, "every=: there is no such argument; write interval="),
    ({"intervall": "1h"}, "intervall=: there is no such argument; write interval="),
    (
        {"zzz": 1},
        "zzz=: there is no such argument; remove it, or write a field that this version does not know in spec=",
    ),
    ({"retry": 3}, "spec.retry: must be an object, not 3; write retry=Retry(limit=3)"),
    ({"concurrency": "Forbid"}, "spec.concurrency: must be an object, not 'Forbid'; write concurrency=Concurrency(pol"),
    ({"catch_up": "all"}, "spec.catchUp: must be an object, not 'all'; write catch_up=CatchUp(policy=\"All\")"),
    ({"max_runs": "3"}, "spec.maxRuns: must be a whole number, not '3'; write max_runs=3"),
    ({"args": [1]}, 'spec.args: must be an object, not [1]; write it like args={"region": "eu"}'),
    ({"schedule": 900.0}, "spec.schedule: is 900.0, which is no cron expression; write a cron expression, like"),
    ({"schedules": "* * * * *"}, "spec.schedules: must be a list, not '* * * * *'; write schedules=["),
    ({"retry": {"limit": -1}}, "spec.retry.limit: -1 is too small; write"),
    # Within an argument: by the path that Python has to it, and the nearest field that there is.
    ({"retry": {"limt": 3}}, 'CronTask sync: retry["limt"]: there is no such field; write "limit"'),
    ({"retry": {"jitter_percent": 3}}, 'retry["jitter_percent"]: there is no such field; write "jitterPercent"'),
    ({"catch_up": {"limits": 3}}, 'catch_up["limits"]: there is no such field; write "limit"'),
    ({"retry": {"zzz": 3}}, 'retry["zzz"]: there is no such field; remove it, or write a field that this version does'),
    ({"skip": [{"frm": "2026-01-01"}]}, 'CronTask sync: skip[0]["frm"]: there is no such field; write "fr'),
    (
        {"expect": {"finish_within": "1h"}},
        'CronTask sync: expect["finish_within"]: there is no such field; write',
    ),
    (
        {"handler": {"contaner": {"image": "i"}}},
        'CronTask sync: handler["contaner"]: there is no such field; write',
    ),
    ({"handler": {"for_each": {}}}, 'CronTask sync: handler["for_each"]: there is no such field; write "forEach"'),
    (
        {"handler": {"steps": [{"name": "a", **IMAGE, "retry": {"limt": 1}}]}},
        'CronTask sync: handler["steps"][0]["retry"]["limt"]: there is no such field; write "limit"',
    ),
    (
        {"handler": {"http": {"url": "https://a", "headers": [{"name": "a", "valueFrm": {}}]}}},
        'handler["http"]["headers"][0]["valueFrm"]: there is no such field; write "valueFrom"',
    ),
    ({"handler": None}, "spec.handler: is missing; write one of image= (with command=), source= and url=, or handler="),
]


@pytest.mark.parametrize(("fields", "words"), AS_IN_PYTHON)
def test_what_is_wrong_is_said_in_python(fields: dict[str, Any], words: str) -> None:
    timing = {} if {"schedule", "schedules"} & {*fields} else {"schedule": "0 3 * * *"}
    with pytest.raises(errors.BadInput) as caught:
        made(**{"handler": IMAGE, **timing, **fields})
    assert words in str(caught.value)


def test_a_field_that_has_another_name_is_not_said_to_be_missing_as_well() -> None:
    with pytest.raises(errors.InvalidTask) as caught:
        made(handler={"contaner": {"image": "i"}}, after={"tsk": "x"}, retry={"limit": -1})
    assert [(problem.path, problem.fix.partition(" ")[0]) for problem in caught.value.problems] == [
        ('handler["contaner"]', "write"),
        ('after["tsk"]', "write"),
        ("spec.retry.limit", "write"),
    ]


def test_a_newer_field_of_a_manifest_and_of_spec_is_for_the_api_server_to_judge() -> None:
    newer = {"handler": IMAGE, "schedule": "0 3 * * *", "retry": {"newer": 3}}
    task = {"metadata": {"name": "a"}, "spec": newer}
    assert manifest(task, None, {}, (None, "shop"), on_demand=False)["spec"]["retry"] == {"newer": 3}
    assert manifest("a", newer, {}, (None, "shop"), on_demand=False)["spec"]["retry"] == {"newer": 3}
    # Where something else is wrong it may be why.
    with pytest.raises(errors.InvalidTask, match=r"spec\.retry\.newer: there is no such field; remove it"):
        manifest("a", {**newer, "timeout": "soon"}, {}, (None, "shop"), on_demand=False)


def test_a_manifest_is_told_in_yaml() -> None:
    task = {"metadata": {"name": "a"}, "spec": {"handler": IMAGE, "schedule": "0 3 * * *", "retry": 3}}
    with pytest.raises(errors.InvalidTask, match=r"write retry: \{limit: 3\}"):
        manifest(task, None, {}, (None, "shop"), on_demand=False)
