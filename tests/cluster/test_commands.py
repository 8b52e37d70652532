"""Long commands: followed, shown by their last lines if they fail, and ended with all that they started."""

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster import commands
from cluster.processes import ClusterError, Record

IN_THE_BACKGROUND = "sleep 60 & echo $!; wait"
"""A command that starts another one, and says its pid."""


def test_each_line_is_given_as_it_is_said() -> None:
    lines: list[str] = []
    commands.run_long(["sh", "-c", "echo one; echo two >&2"], on_line=lines.append)

    assert lines == ["one", "two"]


def test_a_failure_shows_the_last_lines_and_not_the_first() -> None:
    with pytest.raises(ClusterError) as failed:
        commands.run_long(["sh", "-c", "seq 100; echo no such flag >&2; exit 3"])

    assert str(failed.value).splitlines()[-3:] == ["  99", "  100", "  no such flag"]
    assert "\n  1\n" not in str(failed.value)


def test_a_command_runs_where_and_with_what_it_is_told(tmp_path: Path) -> None:
    lines: list[str] = []
    command = ["/bin/sh", "-c", "pwd; echo $A; read nothing || echo no input"]
    commands.run_long(command, folder=tmp_path, environment={"A": "a"}, on_line=lines.append)

    assert lines == [str(tmp_path), "a", "no input"]


def test_what_raises_while_a_command_runs_ends_it_and_what_it_started() -> None:
    started: list[Record] = []

    def interrupted(line: str) -> None:
        started.append(Record.of(int(line)))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        commands.run_long(["sh", "-c", IN_THE_BACKGROUND], on_line=interrupted)
    _until(lambda: not started[0].alive())


@pytest.mark.parametrize(("interruptible", "wanted"), [(True, ""), (False, "done\n")])
def test_what_would_be_left_half_made_is_ended_only_by_itself(tmp_path: Path, interruptible: bool, wanted: str) -> None:
    made = tmp_path / "made"
    made.touch()

    def interrupted(line: str) -> None:
        raise KeyboardInterrupt

    # It says more than a pipe holds.
    command = ["sh", "-c", f"echo begun; sleep 0.5; seq 100000; echo done > {made}"]
    with pytest.raises(KeyboardInterrupt):
        commands.run_long(command, on_line=interrupted, interruptible=interruptible)
    assert made.read_text() == wanted


@pytest.mark.parametrize(("interruptible", "wanted"), [(True, ""), (False, "done\n")])
def test_nor_is_it_ended_when_all_are(tmp_path: Path, interruptible: bool, wanted: str) -> None:
    made, begun = tmp_path / "made", threading.Event()
    made.touch()

    def run() -> None:
        with contextlib.suppress(commands.EndedError):
            command = ["sh", "-c", f"echo begun; sleep 0.5; seq 100000; echo done > {made}"]
            commands.run_long(command, on_line=lambda line: begun.set(), interruptible=interruptible)

    with commands.together():
        thread = threading.Thread(target=run)
        thread.start()
        begun.wait()
        commands.end_all()
        thread.join()
    assert made.read_text() == wanted


def test_who_does_not_heed_an_interrupt_is_killed_after_its_grace() -> None:
    stubborn = "trap '' INT TERM; echo ready; while :; do sleep 60; done"
    with subprocess.Popen(["sh", "-c", stubborn], stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        commands.end(process, grace=0.1)

        assert process.returncode == -signal.SIGKILL


def test_after_all_are_ended_none_starts(tmp_path: Path) -> None:
    """In a process of its own, which is about to end."""
    script = f"""
import threading
from cluster import commands

def run():
    try:
        commands.run_long(["sh", "-c", {IN_THE_BACKGROUND!r}], on_line=lambda line: (print(line), said.set()))
    except commands.EndedError:
        print("ended")

said = threading.Event()
thread = threading.Thread(target=run)
thread.start()
said.wait()
commands.end_all()
thread.join()
try:
    commands.run_long(["touch", {str(tmp_path / "made")!r}])
except commands.EndedError:
    print("not started")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=_importing())
    pid, *said = done.stdout.splitlines()

    assert said == ["ended", "not started"]
    assert not (tmp_path / "made").exists()
    _until(lambda: not Path(f"/proc/{pid}").exists())


def test_two_with_the_same_lock_take_turns(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with commands.alone(tmp_path / "lock", "the first"):
            order.append("second")

    thread = threading.Thread(target=second)
    with commands.alone(tmp_path / "lock", "nobody"):
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def _importing() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"}


def _until(holds: Callable[[], bool], timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
