"""Fan-outs as they are written: what is wrong with them, where, and what to write, which is then taken."""

from typing import Any

import orjson
import pytest

from crontask.api.composite import TOTALS
from crontask.api.crontask import CronTaskSpec
from crontask.api.unknown import unknown_fields
from crontask.api.validate import validate_run, validate_task

Handler = dict[str, Any]
C: Handler = {"container": {"image": "busybox:1.36"}}
TEMPLATE: Handler = {"podTemplate": {"spec": {"containers": [{"name": "a", "image": "i"}]}}}
KIB = 1024


def each(**fields: Any) -> Handler:
    """A fan-out over one item, with these fields; None leaves one out."""
    known = {"items": ["a"], "handler": C, **fields}
    return {"forEach": {name: value for name, value in known.items() if value is not None}}


def given(args: Any) -> Handler:
    return each(args={"x": args})


def collecting(**fields: Any) -> Handler:
    return each(collect={**C, **fields})


def collected(args: Any) -> Handler:
    return collecting(args={"x": args})


def said(handler: Handler) -> list[str]:
    spec = {"handler": handler}
    of_task, of_run = validate_task(spec)[1], validate_run(spec)[1]
    assert of_task == of_run
    both = (*unknown_fields(spec, CronTaskSpec, "spec"), *of_task)
    return [str(problem).removeprefix("spec.handler").removeprefix(".forEach").lstrip(".:") for problem in both]


LIST = 'write a list, how many there are, or a reference to one of them, like "${args.ids}"'
AMOUNT = 'is not a number of items; write a number of items like 3, or per cent of them like "10%"'
FEWER = "over 1000; hand over fewer, each a page of them"
SMALLER = "bytes as JSON, over 32768; hand over a reference to the data, like a URL or a key"
ONE = "exactly one of container, podTemplate, http, python must be set"
PART = "exactly one of container, podTemplate, http, python, task must be set"
ONE_OF_ALL = " exactly one of container, podTemplate, http, python, steps, forEach, batch must be set"
WHOLE = "write the whole string as one reference, or build it in the handler; $${ stands for a literal ${"
ROOTS = "write one of args, run, trigger"
HERE = f"{ROOTS}, item, index"
SECOND = "is shorter than a second; write at least 1s"
NAMED = "is one of the totals that it is given; rename it"

# (what is written, what is said, what is written then)
BAD: list[tuple[Handler, str, Handler]] = [
    # The items.
    (each(items=None), "items: is missing; write items: [a, b]", each(items=["a", "b"])),
    (each(items=True), f"items: true is not a list; {LIST}", each(items=["a"])),
    (each(items=False), f"items: false is not a list; {LIST}", each(items=0)),
    (each(items=3.0), f"items: 3.0 is not a list; {LIST}", each(items=3)),
    (each(items={"a": 1}), f"items: {{a: 1}} is not a list; {LIST}", each(items=[{"a": 1}])),
    (each(items="abc"), f"items: 'abc' is not a list; {LIST}", each(items=["abc"])),
    (each(items=""), f"items: '' is not a list; {LIST}", each(items=[])),
    (each(items="7"), f"items: '7' is not a list; {LIST}", each(items=7)),
    (each(items="a,b"), f"items: 'a,b' is not a list; {LIST}", each(items=["a", "b"])),
    (each(items="$${args.ids}"), f"items: '$${{args.ids}}' is not a list; {LIST}", each(items="${args.ids}")),
    (each(items="p-${args.ids}"), f"items: 'p-${{args.ids}}' is not a list; {LIST}", each(items="${args.ids}")),
    (each(items=" ${args.ids}"), f"items: ' ${{args.ids}}' is not a list; {LIST}", each(items="${args.ids}")),
    (
        each(items={"$ref": "${args.ids}", "default": []}),
        f'items: {{"$ref": "${{args.ids}}", default: []}} is not a list; {LIST}',
        each(items="${args.ids}"),
    ),
    (each(items="${args}"), f"items: args is never a list; {LIST}", each(items="${args.ids}")),
    (each(items="${trigger}"), f"items: trigger is never a list; {LIST}", each(items="${trigger.result}")),
    (each(items="${run.name}"), f"items: run.name is never a list; {LIST}", each(items=[0])),
    (
        each(items="${steps.a.result}"),
        "items: steps.a.result: there is steps in steps only; write one of args, trigger",
        each(items="${args.ids}"),
    ),
    (
        each(items="${item}"),
        "items: item: there is item in forEach.args only; write one of args, trigger",
        each(items="${args.item}"),
    ),
    (
        each(items="${ids}"),
        "items: ids: there is nothing called ids; write one of args, trigger",
        each(items="${args.ids}"),
    ),
    (each(items=-1), "items: is -1, below 0; write a number from 0 to 1000", each(items=1000)),
    (each(items=1001), f"items: has 1001 items, {FEWER}", each(items=1000)),
    (each(items=5000), f"items: has 5000 items, {FEWER}", each(items=1000)),
    (each(items=2**63), f"items: has {2**63} items, {FEWER}", each(items=1000)),
    (each(items=[0] * 1001), f"items: has 1001 items, {FEWER}", each(items=[0] * 1000)),
    (
        each(items=["a", "b" * 32 * KIB]),
        f"items[1]: has 32770 {SMALLER}",
        each(items=["a", "b" * (32 * KIB - 2)]),
    ),
    (
        each(items=[[{"deep": ["b" * 33 * KIB]}]]),
        f"items[0]: has 33807 {SMALLER}",
        each(items=[[{"deep": ["https://example.com/b"]}]]),
    ),
    (each(items=["ü" * 17_000]), f"items[0]: has 34002 {SMALLER}", each(items=["ü" * 16_000])),
    # How many at a time, how many may fail, and what then.
    (each(parallelism=0), "parallelism: 0 is too small; write a number from 1 to 1000", each(parallelism=1)),
    (each(parallelism=1001), "parallelism: 1001 is too large; write a number from 1 to", each(parallelism=1000)),
    (each(parallelism="2"), "parallelism: must be a whole number, not '2'; write parallelism: 2", each(parallelism=2)),
    (each(parallelism=True), "parallelism: must be a whole number, not true; write a num", each(parallelism=1)),
    *(
        (each(maxFailed=value), f"maxFailed: {shown} {AMOUNT}", each(maxFailed=mended))
        for value, shown, mended in (
            (-1, "-1", 0),
            (True, "true", 1),
            (False, "false", 0),
            (1.0, "1.0", 1),
            (0.1, "0.1", "10%"),
            ("3", "'3'", 3),
            ("", "''", 0),
            ("%", "'%'", "0%"),
            ("10 %", "'10 %'", "10%"),
            (" 10%", "' 10%'", "10%"),
            ("10%\n", "'10%\\n'", "10%"),
            ("-1%", "'-1%'", "0%"),
            ("101%", "'101%'", "100%"),
            ("05%", "'05%'", "5%"),
            ("2.5%", "'2.5%'", "2%"),
            ("1e1%", "'1e1%'", "10%"),
            ("١%", "'١%'", "1%"),
            ("${args.n}", "'${args.n}'", 3),
            ([], "[]", 0),
            ({}, "{}", 0),
        )
    ),
    (each(maxFailed=[3]), "maxFailed: [3] is not a number of items; write maxFailed: 3", each(maxFailed=3)),
    (
        each(failurePolicy="failFast"),
        "failurePolicy: 'failFast' is not allowed; write failurePolicy: FailFast",
        each(failurePolicy="FailFast"),
    ),
    (
        each(failurePolicy="Finish"),
        "failurePolicy: 'Finish' is not allowed; write Continue, Stop or FailFast",
        each(failurePolicy="Stop"),
    ),
    # What runs.
    (each(handler=None), 'handler: is missing; write handler: {container: {image: "busybox:1.36"}}', each(handler=C)),
    (each(handler={}), f"handler: {PART}; write one of them", each(handler=C)),
    (each(handler={**C, **TEMPLATE}), f"handler: {PART}; keep one of container or podTemplate", each(handler=TEMPLATE)),
    (
        each(handler={"container": {}}),
        "handler.container.image: is missing; name the image",
        each(handler={"container": {"image": "i"}}),
    ),
    (
        each(handler={**C, "resultFrom": "a"}),
        "handler.resultFrom: goes with podTemplate only; remove it",
        each(handler=C),
    ),
    (
        each(handler={**TEMPLATE, "resultFrom": "b"}),
        "handler.resultFrom: no container is named 'b'; name one o",
        each(handler={**TEMPLATE, "resultFrom": "a"}),
    ),
    (
        each(handler={**TEMPLATE, "pod": {}}),
        "handler.pod: goes with container, http and python only; remove it",
        each(handler=TEMPLATE),
    ),
    (
        each(handler={"python": {"source": "def handler(): pass"}}),
        "handler.python.source: handler takes no argument; write def handler(ctx)",
        each(handler={"python": {"source": "def handler(ctx): pass"}}),
    ),
    (
        each(handler={"http": {"url": "example.com"}}),
        "handler.http.url: 'example.com' is not a valid URL; write it like https://exam",
        each(handler={"http": {"url": "https://example.com"}}),
    ),
    # No composites within composites.
    (
        each(handler={**C, "steps": []}),
        "handler.steps: cannot be here, in what runs for a part",
        each(handler=C),
    ),
    (
        each(handler={**C, "forEach": {"items": 1}}),
        "handler.forEach: cannot be here, in what runs for a part",
        each(handler=C),
    ),
    (
        {"steps": [{"name": "a", **C, **each()}]},
        "steps[0].forEach: cannot be within a step: ",
        {"steps": [{"name": "a", **C}]},
    ),
    (collecting(forEach=each()["forEach"]), "collect.forEach: cannot be here, in what runs for a part", collecting()),
    # What it is given.
    (given("${steps.a.result}"), f"args.x: steps.a.result: there is steps in steps only; {HERE}", given("${args.a}")),
    (given("${cursor}"), f"args.x: cursor: there is cursor in batch only; {HERE}", given("${index}")),
    (given("${items[0]}"), f"args.x: items[0]: there is nothing called items; {HERE}", given("${item}")),
    (given("${Item}"), f"args.x: Item: there is nothing called Item; {HERE}", given("${item}")),
    (given("p-${item}"), f"args.x: 'p-${{item}}' has a reference in a part of a string; {WHOLE}", given("p-$${item}")),
    (given("${item"), "args.x: '${item' is not a reference: its } is missing; write \"${item}\"", given("${item}")),
    (given("${item.}"), "args.x: '${item.}' is not a reference; write a path like", given("${item.id}")),
    (given("${item.a b}"), "args.x: '${item.a b}' is not a reference; write a path like", given('${item["a b"]}')),
    (
        given([{"y": "${steps.a.result}"}]),
        f"args.x[0].y: steps.a.result: there is steps in steps only; {HERE}",
        given([{"y": "${item}"}]),
    ),
    (
        given({"$ref": "${item.id}"}),
        'args.x: has $ref, but is not a reference with a default; write {"$ref": "${…}", "default": …}',
        given({"$ref": "${item.id}", "default": None}),
    ),
    (
        given("${run.phase}"),
        "args.x: run.phase is known only to what comes at the end; write run.name or run.scheduledTime",
        given("${run.name}"),
    ),
    (
        given("${run.uid}"),
        "args.x: run.uid is not there; write run.name or run.scheduledTime",
        given("${run.scheduledTime}"),
    ),
    (each(args=["${item}"]), "args: must be an object, not", each(args={"x": "${item}"})),
    # What collects.
    (each(collect={}), f"collect: {ONE}; write one of them", each(collect=C)),
    (collecting(**TEMPLATE), f"collect: {ONE}; keep one of container or podTemplate", each(collect=TEMPLATE)),
    (
        collecting(task="report"),
        "collect.task: there is no such field; remove it",
        collecting(),
    ),
    (collected("${item}"), f"collect.args.x: item: there is item in forEach.args only; {ROOTS}", collected("${args}")),
    (
        collected("${index}"),
        f"collect.args.x: index: there is index in forEach.args only; {ROOTS}",
        collected("${run}"),
    ),
    (
        collected("${steps.a.phase}"),
        f"collect.args.x: steps.a.phase: there is steps in steps only; {ROOTS}",
        collected("${run.phase}"),
    ),
    (
        collected("${run.reason}"),
        "collect.args.x: run.reason is not there; write run.name or run.scheduledTime or run.phase or run.message",
        collected("${run.message}"),
    ),
    *(
        (collecting(args={name: 1}), f"collect.args.{name}: {NAMED}", collecting(args={f"own{name}": 1}))
        for name in TOTALS
    ),
    # Times.
    (each(timeout="0s"), f"timeout: {SECOND}", each(timeout="1s")),
    (collecting(timeout="0m"), f"collect.timeout: {SECOND}", collecting(timeout="1m")),
    (each(timeout=300), "timeout: 300 is not a duration; write timeout: 5m", each(timeout="5m")),
    (
        {"steps": [{"name": "a", **C, "timeout": "0s"}]},
        f"steps[0].timeout: {SECOND}",
        {"steps": [{"name": "a", **C, "timeout": "1s"}]},
    ),
    (
        {"steps": [{"name": "a", **C, "compensate": {**C, "timeout": "0s"}}]},
        f"steps[0].compensate.timeout: {SECOND}",
        {"steps": [{"name": "a", **C, "compensate": {**C, "timeout": "1s"}}]},
    ),
    # What stands beside it.
    ({**each(), **C}, f"{ONE_OF_ALL}; keep one of container or forEach", each()),
    ({**each(), "steps": [{"name": "a", **C}]}, f"{ONE_OF_ALL}; keep one of steps or forEach", each()),
    ({**each(), "onFailure": "Cancel"}, "onFailure: goes with steps only; remove it", each()),
    ({**each(), "maxParallel": 2}, "maxParallel: goes with steps only; remove it", each(parallelism=2)),
    ({**each(), "stepResultFrom": "a"}, "stepResultFrom: goes with steps only; remove it", each()),
    ({**each(), "resultFrom": "a"}, "resultFrom: goes with podTemplate only; remove it", each()),
    ({**each(), "pod": {"spec": {"restartPolicy": "Always"}}}, "pod.spec.restartPolicy: ", {**each(), "pod": {}}),
    (each(maxFails=3), "maxFails: there is no such field; write maxFailed", each(maxFailed=3)),
    (each(itemsFrom="x"), "itemsFrom: there is no such field; ", each(items="${args.x}")),
]


@pytest.mark.parametrize(("handler", "wanted", "mended"), BAD, ids=[f"{wanted[:60]}" for _, wanted, _ in BAD])
def test_what_is_wrong_is_said_and_what_is_said_is_taken(handler: Handler, wanted: str, mended: Handler) -> None:
    (found,) = said(handler)
    assert found[: len(wanted)] == wanted
    assert said(mended) == []


# Each over 64 KiB as JSON, or just not.
@pytest.mark.parametrize(
    ("large", "small"),
    [
        (given("y" * 65_500), given("y" * 65_000)),
        (given("ü" * 32_750), given("ü" * 32_500)),
        (each(items=["y" * 30 * KIB] * 3), each(items=["y" * 30 * KIB] * 2)),
        ({**each(), "pod": {"metadata": {"annotations": {"a": "y" * 65_500}}}}, {**each(), "pod": {}}),
    ],
)
def test_a_fan_out_has_a_size(large: Handler, small: Handler) -> None:
    (found,) = said(large)
    size, _, rest = found.removeprefix(" has ").partition(" ")
    # Defaults count, which are not written.
    assert 0 <= int(size) - len(orjson.dumps(large)) < 200
    assert rest == "bytes as JSON, over 65536; move code and data to ConfigMaps, or parts of it to tasks of their own"
    assert said(small) == []


def test_all_that_is_wrong_is_said_at_once() -> None:
    handler = {**each(items=True, maxFailed=True, parallelism=0, args={"x": "${no}"}, collect={}), "maxParallel": 1}
    assert [words.partition(":")[0] for words in said(handler)] == [
        *("parallelism", "maxFailed", "maxParallel", "items", "args.x", "collect"),
    ]


GOOD: list[Handler] = [
    each(items=[]),
    each(items=0),
    each(items=1000),
    each(items=[True, False, None, 1.5, -1, "", [], {}, {"a": None}]),
    # What is in a literal list is data: it is handed on as it is.
    each(items=["${item}", "${nothing}", "p-${args.x}", "$${x}", {"$ref": 1}, {"$ref": "${steps.a.result}"}]),
    each(items='${args.deep[0]["a b"].ids}'),
    each(items="${trigger.result.ids}"),
    each(items="${trigger.result[3]}"),
    each(items=[[["x"] * 5000]]),
    each(args={}),
    each(args={"all": "${item}", "id": "${item.id}", "at": "${index}", "of": "${args}", "run": "${run.name}"}),
    each(args={"literal": "$${item}", "both": "$${a} and $${b}", "cost": "$5", "none": None, "by": "${trigger}"}),
    each(args={"x": {"$ref": "${item.id}", "default": {"a": []}}}),
    each(args={"total": 1, "results": 2}),
    collecting(args={"phase": "${run.phase}", "message": "${run.message}", "args": "${args.x}", "by": "${trigger}"}),
    *(each(maxFailed=value) for value in (0, 1, 5000, "0%", "9%", "10%", "99%", "100%")),
    *(each(failurePolicy=policy) for policy in ("Continue", "Stop", "FailFast")),
    each(parallelism=1000, retry={"limit": 3, "onLost": "Fail"}, timeout="5m"),
    each(handler={"python": {"source": "def handler(ctx): pass"}, "pod": {"spec": {"nodeSelector": {"disk": "ssd"}}}}),
    each(handler={**TEMPLATE, "resultFrom": "a"}, collect={**TEMPLATE, "resultFrom": "a", "timeout": "1s"}),
    {**each(), "pod": {"spec": {"nodeSelector": {"disk": "ssd"}}}},
    {**each(handler=TEMPLATE, collect=TEMPLATE), "pod": {"spec": {"nodeSelector": {"disk": "ssd"}}}},
]


@pytest.mark.parametrize("handler", GOOD)
def test_what_is_good(handler: Handler) -> None:
    assert said(handler) == []


OF_ONE = "does not go with task: it is that of CronTask one; remove it, or set it there"
OF_TASKS: list[tuple[Handler, list[str]]] = [
    (each(handler={"task": "one"}), []),
    (each(handler={"task": "one"}, args={"id": "${item}"}, timeout="5m"), []),
    (each(handler={"task": "one"}, scheduledTime="${item}"), []),
    (each(handler={"task": "one"}, scheduledTime="${item.at}"), []),
    (each(handler={"task": "One"}), ["handler.task: 'One' is not the name of a CronTask; write its metadata.name"]),
    (each(handler={"task": "one"}, retry={"limit": 1}), [f"retry: {OF_ONE}"]),
    (each(handler={"task": "one", "container": {"image": "i"}}), [f"handler: {PART}; keep one of container or task"]),
    (each(handler={"task": "one", "pod": {}}), ["handler.pod: goes with container, http and python only; remove it"]),
    (
        each(scheduledTime="${item}"),
        ["scheduledTime: goes with handler.task only: it is the nominal time of a run of that task; rem"],
    ),
    (
        each(handler={"task": "one"}, scheduledTime="2026-03-29T01:00:00Z"),
        ["scheduledTime: '2026-03-29T01:00:00Z' is not a reference; write one to a time in the item, like"],
    ),
    (
        each(handler={"task": "one"}, scheduledTime="${steps.a.result}"),
        ["scheduledTime: steps.a.result: there is steps in steps only; write one of args, run, trigger, item, index"],
    ),
]


@pytest.mark.parametrize(("handler", "wanted"), OF_TASKS)
def test_items_that_are_runs_of_a_task(handler: Handler, wanted: list[str]) -> None:
    found = said(handler)
    assert len(found) == len(wanted)
    assert all(one.startswith(words) for one, words in zip(found, wanted, strict=True)), found
