"""What is recorded of a launch once it has happened, or was refused: the engine knows when, this says what."""

from dataclasses import replace
from datetime import datetime

from crontask.api.base import format_time
from crontask.api.phases import RunPhase
from crontask.api.scheduledrun import Parent, ScheduledRunStatus
from crontask.decide.decisions import CancelRun, CreatePart, DecisionKind, Transition
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.refusal import Refusal


def started(run: ScheduledRun, task: CronTask | None, pod: str | None, now: datetime) -> Transition:
    """The pod of an attempt was made, or a composite run, which has none, has its plan."""
    due = run.nominal or run.due_at
    start = task.start_of(due) if task is not None and run.nominal is not None else due
    first = run.status.expected_attempt == 1
    waited = run.status.phase is RunPhase.QUEUED or run.catching_up or not first
    return Transition(
        "SuccessfulCreate",
        f"started run {run.meta.name} due at {format_time(due)}" if task is not None else f"started {_what(run, pod)}",
        task=run.task_name,
        run=run.meta.name,
        nominal=due,
        lag=now - start if not waited else None,
        kind=DecisionKind.START,
        origin=run.origin if first else None,
    )


def of_part(run: ScheduledRun, transition: Transition, why: str, first: str | None = None) -> Transition:
    """The same, of a run that is a part: it happened to what that is a part of, and is an event where it went wrong.

    `first`: of those of one kind of which many may go wrong, what is said of the first that did (see first_of_many).
    """
    asked = run.spec.parent
    if asked is None:
        return transition
    many = _one_of_many(asked)
    # Of many that fail alike there is one event, which names the first: which the others are, the status says.
    of_many = f"{many}: {why}" + (f"; the first that went wrong was {first}" if first is not None else "")
    return replace(
        transition,
        message=of_many if many else f"{asked.part}: {transition.message}",
        run=asked.name,
        lag=None,
        kind=_kind(asked),
        why=why,
        event=transition.warning,
        part=asked.part,
    )


def first_of_many(
    run: ScheduledRun, transition: Transition, status: ScheduledRunStatus, parent: ScheduledRun | None
) -> str | None:
    """What is said of the first part of its kind that went wrong: of the one that the status of the whole names, or
    else of this one, whose new status that is. None of one that did not go wrong, and where there are not many.
    """
    asked = run.spec.parent
    if asked is None or not transition.warning or _one_of_many(asked) is None:
        return None
    over = status.phase is not None and status.phase.terminal
    message = (status.message if over else None) or transition.message
    if asked.batch is not None:
        return f"batch {asked.batch.number}: {message}"
    known = parent.status.composite if parent is not None and over else None
    listed = known.items.failed_items if known is not None and known.items is not None else ()
    first = min((item for item in listed if item.message), key=lambda item: item.index, default=None)
    if first is not None:
        return f"item {first.index}: {first.message}"
    return f"item {asked.item.index}: {message}" if asked.item is not None else None


def _one_of_many(asked: Parent) -> str | None:
    if asked.batch is not None:
        return "a batch"
    return "an item" if asked.item is not None else None


def _kind(asked: Parent) -> DecisionKind:
    return DecisionKind.UNDO if asked.undo is not None else DecisionKind.STEP


def _what(run: ScheduledRun, pod: str | None) -> str:
    return f"pod {pod}" if pod is not None else f"run {run.meta.name}"


def replaced(task: CronTask, cancel: CancelRun) -> Transition:
    """A run is asked to end, because another takes its slot."""
    launch = cancel.replaced_by
    return Transition(
        "Replaced",
        f"run {launch.name} replaces run {cancel.run.meta.name}",
        task=task.meta.name,
        run=launch.name,
        nominal=launch.nominal,
        kind=DecisionKind.REPLACE,
        event=False,
    )


def pod_refused(run: ScheduledRun, message: str) -> Transition:
    """The API server does not take the pod now."""
    return _refused(run, f"the pod is refused and will be tried again: {message}")


def follow_up_refused(cause: ScheduledRun, name: str, message: str) -> Transition:
    """The API server does not take the run that the end of another one causes."""
    return _refused(cause, f"run {name}, which follows, is refused and will be tried again: {message}")


def part_refused(create: CreatePart, refusal: Refusal) -> Transition:
    """The API server does not take the run of a part: now, or ever."""
    asked = create.asked
    what, of_many = "the run is refused", _one_of_many(asked)
    if not refusal.final:
        what = f"{what} and will be tried again: {refusal.message}"
    elif of_many is None:
        what = f"{what}: {refusal.message}"
    transition = _refused(create.parent, f"{of_many or asked.part}: {what}")
    return replace(transition, kind=_kind(asked) if refusal.final else None, why=refusal.reason, part=asked.part)


def change_refused(item: CronTask | ScheduledRun, message: str) -> Transition:
    """The API server, or a policy, does not take a change that the object, or what belongs to it, needs."""
    task, run = (item.meta.name, None) if isinstance(item, CronTask) else (item.task_name, item.meta.name)
    message = f"a change is refused and will be tried again; until then this status may be out of date: {message}"
    return Transition("FailedUpdate", message, warning=True, task=task, run=run)


def _refused(run: ScheduledRun, message: str) -> Transition:
    return Transition("FailedCreate", message, warning=True, task=run.task_name, run=run.meta.name)
