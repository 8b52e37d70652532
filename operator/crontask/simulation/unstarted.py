"""What becomes of the parts of a workflow that no run does: steps that are skipped or not reached, or cannot start."""

from collections.abc import Iterator
from typing import NamedTuple

from crontask.api.composite_status import OPEN_STEPS
from crontask.api.names import part_of_step, part_of_undo
from crontask.api.scheduledrun import CompositeRunStatus, ScheduledRunStatus
from crontask.decide.decisions import DecisionKind


class Unstarted(NamedTuple):
    """A part that has ended without a run. `reason`: how it has ended, or why, in CamelCase."""

    kind: DecisionKind
    part: str
    reason: str
    message: str | None


def unstarted(status: ScheduledRunStatus) -> Iterator[Unstarted]:
    """The steps of a workflow that have ended without a run, and each undo that has failed, with a run or without."""
    if not isinstance(status, CompositeRunStatus):
        return
    for step in status.steps:
        if step.run is None and step.phase not in OPEN_STEPS:
            yield Unstarted(DecisionKind.STEP, part_of_step(step.name), step.phase.value, step.message)
    for entry in status.not_compensated:
        yield Unstarted(DecisionKind.UNDO, part_of_undo(entry.step), entry.reason, entry.message)
