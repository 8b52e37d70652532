"""How a step is: from the run that does it, or from what is recorded of one that is gone."""

from dataclasses import replace

import orjson

from crontask.api.base import cut
from crontask.api.composite import Step
from crontask.api.composite_status import DECIDED_STEPS, FAILED_STEPS, Answer, StepPhase, StepStatus
from crontask.api.metadata import Condition
from crontask.api.phases import RunPhase
from crontask.decide.composite.model import PART_GONE, StepState
from crontask.decide.composite.undo import may_have_acted
from crontask.decide.model import ScheduledRun
from crontask.decide.plan import Again

LONGEST_MESSAGE = 1024
# A longer result stands in the run of the step alone.
LONGEST_RESULT = 1024
_PHASES = {
    RunPhase.SUCCEEDED: StepPhase.SUCCEEDED,
    RunPhase.PARTIAL: StepPhase.PARTIAL,
    RunPhase.TIMED_OUT: StepPhase.TIMED_OUT,
    RunPhase.CANCELED: StepPhase.CANCELED,
}


def of_part(step: Step, part: ScheduledRun) -> StepState:
    """How the step is that a run does."""
    status = part.status
    phase = _PHASES.get(status.phase or RunPhase.PENDING, StepPhase.FAILED) if part.ended else StepPhase.RUNNING
    if part.stale:
        phase = StepPhase.NOT_REACHED
    return StepState(
        step,
        phase,
        part,
        part.meta.name,
        status.start_time,
        part.ended_at if part.ended else None,
        status.attempts[-1].number if status.attempts else None,
        end_reason(part) if phase in FAILED_STEPS else None,
        status.message,
        status.result,
        bool(status.result_truncated),
        may_have_acted(status, if_started=step.compensate_when == "Started"),
    )


def of_record(step: Step, recorded: StepStatus) -> StepState:
    """How the step is of which only the record is left. If its run is gone before its end was, nobody knows that."""
    if recorded.phase in DECIDED_STEPS:
        # A result that was too long to be recorded is gone with its run.
        return StepState(
            step,
            recorded.phase,
            None,
            recorded.run,
            recorded.start_time,
            recorded.completion_time,
            recorded.attempts,
            recorded.reason,
            recorded.message,
            recorded.result,
            recorded.result is None,
            recorded.run is not None,
        )
    message = gone(recorded.run)
    known = recorded.start_time, recorded.completion_time, recorded.attempts
    return StepState(step, StepPhase.FAILED, None, recorded.run, *known, PART_GONE, message, acted=True)


def gone(run: str | None) -> str:
    """What is said of a part whose run was there, and is not any more."""
    return f"run {run} is gone, and nobody saw its end"


def of_reused(step: Step, recorded: StepStatus, again: Again) -> StepState:
    """How a step is that the run which is run again has done. What that did stands, if it ended well."""
    known = of_record(step, recorded)
    if step.name in again.results:
        known = replace(known, result=again.results[step.name], result_truncated=False)
    return replace(known, acted=not again.stands)


def step_status(
    name: str,
    state: StepState,
    *,
    answer: Answer | None = None,
    compensated: bool | None = None,
    undo_run: str | None = None,
) -> StepStatus:
    """What a status says of a step, or of what goes as one."""
    return StepStatus(
        name=name,
        phase=state.phase,
        run=state.run,
        start_time=state.started,
        completion_time=state.ended,
        attempts=state.attempts,
        reason=state.reason,
        message=cut(state.message, LONGEST_MESSAGE) if state.message else None,
        result=recordable(state.result),
        answer=answer,
        compensated=compensated,
        undo_run=undo_run,
    )


def end_reason(part: ScheduledRun) -> str:
    """Why a run ended so, in CamelCase."""
    ends: list[Condition] = [c for c in part.status.conditions if c.type in ("Complete", "Failed")]
    return ends[0].reason if ends else "Failed"


def recordable(result: object) -> object:
    """The result of a step as far as the status of its workflow has room for it."""
    return result if result is None or len(orjson.dumps(result)) <= LONGEST_RESULT else None
