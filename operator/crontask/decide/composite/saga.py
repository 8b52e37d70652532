"""Undoing, one step after the other (a saga): how far it is, and which undo should run now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from crontask.api.base import cut
from crontask.api.composite_status import Halt, NotCompensated, StepPhase
from crontask.api.names import part_of_undo
from crontask.api.phases import RunPhase
from crontask.api.policies import Retry
from crontask.api.reference import MissingError
from crontask.decide.composite.halt import at_most_once
from crontask.decide.composite.model import IMMEDIATE, LONGEST_CLEAN_UP, PART_GONE, REUSED, WantedPart
from crontask.decide.composite.step_state import LONGEST_MESSAGE, end_reason, gone
from crontask.decide.composite.undo import undo_order, without_undo
from crontask.decide.composite.values import reason_of
from crontask.decide.composite.workflow import States, Workflow
from crontask.decide.model import ScheduledRun

_RETRY = Retry(limit=3)


@dataclass(frozen=True, slots=True)
class Undone:
    """How far undoing is. `order`: the steps to undo, None where nothing has to be; `open`: one is being undone.

    `runs`: by step, the run that undoes it, as far as the status should name it.
    """

    order: tuple[str, ...] | None
    compensated: tuple[str, ...] = ()
    failed: tuple[NotCompensated, ...] = ()
    open: bool = False
    wanted: tuple[WantedPart, ...] = ()
    cancels: tuple[ScheduledRun, ...] = ()
    runs: Mapping[str, str] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether nothing is left to be undone."""
        return not self.open and not self.wanted

    @property
    def progress(self) -> str:
        """How many of the steps have been looked after."""
        failed = [entry for entry in self.failed if entry.reason != REUSED]
        return f"undone: {len(self.compensated) + len(failed)} of {len(self.order or ())}"

    def with_failure(self, name: str, reason: str, message: str | None) -> "Undone":
        """The same, with a step that could not be undone."""
        shown = cut(message, LONGEST_MESSAGE) if message else None
        return replace(self, failed=(*self.failed, NotCompensated(step=name, reason=reason, message=shown)))

    def named(self, name: str, run: str) -> "Undone":
        """The same, with the run that undoes a step."""
        return replace(self, runs={**self.runs, name: run})


NOTHING_UNDONE = Undone(None)


def undone_so_far(flow: Workflow) -> Undone:
    """How far undoing is by the status, while it waits for a part that is there after all."""
    if flow.status.undo is None:
        return NOTHING_UNDONE
    return _with_recorded(flow, flow.status.undo, Undone(flow.status.undo, failed=flow.status.not_compensated))


def undoing(flow: Workflow, states: States, halt: Halt) -> Undone:
    """How far undoing is, once all that had started has ended."""
    order, standing = flow.status.undo, _standing(flow, states)
    if order is None and flow.immediate:
        left = tuple(NotCompensated(step=name, reason=IMMEDIATE) for name in without_undo(states.values()))
        return Undone((), failed=(*standing, *left))
    # One that the API server seemed to refuse may turn up, and have acted, when the order is recorded.
    late = [name for name in undo_order(flow.steps, states, flow.order) if name not in (order or ())]
    found = Undone((*late, *(order or ())), failed=standing)
    # Somebody may have written others into the status.
    with_undo = {step.name for step in flow.steps if step.compensate is not None}
    names = [name for name in found.order or () if name in with_undo]
    for position, name in enumerate(names, 1):
        found = _undo(flow, name, states, halt, found)
        if not found.ended:
            return _with_recorded(flow, names[position:], found)
    return found


def _with_recorded(flow: Workflow, names: Sequence[str], found: Undone) -> Undone:
    """The same, with what the status says of these: they were looked after before another one turned up."""
    failed = {entry.step for entry in found.failed}
    done = [name for name in names if name in flow.recorded and flow.recorded[name].compensated]
    left = [entry for entry in flow.status.not_compensated if entry.step in names and entry.step not in failed]
    return replace(found, compensated=(*found.compensated, *done), failed=(*found.failed, *left))


def _standing(flow: Workflow, states: States) -> tuple[NotCompensated, ...]:
    """The steps that are not undone since another run did them, which had ended well."""
    if not flow.plan.again.stands:
        return ()
    reused = [s for s in states.values() if s.phase is StepPhase.REUSED and s.step.compensate is not None]
    message = "a run that ended well has done it, and this one only reuses it"
    return tuple(NotCompensated(step=state.step.name, reason=REUSED, message=message) for state in reused)


def _undo(flow: Workflow, name: str, states: States, halt: Halt, found: Undone) -> Undone:
    """The same, with what is so of one step more."""
    part, recorded = flow.view.parts.get(part_of_undo(name)), flow.recorded.get(name)
    run = flow.view.name_of(part_of_undo(name))
    if part is not None:
        return _of_part(flow, name, part, found.named(name, run))
    if run in flow.view.orphaned:
        return replace(found, open=True)
    earlier = {entry.step: entry for entry in flow.status.not_compensated}
    if name in earlier:
        return replace(found, failed=(*found.failed, earlier[name]))
    if recorded is not None and recorded.compensated:
        return replace(found, compensated=(*found.compensated, name))
    if flow.immediate:
        return found.with_failure(name, IMMEDIATE, None)
    refusal = flow.view.given_up(part_of_undo(name))
    if refusal is not None:
        return found.with_failure(name, refusal.reason, refusal.message)
    if recorded is not None and recorded.undo_run == run and run not in flow.view.unmade:
        return found.with_failure(name, PART_GONE, gone(run))
    try:
        wanted = _wanted(flow, name, states, halt)
    except MissingError as error:
        return found.with_failure(name, reason_of(error), str(error))
    # The status names it before it is begun.
    found = found.named(name, run) if at_most_once(flow.view, wanted, flow.now) else found
    return replace(found, wanted=(wanted,))


def _of_part(flow: Workflow, name: str, part: ScheduledRun, found: Undone) -> Undone:
    if not part.ended:
        ends = flow.immediate and not part.cancel_requested
        return replace(found, open=True, cancels=(part,) if ends else ())
    if part.succeeded:
        return replace(found, compensated=(*found.compensated, name))
    return found.with_failure(name, IMMEDIATE if flow.immediate else end_reason(part), part.status.message)


def _wanted(flow: Workflow, name: str, states: States, halt: Halt) -> WantedPart:
    """The part that undoes a step. Raises MissingError."""
    compensation = flow.by_name[name].compensate
    assert compensation is not None, "only steps with one are undone"
    values = flow.values(states, so_far=(RunPhase(halt.phase), halt.message))
    return WantedPart(
        part_of_undo(name),
        {"undo": name},
        compensation,
        flow.args(compensation.args, values),
        compensation.retry or _RETRY,
        compensation.timeout or LONGEST_CLEAN_UP,
        flow.plan.start_timeout,
        part_of_undo(name),
    )
