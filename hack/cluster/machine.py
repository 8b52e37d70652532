"""What the components change outside their own folders: remembered before they start, put back when they have ended.

Called by cluster. The kubelet, kube-proxy and containerd set kernel parameters and make folders at fixed
paths; the kubelet's pods live in control groups.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from cluster.processes import ClusterError, Record, end

PARAMETERS = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/conf/all/route_localnet",
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
FIXED_FOLDERS = ("/run/containerd", "/run/netns", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers")
CGROUPS = Path("/sys/fs/cgroup")
CGROUP = "crontask-cluster"


def run(*command: str, stdin: str | None = None) -> str:
    """Run a short command; raise ClusterError with what it said if it fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def remember(file: Path) -> None:
    parameters = {name: _parameter(name).read_text().strip() for name in PARAMETERS if _parameter(name).exists()}
    absent = [folder for folder in FIXED_FOLDERS if not Path(folder).exists()]
    file.write_text(json.dumps({"parameters": parameters, "absent": absent}))


def restore(file: Path) -> None:
    """Put back what differs; remove the folders that were not there. Nothing is done where nothing is remembered."""
    if not file.exists():
        return
    remembered = json.loads(file.read_text())
    for name, value in remembered["parameters"].items():
        if _parameter(name).read_text().strip() != value:
            _parameter(name).write_text(value)
    for folder in remembered["absent"]:
        shutil.rmtree(folder, ignore_errors=True)


def make_cgroup() -> None:
    """A control group of our own above all pods (in each hierarchy of version 1), by which `down` finds them."""
    for root in _cgroup_roots():
        (root / CGROUP).mkdir(exist_ok=True)


def remove_cgroup() -> None:
    """Kill whatever runs in our control group, then remove it."""
    deadline = time.monotonic() + 10
    for root in _cgroup_roots():
        top = root / CGROUP
        while pids := list(_members(top)):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise ClusterError(f"Processes {pids} in {top} do not end.")
            time.sleep(0.02)
        for folder, _, _ in os.walk(top, topdown=False):
            _remove_cgroup_folder(Path(folder))


def processes_with_argument(argument: str) -> Iterator[Record]:
    """The processes that were given exactly this argument; a containerd shim is given its containerd's socket."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if argument.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                yield Record.of(int(folder.name))


def end_processes_with_argument(argument: str) -> None:
    for record in processes_with_argument(argument):
        end(record, grace=0)


def unmount_below(*folders: Path) -> None:
    """Unmount all below the folders, the last mounted first."""
    for point in reversed(_mount_points()):
        if any(point.is_relative_to(folder) for folder in folders):
            subprocess.run(["umount", "--lazy", str(point)], capture_output=True, check=False)


def _mount_points() -> list[Path]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    # The kernel writes a space in a path as an octal escape.
    return [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]


def _parameter(name: str) -> Path:
    return Path("/proc/sys") / name


def _cgroup_roots() -> list[Path]:
    unified = (CGROUPS / "cgroup.controllers").exists()
    return [CGROUPS] if unified else [path for path in CGROUPS.iterdir() if path.is_dir() and not path.is_symlink()]


def _members(top: Path) -> Iterator[int]:
    # Whoever ends takes its folder along: os.walk passes over what is gone.
    for folder, _, _ in os.walk(top):
        with contextlib.suppress(OSError):
            yield from map(int, (Path(folder) / "cgroup.procs").read_text().split())


def _remove_cgroup_folder(folder: Path) -> None:
    """The kernel says busy for a moment after the last process has gone."""
    for _ in range(100):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise ClusterError(f"The control group {folder} cannot be removed.")
