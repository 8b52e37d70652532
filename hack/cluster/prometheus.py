"""Prometheus and promtool: Debian's package, unpacked and not installed, since its service is not wanted.

Called by prepare and by tests; standard library only.
"""

import os
import shutil
from pathlib import Path

from cluster import commands, layout, report
from cluster.packages import LOCK_TIMEOUT
from cluster.processes import ClusterError

_PACKAGE = "prometheus"
_NAMES = ("prometheus", "promtool")


def missing() -> bool:
    """Whether one of them is neither on the PATH nor unpacked yet."""
    return any(_found(name) is None for name in _NAMES)


def find(name: str) -> Path:
    """`prometheus` or `promtool`; unpacked first, if need be. Raises ClusterError."""
    ensure()
    found = _found(name)
    if found is None:
        raise ClusterError(f"The package {_PACKAGE} has no {name}.")
    return found


def ensure() -> None:
    """Download and unpack the package, unless both are there. Raises ClusterError."""
    if not missing():
        return
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise ClusterError(f"Missing here: {' and '.join(_NAMES)}. Please put them on the PATH.")
    folder = _folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with commands.alone(folder.with_suffix(".lock"), "another download of Prometheus"):
        if missing():  # Another clone may have made it while we waited.
            with report.step("downloading Prometheus"):
                _unpack(folder)


def _unpack(folder: Path) -> None:
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)  # Of a download that was killed.
    partial.mkdir()
    try:
        _download(partial)
    except ClusterError:  # Its lists of what there is are not there, or too old.
        commands.run_long(["apt-get", *LOCK_TIMEOUT, "update"], environment=dict(os.environ))
        _download(partial)
    (package,) = partial.glob(f"{_PACKAGE}_*.deb")
    commands.run_long(["dpkg-deb", "--extract", str(package), str(partial / "all")])
    made = partial / "bin"
    made.mkdir()
    for name in _NAMES:
        (partial / "all" / "usr" / "bin" / name).rename(made / name)
    shutil.rmtree(folder, ignore_errors=True)
    made.rename(folder)
    shutil.rmtree(partial)


def _download(folder: Path) -> None:
    commands.run_long(["apt-get", "download", _PACKAGE], folder=folder, environment=dict(os.environ))


def _found(name: str) -> Path | None:
    on_path = shutil.which(name)
    if on_path is not None:
        return Path(on_path)
    unpacked = _folder() / name
    return unpacked if unpacked.exists() else None


def _folder() -> Path:
    return layout.cache() / _PACKAGE
