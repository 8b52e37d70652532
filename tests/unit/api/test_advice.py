"""Each problem names a place that is there, in words of our own, and what it says to write is taken."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from mutations import RAW, SERVED, advised, at, mutated, put, resolved, without
from pydantic_core.core_schema import ErrorType

from crontask.api.base import Model
from crontask.api.crontask import CronTaskSpec
from crontask.api.explain import Fields, explain
from crontask.api.problem import Problem
from crontask.api.scheduledrun import ScheduledRunSpec
from crontask.api.structure import Schema, structural
from crontask.api.takes import example_of
from crontask.api.unknown import unknown_fields
from crontask.api.validate import validate_run, validate_task
from crontask.api.validate_object import validate_object
from crontask.api.written import as_yaml

CONTAINER = {"container": {"image": "busybox:1.36"}}
MODELS: dict[str, type[Model]] = {"CronTask": CronTaskSpec, "ScheduledRun": ScheduledRunSpec}
# What is said of an object that should have something in it, at the path of what is missing.
EMPTY = (
    "{}: the expression is empty; write five fields: minute hour day-of-month month day-of-week, e.g. 0 3 * * mon-fri"
)
LONG = (
    "schedule: the expression has 299 characters, over 256; write ranges and steps instead of long lists, or several "
    "schedules"
)
MISSING = ("is missing", "is empty", "there is no", "must be set", "does not name", "no container")


def problems(kind: str, spec: Any) -> tuple[Problem, ...]:
    unknown = tuple(unknown_fields(spec, MODELS[kind], "spec"))
    return unknown + (validate_task(spec, "n/t")[1] if kind == "CronTask" else validate_run(spec)[1])


def within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


# (the spec beside a handler, what is said)
SHORTHANDS: list[tuple[dict[str, Any], str]] = [
    ({"concurrency": "Forbid"}, "concurrency: must be an object, not 'Forbid'; write concurrency: {policy: Forbid}"),
    ({"concurrency": "forbid"}, "concurrency: must be an object, not 'forbid'; write concurrency: {policy: Forbid}"),
    ({"catchUp": "Latest"}, "catchUp: must be an object, not 'Latest'; write catchUp: {policy: Latest}"),
    ({"dst": "Skip"}, "dst: must be an object, not 'Skip'; write dst: {missing: Skip}"),
    ({"after": "extract"}, "after: must be an object, not 'extract'; write after: {task: extract}"),
    ({"after": ["extract"]}, "after: must be an object, not [extract]; write after: {task: extract}"),
    ({"retry": 3}, "retry: must be an object, not 3; write retry: {limit: 3}"),
    ({"skip": ["2026-12-24"]}, "skip[0]: must be an object, not '2026-12-24'; write {from: 2026-12-24}"),
    ({"skip": "2026-12-24"}, "skip: must be a list, not '2026-12-24'; write skip: [{from: 2026-12-24}]"),
    ({"skip": {"from": "2026-12-24"}}, "skip: must be a list, not {from: 2026-12-24}; write skip: [{from: 2026-"),
    ({"schedules": "0 9 * * *"}, "schedules: must be a list, not '0 9 * * *'; write schedules: [\"0 9 * * *\"]"),
    ({"schedule": ["0 9 * * *"]}, "schedule: must be a string, not [\"0 9 * * *\"]; write schedule: \"0 9 * * *\""),
    (
        {"schedule": ["@daily", "@hourly"]},
        "schedule: must be a string, not [\"@daily\", \"@hourly\"]; write schedules: [\"@daily\", \"@hourly\"]",
    ),
    ({"schedule": ""}, EMPTY.format("schedule")),
    ({"schedules": [""]}, EMPTY.format("schedules[0]")),
    ({"schedules": []}, 'schedules: is empty; write it like schedules: ["0 9 * * *"], or leave it out'),
    ({"schedule": "0 " * 150}, LONG),
    ({"schedules": ["@daily"] * 21}, "schedules: has 21 items, more than 20; write at most 20 items"),
    ({"maxRuns": "3"}, "maxRuns: must be a whole number, not '3'; write maxRuns: 3"),
    ({"maxRuns": 3.0}, "maxRuns: must be a whole number, not 3.0; write maxRuns: 3"),
    ({"maxRuns": 0}, "maxRuns: 0 is too small; write a number from 1 to 1000000000"),
    ({"suspendAfterFailures": 1001}, "suspendAfterFailures: 1001 is too large; write a number from 1 to 1000"),
    ({"suspend": "yes"}, "suspend: must be true or false, not 'yes'; write suspend: true"),
    ({"suspend": "maybe"}, "suspend: must be true or false, not 'maybe'; write true or false"),
    ({"suspendReason": 5}, "suspendReason: must be a string, not 5; write suspendReason: \"5\""),
    ({"catchUp": {"policy": "latest"}}, "catchUp.policy: 'latest' is not allowed; write policy: Latest"),
    ({"catchUp": {"policy": "Never"}}, "catchUp.policy: 'Never' is not allowed; write Latest, None or All"),
    ({"after": {"task": "x", "true": "failed"}}, "after.on: 'failed' is not allowed; write on: Failed"),
    ({"interval": 300}, "interval: 300 is not a duration; write interval: 5m"),
    ({"interval": "5 minutes"}, "interval: '5 minutes' is not a duration; write interval: 5m"),
    ({"interval": "1.5h"}, "interval: '1.5h' is not a duration; write interval: 1h30m"),
    ({"interval": "1 hour and 30 min"}, "interval: '1 hour and 30 min' is not a duration; write interval: 1h30m"),
    ({"interval": "PT5M"}, "interval: 'PT5M' is not a duration; write interval: 5m"),
    ({"interval": "2w"}, "interval: '2w' is not a duration; write interval: 14d"),
    # What is less than a second, and so no advice.
    ({"interval": "500ms"}, "interval: '500ms' is not a duration; write it like 90s, 5m, 1h30m or 2d"),
    ({"interval": "0 min"}, "interval: '0 min' is not a duration; write it like 90s, 5m, 1h30m or 2d"),
    ({"interval": "5000d"}, "interval: '5000d' is longer than ten years; write a shorter duration"),
    ({"startTime": "2026-03-29"}, "startTime: '2026-03-29' is not a time; write startTime: 2026-03-29T00:00:00Z"),
    ({"startTime": "2026-03-29T01:00:00"}, "startTime: the time has no zone; write startTime: 2026-03-29T01:00:00Z"),
    ({"startTime": 1700000000}, "startTime: must be a time, not 1700000000; write startTime: 2023-11-14T22:13:20Z"),
    ({"skip": [{"from": "2026-1-2"}]}, "skip[0].from: '2026-1-2' is not a date; write from: 2026-01-02"),
    ({"skip": [{}]}, "skip[0].from: is missing; write from: 2026-12-24"),
    ({"handler": None}, 'handler: is missing; write handler: {container: {image: "busybox:1.36"}}'),
    (
        {"handler": "busybox:1.36"},
        "handler: must be an object, not 'busybox:1.36'; write handler: {container: {image: \"busybox:1.36\"}}",
    ),
    (
        {"handler": {"container": "busybox:1.36"}},
        "handler.container: must be an object, not 'busybox:1.36'; write container: {image: \"busybox:1.36\"}",
    ),
    (
        {"handler": {"http": "https://example.com"}},
        "handler.http: must be an object, not 'https://example.com'; write http: {url: \"https://example.com\"}",
    ),
    (
        {"handler": {"http": {"url": "https://example.com", "expect": {"status": [200]}}}},
        "handler.http.expect.status[0]: must be a string like \"200\" or \"2xx\", not 200; write \"200\"",
    ),
    ({"handler": {}}, "handler: exactly one of container, podTemplate, http, python, steps, forEach, batch must be"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "said"), SHORTHANDS, ids=[said[:40] for _, said in SHORTHANDS])
def test_what_is_nearly_right_is_answered_with_what_to_write(fields: dict[str, Any], said: str) -> None:
    (problem,) = problems("CronTask", {"handler": CONTAINER, **fields})
    assert str(problem)[: len(f"spec.{said}")] == f"spec.{said}"


def steps(*those: dict[str, Any]) -> dict[str, Any]:
    """Of a graph, each with a container, and where it is to start unless it says it."""
    return {"steps": [{"container": {"image": "i"}, "dependsOn": [], **one} for one in those]}


def test_an_item_that_is_bad_does_not_hide_the_others() -> None:
    said = problems("CronTask", {"handler": CONTAINER, "schedules": ["0 9 * * *", 5, "bogus"]})
    assert [problem.path for problem in said] == ["spec.schedules[1]", "spec.schedules[2]"]


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        # What one cannot read is still there for the rules about what stands together.
        ({"interval": 5, "schedule": "@daily"}, ["spec.interval", "spec"]),
        ({"delay": 5, "catchUp": {"policy": "latest"}}, ["spec.delay", "spec.catchUp.policy", "spec.catchUp"]),
        # But nothing is said that depends on its value.
        ({"delay": "5s", "concurrency": {"policy": 5}}, ["spec.concurrency.policy"]),
        ({"startTime": "2030-01-01T00:00:00Z", "endTime": "soon"}, ["spec.endTime"]),
        ({"skip": [{"from": "soon", "to": "2026-01-01"}]}, ["spec.skip[0].from"]),
        ({"handler": {"python": {"source": "def f(ctx): 1", "entrypoint": 5}}}, ["spec.handler.python.entrypoint"]),
        ({"interval": "5s", "args": {"n": "x"}, "argsSchema": 5}, ["spec.argsSchema"]),
        ({"handler": {"http": {"url": 5}}, "timeZone": "Mars"}, ["spec.handler.http.url", "spec.timeZone"]),
        # A step whose name cannot be read may be the one that is meant, or not.
        ({"handler": steps({"name": 5}, {"name": "b", "dependsOn": ["5"]})}, ["spec.handler.steps[0]"]),
        (
            {"handler": steps({"name": 5}, {"name": "b", "dependsOn": ["nope"]})},
            ["spec.handler.steps[0]", "spec.handler.steps[1].dependsOn[0]"],
        ),
        (
            {"handler": steps({"name": "a", "timeout": 5}, *({"name": x, "dependsOn": [y]} for x, y in ("bc", "cb")))},
            ["spec.handler.steps[0].timeout", "spec.handler.steps"],
        ),
        (
            {"handler": steps({"name": "a"}, {"name": "a", "dependsOn": ["nope"]})},
            ["spec.handler.steps[1]", "spec.handler.steps[1].dependsOn[0]"],
        ),
        ({"handler": {"http": {"url": "https://x", "headers": [{}]}}}, 2 * ["spec.handler.http.headers[0]"]),
    ],
)  # fmt: skip
def test_the_rules_look_at_the_rest(fields: dict[str, Any], paths: list[str]) -> None:
    found = [problem.path for problem in problems("CronTask", {"handler": CONTAINER, **fields})]
    assert [path.removesuffix(".name") for path in found] == paths


@pytest.mark.parametrize("error_type", get_args(ErrorType))
def test_every_type_of_error_is_told_in_words_of_our_own(error_type: str) -> None:
    """Also those that no field of today brings about."""
    fields = Fields("spec", structural(CronTaskSpec), lambda path, value: False)
    for path, value in ((("maxRuns",), []), (("schedule",), "x" * 300), (("schedules",), ["x"] * 30), (("skip",), [])):
        raw = {"type": error_type, "loc": path, "input": value, "msg": "Value error, a bad RAW; write x"}
        problem = explain(raw, fields)  # type: ignore[arg-type]
        assert problem.path == f"spec.{path[0]}"
        assert problem.message
        assert problem.fix
        own = error_type in ("value_error", "assertion_error")
        assert ("RAW" in problem.message) is own


def _fields(schema: Schema, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Schema]]:
    found = [(path, schema)] if path else []
    for name, inner in schema.get("properties", {}).items():
        found += _fields(inner, (*path, name))
    return found + (_fields(schema["items"], (*path, 0)) if "items" in schema else [])


# What goes with what stands beside it.
_BESIDE_ANOTHER = {
    *("task", "scheduledTime", "reusePodFor"),
    *("resultFrom", "pod", "onFailure", "maxParallel", "stepResultFrom", "cancelMode", "parent"),
}


@pytest.mark.parametrize("kind", MODELS)
def test_the_example_of_each_field_is_taken(kind: str) -> None:
    seen = 0
    for path, schema in _fields(structural(MODELS[kind])):
        value = example_of(schema)
        if (
            value is None
            or _BESIDE_ANOTHER & set(map(str, path))
            or "steps" in path[:-1]
            or {"batch", "http"} <= set(path)
        ):
            continue
        seen += 1
        spec: Any = value
        for step in reversed(path):
            spec = [spec] if isinstance(step, int) else {step: spec}
        said = problems(kind, spec)
        where = "spec" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        assert [str(problem) for problem in said if within(problem.path, where.replace(".true", ".on"))] == []
    assert seen > 40


@settings(max_examples=300)
@given(mutated())
@example(("CronTask", {"handler": CONTAINER, "schedules": "0 9 * * *", "schedule": 5}))
@example(("CronTask", {"handler": {"container": {"image": 5, "env": [{"name": "CRONTASK_X"}]}}}))
def test_of_whatever_is_wrong_the_place_is_there_and_the_advice_is_taken(found: tuple[str, dict[str, Any]]) -> None:
    kind, spec = found
    for problem in problems(kind, spec):
        assert problem.message
        assert problem.fix
        assert not RAW.search(str(problem)), problem
        there, left = resolved(spec, problem.path)
        assert not left or any(words in problem.message for words in MISSING), (spec, problem)
        for field, value in advised(problem):
            path = (*there, *left)
            holder = (*path[:-1], field) if field and isinstance(path[-1], str) and field != "on" else path
            if left[1:]:
                continue
            changed = put(spec, holder, value)
            where = problem.path[: -len(str(path[-1]))] + field if holder != path else problem.path
            still = [str(other) for other in problems(kind, changed) if within(other.path, where)]
            assert still == [], (spec, problem, changed)
        if problem.fix == "remove it" and not left and there:
            gone = problems(kind, without(spec, there))
            assert problem not in gone or isinstance(there[-1], int), (spec, problem)


@settings(max_examples=200)
@given(mutated())
@example(("CronTask", {"handler": CONTAINER, "schedule": "bogus", "dst": {"missing": "Skip"}}))
def test_whatever_is_wrong_there_are_warnings_of_the_rest_alone(found: tuple[str, dict[str, Any]]) -> None:
    kind, spec = found
    verdict = validate_object({"metadata": {"name": "a"}, "spec": spec}, kind, datetime(2026, 6, 1, tzinfo=UTC))
    wrong = {problem.path for problem in problems(kind, spec)}
    assert all(warning.message and warning.path not in wrong - {"spec", "spec.handler"} for warning in verdict.warnings)


def test_each_feature_is_good() -> None:
    assert {name: problems(kind, spec) for name, (kind, spec) in SERVED.items() if problems(kind, spec)} == {}
    assert at(SERVED["a run once"][1], ("idempotencyKey",))
    assert as_yaml(SERVED["schedules"][1]["schedules"]) == '["0 9 * * 1-5", "0 12 L * *"]'
