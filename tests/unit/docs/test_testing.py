"""The page about tests of schedules, and the example, run as their readers run them: by pytest, in a process."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def pytest_of(path: Path) -> str:
    """What pytest says in the end."""
    paths = os.pathsep.join((str(ROOT / "operator"), str(ROOT / "examples" / "crons")))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-c", os.devnull, "-p", "no:cacheprovider", str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


def test_the_page_is_a_file_of_tests_that_pass(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    page = tmp_path / "test_page.py"
    page.write_text("\n".join(blocks), encoding="utf-8")
    assert f"{text.count('def test_')} passed" in pytest_of(page)
    assert text.count("def test_") > 6


def test_the_example_passes() -> None:
    example = ROOT / "examples" / "testing" / "test_schedules.py"
    assert f"{example.read_text(encoding='utf-8').count('def test_')} passed" in pytest_of(example)
