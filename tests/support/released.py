"""Releases in tests: clones of this checkout as it is, of one commit, which differ in all that must not matter."""

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from api_server import ROOT

import distribution

_WHEN = "2026-01-02T03:04:05Z"


def clone(folder: Path) -> Path:
    """A repository whose only commit is this checkout, with what is changed in it and not ignored; its folder."""
    listed = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, _git(ROOT, *listed).split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    _git(folder, "init", "--quiet")
    _git(folder, "add", "--all")
    who = ("-c", "user.name=A Person", "-c", "user.email=person@example.com")
    _git(folder, *who, "commit", "--quiet", "--message", "All")
    return folder


def another_clone(first: Path, folder: Path) -> Path:
    """A clone of a clone: of other file times and modes, with files of its own that git ignores; its folder."""
    with _strict_modes():
        subprocess.run(["git", "clone", "--quiet", str(first), str(folder)], check=True)
        for path in (folder / "operator").rglob("*.py"):
            os.utime(path, (1, 1))
        (folder / "operator" / "crontask" / "build").mkdir()
        (folder / "operator" / "crontask" / "build" / "left.py").touch()
    return folder


@contextmanager
def elsewhere() -> Iterator[None]:
    """The block as somebody else's machine has it: another time zone, and files that only he may read."""
    zone = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Tokyo"
    try:
        with _strict_modes():
            yield
    finally:
        del os.environ["TZ"]
        if zone is not None:
            os.environ["TZ"] = zone


def differing(first: Path, second: Path) -> list[str]:
    """The names of the files of two releases that are not the same, byte for byte, or only in one of them."""
    names = {path.name for folder in (first, second) for path in folder.iterdir()}
    return sorted(name for name in names if not _same(first / name, second / name))


def of_sums(folder: Path) -> dict[str, str]:
    """The digests of SHA256SUMS by the names of the files."""
    lines = (folder / distribution.SUMS).read_text().splitlines()
    return {name: digest for digest, name in map(str.split, lines)}


def of_the_page() -> set[str]:
    """The names of files, or patterns of names, of the table in docs/releasing.md."""
    text = (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")
    table = text.partition("\n## Check one\n")[0]
    return {name for row in re.findall(r"(?m)^\| (`.*?) \|", table) for name in re.findall(r"`(.*?)`", row)}


def _same(first: Path, second: Path) -> bool:
    return first.exists() and second.exists() and first.read_bytes() == second.read_bytes()


def installed(folder: Path, wheels: Path, own: Path) -> Path:
    """The programs of a new environment with the wheel of a release, whose dependencies come from a folder."""
    venv.create(own, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(own / "bin" / "python"), "install", "--quiet", "--no-index"]
    index = [f"--find-links={each}" for each in (folder, wheels)]
    subprocess.run([*pip, "--disable-pip-version-check", *index, "crontask"], check=True, timeout=300)
    return own / "bin"


def ran(*command: str | Path, code: int = 0, variables: Mapping[str, str] = MappingProxyType({})) -> str:
    """What a program says on stdout, or, where it fails, on stderr. The code of the checkout is not there."""
    environment = {"PATH": os.environ["PATH"], **variables}
    words = [str(word) for word in command]
    done = subprocess.run(words, env=environment, cwd="/", capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


@contextmanager
def _strict_modes() -> Iterator[None]:
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _git(folder: Path, *arguments: str) -> str:
    dates = {"GIT_AUTHOR_DATE": _WHEN, "GIT_COMMITTER_DATE": _WHEN}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **dates}).stdout
