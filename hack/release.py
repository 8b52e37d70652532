"""`make release`: all that is published of a commit, in one folder; the same commit makes the same bytes.

    .venv/bin/python hack/release.py --to dist/release --url https://example.com/crontask/v1

It is built of a copy of the commit, so that nothing else of the checkout gets into it. Callers: the Makefile,
tests/integration/test_release.py, tests/e2e/test_release.py.
"""

import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

import distribution
import release_image
import sbom
import versions
from cluster import images, report
from cluster.processes import ClusterError
from cluster.side_by_side import Job, run
from distribution import PYTHONS, DistributionError

PARTS = ("packages", "image")
_CONFIGURED = ("tar.umask=0022", "core.autocrlf=false", "core.eol=lf", "log.showSignature=false")


@dataclass(frozen=True)
class Source:
    """A commit, and where a copy of its files is. `epoch`: when it was made, in seconds since 1970."""

    folder: Path
    commit: str
    epoch: int
    version: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Build all of it; the exit code."""
    parser = distribution.options("Build what is published of the commit that is checked out.", "all in it is replaced")
    given = parser.parse_args(arguments)
    folder = given.to.resolve()
    try:
        made = build(distribution.ROOT, folder, given.url, tuple(given.python or PYTHONS))
    except (ClusterError, DistributionError, subprocess.CalledProcessError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. Nothing half-made is left.", file=sys.stderr)
        return 130
    print(summary(folder, made, given.to))
    return 0


def build(
    checkout: Path,
    folder: Path,
    url: str = "",
    pythons: tuple[str, ...] = PYTHONS,
    wheels: Path | None = None,
    parts: Collection[str] = PARTS,
) -> list[Path]:
    """Build a release of the commit that is checked out; the paths of its files.

    `wheels`: a folder that keeps what the zipapp bundles. `parts`: those that are built, with the changelog; the image
    takes root. Raises DistributionError, also for a checkout with changes that are in no commit, and ClusterError.
    """
    _refuse_changes(checkout)
    _refuse_other_folder(folder)
    with TemporaryDirectory() as scratch:
        source = _copy(checkout, Path(scratch) / "source")
        output = Path(scratch) / "release"
        output.mkdir()
        jobs = [
            Job("packages", lambda: _packages(source, output, url, pythons, wheels)),
            Job("image", lambda: _image(source, output)),
        ]
        run(job for job in jobs if job.name in parts)
        shutil.copy(source.folder / versions.CHANGELOG, output)
        distribution.write_sums(output, sorted(output.iterdir()))
        _replace(folder, output)
    return sorted(folder.iterdir())


def summary(folder: Path, made: Sequence[Path], called: Path) -> str:
    """What was made, how large it is, and how it is checked. `called`: the folder as somebody has written it."""
    sizes = [f"{_size(path.stat().st_size):>8}  {path.relative_to(folder)}" for path in made]
    return "\n".join((*sizes, f"To check it: (cd {called} && sha256sum --check {distribution.SUMS})"))


def image_name(source: Path, version: str) -> str:
    """As the chart calls the operator's image."""
    values = yaml.safe_load((source / "charts" / "crontask" / "values.yaml").read_text(encoding="utf-8"))
    return f"{values['image']['repository']}:{version}"


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def _refuse_changes(checkout: Path) -> None:
    changed = _git(checkout, "status", "--porcelain").rstrip()
    if changed:
        raise DistributionError(
            f"a release is made of a commit, and these are in none:\n{changed}\nCommit them, or git stash -u."
        )


def _refuse_other_folder(folder: Path) -> None:
    """What is in it is removed: it has to be a release."""
    if folder.exists() and any(folder.iterdir()) and not (folder / distribution.SUMS).exists():
        raise DistributionError(f"{folder} is not empty, and no release: choose another folder")


def _replace(folder: Path, output: Path) -> None:
    """Put a finished release in place of what is there."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(output, partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _copy(checkout: Path, to: Path) -> Source:
    """The files of the commit, with modes that do not depend on this checkout's."""
    to.mkdir()
    tar = to.with_suffix(".tar")
    _git(checkout, "archive", "--format=tar", f"--output={tar}", "HEAD")
    subprocess.run(["tar", "-x", "-p", "-f", str(tar), "-C", str(to)], check=True)
    if others := versions.differing(to):
        raise DistributionError("\n".join(("another version is written here (make generate):", *others)))
    commit, time = _git(checkout, "log", "-1", "--format=%H %ct").split()
    return Source(to, commit, int(time), versions.version(to))


def _packages(source: Source, output: Path, url: str, pythons: tuple[str, ...], wheels: Path | None) -> None:
    with report.step("building wheel, sdist and charts, and the zipapp"):
        distribution.packages(source.folder, output, source.epoch, url, pythons, wheels)
        distribution.charts(source.folder, output, source.epoch)
        listed = sbom.of_zipapp(output / distribution.ZIPAPP, source.version, source.epoch)
        (output / f"{distribution.ZIPAPP}.cdx.json").write_text(listed, encoding="utf-8")


def _image(source: Source, output: Path) -> None:
    name = image_name(source.folder, source.version)
    labels = {
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.revision": source.commit,
        "org.opencontainers.image.version": source.version,
    }
    repository = name.rpartition(":")[0]
    archive = output / f"{repository.replace('/', '-')}-{source.version}-linux-{images.architecture()}.oci.tar"
    release_image.build(source.folder, name, labels, source.epoch, archive)
    with report.step("listing what the image is made of"):
        listed = sbom.of_image(archive, repository, source.version, source.epoch)
    archive.with_suffix("").with_suffix(".cdx.json").write_text(listed, encoding="utf-8")


def _git(checkout: Path, *arguments: str) -> str:
    # Whatever else somebody has configured: it would be other bytes, and other words than are read here.
    plain = [part for each in _CONFIGURED for part in ("-c", each)]
    command = ["git", "-C", str(checkout), *plain, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise DistributionError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
