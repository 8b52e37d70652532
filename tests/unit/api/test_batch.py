"""Batches as they are written: what is wrong with them, where, and what to write."""

from typing import Any

import pytest

from crontask.api.names import part_of_batch
from crontask.api.scheduledrun import BatchPart, Parent
from crontask.api.validate import validate_run, validate_task

C: dict[str, Any] = {"container": {"image": "busybox:1.36"}}
PYTHON: dict[str, Any] = {"python": {"source": "def handler(ctx): ..."}}
ONE = "exactly one of container, podTemplate, python must be set"


def batch(**fields: Any) -> dict[str, Any]:
    return {"batch": {"size": 1, "handler": C, **fields}}


def said(handler: dict[str, Any]) -> list[str]:
    of_task, of_run = validate_task({"handler": handler})[1], validate_run({"handler": handler})[1]
    assert of_task == of_run
    return [str(problem).removeprefix("spec.handler.") for problem in of_task]


# (fields, what is said)
BAD: list[tuple[dict[str, Any], list[str]]] = [
    ({"size": 0}, ["batch.size: 0 is too small; write"]),
    ({"maxBatches": 0}, ["batch.maxBatches: 0 is too small; write"]),
    ({"timeout": "0s"}, ["batch.timeout: is shorter than a second; write at least 1s"]),
    ({"handler": {}}, [f"batch.handler: {ONE}; write one of them"]),
    ({"handler": {**C, **PYTHON}}, [f"batch.handler: {ONE}; keep one of container or python"]),
    (
        {"handler": {"http": {"url": "not a url"}}},
        ["batch.handler.http: an answer has no cursor; write python, and make the call there"],
    ),
    ({"handler": {"container": {}}}, ["batch.handler.container.image: is missing; name the image"]),
    ({"handler": {**C, "resultFrom": "x"}}, ["batch.handler.resultFrom: goes with podTemplate only; remove it"]),
    ({"handler": {"task": "x"}}, [f"batch.handler: {ONE}"]),
    *(
        (
            {"reusePodFor": lasts},
            ["batch.reusePodFor: goes with handler.python only, which can be called again; remove it, or write python"],
        )
        for lasts in ("5m", "0s")
    ),
    (
        {"args": {"x": "${item}"}},
        ["batch.args.x: item: there is item in forEach.args only; write one of"],
    ),
    ({"args": {"x": "${steps.a.result}"}}, ["batch.args.x: steps.a.result: there is steps in steps only"]),
    ({"args": {"x": "page ${cursor}"}}, ["batch.args.x: 'page ${cursor}' has a reference in a part of a string"]),
    ({"args": {"x": "${run.phase}"}}, ["batch.args.x: run.phase is known only to what comes at the end"]),
]


@pytest.mark.parametrize(("fields", "words"), BAD, ids=[words[0][:60] for _, words in BAD])
def test_what_is_wrong_is_said_with_what_to_write(fields: dict[str, Any], words: list[str]) -> None:
    found = said(batch(**fields))
    assert [text[: len(wanted)] for text, wanted in zip(found, words, strict=True)] == words


GOOD: list[dict[str, Any]] = [
    {},
    {"handler": PYTHON, "size": 1_000_000, "delay": "0s", "maxBatches": 1, "continueFrom": "Start"},
    {"args": {"a": "${cursor}", "b": {"$ref": "${cursor.page}", "default": 1}, "c": "${batch}", "d": "${size}"}},
    *({"handler": PYTHON, "reusePodFor": lasts, "timeout": "1h"} for lasts in ("0s", "1s", "5m", "24h")),
    {"args": {"a": "${args.x}", "b": "${run.name}", "c": "${trigger.result}"}},
]


@pytest.mark.parametrize("fields", GOOD)
def test_what_is_right_is_taken(fields: dict[str, Any]) -> None:
    assert said(batch(**fields)) == []


# (concurrency, whether runs go on one after the other)
CONCURRENCY: list[tuple[dict[str, Any], bool]] = [
    *(({"policy": policy}, policy != "Allow") for policy in ("Forbid", "Replace", "Queue", "Allow")),
    *(({"policy": policy, "max": 1}, True) for policy in ("Forbid", "Replace", "Queue", "Allow")),
    *(({"policy": policy, "max": 2}, False) for policy in ("Forbid", "Replace", "Queue", "Allow")),
]


@pytest.mark.parametrize(("concurrency", "good"), CONCURRENCY)
def test_only_one_run_at_a_time_goes_on_where_the_last_ended(concurrency: dict[str, Any], good: bool) -> None:
    problems = validate_task({"handler": batch(continueFrom="LastRun"), "concurrency": concurrency})[1]
    words = "with continueFrom: LastRun one run is at a time; write max: 1"
    assert [str(problem) for problem in problems] == ([] if good else [f"spec.concurrency: {words}"])
    assert validate_task({"handler": batch(), "concurrency": concurrency})[1] == ()


def test_a_run_of_its_own_has_none_before_it() -> None:
    (problem,) = validate_run({"handler": batch(continueFrom="LastRun")})[1]
    assert str(problem).startswith("spec.handler.batch.continueFrom: LastRun is of the runs of a CronTask")


@pytest.mark.parametrize("cursor", [0, False, "", "k" * 1022, {"a": [None]}, []])
def test_a_run_may_begin_at_a_cursor(cursor: Any) -> None:
    for what in ({"handler": batch()}, {"taskRef": {"name": "x"}}):
        spec, problems = validate_run({**what, "cursor": cursor})
        assert problems == ()
        assert spec is not None
        assert spec.cursor == cursor


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"handler": C},
            "spec.cursor: is where a batch begins, and the run is none; remove it, or write handler.batch",
        ),
        ({"handler": batch(), "cursor": "k" * 1023}, "spec.cursor: has 1025 bytes as JSON, over 1024; write a shorter"),
        ({"taskRef": {"name": "x"}, "cursor": "ü" * 512}, "spec.cursor: has 1026 bytes as JSON, over 1024"),
    ],
)
def test_a_cursor_in_vain_or_too_long_is_refused(spec: dict[str, Any], words: str) -> None:
    (problem,) = validate_run({"cursor": 1, **spec})[1]
    assert str(problem).startswith(words)


def test_a_part_is_named_by_its_number() -> None:
    asked = Parent(name="a", uid="u", root="a", depth=1, key="u/7", batch=BatchPart(number=7, size=1))
    assert asked.part == part_of_batch(7) == "batch-7"
    third = asked.model_copy(update={"batch": BatchPart(number=7, size=1, part=3)})
    assert third.part == part_of_batch(3) == "batch-3"
    assert not asked.comes_at_the_end


def test_a_size_that_is_missing_is_said_with_one_that_makes_sense() -> None:
    assert said({"batch": {"handler": C}}) == ["batch.size: is missing; write size: 100"]
