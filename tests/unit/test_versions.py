"""One version: it stands in one file, and whatever repeats it is found where it differs, and written anew."""

import shutil
from pathlib import Path

import pytest

import versions
from crontask.version import __version__


def test_charts_pages_and_changelog_are_of_the_version() -> None:
    assert versions.version() == __version__
    assert versions.differing() == [], "run make generate; the changelog is written by people"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that have the version, of the next one: only the module is edited."""
    for pattern in ("operator/crontask/version.py", versions.CHARTS, "README.md", "CHANGELOG.md", "docs/*.md"):
        for path in versions.ROOT.glob(pattern):
            copy = tmp_path / path.relative_to(versions.ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    module = tmp_path / versions.MODULE
    module.write_text(module.read_text().replace(__version__, "9.8.7"))
    return tmp_path


def test_each_place_with_another_version_is_named(checkout: Path) -> None:
    found = versions.differing(checkout)
    for place in (
        f"charts/crontask/Chart.yaml: version: {__version__}",
        f"charts/crontask/Chart.yaml: appVersion: {__version__}",
        f"charts/crontask/Chart.yaml:     version: {__version__}",
        f"charts/crontask/charts/crontask-crds/Chart.yaml: version: {__version__}",
        f"README.md: image.tag={__version__}",
        f"docs/command-line.md: crontask-{__version__}",
        f"docs/releasing.md: crontask-operator-{__version__}",
        f"docs/releasing.md: crontask/operator:{__version__}",
        "CHANGELOG.md: nothing of 9.8.7",
    ):
        assert place in found
    assert {text.split(":")[0] for text in found if "Chart.yaml" in text} == {
        str(path.relative_to(checkout)) for path in checkout.glob(versions.CHARTS)
    }


def test_the_version_is_written_into_all_of_them(checkout: Path) -> None:
    versions.write(checkout)
    assert versions.differing(checkout) == ["CHANGELOG.md: nothing of 9.8.7"]
    assert 'kubeVersion: ">=1.32.0-0"' in (checkout / "charts" / "crontask" / "Chart.yaml").read_text()
