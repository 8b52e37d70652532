"""The bar that says how far a simulation is: when it is shown, where, and that it leaves nothing behind."""

import io
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crontask.cli.progress import Progress

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=10)
SIMULATE = [sys.executable, "-m", "crontask.cli.main", "simulate", "--from", "2026-01-01T00:00:00Z"]
EXAMPLE = str(Path(__file__).resolve().parents[3] / "examples" / "every-minute.yaml")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def stderr_as_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """What is written to it. Within a test: pytest puts its own streams in place before each."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    return terminal


class Watch:
    """A clock of seconds that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def shown_at(seconds: list[float], days: list[int]) -> None:
    """Tell a bar how far it is, at seconds of its clock."""
    watch = Watch()
    with Progress(START, END, watch) as progress:
        for watch.seconds, day in zip(seconds, days, strict=True):
            progress.show(START + timedelta(days=day))


def shown_after_a_line() -> None:
    """Tell a bar how far it is, once there was a line of output."""
    watch = Watch()
    with Progress(START, END, watch) as progress:
        assert list(progress.until_the_first(["a line"])) == ["a line"]
        watch.seconds = 1.2
        progress.show(START + timedelta(days=4))


def test_what_is_done_within_a_second_shows_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = stderr_as_terminal(monkeypatch)
    shown_at([0.2, 0.4, 0.9], [2, 5, 9])
    assert stderr.getvalue() == ""


def test_what_takes_longer_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = stderr_as_terminal(monkeypatch)
    shown_at([0.5, 1.2, 1.4], [1, 4, 7])
    assert "40%" in stderr.getvalue()
    assert "70%" in stderr.getvalue()
    assert "10%" not in stderr.getvalue()


def test_it_is_drawn_ten_times_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = stderr_as_terminal(monkeypatch)
    shown_at([1.2, 1.25, 1.4], [4, 5, 7])
    assert "50%" not in stderr.getvalue()


def test_lines_on_the_same_terminal_take_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = stderr_as_terminal(monkeypatch)
    monkeypatch.setattr(sys, "stdout", Terminal())
    shown_after_a_line()
    assert stderr.getvalue() == ""


def test_lines_that_go_elsewhere_leave_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = stderr_as_terminal(monkeypatch)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    shown_after_a_line()
    assert "40%" in stderr.getvalue()


def on_a_terminal(command: list[str]) -> tuple[str, str]:
    """The output of a command, and what its terminal shows of stderr."""
    terminal, end = pty.openpty()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=end, env={**os.environ, "TERM": "xterm"}) as process:
        os.close(end)
        assert process.stdout is not None
        output = process.stdout.read().decode()
        assert process.wait(timeout=120) == 0
    shown = b""
    try:
        while piece := os.read(terminal, 65536):
            shown += piece
    except OSError:
        # The end of a terminal whose other side is closed.
        return output, shown.decode()
    finally:
        os.close(terminal)
    return output, shown.decode()


def test_it_goes_to_the_terminal_of_stderr_and_the_lines_to_stdout() -> None:
    output, shown = on_a_terminal([*SIMULATE, "-f", EXAMPLE, "--to", "2026-05-01T00:00:00Z"])
    assert output.splitlines()[-1] == "172,799 started"
    assert "simulating" not in output
    assert "simulating" in shown


def test_nothing_is_shown_where_stderr_is_no_terminal() -> None:
    command = [*SIMULATE, "-f", EXAMPLE, "--to", "2026-03-01T00:00:00Z"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == ""
