"""The Python package, as an image of somebody's own installs it: its runner calls a function of that image."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

from api_server import ROOT
from runner_process import environment


def run(*command: str | Path, **variables: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_runner_of_the_package_calls_a_function_of_another_environment(tmp_path: Path) -> None:
    run("env", "-C", ROOT, sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path)
    (wheel,) = tmp_path.glob("crontask-*.whl")
    assert "crontask/py.typed" in ZipFile(wheel).namelist()
    own = tmp_path / "own"
    venv.create(own)
    # Without what the client needs: a function needs none of it.
    pip = (sys.executable, "-m", "pip", "--python", own / "bin" / "python")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
    (own / "report.py").write_text("def run(ctx, region):\n    return {'region': region, 'attempt': ctx.attempt}\n")
    message = tmp_path / "message"
    run(
        *("env", "-C", own, own / "bin" / "crontask-runner", "python"),
        PYTHONPATH="",
        **environment({"entrypoint": "report:run"}, {"region": "eu"}),
        CRONTASK_MESSAGE_PATH=str(message),
    )
    assert json.loads(message.read_text())["result"] == {"region": "eu", "attempt": 2}
