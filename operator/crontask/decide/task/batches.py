"""How far the batches of a task have come: by its status, and by its finished runs that this does not contain."""

from collections.abc import Iterable

from crontask.api.task_status import TaskBatch
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.plan import plan_of
from crontask.decide.task.counting import sort_finished
from crontask.decide.views import TaskView


def batch_record(task: CronTask, fresh: Iterable[ScheduledRun]) -> TaskBatch | None:
    """What the status is to say once the `fresh` runs are counted, which are in order of their ends."""
    last = _last(run for run in fresh if run.status.composite is not None and run.status.batch is not None)
    if last is None:
        return task.status.batch
    known = last.status.batch
    assert known is not None, "chosen for having one"
    return TaskBatch(cursor=known.cursor, done=bool(known.done), run=last.meta.name)


def batches_so_far(view: TaskView) -> TaskBatch | None:
    """Where a run that starts now goes on: the one before it may have ended a moment ago."""
    return batch_record(view.task, sort_finished(view).fresh)


def _last(runs: Iterable[ScheduledRun]) -> ScheduledRun | None:
    """The last to end; of several in one second, the one that none of the others goes on from."""
    found = list(runs)
    if not found:
        return None
    of_that_second = [run for run in found if run.end[0] == found[-1].end[0]]
    continued = {plan.continues for run in of_that_second if (plan := plan_of(run)) is not None}
    return next((run for run in reversed(of_that_second) if run.meta.name not in continued), found[-1])
