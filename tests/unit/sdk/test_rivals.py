"""Fields of which one alone can be set: as the API has them, and who has set another than ours."""

from typing import Any

import pytest

from crontask.api.handler import Handler
from crontask.api.validate import TIMINGS
from crontask.sdk.rivals import BESIDE, GROUPS, Path, replacing, rivals, without_manager


def test_the_groups_are_those_of_the_api() -> None:
    assert GROUPS["spec",] == TIMINGS
    fields = {field.alias or name for name, field in Handler.model_fields.items()}
    beside = {name for names in BESIDE.values() for name in names}
    assert fields == {*GROUPS["spec", "handler"], *beside, "pod"}


def found(operation: str, manager: str, **spec: Any) -> dict[str, Any]:
    def fields(value: Any) -> dict[str, Any]:
        return {f"f:{key}": fields(inner) for key, inner in value.items()} if isinstance(value, dict) else {}

    entry = {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": fields(spec)}}
    return {"metadata": {"resourceVersion": "7", "managedFields": [{"manager": "operator"}, entry]}, "spec": spec}


WANTED = {"spec": {"schedule": "0 3 * * *", "handler": {"container": {"image": "a"}}}}


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        (found("Update", "ops", interval="1h"), {("spec", "interval"): "ops"}),
        (found("Apply", "ours", interval="1h"), {}),
        (found("Update", "ours", interval="1h"), {("spec", "interval"): "ours, by update()"}),
        (found("Update", "ops", schedule="1 1 * * *", timeZone="UTC"), {}),
        (found("Apply", "ops", handler={"http": {"url": "x"}}), {("spec", "handler", "http"): "ops"}),
        (
            found("Update", "ops", handler={"steps": [], "maxParallel": 2}),
            {("spec", "handler", "steps"): "ops", ("spec", "handler", "maxParallel"): "ops"},
        ),
    ],
)
def test_who_has_set_another(there: dict[str, Any], wanted: dict[Path, str]) -> None:
    assert rivals(WANTED, there, "ours") == wanted


def test_the_patch_sets_ours_in_their_place() -> None:
    there = found("Update", "ops", interval="1h")
    assert replacing(WANTED, there, {("spec", "interval"): "ops"}) == [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "remove", "path": "/spec/interval"},
        {"op": "add", "path": "/spec/schedule", "value": "0 3 * * *"},
    ]
    assert without_manager(there, "nobody") is None
    assert without_manager(there, "ops") == [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "replace", "path": "/metadata/managedFields", "value": [{"manager": "operator"}]},
    ]
