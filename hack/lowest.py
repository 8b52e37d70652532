"""The lower bounds of the dependencies of client, SDK and command line: their tests, with just those versions.

    .venv/bin/python hack/lowest.py                 # all of their tests
    .venv/bin/python hack/lowest.py -k transports   # some, by pytest's own options

Everything else is as in requirements/dev.lock. Caller: `make lowest`.
"""

import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "dev.lock"
TESTS = ("api", "cli", "client", "sdk", "timetable")
_BOUND = re.compile(r"([A-Za-z0-9-]+)>=([0-9.]+)")


def main(options: Sequence[str]) -> int:
    """Install them into an environment of their own, and test; the exit code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    bounds = lowest(project["project"]["dependencies"])
    print("\n".join(bounds))
    with TemporaryDirectory() as folder:
        own = Path(folder)
        venv.create(own, with_pip=True)
        pip = [str(own / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
        # What the tests themselves are made with asks for newer ones, and goes on without: pip says so.
        subprocess.run([*pip, *bounds], check=True)
        folders = [f"tests/unit/{name}" for name in TESTS]
        command = [str(own / "bin" / "pytest"), "-q", "-n", "auto", "--dist", "loadfile", *folders, *options]
        return subprocess.run(command, cwd=ROOT, check=False).returncode


def lowest(requirements: Iterable[str]) -> list[str]:
    """`name==version` of each `name>=version`. Raises ValueError for a requirement of another form."""
    found = [(text, _BOUND.fullmatch(text)) for text in requirements]
    unbounded = [text for text, match in found if match is None]
    if unbounded:
        raise ValueError(f"these have no lower bound alone: {', '.join(unbounded)}; write name>=version")
    return [f"{match[1]}=={match[2]}" for _, match in found if match is not None]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
