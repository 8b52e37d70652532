"""How states look: of runs, tasks, steps, items and nominal times: a name, a colour and a shape. Never a colour alone.

`css` is the class that chooses the colour; `shape` the symbol of templates/_symbols.html. Pure.
"""

from dataclasses import dataclass

from crontask.api.outcomes import Became
from crontask.api.phases import TERMINAL, RunPhase


@dataclass(frozen=True, slots=True)
class Look:
    """A state for people."""

    word: str
    css: str
    shape: str


NEW = Look("New", "idle", "dots")
_GOOD, _HALF, _BAD, _LATE, _RUNS, _IDLE, _HELD = "good", "half", "bad", "late", "runs", "idle", "held"
_STATES: dict[str, Look] = {
    "Pending": Look("Pending", _IDLE, "dots"),
    "Queued": Look("Queued", _IDLE, "queue"),
    "Running": Look("Running", _RUNS, "play"),
    "Retrying": Look("Retrying", _HALF, "again"),
    "Canceling": Look("Canceling", _HELD, "stop"),
    "Compensating": Look("Undoing", _HALF, "undo"),
    "Succeeded": Look("Succeeded", _GOOD, "check"),
    "Partial": Look("Partial", _HALF, "half"),
    "Failed": Look("Failed", _BAD, "cross"),
    "TimedOut": Look("Timed out", _LATE, "glass"),
    "Canceled": Look("Canceled", _HELD, "stop"),
    "Skipped": Look("Skipped", _IDLE, "skip"),
    "Missed": Look("Missed", _LATE, "ring"),
    "Paused": Look("Paused", _HELD, "pause"),
    # Of tasks.
    "Active": Look("Active", _GOOD, "clock"),
    "Suspended": Look("Suspended", _HELD, "pause"),
    "Completed": Look("Completed", _IDLE, "flag"),
    "Invalid": Look("Invalid", _BAD, "warn"),
    "Rejected": Look("Rejected", _BAD, "warn"),
    "Failing": Look("Failing", _BAD, "cross"),
    "Overdue": Look("Overdue", _LATE, "glass"),
    # Of steps.
    "Waiting": Look("Waiting", _IDLE, "dots"),
    "NotReached": Look("Not reached", _IDLE, "skip"),
    "Reused": Look("Reused", _GOOD, "again"),
}
BECAME: dict[Became, Look] = {
    Became.SUCCEEDED: _STATES["Succeeded"],
    Became.PARTIAL: _STATES["Partial"],
    Became.FAILED: _STATES["Failed"],
    Became.TIMED_OUT: _STATES["TimedOut"],
    Became.CANCELED: _STATES["Canceled"],
    Became.RUNS: _STATES["Running"],
    Became.SKIPPED: _STATES["Skipped"],
    Became.MISSED: _STATES["Missed"],
    Became.REPLACED: Look("Replaced", _HELD, "skip"),
}
ITEMS: dict[str, Look] = {
    "-": Look("To come", _IDLE, "dots"),
    "R": _STATES["Running"],
    "S": _STATES["Succeeded"],
    "P": _STATES["Partial"],
    "F": _STATES["Failed"],
    "T": _STATES["TimedOut"],
    "C": _STATES["Canceled"],
    "N": _STATES["NotReached"],
    "U": _STATES["Reused"],
}
# A letter's drawing in a cell of 6 by 12, from its upper left corner; what is inside another outline is left out.
_PATHS = {
    "S": "h6v12h-6z",
    "U": "h6v12h-6zm1.5 1.5h3v2h-3z",
    "P": "m0 6h6v6h-6zm0-6h6v1.5h-6z",
    "F": "m1.5 0 1.5 4.5 1.5-4.5 1.5 1-2 5 2 5-1.5 1-1.5-4.5-1.5 4.5-1.5-1 2-5-2-5z",
    "T": "h6l-3 6 3 6h-6l3-6z",
    "C": "h6v12h-6zm1.5 1.5v9h3v-9z",
    "R": "m0 1 6 5-6 5z",
    "s": "m0 9h6v3h-6z",
    "N": "m0 9h6v3h-6z",
    "m": "m0 6a3 3 0 1 0 6 0a3 3 0 1 0-6 0zm1.5 0a1.5 1.5 0 1 1 3 0a1.5 1.5 0 1 1-3 0z",
    "r": "m0 1h2l4 5-4 5h-2l4-5z",
    "-": "m2 5h2v2h-2z",
}


def look_of(phase: object) -> Look:
    """How a state looks; one that nobody here knows, by its own name."""
    if not isinstance(phase, str) or not phase:
        return NEW
    return _STATES.get(phase) or Look(phase[:32], _IDLE, "dots")


def is_open(phase: object) -> bool:
    """Whether a run in that phase has not ended."""
    return phase not in TERMINAL


def drawing(letter: str) -> str:
    """The path of a nominal time or an item, after the move to its corner."""
    return _PATHS[letter]


OPEN_PHASES = tuple(phase for phase in RunPhase if not phase.terminal)
