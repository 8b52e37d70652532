"""What users install, built into a folder: wheel, sdist, zipapp, krew's manifest with its archive, and the charts.

    .venv/bin/python hack/distribution.py --to dist --url https://example.com/crontask/v1

The same commit makes the same bytes: times are the commit's, dependencies those of requirements/client.lock. The zipapp
holds the compiled parts of its dependencies for each version of Python that it runs on; what it bundles has to have a
permissive license. Callers: `make packages`, release, tests/integration/test_distribution.py.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import yaml

import versions
from archives import PLAIN, PROGRAM, Member, write_tar_gz

ROOT = Path(__file__).resolve().parents[1]
LOCK = Path("requirements", "client.lock")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""Those on which the zipapp runs."""

PLATFORM = "linux-amd64"
ZIPAPP = f"crontask-{PLATFORM}.pyz"
MANIFEST = "crontask.yaml"
SUMS = "SHA256SUMS"
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
    parser = options("Build what users install.", "what is of these names in it is replaced")
    given = parser.parse_args(arguments)
    try:
        for path in build(given.to.resolve(), given.url, tuple(given.python or PYTHONS)):
            print(path)
    except (DistributionError, subprocess.CalledProcessError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


def options(description: str, replaced: str) -> argparse.ArgumentParser:
    """The options of whatever builds packages. `replaced`: what becomes of what is in the folder."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--to", type=Path, required=True, help=f"The folder; {replaced}.")
    parser.add_argument("--url", default="", help="Where krew's archive will lie, without its name.")
    parser.add_argument("--python", action="append", choices=PYTHONS, help="A version on which the zipapp runs; all.")
    return parser


def build(folder: Path, url: str = "", pythons: tuple[str, ...] = PYTHONS, wheels: Path | None = None) -> list[Path]:
    """Build them of this checkout, and their digests; the paths. See `packages`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = packages(ROOT, folder, commit_time(), url, pythons, wheels)
    return [*made, write_sums(folder, made)]


def packages(
    source: Path,
    folder: Path,
    epoch: int,
    url: str = "",
    pythons: tuple[str, ...] = PYTHONS,
    wheels: Path | None = None,
) -> list[Path]:
    """What Python and kubectl install, built of the files of `source`; the paths.

    `epoch`: the time of all files, in seconds since 1970. `wheels`: a folder that keeps what is bundled, by version of
    Python. Raises DistributionError.
    """
    with TemporaryDirectory() as scratch:
        kept = wheels or Path(scratch) / "wheels"
        wheel, sdist = _wheel_and_sdist(source, folder, epoch)
        site = Path(scratch) / "site"
        for version in pythons:
            _unpack([wheel, *dependencies(source, kept, version)], site)
        check_licenses(site)
        zipapp = _zipapp(site, folder / ZIPAPP, epoch)
    version = wheel.name.split("-")[1]
    plugin = [
        Member("LICENSE", source / "LICENSE"),
        Member("kubectl-crontask", zipapp, PROGRAM),
    ]
    archive = write_tar_gz(folder / f"crontask-{version}-{PLATFORM}.tar.gz", plugin, epoch)
    manifest = folder / MANIFEST
    manifest.write_text(krew_manifest(version, archive, url), encoding="utf-8")
    return [wheel, sdist, zipapp, archive, manifest]


def charts(source: Path, folder: Path, epoch: int) -> list[Path]:
    """Each chart of `source` as helm installs it, NAME-VERSION.tgz; the paths. Raises DistributionError.

    `helm package` writes the time of day into its archives.
    """
    return [_chart(described.parent, folder, epoch) for described in sorted(source.glob(versions.CHARTS))]


def write_sums(folder: Path, made: Iterable[Path]) -> Path:
    """The digests of files of the folder, as `sha256sum --check` reads them; the path."""
    sums = folder / SUMS
    sums.write_text("".join(f"{_sha256(path)}  {path.name}\n" for path in made), encoding="utf-8")
    return sums


def commit_time(checkout: Path = ROOT) -> int:
    """When the commit was made, in seconds since 1970; SOURCE_DATE_EPOCH, where it is set."""
    said = os.environ.get("SOURCE_DATE_EPOCH")
    command = ["git", "-C", str(checkout), "log", "-1", "--format=%ct"]
    return int(said or subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def dependencies(source: Path, kept: Path, version: str) -> list[Path]:
    """The wheels of the client's lock file for a version of Python, downloaded where they are not there yet."""
    folder = kept / version
    if not folder.exists():
        begun = kept / f"{version}.begun"
        platforms = [f"--platform=manylinux{glibc}_x86_64" for glibc in _MANYLINUX]
        abis = [f"--abi={abi}" for abi in (f"cp{version.replace('.', '')}", "abi3", "none")]
        only = ["--only-binary=:all:", f"--python-version={version}", "--implementation=cp", *abis, *platforms]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        _run([*pip, *only, "-r", str(LOCK), "-d", str(begun)], source)
        begun.rename(folder)
    return sorted(folder.glob("*.whl"))


def check_licenses(site: Path) -> None:
    """Raises DistributionError for a package without a license that may be bundled."""
    for file in sorted(site.glob("*.dist-info/METADATA")):
        metadata = BytesHeaderParser().parsebytes(file.read_bytes())
        declared = {each for text in licenses(metadata) for each in _alternatives(text)}
        if not declared or not declared <= _PERMISSIVE:
            named = ", ".join(sorted(declared)) or "none that is known"
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


def licenses(metadata: Message) -> list[str]:
    """Those that a package declares: one SPDX expression, or what its classifiers or its license field say."""
    expression = metadata["License-Expression"]
    if expression:
        return [expression]
    classified = [each for each in metadata.get_all("Classifier", []) if each.startswith("License :: ")]
    return [_CLASSIFIED.get(each, each) for each in classified or filter(None, [metadata["License"]])]


def _chart(chart: Path, folder: Path, epoch: int) -> Path:
    described = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    name = described["name"]
    for needed in described.get("dependencies", ()):
        if not (chart / "charts" / needed["name"]).is_dir():
            raise DistributionError(f"the chart {name} needs {needed['name']}, which is not in its folder charts/")
    files = sorted(path for path in chart.rglob("*") if path.is_file())
    members = [Member(f"{name}/{path.relative_to(chart)}", path) for path in files]
    return write_tar_gz(folder / f"{name}-{described['version']}.tgz", members, epoch)


def _wheel_and_sdist(source: Path, folder: Path, epoch: int) -> tuple[Path, Path]:
    with TemporaryDirectory() as empty:
        _run([sys.executable, "-m", "hatchling", "build", "-d", empty], source, epoch)
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
                    to.chmod(PLAIN)


def _alternatives(expression: str) -> list[str]:
    return re.split(r" AND | OR ", re.sub(r"[()]", "", expression))


def _zipapp(site: Path, path: Path, epoch: int) -> Path:
    entry = "crontask.cli.main:main"
    _run([sys.executable, "-m", "shiv", "--site-packages", str(site), "-e", entry, "-o", str(path)], site, epoch)
    return path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _run(command: list[str], folder: Path, epoch: int | None = None) -> None:
    times = {} if epoch is None else {"SOURCE_DATE_EPOCH": str(epoch)}
    # The code of this checkout is no part of what is built.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env={**environment, **times}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DistributionError(f"{' '.join(command[:4])} … failed: {done.stderr.strip() or done.stdout.strip()}")


if __name__ == "__main__":
    sys.exit(main())
