"""By what a run goes: what it says itself, what its task says, and which of them counts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from run_life import Life, invalid_task, known_of, make_task, own_run, scheduled_run

from crontask.api.phases import RunPhase
from crontask.api.policies import Retry
from crontask.decide.settings import RunSettings, settings, settings_of

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def found(own: dict[str, Any], of_task: dict[str, Any]) -> RunSettings:
    return settings_of(scheduled_run(**own), make_task(**of_task))


@pytest.mark.parametrize(
    ("field", "setting", "default"),
    [
        ("timeout", "timeout", None),
        ("startTimeout", "start_timeout", timedelta(minutes=15)),
        ("totalTimeout", "total_timeout", None),
        ("ttlAfterFinished", "ttl", timedelta(hours=168)),
    ],
)
def test_its_own_duration_goes_before_the_task_s_and_that_before_the_default(
    field: str, setting: str, default: timedelta | None
) -> None:
    own: dict[str, Any] = {field: "1s"}
    assert getattr(found({}, {}), setting) == default
    assert getattr(found(own, {}), setting) == SECOND
    assert getattr(found({}, {field: "1m"}), setting) == MINUTE
    assert getattr(found(own, {field: "1m"}), setting) == SECOND
    assert getattr(settings_of(scheduled_run(**own), None), setting) == SECOND
    assert getattr(settings_of(scheduled_run(), None), setting) == default


def test_a_run_that_is_kept_for_no_time_at_all_is_not_kept_for_a_week() -> None:
    assert found({"ttlAfterFinished": "0s"}, {"ttlAfterFinished": "1h"}).ttl == timedelta(0)
    assert found({}, {"ttlAfterFinished": "0s"}).ttl == timedelta(0)


def test_its_own_retry_goes_as_a_whole_before_the_task_s() -> None:
    assert found({}, {}).retry == Retry()
    assert found({}, {"retry": {"limit": 5}}).retry.limit == 5
    mixed = found({"retry": {"maxLost": 1}}, {"retry": {"limit": 5}}).retry
    assert (mixed.limit, mixed.max_lost) == (0, 1)


def test_the_handler_is_the_task_s_or_its_own() -> None:
    task = make_task(handler={"container": {"image": "of-the-task"}})
    run = own_run(handler={"container": {"image": "own"}})
    assert settings_of(scheduled_run(), task).handler == task.spec.handler
    assert settings_of(run, None).handler == run.spec.handler
    assert settings_of(run, task).handler == run.spec.handler
    assert settings_of(scheduled_run(), None).handler is None
    assert settings_of(scheduled_run(), invalid_task(task)).handler is None


@pytest.mark.parametrize(
    ("own", "of_task", "wanted"),
    [
        ({}, {}, {}),
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 2}, {}, {"a": 2}),
        ({"a": 2}, {"a": 1, "b": 1}, {"a": 2, "b": 1}),
        # A key is replaced as a whole.
        ({"a": {"y": 2}}, {"a": {"x": 1}}, {"a": {"y": 2}}),
        ({"a": None}, {"a": 1}, {"a": None}),
    ],
)
def test_args_are_merged_by_key(own: dict[str, Any], of_task: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found({"args": own}, {"args": of_task}).args == wanted
    assert settings_of(scheduled_run(args=own), None).args == own


def test_schemas_are_the_task_s() -> None:
    schemas: dict[str, Any] = {"argsSchema": {"maxProperties": 1}, "resultSchema": {"type": "object"}}
    having = found({}, schemas)
    assert (having.args_schema, having.result_schema) == ({"maxProperties": 1}, {"type": "object"})
    for without in (found({}, {}), settings_of(scheduled_run(), None)):
        assert (without.args_schema, without.result_schema) == (None, None)


@pytest.mark.parametrize(
    ("own", "of_task", "wanted"),
    [
        (None, None, False),
        ({"onLost": "Fail"}, None, True),
        (None, {"onLost": "Fail"}, True),
        ({"onLost": "Retry"}, {"onLost": "Fail"}, False),
        # Its own goes as a whole.
        ({"limit": 1}, {"onLost": "Fail"}, False),
    ],
)
def test_whether_an_attempt_happens_at_most_once(
    own: dict[str, Any] | None, of_task: dict[str, Any] | None, wanted: bool
) -> None:
    assert found({"retry": own}, {"retry": of_task}).at_most_once is wanted


# --- kept ------------------------------------------------------------------------------------------------------------


def test_settings_are_kept_until_the_task_is_edited() -> None:
    run, task = scheduled_run(), make_task(timeout="1m")
    first = settings_of(run, task)
    assert settings_of(run, task) is first
    assert settings(known_of(run, task)) is first
    # Its status is not its spec.
    assert settings_of(run, replace(task, status=task.status.model_copy(update={"queued": 1}))) is first
    edited = settings_of(run, make_task(timeout="2m"))
    assert (edited is first, edited.timeout) == (False, 2 * MINUTE)
    assert settings_of(run, None).timeout is None
    assert settings_of(run, task).timeout == MINUTE


def test_a_task_whose_spec_cannot_be_used_has_no_handler_but_what_could_be_read_of_it_counts() -> None:
    run, task = scheduled_run(), make_task(timeout="1m")
    assert settings_of(run, task).timeout == MINUTE
    assert settings_of(run, invalid_task(task)).timeout is None
    read = replace(invalid_task(task), spec=invalid_task(task).spec.model_copy(update={"timeout": SECOND}))
    assert (settings_of(run, read).timeout, settings_of(run, read).handler) == (SECOND, None)


def test_an_edit_of_the_run_counts_at_once() -> None:
    run, task = scheduled_run(timeout="1s"), make_task(timeout="1m")
    assert settings_of(run, task).timeout == SECOND
    assert settings_of(replace(run, spec=scheduled_run(timeout="2s").spec), task).timeout == 2 * SECOND


# --- in a run's life -------------------------------------------------------------------------------------------------


def test_a_run_s_own_policy_goes_before_its_task_s() -> None:
    life = Life(scheduled_run(retry={"limit": 0}), make_task(retry={"limit": 5}))
    life.fails(1, 0, 5)
    assert life.phase == RunPhase.FAILED
    life = Life(scheduled_run(), make_task(retry={"limit": 5}))
    life.fails(1, 0, 5)
    assert life.phase == RunPhase.RETRYING
