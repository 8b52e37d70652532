"""What the package asks for: modules import no more than their part of it brings, and each bound can be tested."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import lowest
from crontask.version import __version__

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "operator" / "crontask"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Where the name of a module is not that of its distribution; and what comes with one that is asked for.
MODULES = {
    "aiohttp": {"aiohttp", "multidict", "yarl"},
    "jinja2": {"jinja2", "markupsafe"},
    "pydantic": {"pydantic", "pydantic_core", "typing_extensions"},
    "python-jsonpath": {"jsonpath"},
    "pyyaml": {"yaml"},
    "tzdata": set(),
}
OF_THE_OPERATOR = (
    *("app.py", "shell.py", "engine/exposition.py", "engine/metrics.py"),
    *("decide/run/logs_url.py", "runner/url_template.py"),
)


def brought(requirements: list[str]) -> set[str]:
    names = [re.split(r"[><=\[]", text)[0] for text in requirements]
    return {module for name in names for module in MODULES.get(name, {name.replace("-", "_")})}


def imported(path: Path) -> Iterator[str]:
    """Top-level names of what a module imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def foreign(paths: list[Path]) -> set[str]:
    return {name for path in paths for name in imported(path)} - sys.stdlib_module_names - {"crontask"}


def of_the_page(path: Path) -> bool:
    return path.is_relative_to(SOURCE / "dashboard") or path == SOURCE / "cli" / "dashboard.py"


def test_client_and_command_line_import_what_the_base_brings_and_nothing_else() -> None:
    base = brought(PROJECT["dependencies"])
    ours = [path for path in SOURCE.rglob("*.py") if str(path.relative_to(SOURCE)) not in OF_THE_OPERATOR]
    assert foreign([path for path in ours if not of_the_page(path)]) == base


def test_the_operator_imports_what_its_extra_brings_as_well() -> None:
    extra = brought(PROJECT["optional-dependencies"]["operator"])
    theirs = foreign([SOURCE / name for name in OF_THE_OPERATOR])
    assert theirs - brought(PROJECT["dependencies"]) == extra


def test_the_page_imports_what_its_extra_brings_as_well() -> None:
    extra = brought(PROJECT["optional-dependencies"]["page"])
    assert (
        foreign([path for path in SOURCE.rglob("*.py") if of_the_page(path)]) - brought(PROJECT["dependencies"])
        == extra
    )


def test_the_operators_image_has_the_base_and_its_extra() -> None:
    locked = set(re.findall(r"^(\S+)==", (ROOT / "requirements" / "operator.lock").read_text(), re.MULTILINE))
    asked = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["operator"]]
    assert {re.split(r"[><=\[]", text)[0] for text in asked} <= locked
    client = set(re.findall(r"^(\S+)==", (ROOT / "requirements" / "client.lock").read_text(), re.MULTILINE))
    assert client < locked


def test_each_bound_of_the_base_is_a_version_that_is_tested() -> None:
    pins = lowest.lowest(PROJECT["dependencies"])
    assert [pin.replace("==", ">=") for pin in pins] == PROJECT["dependencies"]
    with pytest.raises(ValueError, match="no lower bound alone: a, b>=1,<2; write name>=version"):
        lowest.lowest(["a", "b>=1,<2", "c>=1"])


def test_the_page_names_the_files_of_this_version() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    named = re.findall(r"dist/crontask-(\d[^-]*)-", page)
    assert len(named) > 1
    assert set(named) == {__version__}
