"""Faults that could be in running again, planted one at a time, to see that the simulator finds them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from crontask.api.composite_status import DONE_STEPS
from crontask.decide.composite import reuse
from crontask.engine import viewing

Plant = Callable[[pytest.MonkeyPatch], None]


def undone_is_reused(patch: pytest.MonkeyPatch) -> None:
    """A step that was undone counts as one that succeeded."""
    settled = reuse._settled

    def planted(source: Any, handler: Any, begins: str) -> Any:
        status = source.status
        steps = tuple(step.model_copy(update={"compensated": None}) for step in getattr(status, "steps", ()))
        known = status.model_copy(update={"steps": steps}) if steps else status
        return settled(replace(source, status=known), handler, begins)

    patch.setattr(reuse, "_settled", planted)


def done_again_with_its_key(patch: pytest.MonkeyPatch) -> None:
    """A step that succeeded and runs again has the key with which it did."""
    patch.setattr(reuse, "DONE_STEPS", frozenset())
    settled = reuse._settled

    def planted(*known: Any) -> Any:
        with pytest.MonkeyPatch.context() as whole:
            whole.setattr(reuse, "DONE_STEPS", DONE_STEPS)
            return settled(*known)

    patch.setattr(reuse, "_settled", planted)


def run_again_by_two(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether another has run it again, or is about to."""
    patch.setattr(viewing, "newest_of", lambda *known: None)
    patch.setattr("crontask.decide.readiness.first_of", lambda *known: None)
    patch.setattr(viewing, "claimed_by", lambda *known: None)


RERUN_BUGS: dict[str, Plant] = {
    plant.__name__: plant for plant in (undone_is_reused, done_again_with_its_key, run_again_by_two)
}
