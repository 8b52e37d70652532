"""How the end-to-end tests wait for a condition."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from bench import Bench

from installation import Tools


class _NoCluster(Tools):
    def __init__(self) -> None:
        super().__init__(Path("kubeconfig"), "kubectl", "helm", throw_away=False)

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        return " ".join(arguments)


def test_an_object_that_has_no_status_yet_is_waited_for() -> None:
    asked = count()

    def reads_a_status() -> Any:
        run: dict[str, Any] = {"status": {"phase": "Running"}} if next(asked) else {}
        return run["status"]["phase"]

    assert Bench(_NoCluster(), "n").until("it runs", reads_a_status, 30) == "Running"


def test_a_field_that_never_comes_is_named() -> None:
    def reads_a_status() -> Any:
        run: dict[str, Any] = {}
        return run["status"]

    with pytest.raises(pytest.fail.Exception, match=r"not within 0 s: it runs .*was not there: 'status'"):
        Bench(_NoCluster(), "n").until("it runs", reads_a_status, 0.1)


class _Ended(_NoCluster):
    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        return '{"status": {"phase": "Failed", "completionTime": "2026-01-01T00:00:00Z", "message": "exit code 1"}}'


def test_a_run_that_ends_otherwise_is_told_at_once() -> None:
    bench = Bench(_Ended(), "n")
    assert bench.ended("a")["message"] == bench.ended("a", "Failed")["message"] == "exit code 1"
    with pytest.raises(AssertionError, match="a is Failed: exit code 1"):
        bench.ended("a", "Succeeded")
