"""The Debian packages that the cluster and the tests need: found by what they bring, installed where that is possible.

Called by cluster, dockerfile and prepare; standard library only.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from cluster import commands, report
from cluster.processes import ClusterError

CNI_PLUGINS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))

LOCK_TIMEOUT = ("-o", "DPkg::Lock::Timeout=120")
"""Seconds that another package manager may take."""


def static_busybox() -> Path | None:
    """The busybox that needs no loader, so that it runs in an image that holds nothing else."""
    path = shutil.which("busybox")
    # A dynamic executable names its loader at its beginning.
    return Path(path) if path and b"/ld-linux" not in Path(path).read_bytes()[:4096] else None


def cni_plugins() -> Path | None:
    """The folder of the CNI plugins."""
    return next((folder for folder in CNI_PLUGINS if (folder / "bridge").exists()), None)


def _command(name: str) -> Callable[[], object]:
    return lambda: shutil.which(name)


NODE: dict[str, Callable[[], object]] = {
    "containerd": _command("containerd"),
    "runc": _command("runc"),
    "iptables": _command("iptables"),
    "conntrack": _command("conntrack"),
    "iproute2": _command("ip"),
    "containernetworking-plugins": cni_plugins,
    "busybox-static": static_busybox,
}
IMAGES: dict[str, Callable[[], object]] = {"buildah": _command("buildah")}
SHELLS: dict[str, Callable[[], object]] = {"zsh": _command("zsh"), "fish": _command("fish")}
BROWSER: dict[str, Callable[[], object]] = {"chromium": _command("chromium")}
BASE_IMAGE: dict[str, Callable[[], object]] = {"mmdebstrap": _command("mmdebstrap")}


def missing(packages: dict[str, Callable[[], object]]) -> list[str]:
    """The names of those that are not there."""
    return [name for name, found in packages.items() if not found()]


def ensure(packages: dict[str, Callable[[], object]]) -> None:
    """Install those that are missing, or say which they are."""
    names = missing(packages)
    if not names:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ClusterError(f"Missing here: {', '.join(names)} (names of Debian's packages). Please install them.")
    with report.step(f"installing {', '.join(names)}"):
        try:
            _install(names)
        except ClusterError:  # Its lists of what there is are not there, or too old.
            _apt_get("update")
            _install(names)


def _install(names: Sequence[str]) -> None:
    """What takes long, the download, can be interrupted; a package that is half installed stops each later one."""
    install = ("install", "--yes", "--no-install-recommends", *names)
    _apt_get("--download-only", *install)
    _apt_get(*install, interruptible=False)


def _apt_get(*arguments: str, interruptible: bool = True) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    commands.run_long(["apt-get", *LOCK_TIMEOUT, *arguments], environment=environment, interruptible=interruptible)
