"""A backfill on the page: what a form asks for, and what is shown of its plan."""

from datetime import UTC, datetime
from typing import Any

import pytest
from dashboard_objects import LINKS, NOON, RENDERER, run, scene, task

from crontask.dashboard.backfill import Asked, PlanModel, asked_of, model_of, plan_of, shown
from crontask.dashboard.forms import BadFormError
from crontask.dashboard.views import Frame, Scene
from crontask.decide.task.backfill import BackfillPlan

# Before the task was created: of these times nothing is known.
FORM = {"from": "2026-02-28T06:00:00Z", "to": "2026-02-28T10:00:00Z", "only": "all"}


def hourly(status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return task("sync", status, **{"schedule": "0 * * * *", **spec})


def open_backfill(*items: str) -> dict[str, Any]:
    handler = {"forEach": {"items": list(items), "handler": {"task": "sync"}, "scheduledTime": "${item}"}}
    made = run("open", {"phase": "Running"}, handler=handler)
    made["metadata"]["creationTimestamp"] = "2026-03-02T11:00:00Z"
    del made["spec"]["taskRef"]
    return made


def planned(form: dict[str, str] = FORM, of: dict[str, Any] | None = None, *runs: dict[str, Any]) -> BackfillPlan:
    found = plan_of(of or hourly(), runs, asked_of(form, NOON))
    assert found is not None
    return found


def page(of: dict[str, Any], form: dict[str, str], plan: PlanModel | None, seen: Scene) -> str:
    frame = Frame(LINKS, seen.clock, "ann", "t", may=seen.may)
    return RENDERER.page("backfill.html", frame, model_of(of, form, seen, plan))


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ({}, {"from": "2026-02-23T12:00:00Z", "to": "2026-03-02T12:00:01Z", "only": "missing", "parallel": "1"}),
        (
            {"from": " yesterday ", "to": "today", "only": "failed", "parallel": "5", "token": "x"},
            {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z", "only": "failed", "parallel": "5"},
        ),
    ],
)
def test_what_is_asked_for(form: dict[str, str], fields: dict[str, str]) -> None:
    asked = asked_of(form, NOON)
    assert asked.fields == fields
    # Sent again later, it is for the same times.
    later = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    assert asked_of(asked.fields, later).fields == fields


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"from": "soon"}, "from: 'soon' is not a duration; write it like"),
        ({"from": ""}, "from: '' is not a duration"),
        ({"from": "2026-03-01T06:00:00"}, "from: '2026-03-01T06:00:00' has no zone"),
        ({"from": "2030-01-01"}, "from 2030-01-01T00:00:00Z is still to come; write an earlier time"),
        ({"from": "1d", "to": "2d"}, "is not after from 2026-03-01T12:00:00Z; swap them"),
        ({"to": "9" * 300}, "to: "),
        ({"only": "some"}, "only: 'some' is none of missing, failed, all"),
        ({"parallel": "0"}, "at a time: '0' is not a number from 1 to 1000"),
        ({"parallel": "1001"}, "at a time: '1001' is not"),
        ({"parallel": "٣"}, "at a time: '٣' is not"),
    ],
)
def test_what_cannot_be_asked_for(form: dict[str, str], said: str) -> None:
    with pytest.raises(BadFormError) as refused:
        asked_of(form, NOON)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("of", "form", "said"),
    [
        (task("sync"), FORM, "sync has no times that could be made up for: it has no schedule"),
        (task("sync", delay="5m"), FORM, "its times follow from the ends of its runs"),
        (task("sync", after={"task": "load"}), FORM, "it runs after load"),
        (hourly(schedule="61 * * * *"), FORM, "the task is not valid: "),
        (hourly(schedule="* * * * *"), {"from": "30d"}, "are more than 10,000; ask for a shorter range"),
    ],
)
def test_tasks_and_ranges_without_a_plan(of: dict[str, Any], form: dict[str, str], said: str) -> None:
    with pytest.raises(BadFormError) as refused:
        plan_of(of, (), asked_of(form, NOON))
    assert said in str(refused.value)


def test_a_range_without_any_time_has_no_plan() -> None:
    assert plan_of(hourly(), (), asked_of({"from": "2026-03-02T06:10:00Z", "to": "2026-03-02T06:20:00Z"}, NOON)) is None


def test_the_plan_and_its_button() -> None:
    plan = planned()
    model = shown(plan, asked_of(FORM, NOON), None, scene())
    assert [(row.count, row.look.word, row.taken) for row in model.outcomes] == [(4, "Unknown", True)]
    assert model.count == len(model.times) == 4
    assert model.line == (
        "kubectl crontask backfill sync --from 2026-02-28T06:00:00Z --to 2026-02-28T10:00:00Z --only all -n shop"
    )
    text = page(hourly(), FORM, model, scene())
    assert "Make 4 runs" in text
    assert "older than the record" in text
    assert "Make 4 runs" not in page(hourly(), FORM, model, scene(frozenset()))


def test_what_is_in_its_way_is_said_and_asked_about() -> None:
    plan = planned(FORM, None, open_backfill("2026-02-28T07:00:00Z"))
    model = shown(plan, asked_of(FORM, NOON), None, scene())
    assert model.in_the_way == (("open", "/p/ns/shop/runs/open"),)
    assert model.line.endswith("--force -n shop")
    assert 'name="force"' in page(hourly(), FORM, model, scene())


def test_one_that_was_made_before_is_shown_and_not_made_again() -> None:
    plan = planned()
    first = run(plan.name, {"phase": "Succeeded"})
    text = page(hourly(), FORM, shown(plan, asked_of(FORM, NOON), first, scene()), scene())
    assert f'href="/p/ns/shop/runs/{plan.name}"' in text
    assert "which is Succeeded" in text
    assert "Make 4 runs" not in text


def test_too_many_for_one_are_ranges() -> None:
    form = {"from": "2026-02-27", "to": "2026-03-01", "only": "all"}
    asked: Asked = asked_of(form, NOON)
    of = hourly(schedule="* * * * *")
    model = shown(planned(form, of), asked, None, scene())
    assert (model.count, len(model.ranges)) == (2880, 3)
    assert model.ranges[0][0].startswith("/p/ns/shop/tasks/sync/backfill?from=2026-02-27T00%3A00%3A00Z&to=")
    # Of the times, as many as one reads, and the last.
    assert [row.left for row in model.times if row.left] == [2860]
    assert "Make 2880 runs" not in page(of, form, model, scene())


def test_a_task_without_times_has_no_form() -> None:
    text = page(task("sync", after={"task": "load"}), {}, None, scene())
    assert "could be made up for: it runs after load." in text
    assert "Show the plan" not in text


def test_what_was_written_stands_there_as_text() -> None:
    text = page(hourly(), {"from": "<b>", "to": "x" * 500}, None, scene())
    assert 'value="&lt;b&gt;"' in text
    assert "x" * 65 not in text


def test_a_run_that_is_nested_deeply_does_not_cost_the_plan() -> None:
    value: object = 1
    for _ in range(400):
        value = [value]
    run = {
        "metadata": {"name": "r", "namespace": "shop", "uid": "u", "creationTimestamp": "2026-03-02T06:00:00Z"},
        "spec": {"taskRef": {"name": "a"}, "args": value},
    }
    assert plan_of(hourly(), (run,), asked_of({"from": "2026-03-02T06:00:00Z"}, NOON)) is not None
