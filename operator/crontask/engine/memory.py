"""What the operator itself remembers of objects, and the API server does not say: refusals, turns, what is on its way.

One record a run, one a task. It is gone with the process, and nothing depends on it that a restart must keep.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from crontask.api.base import cut
from crontask.decide.decisions import RunDecisions, Turns
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.pod_state import (
    NOT_MADE,
    VANISHED,
    Creating,
    CreationUnknown,
    PodState,
    Refused,
)
from crontask.decide.refusal import Refusal
from crontask.decide.task.conditions import said_of_pod
from crontask.decide.views import PodCheck, RunRefusal
from crontask.engine.keys import key_of, keys_of, run_key
from crontask.ports import ObjectKey

_NO_TURNS = Turns()
# What is put before them still fits in the status of an attempt.
_LONGEST_MESSAGE = 1000


@dataclass(slots=True)
class RunMemory:
    """Of a run. `touched`: more than its object says may be to be decided.

    `vanished`: its pods that went, also those of earlier attempts, which stay for their logs. `claimed`: it was
    pre-created, and its time has been decided. `follow_up_refusal`: of a run that its end causes; `refused_parts`:
    of its parts whose run the API server does not take, or whose name belongs to somebody else's run, by part;
    `unmade_parts`: the names of those whose creation had no good answer; `unrecorded_end`: what was decided at its
    end, which is not recorded before what that causes exists. `went_wrong`: what was said of the first part of which
    something is said for a reason.
    """

    refusal: Refusal | None = None
    refused_attempt: int = 0
    creating: bool = False
    creation_unknown: bool = False
    vanished: frozenset[str] = frozenset()
    claimed: bool = False
    touched: bool = False
    follow_up_refusal: RunRefusal | None = None
    refused_parts: Mapping[str, Refusal] = field(default_factory=dict)
    unmade_parts: frozenset[str] = frozenset()
    unrecorded_end: RunDecisions | None = None
    went_wrong: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class TaskMemory:
    """Of a task. `looked_at`: its status says what this operator decided. `refusal`: of the creation of its runs.

    `previous`: the task before an edit of its timing, until that is recorded. `not_pre_created`: the name of the run
    that could not be made before its time.
    """

    turns: Turns = _NO_TURNS
    check: PodCheck | None = None
    looked_at: bool = False
    refusal: RunRefusal | None = None
    previous: CronTask | None = None
    not_pre_created: str | None = None


_NOTHING_OF_RUN, _NOTHING_OF_TASK = RunMemory(), TaskMemory()


class Memory:
    """By UID. `changed` is called with each key to decide. `runs` is for looking; only this class changes it."""

    def __init__(self, changed: Callable[[ObjectKey], None]) -> None:
        self._changed = changed
        self.runs: dict[str, RunMemory] = {}
        self._tasks: dict[str, TaskMemory] = {}

    def begin_term(self) -> None:
        """Another may have led meanwhile, and decided otherwise: what was under way is as the API server has it."""
        for run in self.runs.values():
            run.creation_unknown = run.claimed = False
        for task in self._tasks.values():
            task.not_pre_created = None

    # --- runs --------------------------------------------------------------------------------------------------------

    def of_run(self, run: ScheduledRun) -> RunMemory:
        """What is remembered of it; not to be changed."""
        return self.runs.get(run.meta.uid, _NOTHING_OF_RUN)

    def refusal_of(self, run: ScheduledRun) -> Refusal | None:
        """The last refusal of the pod of its expected attempt: each has its own tries."""
        known = self.of_run(run)
        return known.refusal if known.refused_attempt == run.status.expected_attempt else None

    def pod_state(self, run: ScheduledRun, pod: str) -> PodState:
        """What is known of that pod of the run, where it is not there."""
        known, refusal = self.of_run(run), self.refusal_of(run)
        if known.creating:
            return Creating(refusal)
        if known.creation_unknown:
            return CreationUnknown(refusal)
        if refusal is not None:
            return Refused(refusal)
        return VANISHED if pod in known.vanished else NOT_MADE

    def set_refusal(self, run: ScheduledRun, refusal: Refusal | None) -> None:
        """What the API server said to the creation of the run's pod."""
        if refusal is not None:
            # An API server names each of a thousand faults; a status has a bound.
            refusal = replace(refusal, message=cut(refusal.message, _LONGEST_MESSAGE))
        if self.refusal_of(run) == refusal:
            return
        known = self._run(run)
        known.refusal, known.refused_attempt = refusal, run.status.expected_attempt
        known.touched = known.touched or refusal is not None
        self._run_and_task_changed(run)

    def set_creating(self, run: ScheduledRun, creating: bool) -> None:
        """Whether the pod of an attempt is on its way."""
        if creating is self.of_run(run).creating:
            return
        known = self._run(run)
        known.creating, known.touched = creating, True
        if not creating:
            self._changed(key_of(run))

    def set_creation_unknown(self, run: ScheduledRun, unknown: bool) -> None:
        """Whether nobody knows if the run's pod was made."""
        if unknown is self.of_run(run).creation_unknown:
            return
        known = self._run(run)
        known.creation_unknown, known.touched = unknown, True
        self._run_and_task_changed(run)

    def note_pod(self, run: ScheduledRun, expected: bool) -> None:
        """A pod of the run is there; `expected`: that of the expected attempt. However its creation was answered."""
        known = self._run(run)
        known.creation_unknown, known.touched = False, True
        if expected:
            known.refusal = None

    def note_vanished(self, run: ScheduledRun, pod: str) -> None:
        """A pod of the run was there, and is there no more."""
        known = self._run(run)
        known.vanished |= {pod}
        known.touched = True

    def note_touched(self, run: ScheduledRun) -> None:
        """More than its object says may be to be decided."""
        self._run(run).touched = True

    def claim(self, run: ScheduledRun) -> None:
        """It was pre-created; now it is the run of its time, like any other."""
        self._run(run).claimed = True

    def set_follow_up_refusal(self, cause: ScheduledRun, refusal: RunRefusal | None) -> None:
        """What the API server said against a run that the end of this one causes, None if it took it."""
        if self.of_run(cause).follow_up_refusal == refusal:
            return
        self._run(cause).follow_up_refusal = refusal
        if refusal is not None:
            self._changed(key_of(cause))

    def set_part_made(self, parent: ScheduledRun, name: str, made: bool) -> None:
        """Whether the creation of a part had a good answer."""
        if made == (name in self.of_run(parent).unmade_parts):
            known = self._run(parent)
            known.unmade_parts = known.unmade_parts - {name} if made else known.unmade_parts | {name}

    def set_part_refusal(self, parent: ScheduledRun, part: str, refusal: Refusal | None) -> None:
        """What the API server said against the run of a part, None if it took it."""
        before = self.of_run(parent).refused_parts
        if before.get(part) == refusal:
            return
        others = {name: known for name, known in before.items() if name != part}
        self._run(parent).refused_parts = others if refusal is None else {**others, part: refusal}
        if refusal is not None:
            self._changed(key_of(parent))

    def first_to_go_wrong(self, parent: ScheduledRun, reason: str, said: str) -> str:
        """What was said of the first part to go wrong for that reason: this, unless there was one before."""
        return self._run(parent).went_wrong.setdefault(reason, said)

    def keep_end(self, run: ScheduledRun, decided: RunDecisions) -> None:
        """What it ended with was seen, though it cannot be recorded yet: its pod may go meanwhile."""
        self._run(run).unrecorded_end = decided

    def note_ended(self, run: ScheduledRun) -> None:
        """Nobody asks any more what became of its pods."""
        if run.meta.uid in self.runs:
            self.runs[run.meta.uid].vanished = frozenset()
            self.runs[run.meta.uid].unrecorded_end = None

    def forget_run(self, run: ScheduledRun) -> None:
        """It is gone."""
        self.runs.pop(run.meta.uid, None)

    def _run(self, run: ScheduledRun) -> RunMemory:
        return self.runs.setdefault(run.meta.uid, RunMemory())

    # --- tasks -------------------------------------------------------------------------------------------------------

    def of_task(self, task: CronTask) -> TaskMemory:
        """What is remembered of it; not to be changed."""
        return self._tasks.get(task.meta.uid, _NOTHING_OF_TASK)

    def set_turns(self, task: CronTask, turns: Turns) -> None:
        """Which runs of a task wait for their turn, and which wait in vain."""
        before = self.of_task(task).turns
        if turns == before:
            return
        self._task(task).turns = turns
        for name in sorted((before.queued ^ turns.queued) | (before.dropped.keys() ^ turns.dropped.keys())):
            self._changed(run_key(task.meta.namespace, name))

    def set_check(self, task: CronTask, check: PodCheck) -> None:
        """What the API server said of a pod of the task."""
        before = self.of_task(task).check
        self._task(task).check = check
        if before is not None and before != check:
            self._changed(key_of(task))

    def check_of(self, task: CronTask) -> PodCheck | None:
        """What the API server said of a pod of the task's generation, if this operator has asked."""
        check = self.of_task(task).check
        return check if check is not None and check.generation == task.meta.generation else None

    def is_checked(self, task: CronTask, now: datetime) -> bool:
        """Whether it is known, from this operator or one before, what the API server says of a pod of the task."""
        check = self.check_of(task)
        if check is not None:
            return check.retry_at is None or check.retry_at > now
        return said_of_pod(task) is False

    def note_taken(self, task: CronTask) -> None:
        """A pod of the task was taken: what was refused before is not any more."""
        check = self.check_of(task)
        if check is not None and check.refusal is not None:
            self.set_check(task, PodCheck(task.meta.generation, None))

    def set_run_refusal(self, task: CronTask, refusal: RunRefusal | None) -> None:
        """What the API server said against the creation of a run of the task, None if it took one."""
        if self.of_task(task).refusal == refusal:
            return
        self._task(task).refusal = refusal
        self._changed(key_of(task))

    def set_not_pre_created(self, task: CronTask, name: str) -> None:
        """The run of that name could not be made before its time: it is made at its time."""
        self._task(task).not_pre_created = name

    def note_edit(self, known: CronTask, task: CronTask) -> None:
        """Keep the task as it was until the status says that an edit of its timing was seen."""
        timing, previous = task.status.timing, self.of_task(task).previous
        if timing is None or timing.hash == task.timing_hash:
            self._set_previous(task, None)
        elif known.timing_hash == timing.hash:
            self._set_previous(task, known)
        elif previous is not None and previous.timing_hash != timing.hash:
            # Another operator has seen an edit that came between.
            self._set_previous(task, None)

    def note_decided(self, task: CronTask) -> None:
        """The status of the task says what this operator decided."""
        if not self.of_task(task).looked_at:
            self._task(task).looked_at = True

    def forget_task(self, task: CronTask) -> None:
        """It is gone."""
        self._tasks.pop(task.meta.uid, None)

    def _set_previous(self, task: CronTask, previous: CronTask | None) -> None:
        if self.of_task(task).previous is not previous:
            self._task(task).previous = previous

    def _task(self, task: CronTask) -> TaskMemory:
        return self._tasks.setdefault(task.meta.uid, TaskMemory())

    def _run_and_task_changed(self, run: ScheduledRun) -> None:
        for key in keys_of(run):
            self._changed(key)
