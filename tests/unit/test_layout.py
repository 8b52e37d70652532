"""The repository's shape where a mistake would be silent."""

import ast
import operator
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crontask.api.crd import TARGETS, render

ROOT = Path(__file__).resolve().parents[2]


def test_operator_is_an_import_root_and_never_a_package() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert operator.itemgetter(0)("ab") == "a"
    assert Path(operator.__file__).is_relative_to(Path(sys.base_prefix))


def test_the_crds_are_those_of_the_models() -> None:
    for target in TARGETS:
        committed = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / target).glob("*.yaml")}
        assert committed == render(), f"{target} is out of date: run make generate"
        assert all(len(text) < 400_000 for text in committed.values())


# What the field calls otherwise: slot, watermark, pre-created, orphaned pod, deferred, creation unknown, refusal,
# effective, message, record, duplicate key, violation, prunable, manual run (docs/architecture.md, Words).
NOT = re.compile(
    r"\b(places?|marks?|made ahead|ahead of (its|their) time|strays?|asleep|unsure|findings?|in force|words?|tells?"
    r"|told|asked twice|misfits?|ripe|by hand)\b",
    re.IGNORECASE,
)


def public_docstrings(module: ast.Module) -> Iterator[tuple[str, str]]:
    """The docstrings of the module, and of what in it has a public name."""
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = getattr(node, "name", "module")
            if not name.startswith("_") or name == "__init__":
                yield name, ast.get_docstring(node) or ""


@pytest.mark.parametrize("path", sorted((ROOT / "operator").rglob("*.py")), ids=lambda path: str(path.name))
def test_public_docstrings_use_the_words_of_the_field(path: Path) -> None:
    found = public_docstrings(ast.parse(path.read_text(encoding="utf-8")))
    assert [(name, match[0]) for name, text in found for match in NOT.finditer(text)] == []


def test_every_module_says_its_role() -> None:
    modules = [path for folder in ("operator", "tests", "hack", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    silent = [path for path in modules if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == [], "a module opens with a docstring of its role"
    assert len(modules) > 300


def test_no_module_is_long_without_a_reason() -> None:
    long = {path.name for path in (ROOT / "operator").rglob("*.py") if len(path.read_text().splitlines()) > 400}
    assert long == set()
