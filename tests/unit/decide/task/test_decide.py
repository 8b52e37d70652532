"""Decisions of a task as tables: what is known and the time, and what should happen."""

from dataclasses import replace

import pytest
from task_views import at, decide, decided_about, make_run, make_task

from crontask.api.names import run_name
from crontask.api.scheduledrun import RunPhase
from crontask.api.task_status import TaskPhase
from crontask.decide.decisions import CancelRun, Launch, StartAttempt
from crontask.decide.model import Config
from crontask.decide.pod_state import PodRefusal, Refused
from crontask.decide.run.decide import decide_run
from crontask.decide.views import TaskView


def test_nothing_starts_before_its_time() -> None:
    decided = decide(make_task(), now=at(0, 59.999))
    assert decided.actions == ()
    assert decided.wake_at == at(1)


def test_what_is_due_is_launched_and_the_mark_waits_for_it() -> None:
    decided = decide(make_task(), now=at(1))
    assert decided.actions == (Launch(at(1), run_name("t", at(1))),)
    assert decided.status.last_scheduled_time is None


def test_the_mark_moves_once_the_pod_is_there() -> None:
    decided = decide(make_task(), make_run(at(1), pod="Pending"), now=at(1, 1))
    assert decided.actions == ()
    assert decided.status.last_scheduled_time == at(1)
    assert decided.status.scheduled_count == 1


def test_a_run_without_pod_and_status_is_carried_on_from() -> None:
    run = make_run(at(1))
    decided = decide(make_task(), run, now=at(1, 1))
    assert decided.actions == (StartAttempt(run.run, 1),)


def test_forbid_skips_and_names_the_run_in_the_way() -> None:
    running = make_run(at(1), RunPhase.RUNNING, pod="Running")
    decided = decide(make_task({"last_scheduled_time": at(1)}), running, now=at(2))
    assert decided.actions == ()
    assert decided.status.recent_decisions[0].run == running.run.meta.name
    assert decided.status.counts.skipped == 1
    assert decided.status.last_scheduled_time == at(2)


def test_a_run_that_has_ended_at_an_instant_is_not_in_the_way_at_that_instant() -> None:
    ended = make_run(at(1), RunPhase.RUNNING, pod="Succeeded")
    decided = decide(make_task({"last_scheduled_time": at(1)}), ended, now=at(2))
    assert decided.actions == (Launch(at(2), run_name("t", at(2))),)


def test_allow_starts_beside_what_runs_up_to_max() -> None:
    running = make_run(at(1), RunPhase.RUNNING, pod="Running")
    status = {"last_scheduled_time": at(1)}
    free = decide(make_task(status, concurrency={"policy": "Allow"}), running, now=at(2))
    full = decide(make_task(status, concurrency={"policy": "Allow", "max": 1}), running, now=at(2))
    assert free.actions == (Launch(at(2), run_name("t", at(2))),)
    assert full.actions == ()


def test_replace_cancels_the_oldest_and_the_new_run_waits() -> None:
    running = make_run(at(1), RunPhase.RUNNING, pod="Running")
    task = make_task({"last_scheduled_time": at(1)}, concurrency={"policy": "Replace"})
    decided = decide(task, running, now=at(2))
    new = run_name("t", at(2))
    launch = Launch(at(2), new, wait=True)
    assert decided.actions == (CancelRun(running.run, f"replaced by {new}", launch), launch)


def test_a_name_that_somebody_else_has_is_missed_and_the_mark_goes_on() -> None:
    view = TaskView(make_task(), (), frozenset({run_name("t", at(1))}))
    decided = decided_about(view, Config(), at(1))
    assert decided.actions == ()
    assert decided.status.recent_decisions[0].reason == "NameTaken"
    assert decided.status.counts.missed == 1
    assert decided.status.last_scheduled_time == at(1)


@pytest.mark.parametrize(("config", "suspend"), [(Config(scheduling_enabled=False), False), (Config(), True)])
def test_a_paused_task_starts_nothing_and_says_why(config: Config, suspend: bool) -> None:
    decided = decide(make_task(suspend=suspend), now=at(5), config=config)
    assert decided.actions == ()
    assert decided.status.phase is TaskPhase.SUSPENDED
    assert decided.status.next_run_time is None
    assert decided.wake_at is None


def test_a_pause_writes_its_status_once() -> None:
    task = make_task(suspend=True)
    first = decide(task, now=at(5)).status
    again = decide(replace(task, status=first), now=at(9)).status
    assert again == first


def test_an_invalid_spec_says_every_problem() -> None:
    decided = decide(make_task(schedule="61 * * * *", timeZone="Mars"), now=at(5))
    assert decided.status.phase is TaskPhase.INVALID
    ready = decided.status.conditions[0]
    assert "spec.schedule" in ready.message
    assert "spec.timeZone" in ready.message


def test_a_late_writers_run_is_stale() -> None:
    task = make_task({"last_scheduled_time": at(3)})
    run = replace(make_run(at(2)), task=task)
    decided = decide_run(run, at(4))
    assert decided.status.phase is RunPhase.SKIPPED
    assert decided.status.conditions[0].reason == "Stale"


def test_what_the_api_server_will_never_take_fails() -> None:
    run = make_run(at(1))
    refused = replace(
        run, pod_state=Refused(PodRefusal("PodRejected", "spec.containers[0].image: Required", True, at(1), at(1)))
    )
    decided = decide_run(refused, at(1))
    assert decided.status.phase is RunPhase.FAILED
    assert decided.status.message == "spec.containers[0].image: Required"
