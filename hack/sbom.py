"""What a release's image and zipapp are made of, as CycloneDX: each Python distribution and each Debian package, once.

It is read from what was built, not from what was asked for. Callers: release, tests/integration/test_sbom.py.
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path, PurePosixPath
from typing import IO, Any
from uuid import NAMESPACE_OID, uuid5
from zipfile import ZipFile

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

import distribution

_METADATA = re.compile(r"(?:site|dist)-packages/[^/]+(?:\.dist-info/METADATA|\.egg-info/PKG-INFO|\.egg-info)$")
"""Of distributions that Python finds; what a distribution bundles for itself lies deeper."""

_DPKG = "var/lib/dpkg/"
_OS = "usr/lib/os-release"
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


def of_image(archive: Path, name: str, version: str, epoch: int) -> str:
    """Of an image's archive (`docker save` format), as JSON. `epoch`: its time, in seconds since 1970."""
    files = _files_of_image(archive)
    debian = _debian_packages(files)
    owned = _owned_by_debian(files)
    python = [content for path, content in files.items() if _METADATA.search(path) and f"/{path}" not in owned]
    ours = PackageURL("pypi", name="crontask", version=version)
    # The package lies in the image without metadata of its own.
    program = Component(name="crontask", version=version, type=ComponentType.APPLICATION, purl=ours, bom_ref=str(ours))
    digest = f"sha256:{_image_digest(archive)}"
    purl = PackageURL("oci", name=name.rpartition("/")[2], version=digest, qualifiers={"tag": version})
    image = Component(name=name, version=version, type=ComponentType.CONTAINER, purl=purl, bom_ref=str(purl))
    return _document(image, [program, *_distributions(python), *debian], archive, epoch)


def of_zipapp(zipapp: Path, version: str, epoch: int) -> str:
    """Of the zipapp, as JSON. `epoch`: its time, in seconds since 1970."""
    with ZipFile(zipapp) as archive:
        metadata = [archive.read(name) for name in archive.namelist() if _METADATA.search(name)]
    (program,), others = _split(_distributions(metadata), "crontask")
    program.type = ComponentType.APPLICATION
    program.hashes.add(HashType(alg=HashAlgorithm.SHA_256, content=_sha256(zipapp)))
    return _document(program, others, zipapp, epoch)


def _document(whole: Component, parts: list[Component], file: Path, epoch: int) -> str:
    metadata = BomMetaData(component=whole, tools=[], timestamp=datetime.fromtimestamp(epoch, UTC))
    metadata.tools.components.add(this_component())
    # The same file has the same number.
    bom = Bom(components=parts, metadata=metadata, serial_number=uuid5(NAMESPACE_OID, _sha256(file)))
    bom.register_dependency(whole, parts)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _distributions(metadata: Iterable[bytes]) -> list[Component]:
    """Python distributions by their metadata; one that is there in two folders is one."""
    found = {}
    for content in metadata:
        read = BytesHeaderParser().parsebytes(content)
        purl = PackageURL("pypi", name=read["Name"].lower().replace("_", "-"), version=read["Version"])
        found[str(purl)] = _component(read["Name"], read["Version"], purl, distribution.licenses(read))
    return list(found.values())


def _debian_packages(files: Mapping[str, bytes]) -> list[Component]:
    """Those that dpkg says are installed. Their licenses are not in what it knows."""
    system = _os_release(files.get(_OS, b""))
    distro = f"{system.get('ID', 'debian')}-{system.get('VERSION_ID', '')}".rstrip("-")
    return [
        _component(
            package["Package"],
            package["Version"],
            PackageURL(
                "deb",
                system.get("ID", "debian"),
                package["Package"],
                package["Version"],
                {"arch": package["Architecture"], "distro": distro},
            ),
        )
        for package in _paragraphs(files.get(f"{_DPKG}status", b""))
        if package["Status"].endswith(" installed")
    ]


def _component(name: str, version: str, purl: PackageURL, licenses: Iterable[str] = ()) -> Component:
    factory = LicenseFactory()
    declared = [
        factory.make_from_string(each, license_acknowledgement=LicenseAcknowledgement.DECLARED) for each in licenses
    ]
    return Component(name=name, version=version, purl=purl, bom_ref=str(purl), licenses=declared)


def _split(components: Iterable[Component], name: str) -> tuple[list[Component], list[Component]]:
    every = list(components)
    return [each for each in every if each.name == name], [each for each in every if each.name != name]


def _files_of_image(archive: Path) -> dict[str, bytes]:
    """What tells of packages, by path, as a container sees it: of each file the uppermost, without the deleted."""
    files: dict[str, bytes] = {}
    with tarfile.open(archive) as outer:
        for layer in _saved(outer)["Layers"]:
            with tarfile.open(fileobj=_opened(outer, layer)) as inner:
                for member in inner:
                    _lay(files, inner, member)
    return files


def _lay(files: dict[str, bytes], layer: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    path = PurePosixPath(member.name)
    if path.name.startswith(_WHITEOUT):
        gone = path.parent if path.name == _OPAQUE else path.with_name(path.name.removeprefix(_WHITEOUT))
        for name in [name for name in files if PurePosixPath(name).is_relative_to(gone)]:
            del files[name]
    elif member.isfile() and _tells(str(path)):
        files[str(path)] = _opened(layer, member).read()


def _tells(path: str) -> bool:
    of_dpkg = path == f"{_DPKG}status" or (path.startswith(f"{_DPKG}info/") and path.endswith(".list"))
    return of_dpkg or path == _OS or _METADATA.search(path) is not None


def _owned_by_debian(files: Mapping[str, bytes]) -> set[str]:
    lists = (content for path, content in files.items() if path.startswith(f"{_DPKG}info/"))
    return {line for content in lists for line in content.decode().splitlines()}


def _image_digest(archive: Path) -> str:
    with tarfile.open(archive) as outer:
        (described,) = _json(outer, "index.json")["manifests"]
    return str(described["digest"]).removeprefix("sha256:")


def _saved(outer: tarfile.TarFile) -> Mapping[str, list[str]]:
    (image,) = _json(outer, "manifest.json")
    return dict(image)


def _json(outer: tarfile.TarFile, name: str) -> Any:
    return json.load(_opened(outer, name))


def _opened(archive: tarfile.TarFile, member: str | tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    assert content is not None
    return content


def _paragraphs(status: bytes) -> Iterator[Message]:
    return (BytesHeaderParser().parsebytes(each) for each in status.split(b"\n\n") if each.strip())


def _os_release(content: bytes) -> dict[str, str]:
    pairs = (line.partition("=") for line in content.decode().splitlines())
    return {name: value.strip('"') for name, equals, value in pairs if equals}


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
