"""What the operator itself remembers of objects, and the API server does not say: refusals, turns, what is on its way.

It is gone with the process, and nothing depends on it that a restart must keep. Callers: store, which is one.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from crontask.api.base import cut
from crontask.decide.conditions import said_of_pod
from crontask.decide.views import CronTask, Finding, PodCheck, RunRefusal, ScheduledRun, Turns
from crontask.engine.ports import Kind, ObjectKey

_NO_TURNS = Turns()
# What is put before them still fits in the status of an attempt.
_LONGEST_WORDS = 1000


def task_key(namespace: str, name: str) -> ObjectKey:
    """The key under which a task is decided."""
    return ObjectKey(Kind.CRON_TASK, namespace, name)


def run_key(namespace: str, name: str) -> ObjectKey:
    """The key under which a run is decided."""
    return ObjectKey(Kind.SCHEDULED_RUN, namespace, name)


class Memory:
    """By UID, but for the turns, which go by the task's name. `changed` is told each key to decide."""

    def __init__(self, changed: Callable[[ObjectKey], None]) -> None:
        self.changed = changed
        self._findings: dict[str, Finding] = {}
        self._turns: dict[tuple[str, str], Turns] = {}
        self._checks: dict[str, PodCheck] = {}
        self._looked_at: set[str] = set()
        self._starting: set[str] = set()
        self._unsure: set[str] = set()
        # Runs that were made ahead, and whose time has been decided.
        self._claimed: set[str] = set()
        # By the task's UID, what was said against the creation of its runs.
        self._refusals: dict[str, RunRefusal] = {}
        # The same by the UID of the run whose end causes it.
        self._follow_up_refusals: dict[str, RunRefusal] = {}
        # By its UID, the task before an edit of its timing, until that is recorded.
        self._previous: dict[str, CronTask] = {}
        # By the task's UID, the name of the run that could not be made ahead.
        self._unreserved: dict[str, str] = {}
        # Runs that had a pod, or nearly: more than their object says may be to be decided.
        self._touched: set[str] = set()
        # The pods that went, of each run that has not ended: also those of attempts before, which stay for their logs.
        self._pods_gone: dict[str, set[str]] = {}

    def set_finding(self, run: ScheduledRun, finding: Finding | None) -> None:
        """What the API server said to the creation of the run's pod."""
        if finding is not None:
            # An API server names each of a thousand faults; a status has a bound.
            finding = replace(finding, message=cut(finding.message, _LONGEST_WORDS))
        if self._findings.get(run.meta.uid) == finding:
            return
        if finding is None:
            self._findings.pop(run.meta.uid, None)
        else:
            self._findings[run.meta.uid] = finding
            self._touched.add(run.meta.uid)
        self._run_and_task_changed(run)

    def finding(self, run: ScheduledRun) -> Finding | None:
        """The last refusal of the run's pod."""
        return self._findings.get(run.meta.uid)

    def set_starting(self, run: ScheduledRun, starting: bool) -> None:
        """Whether the pod of an attempt is on its way."""
        if starting:
            self._starting.add(run.meta.uid)
            self._touched.add(run.meta.uid)
        elif run.meta.uid in self._starting:
            self._starting.discard(run.meta.uid)
            self.changed(run_key(run.meta.namespace, run.meta.name))

    def set_unsure(self, run: ScheduledRun, unsure: bool) -> None:
        """Whether nobody knows if the run's pod was made."""
        if unsure is (run.meta.uid in self._unsure):
            return
        (self._unsure.add if unsure else self._unsure.discard)(run.meta.uid)
        self._touched.add(run.meta.uid)
        self._run_and_task_changed(run)

    def note_pod_gone(self, run: ScheduledRun, pod: str) -> None:
        """A pod of the run was there, and is there no more."""
        self._pods_gone.setdefault(run.meta.uid, set()).add(pod)
        self._touched.add(run.meta.uid)

    def claim(self, run: ScheduledRun) -> None:
        """It was made ahead; now it is the run of its time, like any other."""
        self._claimed.add(run.meta.uid)

    def set_unreserved(self, task: CronTask, name: str) -> None:
        """The run of that name could not be made ahead: it is made at its time."""
        self._unreserved[task.meta.uid] = name

    def begin_term(self) -> None:
        """Another may have led meanwhile, and decided otherwise: what was under way is as the API server has it."""
        self._unsure.clear()
        self._claimed.clear()
        self._unreserved.clear()

    def set_turns(self, key: ObjectKey, turns: Turns) -> None:
        """Which runs of a task wait for their turn, and which wait in vain."""
        before = self._turns.get((key.namespace, key.name), _NO_TURNS)
        if turns.queued or turns.dropped:
            self._turns[key.namespace, key.name] = turns
        else:
            self._turns.pop((key.namespace, key.name), None)
        for name in sorted((before.queued ^ turns.queued) | (before.dropped.keys() ^ turns.dropped.keys())):
            self.changed(run_key(key.namespace, name))

    def set_check(self, task: CronTask, check: PodCheck) -> None:
        """What the API server said of a pod of the task."""
        before = self._checks.get(task.meta.uid)
        self._checks[task.meta.uid] = check
        if before is not None and before != check:
            self.changed(task_key(task.meta.namespace, task.meta.name))

    def check_of(self, task: CronTask) -> PodCheck | None:
        """What the API server said of a pod of the task's generation, if this operator has asked."""
        check = self._checks.get(task.meta.uid)
        return check if check is not None and check.generation == task.meta.generation else None

    def note_taken(self, task: CronTask) -> None:
        """A pod of the task was taken: what was refused before is not any more."""
        check = self.check_of(task)
        if check is not None and check.refusal is not None:
            self.set_check(task, PodCheck(task.meta.generation, None))

    def is_checked(self, task: CronTask, now: datetime) -> bool:
        """Whether it is known, from this operator or one before, what the API server says of a pod of the task."""
        check = self.check_of(task)
        if check is not None:
            return check.retry_at is None or check.retry_at > now
        return said_of_pod(task) is False

    def set_run_refusal(self, task: CronTask, refusal: RunRefusal | None) -> None:
        """What the API server said against the creation of a run of the task, None if it took one."""
        if self._refusals.get(task.meta.uid) == refusal:
            return
        if refusal is None:
            del self._refusals[task.meta.uid]
        else:
            self._refusals[task.meta.uid] = refusal
        self.changed(task_key(task.meta.namespace, task.meta.name))

    def run_refusal(self, task: CronTask) -> RunRefusal | None:
        """The last refusal of a run of the task, if none was taken since."""
        return self._refusals.get(task.meta.uid)

    def set_follow_up_refusal(self, cause: ScheduledRun, refusal: RunRefusal | None) -> None:
        """What the API server said against a run that the end of this one causes, None if it took it."""
        if refusal is None:
            self._follow_up_refusals.pop(cause.meta.uid, None)
        else:
            self._follow_up_refusals[cause.meta.uid] = refusal
            self.changed(run_key(cause.meta.namespace, cause.meta.name))

    def follow_up_refusal(self, cause: ScheduledRun) -> RunRefusal | None:
        """The last refusal of a run that the end of this one causes."""
        return self._follow_up_refusals.get(cause.meta.uid)

    def _note_edit(self, known: CronTask, task: CronTask) -> None:
        """Keep the task as it was until the status says that an edit of its timing was seen."""
        timing = task.status.timing
        if timing is None or timing.hash == task.timing_hash:
            self._previous.pop(task.meta.uid, None)
        elif known.timing_hash == timing.hash:
            self._previous[task.meta.uid] = known
        elif task.meta.uid in self._previous and self._previous[task.meta.uid].timing_hash != timing.hash:
            # Another operator has seen an edit that came between.
            del self._previous[task.meta.uid]

    def looked_at(self, task: CronTask) -> None:
        """The status of the task says what this operator decided."""
        self._looked_at.add(task.meta.uid)

    def turns_of(self, namespace: str, task: str) -> Turns:
        """Which runs of the task wait for their turn, and which wait in vain."""
        return self._turns.get((namespace, task), _NO_TURNS)

    def _forget_task(self, uid: str, namespace: str, name: str) -> None:
        self._turns.pop((namespace, name), None)
        self._checks.pop(uid, None)
        self._looked_at.discard(uid)
        self._unreserved.pop(uid, None)
        self._refusals.pop(uid, None)
        self._previous.pop(uid, None)

    def _forget_run(self, uid: str) -> None:
        self._follow_up_refusals.pop(uid, None)
        self._findings.pop(uid, None)
        self._pods_gone.pop(uid, None)
        self._unsure.discard(uid)
        self._claimed.discard(uid)
        self._touched.discard(uid)

    def _run_and_task_changed(self, run: ScheduledRun) -> None:
        self.changed(run_key(run.meta.namespace, run.meta.name))
        if run.task_name is not None:
            self.changed(task_key(run.meta.namespace, run.task_name))
