"""Pre-created runs: made before their time, so that at that time only the pod is to be made.

A reservation is no decision: it moves no watermark and counts nowhere, and who does not know of it decides the same.
It is a run with an annotation, without a status and without a pod; it is let go when its time is no more the next one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

from crontask.api.names import run_name
from crontask.decide.decisions import Discard, Launch, Reserve
from crontask.decide.stage import OCCUPIES_SLOT, stage_of
from crontask.decide.task.overlap import Slots
from crontask.decide.views import TaskView

# Many runs of one time are made one after the other, over the spread.
AHEAD, SPREAD = timedelta(seconds=20), timedelta(seconds=10)
# Later than that it is made at its time: it might only be in its own way.
LATEST = timedelta(milliseconds=200)


@dataclass(frozen=True, slots=True)
class Reservations:
    """What to make ahead and what to let go, and when the next one is to be made."""

    actions: tuple[Reserve | Discard, ...] = ()
    wake_at: datetime | None = None


def reservations(view: TaskView, slots: Slots, following: datetime | None, now: datetime) -> Reservations:
    """Of the nominal time that starts next; None where nothing is to start."""
    task = view.task
    # A delay begins with the end of a run, which is not known ahead.
    delayed = not task.valid or task.spec.delay is not None
    wanted = following if not delayed else None
    launched = {action.name for action in slots.actions if isinstance(action, Launch)}
    kept = launched | ({run_name(task.meta.name, wanted)} if wanted is not None else set())
    gone = tuple(Discard(run.run) for run in view.pre_created if run.run.meta.name not in kept)
    if wanted is None:
        return Reservations(gone)
    name = run_name(task.meta.name, wanted)
    if name in view.foreign or view.not_pre_created == name or _is_there(view, name):
        return Reservations(gone)
    if not _has_room(view, slots):
        # The end of a run makes room, and has the task decided again.
        return Reservations(gone)
    next_start = task.start_of(wanted)
    at = next_start - AHEAD + SPREAD * (crc32(f"{task.meta.namespace}/{task.meta.name}".encode()) % 64) / 64
    if at > now:
        return Reservations(gone, at)
    if next_start - now < LATEST:
        return Reservations(gone)
    return Reservations((*gone, Reserve(wanted, name)))


def _is_there(view: TaskView, name: str) -> bool:
    runs = (*(run.run for run in (*view.runs, *view.pre_created)), *view.finished, *view.deferred)
    return any(run.meta.name == name for run in runs)


def _has_room(view: TaskView, slots: Slots) -> bool:
    """Whether the next time would find a slot, if nothing changed until then."""
    limit = view.task.spec.concurrency.limit
    if limit is None:
        return True
    taken = sum(stage_of(run) in OCCUPIES_SLOT for run in (*view.runs, *view.others)) + len(view.orphaned_pods)
    return not slots.actions and not slots.queued and taken < limit
