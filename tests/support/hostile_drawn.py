"""Objects drawn from the CRDs' schemas: values within their types, at their ends, and now and then beside them.

Always the same ones: derandomized.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

CRDS = Path(__file__).resolve().parents[2] / "crds"
FILES = {"CronTask": "crontask.dev_crontasks.yaml", "ScheduledRun": "crontask.dev_scheduledruns.yaml"}
Values = SearchStrategy[Any]
_ODD_NUMBERS = (0, -1, 1, 2, 255, 2**31, 2**53 + 1, 2**63 - 1, -(2**63))
_TIMES = (
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "2026-03-29T01:00:00+14:00",
    "2026-03-29T01:00:00.999999999Z",
    "9999-12-31T23:59:59.9Z",
    "9999-12-31T23:59:59-23:59",
)
# None below an hour, or a thousand tasks would start at once.
_DURATIONS = ("1h", "26h", "3660d", "3661d", "1d1h1m1s", "0d90m", "999999999h", "1x", "s")
_DATES = ("1970-01-01", "2026-12-24", "2028-02-29", "9999-12-31", "0001-01-01", "2026-02-29")
_anything: Values = st.recursive(
    st.none() | st.booleans() | st.sampled_from((*_ODD_NUMBERS, 1.5, 1e300)) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def schema(kind: str, part: str) -> dict[str, Any]:
    """The schema of `spec` or `status`."""
    crd = yaml.safe_load((CRDS / FILES[kind]).read_text(encoding="utf-8"))
    return dict(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][part])


def values(node: dict[str, Any], odd: int) -> Values:
    """Values of a schema. One in `odd` is of any other type."""
    of_type = _of_type(node, odd)
    return st.integers(1, odd).flatmap(lambda dice: _anything if dice == odd else of_type)


def _of_type(node: dict[str, Any], odd: int) -> Values:
    if "enum" in node:
        return st.sampled_from(node["enum"])
    makers: dict[str, Callable[[dict[str, Any], int], Values]] = {
        "object": _object,
        "array": lambda node, odd: st.lists(values(node["items"], odd), max_size=min(3, node.get("maxItems", 3))),
        "string": _text,
        "integer": _integer,
        "boolean": lambda node, odd: st.booleans(),
    }
    make = makers.get(node.get("type", ""))
    return make(node, odd) if make is not None else _anything


def _object(node: dict[str, Any], odd: int) -> Values:
    properties = node.get("properties")
    if not properties:
        return st.dictionaries(st.text(max_size=6), _anything, max_size=3)
    required = node.get("required", [])
    return st.fixed_dictionaries(
        {name: values(properties[name], odd) for name in required},
        optional={name: values(inner, odd) for name, inner in properties.items() if name not in required},
    )


def _text(node: dict[str, Any], odd: int) -> Values:
    if node.get("format") == "date-time":
        return st.sampled_from(_TIMES)
    if node.get("format") == "date":
        return st.sampled_from(_DATES)
    if "pattern" in node:
        return st.sampled_from(_DURATIONS)
    longest = node.get("maxLength", 40)
    full = st.sampled_from((longest, longest + 1)).map(lambda size: "\u00e9" * size) if longest < 5000 else st.just("x")
    return st.text(min_size=node.get("minLength", 0), max_size=min(longest, 12)) | full


def _integer(node: dict[str, Any], odd: int) -> Values:
    ends = [node[name] + step for name in ("minimum", "maximum") if name in node for step in (-1, 0, 1)]
    return st.sampled_from((*ends, *_ODD_NUMBERS))


def few(kind: str, part: str, odd: int, most: int) -> Values:
    """Up to `most` fields of a part of an object."""
    properties = {name: values(inner, odd) for name, inner in schema(kind, part)["properties"].items()}
    names = st.lists(st.sampled_from(sorted(properties)), min_size=1, max_size=most, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: properties[name] for name in chosen}))


def drawn(strategy: Values, count: int) -> list[Any]:
    """So many values, the same ones each time."""
    found: list[Any] = []

    @settings(
        derandomize=True,
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found
