"""Progress of steps that go on side by side: ticking lines on a terminal, plain lines elsewhere."""

import os
import pty
import re
import subprocess
import sys
import threading
import time

import pytest

from cluster import report

CLEAR_LINE, LINE_UP = "\x1b[2K", "\x1b[1A"


def test_without_a_terminal_a_step_writes_lines_now_and_then(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "FIRST_LINE", 0.0)
    with report.step("building") as step:
        step.detail = "3 of 7 packages"
        time.sleep(3 * report.REDRAWN)

    goes_on, done = capfd.readouterr().err.splitlines()
    assert re.fullmatch(r"     building: 3 of 7 packages … \d+ s", goes_on)
    assert re.fullmatch(r"done building \d+\.\d s", done)


def test_a_step_that_fails_is_not_told_as_done(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError), report.step("building"):
        raise ValueError

    assert capfd.readouterr().err == ""


def test_lines_of_steps_side_by_side_are_whole(capfd: pytest.CaptureFixture[str]) -> None:
    def many(name: str) -> None:
        for _ in range(50):
            report.say(name * 40)

    threads = [threading.Thread(target=many, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(capfd.readouterr().err.splitlines()) == ["a" * 40] * 50 + ["b" * 40] * 50


def test_on_a_terminal_what_goes_on_stands_below_what_is_done() -> None:
    script = """
import time
from cluster import report
with report.step("outer"):
    with report.step("inner") as inner:
        inner.detail = "1 of 2"
        time.sleep(1)
    time.sleep(0.5)
"""
    written = _on_terminal(script, columns=80)
    assert "     inner: 1 of 2 … " in written
    assert [re.sub(r"[\d.]+ s$", "", line) for line in _screen(written)] == ["done inner ", "done outer "]


def test_on_a_terminal_a_long_line_is_cut_to_its_width() -> None:
    written = _on_terminal("import time; from cluster import report\nwith report.step('x' * 200): time.sleep(0.5)", 40)
    drawn = [line for line in written.replace("\r", "\n").splitlines() if line.startswith("     x")]

    assert drawn
    assert {len(line) for line in drawn} == {39}


def _on_terminal(script: str, columns: int) -> str:
    """All that a script writes to a terminal."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": str(columns), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", script], stderr=theirs, env=environment) as process:
        os.close(theirs)
        written = b"".join(iter(lambda: _read(ours), b""))
    assert process.returncode == 0
    os.close(ours)
    return written.decode()


def _read(terminal: int) -> bytes:
    """A terminal that is closed at its other end raises."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def _screen(written: str) -> list[str]:
    """The lines that stand on the screen in the end, of a terminal that knows what we use of its language."""
    lines, row = [""], 0
    for part in re.findall(r"\x1b\[\d*[A-Za-z]|\r|\n|[^\x1b\r\n]+", written):
        if part == LINE_UP:
            row -= 1
        elif part == CLEAR_LINE:
            lines[row] = ""
        elif part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part != "\r" and not part.startswith("\x1b"):
            lines[row] += part
    return [line for line in lines if line]
