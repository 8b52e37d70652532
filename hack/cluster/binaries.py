"""The cluster's binaries: built from the pinned Go module in tools/, once for all clones.

They lie in the cache, in a folder named by a hash of all that they are made of: an unchanged module builds
nothing, a changed one builds beside. A binary gets its name when it is complete: an interrupted build
leaves none that looks valid. Called by control_plane, cluster and the command line.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from cluster import commands, layout, report
from cluster.processes import ClusterError

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

GARBAGE = {"GOGC": "400"}
"""The compiler collects its garbage less often, for a few hundred megabytes: a fifth of its time, on two cores."""

_IMPORT_PATH = re.compile(r"[\w.~+/-]+")
_TO_COMPILE = '{{if and .Stale (ne .StaleReason "not installed but available in build cache")}}{{.ImportPath}}{{end}}'


def folder() -> Path:
    """Where the binaries of the module as it is now belong."""
    made_of = hashlib.sha256(" ".join((*FLAGS, _linker_flags())).encode())
    for source in ("go.mod", "go.sum", "pause/main.go", "coredns/main.go"):
        made_of.update((layout.TOOLS / source).read_bytes())
    return layout.cache() / "bin" / made_of.hexdigest()[:12]


def missing(names: Iterable[str] = PACKAGES) -> list[str]:
    """Those of the binaries that are not built yet."""
    names, target = list(names), folder()
    return [name for name in PACKAGES if name in names and not (target / name).exists()]


def build(names: Iterable[str] = PACKAGES) -> Path:
    """Build those of the binaries that are not there yet; returns their folder."""
    names, target = list(names), folder()
    if not missing(names):
        return target
    if shutil.which("go") is None:
        raise ClusterError(f"No `go` on the PATH: it builds the cluster's binaries (version: {layout.TOOLS}/go.mod).")
    target.mkdir(parents=True, exist_ok=True)
    with commands.alone(target / ".lock", "another build of the same binaries"):
        if still_missing := missing(names):  # Another clone may have built them while we waited.
            _build(still_missing, target)
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


def _build(names: Sequence[str], target: Path) -> None:
    """All by one `go build`: what they share is loaded once, and one is linked while another is compiled."""
    partial = target / ".partial"
    shutil.rmtree(partial, ignore_errors=True)  # Of a build that was killed.
    (made := partial / "made").mkdir(parents=True)
    (scratch := partial / "scratch").mkdir()
    packages = [PACKAGES[name] for name in names]
    try:
        to_compile = _to_compile(packages, scratch)
        with report.step(f"building {', '.join(names)}") as step:
            compiled = 0

            def follow(line: str) -> None:
                nonlocal compiled
                compiled += _IMPORT_PATH.fullmatch(line) is not None
                linked = len(list(made.iterdir()))
                step.detail = f"{compiled} of {to_compile} packages, {linked} of {len(names)} binaries"

            _go(["build", "-v", "-o", f"{made}/", "-ldflags", _linker_flags()], packages, scratch, follow)
        for name in names:
            (made / _made_as(PACKAGES[name])).rename(target / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _to_compile(packages: Sequence[str], scratch: Path) -> int:
    """How many packages are not in Go's own cache; downloads the modules that they are of."""
    downloaded, found = 0, 0
    with report.step("finding out which Go packages are to be compiled") as step:

        def follow(line: str) -> None:
            nonlocal downloaded, found
            if line.startswith("go: downloading "):
                downloaded += 1
                step.detail = f"{downloaded} modules downloaded"
            else:
                found += _IMPORT_PATH.fullmatch(line) is not None

        _go(["list", "-deps", "-f", _TO_COMPILE], packages, scratch, follow)
    return found


def _go(command: Sequence[str], packages: Sequence[str], scratch: Path, on_line: Callable[[str], None]) -> None:
    environment = GARBAGE | os.environ | {"CGO_ENABLED": "0", "GOTMPDIR": str(scratch)}
    # nice: whoever builds also works on the machine.
    commands.run_long(
        ["nice", "go", *command[:1], *FLAGS, *command[1:], *packages],
        folder=layout.TOOLS,
        environment=environment,
        on_line=on_line,
    )


def _made_as(package: str) -> str:
    """The name that Go gives a binary: the last part of its import path that is not a major version."""
    return next(part for part in reversed(package.split("/")) if not re.fullmatch(r"v\d+", part))
