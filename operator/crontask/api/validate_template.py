"""The validation of containers and pod templates, as far as crontask writes into them or relies on them.

All else in them is the API server's to judge, when the pod is made.
"""

from collections.abc import Iterator
from typing import Any

from crontask.api.problem import Problem
from crontask.api.written import shown

LONGEST_IMAGE = 1024
# CEL looks for the container that resultFrom names only in lists and strings with a bound.
MOST_CONTAINERS = 100
LONGEST_CONTAINER = 63
RESERVED = "CRONTASK_"
RESTART_POLICIES = ("Never",)
# An init container that is always restarted is a sidecar.
INIT_RESTART_POLICIES = ("Never", "Always")
_ONE_RESTART = "write restartPolicy: Never, or leave it out"
_IMAGE = "name the image to run, like busybox:1.36"


def container_problems(container: dict[str, Any], path: str) -> Iterator[Problem]:
    """Everything that is wrong with the container of a handler."""
    image = container.get("image")
    if image is None or image == "":
        yield Problem(f"{path}.image", "is missing", _IMAGE)
    elif not isinstance(image, str):
        yield Problem(f"{path}.image", f"must be a string, not {shown(image)}", _IMAGE)
    elif len(image) > LONGEST_IMAGE:
        yield Problem(f"{path}.image", f"is longer than {LONGEST_IMAGE} characters", "write a shorter one")
    if container.get("name") is not None:
        yield Problem(f"{path}.name", "is given by crontask", "remove it")
    yield from _parts_of_container(container, path, RESTART_POLICIES)


def template_problems(template: dict[str, Any], result_from: str | None, path: str) -> Iterator[Problem]:
    """Everything that is wrong with the template of a handler at `path`."""
    malformed = tuple(partial_problems(template, f"{path}.podTemplate"))
    yield from malformed
    if malformed:
        return
    names = template_container_names(template)
    if not names:
        containers = f"{path}.podTemplate.spec.containers"
        yield Problem(containers, "is empty", "write at least one container with a name")
    elif result_from is not None and result_from not in names:
        fix = f"name one of {', '.join(names)}"
        yield Problem(f"{path}.resultFrom", f"no container is named {shown(result_from)}", fix)


def partial_problems(template: dict[str, Any], path: str) -> Iterator[Problem]:
    """What is wrong with the parts that a template has, whole or partial."""
    spec, metadata = template.get("spec"), template.get("metadata")
    if not isinstance(metadata, dict | None):
        yield Problem(f"{path}.metadata", "must be an object", "write labels: or annotations: in it")
    for name in ("labels", "annotations"):
        if isinstance(metadata, dict) and not isinstance(metadata.get(name), dict | None):
            yield Problem(f"{path}.metadata.{name}", "must be an object", "write name: value in it")
    if not isinstance(spec, dict | None):
        yield Problem(f"{path}.spec", "must be an object", "write containers: in it")
    elif spec is not None:
        yield from _restart_problems(spec, f"{path}.spec", RESTART_POLICIES)
        yield from _listed_containers(spec, "containers", f"{path}.spec", RESTART_POLICIES)
        yield from _listed_containers(spec, "initContainers", f"{path}.spec", INIT_RESTART_POLICIES)


def _listed_containers(spec: dict[str, Any], group: str, path: str, policies: tuple[str, ...]) -> Iterator[Problem]:
    containers = spec.get(group)
    if not isinstance(containers, list | None):
        yield Problem(f"{path}.{group}", "must be a list", "write at least one container with a name")
        return
    if len(containers or ()) > MOST_CONTAINERS:
        message = f"has {len(containers or ())} items, more than {MOST_CONTAINERS}"
        yield Problem(f"{path}.{group}", message, f"write at most {MOST_CONTAINERS} items")
    for index, container in enumerate((containers or ())[:MOST_CONTAINERS]):
        where = f"{path}.{group}[{index}]"
        if not isinstance(container, dict):
            yield Problem(where, f"must be an object, not {shown(container)}", "write a container with a name")
            continue
        name = container.get("name")
        if not isinstance(name, str | None):
            yield Problem(f"{where}.name", f"must be a string, not {shown(name)}", "write it in quotes")
        elif name is not None and len(name) > LONGEST_CONTAINER:
            message = f"has {len(name)} characters, more than {LONGEST_CONTAINER}"
            yield Problem(f"{where}.name", message, f"write at most {LONGEST_CONTAINER} characters")
        yield from _parts_of_container(container, where, policies)


def _parts_of_container(container: dict[str, Any], path: str, policies: tuple[str, ...]) -> Iterator[Problem]:
    yield from _restart_problems(container, path, policies)
    if container.get("restartPolicyRules"):
        message = "would restart the container within its pod, beside the attempts of spec.retry"
        yield Problem(f"{path}.restartPolicyRules", message, "remove it")
    variables = container.get("env")
    if not isinstance(variables, list | None) or not all(isinstance(variable, dict) for variable in variables or ()):
        yield Problem(f"{path}.env", "must be a list of variables", "write each as - name: A and value: a")
        return
    for index, variable in enumerate(variables or ()):
        name = variable.get("name")
        if isinstance(name, str) and name.startswith(RESERVED):
            message = f"{shown(name)} begins with {RESERVED}, as the variables do that crontask sets"
            fix = f"write another name, like APP_{name.removeprefix(RESERVED)[:60] or 'NAME'}"
            yield Problem(f"{path}.env[{index}].name", message, fix)


def _restart_problems(holder: dict[str, Any], path: str, policies: tuple[str, ...]) -> Iterator[Problem]:
    policy = holder.get("restartPolicy")
    if policy is not None and policy not in policies:
        message = f"must be {' or '.join(policies)}, not {shown(policy)}: attempts are made by spec.retry"
        yield Problem(f"{path}.restartPolicy", message, _ONE_RESTART)


def template_container_names(template: dict[str, Any]) -> list[str]:
    """The names of the template's containers, as far as it is well formed."""
    spec = template.get("spec")
    containers = spec.get("containers") if isinstance(spec, dict) else None
    if not isinstance(containers, list):
        return []
    return [c["name"] for c in containers if isinstance(c, dict) and isinstance(c.get("name"), str)]
