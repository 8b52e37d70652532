"""What is recorded of approvals before anything follows from it, and what is news about them, each once."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches

from crontask.api.base import cut
from crontask.api.composite import LONGEST_STEP_NAME, Step
from crontask.api.composite_status import OPEN_STEPS, Answer, StepPhase, StepStatus
from crontask.api.metadata import Condition, find_condition
from crontask.api.names import ANNOTATION_APPROVE, ANNOTATION_REJECT, part_of_step
from crontask.api.written import one_of, shown
from crontask.decide.composite.approval import APPROVAL_TIMED_OUT, REJECTED, named_by, said_by
from crontask.decide.composite.step_state import LONGEST_MESSAGE
from crontask.decide.decisions import DecisionKind, Transition
from crontask.decide.model import ScheduledRun

WAITING_FOR_APPROVAL, APPROVED, APPROVAL_IGNORED = "WaitingForApproval", "Approved", "ApprovalIgnored"
# So many names that nothing comes of are listed.
_MOST_NAMES = 5
_BEFORE = StepStatus(name="", phase=StepPhase.PENDING)

Recorded = Mapping[str, StepStatus]


def unrecorded(steps: Iterable[Step], now_so: Iterable[StepStatus], recorded: Recorded) -> bool:
    """Whether the status does not say yet since when an approval is asked for, what was answered, or how it ended."""
    asking = {step.name for step in steps if step.approval is not None}
    return any(_essence(step) != _essence(recorded.get(step.name, _BEFORE)) for step in now_so if step.name in asking)


def _essence(step: StepStatus) -> tuple[StepPhase, datetime | None, Answer | None]:
    return step.phase, step.start_time, step.answer


# --- what nothing comes of -------------------------------------------------------------------------------------------


def ignored(run: ScheduledRun, steps: Iterable[Step], recorded: Recorded) -> str | None:
    """What the annotations say that nothing comes of, and why; None where there is nothing of that kind."""
    names = [step.name for step in steps if step.approval is not None]
    found = [
        (annotation, name)
        for annotation in (ANNOTATION_APPROVE, ANNOTATION_REJECT)
        for name in named_by(run, annotation)
        if name not in names or _is_late(annotation, recorded.get(name, _BEFORE))
    ]
    if not found:
        return None
    described = [_why_ignored(annotation, name, names, recorded) for annotation, name in found[:_MOST_NAMES]]
    more = f"; and {len(found) - _MOST_NAMES} more" if len(found) > _MOST_NAMES else ""
    return cut("; ".join(described) + more, LONGEST_MESSAGE)


def ignored_without_steps(run: ScheduledRun) -> tuple[str | None, tuple[Transition, ...]]:
    """The same of a run that has no steps, and whether that is news."""
    not_used = ignored(run, (), {})
    return not_used, tuple(news(run, (), (), {}, not_used))


def _is_late(annotation: str, step: StepStatus) -> bool:
    """Whether the step had ended otherwise. That a rejection has won over an approval is no news."""
    if step.phase in OPEN_STEPS:
        return False
    return step.answer is None or (annotation == ANNOTATION_REJECT and step.answer.approved)


def _why_ignored(annotation: str, name: str, names: Sequence[str], recorded: Recorded) -> str:
    if name in names:
        return f"{annotation} of {name} came too late: the step is {recorded[name].phase.value}"
    message = f"{annotation} names {shown(name)}, and no step of that name asks for approval"
    if not names:
        return f"{message}: none does"
    if re.search(r"\s", name):
        return f"{message}; write it like {names[0]}, or {names[0]} by alice"
    close = get_close_matches(name[: 2 * LONGEST_STEP_NAME], names, 1)
    fix = f"did you mean {close[0]}?" if close else f"write {one_of(list(names))}"
    return f"{message}; {fix}"


def ignored_condition(run: ScheduledRun, message: str | None, now: datetime) -> tuple[Condition, ...]:
    """The condition of the run that says so, as long as it is so: by it, it is said once."""
    if message is None:
        return ()
    reason, generation = APPROVAL_IGNORED, run.meta.generation
    return (
        Condition(
            type=APPROVAL_IGNORED,
            status="True",
            reason=reason,
            message=message,
            last_transition_time=now,
            observed_generation=generation,
        ),
    )


# --- what is news ----------------------------------------------------------------------------------------------------


def news(
    run: ScheduledRun, steps: Iterable[Step], now_so: Iterable[StepStatus], recorded: Recorded, not_used: str | None
) -> Iterator[Transition]:
    """What the status does not say yet. `not_used`: see ignored."""
    asking = {step.name for step in steps if step.approval is not None}
    for step in now_so:
        if step.name in asking:
            yield from _news_of(run, step, recorded.get(step.name, _BEFORE))
    condition = find_condition(run.status.conditions, APPROVAL_IGNORED)
    if not_used is not None and (condition is None or condition.message != not_used):
        yield Transition(APPROVAL_IGNORED, not_used, warning=True, task=run.task_name, run=run.meta.name)


def _news_of(run: ScheduledRun, step: StepStatus, before: StepStatus) -> Iterator[Transition]:
    if step.answer is not None and step.answer != before.answer:
        what, reason = ("approved", APPROVED) if step.answer.approved else ("rejected", REJECTED)
        early = ", before its turn" if step.phase in OPEN_STEPS else ""
        yield _transition(run, step, reason, f"{what}{said_by(step.answer)}{early}", warning=reason == REJECTED)
    elif step.phase is StepPhase.WAITING and step.start_time is not None and before.start_time is None:
        yield _transition(run, step, WAITING_FOR_APPROVAL, step.message or "")
    elif step.reason == APPROVAL_TIMED_OUT and before.reason != APPROVAL_TIMED_OUT:
        yield _transition(run, step, APPROVAL_TIMED_OUT, step.message or "", warning=True)


def _transition(run: ScheduledRun, step: StepStatus, reason: str, message: str, *, warning: bool = False) -> Transition:
    return Transition(
        reason,
        f"{step.name}: {message}",
        warning=warning,
        task=run.task_name,
        run=run.meta.name,
        kind=DecisionKind.STEP,
        why=step.phase.value,
        part=part_of_step(step.name),
    )
