"""The pod of an attempt, from the run, its task, and what it is a part of, as they are when the attempt starts."""

from datetime import timedelta

from crontask.api.trigger import trigger_of
from crontask.decide.attempt.reused import resumed
from crontask.decide.composite.rerun_record import key_of_record
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.settings import settings_of
from crontask.engine.store import Store
from crontask.ports import Document
from crontask.workload.environment import Identity, Interval
from crontask.workload.pod import build_pod

_SECOND = timedelta(seconds=1)


def pod_of_attempt(
    run: ScheduledRun, task: CronTask | None, number: int, store: Store, runner_image: str
) -> Document | None:
    """The pod to create, None if the handler is gone meanwhile."""
    found = settings_of(run, task)
    if found.handler is None:
        return None
    scheduled = run.spec.scheduled_time or run.due_at
    interval = Interval()
    root = store.parent_of(run)
    if root is not None and task is None:
        # A part is given what the whole run would be.
        task = store.task_of(root)
    if task is not None:
        previous = task.timetable.previous_at_or_before(scheduled - _SECOND)
        interval = Interval(previous, task.timetable.next_after(scheduled))
    meta, group = run.meta, task.spec.concurrency.group if task is not None else None
    name = task.meta.name if task is not None else run.task_name or ""
    key = key_of_record(run.status.rerun)
    identity = Identity(name, meta.namespace, meta.name, meta.uid, number, group, resumed(run), key)
    return build_pod(found.handler, identity, scheduled, interval, found.args, trigger_of(run.meta), runner_image)
