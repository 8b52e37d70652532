"""Processes end by their record, and nobody else's process ever does."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.processes import ClusterError, ComponentError, Processes, Record


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that none of the records under test is about."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_started_process_runs_until_it_is_stopped(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    processes.start("sleeper", ["sleep", "60"])
    pid = processes.pid("sleeper")

    assert pid is not None
    assert Processes(tmp_path).pid("sleeper") == pid
    processes.stop("sleeper")
    assert processes.pid("sleeper") is None
    assert processes.names() == []
    assert not Path(f"/proc/{pid}").exists()


def test_the_command_of_a_process_is_known_while_it_runs(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    processes.start("sleeper", ["sh", "-c", 'exec sleep "$1"', "a name with spaces", "60"])
    processes.wait("sleeper", lambda: processes.command("sleeper") == ["sleep", "60"])

    with pytest.raises(ClusterError, match="nobody does not run"):
        processes.command("nobody")
    processes.stop("sleeper", grace=0)
    with pytest.raises(ClusterError, match="sleeper does not run"):
        processes.command("sleeper")


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    processes.start("stubborn", ["sh", "-c", "trap '' TERM; echo ready; exec sleep 60"])
    processes.wait("stubborn", lambda: "ready" in processes.log("stubborn").read_text())

    processes.stop("stubborn", grace=0.1)
    assert processes.pid("stubborn") is None


def test_a_reused_pid_is_not_ours(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    before = dataclasses.replace(Record.of(stranger.pid), started=1)
    (tmp_path / "etcd.pid").write_text(json.dumps(dataclasses.asdict(before)))
    processes = Processes(tmp_path)

    assert processes.pid("etcd") is None
    processes.stop("etcd")
    assert stranger.poll() is None
    assert processes.names() == []


def test_a_record_of_another_boot_is_not_ours(stranger: subprocess.Popen[bytes]) -> None:
    record = Record.of(stranger.pid)

    assert record.alive()
    assert not dataclasses.replace(record, boot="another").alive()


def test_a_process_that_ends_while_awaited_is_told_with_its_log(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    processes.start("broken", ["sh", "-c", "echo no such flag; exit 1"])

    with pytest.raises(ComponentError, match=r"broken ended(.|\n)*no such flag"):
        processes.wait("broken", lambda: False)


def test_the_reaper_ends_everything_when_its_owner_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "control-plane"
    folder.mkdir()
    script = (
        "import sys, time; from pathlib import Path; from cluster.control_plane import start_reaper;"
        "from cluster.processes import Processes; folder = Path(sys.argv[1]);"
        "reaper = start_reaper(folder); Processes(folder).start('sleeper', ['sleep', '60']);"
        "print('started', flush=True); time.sleep(60)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, str(folder)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        sleeper = Record(**json.loads((folder / "sleeper.pid").read_text()))
        assert sleeper.alive()
        owner.send_signal(signal.SIGKILL)

    Processes(tmp_path).start("waiter", ["sleep", "60"])
    Processes(tmp_path).wait("waiter", lambda: not folder.exists())
    Processes(tmp_path).stop("waiter", grace=0)
    assert not sleeper.alive()
