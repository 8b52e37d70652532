"""Schemas that can be used, those that cannot and why, and what does not fit."""

from itertools import pairwise
from typing import Any

import pytest

from crontask.api.json_schema import MOST_PARTS, SchemaError, check_schema, misfits

REGION = {"type": "object", "properties": {"region": {"enum": ["eu", "us"]}}, "required": ["region"]}


def _refers(*names: str, **more: Any) -> dict[str, Any]:
    return {"allOf": [{"$ref": f"#/$defs/{name}"} for name in names], **more}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        REGION,
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/args", **REGION},
        {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {}}, "$ref": "#/definitions/a"},
        _refers("a/properties/b", "c~0d~1e", **{"$defs": {"a": {"properties": {"b": {}}}, "c~d/e": {}}}),
        {"properties": {"$ref": {"type": "string"}, "$id": {"type": "string"}}},
        {"pattern": "^[a-z]+$", "format": "email"},
    ],
)
def test_a_schema_that_can_be_used(schema: dict[str, Any]) -> None:
    check_schema(schema)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "strin"}, '.type: "strin" is not valid'),
        ({"properties": {"a": {"minimum": "3"}}}, '.properties.a.minimum: "3" is not of type "number"'),
        ({"pattern": "("}, '.pattern: "(" is not a "regex"'),
        ({"pattern": "(?=a)"}, ".pattern: "),
        ({"$schema": "https://example.com/mine"}, "Unknown meta-schema"),
        ({"$ref": "https://example.com/a.json"}, "leads elsewhere; write it under $defs"),
        ({"$ref": "file:///etc/passwd"}, "leads elsewhere; write it under $defs"),
        ({"$ref": "#"}, "leads elsewhere; write it under $defs"),
        ({"$ref": "#/$defs/none"}, "$ref #/$defs/none leads nowhere"),
        ({"$dynamicRef": "#a"}, "$dynamicRef is not served"),
        ({"$defs": {"a": {"$id": "https://example.com/a"}}}, "$id inside a schema is not served"),
        (_refers("a", **{"$defs": {"a": _refers("b"), "b": {"items": _refers("a")}}}), "leads back to itself"),
    ],
)
def test_a_schema_that_cannot_be_used_says_where_and_why(schema: dict[str, Any], words: str) -> None:
    with pytest.raises(SchemaError) as refused:
        check_schema(schema)
    assert words in str(refused.value)


def test_a_cascade_of_references_is_counted_before_anything_is_checked() -> None:
    names = [f"d{level}" for level in range(20)]
    definitions: dict[str, Any] = {name: _refers(following, following) for name, following in pairwise(names)}
    definitions[names[-1]] = {"type": "string"}
    with pytest.raises(SchemaError, match=f"more than {MOST_PARTS} parts"):
        check_schema(_refers(names[0], **{"$defs": definitions}))


def test_a_schema_that_is_nested_too_deeply_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(120):
        schema = {"not": schema}
    with pytest.raises(SchemaError, match="levels deep"):
        check_schema(schema)


@pytest.mark.parametrize(
    ("schema", "value", "wanted"),
    [
        (REGION, {"region": "eu"}, ()),
        (REGION, {}, (("", '"region" is a required property'),)),
        (REGION, {"region": "moon"}, ((".region", '"moon" is not one of "eu" or "us"'),)),
        (REGION, None, (("", 'null is not of type "object"'),)),
        ({"items": {"minimum": 1}}, [1, 0], (("[1]", "0 is less than the minimum of 1"),)),
        ({"format": "date-time"}, "2026-03-01T00:00:00Z", ()),
        ({"format": "date-time"}, "today", (("", '"today" is not a "date-time"'),)),
        ({"type": "integer", "maximum": 5}, 2**63 - 1, (("", f"{2**63 - 1} is greater than the maximum of 5"),)),
        ({"type": "string"}, 2**64 - 1, (("", f'{2**64 - 1} is not of type "string"'),)),
        ({"maximum": 5}, 1e300, (("", "1e+300 is greater than the maximum of 5"),)),
    ],
)
def test_what_does_not_fit(schema: dict[str, Any], value: Any, wanted: tuple[tuple[str, str], ...]) -> None:
    check_schema(schema)
    assert misfits(schema, value) == wanted


def test_only_the_first_few_misfits_are_told_and_none_at_length() -> None:
    found = misfits({"items": {"type": "string"}}, [[0] * 1000] * 10)
    assert [path for path, _ in found] == ["[0]", "[1]", "[2]"]
    assert all(len(message) <= 300 for _, message in found)


def test_a_pattern_takes_no_more_time_than_the_text_is_long() -> None:
    """Where a pattern is tried by backtracking, this does not end."""
    schema = {"pattern": "^(a+)+$"}
    check_schema(schema)
    assert misfits(schema, "a" * 50_000 + "b")
    assert not misfits(schema, "a" * 50_000)
