"""Debian packages: those that are missing are installed, with the lists that the machine has, or with new ones."""

import os
from pathlib import Path

import pytest

from cluster import packages
from cluster.processes import ClusterError


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder first on the PATH, where `apt-get` may be put; its calls are in the file calls."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("APT_CALLS", str(tmp_path / "calls"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def test_what_is_there_is_not_installed(apt: Path) -> None:
    _say(apt, "exit 1")

    assert packages.missing({"there": lambda: "/usr/bin/there"}) == []
    packages.ensure({"there": lambda: "/usr/bin/there"})
    assert not (apt / "calls").exists()


def test_the_lists_are_not_fetched_where_those_that_are_there_serve(apt: Path) -> None:
    _say(apt, "")
    packages.ensure({"there": lambda: True, "one": lambda: None, "two": lambda: None})

    assert _calls(apt) == ["install --yes --no-install-recommends one two"]


def test_the_lists_are_fetched_where_they_are_missing_or_too_old(apt: Path) -> None:
    _say(apt, f'case "$*" in *update*) touch {apt}/lists;; *) [ -e {apt}/lists ];; esac')
    packages.ensure({"one": lambda: None})

    install = "install --yes --no-install-recommends one"
    assert _calls(apt) == [install, "update", install]


def test_what_cannot_be_installed_is_told_with_the_last_words_of_apt(apt: Path) -> None:
    _say(apt, "echo 'E: no network'; exit 100")

    with pytest.raises(ClusterError, match="E: no network"):
        packages.ensure({"one": lambda: None})


def test_who_may_not_install_is_told_what_is_missing(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _say(apt, "")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(ClusterError, match="Missing here: one, two "):
        packages.ensure({"one": lambda: None, "two": lambda: None})
    assert not (apt / "calls").exists()


def _say(apt: Path, script: str) -> None:
    """`apt-get` writes down how it was called, and does this."""
    file = apt / "apt-get"
    file.write_text(f'#!/bin/sh\necho "$@" >> "$APT_CALLS"\n{script}\n')
    file.chmod(0o755)


def _calls(apt: Path) -> list[str]:
    """Each without the option that stands first."""
    option = " ".join(packages.LOCK_TIMEOUT)
    return [line.removeprefix(f"{option} ") for line in (apt / "calls").read_text().splitlines()]
