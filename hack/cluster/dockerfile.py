"""Images from an ordinary Dockerfile, by buildah, also where no registry can be reached. Called by the command line.

A base image that cannot be pulled is made here, if it is one that Debian's own packages can stand in for:
`python:3.11-slim-bookworm` is Debian bookworm with its Python 3.11. It is made once, as an archive in the cache.
"""

import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from shlex import quote

from cluster import commands, images, layout, packages, report
from cluster.machine import run, unmount_below
from cluster.processes import ClusterError

RELEASES = {"python:3.11-slim-bookworm": "bookworm"}
"""Base images that can be made here, and the Debian release that has their Python."""

PACKAGES = "ca-certificates,python3,python3-pip,python3-venv"
NOT_IN_SLIM = (
    *("var/cache/apt", "var/lib/apt/lists", "var/log"),
    *("usr/share/doc", "usr/share/locale", "usr/share/man"),
)
"""Folders that are empty in the official image too."""

PULL_TIMEOUT = 60
STATE = Path("/run/crontask-buildah")
MADE_BY_BUILDAH = (Path("/etc/cni"), Path("/run/containers"), Path("/var/lib/containers"))
"""Folders that buildah makes although its store is elsewhere."""

CERTIFICATES = "/etc/ssl/certs"


def build(context: Path, dockerfile: Path, tag: str) -> Path:
    """Build the image and return its archive (`docker save` format)."""
    archive = images.archive_path(tag)
    archive.parent.mkdir(parents=True, exist_ok=True)
    with _buildah() as buildah:
        _build_layers(buildah, context, dockerfile, f"building {tag}", ["--layers", f"--tag={tag}"])
        partial = archive.with_name(f".{archive.name}.partial")
        partial.unlink(missing_ok=True)  # buildah does not add to an archive that is there.
        with report.step(f"writing {archive}"):
            commands.run_long([*buildah, "push", tag, f"docker-archive:{partial}:{tag}"])
    return partial.rename(archive)


def build_layout(context: Path, dockerfile: Path, epoch: int, labels: Mapping[str, str], to: Path) -> Path:
    """Build an image of which nothing is kept here, as an OCI layout; its folder.

    All that the build adds to the base image has the time `epoch`, in seconds since 1970, and none of it comes from the
    cache of layers: the same context on the same base image makes the same bytes.
    """
    with _buildah() as buildah, tempfile.NamedTemporaryFile("r") as named:
        labelled = [f"--label={name}={value}" for name, value in labels.items()]
        fresh = ["--layers=false", "--no-cache", f"--timestamp={epoch}", "--identity-label=false"]
        options = [*fresh, *labelled, f"--iidfile={named.name}"]
        _build_layers(buildah, context, dockerfile, "building the image", options)
        image = named.read().strip()
        try:
            with report.step("compressing the image"):
                commands.run_long([*buildah, "push", image, f"oci:{to}"])
        finally:
            run(*buildah, "rmi", image)
    return to


def base_images(dockerfile: str) -> list[str]:
    """What the stages start FROM, without other stages, scratch and names made of build arguments."""
    stages: set[str] = {"scratch"}
    bases: list[str] = []
    pattern = r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$"
    for name, stage in re.findall(pattern, dockerfile, re.MULTILINE | re.IGNORECASE):
        if name not in stages and name not in bases and "$" not in name:
            bases.append(name)
        stages.add(stage)
    return bases


def pip_settings(listed: str) -> dict[str, str]:
    """The settings of `pip config list` by their names; an environment variable wins over a file."""
    found = re.findall(r"^(:env:\.|global\.|install\.)([\w-]+)='(.*)'$", listed, re.MULTILINE)
    files = {name: value for where, name, value in found if where != ":env:."}
    return files | {name: value for where, name, value in found if where == ":env:." and name != "config-file"}


@contextmanager
def _buildah() -> Iterator[list[str]]:
    """buildah with a store in the cache: its layers are kept there, and not mixed with the machine's own images."""
    if os.geteuid() != 0:
        raise ClusterError("Building an image without a container daemon takes root here.")
    packages.ensure(packages.IMAGES)
    store = layout.cache() / "buildah"
    store.mkdir(parents=True, exist_ok=True)
    driver = os.environ.get("STORAGE_DRIVER", "overlay")
    with commands.alone(STATE.with_suffix(".lock"), "another build of an image"):
        absent = [folder for folder in MADE_BY_BUILDAH if not folder.exists()]
        buildah = ["buildah", f"--root={store}", f"--runroot={STATE}", f"--storage-driver={driver}"]
        try:
            yield buildah
        except BaseException:
            subprocess.run([*buildah, "rm", "--all"], capture_output=True, check=False)  # Of a build that was ended.
            raise
        finally:
            unmount_below(store, STATE)
            for folder in (STATE, *absent):
                shutil.rmtree(folder, ignore_errors=True)


def _build_layers(buildah: Sequence[str], context: Path, dockerfile: Path, step: str, options: Sequence[str]) -> None:
    for name in base_images(dockerfile.read_text()):
        _provide(buildah, name)
    with report.step(step), _settings_of_pip() as volumes:
        command = [*buildah, "build", "--isolation=chroot", "--pull-never", *volumes, *options]
        commands.run_long(["nice", *command, f"--file={dockerfile}", str(context)])


def _provide(buildah: Sequence[str], name: str) -> None:
    """Have the base image in the store: it is there, or it can be pulled, or it can be made."""
    if _is_there(buildah, name) or _pulled(buildah, name):
        return
    report.say(f"     {name} cannot be pulled here")
    if name not in RELEASES:
        raise ClusterError(f"{name} cannot be pulled, and is none that can be made here ({', '.join(RELEASES)}).")
    archive = images.archive_path(name)
    if not archive.exists():
        _make_base(archive, name, RELEASES[name])
    with report.step(f"storing {name}"):
        run(*buildah, "pull", "--quiet", f"docker-archive:{archive}")


def _is_there(buildah: Sequence[str], name: str) -> bool:
    return subprocess.run([*buildah, "inspect", "--type=image", name], capture_output=True, check=False).returncode == 0


def _pulled(buildah: Sequence[str], name: str) -> bool:
    try:
        with report.step(f"pulling {name}"):
            commands.run_long(["timeout", str(PULL_TIMEOUT), *buildah, "pull", "--quiet", full_name(name)])
    except ClusterError:
        return False
    return True


def _make_base(archive: Path, name: str, release: str) -> None:
    packages.ensure(packages.BASE_IMAGE)
    mirror = _mirror(release)
    with tempfile.TemporaryDirectory(prefix="crontask-base-", dir=_ensured(layout.cache())) as temporary:
        root, layer, released = (Path(temporary) / each for each in ("root", "layer.tar", "InRelease"))
        with report.step(f"making {name} of Debian {release}"):
            options = ["--mode=root", "--format=directory", "--variant=minbase", f"--include={PACKAGES}"]
            options.append(
                f'--customize-hook=cat "$1"/var/lib/apt/lists/*_{release}_InRelease > {quote(str(released))}'
            )
            try:
                commands.run_long(["nice", "mmdebstrap", *options, release, str(root), mirror])
            finally:
                unmount_below(root)  # Else removing the folder after an interruption would go into its mounts.
            _like_the_official_image(root)
            moment = date_of(released.read_text())
            _without_the_time_of_making(root, moment)
            # Files of packages are older and keep their times, by which Python knows its compiled files.
            times = ["--sort=name", "--clamp-mtime", f"--mtime=@{moment}"]
            files = ["--numeric-owner", "--one-file-system", "-C", str(root), "."]
            run("tar", "--create", "--file", str(layer), *times, *files)
            environment = ["PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin", "LANG=C.UTF-8"]
            images.write_archive(archive, name, layer, {"Cmd": ["python3"], "Env": environment})


def _like_the_official_image(root: Path) -> None:
    """`python` is there, pip may install outside a virtual environment, and nothing is left of the making."""
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    for marker in root.glob("usr/lib/python3.*/EXTERNALLY-MANAGED"):
        marker.unlink()
    for folder in NOT_IN_SLIM:
        shutil.rmtree(root / folder, ignore_errors=True)
        (root / folder).mkdir()
    # Of the machine on which it was made, not of the image.
    for file in ("etc/resolv.conf", "etc/hostname"):
        (root / file).unlink(missing_ok=True)


def _without_the_time_of_making(root: Path, moment: int) -> None:
    """The same packages make the same image, whenever and where it is made."""
    (root / "var/cache/ldconfig/aux-cache").unlink(missing_ok=True)
    for file in root.glob("etc/shadow*"):
        # name:password:day of the last change:…
        days = rf"\g<1>{moment // 86400}:"
        file.write_text(re.sub(r"(?m)^([^:]*:[^:]*:)\d+:", days, file.read_text()))


def date_of(released: str) -> int:
    """When the state of a Debian mirror was made, by its InRelease file, in seconds since 1970."""
    found = re.search(r"(?m)^Date: (.*)$", released)
    if found is None:
        raise ClusterError("The mirror's InRelease file has no date.")
    return int(parsedate_to_datetime(found[1]).timestamp())


def _mirror(release: str) -> str:
    """The mirror that this machine's apt uses for the release."""
    targets = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)", "Created-By: Packages")
    for line in targets.splitlines():
        uri, _, rest = line.partition(" ")
        if rest == f"{release} main":
            return uri
    raise ClusterError(f"apt has no mirror of Debian {release} here, of which the base image could be made.")


@contextmanager
def _settings_of_pip() -> Iterator[list[str]]:
    """pip inside gets its settings as on the host, by mounts, so that nothing of them stays in the image."""
    python = layout.VENV / "bin" / "python"
    if not python.exists():
        python = Path(sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        settings = pip_settings(run(str(python), "-m", "pip", "config", "list"))
        file = configparser.RawConfigParser()
        file["global"] = settings
        path = Path(folder) / "pip.conf"
        path.touch(mode=0o600)
        with path.open("w") as output:
            file.write(output)
        mounted = {CERTIFICATES} | {value for value in settings.values() if _is_mountable(value)}
        volumes = [f"--volume={each}:{each}:ro" for each in sorted(mounted)]
        yield [*volumes, f"--volume={path}:/etc/pip.conf:ro"]


def _is_mountable(value: str) -> bool:
    """Whether a setting names a file or folder of the host that is not mounted anyway."""
    return value.startswith("/") and Path(value).exists() and not Path(value).is_relative_to(CERTIFICATES)


def full_name(name: str) -> str:
    """As a registry client needs it: short names are those of the default registry's library."""
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def _ensured(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
