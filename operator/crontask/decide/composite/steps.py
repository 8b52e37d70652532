"""The policy of a workflow: which steps have ended, which may start now, and what comes when all have."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from crontask.api.base import cut
from crontask.api.composite import Step
from crontask.api.composite_status import DECIDED_STEPS, DONE_STEPS, Halt, StepPhase, StepStatus
from crontask.api.names import part_of_step
from crontask.api.phases import RunPhase
from crontask.api.reference import MissingError
from crontask.api.step_order import topological
from crontask.decide.composite.approval import asking, waits_for_nobody
from crontask.decide.composite.approval_record import ignored, news, unrecorded
from crontask.decide.composite.ending import cleaning_up, end_of
from crontask.decide.composite.halt import (
    at_most_once,
    canceled,
    out_of_time,
    to_cancel,
    while_ending,
    while_paused,
    why_ending,
)
from crontask.decide.composite.model import ONLY_SEEN, CompositeDecision, CompositeView, StepState, WantedPart
from crontask.decide.composite.saga import NOTHING_UNDONE, Undone, undoing, undone_so_far
from crontask.decide.composite.step_state import LONGEST_MESSAGE, step_status
from crontask.decide.composite.times import deadline
from crontask.decide.composite.values import SourceSkippedError, reason_of
from crontask.decide.composite.waiting import waits_for
from crontask.decide.composite.workflow import States, Workflow
from crontask.decide.decisions import earliest

STEP_FAILED = "StepFailed"
# Of a step that always runs, while the others do.
_LAST = "waits for the end of the other steps"
_FIRST = datetime.min.replace(tzinfo=UTC)


def decide_steps(view: CompositeView, now: datetime) -> CompositeDecision:
    """What should be so now of a workflow that has started: first the steps, then undoing, clean-up, and the end."""
    flow = Workflow(view, now)
    states, halt = _main_states(flow)
    running = [state for state in states.values() if state.phase is StepPhase.RUNNING]
    # Unless all has been undone, what always runs began when all was well: nothing is undone beside it.
    begun = flow.begun_at_the_end.values() if flow.status.undo is None else ()
    cleaning = [state for state in begun if state.phase is StepPhase.RUNNING]
    if halt is None and any(state.open for state in states.values()):
        return _going_on(flow, states)
    if halt is not None and (running or cleaning):
        return _halting(flow, states, halt, running, cleaning)
    undone = undoing(flow, states, halt) if halt is not None else NOTHING_UNDONE
    if halt is not None and not undone.ended:
        message = f"{why_ending(halt)}; {undone.progress}"
        decision = _decision(flow, RunPhase.COMPENSATING, message, states, halt, undone)
        # Of an undo that happens at most once, the status says so before it is begun.
        named = any(part.asked["undo"] in undone.runs for part in undone.wanted)
        first = decision.record_first or named
        return replace(decision, wanted=undone.wanted, cancels=undone.cancels, record_first=first)
    return _at_the_end(flow, states, halt, undone)


# --- how the steps are -----------------------------------------------------------------------------------------------


def _main_states(flow: Workflow) -> tuple[States, Halt | None]:
    """The steps but for those that always run; and why nothing new starts, if so."""
    known = {name: state for name in flow.order if (state := flow.known(flow.by_name[name])) is not None}
    halt = flow.status.halt or canceled(flow.run) or _failed(known)
    states = _with_unstarted(flow, known, halt)
    if halt is None and any(state.open for state in states.values()):
        # What comes when all steps have ended has limits of its own.
        halt = out_of_time(flow.view, flow.now)
        states = _with_unstarted(flow, known, halt)
    if halt is None and (halt := _failed(states)) is not None:
        # One failed before it could start: no other starts beside it.
        decided = {name: state for name, state in states.items() if state.phase in DECIDED_STEPS}
        states = _with_unstarted(flow, {**known, **decided}, halt)
    return states, halt


def _failed(states: States) -> Halt | None:
    """A step that failed: of several, the first to end."""
    failed = [state for state in states.values() if state.failed and not state.step.continue_on_failure]
    if not failed:
        return None
    first = min(failed, key=lambda state: (state.ended is None, state.ended or _FIRST))
    return Halt(phase=RunPhase.FAILED, reason=STEP_FAILED, message=_why_failing(first))


def _why_failing(state: StepState) -> str:
    what, why = f"step {state.step.name} is {state.phase.value}", state.message or state.reason
    # What a workflow says whose own step of that name has failed.
    said = why is not None and (why == what or why.startswith(f"{what}:"))
    return cut((why if said and why else what) + (f": {why}" if why and not said else ""), LONGEST_MESSAGE)


def _with_unstarted(flow: Workflow, known: States, halt: Halt | None) -> States:
    states = {name: waits_for_nobody(state, flow.now) if halt else state for name, state in known.items()}
    for name in topological(flow.order):
        if name not in states:
            states[name] = _unstarted(flow, flow.by_name[name], states, halt)
    return {name: states[name] for name in flow.order}


def _unstarted(flow: Workflow, step: Step, states: States, halt: Halt | None) -> StepState:
    """A step that has not started: whether it may, and if not, why."""
    if halt is not None:
        return StepState(step, StepPhase.NOT_REACHED)
    before = [states[name] for name in flow.order[step.name]]
    open_ = [state.step.name for state in before if state.open]
    if open_:
        return StepState(step, StepPhase.PENDING, message=f"waits for {', '.join(open_)}")
    try:
        state = flow.in_its_turn(step, flow.values(states))
    except SourceSkippedError as error:
        return StepState(step, StepPhase.SKIPPED, message=str(error))
    except MissingError as error:
        return StepState(step, StepPhase.FAILED, reason=reason_of(error), message=str(error))
    if not state.ready:
        return state
    ends = [other.ended for other in before if other.ended is not None]
    starts_at = max(ends, default=flow.status.start_time or flow.now) + (step.delay or timedelta(0))
    if step.delay is not None and starts_at > flow.now:
        return StepState(step, StepPhase.WAITING, message="waits for its delay", waits_until=starts_at)
    return state if step.approval is None else _begins_to_ask(flow, step)


def _begins_to_ask(flow: Workflow, step: Step) -> StepState:
    """A step that asks for approval, and whose turn it is: of what is paused, nothing new starts."""
    if flow.view.suspended:
        return StepState(step, StepPhase.PENDING, message=while_paused(flow.run))
    return asking(step, flow.now, flow.answers.get(step.name), flow.run, flow.now)


# --- what follows ----------------------------------------------------------------------------------------------------


def _going_on(flow: Workflow, states: States) -> CompositeDecision:
    """Some have not ended: what may start does."""
    ready = [state for state in states.values() if state.ready]
    running = sum(state.phase is StepPhase.RUNNING for state in states.values())
    most = flow.plan.handler.max_parallel
    starting = ready if most is None else ready[: max(0, most - running)]
    if flow.view.suspended:
        starting = []
    wanted, named = _starting(flow, starting)
    waiting = {state.step.name: replace(state, message=_why_not_yet(flow, state, starting)) for state in ready}
    limit = deadline(flow.view, flow.now)
    waits = [state.waits_until for state in states.values()]
    message = _while_going_on(flow, states, starts=bool(starting))
    decision = _decision(flow, RunPhase.RUNNING, message, {**states, **waiting, **named}, None)
    return replace(
        decision,
        wanted=wanted,
        record_first=decision.record_first or bool(named) or any(_only_seen(flow, state) for state in states.values()),
        wake_at=earliest(*waits, limit.at if limit is not None else None),
    )


def _why_not_yet(flow: Workflow, state: StepState, starting: list[StepState]) -> str | None:
    """Why a step that is ready does not start; None of one that does."""
    refusal = flow.view.held_by(part_of_step(state.step.name), flow.now)
    if flow.view.suspended:
        return while_paused(flow.run)
    if state not in starting:
        return f"waits for the end of a step: maxParallel is {flow.plan.handler.max_parallel}"
    return f"its run is refused: {refusal.message}" if refusal is not None else None


def _while_going_on(flow: Workflow, states: States, *, starts: bool) -> str | None:
    """For whom it waits, and for what, where nothing of it goes on. `starts`: a step does."""
    if flow.view.suspended:
        return while_paused(flow.run)
    asking = [state.step.name for state in states.values() if state.asking]
    approval = f"waits for approval: {', '.join(asking)}" if asking else None
    running = [(state.step.name, state.part) for state in states.values() if state.phase is StepPhase.RUNNING]
    return "; ".join(filter(None, (approval, waits_for(running) if not starts else None))) or None


def _only_seen(flow: Workflow, state: StepState) -> bool:
    """Whether nothing but this process knows how the step ended."""
    recorded = flow.recorded.get(state.step.name)
    return state.reason in ONLY_SEEN and (recorded is None or recorded.phase is not state.phase)


def _starting(flow: Workflow, ready: list[StepState]) -> tuple[tuple[WantedPart, ...], States]:
    """The parts that start, and of those that happen at most once how the status names them before they are begun."""
    wanted = tuple(flow.wanted(state) for state in ready)
    named = [state for state, part in zip(ready, wanted, strict=True) if at_most_once(flow.view, part, flow.now)]
    return wanted, {state.step.name: _named(flow, state) for state in named}


def _named(flow: Workflow, state: StepState) -> StepState:
    """The step as it is once its run is there."""
    return replace(state, phase=StepPhase.RUNNING, run=flow.view.name_of(part_of_step(state.step.name)))


def _halting(
    flow: Workflow, states: States, halt: Halt, running: list[StepState], cleaning: list[StepState]
) -> CompositeDecision:
    """Nothing new starts; what runs ends by itself, or is ended: what always runs, only where all ends at once."""
    ends = halt.phase != "Failed" or flow.plan.handler.on_failure == "Cancel" or flow.immediate
    waits = ", ".join(state.step.name for state in (*running, *cleaning))
    asked = [*(running if ends else ()), *(cleaning if flow.immediate else ())]
    message = f"{why_ending(halt)}; waits for the end of {waits}"
    undone = undone_so_far(flow)
    phase = RunPhase.COMPENSATING if undone.order else while_ending(halt)
    decision = _decision(flow, phase, message, states, halt, undone)
    return replace(decision, cancels=to_cancel(flow.run, (state.part for state in asked)))


def _at_the_end(flow: Workflow, states: States, halt: Halt | None, undone: Undone) -> CompositeDecision:
    """The steps that always run; then the end."""
    end = end_of(flow, states, halt, undone)
    always = cleaning_up(flow, states, end)
    everything = {**states, **always}
    running = [state for state in always.values() if state.phase is StepPhase.RUNNING]
    starting = [state for state in always.values() if state.ready]
    if running or starting:
        at_work = ", ".join(state.step.name for state in (*running, *starting))
        so_far = f"{end.message or end.reason}; " if halt is not None else ""
        cancels = to_cancel(flow.run, (state.part for state in running)) if flow.immediate else ()
        wanted, named = _starting(flow, starting)
        decision = _decision(
            flow, while_ending(halt), f"{so_far}waits for {at_work}", {**everything, **named}, halt, undone
        )
        first = decision.record_first or bool(named) or any(_only_seen(flow, state) for state in always.values())
        return replace(decision, wanted=wanted, cancels=cancels, record_first=first)
    failed = next((state for state in always.values() if state.failed), None)
    if halt is None and failed is not None:
        end = replace(end, phase=RunPhase.FAILED, reason=STEP_FAILED, message=_why_failing(failed))
    return replace(_decision(flow, end.phase, end.message, everything, halt, undone), end=end)


# --- what the status says --------------------------------------------------------------------------------------------


def _decision(
    flow: Workflow,
    phase: RunPhase,
    message: str | None,
    states: Mapping[str, StepState],
    halt: Halt | None,
    undone: Undone = NOTHING_UNDONE,
) -> CompositeDecision:
    known = {**flow.begun_at_the_end, **states}
    steps, recorded = tuple(_shown(flow, step, known.get(step.name), undone) for step in flow.steps), flow.recorded
    not_used = ignored(flow.run, flow.steps, recorded)
    found = tuple(news(flow.run, flow.steps, steps, recorded, not_used))
    # As far as it is through: a step that failed is not done, and one whose condition does not hold need not be.
    done = sum(state.phase in DONE_STEPS or state.phase is StepPhase.SKIPPED for state in known.values())
    return CompositeDecision(
        phase,
        cut(message, LONGEST_MESSAGE) if message is not None else None,
        f"{done}/{len(flow.steps)} steps",
        steps,
        halt=halt,
        undo=undone.order,
        not_compensated=undone.failed,
        record_first=(flow.status.halt, flow.status.undo, flow.status.not_compensated)
        != (halt, undone.order, undone.failed)
        or bool(found)
        or unrecorded(flow.steps, steps, recorded),
        transitions=found,
        ignored=not_used,
    )


def _shown(flow: Workflow, step: Step, state: StepState | None, undone: Undone) -> StepStatus:
    if state is None:
        return StepStatus(name=step.name, phase=StepPhase.PENDING, message=_LAST)
    compensated = True if step.name in undone.compensated else None
    if any(entry.step == step.name for entry in undone.failed):
        compensated = False
    before = flow.recorded.get(step.name)
    undo_run = undone.runs.get(step.name) or (before.undo_run if before is not None else None)
    answer = flow.answers.get(step.name)
    return step_status(step.name, state, answer=answer, compensated=compensated, undo_run=undo_run)
