"""A finished run that no task looks after goes by itself when its time to live is over."""

from dataclasses import replace
from datetime import datetime

from crontask.decide.decisions import RemoveRun, RunDecisions, earliest
from crontask.decide.settings import settings_of
from crontask.decide.views import RunView


def remove_without_task(view: RunView, decided: RunDecisions, now: datetime) -> RunDecisions:
    """The decisions, and the removal where it is time; a run of a task is the task's to remove."""
    run = view.run
    if run.spec.parent is not None and view.parent is not None:
        # A part stays as long as its parent, which may still refer to it.
        return decided
    if view.task is not None and run.meta.owner_uid in (None, view.task.meta.uid):
        return decided
    at = run.ended_at + settings_of(run, None).ttl
    if at > now:
        return replace(decided, wake_at=earliest(decided.wake_at, at))
    return replace(decided, actions=(*decided.actions, RemoveRun(run)))
