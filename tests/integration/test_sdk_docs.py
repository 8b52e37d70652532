"""The page about the SDK, run from top to bottom, and the example program, with a kubelet that plays every pod."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from api_server import ROOT, Processes, items

from cluster.control_plane import ControlPlane

RESULT = '{"result": {"rows": 3}}'
REMOVED = '{"result": {"removed": 7}}'


@pytest.fixture
def kubeconfig(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Path:
    """Of an admin, in the namespace of the test."""
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = namespace
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def run(program: str, kubeconfig: Path) -> str:
    environment = {"PYTHONPATH": str(ROOT / "operator"), "KUBECONFIG": str(kubeconfig), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_the_page_runs_from_top_to_bottom(
    kubeconfig: Path, processes: Processes, control_plane: ControlPlane, namespace: str
) -> None:
    processes.operator()
    processes.start("benchmarks.kubelet", "0.1", RESULT)
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "sdk.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) > 9
    printed = run("\n".join(blocks), kubeconfig).splitlines()
    assert printed[0] == "Succeeded"
    assert printed[1].endswith("with different args; write another key for another run")
    assert printed[2:4] == ["3", "not needed any more"]
    assert any(line.startswith("clean-up 20") for line in printed), "a task with the time of its next run"
    names = [task["metadata"]["name"] for task in items(control_plane, namespace, "crontasks")]
    assert names == ["clean-up", "sales", "ship"]
    keyed = [run["spec"].get("idempotencyKey") for run in items(control_plane, namespace, "scheduledruns")]
    assert sorted(filter(None, keyed)) == ["order-100", "order-42", "order-43"]


def test_the_example_program_runs_again_and_again(
    kubeconfig: Path, processes: Processes, control_plane: ControlPlane, namespace: str
) -> None:
    processes.operator()
    processes.start("benchmarks.kubelet", "0.1", REMOVED)
    program = (ROOT / "examples" / "sdk" / "shop.py").read_text()
    first, again = run(program, kubeconfig), run(program, kubeconfig)
    assert first == again
    assert "refused: CronTask shop-forgotten: has no schedule (or schedules), interval, delay or after" in first
    assert "{'removed': 7}" in first
    tasks = {task["metadata"]["name"]: task for task in items(control_plane, namespace, "crontasks")}
    assert sorted(tasks) == ["shop-clean-up", "shop-invoice"]
    assert not tasks["shop-clean-up"]["spec"].get("suspend")
    assert len(items(control_plane, namespace, "scheduledruns")) == 2
