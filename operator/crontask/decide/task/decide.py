"""What should happen to one task: which times are due, who starts, what is recorded and removed, when to look again."""

from dataclasses import replace
from datetime import datetime

from crontask.api.phases import RunPhase
from crontask.api.task_status import Timing
from crontask.decide.decisions import (
    Act,
    Adopt,
    Dropped,
    Launch,
    Settle,
    TaskDecisions,
    Turns,
    earliest,
)
from crontask.decide.model import Config
from crontask.decide.readiness import awaits_turn
from crontask.decide.stage import UNSTARTED, Stage, stage_of
from crontask.decide.task.counting import failure_streak, sort_finished
from crontask.decide.task.delay import delayed_start
from crontask.decide.task.dropped import LEFT_OUT, dropped_times, launches_cut_short
from crontask.decide.task.due import Undecided, decided_before, given_up_at, undecided_times
from crontask.decide.task.history import runs_to_prune
from crontask.decide.task.missed import DEADLINE_EXCEEDED, deadline_of
from crontask.decide.task.overdue import expected_of
from crontask.decide.task.overlap import Slots, assign_slots, is_in_line
from crontask.decide.task.pause import Pause, pause_of, tripped_by
from crontask.decide.task.reserve import reservations
from crontask.decide.task.status import Basis, Settled, compute_status
from crontask.decide.task.timing import effective_timing
from crontask.decide.views import TaskView


def decide_task(view: TaskView, config: Config, now: datetime) -> TaskDecisions:
    """The decisions for a task at an instant."""
    task = view.task
    if task.meta.deletion_timestamp is not None:
        # Its runs go with it, by their owner references.
        return Settle(task.status)
    finished = sort_finished(view)
    tripped = tripped_by(task, failure_streak(task, finished.fresh))
    pause = pause_of(task, tripped, config, now)
    timing = effective_timing(view, pause, config, now)
    halted = pause is not None or config.clock_skewed or not task.valid
    undecided = None if halted else undecided_times(view, timing, now)
    cut_short = launches_cut_short(view, timing)
    dropped = _runs_to_drop(view, pause, config, now)
    if pause is None:
        dropped |= {run.run.meta.name: LEFT_OUT for run in cut_short if stage_of(run) is Stage.UNRECORDED}
    slots = _slots(view, undecided, dropped, config, now)
    # A launch that an edit leaves out, and that was cut short, records itself first: the edit, with all that it leaves
    # out, is recorded after it, from where the record ends now.
    settled = _settle(view, undecided, slots, now) if not cut_short else None
    if view.refusal is not None and view.refusal.retry_at > now:
        # Nothing is launched, and nobody makes room for what is not; those who wait have their turns all the same.
        without = replace(undecided, candidates=()) if undecided is not None else None
        slots = _slots(view, without, dropped, config, now)
    following = None if halted else _next_nominal(view, timing, now)
    ahead = reservations(view, slots, following, now)
    actions = (*slots.actions, *_adoptions(view), *ahead.actions)
    if actions:
        return Act(actions)
    next_start = task.start_of(following) if following is not None else None
    lost = dropped_times(view, timing, pause, config, now) if not cut_short else ()
    basis = Basis(
        timing,
        pause,
        tripped,
        config.clock_skewed,
        len(slots.queued),
        next_start,
        now,
        lost,
        edit_is_recorded=not cut_short,
    )
    status, transitions = compute_status(view, finished.fresh, settled, basis)
    prune, prune_at = runs_to_prune(task, finished.counted, config.keep_finished, now)
    expected = expected_of(view, status.phase, status.timing, status.last_successful_time)
    overdue_at = expected.next_at(now) if not config.clock_skewed else None
    wake_at = earliest(prune_at, ahead.wake_at, overdue_at, *_instants(view, undecided, pause, next_start, now))
    return Settle(status, Turns(slots.queued, dropped), transitions, prune, wake_at)


def _slots(
    view: TaskView, undecided: Undecided | None, dropped: dict[str, Dropped], config: Config, now: datetime
) -> Slots:
    if not view.task.valid:
        return Slots()
    resumed = {run.run.meta.uid for run in undecided.resumed} if undecided is not None else set()
    waiting = tuple(
        run
        for run in view.runs
        if awaits_turn(run, now)
        and run.run.meta.name not in dropped
        and (is_in_line(run) or run.run.meta.uid in resumed)
        and not (config.clock_skewed and run.run.nominal is not None)
    )
    candidates = undecided.candidates if undecided is not None else ()
    return assign_slots(view, waiting, candidates, view.task.spec.concurrency, now)


def _runs_to_drop(view: TaskView, pause: Pause | None, config: Config, now: datetime) -> dict[str, Dropped]:
    """Scheduled runs that wait, and will not start: because of a pause, or past their deadline."""
    dropped: dict[str, Dropped] = {}
    for run in view.runs:
        nominal = run.run.nominal
        if nominal is None or stage_of(run) not in UNSTARTED:
            continue
        deadline = deadline_of(view.task, nominal)
        if pause is not None:
            message = f"dropped while it waited for its turn: {pause.message}"
            dropped[run.run.meta.name] = Dropped(RunPhase.SKIPPED, pause.reason, message)
        elif deadline is not None and deadline <= now and not config.clock_skewed:
            message = "its turn did not come before its startingDeadline"
            if run.refusal is not None:
                message = f"its startingDeadline passed while its pod was refused: {run.refusal.message}"
            dropped[run.run.meta.name] = Dropped(RunPhase.MISSED, DEADLINE_EXCEEDED, message)
    return dropped


def _adoptions(view: TaskView) -> tuple[Adopt, ...]:
    """Runs that people made get an owner, so that they go with their task."""
    runs = (*(run.run for run in view.runs), *view.finished)
    return tuple(Adopt(run) for run in runs if run.meta.owner_uid is None and not run.meta.deletion_timestamp)


def _settle(view: TaskView, undecided: Undecided | None, slots: Slots, now: datetime) -> Settled | None:
    """What the status may record of the times that came due: those before the first that is still to be launched."""
    if undecided is None or undecided.resumed:
        return None
    first = min((action.nominal for action in slots.actions if isinstance(action, Launch)), default=None)
    if first is None:
        return Settled(undecided, slots.skipped)
    before = decided_before(view, undecided, first, now) if view.refusal is not None else None
    return Settled(before, tuple(skip for skip in slots.skipped if skip.nominal < first)) if before else None


def _next_nominal(view: TaskView, timing: Timing, now: datetime) -> datetime | None:
    """The nominal time that starts next."""
    task = view.task
    if task.runs_left == 0:
        return None
    if task.spec.delay is not None:
        return delayed_start(view, timing, now)
    return task.next_nominal(task.decided_until(timing.since), now)


def _instants(
    view: TaskView, undecided: Undecided | None, pause: Pause | None, next_start: datetime | None, now: datetime
) -> list[datetime]:
    """Further instants to come at which the decision changes. The start of a delay may have come, and be refused."""
    task, found = view.task, [run.due_at for run in view.deferred]
    if next_start is not None:
        found.append(next_start)
    if view.refusal is not None:
        found += [view.refusal.retry_at, *(given_up_at(view, undecided) if undecided is not None else ())]
    if view.check is not None and view.check.retry_at is not None:
        found.append(view.check.retry_at)
    if pause is not None and pause.until is not None:
        found.append(pause.until)
    if task.spec.end_time is not None:
        found.append(task.spec.end_time)
    for run in view.runs:
        if not run.run.valid or stage_of(run) not in UNSTARTED:
            continue
        if not run.run.is_due(now):
            found.append(run.run.due_at)
        if run.refusal is not None:
            found.append(run.refusal.retry_at)
        deadline = deadline_of(task, run.run.nominal) if run.run.nominal is not None else None
        if deadline is not None:
            found.append(deadline)
    return [instant for instant in found if instant > now]
