"""What a task decides while the API server refuses its runs or their pods: what is known and the time, what happens."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from task_views import at, decide, make_run, make_task

from crontask.api.names import run_name
from crontask.api.scheduledrun import RunPhase
from crontask.decide.decisions import Launch, StartAttempt
from crontask.decide.pod_state import PodRefusal, Refused
from crontask.decide.views import RunRefusal, RunView


def refusal(retry_at: datetime) -> RunRefusal:
    return RunRefusal(run_name("t", at(1)), "exceeded quota", retry_at, 5)


def refused(run: RunView, retry_at: datetime) -> RunView:
    """Its pod is refused."""
    return replace(run, pod_state=Refused(PodRefusal("PodRejected", "exceeded quota", False, retry_at, at(1))))


@pytest.mark.parametrize(
    ("spec", "wake_at", "missed"),
    [
        ({}, at(1, 32), None),
        ({"catchUp": {"policy": "None"}}, at(1, 10), "RunRejected"),
        ({"startingDeadline": "20s"}, at(1, 20), "RunRejected"),
        ({"startingDeadline": "40s"}, at(1, 32), None),
        ({"schedule": None, "delay": "0s"}, at(1, 32), None),
    ],
    ids=["the latest", "none but in time", "past its deadline", "a deadline after that", "a delay is never missed"],
)
def test_a_launch_that_is_refused_is_decided_again_when_it_is_tried_again_or_given_up(
    spec: dict[str, Any], wake_at: datetime, missed: str | None
) -> None:
    task = make_task(**spec)
    decided = decide(task, now=at(1, 1), refusal=refusal(at(1, 32)))
    assert decided.actions == ()
    assert decided.wake_at == wake_at
    again = decide(replace(task, status=decided.status), now=wake_at, refusal=refusal(at(1, 32)))
    assert [entry.reason for entry in again.status.recent_decisions] == ([missed] if missed is not None else [])
    assert [type(action) for action in again.actions] == ([] if missed is not None else [Launch])


def test_a_run_whose_pod_is_tried_again_has_its_slot_before_a_run_of_the_group_that_waits() -> None:
    """Also before one that is older, or has the lower name."""
    group = make_task({"last_scheduled_time": at(2)}, concurrency={"policy": "Queue", "group": "g"})
    mine, older = refused(make_run(at(2), RunPhase.PENDING), at(2, 6)), make_run(at(1), RunPhase.QUEUED)
    for now, wanted in ((at(2, 5), ()), (at(2, 6), (StartAttempt(mine.run, 1),))):
        assert decide(group, mine, now=now, others=(older,)).actions == wanted
        waits = decide(group, older, now=now, others=(mine,))
        assert waits.actions == ()
        assert waits.turns.queued == {older.run.meta.name}
