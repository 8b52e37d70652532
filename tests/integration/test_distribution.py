"""What users install, built of a commit: the same bytes twice; and it runs where nothing else is installed.

The release here is one without the image, which is built twice in tests/e2e/test_release.py.
"""

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest
import released
import yaml
from api_server import ROOT
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from released import ran

import distribution
import release
import versions
from cluster import binaries
from cluster.control_plane import ControlPlane
from crontask.version import __version__

pytestmark = pytest.mark.long

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
NIGHTLY = ROOT / "examples" / "nightly.yaml"
URL = "https://example.com/v1/"


def _pythons() -> dict[str, Path]:
    """Of the versions on which the zipapp runs, those that are on this machine: in PATH, or kept by pyenv."""
    kept = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = {HERE: Path(sys.executable)}
    for version in distribution.PYTHONS:
        name = f"python{version}"
        folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
        programs = [*(folder / name for folder in folders), *sorted(kept.glob(f"{version}.*/bin/{name}"))]
        working = [program for program in programs if program.is_file() and _runs(program, version)]
        if working:
            found.setdefault(version, working[0])
    return found


def _runs(program: Path, version: str) -> bool:
    """Whether it is that Python: what only stands for one that has to be chosen first ends with an error."""
    asked = [str(program), "-c", "import sys, zlib; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == version


PYTHONS = _pythons()
OF_THE_OPERATOR = ("kopf", "prometheus_client", "uritemplate", "uvloop")


@dataclass(frozen=True)
class Built:
    """What was built, of which clone, and the wheels of its dependencies."""

    folder: Path
    clone: Path
    wheels: Path

    def one(self, pattern: str) -> Path:
        """The file of that kind."""
        (found,) = self.folder.glob(pattern)
        return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """All of it, the zipapp for the Pythons that are here."""
    folder, wheels = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("wheels")
    clone = released.clone(tmp_path_factory.mktemp("clone"))
    release.build(clone, folder, URL, tuple(PYTHONS), wheels, parts=("packages",))
    return Built(folder, clone, wheels / HERE)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment into which the wheel was installed, of a folder of wheels alone."""
    return released.installed(built.folder, built.wheels, tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def helm() -> Path:
    return binaries.find(["helm"])["helm"]


def test_the_same_bytes_come_twice(built: Built, tmp_path: Path) -> None:
    clone = released.another_clone(built.clone, tmp_path / "other" / "clone")
    with released.elsewhere():
        release.build(clone, tmp_path / "again", URL, tuple(PYTHONS), built.wheels.parent, parts=("packages",))
    assert released.differing(built.folder, tmp_path / "again") == []
    # It would be found.
    charts = distribution.charts(clone, tmp_path / "again", 1)
    assert released.differing(built.folder, tmp_path / "again") == sorted(path.name for path in charts)


def test_packages_of_a_checkout_are_those_of_a_release(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(distribution.commit_time(built.clone)))
    made = {path.name for path in distribution.build(tmp_path, URL, tuple(PYTHONS), built.wheels.parent)}
    others = set(released.differing(built.folder, tmp_path))
    assert others & made == {distribution.SUMS}
    assert released.of_sums(tmp_path).items() <= released.of_sums(built.folder).items()


def test_each_file_has_its_digest(built: Built) -> None:
    names = {path.name for path in built.folder.iterdir()}
    assert released.of_sums(built.folder).keys() == names - {distribution.SUMS}
    check = ("sha256sum", "--check", "--strict", "--quiet", distribution.SUMS)
    subprocess.run(check, cwd=built.folder, check=True)
    assert {
        "CHANGELOG.md",
        f"crontask-{__version__}.tgz",
        f"crontask-crds-{__version__}.tgz",
        "crontask-linux-amd64.pyz.cdx.json",
    } <= names


def test_each_chart_is_there_as_it_is_in_the_repository(built: Built, helm: Path) -> None:
    for name, chart in {path.parent.name: path.parent for path in ROOT.glob(versions.CHARTS)}.items():
        # With a certificate of somebody's own: one that the chart makes is another each time.
        values = ("--set", "webhook.secretName=own") if name == "crontask" else ()
        template = (helm, "template", "name", *values)
        assert "\nkind: " in ran(*template, chart)
        assert ran(*template, built.folder / f"{name}-{__version__}.tgz") == ran(*template, chart)


def test_the_zipapps_list_has_what_it_bundles_once(built: Built) -> None:
    text = (built.folder / "crontask-linux-amd64.pyz.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    locked = re.findall(r"(?m)^(\S+)==([^ ;]+)", (ROOT / "requirements" / "client.lock").read_text())
    bundled = {wheel.name.split("-")[0].lower().replace("_", "-") for wheel in built.wheels.glob("*.whl")}
    assert sorted(each["purl"] for each in document["components"]) == sorted(
        f"pkg:pypi/{name}@{version}" for name, version in locked if name in bundled
    )
    assert document["metadata"]["component"]["purl"] == f"pkg:pypi/crontask@{__version__}"
    assert (
        document["metadata"]["component"]["hashes"][0]["content"] == released.of_sums(built.folder)[distribution.ZIPAPP]
    )


def test_the_wheel_asks_for_the_client_and_has_the_rest_as_extras(built: Built) -> None:
    with ZipFile(built.one("*.whl")) as archive:
        names = archive.namelist()
        (metadata_path,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = BytesHeaderParser().parsebytes(archive.read(metadata_path))
    assert {name.split("/")[0] for name in names} == {"crontask", f"crontask-{__version__}.dist-info"}
    assert {"operator", "page", "testing"} <= set(metadata.get_all("Provides-Extra", []))
    asked = [str(each) for each in metadata.get_all("Requires-Dist", [])]
    base = {each.split(">")[0] for each in asked if "extra ==" not in each}
    extra = {each.split(">")[0].replace("-", "_") for each in asked if "extra == 'operator'" in each}
    assert set(OF_THE_OPERATOR) <= extra
    assert not {name.replace("-", "_") for name in base} & set(OF_THE_OPERATOR)
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_sdist_is_enough_to_build_the_wheel(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.one("crontask-?.?.?.tar.gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    assert {path.name for path in source.iterdir()} <= {
        *("LICENSE", "PKG-INFO", "README.md", "pyproject.toml", "operator", ".gitignore")
    }
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "out")]
    epoch = str(distribution.commit_time(built.clone))
    subprocess.run(command, cwd=source, env={**os.environ, "SOURCE_DATE_EPOCH": epoch}, check=True, timeout=120)
    (wheel,) = (tmp_path / "out").iterdir()
    assert wheel.read_bytes() == built.one("*.whl").read_bytes()


def test_an_installation_without_extras_has_client_and_command_line(installed: Path) -> None:
    crontask = installed / "crontask"
    assert ran(crontask, "--version").strip().endswith(__version__)
    assert ran(crontask, "validate", "-f", NIGHTLY) == "no problems found\n"
    coming = ran(crontask, "next", "-f", NIGHTLY, "--count", "1")
    assert coming.startswith("default/nightly: At 02:30 (Europe/Berlin)\n")
    window = ("--from", "2027-03-01T00:00:00Z", "--to", "2027-03-03T00:00:00Z")
    assert "2 started" in ran(crontask, "simulate", "-f", NIGHTLY, *window)
    program = "import crontask; print(*(getattr(crontask, name) for name in crontask.__all__))"
    assert "AsyncClient" in ran(installed / "python", "-c", program)
    program = "import sys; from importlib.util import find_spec; print(*map(find_spec, sys.argv[1:]))"
    known = ran(installed / "python", "-c", program, *OF_THE_OPERATOR).split()
    assert known == ["None"] * len(OF_THE_OPERATOR)


def test_the_operator_says_which_extra_it_needs(installed: Path) -> None:
    said = ran(installed / "crontask", "operator", code=2)
    assert said == "the operator needs uvloop, which is not installed; pip install 'crontask[operator]'\n"


@pytest.fixture
def plugin(built: Built, tmp_path: Path) -> Path:
    """A folder for PATH, with the zipapp by both of its names."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("crontask", "kubectl-crontask"):
        (programs / name).symlink_to(built.one("*.pyz"))
    return programs


def test_the_zipapp_runs_by_both_names(
    plugin: Path, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    path = f"{plugin}:{Path(sys.executable).resolve().parent}:{os.environ['PATH']}"
    variables = {"PATH": path, "HOME": str(tmp_path), "KUBECONFIG": str(control_plane.kubeconfig)}
    assert ran(plugin / "crontask", "--version", variables=variables).strip().endswith(__version__)
    assert ran(plugin / "crontask", "validate", "-f", NIGHTLY, variables=variables) == "no problems found\n"
    assert ran(plugin / "crontask", "list", "--help", variables=variables).startswith("Usage: crontask list [OPTIONS]")
    kubectl = control_plane.kubectl_path
    assert ran(kubectl, "crontask", "--version", variables=variables).strip().endswith(__version__)
    assert ran(kubectl, "crontask", "list", "--help", variables=variables).startswith(
        "Usage: kubectl crontask list [OPTIONS]"
    )
    # It asks the API server: nothing of it was left out.
    ran(kubectl, "-n", namespace, "apply", "-f", NIGHTLY, variables=variables)
    listed = ran(kubectl, "crontask", "-n", namespace, "list", variables=variables)
    assert [line.split()[0] for line in listed.splitlines()] == ["NAME", "nightly"]


def test_the_python_of_the_tests_is_one_on_which_the_zipapp_is_run() -> None:
    assert HERE in PYTHONS
    assert set(PYTHONS) <= set(distribution.PYTHONS)


@pytest.mark.parametrize("version", PYTHONS)
def test_the_zipapp_runs_on_each_python_that_is_here(
    version: str, built: Built, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    variables = {"HOME": str(tmp_path), "KUBECONFIG": str(control_plane.kubeconfig)}

    def crontask(*words: str | Path, code: int = 0) -> str:
        return ran(PYTHONS[version], built.one("*.pyz"), *words, code=code, variables=variables)

    assert crontask("--version").strip().endswith(__version__)
    # Models, schemas, YAML and zones: what is compiled, and what the standard library has changed.
    assert crontask("validate", "-f", NIGHTLY) == "no problems found\n"
    bad = tmp_path / "bad.yaml"
    bad.write_text(NIGHTLY.read_text().replace("schedule:", "schedul:"))
    assert "spec.schedul: there is no such field; write schedule" in crontask("validate", "-f", bad, code=2)
    assert crontask("next", "-f", NIGHTLY, "--count", "1").startswith("default/nightly: At 02:30 (Europe/Berlin)\n")
    window = ("--from", "2027-03-01T00:00:00Z", "--to", "2027-03-03T00:00:00Z")
    assert "2 started" in crontask("simulate", "-f", NIGHTLY, *window)
    # And the API server.
    control_plane.kubectl("-n", namespace, "apply", "-f", str(NIGHTLY))
    listed = crontask("list", "-n", namespace)
    assert [line.split()[0] for line in listed.splitlines()] == ["NAME", "nightly"]
    started = crontask("trigger", "nightly", "-n", namespace, "--key", "one", "-o", "name").split()[0]
    assert "Pending" in crontask("describe", started.partition("/")[2], "-n", namespace)


def test_krew_has_an_archive_with_the_plugin_and_its_license(built: Built) -> None:
    manifest = yaml.safe_load(built.one("crontask.yaml").read_text())
    (platform,) = manifest["spec"]["platforms"]
    archive = built.one("*linux-amd64.tar.gz")
    assert platform["uri"] == f"https://example.com/v1/{archive.name}"
    assert platform["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert manifest["spec"]["version"] == f"v{__version__}"
    with tarfile.open(archive) as content:
        members = {member.name: member for member in content.getmembers()}
        assert set(members) == {each["from"] for each in platform["files"]}
        assert members[platform["bin"]].mode & stat.S_IXUSR
        plugin = content.extractfile(platform["bin"])
        assert plugin is not None
        assert plugin.read() == built.one("*.pyz").read_bytes()


@pytest.mark.parametrize(
    ("licensed", "said"),
    [
        ("License-Expression: MIT AND (Apache-2.0 OR BSD-3-Clause)", ""),
        ("Classifier: License :: OSI Approved :: MIT License", ""),
        ("License: MIT", ""),
        ("License-Expression: GPL-3.0-only", "GPL-3.0-only"),
        ("Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)", "GNU General Public"),
        ("License: a long text", "a long text"),
        ("Author: a", "none that is known"),
    ],
)
def test_what_is_bundled_has_a_license_that_allows_it(licensed: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.dist-info").mkdir()
    (tmp_path / "a.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.4\nName: a\n{licensed}\n")
    if said:
        with pytest.raises(distribution.DistributionError, match="a is not to be bundled") as refused:
            distribution.check_licenses(tmp_path)
        assert said in str(refused.value)
    else:
        distribution.check_licenses(tmp_path)


def test_the_zipapp_has_the_compiled_parts_of_the_python_that_runs_it(built: Built) -> None:
    with ZipFile(built.one("*.pyz")) as archive:
        compiled = [name for name in archive.namelist() if name.endswith(".so")]
        environment = json.loads(archive.read("environment.json"))
    tags = [f"cpython-{version.replace('.', '')}-" for version in PYTHONS]
    assert [tag for tag in tags if not any(f"orjson.{tag}" in name for name in compiled)] == []
    assert all(any(tag in name for tag in tags) or ".abi3." in name for name in compiled), compiled
    assert environment["entry_point"] == "crontask.cli.main:main"
