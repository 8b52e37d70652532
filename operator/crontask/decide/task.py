"""What should happen to one task: which times are due, who starts, what is recorded and removed, when to look again.

Callers: engine.
"""

from datetime import datetime

from crontask.api.crontask import History
from crontask.decide.counting import is_counted
from crontask.decide.decisions import Adopt, TaskDecisions, earliest
from crontask.decide.due import Undecided, undecided_times
from crontask.decide.history import runs_to_prune
from crontask.decide.overlap import Places, assign_places, waits
from crontask.decide.task_status import Settled, compute_status
from crontask.decide.timing import paused_because, timing_in_force
from crontask.decide.views import Config, RunView, TaskView


def decide_task(view: TaskView, config: Config, now: datetime) -> TaskDecisions:
    """The decisions for a task at an instant."""
    task = view.task
    if task.meta.deletion_timestamp is not None:
        # Its runs go with it, by their owner references.
        return TaskDecisions((), (), frozenset(), task.status, (), None)
    paused = paused_because(view, config)
    in_force = timing_in_force(view, paused, now)
    undecided = None if paused or task.spec is None else undecided_times(view, in_force.timing.since, now)
    places = _places(view, undecided, now)
    actions = (*places.actions, *_adoptions(view))
    settled = _settle(undecided, places)
    status, transitions = compute_status(view, settled, in_force, paused, places.queued, now)
    counted = tuple(run for run in view.runs if run.run.ended and is_counted(run, task.status.counted))
    history = task.spec.history if task.spec is not None else History()
    prune, prune_at = runs_to_prune(counted, history, config.keep_finished, now)
    return TaskDecisions(
        actions, prune, places.queued, status, transitions, earliest(prune_at, *_next_starts(view, paused, now))
    )


def _places(view: TaskView, undecided: Undecided | None, now: datetime) -> Places:
    if view.task.spec is None:
        return Places((), frozenset())
    resumed = {run.run.meta.uid for run in undecided.resumed} if undecided is not None else set()
    waiting = tuple(run for run in view.runs if waits(run, now) and (_has_its_turn(run) or run.run.meta.uid in resumed))
    latest = undecided.latest if undecided is not None else None
    return assign_places(view, waiting, latest, view.task.spec.concurrency)


def _has_its_turn(view: RunView) -> bool:
    """Runs that people made, and scheduled ones whose place is recorded. Others are resumed, or are stale."""
    return view.run.nominal is None or view.run.status.phase is not None


def _adoptions(view: TaskView) -> tuple[Adopt, ...]:
    """Runs that people made get an owner, so that they go with their task."""
    return tuple(
        Adopt(run.run) for run in view.runs if run.run.meta.owner_uid is None and not run.run.meta.deletion_timestamp
    )


def _settle(undecided: Undecided | None, places: Places) -> Settled | None:
    """What the status may record of the times that came due: nothing as long as one of them is still to be launched."""
    if undecided is None or undecided.resumed:
        return None
    if undecided.latest is not None and places.skipped_for is None:
        return None
    return Settled(undecided, places.skipped_for)


def _next_starts(view: TaskView, paused: str | None, now: datetime) -> tuple[datetime | None, ...]:
    unstarted = [r for r in view.runs if not r.run.ended and r.run.spec is not None and r.pod is None]
    due_later = [r.run.due_at for r in unstarted if r.run.due_at > now]
    retries = [r.finding.retry_at for r in unstarted if r.finding is not None and r.finding.retry_at > now]
    nominal = None if paused or view.task.spec is None else view.task.timetable.next_after(now)
    return (nominal, *due_later, *retries)
