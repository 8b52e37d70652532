"""The version, which stands in operator/crontask/version.py, and the files that repeat it: charts and pages.

    .venv/bin/python hack/versions.py     # writes it into all of them

Callers: `make generate`, release, tests/unit/test_versions.py.
"""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULE = Path("operator", "crontask", "version.py")
CHANGELOG = Path("CHANGELOG.md")
CHARTS = "charts/**/Chart.yaml"
"""Ours, also those that lie in another one."""

_VERSION = r"\d+\.\d+\.\d+(?:[ab]\d+|rc\d+)?"
_REPEATED = {
    CHARTS: re.compile(rf"(?m)^( *(?:appV|v)ersion: )({_VERSION})$"),
    "README.md": re.compile(rf"(crontask-(?:crds-|operator-)?|image\.tag=|crontask/operator:)({_VERSION})\b"),
}
_REPEATED["docs/*.md"] = _REPEATED["README.md"]


def version(root: Path = ROOT) -> str:
    """The version of the checkout."""
    (found,) = re.findall(r'(?m)^__version__ = "(\S+)"$', (root / MODULE).read_text(encoding="utf-8"))
    return str(found)


def differing(root: Path = ROOT) -> list[str]:
    """Where another version is written than this one, as `file: text`; also a changelog that does not tell of it."""
    wanted = version(root)
    found = [
        f"{path.relative_to(root)}: {match[0]}"
        for path, pattern in _files(root)
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
        if match[2] != wanted
    ]
    told = f"\n## [{wanted}]" in (root / CHANGELOG).read_text(encoding="utf-8")
    return found if told else [*found, f"{CHANGELOG}: nothing of {wanted}"]


def write(root: Path = ROOT) -> None:
    """Write the version wherever it is repeated; the changelog is written by people."""
    wanted = version(root)
    for path, pattern in _files(root):
        text = path.read_text(encoding="utf-8")
        path.write_text(pattern.sub(rf"\g<1>{wanted}", text), encoding="utf-8")


def _files(root: Path) -> Iterator[tuple[Path, re.Pattern[str]]]:
    for glob, pattern in _REPEATED.items():
        yield from ((path, pattern) for path in sorted(root.glob(glob)))


if __name__ == "__main__":
    write()
