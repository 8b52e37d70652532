"""What is known of a composite run and its parts, and what its policy says of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crontask.api.composite import Step
from crontask.api.composite_status import (
    DONE_STEPS,
    FAILED_STEPS,
    OPEN_STEPS,
    BatchStatus,
    Halt,
    ItemsStatus,
    NotCompensated,
    StepPhase,
    StepStatus,
)
from crontask.api.names import part_name
from crontask.api.phases import RunPhase
from crontask.api.policies import Retry
from crontask.api.simple_handler import SimpleHandler
from crontask.decide.decisions import Transition
from crontask.decide.model import ScheduledRun
from crontask.decide.plan import Plan
from crontask.decide.refusal import RUN_REJECTED, Refusal

IMMEDIATE, REUSED = "Immediate", "Reused"
NAME_TAKEN, PART_GONE = "NameTaken", "PartGone"
# Ends of a part that nothing but this process knows until the status says them.
ONLY_SEEN = frozenset({NAME_TAKEN, PART_GONE, RUN_REJECTED})
# So long a part that is not needed any more stays: people look at it, and a late writer meets it.
PART_KEPT = timedelta(minutes=10)
# Of what runs after the timeout of the whole does not count any more.
LONGEST_CLEAN_UP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CompositeView:
    """A composite run that has started. `parts`: the runs that are its parts, by part.

    `refused`: what the API server says against the run of a part, by part. `orphaned`: the names of runs that are
    gone, and whose pod is not; `unmade`: of runs whose creation had no good answer. `suspended`: nothing new starts,
    for it is paused, or what it is a part of.
    """

    run: ScheduledRun
    plan: Plan
    parts: Mapping[str, ScheduledRun]
    refused: Mapping[str, Refusal] = field(default_factory=dict)
    orphaned: frozenset[str] = frozenset()
    unmade: frozenset[str] = frozenset()
    suspended: bool = False

    def name_of(self, part: str) -> str:
        """The name of the run that is that part."""
        return part_name(self.run.meta.name, self.run.meta.uid, part)

    def given_up(self, part: str) -> Refusal | None:
        """Why the run of a part will never be made, if so."""
        refusal = self.refused.get(part)
        return refusal if refusal is not None and refusal.final else None

    def held_by(self, part: str, now: datetime) -> Refusal | None:
        """What keeps the run of a part from being asked for now: it was refused, or what would be taken as little."""
        for refused, refusal in self.refused.items():
            if not refusal.final and refusal.retry_at > now and (refused == part or not refusal.alone):
                return refusal
        return None


@dataclass(frozen=True, slots=True)
class StepState:
    """How a step is, from its part and from what is recorded.

    `acted`: it may have had an effect. `waits_until`: when its delay is over, or nobody has answered in time. `ready`:
    it may start now, given `args`.
    """

    step: Step
    phase: StepPhase
    part: ScheduledRun | None = None
    run: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    attempts: int | None = None
    reason: str | None = None
    message: str | None = None
    result: Any = None
    result_truncated: bool = False
    acted: bool = False
    waits_until: datetime | None = None
    ready: bool = False
    args: Any = None

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.phase in OPEN_STEPS

    @property
    def asking(self) -> bool:
        """Whether it waits for somebody's answer."""
        return self.step.approval is not None and self.phase is StepPhase.WAITING and self.started is not None

    @property
    def done(self) -> bool:
        """Whether it has succeeded, in part at least."""
        return self.phase in DONE_STEPS

    @property
    def failed(self) -> bool:
        """Whether it did not succeed, though it was its turn."""
        return self.phase in FAILED_STEPS


@dataclass(frozen=True, slots=True)
class WantedPart:
    """A part that should exist now, and the run of it.

    `asked`: what its `spec.parent` says of which part it is. `key`: what its idempotency key ends with. `task`: whose
    run it is, None where it runs the handler. `scheduled_time`: for which it stands, None for that of the whole run.
    """

    part: str
    asked: Mapping[str, Any]
    handler: SimpleHandler
    args: dict[str, Any]
    retry: Retry | None
    timeout: timedelta | None
    start_timeout: timedelta
    key: str
    task: str | None = None
    scheduled_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class CompositeEnd:
    """How a composite run has ended."""

    phase: RunPhase
    reason: str
    message: str | None
    result: Any = None
    result_truncated: bool = False
    processed_count: int | None = None
    error_count: int | None = None


@dataclass(frozen=True, slots=True)
class CompositeDecision:
    """What should be so now. `record_first`: the status is written before anything follows from it.

    `cancels`: the parts to end; `prune`: those to remove. `halt`: why nothing new starts. `undo`: the steps that are
    undone, in order; None while that is not decided. `items`: of a fan-out; `batch`: of a run in batches.
    `processed_count`, `error_count`: what the parts have counted so far. `transitions`: what is news, and is recorded
    with the status. `ignored`: what annotations say that nothing comes of.
    """

    phase: RunPhase
    message: str | None
    progress: str
    steps: tuple[StepStatus, ...] = ()
    items: ItemsStatus | None = None
    batch: BatchStatus | None = None
    processed_count: int | None = None
    error_count: int | None = None
    wanted: tuple[WantedPart, ...] = ()
    cancels: tuple[ScheduledRun, ...] = ()
    prune: tuple[ScheduledRun, ...] = ()
    halt: Halt | None = None
    undo: tuple[str, ...] | None = None
    not_compensated: tuple[NotCompensated, ...] = ()
    end: CompositeEnd | None = None
    record_first: bool = False
    wake_at: datetime | None = None
    transitions: tuple[Transition, ...] = ()
    ignored: str | None = None
