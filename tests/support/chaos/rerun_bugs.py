"""Faults that could be in running again, planted one at a time, to see that the simulator finds them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from crontask.api.composite_status import DONE_STEPS
from crontask.api.names import part_of_step
from crontask.decide.composite.part import begin_of_key
from crontask.decide.composite.reuse import Kept, kept_of
from crontask.decide.model import ScheduledRun
from crontask.decide.plan import Plan
from crontask.decide.run import composite
from crontask.engine import viewing

Plant = Callable[[pytest.MonkeyPatch], None]


def undone_is_reused(patch: pytest.MonkeyPatch) -> None:
    """A step that was undone counts as one that succeeded."""

    def planted(source: ScheduledRun, *known: Any) -> Kept:
        status = source.status
        steps = tuple(step.model_copy(update={"compensated": None}) for step in getattr(status, "steps", ()))
        standing = status.model_copy(update={"steps": steps}) if steps else status
        return kept_of(replace(source, status=standing), *known)

    patch.setattr(composite, "kept_of", planted)


def done_again_with_its_key(patch: pytest.MonkeyPatch) -> None:
    """A step that succeeded and runs again has the key with which it did."""

    def planted(source: ScheduledRun, plan: Plan | None, *known: Any) -> Kept:
        kept, status = kept_of(source, plan, *known), source.status.composite
        if plan is None or status is None or "keys" not in kept.plan.get("rerun", {}):
            return kept
        done = {step.name for step in status.steps if step.phase in DONE_STEPS}
        keys = {name: begin_of_key(source, plan, part_of_step(name)) for name in done}
        again = {**kept.plan["rerun"], "keys": {**keys, **kept.plan["rerun"]["keys"]}}
        return replace(kept, plan={**kept.plan, "rerun": again})

    patch.setattr(composite, "kept_of", planted)


def run_again_by_two(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether another has run it again, or is about to."""
    patch.setattr(viewing, "newest_of", lambda *known: None)
    patch.setattr("crontask.decide.readiness.first_of", lambda *known: None)
    patch.setattr(viewing, "claimed_by", lambda *known: None)


RERUN_BUGS: dict[str, Plant] = {
    plant.__name__: plant for plant in (undone_is_reused, done_again_with_its_key, run_again_by_two)
}
