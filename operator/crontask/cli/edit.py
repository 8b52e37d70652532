"""What an edit changes of a task: its fields, and its times from when the operator sees it. Pure.

The timing that is effective after an edit is the operator's own: nothing that the new timing had before is due.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crontask.api.base import format_time
from crontask.api.task_status import TaskPhase, Timing
from crontask.cli.applying import LAST_APPLIED
from crontask.cli.changed import Field, changed_fields
from crontask.cli.edited_times import Comparison, Due, compare
from crontask.cli.manifest import parsed_or_unusable
from crontask.decide.model import Config, CronTask
from crontask.decide.task.coming import coming_times
from crontask.decide.task.pause import Pause, pause_of, tripped_by
from crontask.decide.task.timing import effective_timing
from crontask.decide.views import TaskView
from crontask.ports import Document

# So many times of each are compared: a month of each minute is less.
MOST_TIMES = 50_000
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Edit:
    """A task before and after an edit that is seen at `at`. `old`: None of a task that is new.

    `until`: up to when times are compared; `wanted_until`: up to when they were to be.
    """

    at: datetime
    until: datetime
    wanted_until: datetime
    old: CronTask | None
    new: CronTask
    fields: tuple[Field, ...]
    times: tuple[int, int]
    comparison: Comparison
    notes: tuple[str, ...]

    @property
    def state(self) -> str:
        """`new`, `changed` or `unchanged`."""
        if self.old is None:
            return "new"
        return "changed" if self.fields or self.comparison.groups else "unchanged"


def examine(old: Document | None, new: Document, at: datetime, until: datetime) -> Edit:
    """What the edit changes. Both as the API server has them: `new` with the identity of the old, and its status."""
    before = _as_observed(parsed_or_unusable(old), at) if old is not None else None
    after = parsed_or_unusable(new)
    if before is not None:
        after = _as_edited(after, before)
    fields: tuple[Field, ...] = ()
    if old is not None and before is not None:
        fields = tuple(changed_fields(_shown(old, before), _shown(new, after)))
    now = _with_effective_timing(after, at)
    known = _Times(before, at, until), _Times(now, at, until)
    end = min(times.until for times in known)
    due_before, due_after = (times.due(end) for times in known)
    notes = tuple(_notes(before, now, at, known[1].pause))
    times = len(due_before), len(due_after)
    return Edit(at, end, until, before, now, fields, times, compare(due_before, due_after), notes)


class _Times:
    """The nominal times of a task whose start is to come, as many as are compared."""

    def __init__(self, task: CronTask | None, at: datetime, until: datetime) -> None:
        self._task = task
        self.pause: Pause | None = None
        self._nominal: tuple[datetime, ...] = ()
        self.until = until
        if task is None or not task.valid:
            return
        self.pause = pause_of(task, tripped_by(task, 0), Config(), at)
        if self.pause is not None and self.pause.until is None:
            return
        due = task.timetable.due(at - _SECOND, until)
        # With jitter the start of one that has come is yet to come.
        count = min(due.count if due is not None else 0, MOST_TIMES) + 2
        self._nominal = coming_times(task, at, count, task.recorded_until)
        if count > MOST_TIMES:
            self.until = min(until, self._nominal[-1])

    def due(self, until: datetime) -> list[Due]:
        """Those up to then."""
        task = self._task
        return [Due(at, task.start_of(at)) for at in self._nominal if at <= until] if task is not None else []


def _as_observed(task: CronTask, at: datetime) -> CronTask:
    """The task with what the operator would have recorded of it, where nothing is: of one that is in a file alone."""
    status = task.status
    if status.timing is None:
        timing = Timing(hash=task.timing_hash, since=task.meta.creation_timestamp)
        paused = pause_of(task, None, Config(), at) is not None
        phase = status.phase or (TaskPhase.SUSPENDED if paused else TaskPhase.ACTIVE)
        status = status.model_copy(update={"timing": timing, "phase": phase})
    return replace(task, status=status)


def _as_edited(new: CronTask, old: CronTask) -> CronTask:
    """The task as it is seen with the status of the old one. Another spec is another generation."""
    generation = old.meta.generation + (old.spec != new.spec)
    return replace(new, meta=new.meta.model_copy(update={"generation": generation}), status=old.status)


def _with_effective_timing(task: CronTask, at: datetime) -> CronTask:
    pause = pause_of(task, tripped_by(task, 0), Config(), at)
    timing = effective_timing(TaskView(task, ()), pause, Config(), at)
    return replace(task, status=task.status.model_copy(update={"timing": timing}))


def _notes(old: CronTask | None, new: CronTask, at: datetime, pause: Pause | None) -> Iterator[str]:
    if old is not None and not old.valid:
        yield f"nothing starts by what is there now: {old.problems[0]}"
    if pause is not None:
        yield f"after the edit, {pause.message}"
    if new.spec.delay is not None or (old is not None and old.spec.delay is not None):
        yield "of a delay the next time alone is known: the others count from the ends of runs"
    if new.spec.after is not None:
        yield f"after the edit it runs when {new.spec.after.task} has ended: at which times is not known"
    counted = new.spec.interval is not None and new.spec.start_time is None
    if counted and new.meta.creation_timestamp == at:
        yield f"counted from {format_time(at)}; on a cluster, from the creation of the task"


def _shown(document: Document, task: CronTask) -> Document:
    """What is compared of it: the spec as it is understood, `60s` being `1m` and a default nothing."""
    metadata = document["metadata"]
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != LAST_APPLIED}
    spec = task.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True) if task.valid else document["spec"]
    return {"spec": spec, "metadata": {"labels": metadata.get("labels") or {}, "annotations": annotations}}
