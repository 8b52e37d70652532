"""Long-running processes: started with a log file, awaited by a condition, stopped by their recorded pid.

A record holds the pid *and* the start time of the process, so that a pid that the kernel has given to
somebody else meanwhile is never signalled. Called by control_plane, cluster and reaper; standard library only.
"""

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PROXIES_NOT_FOR = "localhost,127.0.0.1,10.0.0.0/8,.svc,.cluster.local"
"""Nodes, pods, services: all on this machine, whatever proxy the environment names for the world outside."""

BOOT = Path("/proc/sys/kernel/random/boot_id")


class ClusterError(Exception):
    """Something that the user can read and act upon; the command line prints it without a traceback."""


class ComponentError(ClusterError):
    """A component ended or did not become ready; the message has the end of its log."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        self.name, self.what, self.log = name, what, log
        super().__init__(f"{name} {what}.\nThe last lines of its log ({log}):\n{tail(log)}")


@dataclass(frozen=True)
class Record:
    """Which process exactly: pids are reused, a pid with its start time (in ticks since this boot) is not."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Record":
        return cls(pid, _started(pid) or 0, BOOT.read_text().strip())

    def alive(self) -> bool:
        return _started(self.pid) == self.started and self.boot == BOOT.read_text().strip()


class Processes:
    """The processes whose logs (NAME.log) and records (NAME.pid) are in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.pid"))

    def pid(self, name: str) -> int | None:
        """The pid of the component if it runs."""
        record = self._record(name)
        return record.pid if record and record.alive() else None

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start in a session of its own, so that a Ctrl-C at the terminal is ours to handle and not the component's."""
        log = str(self.log(name))
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        pid = os.posix_spawnp(command[0], list(command), environment(), file_actions=actions, setsid=True)
        self._record_path(name).write_text(json.dumps(asdict(Record.of(pid))))

    def command(self, name: str) -> list[str]:
        """The command line of a component that runs, by which it can be started again."""
        pid = self.pid(name)
        if pid is None:
            raise ClusterError(f"{name} does not run.")
        return [part.decode() for part in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]]

    def wait(self, name: str, ready: Callable[[], bool], timeout: float = 60) -> None:
        """Wait until the component is ready; raise ComponentError if it ends or takes too long."""
        deadline = time.monotonic() + timeout
        while not ready():
            if self.pid(name) is None:
                raise ComponentError(name, "ended", self.log(name))
            if time.monotonic() > deadline:
                raise ComponentError(name, f"was not ready after {timeout:.0f} s", self.log(name))
            time.sleep(0.05)

    def stop(self, name: str, grace: float = 15) -> None:
        """End the component if it still is the process that was started; forget it in any case."""
        if record := self._record(name):
            end(record, grace)
        self._record_path(name).unlink(missing_ok=True)

    def _record_path(self, name: str) -> Path:
        return self.folder / f"{name}.pid"

    def _record(self, name: str) -> Record | None:
        try:
            return Record(**json.loads(self._record_path(name).read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None


def environment() -> dict[str, str]:
    """Ours, with no proxy between the cluster's parts."""
    given = [os.environ[name] for name in ("NO_PROXY", "no_proxy") if os.environ.get(name)]
    excluded = ",".join([*given, PROXIES_NOT_FOR])
    return os.environ | {"NO_PROXY": excluded, "no_proxy": excluded}


def end(record: Record, grace: float) -> None:
    """SIGTERM, wait, SIGKILL, wait. The handle is opened before the check: it cannot become another process after."""
    try:
        handle = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return
    try:
        if record.alive():
            signal.pidfd_send_signal(handle, signal.SIGTERM if grace else signal.SIGKILL)
            if not _ended(handle, grace):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                _ended(handle, 10)
        with contextlib.suppress(ChildProcessError):  # Not ours to reap: the starter was another process.
            os.waitpid(record.pid, os.WNOHANG)
    finally:
        os.close(handle)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, each shortened to what fits a screen."""
    try:
        text = log.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return "  (no log)"
    return "\n".join(f"  {line[:300]}" for line in text) or "  (empty)"


def _started(pid: int) -> int | None:
    """The start time of a process that runs (a zombie does not)."""
    try:
        # The command's name, in parentheses, may itself hold spaces and parentheses.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _ended(handle: int, timeout: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(timeout * 1000))
