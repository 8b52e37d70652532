"""docs/crons-in-code.md, played against a real API server: its files, its commands, its program, from top to bottom."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from api_server import ROOT, Processes
from verbs import Verbs

from cluster.control_plane import ControlPlane

PAGE = (ROOT / "docs" / "crons-in-code.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DRAWN = re.compile(r"-[0-9a-f]{10,13}\b")
SAID_MEANWHILE = re.compile(r"^\S+: (Pending|Running).*\n", re.MULTILINE)
RESULT = json.dumps({"result": {"index": "books", "documents": 3}})


def test_the_page_from_top_to_bottom(
    control_plane: ControlPlane, namespace: str, processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = namespace
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    verbs = Verbs(control_plane, namespace, kubeconfig)
    processes.operator()
    processes.start("benchmarks.kubelet", "0.1", RESULT)
    monkeypatch.chdir(tmp_path)
    shown = 0
    for language, text in BLOCK.findall(PAGE):
        if language == "python":
            name = text.partition("\n")[0].removeprefix("# ")
            Path(name).write_text(text)
            if name != "crons.py":
                done = subprocess.run(
                    [sys.executable, name], env=verbs.environment(), capture_output=True, text=True, timeout=240
                )
                assert (done.stderr, done.stdout) == ("", "Totals(index='books', documents=3)\n")
            continue
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            line, _, wanted = part.partition("\n")
            words = shlex.split(line.partition(" > ")[0])[1:]
            done = verbs(*words, code=None)
            if " > " not in line:
                printed = SAID_MEANWHILE.sub("", done.stderr + done.stdout)
                assert DRAWN.sub("-DRAWN", printed) == DRAWN.sub("-DRAWN", wanted), line
            shown += 1
    assert shown == 6
    assert list(yaml.safe_load_all(done.stdout))
    assert verbs.kubectl("get", "ct", "-o", "name").split() == ["crontask.crontask.dev/clean-up"]


def test_the_example_is_typed_and_so_is_the_program_of_the_page(tmp_path: Path) -> None:
    """What is wrong in a call of trigger is said by the type checker of whoever writes it."""
    for text in [text for language, text in BLOCK.findall(PAGE) if language == "python"][:2]:
        (tmp_path / text.partition("\n")[0].removeprefix("# ")).write_text(text)
    orders = tmp_path / "orders.py"
    checked = _mypy(tmp_path, str(orders))
    assert checked.returncode == 0, checked.stdout
    orders.write_text(orders.read_text().replace('client, index="books", day=', 'client, idx="books", day='))
    assert (
        'No overload variant of "__call__" of "Trigger" matches argument types' in _mypy(tmp_path, str(orders)).stdout
    )


def _mypy(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"MYPYPATH": f"{ROOT / 'operator'}:{folder}", "PATH": "/usr/bin:/bin"}
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--cache-dir",
        str(folder / "cache"),
        "--config-file",
        "",
        *words,
    ]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=600)
