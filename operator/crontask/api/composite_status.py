"""What the status of a composite run says: the plan that it follows, its steps, and what was undone."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from crontask.api.base import Count, CountFromOne, Model, RecordedTime, Seconds
from crontask.api.composite import LONGEST_STEP_NAME

MOST_FAILED_ITEMS = 20
LONGEST_ANSWERER = 128
Json = Annotated[Any, WithJsonSchema({"x-kubernetes-preserve-unknown-fields": True})]


class StepPhase(StrEnum):
    """Where a step is."""

    PENDING = "Pending"
    WAITING = "Waiting"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    PARTIAL = "Partial"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    CANCELED = "Canceled"
    SKIPPED = "Skipped"
    NOT_REACHED = "NotReached"
    REUSED = "Reused"


OPEN_STEPS = frozenset({StepPhase.PENDING, StepPhase.WAITING, StepPhase.RUNNING})
DONE_STEPS = frozenset({StepPhase.SUCCEEDED, StepPhase.PARTIAL, StepPhase.REUSED})
FAILED_STEPS = frozenset({StepPhase.FAILED, StepPhase.TIMED_OUT, StepPhase.CANCELED})

DECIDED_STEPS = DONE_STEPS | FAILED_STEPS | {StepPhase.SKIPPED}


class Answer(Model):
    """What somebody answered to a step that asks for approval."""

    approved: bool = Field(description="Whether it was approved; otherwise it was rejected.")
    at: RecordedTime = Field(description="When the operator saw it.")
    by: str | None = Field(
        default=None, max_length=LONGEST_ANSWERER, description="Who, as the annotation says: that is no proof."
    )


class StepStatus(Model):
    """How a step goes."""

    name: str = Field(max_length=LONGEST_STEP_NAME, description="The name of the step.")
    phase: StepPhase = Field(description="Where the step is.")
    run: str | None = Field(default=None, max_length=63, description="The run that does it.")
    start_time: RecordedTime | None = Field(
        default=None, description="When its first pod was created, or it began to wait for its approval."
    )
    completion_time: RecordedTime | None = Field(default=None, description="When it ended.")
    attempts: Count | None = Field(default=None, description="How many attempts it had.")
    reason: str | None = Field(default=None, max_length=64, description="Why it ended so, in one CamelCase word.")
    message: str | None = Field(default=None, max_length=1024, description="Why it waits, or ended so, for people.")
    result: Json = Field(default=None, description="What it gave back, up to 1 KiB; a longer one stands in its run.")
    answer: Answer | None = Field(
        default=None, description="Of a step that asks for approval: what was answered, also before its turn."
    )
    compensated: bool | None = Field(default=None, description="Whether it was undone, or could not be.")
    undo_run: str | None = Field(default=None, max_length=63, description="The run that undoes it.")


class FailedItem(Model):
    """An item of a fan-out that failed."""

    index: Count = Field(description="Its position in the list, from 0.")
    item: str | None = Field(default=None, max_length=256, description="The item as JSON, or its beginning.")
    run: str | None = Field(default=None, max_length=63, description="The run that looked after it.")
    message: str | None = Field(default=None, max_length=1024, description="Why it failed, for people.")


class ItemsStatus(Model):
    """How the items of a fan-out go."""

    total: Count = Field(description="How many items there are.")
    pending: Count = Field(default=0, description="How many of them have not started.")
    running: Count = Field(default=0, description="How many are under way.")
    succeeded: Count = Field(default=0, description="How many succeeded, in part at least.")
    failed: Count = Field(default=0, description="How many failed.")
    canceled: Count = Field(default=0, description="How many were canceled.")
    not_reached: Count | None = Field(
        default=None, description="How many will never start, since the run has ended; absent where there are none."
    )
    ends: str = Field(
        default="",
        max_length=1024,
        description="A letter an item, in order, each with how often it is repeated: - is to come, R runs, S "
        "succeeded, P is partial, F failed, T timed out, C was canceled, N was not reached, U had "
        "succeeded in the run that this one runs again.",
    )
    failed_items: tuple[FailedItem, ...] = Field(
        default=(),
        max_length=MOST_FAILED_ITEMS,
        description="The first of them that failed, or were canceled; their runs are kept.",
    )
    results: Json = Field(default=None, description="For collect: what items gave back, by their index.")
    results_omitted: bool | None = Field(default=None, description="True where the results were too long to be kept.")
    collect: StepStatus | None = Field(default=None, description="How it goes that is given the totals.")


class BatchStatus(Model):
    """How far the batches of a run are; of a part, what it gave back."""

    batches: Count = Field(default=0, description="How many batches are done.")
    parts: Count | None = Field(
        default=None, description="How many runs have done them, where a pod does several; else one has done each."
    )
    partial: Count = Field(default=0, description="How many of them were partial.")
    done: bool | None = Field(default=None, description="Whether the handler has said isDone.")
    cursor: Json = Field(default=None, description="What the last of them gave back: where the next one begins.")
    processed_count: Count | None = Field(default=None, description="How many items they say they processed.")
    error_count: Count | None = Field(default=None, description="How many of them they say have failed.")
    total: Count | None = Field(default=None, description="How many items there are, where the handler says it.")
    percent: Count | None = Field(default=None, description="How many per cent of these are processed.")
    run: str | None = Field(default=None, max_length=63, description="The run that does the next batch.")
    first_kept: CountFromOne | None = Field(
        default=None,
        description="Of the runs that do batches, the number of the first that is kept; those before are removed.",
    )
    stuck: Literal["NoIsDone", "NoCursor", "SameCursor"] | None = Field(
        default=None, description="Of a part: why no other batch can follow the last one, which did not say isDone."
    )
    attempts_before: Count | None = Field(
        default=None,
        description="Of a part: how many attempts it had when the next batch was begun for the first time.",
    )
    lost_before: Count | None = Field(default=None, description="Of a part: how many of these were lost.")

    @property
    def parts_done(self) -> int:
        """How many runs have done the batches."""
        return self.parts if self.parts is not None else self.batches


class NotCompensated(Model):
    """A step that may have had an effect, and was not undone."""

    step: str = Field(max_length=LONGEST_STEP_NAME, description="The name of the step.")
    reason: str = Field(max_length=64, description="Why it was not undone, in one CamelCase word.")
    message: str | None = Field(default=None, max_length=1024, description="The same, for people.")


class Halt(Model):
    """Why nothing new starts of a run that goes on."""

    phase: Literal["Failed", "TimedOut", "Canceled"] = Field(description="How the run will end.")
    reason: str = Field(max_length=64, description="Why, in one CamelCase word.")
    message: str | None = Field(default=None, max_length=1024, description="The same, for people.")


class Paused(Model):
    """How long a composite run was paused."""

    since: RecordedTime | None = Field(default=None, description="Since when it is paused; absent while it is not.")
    seconds: Seconds = Field(default=0, description="How long it was paused before, in seconds.")
