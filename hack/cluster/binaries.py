"""The cluster's binaries: built from the pinned Go module in tools/, once for all clones.

They lie in the cache, in a folder named by a hash of all that they are made of: an unchanged module builds
nothing, a changed one builds beside. A binary gets its name when it is complete: an interrupted build
leaves none that looks valid. Called by control_plane, cluster and the command line.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cluster import layout, report
from cluster.processes import ClusterError, tail

PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kubelet": "k8s.io/kubernetes/cmd/kubelet",
    "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
    "coredns": "./coredns",
    "helm": "helm.sh/helm/v3/cmd/helm",
    "pause": "./pause",
}
"""What is built from which Go package; the first three are what an API server alone needs."""

FLAGS = ("-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false")
"""Without what a debugger reads, which linking throws away (-w): making it takes a sixth of the compiler's time."""

COMPILER = {"CGO_ENABLED": "0", "GOGC": "400"}
"""The environment of a build; the compiler collects its garbage less often, for a few hundred megabytes."""


def folder() -> Path:
    """Where the binaries of the module as it is now belong."""
    made_of = hashlib.sha256(" ".join((*FLAGS, _linker_flags())).encode())
    for source in ("go.mod", "go.sum", "pause/main.go", "coredns/main.go"):
        made_of.update((layout.TOOLS / source).read_bytes())
    return layout.cache() / "bin" / made_of.hexdigest()[:12]


def build(names: Iterable[str] = PACKAGES) -> Path:
    """Build those of the binaries that are not there yet; returns their folder."""
    names, target = list(names), folder()
    if not _missing(names, target):
        return target
    if shutil.which("go") is None:
        raise ClusterError(f"No `go` on the PATH: it builds the cluster's binaries (version: {layout.TOOLS}/go.mod).")
    target.mkdir(parents=True, exist_ok=True)
    with _one_build_at_a_time(target):
        missing = _missing(names, target)  # Another clone may have built them while we waited.
        for number, name in enumerate(missing, 1):
            with report.step(f"building {name} ({number} of {len(missing)})"):
                _build_one(name, target)
    return target


def find(names: Iterable[str], environment: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """The binaries by name: from KUBEBUILDER_ASSETS where it has them, else built."""
    names = list(names)
    assets = Path(environment.get("KUBEBUILDER_ASSETS") or os.devnull)
    given = {name: assets / name for name in names if (assets / name).exists()}
    others = [name for name in names if name not in given]
    return given | ({name: build(others) / name for name in others} if others else {})


def pinned_version(module: str) -> str:
    """The version of a module in tools/go.mod, e.g. v1.35.4 of k8s.io/kubernetes."""
    match = re.search(rf"^\s*{re.escape(module)} (v\S+)", (layout.TOOLS / "go.mod").read_text(), re.MULTILINE)
    assert match, f"tools/go.mod pins {module}"
    return match[1]


def _missing(names: Iterable[str], target: Path) -> list[str]:
    return [name for name in PACKAGES if name in names and not (target / name).exists()]


def _linker_flags() -> str:
    """The versions that a release build sets: kubectl refuses a server of v0.0.0, Helm takes charts to be for v1.20."""
    kubernetes, helm = pinned_version("k8s.io/kubernetes"), "helm.sh/helm/v3"
    major, minor, _ = kubernetes.removeprefix("v").split(".", 2)
    values = {
        "k8s.io/component-base/version.gitVersion": kubernetes,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        f"{helm}/internal/version.version": pinned_version(helm),
        f"{helm}/pkg/chartutil.k8sVersionMajor": major,
        f"{helm}/pkg/chartutil.k8sVersionMinor": minor,
        f"{helm}/pkg/lint/rules.k8sVersionMajor": major,
        f"{helm}/pkg/lint/rules.k8sVersionMinor": minor,
    }
    return " ".join(["-s -w", *(f"-X {name}={value}" for name, value in values.items())])


def _build_one(name: str, target: Path) -> None:
    partial, log = target / f".{name}.partial", target / f".{name}.log"
    # nice: whoever builds also works on the machine.
    command = ["nice", "go", "build", *FLAGS, "-ldflags", _linker_flags(), "-o", str(partial), PACKAGES[name]]
    with log.open("wb") as output:
        status = subprocess.run(
            command, cwd=layout.TOOLS, env=COMPILER | os.environ, stdout=output, stderr=output, check=False
        ).returncode
    if status != 0:
        raise ClusterError(f"Building {name} failed. The end of {log}:\n{tail(log)}")
    partial.rename(target / name)
    log.unlink()


@contextmanager
def _one_build_at_a_time(target: Path) -> Iterator[None]:
    with (target / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with report.step("waiting for another build of the same binaries"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield
