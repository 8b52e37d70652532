"""The repository's shape where a mistake would be silent."""

import ast
import io
import operator
import re
import sys
import tokenize
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
    r"\b((?<!in )places?|marks?|made ahead|ahead of (its|their) time|strays?|asleep|unsure|findings?|in force|words?"
    r"|tells?|told|asked twice|misfits?|ripe|by hand)\b",
    re.IGNORECASE,
)


def prose(source: str) -> Iterator[tuple[str, str]]:
    """The docstrings and the comments of a module, and where they are."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield getattr(node, "name", "module"), ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield f"line {token.start[0]}", token.string


@pytest.mark.parametrize("path", sorted((ROOT / "operator").rglob("*.py")), ids=lambda path: str(path.name))
def test_docstrings_and_comments_use_the_words_of_the_field(path: Path) -> None:
    found = prose(path.read_text(encoding="utf-8"))
    assert [(where, match[0]) for where, text in found for match in NOT.finditer(text)] == []


def test_what_is_looked_for_is_found() -> None:
    source = '''"""In place of a slot."""\n\n\ndef _f():\n    """It tells."""\n    # One is asleep.\n'''
    assert [(where, match[0]) for where, text in prose(source) for match in NOT.finditer(text)] == [
        ("_f", "tells"),
        ("line 6", "asleep"),
    ]


def test_every_module_says_its_role() -> None:
    modules = [path for folder in ("operator", "tests", "hack", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    silent = [path for path in modules if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == [], "a module opens with a docstring of its role"
    assert len(modules) > 300


def test_no_module_is_long_without_a_reason() -> None:
    long = {path.name for path in (ROOT / "operator").rglob("*.py") if len(path.read_text().splitlines()) > 400}
    assert long == set()
