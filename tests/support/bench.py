"""kubectl in the namespace of an end-to-end test, and waiting for a condition."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crontask.api.names import ANNOTATION_RESERVED
from installation import Tools

PATIENCE = 2
"""A slow machine, with other tests beside, is given so many times as long as a test says."""

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.2, 0.8, 1.2


def looks(seconds: float) -> Iterator[None]:
    """As many as there is patience for, ever more rarely: each of them is often a process, and others wait beside."""
    end = time.monotonic() + seconds * PATIENCE
    pause = _FIRST_PAUSE
    while time.monotonic() < end:
        yield
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * _GROWTH)


class Bench:
    """kubectl in the namespace of a test."""

    def __init__(self, tools: Tools, namespace: str) -> None:
        self.tools = tools
        self.namespace = namespace

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """kubectl in the namespace."""
        return self.tools.kubectl("-n", self.namespace, *arguments, stdin=stdin, check=check)

    def apply(self, manifest: str) -> None:
        """Apply an example by its file name, or a manifest."""
        text = (EXAMPLES / manifest).read_text() if manifest.endswith(".yaml") else manifest
        self.kubectl("apply", "-f", "-", stdin=text)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """An object; empty if it is not there."""
        text = self.kubectl("get", kind, name, "-o", "json", "--ignore-not-found")
        return dict(json.loads(text)) if text.strip() else {}

    def runs(self, task: str, *, pre_created: bool = False) -> list[dict[str, Any]]:
        """The runs of a task, oldest first; without those that are only pre-created, unless asked for."""
        selector = f"spec.taskRef.name={task}"
        items = json.loads(self.kubectl("get", "sr", "--field-selector", selector, "-o", "json"))["items"]
        found = [run for run in items if pre_created or not _is_only_pre_created(run)]
        return sorted(found, key=lambda run: str(run["metadata"]["creationTimestamp"]))

    def parts(self, run: str) -> list[dict[str, Any]]:
        """The parts of a composite run."""
        selector = f"spec.parent.name={run}"
        return list(json.loads(self.kubectl("get", "sr", "--field-selector", selector, "-o", "json"))["items"])

    def phase(self, name: str) -> str | None:
        """The phase of a run."""
        found = self.get("sr", name).get("status", {}).get("phase")
        return str(found) if found else None

    def ended(self, name: str, phase: str | None = None, seconds: float = 180) -> dict[str, Any]:
        """Wait for the end of a run, which has to be that one; its status."""
        self.until(f"{name} has ended", lambda: "completionTime" in self.get("sr", name)["status"], seconds)
        status = dict(self.get("sr", name)["status"])
        assert phase in (None, status["phase"]), f"{name} is {status['phase']}: {status.get('message')}"
        return status

    def until(self, what: str, condition: Callable[[], Any], seconds: float = 60) -> Any:
        """Wait for a condition; its value. Fails with the state of things.

        A condition that reads a field that an object does not have is not met yet: what is new has no status.
        """
        missing = ""
        for _ in looks(seconds):
            try:
                found = condition()
            except KeyError as error:
                found, missing = None, f" (the last field that was not there: {error})"
            if found:
                return found
        state = self.kubectl("get", "ct,sr,pods,events", "-o", "wide", check=False)
        pytest.fail(f"not within {seconds * PATIENCE:.0f} s: {what}{missing}\n{state}")


def reason_of(status: dict[str, Any]) -> str:
    """Why a run ended so."""
    ends = (each["reason"] for each in status["conditions"] if each["type"] in ("Complete", "Failed"))
    return str(next(ends))


def _is_only_pre_created(run: dict[str, Any]) -> bool:
    return "status" not in run and ANNOTATION_RESERVED in run["metadata"].get("annotations", {})
