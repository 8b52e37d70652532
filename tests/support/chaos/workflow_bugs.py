"""Faults that could be in the policy of workflows, planted one at a time, to see that the simulator finds them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from crontask.decide.composite import steps, workflow
from crontask.decide.composite.approval import answers
from crontask.decide.composite.model import CompositeDecision, CompositeView, StepState
from crontask.decide.composite.undo import undo_order
from crontask.decide.plan import Plan, plan_of
from crontask.decide.run import composite
from crontask.decide.settings import settings
from crontask.decide.views import RunView

Plant = Callable[[pytest.MonkeyPatch], None]


def undone_in_forward_order(patch: pytest.MonkeyPatch) -> None:
    """What was done first is undone first: while what stands on it still stands."""
    planted = "crontask.decide.composite.saga.undo_order"
    patch.setattr(planted, lambda *known: undo_order(*known)[::-1])


def goes_on_after_a_failure(patch: pytest.MonkeyPatch) -> None:
    """A step that failed keeps no other from starting."""

    def planted(view: CompositeView, now: datetime) -> CompositeDecision:
        handler = view.plan.handler
        tolerant = [step.model_copy(update={"continue_on_failure": True}) for step in handler.steps or ()]
        plan = replace(view.plan, handler=handler.model_copy(update={"steps": tolerant}))
        return steps.decide_steps(replace(view, plan=plan), now)

    patch.setattr("crontask.decide.composite.decide.decide_steps", planted)


def plan_read_anew(patch: pytest.MonkeyPatch) -> None:
    """An edit of the task counts for what has started."""
    decide = composite.composed

    def planted(view: RunView, now: object) -> object:
        plan = plan_of(view.run)
        handler = settings(view).handler
        if plan is not None and handler is not None and handler.composite:
            view.run.memo["plan"] = Plan(handler, plan.args, plan.retry, plan.timeout, plan.start_timeout)
        return decide(view, now)  # type: ignore[arg-type]

    patch.setattr("crontask.decide.run.rules.composed", planted)


def gone_made_again(patch: pytest.MonkeyPatch) -> None:
    """A step whose run is gone starts anew."""
    known = workflow.Workflow.known

    def planted(self: workflow.Workflow, step: object) -> StepState | None:
        found = known(self, step)  # type: ignore[arg-type]
        return None if found is not None and found.reason == "PartGone" else found

    patch.setattr(workflow.Workflow, "known", planted)


def follows_before_approval_is_recorded(patch: pytest.MonkeyPatch) -> None:
    """What comes after an approval begins as soon as the annotation is seen: a crash would forget why."""
    patch.setattr(steps, "unrecorded", lambda *known: False)
    patch.setattr(steps, "news", lambda *known: iter(()))


def answers_read_anew(patch: pytest.MonkeyPatch) -> None:
    """An answer is forgotten when its annotation is overwritten."""
    patch.setattr(workflow, "answers", lambda run, steps, recorded, now: answers(run, steps, {}, now))


WORKFLOW_BUGS: dict[str, Plant] = {
    plant.__name__: plant
    for plant in (
        *(undone_in_forward_order, goes_on_after_a_failure, plan_read_anew, gone_made_again),
        *(follows_before_approval_is_recorded, answers_read_anew),
    )
}
