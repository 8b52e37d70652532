"""What is asked of a real API server before anything is applied: what an edit changes."""

import json
from pathlib import Path
from typing import Any

import pytest
from verbs import Verbs

from cluster.control_plane import ControlPlane

TASK = """\
apiVersion: crontask.dev/v1alpha1
kind: CronTask
metadata: {{name: {name}}}
spec:
  {timing}
  handler: {{container: {{image: "busybox:1.36"}}}}
"""
DAILY = 'schedule: "30 2 * * *"'


@pytest.fixture
def verbs(control_plane: ControlPlane, namespace: str) -> Verbs:
    return Verbs(control_plane, namespace)


def manifest(timing: str = DAILY, name: str = "backup") -> str:
    return TASK.format(name=name, timing=timing)


def compared(verbs: Verbs, text: str) -> dict[str, Any]:
    (row,) = json.loads(verbs("diff", "-f", "-", "-o", "json", "--days", "3", stdin=text).stdout)
    return {"fields": [field["path"] for field in row["fields"]], **{key: row[key] for key in ("state", "times")}}


@pytest.mark.parametrize("apply", [("apply",), ("apply", "--server-side")])
def test_an_edit_is_compared_as_kubectl_would_apply_it(verbs: Verbs, apply: tuple[str, ...]) -> None:
    verbs.kubectl(*apply, "-f", "-", stdin=manifest(f"{DAILY}\n  jitter: 1m"))
    verbs("suspend", "backup", "--reason", "deploy")
    before = verbs.get("ct", "backup")
    # The jitter goes; that it is suspended is no business of the file's.
    found = compared(verbs, manifest("schedule: '0 3 * * *'"))
    assert found["fields"] == ["spec.schedule", "spec.jitter"]
    assert (found["times"]["old"], found["times"]["new"]) == (0, 0)
    assert verbs.get("ct", "backup") == before, "nothing was written"
    verbs.kubectl(*apply, "-f", "-", stdin=manifest("schedule: '0 3 * * *'"))
    applied = verbs.get("ct", "backup")["spec"]
    assert "jitter" not in applied
    assert applied["suspend"] is True
    unsuspended = compared(verbs, manifest("schedule: '0 3 * * *'\n  suspend: false"))
    assert unsuspended["times"] == {"old": 0, "new": 3, "stay": 0, "moves": 0, "startMoves": 0, "goes": 0, "comes": 3}
    assert compared(verbs, manifest("schedule: '0 3 * * *'"))["state"] == "unchanged"


def test_a_new_task_is_new_and_who_may_not_look_is_told(verbs: Verbs, tmp_path: Path) -> None:
    assert compared(verbs, manifest())["state"] == "new"
    done = verbs("diff", "-f", "-", "--as", "nobody", code=7, stdin=manifest())
    assert "needed is get on crontasks.crontask.dev" in done.stderr
