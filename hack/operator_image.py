"""The operator's image for the throw-away cluster, built anew only when what it is made of has changed.

Standard library only.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from cluster import dockerfile, images, layout

TAG = "crontask/operator:dev"
SOURCES = ("Dockerfile", ".dockerignore", "requirements/operator.lock", "operator/crontask")
"""What the Dockerfile copies, and it itself."""


def is_built() -> bool:
    """Whether the archive is there, and made of the sources as they are now."""
    return _archive().exists() and _record().exists() and _record().read_text() == _made_of(_sources())


def build() -> Path:
    """The image's archive (`docker save` format)."""
    if not is_built():
        sources = _sources()  # As they are before the build: what is edited meanwhile is built the next time.
        dockerfile.build(layout.REPOSITORY, layout.REPOSITORY / SOURCES[0], TAG)
        _record().write_text(_made_of(sources))
    return _archive()


def _archive() -> Path:
    return images.archive_path(TAG)


def _record() -> Path:
    return _archive().with_suffix(".made")


def _made_of(sources: str) -> str:
    """With the archive itself: one that somebody else has written in its place is not this one."""
    return f"{sources} {_archive().stat().st_mtime_ns}"


def _sources() -> str:
    digest = hashlib.sha256()
    for file in _files():
        digest.update(f"{file.relative_to(layout.REPOSITORY)} {file.stat().st_mode} ".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for source in SOURCES:
        top = layout.REPOSITORY / source
        yield from [top] if top.is_file() else sorted(path for path in top.rglob("*") if _is_copied(path))


def _is_copied(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts
