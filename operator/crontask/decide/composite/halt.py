"""Why nothing new of a composite run starts, and what that means for the parts that have."""

from collections.abc import Iterable
from datetime import datetime

from crontask.api.composite_status import Halt
from crontask.api.phases import RunPhase
from crontask.decide.composite.model import IMMEDIATE, CompositeView, WantedPart
from crontask.decide.composite.times import deadline
from crontask.decide.model import ScheduledRun


def while_paused(run: ScheduledRun) -> str:
    """What a run says that nothing new of starts, for it is paused, or what it is a part of."""
    above = run.spec.parent
    if run.spec.suspend or above is None:
        return "paused: spec.suspend is true"
    return f"paused, because run {above.name}, which it is a part of, is paused"


def canceled(run: ScheduledRun) -> Halt | None:
    """Somebody asks for its end."""
    if not run.cancel_requested:
        return None
    return Halt(phase=RunPhase.CANCELED, reason="Canceled", message=run.spec.cancel_reason)


def out_of_time(view: CompositeView, now: datetime) -> Halt | None:
    """A limit of time is over."""
    limit = deadline(view, now)
    if limit is None or limit.at > now:
        return None
    return Halt(phase=RunPhase.TIMED_OUT, reason=limit.reason, message=limit.message)


def why_ending(halt: Halt) -> str:
    """Why, before what is still to come: of an error that has several lines the first, for a column shows no more."""
    return (halt.message or "").strip().partition("\n")[0] or halt.reason


def while_ending(halt: Halt | None) -> RunPhase:
    """The phase of a run that is about to end so."""
    return RunPhase.CANCELING if halt is not None and halt.phase == "Canceled" else RunPhase.RUNNING


def to_cancel(run: ScheduledRun, parts: Iterable[ScheduledRun | None]) -> tuple[ScheduledRun, ...]:
    """The parts that are still to be asked to end; those that have parts themselves, also that it be at once."""
    at_once = run.cancel_requested and run.spec.cancel_mode == IMMEDIATE
    known = (part for part in parts if part is not None)
    return tuple(part for part in known if not part.cancel_requested or (at_once and _undoes(part)))


def _undoes(part: ScheduledRun) -> bool:
    """Whether it may undo what it has done, before it ends."""
    return part.status.composite is not None and part.spec.cancel_mode != IMMEDIATE


def at_most_once(view: CompositeView, part: WantedPart, now: datetime) -> bool:
    """Whether the status has to name it before it is begun; while it is refused, it would be taken for gone."""
    return part.retry is not None and part.retry.on_lost == "Fail" and view.held_by(part.part, now) is None
