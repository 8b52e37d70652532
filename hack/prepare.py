"""`make …`, before a target's own command: what it needs and is made once, all of it side by side.

    python3 hack/prepare.py python packages binaries image

Nothing is said or done where everything is there. Standard library only: it installs the Python packages.
"""

import math
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import operator_image
from cluster import binaries, commands, layout, packages, prometheus, report
from cluster.processes import ClusterError
from cluster.side_by_side import Job, run

LOCK = layout.REPOSITORY / "requirements" / "dev.lock"
INSTALLED = layout.VENV / "installed"
PROGRAM = layout.VENV / "bin" / "crontask"
"""Newer than the lock file when its packages are installed."""

DEBIAN_PACKAGES = packages.NODE | packages.IMAGES
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CORES = 2
"""For so many the times are told."""


@dataclass(frozen=True)
class Part:
    """`missing` says what is to be made, or nothing; `seconds`: of processor, measured, where all of it is missing."""

    missing: Callable[[], str]
    seconds: Callable[[], int]
    make: Callable[[], object]
    needs: tuple[str, ...] = ()


def main(names: Sequence[str]) -> int:
    """Make what is missing of these parts; the exit code."""
    for number in ENDING:
        signal.signal(number, _interrupt)
    missing = {name: what for name in names if (what := PARTS[name].missing())}
    if not missing:
        return 0
    try:
        _require_root(missing)
        _announce(missing)
        run(Job(name, PARTS[name].make, PARTS[name].needs) for name in missing)
    except ClusterError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. Nothing half-made is left; what is done will be found the next time.", file=sys.stderr)
        return 128 + signal.SIGINT
    return 0


def announcement(missing: dict[str, str], seconds: int) -> str:
    """What will be made, and how long that takes; `seconds` are of processor time."""
    together = ", side by side," if len(missing) > 1 else ""
    return "\n".join(
        (
            f"Made once{together} and kept: about {_duration(seconds / CORES)} on two idle cores and a fast network",
            f"(measured: {_duration(seconds)} of processor time). Ctrl-C ends it and leaves nothing half-made.",
            *(f"  {what}" for what in missing.values()),
        )
    )


def _announce(missing: dict[str, str]) -> None:
    report.say(announcement(missing, sum(PARTS[name].seconds() for name in missing)))


def _duration(seconds: float) -> str:
    if seconds < 55:
        return f"{math.ceil(seconds / 10) * 10} seconds"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} minute{'s' if minutes > 1 else ''}"


def _require_root(missing: dict[str, str]) -> None:
    """Told before minutes of building."""
    if {"packages", "image"} & missing.keys() and os.geteuid() != 0:
        raise ClusterError("The throw-away cluster takes root. To use a cluster of your own: make … KUBECONFIG=file.")


def _interrupt(number: int, frame: object) -> None:
    """Once: putting things away takes a moment, and is not to be interrupted."""
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _python_packages() -> str:
    if INSTALLED.exists() and INSTALLED.stat().st_mtime >= LOCK.stat().st_mtime and PROGRAM.exists():
        return ""
    return f"Python packages, into {layout.VENV.name}"


def _install_python_packages() -> None:
    count = len(re.findall(r"^\S+==", LOCK.read_text(), re.MULTILINE))
    was_there = layout.VENV.exists()
    try:
        with report.step(f"installing {count} Python packages") as step:
            commands.run_long([sys.executable, "-m", "venv", str(layout.VENV)])
            pip = [str(layout.VENV / "bin" / "pip"), "install", "--disable-pip-version-check", "--require-hashes"]
            commands.run_long([*pip, "-r", str(LOCK)], on_line=_PipProgress(step, count).follow)
    except BaseException:
        if not was_there:
            shutil.rmtree(layout.VENV, ignore_errors=True)
        raise
    _write_program()
    INSTALLED.touch()


def _write_program() -> None:
    """`crontask` and `kubectl crontask` beside the packages, as they are in this checkout."""
    PROGRAM.write_text(
        f"#!{layout.VENV / 'bin' / 'python'}\n"
        "import sys\n\n"
        f"sys.path.insert(0, {str(layout.REPOSITORY / 'operator')!r})\n"
        "from crontask.cli.main import main\n\n"
        "sys.exit(main())\n"
    )
    PROGRAM.chmod(0o755)
    of_kubectl = PROGRAM.with_name("kubectl-crontask")
    of_kubectl.unlink(missing_ok=True)
    of_kubectl.symlink_to(PROGRAM.name)


class _PipProgress:
    """How far pip is, by what it says."""

    def __init__(self, step: report.Step, count: int) -> None:
        self.step, self.count, self.found = step, count, 0

    def follow(self, line: str) -> None:
        self.found += line.startswith(("Collecting ", "Ignoring ", "Requirement already satisfied: "))
        done = line.startswith("Installing collected packages")
        self.step.detail = "unpacking" if done else f"{self.found} of {self.count} found"


def _debian_packages() -> str:
    missing = packages.missing(DEBIAN_PACKAGES)
    return f"Debian packages: {', '.join(missing)}" if missing else ""


def _shells() -> str:
    """Where they cannot be installed, the tests of completion in them are skipped."""
    missing = packages.missing(packages.SHELLS) if os.geteuid() == 0 and shutil.which("apt-get") else []
    return f"shells, for the tests of completion: {', '.join(missing)}" if missing else ""


def _prometheus() -> str:
    return "Prometheus, from Debian's package" if prometheus.missing() else ""


def _browser() -> str:
    missing = packages.missing(packages.BROWSER)
    return f"a browser, for the tests of the page: {', '.join(missing)}" if missing else ""


def _binaries() -> str:
    missing = binaries.missing()
    return f"{len(missing)} binaries, from source by Go: {', '.join(missing)}" if missing else ""


def _image() -> str:
    return "" if operator_image.is_built() else f"the image {operator_image.TAG}"


PARTS = {
    "python": Part(_python_packages, lambda: 60, _install_python_packages),
    "packages": Part(_debian_packages, lambda: 15, lambda: packages.ensure(DEBIAN_PACKAGES)),
    # After the others: there is one package manager.
    "shells": Part(_shells, lambda: 10, lambda: packages.ensure(packages.SHELLS), needs=("packages",)),
    # Of tests of metrics and alerts.
    "prometheus": Part(_prometheus, lambda: 5, prometheus.ensure, needs=("packages",)),
    "browser": Part(_browser, lambda: 40, lambda: packages.ensure(packages.BROWSER), needs=("packages", "shells")),
    "binaries": Part(_binaries, lambda: 780, binaries.build),
    "image": Part(
        _image,
        lambda: 25 if (layout.cache() / "buildah").exists() else 140,
        operator_image.build,
        needs=("python", "packages"),  # pip tells its settings, which hold in the image too.
    ),
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
