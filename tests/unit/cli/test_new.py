"""Manifests to begin with: they are good as they are, and bad names are refused."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from crontask.cli.main import main


@pytest.mark.parametrize("kind", ["", "--image", "--python", "--http", "--steps"])
def test_a_new_manifest_is_good_as_it_is(kind: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["new", "nightly", *kind.split()])
    assert (done.exit_code, done.stderr) == (0, "")
    file = tmp_path / "nightly.yaml"
    file.write_text(done.stdout, encoding="utf-8")
    checked = CliRunner().invoke(main, ["validate", "-f", str(file)])
    assert (checked.exit_code, checked.output) == (0, "no problems found\n")
    assert done.stdout.count("  #") >= 3


@pytest.mark.parametrize("name", ["Nightly", "", "a" * 53, "a.b", "-a"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    done = CliRunner().invoke(main, ["new", "--", name])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "is not a name; write up to 52 lowercase letters" in done.stderr
