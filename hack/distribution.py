"""What users install, built into a folder: wheel, sdist, zipapp, and krew's manifest with its archive.

    .venv/bin/python hack/distribution.py --to dist --url https://example.com/crontask/v1

The same commit makes the same bytes: times are the commit's, dependencies those of requirements/client.lock. The zipapp
holds the compiled parts of its dependencies for each version of Python that it runs on; what it bundles has to have a
permissive license. Callers: `make packages`, tests/integration/test_distribution.py.
"""

import argparse
import gzip
import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import yaml

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "client.lock"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""Those on which the zipapp runs."""

PLATFORM = "linux-amd64"
ZIPAPP = f"crontask-{PLATFORM}.pyz"
MANIFEST = "crontask.yaml"
# As old as the C library of what is bundled may be.
_MANYLINUX = ("_2_28", "_2_27", "_2_26", "_2_24", "_2_17", "2014", "_2_12", "_2_5")
# MPL-2.0 (of orjson) asks that who has the binary can have its source: the METADATA beside it says where.
_PERMISSIVE = {"MPL-2.0", "Apache-2.0", "MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "PSF-2.0", "0BSD"}
_CLASSIFIED = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
}


class DistributionError(Exception):
    """Something that must not be handed out: what, and why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build all of it; the exit code."""
    parser = argparse.ArgumentParser(description="Build what users install.")
    parser.add_argument("--to", type=Path, required=True, help="The folder; what is of these names in it is replaced.")
    parser.add_argument("--url", default="", help="Where krew's archive will lie, without its name.")
    parser.add_argument("--python", action="append", choices=PYTHONS, help="A version on which the zipapp runs; all.")
    given = parser.parse_args(arguments)
    try:
        for path in build(given.to.resolve(), given.url, tuple(given.python or PYTHONS)):
            print(path)
    except (DistributionError, subprocess.CalledProcessError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


def build(folder: Path, url: str = "", pythons: tuple[str, ...] = PYTHONS, wheels: Path | None = None) -> list[Path]:
    """Build them; their paths. `wheels`: a folder that keeps what is bundled, by version of Python."""
    folder.mkdir(parents=True, exist_ok=True)
    epoch = commit_time()
    with TemporaryDirectory() as scratch:
        kept = wheels or Path(scratch) / "wheels"
        wheel, sdist = _wheel_and_sdist(folder, epoch)
        site = Path(scratch) / "site"
        for version in pythons:
            _unpack([wheel, *dependencies(kept, version)], site)
        check_licenses(site)
        zipapp = _zipapp(site, folder / ZIPAPP, epoch)
    version = wheel.name.split("-")[1]
    archive = _archive(folder / f"crontask-{version}-{PLATFORM}.tar.gz", zipapp, epoch)
    manifest = folder / MANIFEST
    manifest.write_text(krew_manifest(version, archive, url), encoding="utf-8")
    made = [wheel, sdist, zipapp, archive, manifest]
    sums = folder / "SHA256SUMS"
    sums.write_text("".join(f"{_sha256(path)}  {path.name}\n" for path in made), encoding="utf-8")
    return [*made, sums]


def commit_time() -> int:
    """When the commit was made, in seconds since 1970; SOURCE_DATE_EPOCH, where it is set."""
    said = os.environ.get("SOURCE_DATE_EPOCH")
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return int(said or subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def dependencies(kept: Path, version: str) -> list[Path]:
    """The wheels of the lock file for a version of Python, downloaded where they are not there yet."""
    folder = kept / version
    if not folder.exists():
        begun = kept / f"{version}.begun"
        platforms = [f"--platform=manylinux{glibc}_x86_64" for glibc in _MANYLINUX]
        abis = [f"--abi={abi}" for abi in (f"cp{version.replace('.', '')}", "abi3", "none")]
        only = ["--only-binary=:all:", f"--python-version={version}", "--implementation=cp", *abis, *platforms]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        _run([*pip, *only, "-r", str(LOCK), "-d", str(begun)])
        begun.rename(folder)
    return sorted(folder.glob("*.whl"))


def check_licenses(site: Path) -> None:
    """Raises DistributionError for a package without a license that may be bundled."""
    for file in sorted(site.glob("*.dist-info/METADATA")):
        metadata = BytesHeaderParser().parsebytes(file.read_bytes())
        licenses = set(_licenses(metadata))
        if not licenses or not licenses <= _PERMISSIVE:
            named = ", ".join(sorted(licenses)) or "none that is known"
            raise DistributionError(f"{metadata['Name']} is not to be bundled: its license is {named}")


def krew_manifest(version: str, archive: Path, url: str = "") -> str:
    """The manifest of the plugin. Without a URL it names the archive alone: krew install --manifest --archive."""
    plugin = {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "crontask"},
        "spec": {
            "version": f"v{version}",
            "shortDescription": "Trigger, watch and check scheduled work",
            "description": "List, trigger, wait for, cancel, rerun and simulate CronTasks and their runs.\n"
            "The operator is installed by its Helm chart.\n",
            "caveats": f"Needs Python, {PYTHONS[0]} to {PYTHONS[-1]}, as python3.\n",
            "platforms": [
                {
                    "selector": {"matchLabels": {"os": "linux", "arch": "amd64"}},
                    "uri": f"{url.rstrip('/')}/{archive.name}" if url else archive.name,
                    "sha256": _sha256(archive),
                    "files": [{"from": "kubectl-crontask", "to": "."}, {"from": "LICENSE", "to": "."}],
                    "bin": "kubectl-crontask",
                }
            ],
        },
    }
    return str(yaml.safe_dump(plugin, sort_keys=False))


def _wheel_and_sdist(folder: Path, epoch: int) -> tuple[Path, Path]:
    with TemporaryDirectory() as empty:
        _run([sys.executable, "-m", "hatchling", "build", "-d", empty], epoch)
        (wheel,), (sdist,) = Path(empty).glob("*.whl"), Path(empty).glob("*.tar.gz")
        for path in (wheel, sdist):
            (folder / path.name).write_bytes(path.read_bytes())
    return folder / wheel.name, folder / sdist.name


def _unpack(wheels: Iterable[Path], site: Path) -> None:
    """All in one folder: compiled parts have the version of Python in their names. Raises DistributionError."""
    for wheel in wheels:
        with ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                to = site / name
                if name.endswith("/") or ".data/" in name:
                    # Scripts and manual pages: nobody calls them here.
                    continue
                content = archive.read(name)
                if to.exists() and ".dist-info/" not in name and to.read_bytes() != content:
                    raise DistributionError(f"{name} of {wheel.name} is another one for another version of Python")
                if not to.exists():
                    to.parent.mkdir(parents=True, exist_ok=True)
                    to.write_bytes(content)


def _licenses(metadata: Message) -> Iterator[str]:
    """By their SPDX identifiers, or whatever is written instead."""
    expression = metadata["License-Expression"]
    if expression:
        yield from re.split(r" AND | OR ", re.sub(r"[()]", "", expression))
        return
    classified = [each for each in metadata.get_all("Classifier", []) if each.startswith("License :: ")]
    yield from (_CLASSIFIED.get(each, each) for each in classified or filter(None, [metadata["License"]]))


def _zipapp(site: Path, path: Path, epoch: int) -> Path:
    entry = "crontask.cli.main:main"
    _run([sys.executable, "-m", "shiv", "--site-packages", str(site), "-e", entry, "-o", str(path)], epoch)
    return path


def _archive(path: Path, zipapp: Path, epoch: int) -> Path:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, file, mode in (("LICENSE", ROOT / "LICENSE", 0o644), ("kubectl-crontask", zipapp, 0o755)):
            content = file.read_bytes()
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), mode, epoch
            archive.addfile(member, io.BytesIO(content))
    path.write_bytes(gzip.compress(plain.getvalue(), mtime=epoch))
    return path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _run(command: list[str], epoch: int | None = None) -> None:
    times = {} if epoch is None else {"SOURCE_DATE_EPOCH": str(epoch)}
    # The code of this checkout is no part of what is built.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=ROOT, env={**environment, **times}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DistributionError(f"{' '.join(command[:4])} … failed: {done.stderr.strip() or done.stdout.strip()}")


if __name__ == "__main__":
    sys.exit(main())
