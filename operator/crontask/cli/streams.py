"""The standard streams of a command: what becomes of them is no matter of each verb.

A reader that has gone away (`| head`) ends it quietly, with 0, or with the code of a run that has ended by then; an
output that cannot be written, with a line on stderr and 1. What stderr does not take shows in the exit code alone.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TextIO, cast

OUTPUT_FAILED = 1
_known_code: ContextVar[int] = ContextVar("known_code", default=0)


class _UnwrittenError(Exception):
    """Stdout has not taken what was written to it."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(cause.strerror or str(cause))
        self.reader_is_gone = isinstance(cause, BrokenPipeError)


class _Writer(Protocol):
    """A text stream, or a buffer of bytes."""

    def write(self, data: Any, /) -> int:
        """Raises OSError."""

    def flush(self) -> None:
        """Raises OSError."""


class _Closed:
    """A stream that is not there. What is written to it fails."""

    encoding = "utf-8"

    def write(self, data: Any, /) -> int:
        """Fails."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def flush(self) -> None:
        """Nothing waits to be written."""

    def isatty(self) -> bool:
        """No."""
        return False


class _Watched:
    """A stream; `failed` is called when it does not take what is written. All else is the stream's own."""

    def __init__(self, stream: _Writer, failed: Callable[[OSError], None]) -> None:
        self._stream = stream
        self._failed = failed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def buffer(self) -> "_Watched":
        """Where a text stream leaves its bytes."""
        return _Watched(self._stream.buffer, self._failed)  # type: ignore[attr-defined]

    def write(self, data: Any, /) -> int:
        """Write, or report that it failed."""
        try:
            return self._stream.write(data)
        except OSError as error:
            self._failed(error)
            return len(data)

    def flush(self) -> None:
        """Flush, or report that it failed."""
        try:
            self._stream.flush()
        except OSError as error:
            self._failed(error)


def ends_with(code: int) -> None:
    """The command ends with this code, whether or not somebody reads what it still prints."""
    _known_code.set(code)


@contextmanager
def standard_streams() -> Iterator[None]:
    """Within it, what goes wrong with the streams ends the process as the module says, by SystemExit."""
    _known_code.set(0)
    before = sys.stdout, sys.stderr
    # The stubs do not know that the streams of a process can be closed.
    stdout, stderr = cast("tuple[TextIO | None, TextIO | None]", before)
    sys.stdout = cast(TextIO, _Watched(stdout or _Closed(), _stop))
    sys.stderr = cast(TextIO, _Watched(stderr or _Closed(), _go_on))
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except _UnwrittenError as error:
        _let_go(stdout)
        if error.reader_is_gone:
            sys.exit(_known_code.get())
        sys.stderr.write(f"the output cannot be written: {error}\n")
        sys.exit(OUTPUT_FAILED)
    finally:
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def _stop(error: OSError) -> None:
    raise _UnwrittenError(error) from error


def _go_on(error: OSError) -> None:
    """Nobody reads what is printed any more."""


def _let_go(stream: TextIO | None) -> None:
    """What is left in it goes nowhere: at its end the interpreter would try again to write it, and complain."""
    if stream is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
