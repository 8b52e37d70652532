"""What a composite run waits for while nothing of it goes on: as its parts say it."""

from collections.abc import Iterable

from crontask.api.phases import RunPhase
from crontask.decide.model import ScheduledRun

# A part between two attempts, or one that ends, is at work.
_MAY_WAIT = frozenset({RunPhase.PENDING, RunPhase.QUEUED, RunPhase.RUNNING})


def waits_for(under_way: Iterable[tuple[str, ScheduledRun | None]]) -> str | None:
    """What the first of the parts under way says, each with what people call it; None unless all wait for something."""
    said: list[str] = []
    for name, part in under_way:
        message = part.status.message if part is not None and part.status.phase in _MAY_WAIT else None
        if not message:
            return None
        said.append(f"{name}: {message}")
    if not said:
        return None
    others = len(said) - 1
    return said[0] + (f"; {others} more {'wait' if others > 1 else 'waits'}" if others else "")
