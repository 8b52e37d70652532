"""The steps of a workflow as a graph."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crontask.dashboard.graph import Node, graph
from crontask.dashboard.symbols import look_of


def columns(names: Sequence[str], before: dict[str, Sequence[str]], last: Sequence[str] = ()) -> list[list[str]]:
    """Which steps stand beneath each other, from left to right."""
    nodes = [Node(name, look_of("Pending"), last=name in last) for name in names]
    drawn = ElementTree.fromstring(graph(nodes, before).replace("<use ", "<use xmlns='' "))
    at: dict[int, list[str]] = {}
    for group in drawn.iter("g"):
        rect, text = group.find("rect"), group.find("text")
        assert rect is not None
        assert text is not None
        at.setdefault(int(rect.get("x") or 0), []).append(text.text or "")
    return [at[x] for x in sorted(at)]


@pytest.mark.parametrize(
    ("names", "before", "last", "wanted"),
    [
        ("a", {}, "", [["a"]]),
        ("abc", {"b": "a", "c": "b"}, "", [["a"], ["b"], ["c"]]),
        ("abcd", {"c": "ab", "d": "c"}, "", [["a", "b"], ["c"], ["d"]]),
        # As far to the right as what it depends on asks for.
        ("abc", {"b": "a", "c": "ab"}, "", [["a"], ["b"], ["c"]]),
        ("abz", {"b": "a"}, "z", [["a"], ["b"], ["z"]]),
        ("z", {}, "z", [["z"]]),
        # Names that there are not, and a circle, which nothing accepts, draw something all the same.
        ("ab", {"b": "ax"}, "", [["a"], ["b"]]),
    ],
)
def test_where_steps_stand(names: str, before: dict[str, str], last: str, wanted: list[list[str]]) -> None:
    assert columns(list(names), {key: list(value) for key, value in before.items()}, list(last)) == wanted


def test_a_circle_ends() -> None:
    found = columns(["a", "b"], {"a": ["b"], "b": ["a"]})
    assert sorted(name for column in found for name in column) == ["a", "b"]


def test_names_are_text() -> None:
    drawn = graph([Node("<b>&", look_of("Failed"), "1m", "/ns/a/runs/b")], {})
    assert "<b>" not in drawn
    assert '<a href="/ns/a/runs/b">' in drawn
    assert "Failed · 1m" in drawn


@given(st.lists(st.lists(st.integers(0, 40), max_size=4), min_size=1, max_size=40))
def test_what_comes_before_stands_to_the_left(rows: list[list[int]]) -> None:
    names = [f"s{at}" for at in range(len(rows))]
    before = {f"s{at}": [f"s{each}" for each in set(row) if each < at] for at, row in enumerate(rows)}
    where = {name: x for x, column in enumerate(columns(names, dict(before))) for name in column}
    assert sorted(where) == sorted(names)
    assert all(where[each] < where[name] for name, earlier in before.items() for each in earlier)
    edges = re.findall("class=.edge", graph([Node(name, look_of("")) for name in names], before))
    assert len(edges) == sum(map(len, before.values()))
