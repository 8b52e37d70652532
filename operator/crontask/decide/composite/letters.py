"""How each of many items goes, in a letter each: run-length coded, as it stands in the status of a fan-out."""

import re
from itertools import groupby

from crontask.api.phases import RunPhase
from crontask.decide.model import ScheduledRun

TO_COME, RUNS, SUCCEEDED, PARTIAL, FAILED, TIMED_OUT, CANCELED, NOT_REACHED, REUSED = "-RSPFTCNU"
OPEN = frozenset({TO_COME, RUNS})
WELL = frozenset({SUCCEEDED, PARTIAL, REUSED})
BADLY = frozenset({FAILED, TIMED_OUT, CANCELED})
_ALL = f"{TO_COME}RSPFTCNU"
_GROUP = re.compile(rf"([{_ALL}])(\d{{0,4}})")
_LETTERS = {
    RunPhase.SUCCEEDED: SUCCEEDED,
    RunPhase.PARTIAL: PARTIAL,
    RunPhase.TIMED_OUT: TIMED_OUT,
    RunPhase.CANCELED: CANCELED,
}


def letter_of(part: ScheduledRun) -> str:
    """How the item goes that a run looks after."""
    if part.stale:
        return NOT_REACHED
    if part.done_already:
        return REUSED
    return _LETTERS.get(part.status.phase or RunPhase.PENDING, FAILED) if part.ended else RUNS


def coded(letters: str) -> str:
    """Each letter with how often it is repeated: `SSSF` is `S3F`."""
    groups = ((letter, len(list(group))) for letter, group in groupby(letters))
    return "".join(letter if times == 1 else f"{letter}{times}" for letter, times in groups)


def decoded(text: str, total: int) -> str:
    """So many letters; what is missing, or cannot be read, and all that follows it, is still to come."""
    found, at = "", 0
    while len(found) < total and (group := _GROUP.match(text, at)) is not None:
        found += group[1] * (int(group[2]) if group[2] else 1)
        at = group.end()
    return found[:total].ljust(total, TO_COME)
