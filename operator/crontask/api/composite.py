"""Handlers that consist of parts: steps, items and batches, each with a pod of its own."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from crontask.api.base import Duration, Model
from crontask.api.policies import Retry
from crontask.api.simple_handler import Anything, Args, SimpleHandler

LONGEST_STEP_NAME = 24
MOST_STEPS = 50
StepName = Annotated[str, Field(min_length=1, max_length=LONGEST_STEP_NAME, examples=["fetch"])]


class When(Model):
    """A step runs only if a value is, or is not, one of some."""

    value: Anything = Field(description='Usually a reference, like "${steps.check.result.found}".')
    in_: tuple[Anything, ...] | None = Field(
        default=None, alias="in", max_length=100, examples=[[True]], description="The step runs if it is one of these."
    )
    not_in: tuple[Anything, ...] | None = Field(
        default=None, max_length=100, examples=[[0]], description="The step runs if it is none of these."
    )


class Compensation(SimpleHandler):
    """What undoes a step."""

    args: Args | None = Field(default=None, description="Handed to it; may refer to results, the step's own as well.")
    retry: Retry | None = Field(default=None, description="How it is tried again; limit 3 unless set.")
    timeout: Duration | None = Field(default=None, description="The longest an attempt of it may take; 1h unless set.")


class Approval(Model):
    """What a step waits for that a person decides, by an annotation of the run."""

    message: str | None = Field(
        default=None,
        max_length=512,
        examples=["refunds over 100 euros need a second pair of eyes"],
        description="What is to be decided, for whoever decides it: the status of the step says it while it waits.",
    )
    timeout: Duration = Field(
        default=timedelta(days=7),
        description="The longest it waits, from its turn; without an answer the step is TimedOut then.",
        json_schema_extra={"default": "7d"},
    )


class Step(SimpleHandler):
    """One step of a workflow."""

    name: StepName = Field(description="The name of the step, unique in the list.")
    task: str | None = Field(
        default=None, max_length=52, examples=["extract"], description="A CronTask of this namespace, to run as a part."
    )
    approval: Approval | None = Field(
        default=None,
        examples=[{"message": "refund the order?"}],
        description="In place of a handler: the step waits until the annotation crontask.dev/approve, or "
        "crontask.dev/reject, of the run names it. It has no pod.",
    )
    args: Args | None = Field(
        default=None,
        description='Handed to the step in place of the run\'s args. A string like "${steps.fetch.result.rows}" stands '
        "for the value that it names.",
    )
    depends_on: tuple[StepName, ...] | None = Field(
        default=None,
        max_length=MOST_STEPS,
        examples=[["fetch"]],
        description="The steps that come before. Once any step has it, each has to say it; [] starts at once.",
    )
    when: When | None = Field(default=None, description="The step is skipped unless this holds.")
    delay: Duration | None = Field(
        default=None, description="The step starts so long after what it depends on has ended."
    )
    retry: Retry | None = Field(
        default=None, description="How a failed attempt of the step is tried again; the task's unless set."
    )
    timeout: Duration | None = Field(default=None, description="The longest an attempt of the step may take.")
    start_timeout: Duration | None = Field(
        default=None, description="The longest an attempt of the step may take to start; the task's unless set."
    )
    continue_on_failure: bool = Field(
        default=False, description="True: the workflow goes on if the step fails, and is Partial."
    )
    always: bool = Field(
        default=False,
        description="True: the step runs last, however the workflow ended, to clean up or to report.",
    )
    compensate: Compensation | None = Field(
        default=None, description="What undoes the step when the workflow does not succeed."
    )
    compensate_when: Literal["Acted", "Started"] = Field(
        default="Acted",
        description="Acted: the step is undone if it may have had an effect: it succeeded, or was stopped or lost "
        "while it ran. Started: also if it failed by itself.",
    )


class ForEach(Model):
    """The same handler for each of many items, so many at a time."""

    items: tuple[Anything, ...] | None = Field(default=None, max_length=1000, description="The items.")
    items_from: str | None = Field(default=None, max_length=1024, description="A path into args that holds them.")
    parallelism: int = Field(default=10, ge=1, le=1000, description="Items at the same time.")
    failure_policy: Literal["Continue", "FailFast"] = Field(
        default="Continue", description="FailFast: a failed item stops the others."
    )
    handler: SimpleHandler = Field(description="What runs for each item.")
    on_complete: SimpleHandler | None = Field(default=None, description="What runs at the end, given the totals.")


class Batch(Model):
    """The same handler again, with the cursor of its last result, until it says isDone."""

    size: int = Field(ge=1, le=1_000_000, description="Handed to the handler.")
    delay: Duration | None = Field(default=None, description="The pause between two batches.")
    max_batches: int | None = Field(default=None, ge=1, le=1_000_000_000, description="Batches at most.")
    handler: SimpleHandler = Field(description="What runs for each batch.")
