"""From a spec as it was and as it should be to the patch, as a table."""

from datetime import timedelta
from typing import Any

import pytest

from crontask import errors
from crontask.sdk.patching import spec_patch

AT = {"metadata": {"resourceVersion": "7"}}
VERSION = {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}


def whole(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [VERSION, {"op": "replace", "path": "/spec", "value": spec}]


ROWS: list[tuple[str, dict[str, Any], dict[str, Any], Any]] = [
    ("nothing", {"a": {"b": [1]}}, {"a": {"b": [1]}}, None),
    ("None where nothing was", {"a": 1}, {"a": 1, "b": None}, None),
    ("a value", {"a": 1, "b": 2}, {"a": 3, "b": 2}, {**AT, "spec": {"a": 3}}),
    ("one more", {}, {"a": {"b": 1}}, {**AT, "spec": {"a": {"b": 1}}}),
    ("one less", {"a": 1, "b": 2}, {"b": 2}, {**AT, "spec": {"a": None}}),
    ("None is one less", {"a": 1, "b": 2}, {"a": None, "b": 2}, {**AT, "spec": {"a": None}}),
    ("within", {"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {**AT, "spec": {"a": {"c": None}}}),
    ("a list as a whole", {"a": [1, 2]}, {"a": [1]}, {**AT, "spec": {"a": [1]}}),
    ("true is no 1", {"a": 1}, {"a": True}, {**AT, "spec": {"a": True}}),
    ("true is no 1 in a list", {"a": [{"b": 1}]}, {"a": [{"b": True}]}, {**AT, "spec": {"a": [{"b": True}]}}),
    ("a value of Python", {}, {"timeout": timedelta(minutes=5)}, {**AT, "spec": {"timeout": "5m"}}),
    ("another shape", {"a": {"b": 1}}, {"a": [1]}, {**AT, "spec": {"a": [1]}}),
    ("None as a value", {"args": {}}, {"args": {"x": None}}, whole({"args": {"x": None}})),
    ("a value that becomes None", {"args": {"x": 1}}, {"args": {"x": None}}, whole({"args": {"x": None}})),
    ("None in a list", {"args": {}}, {"args": {"x": [None]}}, whole({"args": {"x": [None]}})),
    (
        "None that was there, beside what changes",
        {"args": {"x": None, "y": 1}},
        {"args": {"x": None, "y": 2}},
        {**AT, "spec": {"args": {"y": 2}}},
    ),
    ("a fraction that was there", {"novelty": 0.5, "a": 1}, {"novelty": 0.5, "a": 2}, {**AT, "spec": {"a": 2}}),
    ("a fraction in args", {}, {"args": {"x": 0.5}}, {**AT, "spec": {"args": {"x": 0.5}}}),
]


@pytest.mark.parametrize(("name", "before", "after", "wanted"), ROWS, ids=[row[0] for row in ROWS])
def test_the_patch(name: str, before: dict[str, Any], after: dict[str, Any], wanted: Any) -> None:
    assert spec_patch(before, after, "7") == wanted


@pytest.mark.parametrize("after", [{"maxRuns": 1.5}, {"timeout": timedelta(seconds=0.5)}, {"args": {"x": {1}}}])
def test_what_is_no_value_is_refused(after: dict[str, Any]) -> None:
    with pytest.raises(errors.BadInput):
        spec_patch({}, after, "7")
