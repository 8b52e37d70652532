"""Every field and every rule on a real API server: what is refused, in which words, and that validate agrees.

The tables are in tests/support/field_cases.py: a field, a limit or a rule without a case fails here.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from admission import Admission, admission, problems
from crd_rules import messages
from field_cases import ANYTHING, FIELDS, INSIDE, ONLY_VALIDATE, RULES, UNQUOTED_ON, Rule, spec_with
from field_kinds import ABSENT, Edge, edges, limits, nodes, root_schema, spec_schema

from cluster.control_plane import ControlPlane
from crontask.api.validate import validate_name

KINDS = list(FIELDS)
ALL = [(kind, path, field) for kind, fields in FIELDS.items() for path, field in fields.items()]
BAD = [
    pytest.param(kind, path, value, words, id=f"{kind}-{path}-{value!r:.20}")
    for kind, path, field in ALL
    for value, words in field.bad
]
MISSING = [
    ("CronTask", "handler"),
    *((kind, f"{path}.{name}") for kind, path, field in ALL for name in field.required),
]
EDGES = [(kind, edge) for kind, path, field in ALL for edge in edges(path, field)]
INNER = [pytest.param(kind, edge, id=f"{kind}-{edge.path}-{edge.size}") for kind, edge in EDGES if not edge.words]
OUTER = [pytest.param(kind, edge, id=f"{kind}-{edge.path}-{edge.size}") for kind, edge in EDGES if edge.words]
BROKEN = [
    pytest.param(kind, rule, f"rule-{number}", id=f"{kind}-{number}-{rule.message:.40}")
    for kind, rules in RULES.items()
    for number, rule in enumerate(rules)
]


@pytest.fixture(scope="module")
def server(control_plane: ControlPlane) -> Iterator[Admission]:
    """The API server's word on manifests."""
    with admission(control_plane.kubeconfig) as asked:
        yield asked


def _place(path: str) -> str:
    return f"spec.{path.replace('[]', '[0]')}"


def _told(kind: str, spec: dict[str, Any], path: str) -> str:
    """What validate says about the field, or about what holds it."""
    said = [(re.sub(r"\[\d+\]", "[]", problem.path), str(problem)) for problem in problems(kind, spec)]
    # An unquoted `on`, which YAML makes true, is told as it is written.
    written = f"spec.{path}".replace("after.true", "after.on")
    found = [text for where, text in said if written.startswith(where)]
    assert found, f"validate says: {said}"
    return "\n".join(found)


@pytest.mark.parametrize(("kind", "path", "value", "words"), BAD)
def test_a_bad_value_is_refused_by_both(server: Admission, kind: str, path: str, value: Any, words: str) -> None:
    spec = spec_with(kind, path, value)
    refusal = server.refusal(kind, spec)
    assert words in refusal
    # A rule about a field is reported where it stands: at what holds the field, which it then names first.
    holder, _, name = (_place(path) if words != UNQUOTED_ON else "spec.after.on").rpartition(".")
    assert (holder if words.startswith(name) else f"{holder}.{name}") in refusal
    assert _told(kind, spec, path)


@pytest.mark.parametrize(("kind", "path"), MISSING)
def test_what_is_required_is_asked_for_by_both(server: Admission, kind: str, path: str) -> None:
    spec = spec_with(kind, path, ABSENT)
    assert f"{_place(path)}: Required value" in server.refusal(kind, spec)
    assert f"spec.{path}: is missing" in re.sub(r"\[\d+\]", "[]", _told(kind, spec, path))


@pytest.mark.parametrize(("kind", "edge"), OUTER)
def test_just_outside_a_limit_is_refused_by_both(server: Admission, kind: str, edge: Edge) -> None:
    spec = spec_with(kind, edge.path, edge.value)
    refusal = server.refusal(kind, spec)
    assert edge.words in refusal
    assert _place(edge.path) in refusal
    assert _told(kind, spec, edge.path)


@pytest.mark.parametrize(("kind", "edge"), INNER)
def test_just_inside_a_limit_is_taken_by_both(server: Admission, kind: str, edge: Edge) -> None:
    spec = spec_with(kind, edge.path, edge.value)
    refusal, said = server.refusal(kind, spec), problems(kind, spec)
    if edge.path in INSIDE:
        assert refusal.count("Invalid value") == refusal.count(INSIDE[edge.path]) == 1
        assert len(said) == 1 + len(ONLY_VALIDATE.get((edge.path, edge.size), ()))
    else:
        assert refusal == ""
        expected = ONLY_VALIDATE.get((edge.path, edge.size), ())
        assert [words in str(problem) for words, problem in zip(expected, said, strict=True)] == [True] * len(expected)


@pytest.mark.parametrize(("kind", "rule", "name"), BROKEN)
def test_a_broken_rule_is_told_by_both(server: Admission, kind: str, rule: Rule, name: str) -> None:
    if rule.change:
        assert rule.message in server.change_refusal(kind, rule.spec, rule.phase, rule.change, name)
        assert problems(kind, rule.spec) == ()
        return
    assert rule.message in server.refusal(kind, rule.spec, rule.name)
    if rule.path:
        said = {problem.path: problem for problem in problems(kind, rule.spec)}
        assert rule.path in said
        assert said[rule.path].fix
    else:
        # It is about the name.
        assert validate_name(rule.name)
        assert problems(kind, rule.spec) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_a_case(kind: str) -> None:
    assert {path for path, _ in nodes(spec_schema(kind))} == {*FIELDS[kind], *ANYTHING[kind]}
    assert [path for path, field in FIELDS[kind].items() if not field.bad] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_limit_has_its_cases(kind: str) -> None:
    found = {path: limits(node) for path, node in nodes(spec_schema(kind))}
    known = {path: (field.low, field.high) for path, field in FIELDS[kind].items()}
    assert {path: both for path, both in found.items() if path not in ANYTHING[kind]} == known


@pytest.mark.parametrize("kind", KINDS)
def test_every_required_field_has_a_case(kind: str) -> None:
    schema = spec_schema(kind)
    found = {f"{path}.{name}" for path, node in nodes(schema) for name in node.get("required", ())}
    assert found | set(schema.get("required", ())) == {path for of, path in MISSING if of == kind}


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_has_a_case(kind: str) -> None:
    root = root_schema(kind)
    rules = [rule for _, node in [("", root), *nodes(root)] for rule in node.get("x-kubernetes-validations", ())]
    assert {words for rule in rules for words in messages(rule)} == {rule.message for rule in RULES[kind]}
