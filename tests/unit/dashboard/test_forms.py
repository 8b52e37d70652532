"""The form of a run's args: which fields it has, and which args a filled one says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontask.dashboard.forms import BadFormError, args_of, run_form
from crontask.dashboard.plain import one_line

SCHEMA = {
    "type": "object",
    "required": ["days"],
    "properties": {
        "days": {"type": "integer", "minimum": 1, "maximum": 90, "description": "How many\ndays."},
        "region": {"enum": ["eu", "us"]},
        "dryRun": {"type": "boolean"},
        "note": {"type": "string"},
        "mail": {"type": "object"},
        "ratio": {"type": "number"},
    },
    "additionalProperties": False,
}


def task(schema: Any = SCHEMA, args: dict[str, Any] | None = None) -> dict[str, Any]:
    spec = {"argsSchema": schema, "args": args or {}}
    return {"metadata": {"name": "a", "namespace": "b"}, "spec": {k: v for k, v in spec.items() if v is not None}}


def test_a_field_for_each_property() -> None:
    form = run_form(task(args={"days": 3}))
    assert [(field.key, field.kind, field.value) for field in form.fields] == [
        ("days", "number", "3"),
        ("region", "choice", ""),
        ("dryRun", "switch", ""),
        ("note", "text", ""),
        ("mail", "json", ""),
        ("ratio", "number", ""),
    ]
    days = form.fields[0]
    assert (days.required, days.minimum, days.maximum, days.step, days.help) == (True, "1", "90", "1", "How many days.")
    assert form.fields[5].step == "any"


@pytest.mark.parametrize("schema", [None, {}, {"properties": []}, {"type": "object"}])
def test_without_properties_all_args_are_one_field(schema: Any) -> None:
    (field,) = run_form(task(schema, {"a": 1})).fields
    assert (field.kind, field.name) == ("json", "args")
    assert field.value == '{\n  "a": 1\n}'


@pytest.mark.parametrize(
    ("own", "form", "wanted"),
    [
        ({"days": 3}, {"arg.days": "3"}, {}),
        ({"days": 3}, {"arg.days": "5"}, {"days": 5}),
        (
            {"days": 3},
            {"arg.days": "5", "arg.region": "us", "arg.note": "12"},
            {"days": 5, "region": "us", "note": "12"},
        ),
        ({"days": 3}, {"arg.days": "3", "arg.dryRun": "true"}, {"dryRun": True}),
        # A switch that is off is not sent, as one that was left empty is not, unless the task has it on.
        ({"days": 3, "dryRun": True}, {"arg.days": "3"}, {"dryRun": False}),
        ({"days": 3, "note": "x"}, {"arg.days": "3", "arg.note": ""}, {"note": ""}),
        (
            {"days": 3},
            {"arg.days": "3", "arg.mail": '{"to": "a"}', "arg.ratio": "1.5"},
            {"mail": {"to": "a"}, "ratio": 1.5},
        ),
        ({"days": 3}, {"arg.days": "3", "arg.unknown": "1", "token": "x"}, {}),
    ],
)
def test_what_differs_is_sent(own: dict[str, Any], form: dict[str, str], wanted: dict[str, Any]) -> None:
    assert args_of(task(args=own), form) == wanted


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"arg.days": "0"}, "args.days: "),
        ({}, "days"),
        ({"arg.days": "many"}, "days: 'many' is not JSON; write"),
        ({"arg.days": "1", "arg.mail": "{nope"}, "mail: '{nope' is not JSON"),
        ({"arg.days": "NaN"}, "days: 'NaN' is not JSON"),
        ({"arg.days": "1", "arg.region": "mars"}, "args.region"),
        ({"arg.days": "1", "arg.mail": "[" * 5000}, "is not JSON"),
    ],
)
def test_what_cannot_be_meant_is_said(form: dict[str, str], said: str) -> None:
    with pytest.raises(BadFormError) as refused:
        args_of(task(), form)
    assert said in str(refused.value)


def test_without_a_schema_json() -> None:
    assert args_of(task(None, {"a": 1}), {"args": '{"a": 1, "b": [true]}'}) == {"b": [True]}
    assert args_of(task(None), {"args": "  "}) == {}
    with pytest.raises(BadFormError, match="must be one object"):
        args_of(task(None), {"args": "[1]"})


def test_what_was_written_stands_there_again() -> None:
    fields = run_form(task(args={"days": 3, "dryRun": True}), {"arg.days": "many", "draw": "x"}).fields
    assert (fields[0].value, fields[2].value) == ("many", "")


@pytest.mark.parametrize("key", ["a\u202eb", "a\nb", "a\x1b[1mb", " a", "ä", "a b", "a%b", "\ufeff"])
def test_the_name_of_an_arg_is_shown_plain_and_read_as_it_is(key: str) -> None:
    (field,) = run_form(task({"properties": {key: {"type": "string"}}})).fields
    for shown in (field.label, field.name):
        assert shown == one_line(shown)
    assert args_of(task({"properties": {key: {"type": "string"}}}), {field.name: "x"}) == {key: "x"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(st.text(max_size=8), _JSON, max_size=4), st.dictionaries(st.text(max_size=12), st.text(max_size=12))
)
def test_any_schema_and_any_form_are_args_or_refused(schema: dict[str, Any], form: dict[str, str]) -> None:
    try:
        assert isinstance(args_of(task({"properties": schema, **schema}), form), dict)
    except BadFormError as refused:
        assert str(refused)
