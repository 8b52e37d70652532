"""A finished run that no task looks after goes by itself when its time to live is over."""

from dataclasses import replace
from datetime import datetime

from crontask.decide.composite.model import PART_KEPT
from crontask.decide.decisions import RemoveRun, RunDecisions, earliest
from crontask.decide.model import ScheduledRun
from crontask.decide.settings import settings_of
from crontask.decide.views import RunView


def remove_without_task(view: RunView, decided: RunDecisions, now: datetime) -> RunDecisions:
    """The decisions, and the removal where it is time; a run of a task is the task's to remove."""
    run = view.run
    if run.spec.parent is not None and view.parent is not None:
        return _remove_item(view, view.parent, decided, now)
    if view.task is not None and run.meta.owner_uid in (None, view.task.meta.uid):
        return decided
    return _removed_at(run.ended_at + settings_of(run, None).ttl, run, decided, now)


def _remove_item(view: RunView, parent: ScheduledRun, decided: RunDecisions, now: datetime) -> RunDecisions:
    """A part stays as long as its parent, which may still refer to it; of many items only those that failed."""
    asked, status = view.run.spec.parent, parent.status.composite
    if asked is None or asked.item is None or not parent.ended or status is None or status.items is None:
        return decided
    if view.run.meta.name in {item.run for item in status.items.failed_items}:
        return decided
    return _removed_at(parent.ended_at + PART_KEPT, view.run, decided, now)


def _removed_at(at: datetime, run: ScheduledRun, decided: RunDecisions, now: datetime) -> RunDecisions:
    if at > now:
        return replace(decided, wake_at=earliest(decided.wake_at, at))
    return replace(decided, actions=(*decided.actions, RemoveRun(run)))
