"""A clone of what builds the throw-away cluster, with a cache of its own and a Go toolchain that builds nothing."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from cluster import layout

FAKE_GO = """#!/bin/sh
# Says what the real one says, and makes empty binaries.
echo "$@" >> "$FAKE_GO_CALLS"
if [ "$1" = list ]; then
    echo "go: downloading example.org/module v1.0.0" >&2
    echo; echo example.org/a; echo; echo example.org/b
    exit
fi
eval "$FAKE_GO_BUILD"
while [ $# -gt 0 ]; do
    case "$1" in
        -o) folder=$2; shift 2;;
        */v3) echo "$1" >&2; touch "$folder/$(basename "$(dirname "$1")")"; shift;;
        */cmd/*|./*) echo "$1" >&2; touch "$folder/$(basename "$1")"; shift;;
        *) shift;;
    esac
done
"""


@dataclass(frozen=True)
class Clone:
    """A copy of what builds, in a folder of its own, with a cache of its own."""

    folder: Path
    cache: Path
    calls: Path

    @property
    def lock(self) -> Path:
        """Of the Python packages: none."""
        return self.folder / "requirements" / "dev.lock"

    def environment(self, build: str = "true") -> dict[str, str]:
        """In which `go` is the fake one; `build`: what it does first, as a shell command."""
        return {
            "PATH": f"{self.folder}/fake:/usr/bin:/bin",
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": str(self.cache),
            "FAKE_GO_CALLS": str(self.calls),
            "FAKE_GO_BUILD": build,
        }

    def go_calls(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


def make(folder: Path) -> Clone:
    """A new clone in the folder."""
    clone = Clone(folder / "clone", folder / "cache", folder / "calls")
    shutil.copytree(layout.IMPORT_ROOT, clone.folder / "hack", ignore=shutil.ignore_patterns("__pycache__"))
    (clone.folder / "requirements").mkdir()
    clone.lock.touch()
    fake = clone.folder / "fake" / "go"
    fake.parent.mkdir()
    fake.write_text(FAKE_GO)
    fake.chmod(0o755)
    return clone
