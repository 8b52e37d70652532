"""The repository's shape where a mistake would be silent."""

import operator
import sys
from pathlib import Path

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
