"""Image archives made here without a registry (pause, busybox), and loading archives into the node.

Called by cluster, dockerfile and the command line.
"""

import hashlib
import io
import json
import platform
import shutil
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cluster import layout
from cluster.machine import run
from cluster.packages import static_busybox
from cluster.processes import ClusterError

PAUSE = "localhost/pause:crontask"
BUSYBOX = "busybox:1.36"
EPOCH = "1970-01-01T00:00:00Z"


def load(archives: Iterable[Path], folders: layout.Folders = layout.FOLDERS) -> None:
    """Import docker archives into containerd, in the namespace that the kubelet uses."""
    for archive in archives:
        run(*_ctr(folders), "images", "import", str(archive))


def loaded(folders: layout.Folders = layout.FOLDERS) -> list[str]:
    """The names of the images on the node, without those by digest."""
    names = run(*_ctr(folders), "images", "list", "--quiet").split()
    return sorted(name for name in names if "@" not in name and not name.startswith("sha256:"))


def basic(binaries: Path) -> list[Path]:
    """The archives of the images that every cluster has; made in a second, each time they are needed."""
    return [_pause(binaries / "pause"), _busybox()]


def write_archive(archive: Path, name: str, layer: Path, config: dict[str, object]) -> Path:
    """A docker archive of one layer (a tar file)."""
    with layer.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    image = {
        "architecture": architecture(),
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "created": EPOCH,
        "history": [{"created": EPOCH, "created_by": "crontask-cluster"}],  # buildah wants an entry for each layer.
    }
    encoded = json.dumps(image).encode()
    config_file = f"{hashlib.sha256(encoded).hexdigest()}.json"
    manifest = [{"Config": config_file, "RepoTags": [name], "Layers": [f"{digest}.tar"]}]
    archive.parent.mkdir(parents=True, exist_ok=True)
    partial = archive.with_name(f".{archive.name}.partial")
    with tarfile.open(partial, "w") as tar:
        tar.add(layer, f"{digest}.tar")
        _add_bytes(tar, config_file, encoded)
        _add_bytes(tar, "manifest.json", json.dumps(manifest).encode())
    return partial.rename(archive)


def archive_path(name: str) -> Path:
    return layout.cache() / "images" / f"{name.replace('/', '_').replace(':', '_')}.tar"


def _pause(binary: Path) -> Path:
    with tempfile.TemporaryDirectory() as folder:
        layer = Path(folder) / "layer.tar"
        with tarfile.open(layer, "w") as tar:
            tar.add(binary, "pause")
        return write_archive(archive_path(PAUSE), PAUSE, layer, {"Entrypoint": ["/pause"], "User": "65535:65535"})


def _busybox() -> Path:
    """busybox with a link for each of its applets, like the well-known image."""
    binary = static_busybox()
    if binary is None:
        raise ClusterError("No static busybox here (Debian's package busybox-static).")
    with tempfile.TemporaryDirectory() as folder:
        layer = Path(folder) / "layer.tar"
        with tarfile.open(layer, "w") as tar:
            for name, mode in {"bin": 0o755, "etc": 0o755, "root": 0o700, "home": 0o755, "tmp": 0o1777}.items():
                _add_folder(tar, name, mode)
            tar.add(binary.resolve(), "bin/busybox")
            for applet in run(str(binary), "--list").split():
                if applet != "busybox":
                    _add_link(tar, f"bin/{applet}", "busybox")
            _add_bytes(
                tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
            )
            _add_bytes(tar, "etc/group", b"root:x:0:\nnogroup:x:65534:\n")
        config: dict[str, object] = {"Cmd": ["sh"], "Env": ["PATH=/bin"]}
        return write_archive(archive_path(BUSYBOX), BUSYBOX, layer, config)


def _ctr(folders: layout.Folders) -> list[str]:
    if shutil.which("ctr") is None or not folders.containerd_socket.exists():
        raise ClusterError("The cluster is not up: there is no containerd to talk to.")
    return ["ctr", f"--address={folders.containerd_socket}", "--namespace=k8s.io"]


def architecture() -> str:
    """In the words of the image format."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o644
    tar.addfile(info, io.BytesIO(content))


def _add_folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, mode
    tar.addfile(info)


def _add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    tar.addfile(info)
