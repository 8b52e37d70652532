"""A workflow at an instant: its steps, their order, what is known of each, and what a part of it is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from crontask.api.composite import Step
from crontask.api.composite_status import Answer, StepPhase, StepStatus
from crontask.api.names import part_of_step
from crontask.api.phases import RunPhase
from crontask.api.step_order import dependencies
from crontask.decide.composite.approval import answers, of_approval
from crontask.decide.composite.composite import Composite
from crontask.decide.composite.model import (
    IMMEDIATE,
    LONGEST_CLEAN_UP,
    StepState,
    WantedPart,
)
from crontask.decide.composite.values import Values

States = Mapping[str, StepState]
_NOT_HELD = "its condition, when, does not hold"


@dataclass(frozen=True)
class Workflow(Composite):
    """A composite run with steps, seen at an instant."""

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """In the order of the list."""
        return self.plan.handler.steps or ()

    @cached_property
    def order(self) -> Mapping[str, tuple[str, ...]]:
        """What each step but `always` ones depends on."""
        return dependencies(self.steps)

    @cached_property
    def by_name(self) -> Mapping[str, Step]:
        """The steps by name."""
        return {step.name: step for step in self.steps}

    @cached_property
    def recorded(self) -> Mapping[str, StepStatus]:
        """What the status says of the steps."""
        return {step.name: step for step in self.status.steps}

    @cached_property
    def answers(self) -> Mapping[str, Answer]:
        """What was answered to the steps that ask for approval."""
        return answers(self.run, self.steps, self.recorded, self.now)

    @property
    def immediate(self) -> bool:
        """Whether it is to end without that anything is undone or cleaned up."""
        return self.run.cancel_requested and self.run.spec.cancel_mode == IMMEDIATE

    def known(self, step: Step) -> StepState | None:
        """How a step is that has started, or about which all is decided; None of any other."""
        recorded = self.recorded.get(step.name)
        if step.approval is not None:
            return of_approval(step, recorded, self.answers.get(step.name), self.run, self.now)
        return self.begun(step, part_of_step(step.name), recorded)

    @cached_property
    def begun_at_the_end(self) -> States:
        """The steps that always run which have begun, or ended: a cancel may come then, and they do not run again."""
        known = ((step.name, self.known(step)) for step in self.steps if step.always)
        return {name: state for name, state in known if state is not None}

    def values(
        self, states: States, *, forgiving: bool = False, so_far: tuple[RunPhase, str | None] | None = None
    ) -> Values:
        """What can be referred to."""
        return Values(self.run, self.plan.args, states, forgiving, so_far)

    def in_its_turn(self, step: Step, values: Values) -> StepState:
        """A step that nothing keeps from starting: it is skipped, or may start. Raises MissingError."""
        if step.when is not None and not step.when.holds(values.resolved(step.when.value)):
            return StepState(step, StepPhase.SKIPPED, message=_NOT_HELD)
        return StepState(step, StepPhase.PENDING, ready=True, args=self.args(step.args, values))

    def wanted(self, state: StepState) -> WantedPart:
        """The part that does a step."""
        step, plan = state.step, self.plan
        return WantedPart(
            part_of_step(step.name),
            {"step": step.name, "always": True if step.always else None},
            step,
            state.args,
            step.retry or plan.retry if step.task is None else None,
            step.timeout or (LONGEST_CLEAN_UP if step.always else None),
            step.start_timeout or plan.start_timeout,
            part_of_step(step.name),
            step.task,
        )
