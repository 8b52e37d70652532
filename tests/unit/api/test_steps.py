"""Workflows as they are written: what is wrong with them, where, and what to write; and the order that they say."""

from typing import Any

import pytest

from crontask.api.handler import Handler
from crontask.api.step_order import cycle_in, dependencies, topological
from crontask.api.validate import validate_run, validate_task

C: dict[str, Any] = {"container": {"image": "busybox:1.36"}}


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, **C, **fields}


def said(handler: dict[str, Any]) -> list[str]:
    of_task, of_run = validate_task({"handler": handler})[1], validate_run({"handler": handler})[1]
    assert of_task == of_run
    return [str(problem).removeprefix("spec.handler.") for problem in of_task]


A, B = step("a"), step("b")
UNDO = {"compensate": C}
LABEL = "is not a DNS label of at most 24 characters; write lower case letters, digits and -"
ONE = "exactly one of container, podTemplate, http, python must be set"

# (steps, what is said)
BAD: list[tuple[list[dict[str, Any]], list[str]]] = [
    ([], ["steps: is empty; write it like steps: "]),
    ([step("A_b")], [f"steps[0].name: 'A_b' {LABEL}"]),
    ([step("x" * 25)], ["steps[0].name: has 25 characters, more than 24; write at most 24 characters"]),
    ([C], ["steps[0].name: is missing; write name: fetch"]),
    ([A, B, A], ["steps[2].name: is that of steps[0] as well; rename one of them"]),
    # What it runs.
    ([{"name": "a"}], [f"steps[0]: {ONE}; write one of them"]),
    ([step("a", python={"source": "def handler(ctx): ..."})], [f"steps[0]: {ONE}; keep one of container or python"]),
    ([step("a", container={})], ["steps[0].container.image: is missing; name the image"]),
    ([step("a", **{"compensate": {}})], [f"steps[0].compensate: {ONE}; write one"]),
    ([step("a", compensate={"http": {"url": "ftp://x"}})], ["steps[0].compensate.http.url: "]),
    ([step("a", resultFrom="x")], ["steps[0].resultFrom: goes with podTemplate only; remove it"]),
    ([{"name": "a", "task": "other"}], ["steps[0].task: is not served by this version of crontask yet; remove it"]),
    ([{"name": "a", "steps": []}], ["steps[0]: " + ONE]),
    # The order.
    ([step("a", dependsOn=[]), B], ["steps[1].dependsOn: is missing: step b would now start at once, since another"]),
    ([step("alpha", dependsOn=["alpah"])], ["steps[0].dependsOn[0]: there is no step 'alpah'; did you mean alpha?"]),
    ([step("a", dependsOn=["q"])], ["steps[0].dependsOn[0]: there is no step 'q'; write a"]),
    ([step("a", dependsOn=["a"])], ["steps[0].dependsOn[0]: is the step itself; remove it"]),
    (
        [step("a", dependsOn=["b"]), step("b", dependsOn=["c"]), step("c", dependsOn=["a"])],
        ["steps: the steps a → c → b → a wait for each other, by dependsOn or by references; remove one of these"],
    ),
    (
        [step("a", dependsOn=[], args={"x": "${steps.b.result}"}), step("b", dependsOn=["a"])],
        ["steps: the steps a → b → a wait for each other"],
    ),
    (
        [step("a", dependsOn=["z"]), step("z", always=True)],
        ["steps[0].dependsOn[0]: step z has always, and runs after all others; remove it"],
    ),
    ([step("z", always=True, dependsOn=[])], ["steps[0].dependsOn: does not go with always"]),
    ([A, step("z", always=True, **UNDO)], ["steps[1].compensate: does not go with always"]),
    # References.
    (
        [step("a", args={"x": "${steps.b.result}"}), B],
        ["steps[0].args.x: steps.b.result refers to step b, wh"],
    ),
    ([step("a", args={"x": "${steps.a.result}"})], ["steps[0].args.x: steps.a.result refers to the step itself"]),
    (
        [step("fetch"), step("b", args={"x": "${steps.fecth.result}"})],
        ["steps[1].args.x: there is no step 'fecth'"],
    ),
    (
        [A, step("b", args={"x": "${steps.a}"})],
        ["steps[1].args.x: steps.a names nothing that a step has; w"],
    ),
    ([A, step("b", args={"x": "${steps}"})], ["steps[1].args.x: steps names no step; name one"]),
    (
        [A, step("b", args={"x": "${steps.a.compensate.result}"})],
        ["steps[1].args.x: steps.a.compensate.result nam"],
    ),
    (
        [step("a", args={"x": "${item.id}"})],
        ["steps[0].args.x: item.id: there is item in forEach.args only; w"],
    ),
    ([step("a", args={"x": "${secrets.a}"})], ["steps[0].args.x: secrets.a: there is nothing called secrets; write"]),
    (
        [step("a", args={"x": ["p-${args.y}"]})],
        ["steps[0].args.x[0]: 'p-${args.y}' has a reference in a par"],
    ),
    (
        [step("a", dependsOn=[], args={"x": "${steps.z.result}"}), step("z", always=True)],
        ["steps[0].args.x: steps.z.result refers to step z, which has always and runs last"],
    ),
    (
        [step("a", compensate={**C, "args": {"x": "${steps.q.result}"}})],
        ["steps[0].compensate.args.x: there is"],
    ),
    (
        [step("z", always=True), step("b", args={"x": "${steps.z.phase}"})],
        ["steps[1].args.x: steps.z.phase refers to step z, w"],
    ),
    (
        [step("a", args={"x": "${run.phase}"})],
        ["steps[0].args.x: run.phase is known only to what comes at the end; wri"],
    ),
    (
        [step("a", args={"x": "${run.uid}"})],
        ["steps[0].args.x: run.uid is not there; write run.name or run.scheduledTime"],
    ),
    # Conditions.
    ([step("a", when={"value": "${args.x}"})], ["steps[0].when: exactly one of in and notIn must be set; write one"]),
    ([step("a", when={"value": 1, "in": [1], "notIn": [2]})], ["steps[0].when: exactly one of in and notIn"]),
    (
        [step("a", when={"value": "${steps.a.result}", "in": [1]})],
        ["steps[0].when.value: steps.a.result ref"],
    ),
]


@pytest.mark.parametrize(("steps", "wanted"), BAD, ids=[wanted[0][:60] for _, wanted in BAD])
def test_what_is_wrong_with_the_steps(steps: list[dict[str, Any]], wanted: list[str]) -> None:
    assert [words[: len(start)] for words, start in zip(said({"steps": steps}), wanted, strict=True)] == wanted


@pytest.mark.parametrize(
    ("handler", "wanted"),
    [
        ({"steps": [A], "stepResultFrom": "b"}, ["stepResultFrom: there is no step 'b'; write a"]),
        ({**C, "onFailure": "Cancel"}, ["onFailure: goes with steps only; remove it"]),
        ({**C, "maxParallel": 2}, ["maxParallel: goes with steps only; remove it"]),
        ({"steps": [A], **C}, ["exactly one"]),
        ({"steps": [A], "onFailure": "Stop"}, ["onFailure: 'Stop' is not allowed; write Finish or Cancel"]),
        ({"steps": [A], "resultFrom": "x"}, ["resultFrom: goes with podTemplate only; remove it"]),
        ({"steps": [step("a", args={"x": "y" * 70_000})]}, ["has 70"]),
    ],
)
def test_what_is_wrong_beside_the_steps(handler: dict[str, Any], wanted: list[str]) -> None:
    found = [words.removeprefix("spec.handler: ") for words in said(handler)]
    assert [words[: len(start)] for words, start in zip(found, wanted, strict=True)] == wanted


WHEN = {"value": "${steps.c.phase}", "in": []}
GOOD: list[list[dict[str, Any]]] = [
    [A],
    [A, step("b", args={"x": "${steps.a.result.rows[0]}", "y": "$${literal}", "z": "${run.name}", "t": "${trigger}"})],
    [step("a", **UNDO), step("b", compensate={**C, "args": {"id": "${steps.b.result.id}", "a": "${steps.a.result}"}})],
    [A, step("z", always=True, args={"how": "${run.phase}", "of": "${steps.a.phase}"}), step("y", always=True)],
    [step("z", always=True, args={"x": "${steps.a.result}"}), A],
    [step("a", dependsOn=[]), step("b", dependsOn=["a"], args={"x": "${steps.c.result}"}), step("c", dependsOn=[])],
    [A, step("b", when={"value": "${steps.a.result.n}", "notIn": [0, None]})],
    [{"name": f"s{n}", **C} for n in range(50)],
]


@pytest.mark.parametrize("steps", GOOD)
def test_what_is_good(steps: list[dict[str, Any]]) -> None:
    assert said({"steps": steps, "pod": {"spec": {"nodeSelector": {"disk": "ssd"}}}}) == []


# --- order -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        ([A, B, step("c")], {"a": (), "b": ("a",), "c": ("b",)}),
        # In a list, what always runs comes last, wherever it stands.
        ([A, step("z", always=True), B], {"a": (), "b": ("a",)}),
        ([step("a", dependsOn=[]), step("b", dependsOn=[])], {"a": (), "b": ()}),
        # A reference is an edge too, in a condition as well.
        (
            [
                step("d", dependsOn=["a"], args={"x": "${steps.b.result}"}, when=WHEN),
                step("a", dependsOn=[]),
                step("b", dependsOn=[]),
                step("c", dependsOn=["b"]),
            ],
            {"d": ("a", "b", "c"), "a": (), "b": (), "c": ("b",)},
        ),
        # What undoes a step comes later.
        (
            [step("a", dependsOn=[], compensate={**C, "args": {"x": "${steps.b.result}"}}), step("b", dependsOn=["a"])],
            {"a": (), "b": ("a",)},
        ),
    ],
)  # fmt: skip
def test_what_each_step_depends_on(steps: list[dict[str, Any]], wanted: dict[str, tuple[str, ...]]) -> None:
    handler = Handler.model_validate({"steps": steps})
    order = dependencies(handler.steps or ())
    assert order == wanted
    assert cycle_in(order) == ()
    line = topological(order)
    assert all(line.index(before) < line.index(name) for name, befores in order.items() for before in befores)
