"""How a Python handler failed, for people: the error, and where in the user's own code it was."""

import os
import traceback
from types import TracebackType

from crontask.runner.limit import OutOfTime
from crontask.runner.message import FAILED, OK, STOPPED, TIMED_OUT, Report, cut
from crontask.runner.stop import Stopped

_FRAMES = 3
# The operator keeps 1024 characters: with these there is room for the frames.
_LONGEST_TEXT = 560
_LONGEST_PLACE = 120
_RUNNER = os.path.dirname(os.path.abspath(__file__)) + os.sep
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep


def failure(error: BaseException, *, stop_asked: bool, seconds: float) -> Report:
    """The report of a handler that ended by raising this."""
    if isinstance(error, SystemExit):
        return _exit(error)
    places = "".join(f"\n  at {place}" for place in _places(error.__traceback__))
    if stop_asked:
        also = "" if isinstance(error, Stopped) else f", and ended with {describe_error(error)}"
        return Report("failed", STOPPED, f"stopped by SIGTERM after {seconds:.1f} s{also}{places}", error=error)
    return Report("failed", FAILED, describe_error(error) + places, error=error)


def out_of_time(error: BaseException, limit: float) -> Report:
    """The report of a batch that took longer than that, and ended by raising this."""
    also = "" if isinstance(error, OutOfTime) else f", and ended with {describe_error(error)}"
    places = "".join(f"\n  at {place}" for place in _places(error.__traceback__))
    return Report("failed", TIMED_OUT, f"took longer than its timeout of {limit:g} s{also}{places}", error=error)


def describe_error(error: BaseException) -> str:
    """The type's name and the text of an error."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - whatever is wrong with the user's own __str__, its error has to be reported
        text = "(its text cannot be shown: its __str__ fails)"
    name = type(error).__name__
    return cut(f"{name}: {text}" if text else name, _LONGEST_TEXT)


def _exit(error: SystemExit) -> Report:
    """sys.exit(): nothing, a number, or the text of a failure."""
    code = error.code
    if code is None:
        return Report("success", OK)
    if not isinstance(code, int):
        return Report("failed", FAILED, describe_error(error).removeprefix("SystemExit: "), error=error)
    if code == 0:
        return Report("success", OK)
    # Of an exit code the system keeps eight bits: those of 256 would be a success.
    kept = code & 0xFF or FAILED
    places = "".join(f"\n  at {place}" for place in _places(error.__traceback__))
    return Report("failed", kept, f"the handler ended with exit code {code}{places}", error=error)


def _places(trace: TracebackType | None) -> list[str]:
    """The last frames in the user's own code; if there are none, in any code but the runner's."""
    frames = [frame for frame in traceback.extract_tb(trace) if not frame.filename.startswith((_RUNNER, "<frozen "))]
    own = [frame for frame in frames if not _of_library(frame.filename)]
    return [_place(frame) for frame in (own or frames)[-_FRAMES:]]


def _of_library(filename: str) -> bool:
    return filename.startswith(_STANDARD_LIBRARY) or f"{os.sep}site-packages{os.sep}" in filename


def _place(frame: traceback.FrameSummary) -> str:
    name = frame.filename
    here = os.getcwd() + os.sep
    place = f"{name.removeprefix(here)}:{frame.lineno} in {frame.name}"
    return cut(f"{place}: {frame.line}" if frame.line else place, _LONGEST_PLACE)
