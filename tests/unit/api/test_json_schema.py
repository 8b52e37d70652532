"""Schemas that can be used, those that cannot and why, and what does not fit."""

from itertools import pairwise
from typing import Any

import pytest
from jsonschema_rs import ValidationErrorKind

from crontask.api.json_schema import MOST_PARTS, SchemaError, check_schema, violations
from crontask.api.violation import ASKED, WHOLE

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
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
        ({"type": "strin"}, '.type: must be array, boolean, integer, "null", number, object or string or a list, not'),
        ({"properties": {"a": {"minimum": "3"}}}, ".properties.a.minimum: must be a number, not '3'"),
        ({"required": "a", "enum": 5}, ".enum: must be a list, not 5; .required: must be a list, not 'a'"),
        ({"pattern": "("}, ".pattern: must be a regular expression, without look-around and back-references, not '('"),
        ({"pattern": "(?=a)"}, ".pattern: "),
        ({"$schema": "https://example.com/mine"}, "is not a draft of JSON Schema; write https://json-schema.org/"),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "minimum": "3"}, ".minimum: must be a number, not '3'"),
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
        (REGION, {}, ((".region", "is missing"),)),
        (REGION, {"region": "moon"}, ((".region", "must be eu or us, not 'moon'"),)),
        (REGION, None, (("", "must be an object, not null"),)),
        ({"items": {"minimum": 1}}, [1, 0], (("[1]", "must be at least 1, not 0"),)),
        ({"format": "date-time"}, "2026-03-01T00:00:00Z", ()),
        ({"format": "date-time"}, "today", (("", "must be a valid date-time, not 'today'"),)),
        ({"type": "integer", "maximum": 5}, 2**63 - 1, (("", f"must be at most 5, not {2**63 - 1}"),)),
        ({"type": "string"}, 2**64 - 1, (("", f"must be a string, not {2**64 - 1}"),)),
        ({"maximum": 5}, 1e300, (("", "must be at most 5, not 1e+300"),)),
    ],
)
def test_what_does_not_fit(schema: dict[str, Any], value: Any, wanted: tuple[tuple[str, str], ...]) -> None:
    check_schema(schema)
    assert violations(schema, value) == wanted


def test_only_the_first_few_violations_are_told_and_none_at_length() -> None:
    found = violations({"items": {"type": "string"}}, [[0] * 1000] * 10)
    assert [path for path, _ in found] == ["[0]", "[1]", "[2]"]
    assert all(len(message) <= 300 for _, message in found)


def test_a_pattern_takes_no_more_time_than_the_text_is_long() -> None:
    """Where a pattern is tried by backtracking, this does not end."""
    schema = {"pattern": "^(a+)+$"}
    check_schema(schema)
    assert violations(schema, "a" * 50_000 + "b")
    assert not violations(schema, "a" * 50_000)


# One schema and one value of each kind of violation that can be brought about, and what is said of it.
KINDS: dict[str, tuple[Any, Any, tuple[str, str]]] = {
    "AdditionalItems": (
        {"$schema": DRAFT_7, "items": [{}], "additionalItems": False},
        [1, 2],
        ("", "must have at most 1 item, not [1, 2]"),
    ),
    "AdditionalProperties": (
        {"properties": {"a": {}}, "additionalProperties": False},
        {"b": 1},
        (".b", "is not a field of the schema"),
    ),
    "AnyOf": ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 5, ("", "must be a string or null, not 5")),
    "Constant": ({"const": "a"}, 5, ("", "must be a, not 5")),
    "ContentEncoding": (
        {"$schema": DRAFT_7, "contentEncoding": "base64"},
        "%%",
        ("", "must be encoded as base64, not '%%'"),
    ),
    "ContentMediaType": (
        {"$schema": DRAFT_7, "contentMediaType": "application/json"},
        "{",
        ("", "must be application/json, not '{'"),
    ),
    "Contains": ({"contains": {"type": "string"}}, [1], ("", "must have an item as its schema asks for, not [1]")),
    "Enum": ({"enum": ["a", 1]}, "b", ("", "must be a or 1, not 'b'")),
    "ExclusiveMaximum": ({"exclusiveMaximum": 3}, 3, ("", "must be less than 3, not 3")),
    "ExclusiveMinimum": ({"exclusiveMinimum": 3}, 3, ("", "must be more than 3, not 3")),
    "FalseSchema": ({"properties": {"a": False}}, {"a": 1}, (".a", "must not be there")),
    "Format": ({"format": "date"}, "today", ("", "must be a valid date, not 'today'")),
    "MaxItems": ({"maxItems": 1}, [1, 2], ("", "must have at most 1 item, not [1, 2]")),
    "MaxLength": ({"maxLength": 2}, "abc", ("", "must have at most 2 characters, not 'abc'")),
    "MaxProperties": ({"maxProperties": 0}, {"a": 1}, ("", "must have at most 0 fields, not {a: 1}")),
    "Maximum": ({"maximum": 3}, 4, ("", "must be at most 3, not 4")),
    "MinItems": ({"minItems": 2}, [1], ("", "must have at least 2 items, not [1]")),
    "MinLength": ({"minLength": 2}, "a", ("", "must have at least 2 characters, not 'a'")),
    "MinProperties": ({"minProperties": 1}, {}, ("", "must have at least 1 field, not {}")),
    "Minimum": ({"minimum": 3}, 2, ("", "must be at least 3, not 2")),
    "MultipleOf": ({"multipleOf": 2}, 3, ("", "must be a multiple of 2, not 3")),
    "Not": ({"not": {"type": "string"}}, "a", ("", "must be something that its schema does not exclude, not 'a'")),
    "OneOfMultipleValid": (
        {"oneOf": [{}, {"type": "integer"}]},
        5,
        ("", "must fit only one of the alternatives of its schema, not 5"),
    ),
    "OneOfNotValid": ({"oneOf": [{"type": "string"}, {"const": 1}]}, 5, ("", "must be a string or 1, not 5")),
    "Pattern": ({"pattern": "^a$"}, "b", ("", "must match the pattern ^a$, not 'b'")),
    "PropertyNames": (
        {"propertyNames": {"maxLength": 1}},
        {"ab": 1},
        ("", "must have names that have at most 1 character, not {ab: 1}"),
    ),
    "Required": ({"required": ["a"]}, {}, (".a", "is missing")),
    "Type": ({"type": ["string", "boolean"]}, 5, ("", "must be true or false or a string, not 5")),
    "UnevaluatedItems": (
        {"prefixItems": [{}], "unevaluatedItems": False},
        [1, 2],
        ("", "has items that the schema does not have"),
    ),
    "UnevaluatedProperties": ({"unevaluatedProperties": False}, {"a": 1}, (".a", "is not a field of the schema")),
    "UniqueItems": ({"uniqueItems": True}, [1, 1], ("", "must have each item only once, not [1, 1]")),
}
# None of these is brought about by a schema that check_schema takes.
NEVER = {"BacktrackLimitExceeded", "Custom", "FromUtf8", "Referencing", "RegexEngineFailure"}


def test_every_kind_of_violation_has_words() -> None:
    kinds = {name for name in vars(ValidationErrorKind) if name[0].isupper()}
    assert kinds == KINDS.keys() | NEVER
    assert kinds == ASKED.keys() | WHOLE.keys()


@pytest.mark.parametrize(("schema", "value", "wanted"), KINDS.values(), ids=KINDS)
def test_a_violation_is_told_in_words_of_our_own(schema: dict[str, Any], value: Any, wanted: tuple[str, str]) -> None:
    check_schema(schema)
    assert violations(schema, value) == (wanted,)
