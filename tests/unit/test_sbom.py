"""What an image is made of, read from its layers: each distribution and each package once, and only what is there."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import sbom
from archives import Member, write_tar

EPOCH = 1_700_000_000
SITE = "opt/crontask/lib/python3.11/site-packages"
DIST = "usr/lib/python3/dist-packages"


def metadata(name: str, version: str, *lines: str) -> bytes:
    return "\n".join(("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines, "", "Text")).encode()


def paragraph(name: str, version: str, status: str = "install ok installed") -> str:
    return f"Package: {name}\nStatus: {status}\nArchitecture: amd64\nVersion: {version}\nDescription: a\n b\n .\n c\n"


BASE = {
    "usr/lib/os-release": b'NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\n',
    "var/lib/dpkg/status": "\n".join(
        (
            paragraph("libc6", "2.36-9+deb12u9"),
            paragraph("python3-pip", "23.0.1+dfsg-1"),
            paragraph("gone", "1", "deinstall ok config-files"),
        )
    ).encode(),
    "var/lib/dpkg/info/python3-pip.list": f"/.\n/{DIST}/pip-23.0.1.dist-info/METADATA\n".encode(),
    f"{DIST}/pip-23.0.1.dist-info/METADATA": metadata("pip", "23.0.1"),
    "usr/local/lib/python3.11/site-packages/wheel-0.45.dist-info/METADATA": metadata("wheel", "0.45"),
    "usr/local/lib/python3.11/site-packages/old-1.egg-info/PKG-INFO": metadata("old", "1"),
}
OURS = {
    f"{SITE}/PyYAML-6.0.dist-info/METADATA": metadata("PyYAML", "6.0", "License-Expression: MIT"),
    f"{SITE}/wheel-0.45.dist-info/METADATA": metadata("wheel", "0.45"),
    f"{SITE}/orjson-3.0.dist-info/METADATA": metadata("orjson", "3.0", "License-Expression: MPL-2.0 AND MIT"),
    f"{SITE}/setuptools/_vendor/inner-1.dist-info/METADATA": metadata("inner", "1"),
    "usr/local/lib/python3.11/site-packages/.wh.old-1.egg-info": b"",
}


def layer(files: dict[str, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An image of two layers."""
    layers = {f"blobs/sha256/{hashlib.sha256(each).hexdigest()}": each for each in (layer(BASE), layer(OURS))}
    index = {"manifests": [{"digest": f"sha256:{'a' * 64}"}]}
    saved = [{"Config": "blobs/sha256/b", "RepoTags": ["a:1"], "Layers": list(layers)}]
    described = {"index.json": json.dumps(index).encode(), "manifest.json": json.dumps(saved).encode()}
    members = [Member(name, content) for name, content in {**layers, **described}.items()]
    return write_tar(tmp_path / "image.tar", members, EPOCH)


def listed(text: str) -> dict[str, Any]:
    """The document, which keeps to the schema."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    return dict(json.loads(text))


def test_each_distribution_and_package_of_an_image_is_there_once(archive: Path) -> None:
    document = listed(sbom.of_image(archive, "crontask/operator", "1.2.3", EPOCH))
    assert sorted(each["purl"] for each in document["components"]) == [
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u9?arch=amd64&distro=debian-12",
        "pkg:deb/debian/python3-pip@23.0.1%2Bdfsg-1?arch=amd64&distro=debian-12",
        "pkg:pypi/crontask@1.2.3",
        "pkg:pypi/orjson@3.0",
        "pkg:pypi/pyyaml@6.0",
        "pkg:pypi/wheel@0.45",
    ]
    assert document["metadata"]["component"]["purl"] == f"pkg:oci/operator@sha256:{'a' * 64}?tag=1.2.3"
    assert document["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    licensed = {each["name"]: each["licenses"] for each in document["components"] if "licenses" in each}
    assert licensed == {
        "PyYAML": [{"license": {"id": "MIT", "acknowledgement": "declared"}}],
        "orjson": [{"expression": "MPL-2.0 AND MIT", "acknowledgement": "declared"}],
    }


def test_the_same_image_makes_the_same_bytes(archive: Path) -> None:
    first, second = (sbom.of_image(archive, "a", "1", EPOCH) for _ in range(2))
    assert first == second


def test_a_document_that_breaks_the_schema_is_found(archive: Path) -> None:
    broken = sbom.of_image(archive, "a", "1", EPOCH).replace('"type": "container"', '"type": "box"')
    with pytest.raises(AssertionError):
        listed(broken)
