"""A composite run at an instant: what is asked of it whatever it consists of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crontask.api.composite import Step
from crontask.api.composite_status import DECIDED_STEPS, OPEN_STEPS, StepPhase, StepStatus
from crontask.api.scheduledrun import CompositeRunStatus
from crontask.decide.composite.model import CompositeView, StepState
from crontask.decide.composite.step_state import of_part, of_record, of_reused
from crontask.decide.composite.values import Values, handed_over
from crontask.decide.model import ScheduledRun
from crontask.decide.plan import Plan


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a part failed that has no run which says so, or why no other follows."""

    reason: str
    message: str


@dataclass(frozen=True)
class Composite:
    """A composite run that has started, seen at an instant."""

    view: CompositeView
    now: datetime

    @property
    def run(self) -> ScheduledRun:
        """The run."""
        return self.view.run

    @property
    def status(self) -> CompositeRunStatus:
        """What is recorded of the run."""
        status = self.view.run.status.composite
        assert status is not None, "a composite run that has started has a plan"
        return status

    @property
    def plan(self) -> Plan:
        """By what it goes."""
        return self.view.plan

    def args(self, asked: dict[str, Any] | None, values: Values) -> dict[str, Any]:
        """What a part is given: its own args, or those of the run. Raises MissingError."""
        return handed_over(values.resolved(asked) if asked is not None else dict(self.plan.args))

    def begun(self, step: Step, part: str, recorded: StepStatus | None) -> StepState | None:
        """How the step is that a part does, if it has started or all is decided about it; None of any other."""
        run = self.view.parts.get(part)
        if run is not None:
            return of_part(step, run)
        refusal = self.view.given_up(part)
        if refusal is not None:
            return StepState(step, StepPhase.FAILED, reason=refusal.reason, message=refusal.message)
        if recorded is not None and recorded.phase in OPEN_STEPS and recorded.run in self.view.orphaned:
            message = f"run {recorded.run} is gone, and its pod is not"
            return StepState(step, StepPhase.RUNNING, run=recorded.run, started=recorded.start_time, message=message)
        if recorded is None or recorded.run in self.view.unmade:
            return None
        if recorded.phase is StepPhase.REUSED:
            return of_reused(step, recorded, self.plan.again)
        decided = recorded.run is not None or recorded.phase in DECIDED_STEPS
        return of_record(step, recorded) if decided else None
