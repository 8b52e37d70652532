"""Running a finished run again: which one, from where on, and by whose definition."""

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from crontask.api.base import Model
from crontask.api.composite import LONGEST_STEP_NAME
from crontask.api.problem import Problem
from crontask.api.written import shown

FROM_FAILED, FROM_START = "Failed", "Start"
GONE, ACTIVE, OF_A_PART, OF_ANOTHER_TASK = "RerunSourceGone", "RerunSourceActive", "RerunOfAPart", "RerunOfAnotherTask"
ALREADY, NOTHING, NO_SUCH_STEP, NOT_STARTED = "AlreadyRerun", "NothingToRerun", "NoSuchStep", "RerunNotStarted"
INVALID, TRUNCATED = "RerunSourceInvalid", "ResultTruncated"
REFUSALS = frozenset(
    {GONE, ACTIVE, OF_A_PART, OF_ANOTHER_TASK, ALREADY, NOTHING, NO_SUCH_STEP, NOT_STARTED, INVALID, TRUNCATED}
)
"""Why a run does not run another again, and ends before it has started."""
# A step's name is in lower case, and is never taken for one of the two.
FROM_PATTERN = f"^({FROM_FAILED}|{FROM_START}|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$"
NOT_FROM = ("is neither Failed nor Start nor the name of a step", "write from: Failed, or where to begin")
WITH_HANDLER = ("does not go with rerunOf, by which the run has that of the other", "remove it")


class RerunOf(Model):
    """A finished run of this namespace, to run again with its args: what had succeeded is not done again."""

    name: str = Field(min_length=1, max_length=63, examples=["import-1770000000"], description="The name of that run.")
    from_: str = Field(
        default=FROM_FAILED,
        min_length=1,
        max_length=LONGEST_STEP_NAME,
        alias="from",
        examples=[FROM_FAILED],
        description="What runs again: what did not succeed, and all that follows it (Failed); all of it (Start); of a "
        "workflow, the step of that name and all that follows it.",
    )
    definition: Literal["Same", "Latest"] = Field(
        default="Same",
        description="Of a workflow, a fan-out or batches: what runs as it was then (Same), or as its CronTask says now "
        "(Latest). Any other run is always as its CronTask says now.",
    )


def rerun_problems(asked: RerunOf | None, *, has_handler: bool) -> Iterator[Problem]:
    """What is wrong with what a run says of the one that it runs again."""
    if asked is None:
        return
    if has_handler:
        yield Problem("spec.handler", *WITH_HANDLER)
    if not re.fullmatch(FROM_PATTERN, asked.from_):
        message, fix = NOT_FROM
        yield Problem("spec.rerunOf.from", f"{shown(asked.from_)} {message}", fix)
