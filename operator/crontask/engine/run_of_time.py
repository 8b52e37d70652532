"""The run of a nominal time of a task: as it is created, and how others of its name are known from it."""

from collections.abc import Mapping
from datetime import datetime

from crontask.api.base import format_time
from crontask.decide.model import CronTask, ScheduledRun
from crontask.ports import Document
from crontask.workload.pod import owner_reference
from crontask.workload.run import build_run


def run_of_time(task: CronTask, name: str, nominal: datetime, annotations: Mapping[str, str] | None) -> Document:
    """The run to create."""
    spec = {"taskRef": {"name": task.meta.name}, "scheduledTime": format_time(nominal)}
    owner = owner_reference("CronTask", task.meta.name, task.meta.uid)
    return build_run(task.meta.namespace, name, spec, owner, annotations)


def is_of_time(run: ScheduledRun, task: CronTask) -> bool:
    """Whether the run of that name is the task's own, of a nominal time: we carry on from it. No other is touched."""
    return run.meta.owner_uid == task.meta.uid and run.nominal is not None
