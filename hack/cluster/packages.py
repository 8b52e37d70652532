"""The Debian packages that the full cluster needs: found by what they bring, installed where that is possible.

Called by cluster and dockerfile.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from cluster import network, report
from cluster.processes import ClusterError, tail


def static_busybox() -> Path | None:
    """The busybox that needs no loader, so that it runs in an image that holds nothing else."""
    path = shutil.which("busybox")
    # A dynamic executable names its loader at its beginning.
    return Path(path) if path and b"/ld-linux" not in Path(path).read_bytes()[:4096] else None


def _command(name: str) -> Callable[[], object]:
    return lambda: shutil.which(name)


NODE: dict[str, Callable[[], object]] = {
    "containerd": _command("containerd"),
    "runc": _command("runc"),
    "iptables": _command("iptables"),
    "conntrack": _command("conntrack"),
    "iproute2": _command("ip"),
    "containernetworking-plugins": network.plugins,
    "busybox-static": static_busybox,
}
IMAGES: dict[str, Callable[[], object]] = {"buildah": _command("buildah")}
BASE_IMAGE: dict[str, Callable[[], object]] = {"debootstrap": _command("debootstrap")}


def ensure(packages: dict[str, Callable[[], object]]) -> None:
    """Install those that are missing, or say which they are."""
    missing = [name for name, found in packages.items() if not found()]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ClusterError(f"Missing here: {', '.join(missing)} (names of Debian's packages). Please install them.")
    with report.step(f"installing {', '.join(missing)}"):
        _apt_get(["update"])
        _apt_get(["install", "--yes", "--no-install-recommends", *missing])


def _apt_get(arguments: Iterable[str]) -> None:
    log = Path("/var/log/crontask-cluster-apt.log")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with log.open("wb") as output:
        status = subprocess.run(
            ["apt-get", *arguments], env=environment, stdout=output, stderr=output, check=False
        ).returncode
    if status != 0:
        raise ClusterError(f"apt-get {' '.join(arguments)} failed. The end of {log}:\n{tail(log)}")
    log.unlink()
