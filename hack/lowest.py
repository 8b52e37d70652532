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
TESTS = ("api", "cli", "client", "sdk", "timetable")
_BOUND = re.compile(r"([A-Za-z0-9-]+)>=([0-9.]+)")
_PIN = re.compile(r"^([A-Za-z0-9-]+)==(\S+)", re.MULTILINE)


def main(options: Sequence[str]) -> int:
    """Install them into an environment of their own, and test; the exit code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    bounds = lowest(project["project"]["dependencies"])
    others = [*project["dependency-groups"]["dev"], *project["project"]["optional-dependencies"]["operator"]]
    print("\n".join(bounds))
    with TemporaryDirectory() as folder:
        own = Path(folder) / "venv"
        venv.create(own, with_pip=True)
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("".join(f"{pin}\n" for pin in _pins_of_others()), encoding="utf-8")
        pip = [str(own / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "-c", str(constraints)]
        subprocess.run([*pip, *bounds, *others], check=True)
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


def _pins_of_others() -> list[str]:
    """What the lock files have of all but the base and what that brings."""
    texts = {name: (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8") for name in ("client", "dev")}
    of_base = {name for name, _ in _PIN.findall(texts["client"])}
    # pip and setuptools are those of the environment.
    apart = of_base | {"pip", "setuptools"}
    return [f"{name}=={version}" for name, version in _PIN.findall(texts["dev"]) if name not in apart]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
