"""Debian packages: those that are missing are installed, with the lists that the machine has, or with new ones."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from api_server import until

from cluster import packages
from cluster.processes import ClusterError

INSTALL = "install --yes --no-install-recommends"


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

    assert _calls(apt) == [f"--download-only {INSTALL} one two", f"{INSTALL} one two"]


def test_the_lists_are_fetched_where_they_are_missing_or_too_old(apt: Path) -> None:
    _say(apt, f'case "$*" in *update*) touch {apt}/lists;; *) [ -e {apt}/lists ];; esac')
    packages.ensure({"one": lambda: None})

    download = f"--download-only {INSTALL} one"
    assert _calls(apt) == [download, "update", download, f"{INSTALL} one"]


def test_an_interruption_leaves_no_package_half_installed(apt: Path) -> None:
    """In a process of its own, which is told to end when the packages are being unpacked."""
    wait = f"until [ -e {apt}/interrupted ]; do sleep 0.05; done; sleep 0.5"
    unpacked = f'case "$*" in --download*) ;; *) touch {apt}/half; {wait}; mv {apt}/half {apt}/whole;; esac'
    _say(apt, f"shift 2; {unpacked}")
    script = "from cluster import packages; packages.ensure({'one': lambda: None})"
    with subprocess.Popen(
        [sys.executable, "-c", f"import os; os.geteuid = lambda: 0; {script}"],
        env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
        stderr=subprocess.PIPE,
    ) as process:
        until("packages are unpacked", lambda: (apt / "half").exists())
        process.send_signal(signal.SIGINT)
        (apt / "interrupted").touch()
        said = process.stderr.read() if process.stderr else b""
    assert b"KeyboardInterrupt" in said
    assert (apt / "whole").exists()


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
