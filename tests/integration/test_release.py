"""What a release refuses before it builds anything, and what it says when it is done."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from released import clone

import release
import versions
from distribution import SUMS, DistributionError


def edit(checkout: Path) -> None:
    (checkout / "README.md").write_text("another text")


def add(checkout: Path) -> None:
    (checkout / "operator" / "crontask" / "new.py").touch()


def remove(checkout: Path) -> None:
    (checkout / "Dockerfile").unlink()


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clone(tmp_path_factory.mktemp("committed"))


@pytest.fixture
def checkout(committed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(committed, tmp_path / "checkout"))


@pytest.mark.parametrize(
    ("change", "named"),
    [(edit, " M README.md"), (add, "?? operator/crontask/new.py"), (remove, " D Dockerfile")],
)
def test_what_is_in_no_commit_is_named_and_refused(
    checkout: Path, change: Callable[[Path], None], named: str, tmp_path: Path
) -> None:
    change(checkout)
    with pytest.raises(DistributionError, match="a release is made of a commit") as refused:
        release.build(checkout, tmp_path / "out")
    assert f"\n{named}\n" in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_release_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(DistributionError, match="is not empty, and no release: choose another folder"):
        release.build(checkout, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_files_that_are_no_repository_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    with pytest.raises(DistributionError, match="git status failed: fatal: not a git repository"):
        release.build(tmp_path / "sources", tmp_path / "out")


def test_two_versions_are_refused(checkout: Path, tmp_path: Path) -> None:
    chart = checkout / "charts" / "crontask" / "Chart.yaml"
    chart.write_text(chart.read_text().replace(f"appVersion: {versions.version()}", "appVersion: 9.8.7"))
    git = ("git", "-C", str(checkout), "-c", "user.name=A", "-c", "user.email=a@example.com")
    subprocess.run([*git, "commit", "--quiet", "--all", "--message", "b"], check=True)
    with pytest.raises(DistributionError, match="another version is written") as refused:
        release.build(checkout, tmp_path / "out")
    assert str(refused.value).endswith("\ncharts/crontask/Chart.yaml: appVersion: 9.8.7")


def test_how_git_is_configured_changes_nothing(checkout: Path, tmp_path: Path) -> None:
    def git(*arguments: str, stdin: str | None = None) -> str:
        command = ("git", "-C", str(checkout), *arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True, input=stdin).stdout

    plain = release.build(checkout, tmp_path / "plain", parts=())
    # The same commit, with a signature that nobody can check: git says so before what it is asked for.
    head, _, message = git("cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN SSH SIGNATURE-----\n U1NIU0lH\n -----END SSH SIGNATURE-----"
    signed = git("hash-object", "-t", "commit", "-w", "--stdin", stdin=f"{head}\n{signature}\n\n{message}")
    git("update-ref", "HEAD", signed.strip())
    git("config", "log.showSignature", "true")
    git("config", "core.autocrlf", "true")
    assert len(git("log", "-1", "--format=%H %ct").split()) > 2
    made = release.build(checkout, tmp_path / "made", parts=())
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in plain]


def test_the_image_is_called_as_the_chart_calls_it() -> None:
    values = yaml.safe_load((versions.ROOT / "charts" / "crontask" / "values.yaml").read_text())
    assert values["image"]["tag"] == ""  # That is the chart's appVersion.
    assert release.image_name(versions.ROOT, "1.2.3") == f"{values['image']['repository']}:1.2.3"


def test_it_says_what_it_made_and_how_to_check_it(tmp_path: Path) -> None:
    for name, size in ((SUMS, 90), ("a.whl", 12_345), ("b.oci.tar", 98_765_432)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    assert release.summary(tmp_path, sorted(tmp_path.iterdir()), Path("dist/release")).splitlines() == [
        "    90 B  SHA256SUMS",
        " 12.3 kB  a.whl",
        " 98.8 MB  b.oci.tar",
        "To check it: (cd dist/release && sha256sum --check SHA256SUMS)",
    ]
