"""What a run executes: the handler union."""

from typing import Literal

from pydantic import Field

from crontask.api.composite import MOST_STEPS, Batch, ForEach, Step, StepName
from crontask.api.simple_handler import SimpleHandler


class Handler(SimpleHandler):
    """What runs: exactly one of the variants."""

    steps: tuple[Step, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_STEPS,
        examples=[[{"name": "fetch", "container": {"image": "busybox:1.36"}}]],
        description="A workflow: in list order, or, once any step has dependsOn, as these say.",
    )
    on_failure: Literal["Finish", "Cancel"] | None = Field(
        default=None,
        description="Beside steps: when a step fails, those that have started end by themselves (Finish), or are "
        "canceled (Cancel).",
    )
    max_parallel: int | None = Field(
        default=None, ge=1, le=MOST_STEPS, description="Beside steps: so many run at the same time at most."
    )
    step_result_from: StepName | None = Field(
        default=None, description="Beside steps: the step whose result is the run's; the last in the list unless set."
    )
    for_each: ForEach | None = Field(default=None, description="The same for each of many items.")
    batch: Batch | None = Field(default=None, description="A batch at a time, until it is done.")

    @property
    def composite(self) -> bool:
        """Whether it consists of parts, each with a pod of its own."""
        return self.steps is not None or self.for_each is not None or self.batch is not None
