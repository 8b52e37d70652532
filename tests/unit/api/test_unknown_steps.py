"""Fields of workflows by the names that other tools give them, and lists that are written as objects."""

from typing import Any

import pytest
from pydantic.alias_generators import to_snake

from crontask.api.base import Model
from crontask.api.composite import Step, When
from crontask.api.crontask import CronTaskSpec
from crontask.api.handler import Handler
from crontask.api.unknown import unknown_fields
from crontask.api.unknown_steps import of_a_workflow
from crontask.api.validate import validate_task

C: dict[str, Any] = {"container": {"image": "i"}}
NO_SUCH = "there is no such field; "
WITHIN = (
    "cannot be within a step: that would be a composite within a composite; put it into a CronTask of its own, and "
    "write task: NAME"
)
OF_ITS_OWN = "write it as a step of its own, with always: true"
AFTER_A_FAILURE = 'always: true and when: {value: "${run.phase}", in: [Failed]}'


def said(handler: dict[str, Any]) -> list[str]:
    return [str(p).removeprefix("spec.handler.") for p in unknown_fields({"handler": handler}, CronTaskSpec, "spec")]


@pytest.mark.parametrize(
    ("field", "value", "fix"),
    [
        *((word, ["a", "b"], "write dependsOn: [a, b]") for word in ("needs", "depends", "requires", "runAfter")),
        ("dependencies", [], "write dependsOn: []"),
        ("needs", "a", "write dependsOn: [a]"),
        ("depends", "a && b.Succeeded", "write dependsOn: [a, b]"),
        ("depends", "!a", "write dependsOn: […], with the names of the steps that it follows"),
        ("needs", [{"job": "a"}], "write dependsOn: […], with the names of the steps that it follows"),
        ("depends_on", ["a"], "write dependsOn"),
        ("depends-on", ["a"], "write dependsOn"),
        *((word, "x == 1", 'write when: {value: "${…}", in: [true]}, with a ref') for word in ("if", "condition")),
        ("if", "${{ steps.a.outputs.ok }}", 'write when: {value: "${steps.a.result.ok}", in: [true]}'),
        ("if", True, 'write when: {value: "${…}", in: [true]}, with a reference'),
        ("if", "always()", "write always: true"),
        ("if", "${{ failure() }}", f"write {AFTER_A_FAILURE}"),
        *((word, C, "write compensate") for word in ("undo", "rollback", "compensation")),
        *((word, C, OF_ITS_OWN) for word in ("finally", "onExit", "cleanUp", "exit_handler")),
        ("finally", True, "write always: true"),
        ("allow_failure", True, "write continueOnFailure: true"),
        ("continue-on-error", True, "write continueOnFailure: true"),
        ("onError", [C], f"write a step with {AFTER_A_FAILURE}"),
        ("with", {"x": 1}, "write args"),
        ("retries", 3, "write retry: {limit: 3}"),
        ("retryStrategy", {"limit": 3}, "write retry, like retry: {limit: 3}"),
        ("timeoutSeconds", 60, "write timeout: 60s"),
        ("sleep", "soon", "write delay, like delay: 5m"),
        ("taskRef", {"name": "other"}, "write task: other"),
        ("uses", "./x", "write task: NAME"),
        ("handler", C, "write what is in it beside name, like container"),
        # Near misses of its own fields, and those of a container, are told as everywhere.
        ("compensat", C, "write compensate"),
        ("env", [], "write it within container: container: {env: []}"),
        ("xyz", 1, "remove it"),
    ],
)
def test_a_field_of_a_step(field: str, value: Any, fix: str) -> None:
    (words,) = said({"steps": [{"name": "a", **C, field: value}]})
    assert words[: len(start)] == start if (start := f"steps[0].{field}: {NO_SUCH}{fix}") else False


@pytest.mark.parametrize("field", ["steps", "forEach", "batch", "tasks", "parallel", "dag", "matrix"])
def test_a_composite_within_a_step(field: str) -> None:
    assert said({"steps": [{"name": "a", field: [{"name": "b", **C}]}]}) == [f"steps[0].{field}: {WITHIN}"]


@pytest.mark.parametrize(
    ("field", "value", "fix"),
    [
        *((word, [C], OF_ITS_OWN) for word in ("finally", "onExit", "always", "cleanup")),
        *((word, C, "write compensate in each step that it is about") for word in ("rollback", "undo")),
        ("needs", ["a"], "write dependsOn in each step that it is about"),
        ("max_parallelism", 3, "write maxParallel"),
        ("concurrency", 3, "write maxParallel"),
        ("failFast", True, "write onFailure: Cancel, or leave it out"),
        ("outputs", "a", "write stepResultFrom"),
        ("jobs", [], "remove it: steps is there already"),
    ],
)
def test_a_field_beside_steps(field: str, value: Any, fix: str) -> None:
    assert said({"steps": [{"name": "a", **C}], field: value}) == [f"{field}: {NO_SUCH}{fix}"]


def test_other_names_of_steps_and_what_is_beside_no_steps() -> None:
    assert said({"tasks": []}) == [f"tasks: {NO_SUCH}write steps"]
    assert said({**C, "finally": C}) == [f"finally: {NO_SUCH}remove it"]
    assert said({"steps": [{"name": "a", **C, "needs": [], "dependsOn": []}]}) == [
        f"steps[0].needs: {NO_SUCH}remove it: dependsOn is there already"
    ]


@pytest.mark.parametrize("field", ["steps", "forEach", "batch", "matrix"])
def test_a_composite_within_a_part(field: str) -> None:
    within = "cannot be here, in what runs for a part: that would be a composite within a composite; "
    task, pod = "put it into a CronTask of its own, and write task: NAME", "write what one pod runs: container, podTem"
    each, batch = {"items": 1, "handler": {field: []}}, {"size": 1, "handler": {field: []}}
    assert said({"forEach": each}) == [f"forEach.handler.{field}: {within}{task}"]
    (found,) = said({"batch": batch})
    assert found.startswith(f"batch.handler.{field}: {within}{pod}")


@pytest.mark.parametrize(
    ("field", "value", "fix"),
    [
        ("equals", 3, "write in: [3]"),
        ("values", ["a", "b"], "write in: [a, b]"),
        ("not", None, "write notIn: [null]"),
        ("operator", "In", "remove it"),
    ],
)
def test_a_field_of_a_condition(field: str, value: Any, fix: str) -> None:
    found = said({"steps": [{"name": "a", **C, "when": {"value": "${args.x}", field: value}}]})
    assert found == [f"steps[0].when.{field}: {NO_SUCH}{fix}"]


@pytest.mark.parametrize("model", [Step, Handler, When])
def test_a_field_that_is_written_otherwise_is_itself(model: type[Model]) -> None:
    known = {field.alias or name for name, field in model.model_fields.items()}
    for name in known:
        for written in (name.upper(), to_snake(name), to_snake(name).replace("_", "-")):
            assert of_a_workflow(written, None, {"steps": []}, known) is None


# --- lists as objects, and objects in lists of lists ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "wanted"),
    [
        (
            {"steps": {"a": C, "b": {**C, "timeout": "5m"}}},
            ["steps: must be a list, not an object; write steps: [{name: a, container: {image: i}}, {name: b, contai"],
        ),
        (
            {"steps": {"a": {"container": {"image": "i" * 100}, "needs": []}}},
            [
                f"steps.a.needs: {NO_SUCH}write dependsOn: []",
                "steps: must be a list, not an object; write its parts as items of a list",
            ],
        ),
        (
            {"steps": {"a": C, "b": {"container": {"image": "i" * 100}}}},
            ["steps: must be a list, not an object; write its parts as items of a list, each with its name: - name: …"],
        ),
        ({"steps": {"name": "a", **C}}, ["steps: must be a list, not {name: a, container: {image: i}}; write steps"]),
        (
            {"http": {"url": "https://x", "headers": {"X-A": "b", "X-C": "d"}}},
            [
                "http.headers: must be a list, not {X-A: b, X-C: d}; write headers: [{name: X-A, value: b}, "
                "{name: X-C, value: d}]"
            ],
        ),
        (
            {"steps": [[{"name": "a", **C}], [{"name": "b", **C}, {"name": "c", **C}]]},
            [
                "steps[0]: must be an object, not [{name: a, container: {image: i}}]; write {name: a, container: {im",
                "steps[1]: must be an object, not a list; write what is in it into the list itself",
            ],
        ),
        (
            {"steps": ["fetch"]},
            ["steps[0]: must be an object, not 'fetch'; write it like {container: {image: \"busybox:1.36\"}, name: fe"],
        ),
        (
            {"steps": [{"name": "a", **C, "when": "${args.x}"}]},
            ["steps[0].when: must be an object, not '${args.x}'; write when: {value: \"${args.x}\", in: [true]}"],
        ),
        (
            {"steps": [{"name": "a", **C, "when": True}]},
            ["steps[0].when: must be an object, not true; write it like when: {in: [true], value: \"${args.full}"],
        ),
    ],
)  # fmt: skip
def test_what_is_written_in_another_form(handler: dict[str, Any], wanted: list[str]) -> None:
    found = said(handler) + [str(p).removeprefix("spec.handler.") for p in validate_task({"handler": handler})[1]]
    assert [words[: len(start)] for words, start in zip(found, wanted, strict=True)] == wanted
