"""The validation of a step that asks for approval: what has no meaning beside it."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic.alias_generators import to_snake

from crontask.api.composite import Approval, Step
from crontask.api.problem import Problem

_REMOVE = "remove it"
# By field: what is wrong with it beside approval, and what to do.
BESIDE_APPROVAL: dict[str, tuple[str, str]] = {
    "args": ("does not go with approval, which is given none", _REMOVE),
    "retry": ("does not go with approval, which is asked for once", _REMOVE),
    "timeout": ("does not go with approval, which has its own", "move it into approval"),
    "startTimeout": ("does not go with approval, which has no pod", _REMOVE),
    "always": ("does not go with approval: what runs last waits for nobody", _REMOVE),
    "compensate": ("does not go with approval, which does nothing that could be undone", _REMOVE),
}


def approval_problems(step: Step, approval: Approval, path: str) -> Iterator[Problem]:
    """What is wrong with the approval of a step, and beside it."""
    for name, (message, fix) in BESIDE_APPROVAL.items():
        # Of flags, false is as good as left out.
        if getattr(step, to_snake(name)) not in (None, False):
            yield Problem(f"{path}.{name}", message, fix)
    if approval.timeout < timedelta(seconds=1):
        yield Problem(f"{path}.approval.timeout", "is shorter than a second", "write at least 1s")
