"""The policy of a workflow: which steps have ended, which may start now, what is undone, and how it ends."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from crontask.api.base import cut
from crontask.api.composite import Step, When
from crontask.api.composite_status import DECIDED_STEPS, Halt, NotCompensated, StepPhase, StepStatus
from crontask.api.policies import Retry
from crontask.api.reference import MissingError
from crontask.api.scheduledrun import RunPhase, ScheduledRunStatus
from crontask.api.step_order import dependencies, topological
from crontask.decide.composite.model import (
    STEP,
    UNDO,
    CompositeDecision,
    CompositeEnd,
    CompositeView,
    StepState,
    WantedPart,
    part_of_step,
    part_of_undo,
)
from crontask.decide.composite.step_state import end_reason, of_part, of_record, recordable
from crontask.decide.composite.times import deadline
from crontask.decide.composite.undo import undo_order, without_undo
from crontask.decide.composite.values import REFERENCE_MISSING, TRUNCATED, SourceSkippedError, TruncatedError, Values
from crontask.decide.decisions import earliest
from crontask.decide.model import ScheduledRun

STEP_FAILED, COMPENSATION_FAILED, COMPLETED = "StepFailed", "CompensationFailed", "Completed"
NAME_TAKEN, IMMEDIATE = "NameTaken", "Immediate"
_UNDO_RETRY = Retry(limit=3)
_HOUR = timedelta(hours=1)
_LONGEST_MESSAGE = 1024
_FIRST = datetime.min.replace(tzinfo=UTC)


def decide_steps(view: CompositeView, now: datetime) -> CompositeDecision:
    """What should be so now of a workflow that has started."""
    return _Workflow(view, now).decide()


@dataclass(frozen=True)
class _Workflow:
    view: CompositeView
    now: datetime

    # --- what is known -----------------------------------------------------------------------------------------------

    @property
    def _run(self) -> ScheduledRun:
        return self.view.run

    @property
    def _status(self) -> ScheduledRunStatus:
        return self.view.run.status

    @cached_property
    def _steps(self) -> tuple[Step, ...]:
        return self.view.plan.handler.steps or ()

    @cached_property
    def _order(self) -> Mapping[str, tuple[str, ...]]:
        return dependencies(self._steps)

    @cached_property
    def _by_name(self) -> Mapping[str, Step]:
        return {step.name: step for step in self._steps}

    @cached_property
    def _recorded(self) -> Mapping[str, StepStatus]:
        return {step.name: step for step in self._status.steps}

    @property
    def _immediate(self) -> bool:
        return self._run.cancel_requested and self._run.spec.cancel_mode == IMMEDIATE

    def _known(self, step: Step) -> StepState | None:
        """How a step is that has started; None before."""
        part, recorded = self.view.parts.get(part_of_step(step.name)), self._recorded.get(step.name)
        if part is not None:
            return of_part(step, part)
        if recorded is not None and (recorded.run is not None or recorded.phase in DECIDED_STEPS):
            return of_record(step, recorded)
        refusal = self.view.refused.get(part_of_step(step.name))
        return StepState(step, StepPhase.FAILED, reason=NAME_TAKEN, message=refusal) if refusal is not None else None

    # --- what follows ------------------------------------------------------------------------------------------------

    def decide(self) -> CompositeDecision:
        """The decision: first the steps, then undoing, then what always runs, then the end."""
        states, halt = self._main_states()
        running = [state for state in states.values() if state.phase is StepPhase.RUNNING]
        if halt is None:
            if any(state.open for state in states.values()):
                return self._going_on(states)
        elif running:
            return self._halting(states, halt, running)
        return self._at_the_end(states, halt)

    def _main_states(self) -> tuple[dict[str, StepState], Halt | None]:
        """The steps but for those that always run; and why nothing new starts, if so."""
        known = {name: state for name in self._order if (state := self._known(self._by_name[name])) is not None}
        halt = self._status.halt or self._asked_to_halt() or _failed(known)
        states = self._with_unstarted(known, halt)
        if halt is None and (halt := _failed(states)) is not None:
            # One failed before it could start: no other starts beside it.
            decided = {name: state for name, state in states.items() if state.phase in DECIDED_STEPS}
            states = self._with_unstarted({**known, **decided}, halt)
        return states, halt

    def _asked_to_halt(self) -> Halt | None:
        if self._run.cancel_requested:
            reason = self._run.spec.cancel_reason
            return Halt(phase=RunPhase.CANCELED, reason="Canceled", message=reason)
        limit = deadline(self.view, self.now)
        if limit is not None and limit.at <= self.now:
            return Halt(phase=RunPhase.TIMED_OUT, reason=limit.reason, message=limit.words)
        return None

    def _with_unstarted(self, known: Mapping[str, StepState], halt: Halt | None) -> dict[str, StepState]:
        states = dict(known)
        for name in topological(self._order):
            if name not in states:
                states[name] = self._unstarted(self._by_name[name], states, halt)
        return {name: states[name] for name in self._order}

    def _unstarted(self, step: Step, states: Mapping[str, StepState], halt: Halt | None) -> StepState:
        """A step that has not started: whether it may, and if not, why."""
        if halt is not None:
            return StepState(step, StepPhase.NOT_REACHED)
        before = [states[name] for name in self._order[step.name]]
        open_ = [state.step.name for state in before if state.open]
        if open_:
            return StepState(step, StepPhase.PENDING, message=f"waits for {', '.join(open_)}")
        try:
            return self._in_its_turn(step, before, Values(self._run, self.view.plan.args, states))
        except SourceSkippedError as error:
            return StepState(step, StepPhase.SKIPPED, message=str(error))
        except MissingError as error:
            reason = TRUNCATED if isinstance(error, TruncatedError) else REFERENCE_MISSING
            return StepState(step, StepPhase.FAILED, reason=reason, message=str(error))

    def _in_its_turn(self, step: Step, before: list[StepState], values: Values) -> StepState:
        """A step of which all that it depends on has ended. Raises MissingError."""
        if step.when is not None and not _holds(step.when, values):
            return StepState(step, StepPhase.SKIPPED, message="its condition, when, does not hold")
        args = self._args_of(step, values)
        if step.delay is not None:
            ends = [state.ended for state in before if state.ended is not None]
            starts_at = max(ends, default=self._status.start_time or self.now) + step.delay
            if starts_at > self.now:
                return StepState(step, StepPhase.WAITING, message="waits for its delay", waits_until=starts_at)
        return StepState(step, StepPhase.PENDING, ready=True, args=args)

    def _args_of(self, step: Step, values: Values) -> dict[str, Any]:
        resolved: dict[str, Any] = values.resolved(step.args) if step.args is not None else dict(self.view.plan.args)
        return resolved

    # --- while it goes on --------------------------------------------------------------------------------------------

    def _going_on(self, states: Mapping[str, StepState]) -> CompositeDecision:
        ready = [state for state in states.values() if state.ready]
        running = sum(state.phase is StepPhase.RUNNING for state in states.values())
        most = self.view.plan.handler.max_parallel
        starting = ready if most is None else ready[: max(0, most - running)]
        if self._run.spec.suspend:
            starting = []
        wanted = tuple(self._wanted(state) for state in starting)
        limit = deadline(self.view, self.now)
        waits = earliest(*(state.waits_until for state in states.values()), limit.at if limit is not None else None)
        started = {state.step.name for state in starting}
        shown = {n: replace(s, phase=StepPhase.RUNNING) if n in started else s for n, s in states.items()}
        return CompositeDecision(
            RunPhase.RUNNING,
            "paused: spec.suspend is true" if self._run.spec.suspend else None,
            self._progress(states),
            self._shown(states if not wanted else shown, named=frozenset(started)),
            wanted,
            # Of what happens at most once, the status says so before it is begun.
            record_first=any(part.retry is not None and part.retry.on_lost == "Fail" for part in wanted),
            wake_at=waits,
        )

    def _wanted(self, state: StepState) -> WantedPart:
        step, plan = state.step, self.view.plan
        return WantedPart(
            part_of_step(step.name),
            STEP,
            step.name,
            step,
            state.args,
            step.retry or plan.retry,
            step.timeout or (_HOUR if step.always else None),
            step.start_timeout or plan.start_timeout,
            step.always,
        )

    def _halting(self, states: Mapping[str, StepState], halt: Halt, running: list[StepState]) -> CompositeDecision:
        """Nothing new starts; what runs ends by itself, or is ended."""
        cancels = halt.phase != RunPhase.FAILED or self.view.plan.handler.on_failure == "Cancel" or self._immediate
        open_ = tuple(state.part for state in running if state.part is not None)
        to_cancel = tuple(part for part in open_ if not part.cancel_requested) if cancels else ()
        phase = RunPhase.CANCELING if halt.phase == RunPhase.CANCELED else RunPhase.RUNNING
        waits = ", ".join(state.step.name for state in running)
        message = f"{halt.message or halt.reason}; waits for the end of {waits}"
        return self._decision(phase, message, states, {}, halt, cancels=to_cancel)

    # --- the end -----------------------------------------------------------------------------------------------------

    def _at_the_end(self, states: Mapping[str, StepState], halt: Halt | None) -> CompositeDecision:
        if halt is None:
            return self._cleaning_up(states, None, _NOTHING_UNDONE)
        undone = self._undone(states, halt)
        if undone.open or undone.wanted:
            failed = halt.message or halt.reason
            done, all_ = len(undone.compensated) + len(undone.failed), len(undone.order)
            decision = self._decision(
                RunPhase.COMPENSATING, f"{failed}; undone: {done} of {all_}", states, {}, halt, undone=undone
            )
            return replace(decision, wanted=undone.wanted, cancels=undone.cancels)
        return self._cleaning_up(states, halt, undone)

    def _undone(self, states: Mapping[str, StepState], halt: Halt) -> "_Undone":
        """How far undoing is, one step after the other."""
        order = self._status.undo
        if order is None and self._immediate:
            left = tuple(NotCompensated(step=name, reason=IMMEDIATE) for name in without_undo(states.values()))
            return replace(_NOTHING_UNDONE, order=(), failed=left)
        if order is None:
            order = undo_order(self._steps, states, self._order)
        found = _Undone(order)
        for name in order:
            found = self._undo(name, states, halt, found)
            if found.open or found.wanted:
                break
        return found

    def _undo(self, name: str, states: Mapping[str, StepState], halt: Halt, found: "_Undone") -> "_Undone":
        part, recorded = self.view.parts.get(part_of_undo(name)), self._recorded.get(name)
        if part is not None and not part.ended:
            cancels = (part,) if self._immediate and not part.cancel_requested else ()
            return replace(found, open=True, cancels=cancels)
        if part is not None:
            if part.succeeded:
                return replace(found, compensated=(*found.compensated, name))
            reason = IMMEDIATE if self._immediate else end_reason(part)
            return found.failing(name, reason, part.status.message)
        earlier = {entry.step: entry for entry in self._status.not_compensated}
        if name in earlier:
            return replace(found, failed=(*found.failed, earlier[name]))
        if recorded is not None and recorded.compensated:
            return replace(found, compensated=(*found.compensated, name))
        if self._immediate:
            return found.failing(name, IMMEDIATE, None)
        refusal = self.view.refused.get(part_of_undo(name))
        if refusal is not None:
            return found.failing(name, NAME_TAKEN, refusal)
        compensation = self._by_name[name].compensate
        assert compensation is not None, "only steps with one are undone"
        values = Values(self._run, self.view.plan.args, states, so_far=(RunPhase(halt.phase), halt.message))
        try:
            args = values.resolved(compensation.args) if compensation.args is not None else dict(self.view.plan.args)
        except MissingError as error:
            return found.failing(name, REFERENCE_MISSING, str(error))
        wanted = WantedPart(
            part_of_undo(name),
            UNDO,
            name,
            compensation,
            args,
            compensation.retry or _UNDO_RETRY,
            compensation.timeout or _HOUR,
            self.view.plan.start_timeout,
        )
        return replace(found, wanted=(wanted,))

    def _cleaning_up(self, states: Mapping[str, StepState], halt: Halt | None, undone: "_Undone") -> CompositeDecision:
        """The steps that always run, one after the other; then the end."""
        end = self._end(states, halt, undone)
        always: dict[str, StepState] = {}
        for step in self._steps:
            if not step.always:
                continue
            state = self._always(step, {**states, **always}, end, blocked=any(s.open for s in always.values()))
            always[step.name] = state
        running = [state for state in always.values() if state.phase is StepPhase.RUNNING]
        starting = [state for state in always.values() if state.ready]
        if running or starting:
            phase = RunPhase.CANCELING if halt is not None and halt.phase == RunPhase.CANCELED else RunPhase.RUNNING
            at_work = ", ".join(state.step.name for state in (*running, *starting))
            ended = f"{end.message or end.reason}; " if halt is not None else ""
            decision = self._decision(phase, f"{ended}waits for {at_work}", states, always, halt, undone=undone)
            cancels = tuple(s.part for s in running if s.part is not None and not s.part.cancel_requested)
            wanted = tuple(self._wanted(state) for state in starting)
            return replace(decision, wanted=wanted, cancels=cancels if self._immediate else ())
        failed = next((state for state in always.values() if state.failed), None)
        if halt is None and failed is not None:
            end = replace(end, phase=RunPhase.FAILED, reason=STEP_FAILED, message=_failing_words(failed))
        decision = self._decision(end.phase, end.message, states, always, halt, undone=undone)
        return replace(decision, end=end)

    def _always(self, step: Step, states: Mapping[str, StepState], end: CompositeEnd, *, blocked: bool) -> StepState:
        known = self._known(step)
        if known is not None:
            return known
        if self._immediate:
            return StepState(step, StepPhase.NOT_REACHED)
        if blocked:
            return StepState(step, StepPhase.PENDING)
        so_far = (end.phase, end.message)
        values = Values(self._run, self.view.plan.args, states, forgiving=True, so_far=so_far)
        if step.when is not None and not _holds(step.when, values):
            return StepState(step, StepPhase.SKIPPED, message="its condition, when, does not hold")
        return StepState(step, StepPhase.PENDING, ready=True, args=self._args_of(step, values))

    def _end(self, states: Mapping[str, StepState], halt: Halt | None, undone: "_Undone") -> CompositeEnd:
        result = self._result(states)
        processed, errors = self._sums()
        if halt is None:
            partly = any(state.failed or state.phase is StepPhase.PARTIAL for state in states.values())
            tolerated = [state.step.name for state in states.values() if state.failed]
            message = f"tolerated failures: {', '.join(tolerated)}" if tolerated else None
            phase = RunPhase.PARTIAL if partly else RunPhase.SUCCEEDED
            truncated = result is not None and result.result_truncated
            value = result.result if result is not None else None
            return CompositeEnd(phase, COMPLETED, message, value, truncated, processed, errors)
        phase, reason, message = RunPhase(halt.phase), halt.reason, halt.message
        in_vain = [entry.step for entry in undone.failed if entry.reason != IMMEDIATE]
        if in_vain:
            phase, reason = RunPhase.FAILED, COMPENSATION_FAILED
            message = f"{message or halt.reason}; not undone: {', '.join(in_vain)}"
        return CompositeEnd(phase, reason, message, processed_count=processed, error_count=errors)

    def _result(self, states: Mapping[str, StepState]) -> StepState | None:
        """The step whose result is the run's."""
        wanted = self.view.plan.handler.step_result_from
        if wanted is not None:
            return states.get(wanted)
        return states[list(states)[-1]] if states else None

    def _sums(self) -> tuple[int | None, int | None]:
        """The counts of the parts that did steps."""
        done = [part.status for key, part in self.view.parts.items() if not key.endswith(f"/{UNDO}")]
        processed = [status.processed_count for status in done if status.processed_count is not None]
        errors = [status.error_count for status in done if status.error_count is not None]
        return sum(processed) if processed else None, sum(errors) if errors else None

    # --- what the status says ----------------------------------------------------------------------------------------

    def _decision(
        self,
        phase: RunPhase,
        message: str | None,
        states: Mapping[str, StepState],
        always: Mapping[str, StepState],
        halt: Halt | None,
        *,
        undone: "_Undone | None" = None,
        cancels: tuple[ScheduledRun, ...] = (),
    ) -> CompositeDecision:
        everything = {**states, **always}
        return CompositeDecision(
            phase,
            cut(message, _LONGEST_MESSAGE) if message is not None else None,
            self._progress(everything),
            self._shown(everything, undone=undone),
            cancels=cancels,
            halt=halt,
            undo=undone.order if undone is not None and halt is not None else None,
            not_compensated=undone.failed if undone is not None else (),
            record_first=self._status.halt != halt or (undone is not None and self._status.undo != undone.order),
        )

    def _progress(self, states: Mapping[str, StepState]) -> str:
        ended = sum(not state.open and state.phase is not StepPhase.NOT_REACHED for state in states.values())
        return f"{ended}/{len(self._steps)} steps"

    def _shown(
        self,
        states: Mapping[str, StepState],
        *,
        named: frozenset[str] = frozenset(),
        undone: "_Undone | None" = None,
    ) -> tuple[StepStatus, ...]:
        return tuple(self._shown_one(step, states.get(step.name), step.name in named, undone) for step in self._steps)

    def _shown_one(self, step: Step, state: StepState | None, named: bool, undone: "_Undone | None") -> StepStatus:
        if state is None:
            return StepStatus(name=step.name, phase=StepPhase.PENDING)
        compensated = None
        if undone is not None and step.name in undone.compensated:
            compensated = True
        elif undone is not None and any(entry.step == step.name for entry in undone.failed):
            compensated = False
        return StepStatus(
            name=step.name,
            phase=state.phase,
            run=state.run or (self.view.name_of(part_of_step(step.name)) if named else None),
            start_time=state.started,
            completion_time=state.ended,
            attempts=state.attempts,
            reason=state.reason,
            message=cut(state.message, _LONGEST_MESSAGE) if state.message else None,
            result=recordable(state.result),
            compensated=compensated,
        )


@dataclass(frozen=True, slots=True)
class _Undone:
    """How far undoing is. `order`: the steps to undo; `open`: one is being undone."""

    order: tuple[str, ...]
    compensated: tuple[str, ...] = ()
    failed: tuple[NotCompensated, ...] = ()
    open: bool = False
    wanted: tuple[WantedPart, ...] = ()
    cancels: tuple[ScheduledRun, ...] = ()

    def failing(self, name: str, reason: str, message: str | None) -> "_Undone":
        """The same, with a step that could not be undone."""
        words = cut(message, _LONGEST_MESSAGE) if message else None
        entry = NotCompensated(step=name, reason=reason, message=words)
        return replace(self, failed=(*self.failed, entry))


_NOTHING_UNDONE = _Undone(())


def _holds(when: When, values: Values) -> bool:
    """Whether the condition of a step holds. Raises MissingError."""
    value = values.resolved(when.value)
    if when.in_ is not None:
        return any(_same(value, one) for one in when.in_)
    return not any(_same(value, one) for one in when.not_in or ())


def _same(value: Any, other: Any) -> bool:
    """As JSON: true is not 1."""
    return bool(value == other) and isinstance(value, bool) is isinstance(other, bool)


def _failed(states: Mapping[str, StepState]) -> Halt | None:
    """Why nothing new starts because of a step that failed: of several, the first to end."""
    failed = [state for state in states.values() if state.failed and not state.step.continue_on_failure]
    if not failed:
        return None
    first = min(failed, key=lambda state: (state.ended is None, state.ended or _FIRST))
    return Halt(phase=RunPhase.FAILED, reason=STEP_FAILED, message=_failing_words(first))


def _failing_words(state: StepState) -> str:
    why = state.message or state.reason
    return cut(f"step {state.step.name} is {state.phase.value}" + (f": {why}" if why else ""), _LONGEST_MESSAGE)
