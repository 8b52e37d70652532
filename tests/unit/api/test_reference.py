"""References: what is one, what it names, and what is said of what is none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontask.api.problem import Problem
from crontask.api.reference import Found, MissingError, Reference, parse_reference, references_in, resolve, value_at
from crontask.cli.yaml_reader import yaml_documents

ARGS: dict[str, Any] = {"a": [1, {"b": None}], "c d": {"e": "${args.a}"}, "empty": {}, "n": 3}


def lookup(reference: Reference, has_default: bool) -> Any:
    return value_at(ARGS, reference)


@pytest.mark.parametrize(
    ("text", "root", "path"),
    [
        ("${args}", "args", ()),
        ("${args.a}", "args", ("a",)),
        ("${steps.fetch-all.result.rows[0].id}", "steps", ("fetch-all", "result", "rows", 0, "id")),
        ('${args["a b"].c}', "args", ("a b", "c")),
        (r'${args["say \"hi\""]}', "args", ('say "hi"',)),
        ("${args.a_1[12][0]}", "args", ("a_1", 12, 0)),
        ("${args.0}", "args", ("0",)),
    ],
)
def test_what_is_a_reference(text: str, root: str, path: tuple[str | int, ...]) -> None:
    reference = parse_reference(text)
    assert reference == Reference(root, path)
    assert parse_reference(f"${{{reference}}}") == reference


@pytest.mark.parametrize(
    "text",
    [
        *("", "args.a", "${}", "${args.}", "${.a}", "${args a}", "${args.a} ", "x${args.a}", "${args[-1]}"),
        *("${args[a]}", r'${args["\q"]}', '${args["a\nb"]}'),
    ],
)
def test_what_is_none(text: str) -> None:
    assert parse_reference(text) is None


@given(st.lists(st.one_of(st.text(min_size=1), st.integers(0, 10**9 - 1))))
def test_every_path_can_be_written_and_read(path: list[str | int]) -> None:
    reference = Reference("args", tuple(path))
    assert parse_reference(f"${{{reference}}}") == reference


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("${args.n}", 3),
        ("$${args.n}", "${args.n}"),
        ("a $${b} $$", "a ${b} $$"),
        ({"x": ["${args.a[0]}", True]}, {"x": [1, True]}),
        # What it names keeps its type, and is not read again.
        ("${args.a[1].b}", None),
        ('${args["c d"].e}', "${args.a}"),
        ({"$ref": "${args.gone}", "default": [0]}, [0]),
        ({"$ref": "${args.n}", "default": 0}, 3),
        # Null is a value.
        ({"$ref": "${args.a[1].b}", "default": 7}, None),
    ],
)
def test_what_comes_of_a_value(value: Any, wanted: Any) -> None:
    assert resolve(value, lookup) == wanted


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("${args.b}", "args.b is missing: args has the keys a, c d, empty, n"),
        ("${args.a[2]}", "args.a[2] is missing: args.a is a list of 2"),
        ("${args.a.x}", "args.a.x is missing: args.a is a list, which has no keys"),
        ("${args.n.x}", "args.n.x is missing: args.n is 3"),
        ("${args.empty.x}", "args.empty.x is missing: args.empty is an empty object"),
        ("${args.a[1].b.c}", "args.a[1].b.c is missing: args.a[1].b is null"),
        ('${args.empty["größe"]}', 'args.empty["größe"] is missing: args.empty is an empty object'),
        (r'${args.empty["\ud800"]}', r'args.empty["\ud800"] is missing: args.empty is an empty object'),
    ],
)
def test_what_is_missing_says_how_far_it_goes_and_what_there_is(reference: str, words: str) -> None:
    with pytest.raises(MissingError) as caught:
        resolve(reference, lookup)
    assert str(caught.value) == words


WHOLE = "write the whole string as one reference, or build it in the handler; $${ stands for a literal ${"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": ["x ${args.b}"]}, f"p.a[0]: 'x ${{args.b}}' has a reference in a part of a string; {WHOLE}"),
        ("${args b}", "p: '${args b}' is not a reference; write a path like"),
        ({"$ref": "${args.b}"}, 'p: has $ref, but is not a reference with a default; write {"$ref": "${…}"'),
        ({"$ref": "${args.b", "default": 1}, "p.$ref: '${args.b' is not a reference: its } is missing; write"),
        ({"$ref": "args.b", "default": 1}, "p.$ref: 'args.b' is not a reference; write a path"),
        ({"$ref": 1, "default": 1}, "p.$ref: 1 is not a reference; write a path"),
    ],
)
def test_what_is_meant_as_a_reference_and_is_none(value: Any, said: str) -> None:
    (problem,) = references_in(value, "p")
    assert isinstance(problem, Problem)
    assert str(problem)[: len(said)] == said


BLANK = ": it has a blank in it"


@pytest.mark.parametrize(
    ("text", "why", "better"),
    [
        ("${args.a", ": its } is missing", '"${args.a}"'),
        ("${steps.fetch.result.rows[0]", ": its } is missing", '"${steps.fetch.result.rows[0]}"'),
        ("${ args.a }", BLANK, '"${args.a}"'),
        ("${args .a}", BLANK, '"${args.a}"'),
        ("${steps.a.result [0]}", BLANK, '"${steps.a.result[0]}"'),
        # A folded text ends with a line break.
        ("${args.a}\n", "", '"${args.a}"'),
        (" ${args.a}", "", '"${args.a}"'),
        ("${args.a}}", "", '"${args.a}"'),
        ("${args['a b'].c}", BLANK, """'${args["a b"].c}'"""),
        ("${args[a]}", "", '"${args.a}"'),
        ("${args?.a}", "", '"${args.a}"'),
        # A default.
        ("${args.a || 3}", BLANK, '{"$ref": "${args.a}", "default": 3}'),
        ("${args.a:-x}", "", '{"$ref": "${args.a}", "default": "x"}'),
        ("${args.a ?? []}", BLANK, '{"$ref": "${args.a}", "default": []}'),
        ("${args.a | default('x')}", BLANK, '{"$ref": "${args.a}", "default": "x"}'),
        # As others have it.
        ("${{ steps.a.outputs.id }}", BLANK, '"${steps.a.result.id}"'),
        ("${{steps.a.outputs.parameters.id}}", "", '"${steps.a.result.id}"'),
        ("${{tasks.a.status}}", "", '"${steps.a.phase}"'),
        ("${ inputs.parameters.region }", BLANK, '"${args.region}"'),
        ("${ workflow.name }", BLANK, '"${run.name}"'),
    ],
)
def test_what_is_nearly_a_reference_is_answered_with_it(text: str, why: str, better: str) -> None:
    (problem,) = references_in({"x": text}, "p")
    assert isinstance(problem, Problem)
    assert problem == Problem("p.x", f"{text!r} is not a reference{why}", f"write {better}")
    (found,) = references_in(next(yaml_documents(f"x: {better}")).value, "p")
    assert isinstance(found, Found)


@pytest.mark.parametrize(
    "text",
    ["${args.a}${args.b}", "${args.a} and more", "${args[*]}", "${args.a + 1}", "${HOME", "${ secrets.a }", "${"],
)
def test_what_nobody_can_guess_is_not_guessed(text: str) -> None:
    (problem,) = references_in(text, "p")
    assert isinstance(problem, Problem)
    assert problem.fix.startswith(("write the whole string", "write a path like"))


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("${steps.a.result.rows.0}", '"${steps.a.result.rows[0]}"'),
        ("${steps.a.result.0.12.id}", '"${steps.a.result[0][12].id}"'),
        ("${args.0}", '"${args[0]}"'),
    ],
)
def test_a_number_as_a_key_is_an_item_of_a_list_to_others(text: str, better: str) -> None:
    for value, path in ((text, "p"), ({"$ref": text, "default": 1}, "p.$ref")):
        (problem,) = references_in(value, "p")
        fix = f'write {better}; a key of digits is written ["0"]'
        assert problem == Problem(path, f"{text!r} has a number as a key", fix)
    assert [type(found) for found in references_in('${args["0"]["1.0"].a0}', "p")] == [Found]


def test_the_references_of_a_value_with_their_places() -> None:
    value = {"a": ["${args.b}", "$${no}", 3], "b": {"$ref": "${run.name}", "default": 1}}
    assert list(references_in(value, "p")) == [
        Found("p.a[0]", Reference("args", ("b",))),
        Found("p.b", Reference("run", ("name",)), has_default=True),
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(json_values)
def test_no_value_is_too_odd_to_be_looked_at(value: Any) -> None:
    found = list(references_in(value, "p"))
    if not found:
        unescaped = json.loads(json.dumps(value).replace("$${", "${"))
        assert resolve(value, lookup) == unescaped
