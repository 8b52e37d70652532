"""The operator's image is built when there is none, when its sources have changed, and not otherwise."""

from collections.abc import Callable
from pathlib import Path

import pytest

import operator_image
from cluster import dockerfile, images, layout


def _edit(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("another text")


def _rename(path: Path) -> None:
    path.rename(path.with_name("other.py"))


def _make_executable(path: Path) -> None:
    path.chmod(0o755)


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A repository with the image's sources, an empty cache, and what was built: the contexts."""
    monkeypatch.setattr(layout, "REPOSITORY", tmp_path / "repository")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for file in ("Dockerfile", ".dockerignore", "requirements/operator.lock", "operator/crontask/app.py", "README.md"):
        path = layout.REPOSITORY / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)
    contexts: list[Path] = []

    def build(context: Path, dockerfile: Path, tag: str) -> Path:
        contexts.append(context)
        archive = images.archive_path(tag)
        archive.parent.mkdir(parents=True, exist_ok=True)
        archive.unlink(missing_ok=True)
        archive.write_text(dockerfile.read_text())
        return archive

    monkeypatch.setattr(dockerfile, "build", build)
    return contexts


def test_an_image_is_built_once(built: list[Path]) -> None:
    assert not operator_image.is_built()
    archive = operator_image.build()

    assert archive.exists()
    assert operator_image.is_built()
    assert operator_image.build() == archive
    assert len(built) == 1


@pytest.mark.parametrize(
    ("file", "change", "builds"),
    [
        ("operator/crontask/app.py", _edit, 2),
        ("operator/crontask/new.py", _edit, 2),
        ("operator/crontask/app.py", Path.unlink, 2),
        ("operator/crontask/app.py", _rename, 2),
        ("operator/crontask/app.py", _make_executable, 2),
        ("requirements/operator.lock", _edit, 2),
        ("Dockerfile", _edit, 2),
        (".dockerignore", _edit, 2),
        ("README.md", _edit, 1),
        ("operator/crontask/app.py", Path.touch, 1),
        ("operator/crontask/__pycache__/app.pyc", _edit, 1),
    ],
)
def test_what_goes_into_the_image_builds_it_anew(
    built: list[Path], file: str, change: Callable[[Path], object], builds: int
) -> None:
    operator_image.build()
    change(layout.REPOSITORY / file)
    operator_image.build()

    assert len(built) == builds
    assert operator_image.is_built()


@pytest.mark.parametrize("change", [_edit, Path.unlink])
def test_an_archive_that_is_gone_or_somebody_elses_is_not_taken_for_it(
    built: list[Path], change: Callable[[Path], object]
) -> None:
    change(operator_image.build())
    assert not operator_image.is_built()
    operator_image.build()

    assert len(built) == 2
