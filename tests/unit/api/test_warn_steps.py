"""Warnings about workflows: what has no effect, what is never there, what looks like a reference where none is read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from crontask.admission import CRON_TASKS, SCHEDULED_RUNS, review
from crontask.api.names import ANNOTATION_TRIGGER
from crontask.api.validate import validate_run, validate_task
from crontask.api.validate_object import validate_object
from crontask.api.warn import run_warnings, task_warnings

C: dict[str, Any] = {"container": {"image": "busybox:1.36"}}
NOW = datetime(2026, 6, 1, tzinfo=UTC)
ALONE = "is taken as it is: a reference works in args and in when.value alone; "
IN_ARGS = f"{ALONE}write it into args of the step, which "
ONE_BY_ONE = (
    "has no effect without dependsOn in the steps, which run one after the other; write dependsOn in each step, or "
    "remove it"
)


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, **C, **fields}


def of_task(*steps: dict[str, Any], beside: dict[str, Any] | None = None, **spec: Any) -> list[str]:
    """The warnings of a task that is a workflow, on demand unless it says otherwise."""
    parsed, problems = validate_task({"handler": {"steps": list(steps), **(beside or {})}, **spec}, "n/t")
    assert parsed is not None, problems
    return [str(warning).removeprefix("spec.") for warning in task_warnings(parsed)]


def of_run(*steps: dict[str, Any], annotations: dict[str, str] | None = None, **spec: Any) -> list[str]:
    """The same of a run with a handler of its own."""
    parsed, problems = validate_run({"handler": {"steps": list(steps)}, **spec})
    assert parsed is not None, problems
    return [str(warning).removeprefix("spec.") for warning in run_warnings(parsed, annotations)]


def same(found: list[str], wanted: list[str]) -> None:
    assert [words[: len(start)] for words, start in zip(found, wanted, strict=True)] == wanted


# --- what has no effect ----------------------------------------------------------------------------------------------

STEPS_0 = "handler.steps[0]."


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"compensateWhen": "Started", "compensate": C}, []),
        # The API server fills it in.
        ({"compensateWhen": "Acted"}, []),
        (
            {"compensateWhen": "Started"},
            [f"{STEPS_0}compensateWhen: has no effect without compensate; write compensate, with what undoes the step"],
        ),
        ({"continueOnFailure": True, "delay": "5s"}, []),
        ({"always": True, "continueOnFailure": False, "timeout": "5s"}, []),
        (
            {"always": True, "continueOnFailure": True},
            [f"{STEPS_0}continueOnFailure: has no effect with always: if the step fails, so does a workflow that had"],
        ),
        (
            {"always": True, "delay": "5s"},
            [f"{STEPS_0}delay: has no effect with always: the step runs when all others have ended; remove it"],
        ),
    ],
)
def test_what_has_no_effect_in_a_step(fields: dict[str, Any], wanted: list[str]) -> None:
    same(of_task(step("a", **fields)), wanted)
    same(of_run(step("a", **fields)), wanted)


@pytest.mark.parametrize(
    ("beside", "wanted"),
    [
        ({"onFailure": "Finish", "stepResultFrom": "a"}, []),
        ({"onFailure": "Cancel"}, [f"handler.onFailure: {ONE_BY_ONE}"]),
        ({"maxParallel": 2}, [f"handler.maxParallel: {ONE_BY_ONE}"]),
        (
            {"stepResultFrom": "z"},
            ["handler.stepResultFrom: names a step that has always: the run ends without a result; name another step"],
        ),
    ],
)
def test_what_has_no_effect_beside_a_list_of_steps(beside: dict[str, Any], wanted: list[str]) -> None:
    always = step("z", always=True)
    assert of_task(step("a"), always, beside=beside) == wanted
    of_a_graph = [words for words in wanted if "dependsOn" not in words]
    assert of_task(step("a", dependsOn=[]), always, beside=beside) == of_a_graph


CONSTANT = f"{STEPS_0}when.value: is the same in each run, as it has no reference: the step"


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        ({"value": "${args.x}", "in": [1]}, []),
        ({"value": ["a", {"b": "${args.x}"}], "notIn": [1]}, []),
        ({"value": {"$ref": "${args.x}", "default": 1}, "in": [1]}, []),
        ({"value": 1, "in": [1]}, [f'{CONSTANT} always runs; write a reference, like value: "${{args.full}}", or rem']),
        ({"value": True, "in": [1]}, [f"{CONSTANT} never runs"]),
        ({"value": "args.x", "in": ["full"]}, [f"{CONSTANT} never runs"]),
        ({"value": [None], "notIn": []}, [f"{CONSTANT} always runs"]),
        # As it is compared.
        ({"value": "$${args.x}", "notIn": ["${args.x}", 1]}, [f"{STEPS_0}when.notIn[0]: ", f"{CONSTANT} never runs"]),
        (
            {"value": "${args.x}", "in": [1, "${args.y}", ["${steps.a.result}"]]},
            [
                f"{STEPS_0}when.in[1]: '${{args.y}}' is taken as it is: it is compared with, and no reference is",
                f"{STEPS_0}when.in[2][0]: '${{steps.a.result}}' is taken as it is",
            ],
        ),
        (
            {"value": "{{args.x}}", "in": [1]},
            [f"{STEPS_0}when.value: '{{{{args.x}}}}' is handed over as it is; write \"${{args.x}}\"", CONSTANT],
        ),
    ],
)  # fmt: skip
def test_a_condition_without_a_reference(when: dict[str, Any], wanted: list[str]) -> None:
    same(of_task(step("a", when=when)), wanted)


# --- references to what is not there ---------------------------------------------------------------------------------

BY_ITSELF: list[dict[str, Any]] = [
    {"schedule": "@daily"},
    {"schedules": ["@daily"]},
    {"interval": "5m"},
    {"delay": "5m"},
    {"after": {"task": "x"}},
]
BROUGHT = "is missing where no ScheduledRun brings it: "


@pytest.mark.parametrize("timing", BY_ITSELF, ids=lambda timing: str(next(iter(timing))))
@pytest.mark.parametrize(
    ("reference", "wanted"),
    [
        ("${args.region}", []),
        ("${args.db.host}", []),
        ("${args}", []),
        # Known to the schema.
        ("${args.mode}", []),
        ("${args.deep.er}", []),
        ({"$ref": "${args.gone}", "default": None}, []),
        ("${args.regoin}", [f"args.regoin {BROUGHT}args has the keys region, db; did you mean args.region?"]),
        ("${args.moed}", [f"args.moed {BROUGHT}args has the keys region, db; did you mean args.mode?"]),
        ("${args.gone}", [f"args.gone {BROUGHT}args has the keys region, db; add it to spec.args, or write a default"]),
        ('${args["a: b"]}', [f'args["a: b"] {BROUGHT}args has the keys region, db; add it']),
        ("${args.db.hots}", [f"args.db.hots {BROUGHT}args.db has the keys host; add it to spec.args"]),
        ("${args.region[0]}", [f"args.region[0] {BROUGHT}args.region is 'eu'; add it"]),
    ],
)  # fmt: skip
def test_args_that_neither_the_task_nor_its_schema_has(
    timing: dict[str, Any], reference: Any, wanted: list[str]
) -> None:
    schema: dict[str, Any] = {
        "properties": {"mode": {}},
        "anyOf": [{"required": ["deep"]}, {"properties": {"x": {"type": "object"}}}],
    }
    known: dict[str, Any] = {
        "args": {"region": "eu", "db": {"host": "x"}},
        "argsSchema": {**schema, "additionalProperties": True},
    }
    mounts = [
        (step("a", args={"x": [reference]}), "args.x[0]"),
        (step("a", when={"value": reference, "in": [1]}), "when.value"),
        (step("a", compensate={**C, "args": {"x": reference}}), "compensate.args.x"),
    ]
    known["argsSchema"]["not"] = {"required": ["nothing"]}
    for one, where in mounts:
        same(of_task(one, **known, **timing), [f"{STEPS_0}{where}: {words}" for words in wanted])
        # Whoever starts a run of it may bring anything.
        assert of_task(one, **known) == []


def test_args_of_a_schema_that_may_allow_any() -> None:
    schema: dict[str, Any]
    for schema in ({"patternProperties": {"^g": {}}}, {"allOf": [{"$ref": "#/$defs/x"}], "$defs": {"x": {}}}):
        assert of_task(step("a", args={"x": "${args.gone}"}), interval="5m", argsSchema=schema) == []
    assert len(of_task(step("a", args={"x": "${args.gone}"}), interval="5m", argsSchema={"type": "object"})) == 1


def test_args_that_a_run_of_its_own_handler_does_not_have() -> None:
    found = of_run(step("a", args={"x": "${args.gone}", "y": "${args.b}"}), args={"b": 1})
    assert found == [
        f"{STEPS_0}args.x: args.gone is missing: args has the keys b; add it to spec.args, or write a default"
    ]


CAUSED = "only what after or onComplete has started has a trigger; write a default, or another reference"
UNTRIGGERED = f"is missing in the runs that the task starts by itself: {CAUSED}"


@pytest.mark.parametrize(
    ("reference", "of_its_own", "of_a_run"),
    [
        ("${trigger.result.id}", [f"trigger.result.id {UNTRIGGERED}"], [f"trigger.result.id is missing: {CAUSED}"]),
        # Null for most runs, and what somebody else's onComplete hands over for some.
        ("${trigger}", [], [f"trigger is missing: {CAUSED}"]),
        ({"$ref": "${trigger.result}", "default": 1}, [], []),
    ],
)
def test_a_trigger_that_nothing_has(reference: Any, of_its_own: list[str], of_a_run: list[str]) -> None:
    one, where = step("a", args={"x": reference}), f"{STEPS_0}args.x: "
    for timing in BY_ITSELF:
        wanted = of_its_own if "after" not in timing else []
        assert of_task(one, **timing) == [f"{where}{words}" for words in wanted]
    assert of_task(one) == []
    assert of_run(one) == [f"{where}{words}" for words in of_a_run]
    assert of_run(one, annotations={ANNOTATION_TRIGGER: "{}"}) == []


def test_a_field_that_no_trigger_has() -> None:
    one = step("a", args={"x": "${trigger.resutl}", "y": "${trigger.completionTime}"})
    words = "trigger.resutl is not there; write trigger.cause, task, run, runUid, phase, completionTime, message, res"
    for found in (of_task(one), of_task(one, after={"task": "x"}), of_run(one, annotations={ANNOTATION_TRIGGER: ""})):
        same(found, [f"{STEPS_0}args.x: {words}"])


# --- what looks like a reference where none is read ------------------------------------------------------------------


COMPUTED = """\
def handler(ctx):
    "Of ${args.x}."
    # ${args.x}
    return f"${ctx.args.x}, ${run.cost}"
"""


@pytest.mark.parametrize(
    ("handler", "wanted"),
    [
        (
            {"container": {"image": "i", "command": ["sh", "-c", "echo a ${steps.a.result.n} b"]}},
            [f"container.command[2]: '${{steps.a.result.n}}' {IN_ARGS}the pod is given as JSON in CRONTASK_ARGS"],
        ),
        ({"container": {"image": "i:${args.tag}"}}, ["container.image: '${args.tag}' is taken as it is"]),
        ({"container": {"image": "i", "args": ["${ run.name }"]}}, ["container.args[0]: '${ run.name }' is taken"]),
        (
            {"container": {"image": "i", "env": [{"name": "A", "value": "{{ inputs.parameters.x }}"}]}},
            ["container.env[0].value: '{{ inputs.parameters.x }}' is taken as it is"],
        ),
        (
            {**C, "pod": {"metadata": {"labels": {"a": "${args.x}"}}}},
            ["pod.metadata.labels.a: '${args.x}' is taken as it is"],
        ),
        (
            {"podTemplate": {"spec": {"containers": [{"name": "c", "image": "i", "args": ["${item.id}"]}]}}},
            ["podTemplate.spec.containers[0].args[0]: '${item.id}' is taken as it is"],
        ),
        # A shell's own, an escape, a template of another tool.
        ({"container": {"image": "i", "args": ["${item} ${args[0]} ${size} ${run:-1} ${HOME} $${steps.a.x}"]}}, []),
        ({"container": {"image": "i", "args": ["docker ps --format '{{.Names}}' {{ item_count }} {{ env.X }}"]}}, []),
        ({"container": {"image": "i", "args": ["$(steps.x) $steps.x ${log.level} ${my.args.x}"]}}, []),
        (
            {"http": {"url": "https://x/${args.id}"}},
            [f"http.url: '${{args.id}}' {ALONE}build the call in a step with python, which is handed its args"],
        ),
        (
            {"http": {"url": "https://x", "headers": [{"name": "A", "value": "${item}"}], "body": "{{item}}"}},
            [
                "http.headers[0].value: '${item}' is taken as it is",
                f"http.body: '{{{{item}}}}' {IN_ARGS}are the body where none is written",
            ],
        ),
        (
            {"python": {"source": "def handler(ctx):\n    return '${steps.a.result}'\n"}},
            [f"python.source: '${{steps.a.result}}' {IN_ARGS}are handed to the function"],
        ),
        # Computed, described, remarked.
        (
            {"python": {"source": COMPUTED}},
            [],
        ),
        ({"python": {"source": "match = '${args.x}' of another Python", "image": "i"}}, []),
    ],
)
def test_what_looks_like_a_reference_in_what_a_step_runs(handler: dict[str, Any], wanted: list[str]) -> None:
    same(of_task({"name": "a", **handler}), [f"{STEPS_0}{words}" for words in wanted])
    same(of_task(step("a", compensate=handler)), [f"{STEPS_0}compensate.{words}" for words in wanted])


def test_what_looks_like_a_reference_beside_the_steps() -> None:
    pod = {"spec": {"containers": [{"name": "main", "env": [{"name": "A", "value": "${args.x}"}]}]}}
    same(of_task(step("a"), beside={"pod": pod}), ["handler.pod.spec.containers[0].env[0].value: '${args.x}' is taken"])
    data = {"x": ["${run.name}"], "y": "$${run.name}", "z": "{{ steps.a.result }}", "w": "${HOME}"}
    fix = "is taken as it is: args of the whole are data; write it into args of the steps that need it"
    wanted = [f"args.x[0]: '${{run.name}}' {fix}", f"args.z: '{{{{ steps.a.result }}}}' {fix}"]
    assert of_task(step("a"), args=data) == wanted
    assert of_run(step("a"), args=data) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{steps.a.outputs.parameters.id}}", '; write "${steps.a.result.id}"'),
        ("{{ inputs.parameters.region }}", '; write "${args.region}"'),
        ("{{ workflow.name }}", '; write "${run.name}"'),
        ("{{ args.n | default(3) }}", '; write {"$ref": "${args.n}", "default": 3}'),
        ("$(tasks.a.results.id)", '; write "${steps.a.result.id}"'),
        ("$(params.region)", '; write "${args.region}"'),
        ("$steps.a.result", '; write "${steps.a.result}"'),
        ("all of {{ item.id }}", '; write a reference, like "${steps.fetch.result.id}"'),
    ],
)
def test_a_reference_of_another_tool_in_args(text: str, wanted: str) -> None:
    for one, where in (
        (step("a", args={"x": [text]}), "args.x[0]"),
        (step("a", compensate={**C, "args": {"x": text}}), "compensate.args.x"),
    ):
        (found,) = of_task(one)
        assert found.startswith(f"{STEPS_0}{where}: '")
        assert found.endswith(f" is handed over as it is{wanted}")


@pytest.mark.parametrize(
    "text", ["{{ name }}", "{{.Values.x}}", "$5.00", "$(date)", "{steps.a}", "$STEPS", "steps.a.result"]
)
def test_other_texts_in_args(text: str) -> None:
    assert of_task(step("a", args={"x": text, text: 1})) == []


# --- who says so -----------------------------------------------------------------------------------------------------


def test_admission_and_validate_say_the_same() -> None:
    flow = {"handler": {"steps": [step("a", args={"x": "${trigger.result}"})]}}
    for annotations, seen in (({}, 1), ({ANNOTATION_TRIGGER: "{}"}, 0)):
        document = {"metadata": {"name": "a", "annotations": annotations}, "spec": flow}
        told = review(SCHEDULED_RUNS, document, None, NOW)
        warned = validate_object(document, "ScheduledRun", NOW).warnings
        assert (told.refusal, len(told.warnings)) == (None, seen)
        assert tuple(map(str, warned)) == told.warnings
    document = {"metadata": {"name": "a"}, "spec": {**flow, "interval": "5m"}}
    (warning,) = review(CRON_TASKS, document, None, NOW).warnings
    assert warning == str(validate_object(document, "CronTask", NOW).warnings[0])


def test_other_handlers_are_not_looked_into() -> None:
    spec = {
        "handler": {"container": {"image": "i", "args": ["${args.x}"]}},
        "interval": "5m",
        "args": {"x": "${run.name}"},
    }
    parsed, _ = validate_task(spec, "n/t")
    assert parsed is not None
    assert task_warnings(parsed) == ()


# --- fan-outs and batches --------------------------------------------------------------------------------------------

ECHO: dict[str, Any] = {"container": {"image": "busybox:1.36", "command": ["echo", "${item.id}"]}}
BATCH_ECHO: dict[str, Any] = {"container": {"image": "busybox:1.36", "command": ["echo", "${batch.x}"]}}
CALL: dict[str, Any] = {"http": {"urlTemplate": "https://example.com/{id}"}}
ARGS_ALONE = "is taken as it is: a reference works in args alone; write it into args of"


def of_parts(handler: dict[str, Any], **spec: Any) -> list[str]:
    """The warnings of a run with that handler."""
    parsed, problems = validate_run({"handler": handler, **spec})
    assert parsed is not None, problems
    return [str(warning).removeprefix("spec.") for warning in run_warnings(parsed, None)]


def each(handler: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"forEach": {"items": [1], "handler": handler or C, **fields}}


def in_batches(handler: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"batch": {"size": 1, "handler": handler or C, **fields}}


@pytest.mark.parametrize(
    ("handler", "wanted"),
    [
        (each(args={"id": "${item.id}"}), []),
        (
            each(ECHO),
            [f"handler.forEach.handler.container.command[1]: '${{item.id}}' {ARGS_ALONE} forEach"],
        ),
        (
            each(collect=ECHO),
            [f"handler.forEach.collect.container.command[1]: '${{item.id}}' {ARGS_ALONE} collect"],
        ),
        (
            in_batches(BATCH_ECHO),
            [f"handler.batch.handler.container.command[1]: '${{batch.x}}' {ARGS_ALONE} batch"],
        ),
        (
            {**each(), "pod": {"metadata": {"annotations": {"a": "${item.id}"}}}},
            [f"handler.pod.metadata.annotations.a: '${{item.id}}' {ARGS_ALONE} forEach"],
        ),
        (each(args={"id": "$item.id"}), ["handler.forEach.args.id: '$item.id' is handed over as it is; write"]),
        (in_batches(args={"x": "{{ item }}"}), ["handler.batch.args.x: '{{ item }}' is handed over as it is; write"]),
        (
            each(args={"id": "${args.none}"}),
            ["handler.forEach.args.id: args.none is missing: args is an empty object; add it to spec.args"],
        ),
        (
            each(items="${args.ids}"),
            ["handler.forEach.items: args.ids is missing: args is an empty object; add it to spec.args"],
        ),
        (
            each(collect={**C, "args": {"x": "${args.none}"}}),
            ["handler.forEach.collect.args.x: args.none is missing: args is an empty object; add it to spec.args"],
        ),
        (
            in_batches(args={"x": "${trigger.phase}"}),
            ["handler.batch.args.x: trigger.phase is missing: only what after or onComplete has started has a trigger"],
        ),
        (
            in_batches(args={"x": "${args.none}", "y": {"$ref": "${args.more}", "default": 1}, "z": "${cursor.page}"}),
            ["handler.batch.args.x: args.none is missing: args is an empty object; add it to spec.args"],
        ),
        (
            each(CALL),
            ["handler.forEach.handler.http.urlTemplate: names id, for which spec.args has no value"],
        ),
        (each(CALL, args={"id": "${item}"}), []),
        (
            each(CALL, args={"x": 1}),
            ["handler.forEach.handler.http.urlTemplate: names id, for which spec.handler.forEach.args has no"],
        ),
        (each(collect={"http": {"urlTemplate": "https://example.com/{total}/{failed}"}}), []),
        (
            each(collect=CALL),
            ["handler.forEach.collect.http.urlTemplate: names id, for which spec.handler.forEach.collect.args"],
        ),
    ],
)
def test_what_is_said_of_steps_is_said_of_items_and_batches(handler: dict[str, Any], wanted: list[str]) -> None:
    same(of_parts(handler), wanted)


@pytest.mark.parametrize(("handler", "who"), [(each(), "forEach"), (in_batches(), "batch")])
def test_args_of_the_whole_are_data(handler: dict[str, Any], who: str) -> None:
    wanted = "args.x: '${item.id}' is taken as it is: args of the whole are data; write it into args of " + who
    same(of_parts(handler, args={"x": "${item.id}"}), [wanted])


def test_a_call_of_a_fan_out_cannot_be_built_of_a_reference() -> None:
    handler = each({"http": {"url": "https://example.com", "headers": [{"name": "A", "value": "${item.id}"}]}})
    wanted = (
        "handler.forEach.handler.http.headers[0].value: '${item.id}' is taken as it is: a reference works in args alone"
    )
    same(of_parts(handler), [f"{wanted}; build the call in forEach with python, which is handed its args"])


# --- what is known before the run ------------------------------------------------------------------------------------

NO_LIST = "neither a list nor how many there are: the run would fail"
ITEMS = "handler.forEach.items: args.ids"
DAYS = "handler.forEach.scheduledTime: ${item} is"


def of_object(kind: str, **spec: Any) -> list[str]:
    verdict = validate_object({"metadata": {"name": "a"}, "spec": spec}, kind, NOW)
    assert verdict.problems == ()
    return [str(warning).removeprefix("spec.") for warning in verdict.warnings]


@pytest.mark.parametrize(
    ("ids", "wanted"),
    [
        (["1"], []),
        (3, []),
        ("1, 2", [f'{ITEMS} is \'1, 2\', {NO_LIST}; write a list there, like ids: ["1", "2"]']),
        ("a", [f"{ITEMS} is 'a', {NO_LIST}; write a list there, like ids: [a, b]"]),
        (True, [f"{ITEMS} is true, {NO_LIST}"]),
        ({"a": 1}, [f"{ITEMS} is {{a: 1}}, {NO_LIST}"]),
        (-1, [f"{ITEMS} is -1, below 0: the run would fail; write a number from 0 to 1000"]),
        (2000, [f"{ITEMS} has 2000 items, over 1000: the run would fail; hand over fewer"]),
        ([1, "x" * 40000], [f"{ITEMS}[1] has 40002 bytes as JSON, over 32768: the run would fail; hand over a ref"]),
    ],
)
def test_items_that_args_are(ids: Any, wanted: list[str]) -> None:
    handler = each(items="${args.ids}")
    same(of_object("ScheduledRun", handler=handler, args={"ids": ids}), wanted)
    # Whoever starts a run of this task may bring others.
    assert of_object("CronTask", handler=handler, args={"ids": ids}) == []
    by_itself = of_object("CronTask", handler=handler, args={"ids": ids}, interval="5m")
    assert ["the run would fail where no ScheduledRun brings another" in words for words in by_itself] == [
        True for _ in wanted
    ]


@pytest.mark.parametrize(
    ("items", "wanted"),
    [
        (["2026-01-01T00:00:00Z", "2026-05-31T02:00:00+02:00"], []),
        (["2026-01-01T00:00:00Z", "2026-01-02"], [f"{DAYS} '2026-01-02' for item 1, which is not a time: the item wo"]),
        (["2026-01-01T00:00:00"], [f"{DAYS} '2026-01-01T00:00:00' for item 0, which is not a time"]),
        (2, [f"{DAYS} 0 for item 0, which is not a time: the item would fail; write times in UTC, like 2026"]),
        (["2026-06-01T00:00:01Z"], [f"{DAYS} '2026-06-01T00:00:01Z' for item 0, which is in the future: its run wo"]),
        ("${args.days}", [f"{DAYS} 'x' for item 0, which is not a time"]),
        ("${args.none}", ["handler.forEach.items: args.none is missing"]),
    ],
)
def test_days_that_are_written_out(items: Any, wanted: list[str]) -> None:
    handler = {"forEach": {"items": items, "handler": {"task": "b"}, "scheduledTime": "${item}"}}
    same(of_object("ScheduledRun", handler=handler, args={"days": ["x"]}), wanted)


def test_what_is_wrong_with_items_is_not_said_once_more() -> None:
    for items in ("${args}", "${run.name}", "x", {"a": 1}, 10**9, -1, None, True, [1] * 2000):
        handler = {"forEach": {"items": items, "handler": {"task": "b"}, "scheduledTime": "${trigger.phase}"}}
        spec = {"handler": handler, "interval": "5m", "args": {"list": ["x"]}}
        assert validate_object({"metadata": {"name": "a"}, "spec": spec}, "CronTask", NOW).problems
    parts = of_object("ScheduledRun", handler=each(items="${args.list[0]}"), args={"list": ["x"]})
    assert parts == [f"handler.forEach.items: args.list[0] is 'x', {NO_LIST}; write a list there"]


def test_days_within_items_that_are_written_out() -> None:
    days: list[Any] = [{"day": "2026-01-01T00:00:00Z"}, {"day": 5}]
    handler = {"forEach": {"items": "${args.days}", "handler": {"task": "b"}, "scheduledTime": "${item.day}"}}
    wanted = "handler.forEach.scheduledTime: ${item.day} is 5 for item 1, which is not a time"
    same(of_object("ScheduledRun", handler=handler, args={"days": days}), [wanted])
    assert of_object("ScheduledRun", handler=handler, args={"days": days[:1]}) == []
    # Whoever starts a run of this task may bring others.
    assert of_object("CronTask", handler=handler, args={"days": days}) == []


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        (
            {"value": "${args.region}", "in": ["eu"]},
            ["args.region is 'eu' in this run: the step always runs; remove w"],
        ),
        (
            {"value": "${args.region}", "notIn": ["eu"]},
            ["args.region is 'eu' in this run: the step never runs; remove"],
        ),
        (
            {"value": {"$ref": "${args.no}", "default": 1}, "in": [1]},
            ["args.no is 1 in this run: the step always runs"],
        ),
        ({"value": "${args.no}", "in": [1]}, ["args.no is missing"]),
        ({"value": "${run.name}", "in": ["a"]}, []),
    ],
)
def test_a_condition_of_args_that_are_written_beside_it(when: dict[str, Any], wanted: list[str]) -> None:
    found = of_run(step("a", when=when), args={"region": "eu"})
    same(found, [f"{STEPS_0}when.value: {words}" for words in wanted])
    assert of_task(step("a", when=when), args={"region": "eu"}) == []


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        ({"value": "${steps.a.phase}", "in": ["Succeeded", "NotReached"]}, []),
        ({"value": {"$ref": "${steps.a.phase}", "default": "none"}, "in": ["none"]}, []),
        ({"value": "${steps.a.result.phase}", "in": ["done"]}, []),
        ({"value": ["${steps.a.phase}", {"$ref": "${steps.a.phase}", "default": 1}], "in": [["x", 1]]}, []),
        ({"value": "${steps.a.phase}", "in": ["Failed", "Succeded"]}, ["in[1]: 'Succeded' is not a phase; did"]),
        ({"value": "${steps.a.phase}", "notIn": ["timed out"]}, ["notIn[0]: 'timed out' is not a phase; did you"]),
        ({"value": "${steps.a.phase}", "in": [True]}, ["in[0]: true is not a phase; write Pending, "]),
    ],
)  # fmt: skip
def test_a_phase_that_there_is_not(when: dict[str, Any], wanted: list[str]) -> None:
    same(of_task(step("a"), step("b", when=when)), [f"handler.steps[1].when.{words}" for words in wanted])


def test_a_phase_that_no_run_has() -> None:
    when = {"value": "${run.phase}", "in": ["Faild"]}
    wanted = [f"{STEPS_0}when.in[0]: 'Faild' is not a phase; did you mean Failed?"]
    assert of_task(step("a", always=True, when=when), step("b")) == wanted


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (["echo", "${item}"], "${item}"),
        (["sh", "-c", "run ${ index }"], "${ index }"),
        (["echo", "$${item}"], None),
        (["sh", "-c", "item=$(next); echo ${item}"], None),
        (["sh", "-c", "for item in 1 2; do echo ${item}; done"], None),
        (["sh", "-c", "while read -r item; do echo ${item}; done"], None),
        # Of batches, and not of items.
        (["echo", "${cursor}"], None),
    ],
)
def test_what_would_be_a_variable_of_a_shell_elsewhere(command: list[str], wanted: str | None) -> None:
    container = {"image": "i", "command": command}
    found = of_parts(each({"container": container}))
    where = "handler.forEach.handler.container.command["
    assert [words.startswith(where) and repr(wanted) in words for words in found] == ([True] if wanted else [])
    named = {**container, "env": [{"name": "item", "value": "x"}, {"name": "index", "value": "1"}]}
    assert of_parts(each({"container": named})) == []
    # A step has no item, and its shell may have one.
    assert of_task(step("a", container=container)) == []


def test_the_cursor_in_the_command_of_a_batch() -> None:
    (found,) = of_parts(in_batches({"container": {"image": "i", "command": ["echo", "${cursor}"]}}))
    assert found.startswith(
        "handler.batch.handler.container.command[1]: '${cursor}' is taken as it is: a reference wor"
    )


def test_the_latest_definition_of_a_run_without_a_task() -> None:
    asked = {"name": "x", "definition": "Latest"}
    (found,) = of_object("ScheduledRun", rerunOf=asked)
    assert found.startswith("rerunOf.definition: has no effect without taskRef: a run with a handler of its own has no")
    assert of_object("ScheduledRun", rerunOf=asked, taskRef={"name": "t"}) == []
