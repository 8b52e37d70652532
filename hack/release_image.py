"""The operator's image for a release: one archive that containerd, podman, skopeo and docker load.

The archive is an OCI layout with the manifest.json of `docker save` beside it. The same commit on the same base image
makes the same bytes. Caller: release.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from archives import Member, write_tar
from cluster import dockerfile

_BLOBS = Path("blobs", "sha256")


def build(source: Path, name: str, labels: Mapping[str, str], epoch: int, archive: Path) -> Path:
    """Build the image of the Dockerfile of `source`, and write its archive; the path.

    `name`: the repository with the tag, as the chart has it. `epoch`: the time of all files, in seconds since 1970.
    Raises ClusterError.
    """
    with TemporaryDirectory() as scratch:
        layout = dockerfile.build_layout(source, source / "Dockerfile", epoch, labels, Path(scratch) / "layout")
        _name(layout, name)
        files = sorted(path for path in layout.rglob("*") if path.is_file())
        return write_tar(archive, [Member(str(path.relative_to(layout)), path) for path in files], epoch)


def _name(layout: Path, name: str) -> None:
    """Write into the layout how the image is called: for containerd, for podman and skopeo, for docker."""
    index = json.loads((layout / "index.json").read_bytes())
    (described,) = index["manifests"]
    full = dockerfile.full_name(name)
    described["annotations"] = {"io.containerd.image.name": full, "org.opencontainers.image.ref.name": full}
    (layout / "index.json").write_text(json.dumps(index), encoding="utf-8")
    manifest = json.loads((layout / _blob(described)).read_bytes())
    layers = [str(_blob(layer)) for layer in manifest["layers"]]
    saved = [{"Config": str(_blob(manifest["config"])), "RepoTags": [full], "Layers": layers}]
    (layout / "manifest.json").write_text(json.dumps(saved), encoding="utf-8")


def _blob(described: Mapping[str, str]) -> Path:
    return _BLOBS / described["digest"].removeprefix("sha256:")
