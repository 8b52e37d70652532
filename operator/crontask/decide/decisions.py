"""Decisions are data: what to do, what the status should say, which transitions to record, when to look again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from crontask.api.phases import Origin, RunPhase
from crontask.api.pod import Pod
from crontask.api.policies import Retry
from crontask.api.rerun import RerunOf
from crontask.api.scheduledrun import Parent, ScheduledRunStatus
from crontask.api.simple_handler import SimpleHandler
from crontask.api.task_status import CronTaskStatus
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.refusal import Patience


@dataclass(frozen=True, slots=True)
class Dropped:
    """What the task's decision says of a run that will not start: its end, and why."""

    phase: RunPhase
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Turns:
    """What the task's decision says of its runs that have not started: who waits, and who is dropped."""

    queued: frozenset[str] = frozenset()
    dropped: Mapping[str, Dropped] = field(default_factory=dict)


class DecisionKind(StrEnum):
    """What can be decided about a nominal time, a run or a task."""

    START = "Start"
    SKIP = "Skip"
    MISS = "Miss"
    QUEUE = "Queue"
    REPLACE = "Replace"
    CANCEL = "Cancel"
    SUSPEND = "Suspend"
    RESUME = "Resume"
    COMPLETE = "Complete"
    INVALID = "Invalid"
    END = "End"
    STEP = "Step"
    UNDO = "Undo"
    OVERDUE = "Overdue"


@dataclass(frozen=True, slots=True)
class Launch:
    """Create the run of a nominal time; and its pod too, unless the run has to wait for its turn."""

    nominal: datetime
    name: str
    wait: bool = False
    catching_up: bool = False


@dataclass(frozen=True, slots=True)
class Reserve:
    """Create the run of a time to come, and nothing else."""

    nominal: datetime
    name: str


@dataclass(frozen=True, slots=True)
class Discard:
    """Remove a pre-created run that is not needed."""

    run: ScheduledRun


@dataclass(frozen=True, slots=True)
class StartAttempt:
    """Create a pod of a run that exists."""

    run: ScheduledRun
    number: int


@dataclass(frozen=True, slots=True)
class CancelRun:
    """Ask a run to end, as a person would, because another takes its slot."""

    run: ScheduledRun
    reason: str
    replaced_by: Launch


@dataclass(frozen=True, slots=True)
class Adopt:
    """Make the task the owner of a run that a person made for it."""

    run: ScheduledRun


@dataclass(frozen=True, slots=True)
class StopPod:
    """Have the kubelet stop a pod with its grace period, and keep the pod for its log. `at`: when that was decided."""

    pod: Pod
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Stop a pod with its grace period, and remove it."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class StopLeftovers:
    """Stop what still runs in a pod whose main container has ended, and keep the pod for its logs."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class LookForPod:
    """See whether the pod of the expected attempt is there: the answer to its creation was lost."""

    run: ScheduledRun


@dataclass(frozen=True, slots=True)
class RemoveRun:
    """Remove a finished run that has no task, with its pods."""

    run: ScheduledRun


@dataclass(frozen=True, slots=True)
class CreateRun:
    """Create a run with that spec and those annotations, caused by the run `cause`. Done twice, it is there once.

    `task`: its CronTask, which owns it; None where that is not there yet: the run waits for it, and is adopted by it.
    """

    name: str
    spec: Mapping[str, Any]
    annotations: Mapping[str, str]
    task: CronTask | None
    cause: ScheduledRun


@dataclass(frozen=True, slots=True)
class CreatePart:
    """Create the run that is a part of a composite run, which owns it. Done twice, it is there once.

    `pod`: what the handler's own pod is merged over. `task`: whose run it is, where it has no handler of its own, and
    `rerun_of`: which one that runs again.
    """

    name: str
    parent: ScheduledRun
    asked: Parent
    handler: SimpleHandler | None
    pod: Mapping[str, Any] | None
    args: Mapping[str, Any]
    retry: Retry | None
    timeout: timedelta | None
    start_timeout: timedelta
    task: str | None = None
    scheduled_time: datetime | None = None
    rerun_of: RerunOf | None = None

    @property
    def patience(self) -> Patience:
        """How long it is tried again while the API server refuses it: what comes at the end, as long as it may take."""
        if self.asked.comes_at_the_end and self.timeout is not None:
            return Patience(self.timeout, "timeout")
        return Patience(self.start_timeout, "startTimeout")


@dataclass(frozen=True, slots=True)
class CancelPart:
    """Ask a part to end. `immediate`: what it has done is not undone."""

    run: ScheduledRun
    reason: str
    immediate: bool = False


TaskAction = Launch | StartAttempt | CancelRun | Adopt | Reserve | Discard
RunAction = StartAttempt | LookForPod | StopPod | DeletePod | StopLeftovers | RemoveRun | CancelPart


@dataclass(frozen=True, slots=True)
class Transition:
    """Something that happened to a task or a run, once: it feeds the log line, the event and the metric.

    `reason` is in CamelCase as in Kubernetes events; `lag` is how late a start was that had nothing to wait for;
    `count`: of how many nominal times. `kind`: which decision it is, where it is one, and `why`, where `reason` does
    not say it. Without `event` only the log and the metric hear of it. `part`: which part of `run` it is about, where
    it is about one. `origin`: of a run that has started, or has ended; `ended`: how.
    """

    reason: str
    message: str
    warning: bool = False
    task: str | None = None
    run: str | None = None
    nominal: datetime | None = None
    lag: timedelta | None = None
    count: int = 1
    kind: DecisionKind | None = None
    why: str | None = None
    event: bool = True
    part: str | None = None
    origin: Origin | None = None
    ended: RunPhase | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """Do these for a task; what has come of them is decided, and recorded, after them."""

    actions: tuple[TaskAction, ...]


@dataclass(frozen=True, slots=True)
class Settle:
    """Nothing is to be done for a task now: its status, the turns of its runs, and the finished runs to remove."""

    status: CronTaskStatus
    turns: Turns = Turns()
    transitions: tuple[Transition, ...] = ()
    prune: tuple[ScheduledRun, ...] = ()
    wake_at: datetime | None = None


TaskDecisions = Act | Settle


@dataclass(frozen=True, slots=True)
class RunDecisions:
    """What to do now for a run: `before` and what its end causes, then the status, then the actions.

    An intent is recorded before it is done; a terminal status says that what it causes exists. `summary`: the status
    says nothing that anything follows from, and is written once a second at most. `prune`: runs to remove in time.
    """

    status: ScheduledRunStatus
    actions: tuple[RunAction | CreatePart, ...] = ()
    transitions: tuple[Transition, ...] = ()
    wake_at: datetime | None = None
    follow_ups: tuple[CreateRun, ...] = ()
    before: tuple[StopLeftovers | CreatePart, ...] = ()
    summary: bool = False
    prune: tuple[ScheduledRun, ...] = ()


def earliest(*instants: datetime | None) -> datetime | None:
    """The earliest of the instants that are set."""
    known = [instant for instant in instants if instant is not None]
    return min(known) if known else None
