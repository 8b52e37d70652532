"""Kubernetes' own fields in a handler: wrong types are problems, unknown names are warnings."""

from typing import Any

import pytest

from crontask.api.validate import validate_run, validate_task
from crontask.api.warn import run_warnings, task_warnings

IMAGE = {"image": "busybox:1.36"}
NO_SUCH = "Kubernetes 1.35 has no such field"


def of_pod(**spec: Any) -> dict[str, Any]:
    return {"podTemplate": {"spec": {"containers": [{"name": "main", **IMAGE}], **spec}}}


# (handler, the problems)
WRONG: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"container": {**IMAGE, "command": "echo hi"}},
        ["container.command: must be a list, not 'echo hi'; write command: [sh, -c, \"echo hi\"]"],
    ),
    (
        {"container": {**IMAGE, "command": "date"}},
        ["container.command: must be a list, not 'date'; write command: [date]"],
    ),
    ({"container": {**IMAGE, "args": "-v x"}}, ["container.args: must be a list, not '-v x'; write args: [\"-v x\"]"]),
    (
        {"container": {**IMAGE, "env": [{"name": "A", "value": 5}]}},
        ['container.env[0].value: must be a string, not 5; write it in quotes, like "5"'],
    ),
    (
        {"container": {**IMAGE, "env": [{"name": "A", "value": True}]}},
        ['container.env[0].value: must be a string, not true; write it in quotes, like "true"'],
    ),
    (
        {"container": {**IMAGE, "tty": "yes"}},
        ["container.tty: must be true or false, not 'yes'; write true or false, without quotes"],
    ),
    (
        {"container": {**IMAGE, "resources": {"limits": {"cpu": [1]}}}},
        ["container.resources.limits.cpu: must be a text or a number, not [1]; write it like 1 or 500m"],
    ),
    (
        of_pod(terminationGracePeriodSeconds="30"),
        [
            "podTemplate.spec.terminationGracePeriodSeconds: must be a number, not '30'; write a number",
        ],
    ),
    (
        of_pod(terminationGracePeriodSeconds=1.5),
        ["podTemplate.spec.terminationGracePeriodSeconds: must be a whole number, not 1.5; write a whole number"],
    ),
    (
        of_pod(nodeSelector=["ssd"]),
        ["podTemplate.spec.nodeSelector: must be an object, not [ssd]; write name: value in it"],
    ),
    (
        of_pod(tolerations={"key": "a"}),
        [
            "podTemplate.spec.tolerations: must be a list, not {key: a}; write its items under tolerations:",
        ],
    ),
    ({"container": IMAGE, "pod": {"spec": {"hostNetwork": 1}}}, ["pod.spec.hostNetwork: must be true or false, not 1"]),
    # What is said of it already is not said twice.
    ({"container": {"image": 5}}, ["container.image: must be a string, not 5; name the image to run"]),
    ({"container": {**IMAGE, "env": "A=1"}}, ["container.env: must be a list of variables"]),
]


@pytest.mark.parametrize(("handler", "wanted"), WRONG)
def test_a_type_that_kubernetes_does_not_take_is_a_problem(handler: dict[str, Any], wanted: list[str]) -> None:
    spec, problems = validate_task({"handler": handler}, "n/t")
    assert spec is None
    said = [str(problem).removeprefix("spec.handler.") for problem in problems]
    assert [text[: len(start)] for text, start in zip(said, wanted, strict=True)] == wanted


FINE: list[dict[str, Any]] = [
    {"container": {**IMAGE, "command": ["sh"], "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}, "tty": None}},
    of_pod(volumes=[{"name": "a", "emptyDir": {}}], terminationGracePeriodSeconds=30.0, affinity={"podAffinity": {}}),
    of_pod(securityContext={"fsGroup": 5}, hostAliases=[{"ip": "1.2.3.4", "hostnames": ["a"]}]),
    {"podTemplate": {"metadata": {"labels": {"any/key": "a"}}, "spec": {"containers": [{"name": "main", **IMAGE}]}}},
    {"container": {**IMAGE, "livenessProbe": {"httpGet": {"port": "http", "path": "/"}, "periodSeconds": 5}}},
    {"container": {**IMAGE, "livenessProbe": {"httpGet": {"port": 80}}}},
]


@pytest.mark.parametrize("handler", FINE)
def test_what_kubernetes_takes_is_fine(handler: dict[str, Any]) -> None:
    spec, problems = validate_task({"handler": handler}, "n/t")
    assert spec is not None, problems
    assert task_warnings(spec) == ()


# (handler, the warnings)
UNKNOWN: list[tuple[dict[str, Any], list[str]]] = [
    ({"container": {**IMAGE, "commands": ["sh"]}}, [f"container.commands: {NO_SUCH}; write command"]),
    (
        {"container": {**IMAGE, "resources": {"limit": {"cpu": 1}}}},
        [f"container.resources.limit: {NO_SUCH}; write limits"],
    ),
    (of_pod(container=[]), [f"podTemplate.spec.container: {NO_SUCH}; write containers"]),
    (
        of_pod(initContainers=[{"name": "a", **IMAGE, "comand": ["x"]}]),
        [f"podTemplate.spec.initContainers[0].comand: {NO_SUCH}; write command"],
    ),
    (
        {"container": IMAGE, "pod": {"nodeSelector": {"disk": "ssd"}}},
        [f"pod.nodeSelector: {NO_SUCH}; remove it, or put it where it belongs"],
    ),
]


@pytest.mark.parametrize(("handler", "wanted"), UNKNOWN)
def test_a_field_that_kubernetes_does_not_have_is_a_warning(handler: dict[str, Any], wanted: list[str]) -> None:
    task, _ = validate_task({"handler": handler}, "n/t")
    run, _ = validate_run({"handler": handler})
    assert task is not None
    assert run is not None
    for warnings in (task_warnings(task), run_warnings(run)):
        assert [str(warning).removeprefix("spec.handler.") for warning in warnings] == wanted


def test_nothing_is_looked_at_without_end() -> None:
    deep: Any = "x"
    for _ in range(150):
        deep = {"podAffinity": deep}
    spec, _ = validate_task({"handler": of_pod(affinity=deep)}, "n/t")
    assert spec is None or task_warnings(spec)
