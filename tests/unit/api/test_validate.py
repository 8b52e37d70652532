"""Each problem says what is wrong, where, and what to write instead."""

from typing import Any

import pytest

from crontask.api.validate import validate_run, validate_task

CONTAINER = {"container": {"image": "busybox:1.36"}}
TEMPLATE = {"podTemplate": {"spec": {"containers": [{"name": "a", "image": "i"}]}}}


@pytest.mark.parametrize(
    ("spec", "path", "fix"),
    [
        (None, "spec", "under spec:"),
        ({}, "spec.handler", ""),
        ({"handler": {}}, "spec.handler", "write one of them, like container: {"),
        ({"handler": {**CONTAINER, **TEMPLATE}}, "spec.handler", "keep one of container or podTemplate"),
        ({"handler": {"container": {}}}, "spec.handler.container.image", "busybox"),
        ({"handler": {"container": {"image": "i", "name": "n"}}}, "spec.handler.container.name", "remove it"),
        ({"handler": {"podTemplate": {}}}, "spec.handler.podTemplate.spec.containers", "at least one container"),
        ({"handler": {**TEMPLATE, "resultFrom": "b"}}, "spec.handler.resultFrom", "name one of a"),
        ({"handler": CONTAINER, "schedule": "* * *"}, "spec.schedule", ""),
        ({"handler": CONTAINER, "schedule": "@every 5m"}, "spec.schedule", "interval"),
        ({"handler": CONTAINER, "schedule": "TZ=UTC * * * * *"}, "spec.schedule", "timeZone"),
        ({"handler": CONTAINER, "timeZone": "Europe/Berln"}, "spec.timeZone", "Europe/Berlin"),
        ({"handler": CONTAINER, "interval": "5 min"}, "spec.interval", "write interval: 5m"),
        ({"handler": CONTAINER, "interval": "soon"}, "spec.interval", "90s"),
        ({"handler": CONTAINER, "interval": "0s"}, "spec.interval", "at least 1s"),
        ({"handler": CONTAINER, "interval": "5s", "schedule": "@daily"}, "spec", "keep one of schedule and interval"),
        ({"handler": CONTAINER, "args": {"x": "y" * 110_000}}, "spec.args", "reference"),
        ({"handler": CONTAINER, "concurrency": {"policy": "Never"}}, "spec.concurrency.policy", ""),
    ],
)
def test_problems_of_a_task(spec: Any, path: str, fix: str) -> None:
    parsed, problems = validate_task(spec, "n/t")
    assert parsed is None
    found = [problem for problem in problems if problem.path == path]
    assert found, problems
    assert fix in found[0].fix
    assert found[0].message


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({}, "spec"),
        ({"taskRef": {"name": "t"}, "handler": CONTAINER}, "spec"),
        ({"taskRef": {"name": "t"}, "at": "2030-01-01T00:00:00Z", "delay": "5s"}, "spec"),
        ({"taskRef": {"name": "t"}, "at": "2030-01-01T00:00:00"}, "spec.at"),
        ({"handler": {}}, "spec.handler"),
    ],
)
def test_problems_of_a_run(spec: Any, path: str) -> None:
    parsed, problems = validate_run(spec)
    assert parsed is None
    assert path in [problem.path for problem in problems]


def test_every_problem_is_found_at_once() -> None:
    _, problems = validate_task({"handler": {}, "schedule": "61 * * * *", "timeZone": "Mars"}, "n/t")
    assert {problem.path for problem in problems} == {"spec.handler", "spec.schedule", "spec.timeZone"}


_SCHEMA = {"properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"argsSchema": {"type": "strin"}}, "spec.argsSchema.type: must be array, boolean"),
        ({"resultSchema": {"$ref": "https://example.com/x"}}, "spec.resultSchema: $ref https://example.com/x leads"),
        (
            {"argsSchema": _SCHEMA, "args": {"n": "1"}, "schedule": "@daily"},
            "spec.args.n: must be a whole number, not '1'",
        ),
        ({"argsSchema": _SCHEMA, "interval": "5s"}, "spec.args.n: is missing"),
        # Of a task on demand, each run may bring what is missing.
        ({"argsSchema": _SCHEMA}, ""),
        ({"argsSchema": _SCHEMA, "args": {"n": 1}, "schedule": "@daily"}, ""),
    ],
)
def test_schemas_and_the_args_that_a_task_starts_with_by_itself(spec: dict[str, Any], told: str) -> None:
    _, problems = validate_task({"handler": CONTAINER, **spec}, "n/t")
    assert [str(problem)[: len(told)] for problem in problems] == ([told] if told else [])


def _template(**spec: Any) -> dict[str, Any]:
    return {"podTemplate": {"spec": {"containers": [{"name": "a", "image": "i"}], **spec}}}


NEVER = "must be Never, not 'OnFailure': attempts are made by spec.retry; write restartPolicy: Never, or leave it out"
NOT_YOURS = "begins with CRONTASK_, as the variables do that crontask sets; write another name, like APP_"


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        (_template(restartPolicy="OnFailure"), [f"podTemplate.spec.restartPolicy: {NEVER}"]),
        (_template(restartPolicy="Never"), []),
        (
            _template(containers=[{"name": "a", "image": "i", "restartPolicy": "OnFailure"}]),
            [f"podTemplate.spec.containers[0].restartPolicy: {NEVER}"],
        ),
        (
            _template(initContainers=[{"name": "b", "restartPolicy": "OnFailure"}]),
            ["podTemplate.spec.initContainers[0].restartPolicy: must be Never or Always, not 'OnFailure': attempts"],
        ),
        # A sidecar.
        (_template(initContainers=[{"name": "b", "image": "i", "restartPolicy": "Always"}]), []),
        (
            _template(containers=[{"name": "a", "restartPolicyRules": [{"action": "Restart"}]}]),
            ["podTemplate.spec.containers[0].restartPolicyRules: would restart the container within its pod, beside"],
        ),
        ({"container": {"image": "i", "restartPolicy": "OnFailure"}}, [f"container.restartPolicy: {NEVER}"]),
        ({**CONTAINER, "pod": {"spec": {"restartPolicy": "OnFailure"}}}, [f"pod.spec.restartPolicy: {NEVER}"]),
        (
            {"container": {"image": "i", "env": [{"name": "A"}, {"name": "CRONTASK_ATTEMPT", "value": "1"}]}},
            [f"container.env[1].name: 'CRONTASK_ATTEMPT' {NOT_YOURS}ATTEMPT"],
        ),
        (
            _template(initContainers=[{"name": "b", "env": [{"name": "CRONTASK_"}]}]),
            [f"podTemplate.spec.initContainers[0].env[0].name: 'CRONTASK_' {NOT_YOURS}NAME"],
        ),
        (
            {**CONTAINER, "pod": {"spec": {"containers": [{"name": "main", "env": [{"name": "CRONTASK_RUN"}]}]}}},
            [f"pod.spec.containers[0].env[0].name: 'CRONTASK_RUN' {NOT_YOURS}RUN"],
        ),
        # All of them at once.
        (
            _template(restartPolicy="OnFailure", containers=[5, {"name": 5, "env": 5, "restartPolicy": "OnFailure"}]),
            [
                f"podTemplate.spec.restartPolicy: {NEVER}",
                "podTemplate.spec.containers[0]: must be an object, not 5; write a container with a name",
                "podTemplate.spec.containers[1].name: must be a string, not 5; write it in quotes",
                f"podTemplate.spec.containers[1].restartPolicy: {NEVER}",
                "podTemplate.spec.containers[1].env: must be a list of variables; write each as - name: A and value: a",
            ],
        ),
    ],
)
@pytest.mark.parametrize("of_run", [False, True])
def test_what_crontask_decides_about_a_pod_is_not_decided_in_it(
    of_run: bool, handler: dict[str, Any], told: list[str]
) -> None:
    spec = {"handler": handler}
    problems = (validate_run(spec) if of_run else validate_task(spec, "n/t"))[1]
    found = [str(problem).removeprefix("spec.handler.") for problem in problems]
    assert [text[: len(words)] for text, words in zip(found, told, strict=True)] == told


@pytest.mark.parametrize(
    ("args", "path"),
    [({"x": ["a\ud800"]}, "spec.args.x[0]"), ({"x": {"\udfff": 1}}, r"spec.args.x.\udfff")],
)
def test_half_of_a_character_is_told_from_what_is_nested_too_deeply(args: dict[str, Any], path: str) -> None:
    _, problems = validate_task({"handler": {"container": {"image": "i"}}, "args": args}, "n/t")
    assert [str(problem) for problem in problems] == [
        f"{path}: has half of a surrogate pair, which is no text; write whole characters"
    ]
