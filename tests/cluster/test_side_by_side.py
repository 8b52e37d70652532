"""Jobs side by side: in the order of their needs, together where they may be, and ended together."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster import commands
from cluster.processes import Record
from cluster.side_by_side import Job, run


@pytest.fixture
def interrupts() -> Iterator[Callable[[Any], None]]:
    """Sets how a process that is started begins: these tests may run where interrupts are ignored."""
    before = signal.getsignal(signal.SIGINT)

    def begin_with(handler: Any) -> None:
        signal.signal(signal.SIGINT, handler)

    yield begin_with
    signal.signal(signal.SIGINT, before)


def test_a_job_begins_when_what_it_needs_is_done() -> None:
    done: list[str] = []
    jobs = [
        Job("image", lambda: done.append("image"), needs=("python", "packages")),
        Job("packages", lambda: done.append("packages"), needs=("lists",)),
        Job("lists", lambda: done.append("lists")),
    ]
    run(jobs)

    assert done == ["lists", "packages", "image"]


def test_jobs_that_need_nothing_go_on_at_the_same_time() -> None:
    """Each waits for the other two."""
    together = threading.Barrier(3, timeout=30)
    run(Job(str(number), together.wait) for number in range(3))


def test_no_jobs_are_done_at_once() -> None:
    run([])


def test_the_first_failure_ends_the_others_and_is_told(tmp_path: Path) -> None:
    done = _run(
        tmp_path, 'Job("fails", lambda: (said.wait(), commands.run_long(["sh", "-c", "echo no space; exit 1"])))'
    )

    assert done.returncode == 1
    assert "ClusterError" in done.stderr
    assert "no space" in done.stderr
    assert "EndedError" not in done.stderr.splitlines()[-1]
    assert not Path(f"/proc/{done.stdout.split()[0]}").exists()
    assert done.stdout.split()[1:] == ["tidied"]


def test_the_others_are_ended_where_interrupts_are_ignored(tmp_path: Path, interrupts: Callable[[Any], None]) -> None:
    interrupts(signal.SIG_IGN)
    done = _run(tmp_path, 'Job("fails", lambda: (said.wait(), commands.run_long(["sh", "-c", "exit 1"])))')

    assert done.returncode == 1
    assert done.stdout.split()[1:] == ["tidied"]


def test_an_interruption_ends_all_and_leaves_no_process(interrupts: Callable[[Any], None]) -> None:
    interrupts(signal.default_int_handler)
    command = [sys.executable, "-c", _script('Job("waits", lambda: None, needs=("long",))')]
    with subprocess.Popen(
        command, env=_importing(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        sleeper = Record.of(int(process.stdout.readline()))
        assert sleeper.alive()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)

    assert said.split() == ["tidied"]
    assert not sleeper.alive()


def _run(folder: Path, other: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _script(other)]
    return subprocess.run(
        command, cwd=folder, env=_importing(), capture_output=True, text=True, check=False, timeout=60
    )


def _script(other: str) -> str:
    """A long job, which says the pid of its command and puts its things away, and another one."""
    return f"""
import threading
from cluster import commands
from cluster.side_by_side import Job, run

said = threading.Event()

def tell(line):
    print(line, flush=True)
    said.set()

def long():
    try:
        commands.run_long(["sh", "-c", "echo $$; exec sleep 60"], on_line=tell)
    finally:
        print("tidied", flush=True)

run([Job("long", long), {other}])
"""


def _importing() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.mark.parametrize("needs", [("b",), ("a",)])
def test_jobs_that_need_one_another_are_refused(needs: tuple[str, ...]) -> None:
    with pytest.raises(AssertionError, match="by no job made"):
        run([Job("a", lambda: None, needs), Job("b", lambda: None, ("a",))])


def test_after_a_failure_commands_start_again() -> None:
    """Who calls it in a process that goes on, as these tests do, is not in the way of whatever comes next."""

    def fails() -> None:
        raise ValueError("no space")

    with pytest.raises(ValueError, match="no space"):
        run([Job("fails", fails)])
    said: list[str] = []
    commands.run_long(["echo", "started"], on_line=said.append)

    assert said == ["started"]
