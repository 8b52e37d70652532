"""What is told of times that did not start, in words."""

from datetime import UTC, datetime

import pytest

from crontask.api.metadata import Metadata
from crontask.api.task_status import CronTaskStatus, Decision
from crontask.decide.task.record import transitions_of
from crontask.decide.views import TaskView
from crontask.engine.parse import observed_task

SINCE = datetime(1990, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (1, "missed a time: no operator could start a run in time"),
        (999, "missed 999 times: no operator could start a run in time"),
        (15_779_517, "missed 15,779,517 times: no operator could start a run in time"),
    ],
)
def test_large_counts_are_read_in_groups(count: int, message: str) -> None:
    meta = Metadata(name="a", namespace="n", uid="u", creation_timestamp=SINCE)
    task = observed_task(meta, None, (), CronTaskStatus())
    missed = Decision(type="Missed", nominal_time=SINCE, reason="NotStartedInTime", count=count)
    (told,) = transitions_of(TaskView(task, ()), [missed])
    assert (told.message, told.count) == (message, count)
