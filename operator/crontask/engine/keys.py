"""The keys of objects, as they are decided, requested and recorded."""

from crontask.decide.model import CronTask, ScheduledRun
from crontask.ports import Kind, ObjectKey


def task_key(namespace: str, name: str) -> ObjectKey:
    """The key under which a task is decided."""
    return ObjectKey(Kind.CRON_TASK, namespace, name)


def run_key(namespace: str, name: str) -> ObjectKey:
    """The key under which a run is decided."""
    return ObjectKey(Kind.SCHEDULED_RUN, namespace, name)


def key_of(item: CronTask | ScheduledRun) -> ObjectKey:
    """The key of a task or a run."""
    kind = Kind.CRON_TASK if isinstance(item, CronTask) else Kind.SCHEDULED_RUN
    return ObjectKey(kind, item.meta.namespace, item.meta.name)


def keys_of(run: ScheduledRun) -> tuple[ObjectKey, ...]:
    """The key of a run, and that of the task that it names: what is news of both."""
    name = run.task_name
    return (key_of(run),) if name is None else (key_of(run), task_key(run.meta.namespace, name))
