"""The functions of the example as a pod runs them: the runner is given the source and the args of the manifests."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from runner_process import environment

from crontask import Crons

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "crons" / "crons.py"


def registry(name: str) -> Crons:
    """That of the example, loaded as the command line does."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLE)
    assert spec is not None and spec.loader is not None  # noqa: PT018
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    found: Crons = module.crons
    return found


def run(folder: Path, task: dict[str, Any], source: str, **args: Any) -> dict[str, Any]:
    """The termination message of a run of that task."""
    python = task["spec"]["handler"]["python"]
    handler = {"entrypoint": python["entrypoint"], "sourceEnv": "CRONTASK_SOURCE"}
    message = folder / "message"
    given = environment(
        handler,
        {**task["spec"].get("args", {}), **args},
        CRONTASK_SOURCE=source,
        CRONTASK_MESSAGE_PATH=str(message),
        PYTHONPATH=str(ROOT / "operator"),
        PATH=os.environ["PATH"],
    )
    command = [sys.executable, "-c", "from crontask.runner.main import main; main()", "python"]
    done = subprocess.run(command, env=given, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(message.read_text())
    return found


@pytest.mark.parametrize(
    ("name", "args", "result"),
    [
        ("clean-up", {}, {"removed": 30}),
        ("daily-report", {}, "sales for 2026-03-01"),
        ("rebuild", {}, {"index": "main", "documents": 3, "day": None}),
        ("rebuild", {"index": "x", "day": "2026-03-02"}, {"index": "x", "documents": 3, "day": "2026-03-02"}),
        ("ship", {"order": 42}, 42),
    ],
)
def test_each_function_of_the_example(tmp_path: Path, name: str, args: dict[str, Any], result: Any) -> None:
    config_map, *tasks = registry("example_crons").manifests()
    (source,) = config_map["data"].values()
    task = next(each for each in tasks if each["metadata"]["name"] == name)
    message = run(tmp_path, task, source, **args)
    assert (message["status"], message["result"]) == ("success", result)


def test_a_file_that_syncs_where_it_is_loaded(tmp_path: Path) -> None:
    task = {"spec": {"handler": {"python": {"entrypoint": "f"}}}}
    source = "from crontask import Crons\ncrons = Crons('shop')\ndef f(ctx): ...\ncrons.sync(None)\n"
    message = run(tmp_path, task, source)
    assert message["status"] == "failed"
    assert (
        "crons.sync: is called where the file is loaded, so in each pod of its functions; call it under if"
        in (message["message"])
    )
