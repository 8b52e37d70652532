"""The generated CRDs: a text for every field, a bound on what CEL counts, the columns and rules of the contract."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from crd_rules import messages

from crontask.api.crd import cron_task_crd, render, scheduled_run_crd

Schema = dict[str, Any]
CRDS = [cron_task_crd(), scheduled_run_crd()]
# The API server gives these their texts.
STANDARD = {"apiVersion", "kind", "metadata"}


def _version(crd: Schema) -> Schema:
    versions = crd["spec"]["versions"]
    assert len(versions) == 1
    return dict(versions[0])


def _root(crd: Schema) -> Schema:
    return dict(_version(crd)["schema"]["openAPIV3Schema"])


def _nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema below the root, with its path."""
    for name, inner in schema.get("properties", {}).items():
        if path or name not in STANDARD:
            yield f"{path}.{name}", inner
            yield from _nodes(inner, f"{path}.{name}")
    if "items" in schema:
        yield f"{path}[]", schema["items"]
        yield from _nodes(schema["items"], f"{path}[]")


@pytest.fixture(params=CRDS, ids=lambda crd: crd["spec"]["names"]["kind"])
def crd(request: pytest.FixtureRequest) -> Schema:
    return dict(request.param)


def test_each_field_has_a_text(crd: Schema) -> None:
    missing = [path for path, node in _nodes(_root(crd)) if not path.endswith("[]") and not node.get("description")]
    assert missing == []


def test_a_schema_is_structural_and_bounded(crd: Schema) -> None:
    for path, node in _nodes(_root(crd)):
        assert not {"$ref", "anyOf", "allOf", "oneOf", "title", "const", "nullable"} & set(node), path
        any_type = {"x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"}
        assert node.get("type") or any_type & set(node), path
        # In a CRD these are flags beside a bound, not bounds of their own.
        assert not {"exclusiveMinimum", "exclusiveMaximum"} & set(node), path
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if node.get("type") == "string":
            assert {"maxLength", "enum", "format"} & set(node), path
        if node.get("type") == "integer":
            assert node["format"] == "int64", path


def test_each_message_says_what_to_write_instead(crd: Schema) -> None:
    root = _root(crd)
    nodes = [("", root), *_nodes(root)]
    rules = [rule for _, node in nodes for rule in node.get("x-kubernetes-validations", [])]
    assert rules
    assert [words for rule in rules for words in messages(rule) if "; " not in words] == []


def test_the_status_is_one_value_to_the_api_server(crd: Schema) -> None:
    """It is written by one alone, and a list of who set which field of it would be a third of the object."""
    assert _root(crd)["properties"]["status"]["x-kubernetes-map-type"] == "atomic"


def test_each_file_is_small() -> None:
    assert {name: len(text) for name, text in render().items() if len(text) > 400_000} == {}


def test_the_columns_of_a_task() -> None:
    columns = _version(cron_task_crd())["additionalPrinterColumns"]
    assert [c["name"].upper() for c in columns if "priority" not in c] == [
        *("SCHEDULE", "STATUS", "ACTIVE", "LAST-RESULT", "LAST-RUN", "NEXT-RUN", "AGE"),
    ]
    assert [c["name"].upper() for c in columns if c.get("priority") == 1] == [
        *("TIMEZONE", "SUCCEEDED", "FAILED", "SKIPPED", "MISSED", "OVERDUE", "REASON"),
    ]


def test_the_columns_of_a_run() -> None:
    columns = _version(scheduled_run_crd())["additionalPrinterColumns"]
    assert [c["name"].upper() for c in columns if "priority" not in c] == [
        *("TASK", "PHASE", "SCHEDULED", "STARTED", "DURATION", "ATTEMPTS", "PROGRESS", "AGE"),
    ]
    assert [c["name"].upper() for c in columns if c.get("priority") == 1] == ["PART-OF", "POD", "MESSAGE", "RESULT"]


def _alternatives(path: str) -> tuple[str, list[str]]:
    begin, union, rest = path.partition("['")
    if not union:
        begin, _, name = path.rpartition(".")
        return begin, [name]
    assert rest.endswith("']")
    return begin, rest[:-2].split("','")


def test_what_a_column_or_a_selector_reads_exists(crd: Schema) -> None:
    version = _version(crd)
    paths = {path for path, _ in _nodes(_root(crd))}
    read = [c["jsonPath"] for c in version["additionalPrinterColumns"]] + [
        field["jsonPath"] for field in version["selectableFields"]
    ]
    # A column may read the first that is there of several.
    either = [f"{begin}.{name}" for begin, names in map(_alternatives, read) for name in names]
    for path in either:
        plain = re.sub(r'\[\?\(@\.type=="(Ready|Overdue)"\)\]', "[]", path.replace("[-1:]", "[]"))
        assert plain in paths or plain == ".metadata.creationTimestamp", path
    assert len(version["selectableFields"]) <= 8


def test_a_delete_of_everything_leaves_tasks_alone(crd: Schema) -> None:
    assert "categories" not in crd["spec"]["names"]
    assert _version(crd)["subresources"] == {"status": {}}


def test_a_time_to_come_is_no_date_column(crd: Schema) -> None:
    columns = {c["name"]: c["type"] for c in _version(crd)["additionalPrinterColumns"]}
    assert {columns[name] for name in ("Next-Run", "Scheduled") if name in columns} == {"string"}
