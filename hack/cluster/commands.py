"""Commands that take long: followed line by line, shown by their last lines if they fail, and ended with us.

Each runs in a session of its own: a Ctrl-C at the terminal comes to us alone; we pass it on to the command and all that
it started, and wait until they have put their things away. Called by binaries, packages, dockerfile and side_by_side;
standard library only.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cluster import report
from cluster.processes import ClusterError

SHOWN = 25
"""So many of the last lines of a command that failed are shown."""

GRACE = 60.0
"""Seconds that an interrupted command has to end."""


class EndedError(Exception):
    """A command was ended before it was done, or not started: something else has failed, or somebody interrupted us."""


def run_long(
    command: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] = lambda line: None,
    interruptible: bool = True,
) -> None:
    """Run the command to its end; `on_line` is given each line that it says. Raises ClusterError with the last ones.

    One that is not interruptible would leave things half-made: who ends it waits until it has ended by itself.
    """
    last: deque[str] = deque(maxlen=SHOWN)
    process = _RUNNING.start(command, folder, environment, interruptible=interruptible)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            last.append(line.rstrip()[:300])
            on_line(line.rstrip())
        process.wait()
    except BaseException:
        if interruptible:
            end(process)
        else:
            process.communicate()
        raise
    finally:
        _RUNNING.forget(process)
    if process.returncode != 0:
        _RUNNING.check()
        said = "\n".join(f"  {line}" for line in last) or "  (nothing)"
        raise ClusterError(f"`{' '.join(command)[:200]}` failed. The end of what it said:\n{said}")


@contextmanager
def alone(lock: Path, what: str) -> Iterator[None]:
    """The block while no other process is in one with the same lock file, which stays; `what` is waited for."""
    with lock.open("w") as file:
        if not _locked(file):
            with report.step(f"waiting for {what}"):
                while not _locked(file):
                    _RUNNING.check()
                    time.sleep(0.2)
        yield


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def end_all() -> None:
    """End the commands that run in any thread, and let no other start until the block of `together` is left."""
    _RUNNING.end_all()


@contextmanager
def together() -> Iterator[None]:
    """The block whose threads `end_all` ends: when it is left they have ended, and commands start again."""
    try:
        yield
    finally:
        _RUNNING.allow()


def end(process: subprocess.Popen[str], grace: float = GRACE) -> None:
    """Interrupt the command and what it started; kill what is left when it has ended, or after the grace period."""
    _interrupt(process)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    _signal(process, signal.SIGKILL)
    process.wait()


def _interrupt(process: subprocess.Popen[str]) -> None:
    """In the background of a shell interrupts are ignored, by us and so by whatever we start."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    _signal(process, signal.SIGTERM if ignored else signal.SIGINT)


def _signal(process: subprocess.Popen[str], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # All of them have ended.
        os.killpg(process.pid, number)


class _Running:
    """The commands that run, and whether others may start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._interruptible: dict[subprocess.Popen[str], bool] = {}
        self._ended = False

    def start(
        self, command: Sequence[str], folder: Path | None, environment: Mapping[str, str] | None, *, interruptible: bool
    ) -> subprocess.Popen[str]:
        with self._lock:
            self.check()
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._interruptible[process] = interruptible
        return process

    def check(self) -> None:
        if self._ended:
            raise EndedError("All long commands were ended.")

    def allow(self) -> None:
        with self._lock:
            self._ended = False

    def forget(self, process: subprocess.Popen[str]) -> None:
        with self._lock:
            del self._interruptible[process]

    def end_all(self) -> None:
        with self._lock:
            self._ended = True
            running = dict(self._interruptible)
        for process, interruptible in running.items():  # All are told before one is awaited.
            if interruptible:
                _interrupt(process)
        for process, interruptible in running.items():
            if interruptible:
                end(process)
            else:
                process.wait()  # It is read by the thread that has started it.


_RUNNING = _Running()
