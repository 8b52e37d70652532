"""Undoing (a saga): which steps may have had an effect, and in which order they are undone."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from crontask.api.composite import Step
from crontask.api.composite_status import DONE_STEPS
from crontask.api.phases import SUCCESSES
from crontask.api.scheduledrun import Attempt, CompositeRunStatus, ScheduledRunStatus
from crontask.api.step_order import topological
from crontask.decide.composite.model import StepState

# Ends of an attempt by which its container was stopped: what it did until then is not known.
_STOPPED = frozenset({"TimedOut", "Canceled", "Replaced", "TotalTimeout", "DeadlineExceeded"})
# Its container never began.
_NOT_STARTED = frozenset({"StartTimeout", "PodRejected", "NameTaken"})
# What a signal leaves: 128 and more.
_SIGNALS = range(128, 256)
_NEVER = datetime.min.replace(tzinfo=UTC)


def may_have_acted(status: ScheduledRunStatus, *, if_started: bool) -> bool:
    """Whether a part may have had an effect: an attempt of it ended well, or was ended while it ran.

    One that never started had none, nor one whose attempts all failed by themselves: unless that counts, `if_started`.
    """
    if status.phase in SUCCESSES or status.lost_attempts:
        return True
    if status.composite is not None:
        return _left_something(status.composite)
    return any(_acted(attempt, if_started=if_started) for attempt in status.attempts)


def _left_something(status: CompositeRunStatus) -> bool:
    """Whether a composite run did what it has not undone itself."""
    done = any(step.phase in DONE_STEPS and not step.compensated for step in status.steps)
    items, batch = status.items, status.batch
    some = (items is not None and items.succeeded > 0) or (batch is not None and batch.batches > 0)
    return done or some or bool(status.not_compensated)


def _acted(attempt: Attempt, *, if_started: bool) -> bool:
    if attempt.start_time is None or attempt.reason in _NOT_STARTED:
        return False
    if attempt.exit_code is None or attempt.reason in _STOPPED:
        # It is under way, or nobody saw how far it came.
        return True
    return if_started or attempt.exit_code == 0 or attempt.exit_code in _SIGNALS


def undo_order(
    steps: Sequence[Step], states: Mapping[str, StepState], order: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The steps to undo: the last to end first; of those that ended together, who depends on another before it."""
    positions = {name: position for position, name in enumerate(topological(order))}
    listed = {step.name: position for position, step in enumerate(steps)}
    acted = [s for s in states.values() if s.acted and s.step.compensate is not None and not s.step.always]

    def key(state: StepState) -> tuple[datetime, int, int]:
        name = state.step.name
        return state.ended or _NEVER, positions.get(name, 0), listed[name]

    return tuple(state.step.name for state in sorted(acted, key=key, reverse=True))


def without_undo(states: Iterable[StepState]) -> tuple[str, ...]:
    """The steps that may have had an effect, and would have been undone."""
    return tuple(s.step.name for s in states if s.acted and s.step.compensate is not None)
