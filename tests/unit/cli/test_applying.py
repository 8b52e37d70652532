"""What kubectl apply makes of an object and a manifest: rows of specs, with what was applied before."""

import json
from typing import Any

import pytest

from crontask.cli.applying import LAST_APPLIED, applied

Spec = dict[str, Any]


def live(spec: Spec, last: Spec | None = None, managers: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    annotations = {LAST_APPLIED: json.dumps({"spec": last})} if last is not None else {}
    return {"metadata": {"name": "a", "annotations": annotations, "managedFields": managers or []}, "spec": spec}


@pytest.mark.parametrize(
    ("there", "last", "written", "wanted"),
    [
        ({"schedule": "a"}, {"schedule": "a"}, {"schedule": "b"}, {"schedule": "b"}),
        # What is not written any more goes; what others have set, and defaults, stay.
        ({"schedule": "a", "jitter": "1m"}, {"schedule": "a", "jitter": "1m"}, {"schedule": "a"}, {"schedule": "a"}),
        ({"schedule": "a", "suspend": True}, {"schedule": "a"}, {"schedule": "b"}, {"schedule": "b", "suspend": True}),
        ({"suspend": True}, {}, {"suspend": False}, {"suspend": False}),
        # Nobody applied it before: nothing is known to have been written.
        ({"schedule": "a", "jitter": "1m"}, None, {"schedule": "b"}, {"schedule": "b", "jitter": "1m"}),
        # Objects within one another; lists are replaced.
        (
            {"history": {"failed": 1, "succeeded": 3}, "skip": [1, 2]},
            {"history": {"failed": 1}, "skip": [1, 2]},
            {"history": {"succeeded": 5}, "skip": [3]},
            {"history": {"succeeded": 5}, "skip": [3]},
        ),
        # Null stands for nothing.
        ({"jitter": "1m"}, {}, {"jitter": None}, {}),
        ({"history": 5}, {"history": {"failed": 1}}, {"history": {"failed": 2}}, {"history": {"failed": 2}}),
    ],
)
def test_a_spec_that_is_applied(there: Spec, last: Spec | None, written: Spec, wanted: Spec) -> None:
    assert applied(live(there, last), {"spec": written})["spec"] == wanted


def test_what_server_side_apply_recorded_is_what_was_applied() -> None:
    fields: Spec = {"f:spec": {"f:schedule": {}, "f:jitter": {}, "f:history": {"f:failed": {}, ".": {}}}}
    managers = [
        {"manager": "flux", "operation": "Apply", "fieldsV1": fields},
        {"manager": "someone", "operation": "Update", "fieldsV1": {"f:spec": {"f:suspend": {}}}},
        {"manager": "crontask-sdk/shop", "operation": "Apply", "fieldsV1": {"f:spec": {"f:timeout": {}}}},
    ]
    there = {
        "schedule": "a",
        "jitter": "1m",
        "history": {"failed": 1, "succeeded": 2},
        "suspend": True,
        "timeout": "1m",
    }
    wanted = {"schedule": "b", "history": {"succeeded": 2}, "suspend": True, "timeout": "1m"}
    written = {"schedule": "b", "history": {}}
    assert applied(live(there, managers=managers), {"spec": written})["spec"] == wanted


@pytest.mark.parametrize("record", ["", "no JSON", "[]", "5", '{"spec": 5}'])
def test_a_record_that_is_mangled_says_nothing(record: str) -> None:
    there = {"metadata": {"annotations": {LAST_APPLIED: record}}, "spec": {"a": 1}}
    assert applied(there, {"spec": {"b": 2}})["spec"] == {"a": 1, "b": 2}


def test_labels_and_annotations_are_applied_too() -> None:
    there = {"metadata": {"name": "a", "uid": "1", "labels": {"x": "1"}, "annotations": {"y": "1"}}, "spec": {}}
    written = {"metadata": {"name": "a", "labels": {"x": "2"}, "annotations": {"z": "1"}}, "spec": {}}
    metadata = applied(there, written)["metadata"]
    assert metadata == {"name": "a", "uid": "1", "labels": {"x": "2"}, "annotations": {"y": "1", "z": "1"}}
