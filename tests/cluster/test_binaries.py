"""The folder of the binaries is a function of what they are made of; given ones are not built; half a build is none."""

from pathlib import Path

import pytest
from clones import Clone

from cluster import binaries, layout
from cluster.processes import ClusterError


@pytest.mark.usefixtures("fake_go")
def test_the_folder_stays_until_the_module_or_the_flags_change(monkeypatch: pytest.MonkeyPatch) -> None:
    before = binaries.folder()

    assert binaries.folder() == before
    with (layout.TOOLS / "go.sum").open("a") as file:
        file.write("changed\n")
    changed = binaries.folder()
    assert changed != before
    monkeypatch.setattr(binaries, "FLAGS", ("-race",))
    assert binaries.folder() not in (before, changed)


def test_all_are_built_by_one_command_and_have_their_own_names(fake_go: Clone) -> None:
    folder = binaries.build()

    assert {path.name for path in folder.iterdir()} == {*binaries.PACKAGES, ".lock"}
    assert binaries.missing() == []
    listed, built = fake_go.go_calls()
    assert listed.split()[0] == "list"
    assert built.split()[0] == "build"
    assert set(binaries.PACKAGES.values()) <= set(built.split())


def test_what_is_complete_is_not_built_again_and_what_is_half_built_does_not_count(fake_go: Clone) -> None:
    folder = binaries.folder()
    half_built = folder / ".partial" / "made" / "kubectl"
    half_built.parent.mkdir(parents=True)
    half_built.touch()
    (folder / "etcd").touch()

    assert binaries.missing(["etcd", "kubectl"]) == ["kubectl"]
    binaries.build(["etcd", "kubectl"])
    _, built = fake_go.go_calls()
    assert binaries.PACKAGES["kubectl"] in built.split()
    assert binaries.PACKAGES["etcd"] not in built.split()
    assert {path.name for path in folder.iterdir()} == {"etcd", "kubectl", ".lock"}
    binaries.build(["etcd", "kubectl"])
    assert len(fake_go.go_calls()) == 2


def test_a_build_that_fails_shows_its_last_lines_and_leaves_no_binary(
    fake_go: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_BUILD", "echo 'main.go:1:1: no such thing' >&2; exit 1")

    with pytest.raises(ClusterError, match=r"main\.go:1:1: no such thing"):
        binaries.build()
    assert [path.name for path in binaries.folder().iterdir()] == [".lock"]
    assert len(fake_go.go_calls()) == 2


def test_how_far_it_is_is_told_in_packages_and_binaries(
    fake_go: Clone, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_GO_BUILD", 'echo example.org/a; echo "# a warning"; sleep 3')
    binaries.build(["etcd", "pause"])

    assert "building etcd, pause: 1 of 2 packages, 0 of 2 binaries …" in capfd.readouterr().err


def test_without_go_it_is_told_what_is_missing(fake_go: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(fake_go.folder))

    with pytest.raises(ClusterError, match="No `go` on the PATH"):
        binaries.build()


def test_given_assets_are_used(tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    for name in ("etcd", "kube-apiserver"):
        (assets / name).touch()

    found = binaries.find(["etcd", "kube-apiserver"], {"KUBEBUILDER_ASSETS": str(assets)})
    assert found == {"etcd": assets / "etcd", "kube-apiserver": assets / "kube-apiserver"}


def test_a_pinned_version_is_that_of_the_module() -> None:
    assert binaries.pinned_version("k8s.io/kubernetes").startswith("v1.35.")
    assert binaries.pinned_version("helm.sh/helm/v3").startswith("v3.")
