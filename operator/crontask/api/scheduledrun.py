"""The ScheduledRun: its spec and its status."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, WithJsonSchema

from crontask.api.base import Count, CountFromOne, Duration, MicroTime, Model, RecordedTime, Time
from crontask.api.composite import LARGEST_BATCH, LONGEST_STEP_NAME, MOST_BATCHES, MOST_ITEMS, MOST_STEPS, StepName
from crontask.api.composite_status import BatchStatus, Halt, ItemsStatus, Json, NotCompensated, Paused, StepStatus
from crontask.api.handler import Handler
from crontask.api.logs_url import LONGEST_URL, WRITTEN
from crontask.api.metadata import Condition
from crontask.api.names import PART_OF_COLLECT, part_of_batch, part_of_item, part_of_step, part_of_undo
from crontask.api.phases import Origin, RunPhase
from crontask.api.policies import Retry
from crontask.api.rerun import RerunOf
from crontask.api.simple_handler import Args
from crontask.api.times import LATEST_PAST as LATEST_PAST

PlanDocument = Annotated[
    dict[str, Any], WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
]


class TaskRef(Model):
    """A CronTask of the same namespace."""

    name: str = Field(min_length=1, max_length=52, examples=["extract"], description="The name of the CronTask.")


class OnComplete(Model):
    """A run of a CronTask that starts when this one has ended, given its outcome."""

    task_ref: TaskRef = Field(description="The CronTask to run.")
    args: Args = Field(default={}, description="Each top-level key replaces the task's.")


class Item(Model):
    """An item of a fan-out."""

    index: int = Field(ge=0, le=MOST_ITEMS - 1, description="Its position in the list, from 0.")
    value: Json = Field(default=None, description="The item.")


class ReusedPod(Model):
    """How a pod goes that does one batch after the other."""

    for_: Duration = Field(alias="for", description="How long it begins another one, if that would end within it.")
    delay: Duration | None = Field(default=None, description="The pause between two batches.")
    timeout: Duration | None = Field(default=None, description="The longest a batch may take.")
    most: int = Field(ge=1, le=MOST_BATCHES, description="So many batches at most.")
    args: Json = Field(
        default=None,
        description="Which of its args each batch has for itself: a list of where a value stands (at), which one it is "
        "(value), and its default.",
    )


class BatchPart(Model):
    """A batch, and where it begins; of a pod that does several, the first of them."""

    number: int = Field(ge=1, le=MOST_BATCHES, description="Batches are counted from 1.")
    size: int = Field(ge=1, le=LARGEST_BATCH, description="How much it is to do.")
    cursor: Json = Field(default=None, description="Where it begins; absent at the start.")
    part: int | None = Field(
        default=None,
        ge=1,
        le=MOST_BATCHES,
        description="The number of the run, where it is not that of the batch: others have done several.",
    )
    reuse: ReusedPod | None = Field(
        default=None, description="How it goes on with other batches; absent unless it does."
    )


class Parent(Model):
    """The composite run that a run is a part of, and which part it is: one of step, undo, item, batch and collect."""

    name: str = Field(min_length=1, max_length=63, description="The name of that run.")
    uid: str = Field(min_length=1, max_length=64, description="Its UID.")
    root: str = Field(min_length=1, max_length=63, description="The run at the top.")
    depth: int = Field(ge=1, le=16, description="How many runs lie above this one.")
    key: str = Field(min_length=1, max_length=512, description="The idempotency key that its pods are given.")
    step: str | None = Field(default=None, max_length=LONGEST_STEP_NAME, description="The step that it does.")
    undo: str | None = Field(default=None, max_length=LONGEST_STEP_NAME, description="The step that it undoes.")
    item: Item | None = Field(default=None, description="The item that it looks after.")
    batch: BatchPart | None = Field(default=None, description="The batch that it does.")
    collect: bool | None = Field(default=None, description="True: it is given the totals of all items.")
    always: bool | None = Field(default=None, description="Whether it runs however the others end.")
    backfill: bool | None = Field(default=None, description="Whether it makes up for a nominal time of its task.")

    @property
    def part(self) -> str:
        """Which part of its parent it is."""
        if self.item is not None:
            return part_of_item(self.item.index)
        if self.batch is not None:
            return part_of_batch(self.batch.part or self.batch.number)
        if self.collect:
            return PART_OF_COLLECT
        return part_of_undo(self.undo) if self.undo is not None else part_of_step(self.step or "")

    @property
    def comes_at_the_end(self) -> bool:
        """Whether it starts when nothing else of its parent does."""
        return bool(self.undo or self.always or self.collect)


class ScheduledRunSpec(Model):
    """One run: of a CronTask (taskRef), or of a handler of its own; now, after a delay, or at a time."""

    task_ref: TaskRef | None = Field(
        default=None, description="The CronTask of this namespace whose handler, args and timeout it takes."
    )
    handler: Handler | None = Field(
        default=None,
        examples=[{"container": {"image": "busybox:1.36"}}],
        description="What runs, where no CronTask is named.",
    )
    at: Time | None = Field(default=None, description="When to start, like 2026-03-29T01:00:00Z.")
    delay: Duration | None = Field(default=None, description="How long after its creation to start, like 5s or 2h.")
    allow_past: bool = Field(
        default=False, description="Start at once when at is more than a minute before the creation; else that fails."
    )
    scheduled_time: Time | None = Field(
        default=None, description="The nominal time that the run stands for; by default the time it is due."
    )
    args: Args = Field(default={}, description="Each top-level key replaces the task's.")
    cancel: bool = Field(default=False, description="True asks for the run's end. It never goes back.")
    cancel_reason: str | None = Field(
        default=None, max_length=1024, examples=["no longer needed"], description="Why, kept in the status."
    )
    timeout: Duration | None = Field(default=None, description="Instead of the task's timeout.")
    suspend: bool | None = Field(default=None, description="True holds the run before it starts.")
    start_timeout: Duration | None = Field(default=None, description="Instead of the task's startTimeout.")
    total_timeout: Duration | None = Field(default=None, description="Instead of the task's totalTimeout.")
    retry: Retry | None = Field(default=None, description="Instead of the task's retry.")
    ttl_after_finished: Duration | None = Field(default=None, description="Instead of the task's ttlAfterFinished.")
    idempotency_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        examples=["order-42"],
        description="Of the runs of one task with one key, the first to start counts; the others are skipped.",
    )
    on_complete: OnComplete | None = Field(default=None, description="A run that starts when this one has ended.")
    cancel_mode: Literal["Compensate", "Immediate"] | None = Field(
        default=None,
        description="Beside cancel, of a workflow: what has been done is undone (Compensate, unless set), or left "
        "as it is (Immediate). May be set later, and goes from Compensate to Immediate only.",
    )
    cursor: Json = Field(
        default=None,
        examples=[{"page": 3}],
        description="Of a run in batches: where it begins, up to 1 KiB as JSON.",
    )
    rerun_of: RerunOf | None = Field(
        default=None,
        examples=[{"name": "import-1770000000"}],
        description="The finished run that this one runs again, of the same taskRef; without one if that had none.",
    )
    parent: Parent | None = Field(
        default=None, description="Written by the operator: the composite run that this run is a part of."
    )


_END_CONDITIONS = ("Complete", "Failed")


class Attempt(Model):
    """One pod of the run."""

    number: CountFromOne = Field(description="Attempts are counted from 1.")
    pod: str = Field(max_length=63, description="The name of its pod.")
    start_time: RecordedTime | None = Field(
        default=None, description="When its pod was created; absent while that is not seen."
    )
    completion_time: RecordedTime | None = Field(default=None, description="When it ended.")
    exit_code: int | None = Field(
        default=None, description="The exit code of the handler's container, or of an init container that failed."
    )
    reason: str | None = Field(default=None, max_length=64, description="Why it ended so, in one CamelCase word.")
    message: str | None = Field(default=None, max_length=1024, description="Why it ended so, for people.")
    task_generation: int | None = Field(
        default=None, description="The generation of the CronTask that the attempt was built from."
    )


class ScheduledRunStatus(Model):
    """How the run goes. Written by the operator alone."""

    phase: RunPhase | None = Field(default=None, description="Where the run is in its life.")
    origin: Origin | None = Field(default=None, description="Who made the run.")
    conditions: tuple[Condition, ...] = Field(
        default=(), max_length=16, description="Complete or Failed once the run has ended, as a Job's."
    )
    scheduled_time: Time | None = Field(default=None, description="The nominal time that the run stands for.")
    start_time: RecordedTime | None = Field(default=None, description="When the first attempt's pod was created.")
    completion_time: RecordedTime | None = Field(default=None, description="When the run ended.")
    duration: str | None = Field(default=None, max_length=40, description="From start to end, like 1m30s.")
    attempts: tuple[Attempt, ...] = Field(default=(), max_length=10, description="The last ten attempts, oldest first.")
    lost_attempts: Count = Field(
        default=0,
        description="Attempts that were lost with their pod: evicted, deleted by others, or their node gone.",
    )
    next_retry_time: MicroTime | None = Field(
        default=None, description="When the next attempt starts, after one that failed."
    )
    result: Json = Field(default=None, description="What the handler gave back.")
    result_truncated: bool | None = Field(
        default=None, description="True where the handler says that its result did not fit."
    )
    processed_count: int | None = Field(default=None, description="How many items the handler says it processed.")
    error_count: int | None = Field(default=None, description="How many of them the handler says have failed.")
    batch: BatchStatus | None = Field(
        default=None, description="Of a run in batches: how far it is. Of a batch: what it gave back."
    )
    message: str | None = Field(
        default=None, max_length=4096, description="What the handler said, or why the run waits or ended so."
    )
    pod_name: str | None = Field(default=None, max_length=63, description="The pod of the latest attempt.")
    logs_url: str | None = Field(
        default=None,
        alias="logsURL",
        max_length=LONGEST_URL,
        pattern=WRITTEN,
        description="Of a run that has ended: where its log can be read when its pod is gone, if that is known.",
    )

    rerun: PlanDocument | None = Field(
        default=None,
        description="Of a run with rerunOf that has started: what it has taken over from the other, which may go.",
    )

    @property
    def composite(self) -> "CompositeRunStatus | None":
        """The same, of a composite run that has started; None of any other."""
        return None

    @property
    def expected_attempt(self) -> int:
        """The number of the attempt under way, or else of the one that comes next; of an ended run, the last."""
        if not self.attempts:
            return 1
        last = self.attempts[-1]
        between = last.completion_time is not None and not (self.phase is not None and self.phase.terminal)
        return last.number + between

    def recorded_at(self) -> datetime | None:
        """When the operator recorded the end of the run (not when its pod ended), None before."""
        ends = [c.last_transition_time for c in self.conditions if c.type in _END_CONDITIONS]
        return ends[0] if ends else None

    def recorded_anew(self, now: datetime) -> Self:
        """The same end, recorded now: counts and history go by when an end was recorded, not by when it was seen."""
        return self.model_copy(
            update={
                "conditions": tuple(
                    c.model_copy(update={"last_transition_time": now}) if c.type in _END_CONDITIONS else c
                    for c in self.conditions
                )
            }
        )


class CompositeRunStatus(ScheduledRunStatus):
    """How a run goes that consists of parts. Of the many that do not, none has room for its fields."""

    plan: PlanDocument | None = Field(
        default=None,
        description="Of a composite run: by what it goes, as it was when it started. Later edits of the task do not "
        "change it.",
    )
    display: Literal["Paused"] | None = Field(
        default=None, description="What the column PHASE shows in place of the phase: Paused while the run is."
    )
    progress: str | None = Field(
        default=None,
        max_length=32,
        description="Of a composite run: how far it is, like 3/6 steps: done, or left out by their `when`.",
    )
    steps: tuple[StepStatus, ...] = Field(
        default=(), max_length=MOST_STEPS, description="Of a workflow: its steps, in the order of the list."
    )
    items: ItemsStatus | None = Field(default=None, description="Of a fan-out: how its items go.")
    halt: Halt | None = Field(default=None, description="Of a composite run: why nothing new of it starts.")
    undo: tuple[StepName, ...] | None = Field(
        default=None, max_length=MOST_STEPS, description="Of a workflow that did not succeed: what is undone, in order."
    )
    not_compensated: tuple[NotCompensated, ...] = Field(
        default=(), max_length=MOST_STEPS, description="Steps that may have had an effect, and were not undone."
    )
    paused: Paused | None = Field(default=None, description="Of a composite run: since when, and how long, it pauses.")

    @property
    def composite(self) -> "CompositeRunStatus | None":
        """Itself, once it has its plan."""
        return self if self.plan is not None else None


def status_model(document: Any) -> type[ScheduledRunStatus]:
    """Of which kind the status is that stands in an object."""
    return CompositeRunStatus if isinstance(document, dict) and "plan" in document else ScheduledRunStatus
