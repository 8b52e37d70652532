"""Handlers that consist of parts: steps, items and batches, each with a pod of its own."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from crontask.api.base import Duration, Model
from crontask.api.policies import Retry
from crontask.api.simple_handler import Anything, Args, SimpleHandler
from crontask.api.structure import SHORTHAND
from crontask.api.written import shown

LONGEST_STEP_NAME = 24
MOST_STEPS = 50
MOST_ITEMS = 1000
MOST_BATCHES, LARGEST_BATCH = 1_000_000_000, 1_000_000
LONGEST_CURSOR = 1024
"""Bytes of a cursor as JSON."""
StepName = Annotated[str, Field(min_length=1, max_length=LONGEST_STEP_NAME, examples=["fetch"])]


class When(Model):
    """A step runs only if a value is, or is not, one of some."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"value": "${args.full}", "in": [True]}], SHORTHAND: "value"}
    )

    value: Anything = Field(
        examples=["${args.full}"], description='Usually a reference, like "${steps.check.result.found}".'
    )
    in_: tuple[Anything, ...] | None = Field(
        default=None, alias="in", max_length=100, examples=[[True]], description="The step runs if it is one of these."
    )
    not_in: tuple[Anything, ...] | None = Field(
        default=None, max_length=100, examples=[[0]], description="The step runs if it is none of these."
    )

    def holds(self, value: Any) -> bool:
        """Whether it does, of what `value` refers to."""
        if self.in_ is not None:
            return any(_same(value, other) for other in self.in_)
        return not any(_same(value, other) for other in self.not_in or ())


def _same(value: Any, other: Any) -> bool:
    """As JSON: true is not 1, at any depth, and 1.0 is."""
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(_same, value, other))
    if isinstance(value, dict) and isinstance(other, dict):
        return value.keys() == other.keys() and all(_same(value[key], other[key]) for key in value)
    return bool(value == other) and isinstance(value, bool) is isinstance(other, bool)


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

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "fetch", "container": {"image": "busybox:1.36"}}]}
    )

    name: StepName = Field(description="The name of the step, unique in the list.")
    task: str | None = Field(
        default=None,
        min_length=1,
        max_length=52,
        examples=["extract"],
        description="A CronTask of this namespace, to run as a part.",
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


class ItemHandler(SimpleHandler):
    """What runs for an item: a handler of one pod, or a CronTask."""

    task: str | None = Field(
        default=None,
        min_length=1,
        max_length=52,
        examples=["import-one"],
        description="A CronTask of this namespace, to run as a part.",
    )


TOTALS = ("total", "succeeded", "failed", "processedCount", "errorCount", "failedItems", "results")


class Collect(SimpleHandler):
    """What runs when all items have ended, given the totals."""

    args: Args | None = Field(
        default=None,
        description="Handed to it beside the totals: total, succeeded, failed, processedCount, errorCount, failedItems "
        "and results.",
    )
    retry: Retry | None = Field(default=None, description="How it is tried again; the task's unless set.")
    timeout: Duration | None = Field(default=None, description="The longest an attempt of it may take; 1h unless set.")


PERCENT = "(100|[1-9]?[0-9])%"
HOW_MANY = 'write a number of items like 3, or per cent of them like "10%"'


def _parse_max_failed(value: object) -> object:
    """A number from 0 on, or per cent. Raises ValueError with what to write instead."""
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if number or (isinstance(value, str) and re.fullmatch(PERCENT, value)):
        return value
    raise ValueError(f"{shown(value)} is not a number of items; {HOW_MANY}")


MaxFailed = Annotated[
    int | str,
    BeforeValidator(_parse_max_failed),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "examples": [3, "10%"]}),
]


class ForEach(Model):
    """The same handler for each of many items, so many at a time."""

    items: Anything = Field(
        examples=[["a", "b"], "${args.ids}"],
        description='The items: a list of at most 1000, or a reference to one, like "${args.ids}", or to a whole '
        "number N, for 0 to N-1.",
    )
    parallelism: int = Field(default=10, ge=1, le=MOST_ITEMS, description="So many items at the same time at most.")
    max_failed: MaxFailed = Field(
        default=0, description="So many items may fail, as a number or in per cent of all, and the run is Partial."
    )
    failure_policy: Literal["Continue", "Stop", "FailFast"] = Field(
        default="Continue",
        description="Once more items have failed than maxFailed: Continue runs the others, Stop starts no more, "
        "FailFast cancels those that run as well.",
    )
    handler: ItemHandler = Field(description="What runs for each item.")
    args: Args | None = Field(
        default=None,
        description='Handed to each item in place of the run\'s args. A string like "${item.id}" stands for the value '
        "that it names.",
    )
    retry: Retry | None = Field(
        default=None, description="How a failed attempt of an item is tried again; the task's unless set."
    )
    timeout: Duration | None = Field(default=None, description="The longest an attempt of an item may take.")
    scheduled_time: str | None = Field(
        default=None,
        max_length=256,
        examples=["${item}"],
        description="With a task: a reference to the nominal time that the run of the item stands for (a backfill).",
    )
    collect: Collect | None = Field(
        default=None, description="What runs when all items have ended, given the totals. Its result is the run's."
    )


class Batch(Model):
    """The same handler again, with the cursor of its last result, until it says isDone."""

    size: int = Field(
        ge=1, le=LARGEST_BATCH, examples=[100], description="How much a batch is to do: handed to the handler."
    )
    delay: Duration | None = Field(default=None, description="The pause between two batches; none unless set.")
    max_batches: int | None = Field(
        default=None,
        ge=1,
        le=MOST_BATCHES,
        description="So many batches a run at most; a run that is not done then is Partial, and keeps its cursor.",
    )
    continue_from: Literal["Start", "LastRun"] = Field(
        default="Start",
        description="Where a run begins: at the start, or at the cursor of the task's last run, unless that was done.",
    )
    reuse_pod_for: Duration | None = Field(
        default=None,
        description="With python: one pod does one batch after the other, as long as the next would end within so "
        "long by the longest so far; each has a pod of its own unless set.",
    )
    handler: SimpleHandler = Field(description="What runs for each batch: container, podTemplate or python.")
    args: Args | None = Field(
        default=None,
        description='Handed to each batch in place of the run\'s args. A string like "${cursor.page}" stands for the '
        "value that it names.",
    )
    retry: Retry | None = Field(
        default=None, description="How a failed attempt of a batch is tried again; the task's unless set."
    )
    timeout: Duration | None = Field(default=None, description="The longest an attempt of a batch may take.")

    @property
    def reuses_pods(self) -> bool:
        """Whether a pod does more than one."""
        return bool(self.reuse_pod_for)
