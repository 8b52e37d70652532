"""Every name that the operator gives to an object, and the labels that it finds them by.

Names are deterministic: creating the same thing twice is a conflict, never a double.
"""

import re
from datetime import UTC, datetime
from hashlib import sha256

LABEL_TASK = "crontask.dev/task"
LABEL_RUN = "crontask.dev/run"
# Of a part: the run that it is a part of.
LABEL_PARENT = "crontask.dev/parent"
# Of what an application registers by its code: whose it is.
LABEL_OWNER = "crontask.dev/owner"
ANNOTATION_RESUME = "crontask.dev/resume"
# Of a task that is paused: who paused it.
ANNOTATION_SUSPENDED_BY = "crontask.dev/suspended-by"
ANNOTATION_CATCH_UP = "crontask.dev/catch-up"
# Of a pre-created run.
ANNOTATION_RESERVED = "crontask.dev/reserved"
ANNOTATION_TRIGGER = "crontask.dev/trigger"
# Of a run that is canceled to make room for another: the name of that one.
ANNOTATION_REPLACED_BY = "crontask.dev/replaced-by"
# Of a finished run: by which run it is run again, as NAME/UID. Once that is gone nobody else would know.
ANNOTATION_RERUN_BY = "crontask.dev/rerun-by"
# Of a composite run: which of its steps that ask for approval somebody approves, or rejects.
ANNOTATION_APPROVE = "crontask.dev/approve"
ANNOTATION_REJECT = "crontask.dev/reject"
# Of a backfill: which of the times in its range it is for, see BACKFILL_*.
ANNOTATION_BACKFILL = "crontask.dev/backfill"
BACKFILL_MISSING, BACKFILL_FAILED, BACKFILL_ALL = BACKFILL_CHOICES = ("missing", "failed", "all")
# Of a pod: the concurrency group of its task, in whose way it is even when its task and run are gone.
ANNOTATION_GROUP = "crontask.dev/group"
# Of a pod that we have had stopped: why, and when we asked for it.
ANNOTATION_STOPPED = "crontask.dev/stopped"
ANNOTATION_STOP_REQUESTED_AT = "crontask.dev/stop-requested-at"
# The reason of the condition Ready of a task that comes after one which does not exist.
PREDECESSOR_MISSING = "PredecessorMissing"
MAIN_CONTAINER = "main"

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
"""The names of most objects, as a whole; how long one may be is another matter."""
_LONGEST = 63
_LONGEST_RUN = 60
_LONGEST_PART = 29
_HASH = 8
# Longer than the digits of any time, so that none of these has the name of a scheduled run. Each kind of name has a
# length of its own, by which the admission policy knows them: nobody takes the name of a run that is to come.
_KEY, DRAWN, _CAUSE, _BACKFILL = 10, 11, 12, 13
# The last second of the year 9999.
_LAST_SECOND = 253_402_300_799
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_UNDO = "/undo"
PART_OF_COLLECT = "collect"
"""The part of a fan-out that is given the totals."""


def run_name(task: str, nominal: datetime) -> str:
    """The run of a nominal time: `<task>-<unix seconds in base 36>`."""
    return shortened(f"{task}-{_base36(int(nominal.timestamp()))}", 60)


def pod_name(run: str, attempt: int) -> str:
    """The pod of an attempt: `<run>-<number>`."""
    return shortened(f"{run}-{attempt}")


def follow_up_name(task: str, cause_uid: str) -> str:
    """The run of a task that the end of another run causes."""
    return shortened(f"{task}-{sha256(cause_uid.encode()).hexdigest()[:_CAUSE]}", _LONGEST_RUN)


def keyed_name(task: str, key: str) -> str:
    """The run of a task for which somebody asks by a key: whoever asks again asks for the same."""
    return _digested(task, key, _KEY)


def name_of_backfill(task: str, first: str, last: str, only: str, number: int = 1) -> str:
    """The backfill of a task from one nominal time to another: whoever asks again asks for the same.

    `number`: of one after others that have left something of the same range undone.
    """
    again = f" {number}" if number > 1 else ""
    return _digested(f"{task}-backfill", f"{first}/{last} {only}{again}", _BACKFILL)


def drawn_name(begin: str, letters: str) -> str:
    """Any other run that somebody asks for: by `DRAWN` letters or digits that nobody else has drawn."""
    return _cut(begin, letters)


def _digested(begin: str, text: str, letters: int) -> str:
    """Two of which no more than the same begin is left in their names have names of their own."""
    cut = len(begin) + 1 + letters > _LONGEST_RUN
    return _cut(begin, sha256((f"{begin}\0{text}" if cut else text).encode()).hexdigest()[:letters])


def _cut(begin: str, end: str) -> str:
    return f"{begin[: _LONGEST_RUN - 1 - len(end)].rstrip('-')}-{end}"


def part_of_step(name: str) -> str:
    """The part of a composite run that does a step."""
    return name


def part_of_undo(name: str) -> str:
    """The part of a composite run that undoes a step."""
    return f"{name}{_UNDO}"


def part_of_item(index: int) -> str:
    """The part of a fan-out that looks after an item."""
    return str(index)


def part_of_batch(number: int) -> str:
    """The part of a run in batches that does one of them, or several: the number is its own."""
    return f"batch-{number}"


def step_of_part(part: str) -> str:
    """The step that a part does, or undoes."""
    return part.removesuffix(_UNDO)


def part_name(parent: str, parent_uid: str, part: str) -> str:
    """The run of a part of a composite run: both names, cut, and a hash of what they stand for."""
    digest = sha256(f"{parent_uid}\0{part}".encode()).hexdigest()[:_HASH]
    own = re.sub("[^a-z0-9]+", "-", part)[:_LONGEST_PART].strip("-")
    room = _LONGEST_RUN - len(own) - len(digest) - 2
    return f"{parent[:room].rstrip('-')}-{own}-{digest}"


def nominal_of(task: str, run: str) -> datetime | None:
    """The nominal time in a name made by `run_name`, None for any other name."""
    prefix, _, digits = run.rpartition("-")
    if prefix != task or not digits or any(d not in _DIGITS for d in digits) or len(digits) > 8:
        return None
    seconds = int(digits, 36)
    return datetime.fromtimestamp(seconds, UTC) if seconds <= _LAST_SECOND else None


def shortened(name: str, longest: int = _LONGEST) -> str:
    """The name, its end replaced by a hash of the whole where it is longer than fits."""
    if len(name) <= longest:
        return name
    return f"{name[: longest - _HASH - 1].rstrip('-.')}-{sha256(name.encode()).hexdigest()[:_HASH]}"


def near_label(name: str, longest: int = _LONGEST) -> str:
    """A DNS label that is near to what somebody wrote; empty where there is nothing of it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:longest].strip("-")


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
