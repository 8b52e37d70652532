"""Args as they are given on the command line: by the schema, nested, from files; and what is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontask.cli.given_args import BadArgsError, doubts, given_args, unknown_keys

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "days": {"type": "integer"},
        "rate": {"type": "number"},
        "full": {"type": "boolean"},
        "region": {"type": "string"},
        "until": {"type": ["string", "null"]},
        "some": {"type": ["integer", "boolean"]},
        "tags": {"type": "array"},
        "any": {},
        "mail": {"$ref": "#/$defs/mail"},
        "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
        "circle": {"$ref": "#/properties/circle"},
    },
    "$defs": {"mail": {"type": "object", "properties": {"to": {"type": "string"}, "copies": {"type": "integer"}}}},
}


@pytest.mark.parametrize(
    ("written", "schema", "wanted"),
    [
        ("days=3", None, {"days": 3}),
        ("days=3", SCHEMA, {"days": 3}),
        ("days=-1", SCHEMA, {"days": -1}),
        ("rate=1e3", SCHEMA, {"rate": 1000.0}),
        ("full=true", SCHEMA, {"full": True}),
        ("full=true", None, {"full": True}),
        ("region=7", SCHEMA, {"region": "7"}),
        ("region=true", SCHEMA, {"region": "true"}),
        ("region=", SCHEMA, {"region": ""}),
        ("region=a=b", SCHEMA, {"region": "a=b"}),
        ("region=eu", None, {"region": "eu"}),
        ("region=NaN", None, {"region": "NaN"}),
        ("until=null", SCHEMA, {"until": None}),
        ("until=1", SCHEMA, {"until": "1"}),
        ("some=1", SCHEMA, {"some": 1}),
        ("some=false", SCHEMA, {"some": False}),
        ("tags=[1, 2]", SCHEMA, {"tags": [1, 2]}),
        ("tags=[1, 2]", None, {"tags": "[1, 2]"}),
        ("any=[1]", SCHEMA, {"any": "[1]"}),
        ("any=1", SCHEMA, {"any": 1}),
        ("mail.to=1", SCHEMA, {"mail": {"to": "1", "cc": "b"}}),
        ("mail.copies=1", SCHEMA, {"mail": {"to": "a", "cc": "b", "copies": 1}}),
        ("limits.cpu=1", SCHEMA, {"limits": {"cpu": 1}}),
        ("circle=1", SCHEMA, {"circle": 1}),
        (r"a\.b.c=1", None, {"a.b": {"c": 1}}),
    ],
)
def test_a_value_is_what_the_schema_says(written: str, schema: dict[str, Any] | None, wanted: dict[str, Any]) -> None:
    own = {"days": 9, "mail": {"to": "a", "cc": "b"}}
    assert given_args([written], [], {}, own, schema) == wanted
    assert own == {"days": 9, "mail": {"to": "a", "cc": "b"}}


def test_what_is_written_last_counts_and_text_stays_text() -> None:
    assert given_args(["a.b=1", "a.c=2"], ["a.c=3"], {"a": {"d": 0}, "e": 1}, {}, None) == {
        "a": {"b": 1, "c": "3", "d": 0},
        "e": 1,
    }


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("days=x", "--set days: 'x' is not a whole number, as argsSchema asks for"),
        ("days=1.5", "--set days: '1.5' is not a whole number"),
        ("days=true", "--set days: 'true' is not a whole number"),
        ("full=yes", "--set full: 'yes' is not true or false"),
        ("some=x", "'x' is not a whole number or true or false"),
        ("tags=a", 'is not a list, like ["a"]'),
        ("days", "--set 'days': write PATH=VALUE, like days=3"),
        ("=1", "write PATH=VALUE"),
        ("a..b=1", "write PATH=VALUE"),
        ("days.x=1", "--set days.x=1: days is 9, and has nothing below it"),
    ],
)
def test_what_cannot_be_meant_is_refused(written: str, said: str) -> None:
    with pytest.raises(BadArgsError) as caught:
        given_args([written], [], {}, {"days": 9}, SCHEMA)
    assert said in str(caught.value)


def test_unknown_keys_name_the_nearest() -> None:
    assert list(
        unknown_keys({"dayz": 1, "zzzzzz": 2, "days": 3}, {**SCHEMA, "properties": {"days": {}, "full": {}}})
    ) == [
        "args.dayz is not one of the task's args; did you mean days?",
        "args.zzzzzz is not one of the task's args; there are days, full",
    ]
    assert list(unknown_keys({"dayz": 1}, {**SCHEMA, "additionalProperties": True})) == []
    assert list(unknown_keys({"dayz": 1}, None)) == []
    assert list(doubts({"dayz": 1, "days": 2, "zzzzzz": 3}, {"days": 1}, None)) == [
        "args has no dayz in this task; did you mean days?"
    ]


@given(st.text(max_size=12), st.sampled_from([None, SCHEMA]), st.dictionaries(st.text(max_size=3), st.integers()))
def test_any_text_is_args_or_refused(written: str, schema: dict[str, Any] | None, own: dict[str, Any]) -> None:
    try:
        args = given_args([written], [written], {}, own, schema)
    except BadArgsError as error:
        assert str(error)
    else:
        assert "=" in written
        assert len(args) == 1
