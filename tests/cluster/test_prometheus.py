"""Prometheus and promtool: found where they are, and otherwise unpacked once."""

from pathlib import Path

import pytest

from cluster import commands, prometheus
from cluster.processes import ClusterError


def test_promtool_runs() -> None:
    said: list[str] = []
    commands.run_long([str(prometheus.find("promtool")), "--version"], on_line=said.append)
    assert said[0].startswith("promtool, version ")


def test_what_is_on_the_path_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("prometheus", "promtool"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert prometheus.find("promtool") == tmp_path / "promtool"
    assert not (tmp_path / "cache").exists()


def test_without_a_package_manager_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert prometheus.missing()
    with pytest.raises(ClusterError, match="Missing here: prometheus and promtool"):
        prometheus.find("promtool")
