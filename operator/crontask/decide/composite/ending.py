"""How a workflow ends, and the steps that run before it does, whatever happened."""

from crontask.api.composite_status import Halt, StepPhase
from crontask.api.names import step_of_part
from crontask.api.phases import RunPhase
from crontask.api.reference import MissingError
from crontask.decide.composite.model import IMMEDIATE, REUSED, CompositeEnd, StepState
from crontask.decide.composite.saga import Undone
from crontask.decide.composite.values import reason_of
from crontask.decide.composite.workflow import States, Workflow

COMPENSATION_FAILED, COMPLETED = "CompensationFailed", "Completed"


def end_of(flow: Workflow, states: States, halt: Halt | None, undone: Undone) -> CompositeEnd:
    """The end, but for what the steps that always run have to say."""
    processed, errors = _sums(flow)
    if halt is None:
        result = _result(flow, states)
        tolerated = [state.step.name for state in states.values() if state.failed]
        partly = bool(tolerated or flow.plan.again.partial)
        partly = partly or any(state.phase is StepPhase.PARTIAL for state in states.values())
        return CompositeEnd(
            RunPhase.PARTIAL if partly else RunPhase.SUCCEEDED,
            COMPLETED,
            f"tolerated failures: {', '.join(tolerated)}" if tolerated else None,
            result.result if result is not None else None,
            result is not None and result.result_truncated,
            processed,
            errors,
        )
    phase, reason, message = RunPhase(halt.phase), halt.reason, halt.message
    left = [entry for entry in undone.failed if entry.reason != REUSED]
    if any(entry.reason != IMMEDIATE for entry in left):
        phase, reason, message = RunPhase.FAILED, COMPENSATION_FAILED, message or halt.reason
    if left:
        # First, for the rest may have many lines, and be long.
        names = ", ".join(entry.step for entry in left)
        message = f"not undone: {names}" + (f"; {message}" if message else "")
    return CompositeEnd(phase, reason, message, processed_count=processed, error_count=errors)


def cleaning_up(flow: Workflow, states: States, end: CompositeEnd) -> States:
    """The steps that always run, one after the other, in the order of the list."""
    found: dict[str, StepState] = {}
    for step in flow.steps:
        if not step.always:
            continue
        known = flow.known(step)
        if known is None and flow.immediate:
            known = StepState(step, StepPhase.NOT_REACHED)
        open_ = [name for name, state in found.items() if state.open]
        if known is None and open_:
            known = StepState(step, StepPhase.PENDING, message=f"waits for {', '.join(open_)}")
        if known is None:
            values = flow.values({**states, **found}, forgiving=True, so_far=(end.phase, end.message))
            try:
                known = flow.in_its_turn(step, values)
            except MissingError as error:
                known = StepState(step, StepPhase.FAILED, reason=reason_of(error), message=str(error))
        found[step.name] = known
    return found


def _result(flow: Workflow, states: States) -> StepState | None:
    """The step whose result is the run's."""
    wanted = flow.plan.handler.step_result_from
    if wanted is not None:
        return states.get(wanted)
    return states[list(states)[-1]] if states else None


def _sums(flow: Workflow) -> tuple[int | None, int | None]:
    """What the runs of the steps have counted."""
    done = [part.status for key, part in flow.view.parts.items() if step_of_part(key) == key]
    processed = [status.processed_count for status in done if status.processed_count is not None]
    errors = [status.error_count for status in done if status.error_count is not None]
    return sum(processed) if processed else None, sum(errors) if errors else None
