"""The plan: what is recorded of a task and a run when it starts, and what is made of the record."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from composite_views import C, flow, part, step
from run_life import at, make_task, own_run, recorded, scheduled_run

from crontask.api.phases import RunPhase
from crontask.api.rerun import RerunOf
from crontask.api.validate import LONGEST_ARGS
from crontask.decide.composite.part import create_part, own_parts
from crontask.decide.composite.step_state import LONGEST_RESULT, recordable
from crontask.decide.composite.steps import decide_steps
from crontask.decide.composite.values import ArgsTooLongError, handed_over
from crontask.decide.plan import make_plan, parse_plan, plan_of
from crontask.decide.settings import settings_of

WHEN = {"value": "${args.x}", "in": [None, 1]}
STEPS: dict[str, Any] = {"steps": [{"name": "a", **C, "timeout": "5m", "when": WHEN, "args": {"none": None}}]}
UNREADABLE: list[dict[str, Any]] = [
    {},
    {"handler": {}},
    {"handler": C},
    {"handler": 5},
    {"handler": STEPS, "args": [1]},
    {"retry": "often"},
]


def test_a_plan_is_what_the_task_says_and_can_be_read_again() -> None:
    task = make_task(handler=STEPS, args={"x": None}, retry={"limit": 2}, timeout="1h", startTimeout="5m")
    run = scheduled_run(args={"y": [None]})
    document = json.loads(json.dumps(make_plan(run, settings_of(run, task), 7)))
    assert document["taskGeneration"] == 7
    assert document["args"] == {"x": None, "y": [None]}
    plan = plan_of(replace(run, status=recorded(RunPhase.RUNNING, plan=document)))
    assert plan is not None
    assert plan.handler == task.spec.handler
    assert (plan.args, plan.retry) == ({"x": None, "y": [None]}, task.spec.retry)
    assert (plan.timeout, plan.start_timeout, plan.total_timeout) == (timedelta(hours=1), timedelta(minutes=5), None)


def test_of_a_run_with_its_own_handler_that_is_not_copied() -> None:
    run = own_run(handler=STEPS)
    document = make_plan(run, settings_of(run, None), None)
    assert "handler" not in document
    plan = plan_of(replace(run, status=recorded(RunPhase.RUNNING, plan=document)))
    assert plan is not None
    assert plan.handler == run.spec.handler


@pytest.mark.parametrize("document", UNREADABLE)
def test_what_nobody_can_read(document: dict[str, Any]) -> None:
    assert plan_of(scheduled_run(status=recorded(RunPhase.RUNNING, plan=document))) is None


def test_what_a_part_is_made_from() -> None:
    plan = {"retry": {"limit": 2}, "startTimeout": "7m"}
    pod = {"spec": {"nodeSelector": {"disk": "ssd"}}}
    view = flow(step("a", timeout="5s"), plan=plan, args={"x": 1}, beside={"pod": pod})
    (wanted,) = decide_steps(view, view.run.meta.creation_timestamp).wanted
    made = create_part(view, wanted)
    assert made.asked.model_dump(exclude_none=True) == {
        "name": "flow",
        "uid": "flow-uid",
        "root": "flow",
        "depth": 1,
        "key": "flow-uid/a",
        "step": "a",
    }
    assert (made.args, made.retry, made.pod) == ({"x": 1}, view.plan.retry, pod)
    assert (made.timeout, made.start_timeout) == (timedelta(seconds=5), timedelta(minutes=7))
    assert len(made.name) <= 60


def test_only_what_the_operator_has_made_is_a_part() -> None:
    view = flow(step("a"), parts=(part("a"),))
    _, made = part("a")
    renamed = replace(made, meta=made.meta.model_copy(update={"name": "a-fake"}))
    disowned = replace(made, meta=made.meta.model_copy(update={"owner_references": ()}))
    assert own_parts(view.run, [made, renamed, disowned]) == {"a": made}
    assert own_parts(view.run, [renamed, disowned]) == {}


@pytest.mark.parametrize(
    ("name", "own", "wanted"),
    [
        ("its own", {"retry": {"limit": 5}, "startTimeout": "1m", "timeout": "2m"}, (5, 60, 120)),
        ("those of the run; the timeout of the whole is none of a step", {}, (2, 300, None)),
    ],
)
def test_by_which_settings_a_step_goes(name: str, own: dict[str, Any], wanted: tuple[int, int, int | None]) -> None:
    plan = {"retry": {"limit": 2}, "startTimeout": "5m", "timeout": "1h"}
    (found,) = decide_steps(flow(step("a", **own), plan=plan), at(9)).wanted
    assert found.retry is not None
    timeout = found.timeout.total_seconds() if found.timeout is not None else None
    assert (found.retry.limit, found.start_timeout.total_seconds(), timeout) == wanted, name


def test_a_rerun_goes_by_the_handler_of_its_plan() -> None:
    """What it says itself is what it has taken over, which may be another."""
    written = {"handler": {"steps": [step("then")]}}
    plain = own_run(handler={"steps": [step("now")]})
    again = replace(plain, spec=plain.spec.model_copy(update={"rerun_of": RerunOf(name="x")}))
    for run, name in ((plain, "now"), (again, "then")):
        plan = parse_plan(run, written)
        assert plan is not None
        assert [each.name for each in plan.handler.steps or ()] == [name]


@pytest.mark.parametrize(
    ("kept", "wanted"),
    [({}, "flow-uid/a"), ({"keys": {"a": "before"}}, "before/a"), ({"keys": {"b": "before"}}, "flow-uid/a")],
)
def test_with_what_the_key_of_a_part_begins(kept: dict[str, Any], wanted: str) -> None:
    known = flow(step("a"), plan={"rerun": kept})
    assert [create_part(known, part).asked.key for part in decide_steps(known, at(9)).wanted] == [wanted]


def test_args_and_results_just_fit() -> None:
    # Beside the text: {"x":""}, and the quotes of a text alone.
    longest = {"x": "x" * (LONGEST_ARGS - 8)}
    assert handed_over(longest) == longest
    with pytest.raises(ArgsTooLongError, match="bytes as JSON, over"):
        handed_over({"x": longest["x"] + "x"})
    result = "x" * (LONGEST_RESULT - 2)
    assert (recordable(result), recordable(result + "x")) == (result, None)
