"""The folder of the binaries is a function of what they are made of; given ones are not built."""

import shutil
from pathlib import Path

import pytest

from cluster import binaries, layout


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tool module, and an empty cache."""
    tools = Path(shutil.copytree(layout.TOOLS, tmp_path / "tools"))
    monkeypatch.setattr(layout, "TOOLS", tools)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tools


def test_the_folder_stays_until_the_module_or_the_flags_change(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = binaries.folder()

    assert binaries.folder() == before
    with (tools / "go.sum").open("a") as file:
        file.write("changed\n")
    changed = binaries.folder()
    assert changed != before
    monkeypatch.setattr(binaries, "FLAGS", ("-race",))
    assert binaries.folder() not in (before, changed)


@pytest.mark.usefixtures("tools")
def test_what_is_complete_is_not_built_again_and_what_is_half_built_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built: list[str] = []
    monkeypatch.setattr(binaries, "_build_one", lambda name, _: built.append(name))
    folder = binaries.folder()
    folder.mkdir(parents=True)
    (folder / "etcd").touch()
    (folder / ".kubectl.partial").touch()

    binaries.build(["etcd", "kubectl"])
    assert built == ["kubectl"]


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
