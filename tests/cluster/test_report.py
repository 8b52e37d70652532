"""Progress of steps that go on side by side: ticking lines on a terminal, plain lines elsewhere."""

import io
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


def test_without_a_terminal_a_step_writes_lines_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is read of pytest's own capture while somebody writes can be lost.
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    monkeypatch.setattr(report, "FIRST_LINE", 0.0)
    monkeypatch.setattr(report, "REDRAWN", 0.01)
    with report.step("building") as step:
        step.detail = "3 of 7 packages"
        deadline = time.monotonic() + 60
        while not said.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)

    goes_on, done = said.getvalue().splitlines()
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
from cluster import report
with report.step("outer"):
    with report.step("inner") as inner:
        inner.detail = "1 of 2"
        input()
"""
    written = _on_terminal(script, columns=80, until="     inner: 1 of 2 … ")
    assert [re.sub(r"[\d.]+ s$", "", line) for line in _screen(written)] == ["done inner ", "done outer "]


def test_on_a_terminal_a_long_line_is_cut_to_its_width_and_shown_at_once() -> None:
    script = "from cluster import report\nreport.REDRAWN = 3600\nwith report.step('x' * 200): input()"
    written = _on_terminal(script, columns=40, until="     x")
    drawn = [line for line in written.replace("\r", "\n").splitlines() if line.startswith("     x")]

    assert drawn
    assert {len(line) for line in drawn} == {39}


def _on_terminal(script: str, columns: int, until: str) -> str:
    """All that a script writes to a terminal; a line of input is given to it once it has written `until`."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": str(columns), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        written = b""
        while until.encode() not in written and (more := _read(ours)):
            written += more
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
        written += b"".join(iter(lambda: _read(ours), b""))
    assert process.returncode == 0
    os.close(ours)
    assert until in written.decode()
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
