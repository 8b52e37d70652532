"""The views from which decisions are made: all that is known of a run, and of a task."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta

from crontask.api.pod import Pod
from crontask.decide.decisions import Dropped
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.pod_state import NOT_MADE, PodState, pod_of, refusal_of
from crontask.decide.refusal import Refusal

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class RunRefusal:
    """What the API server said against the creation of a run. It is not tried again before `retry_at`."""

    name: str
    message: str
    retry_at: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class Rerun:
    """What is known for a run that is to run another again, until it has started. `source`: that other, if it is there.

    `parts`: the runs that are parts of it. `refused`: why it is not run again, in CamelCase and for people; `others`:
    the runs that are to run it again as well; `claimed_by`: the one of them that is starting.
    """

    source: ScheduledRun | None
    parts: tuple[ScheduledRun, ...] = ()
    refused: tuple[str, str] | None = None
    others: tuple[ScheduledRun, ...] = ()
    claimed_by: str | None = None


@dataclass(frozen=True, slots=True)
class PodCheck:
    """What the API server said of a pod of a generation of a task: a refusal, or None.

    `final`: it will never be taken. Otherwise it is shown again at `retry_at`; `tries` were in vain.
    """

    generation: int
    refusal: str | None
    final: bool = False
    retry_at: datetime | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class RunView:
    """All that is known of a run. `pod_state`: of the pod of the expected attempt.

    `queued`, `dropped`: what its task has decided about its turn. `dependents`: the tasks that come after its task.
    `on_complete`: the task that its onComplete names. `same_key`: the other runs with its idempotencyKey. `claimed`: it
    was pre-created, and its time has been decided. `follow_up_refusal`: of a run that its end causes. `parts`: of a
    composite run, the runs that are its parts; `refused_parts`: those whose run the API server does not take, or whose
    name belongs to somebody else's run; `orphaned_parts`: the names of those that are gone, and whose pod is not;
    `unmade_parts`: of those whose creation had no good answer. `parent`: of a part, the run that it is a part of.
    `deadlocked_by`: of a part that waits for a slot which will not be free before it has ended, who holds it. `rerun`:
    of a run that is to run another again, which `run` then has taken over already as far as it will.
    """

    run: ScheduledRun
    task: CronTask | None
    pod_state: PodState = NOT_MADE
    queued: bool = False
    dropped: Dropped | None = None
    dependents: tuple[CronTask, ...] = ()
    on_complete: CronTask | None = None
    same_key: tuple[ScheduledRun, ...] = ()
    claimed: bool = False
    follow_up_refusal: RunRefusal | None = None
    parts: tuple[ScheduledRun, ...] = ()
    refused_parts: tuple[tuple[str, Refusal], ...] = ()
    orphaned_parts: tuple[str, ...] = ()
    unmade_parts: frozenset[str] = frozenset()
    parent: ScheduledRun | None = None
    deadlocked_by: tuple[str, ...] = ()
    rerun: Rerun | None = None

    @property
    def pod(self) -> Pod | None:
        """The pod of the expected attempt, where it is there."""
        return pod_of(self.pod_state)

    @property
    def refusal(self) -> Refusal | None:
        """The last refusal of that pod, where it is not there."""
        return refusal_of(self.pod_state)

    @property
    def task_is_missing(self) -> bool:
        """Whether the task that it names is not there, or cannot be used."""
        return self.run.task_name is not None and (self.task is None or not self.task.valid)

    @property
    def is_recorded(self) -> bool:
        """Whether what became of its start is recorded: it has a pod or a status."""
        return self.pod is not None or self.run.status.phase is not None

    def recorded_when(self, now: datetime) -> datetime:
        """When an end that is recorded now is said to be: what its task takes for counted was recorded before."""
        counted = self.task.status.counted if self.task is not None else None
        return now if counted is None else max(now, counted.through + _SECOND)


@dataclass(frozen=True, slots=True)
class TaskView:
    """All that is known of a task: its runs of any origin, but for `finished` and `deferred` ones.

    `foreign`: the names of runs that are not its own. `first_look`: this operator decides about it for the first time.
    `others`: runs of the other tasks of its concurrency group. `orphaned_pods`: the names of runs of the task, or its
    group, of which (or of whose task) only a pod is left. `check`: of its generation, if this operator has one.
    `pre_created`: its runs that were made before their time, which are not among `runs`; `not_pre_created`: the name of
    one that could not be made. `deferred`: manual runs for later. `refusal`: of its runs' creation. `previous`: the
    task before an edit of its timing, until that is recorded. `predecessor_missing`: the task that it comes after is
    not there.
    """

    task: CronTask
    runs: tuple[RunView, ...]
    foreign: Container[str] = frozenset()
    first_look: bool = False
    others: tuple[RunView, ...] = ()
    orphaned_pods: tuple[str, ...] = ()
    check: PodCheck | None = None
    pre_created: tuple[RunView, ...] = ()
    not_pre_created: str | None = None
    finished: tuple[ScheduledRun, ...] = ()
    deferred: tuple[ScheduledRun, ...] = ()
    refusal: RunRefusal | None = None
    previous: CronTask | None = None
    predecessor_missing: bool = False
