"""The validation of a handler: what runs.

Callers: validate, workload (the names of a template's containers).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic.alias_generators import to_camel, to_snake

from crontask.api.base import Model
from crontask.api.handler import Handler
from crontask.api.problem import Problem
from crontask.api.unbuilt import FIX, HANDLER, MESSAGE
from crontask.api.validate_call import http_problems, python_problems

LONGEST_IMAGE = 1024
# CEL looks for the container that resultFrom names only in lists and strings with a bound.
MOST_CONTAINERS = 100
LONGEST_CONTAINER = 63
_VARIANTS = ("container", "pod_template", "http", "python", "steps", "for_each", "batch")


def unbuilt_problems(model: Model, names: Iterable[str], path: str) -> Iterator[Problem]:
    """Fields that are set and not served."""
    for name in names:
        if getattr(model, to_snake(name)) is not None:
            yield Problem(f"{path}.{name}", MESSAGE, FIX)


def handler_problems(handler: Handler, path: str = "spec.handler") -> Iterator[Problem]:
    """Everything that is wrong with it."""
    yield from unbuilt_problems(handler, HANDLER, path)
    given = [name for name in _VARIANTS if getattr(handler, name) is not None]
    if len(given) != 1:
        names = ", ".join(to_camel(name) for name in _VARIANTS)
        yield Problem(path, f"exactly one of {names} must be set", "set one of them")
        return
    if handler.result_from is not None and handler.pod_template is None:
        yield Problem(f"{path}.resultFrom", "goes with podTemplate only", "remove it")
    if handler.container is not None:
        image = handler.container.get("image")
        if image is None or image == "":
            yield Problem(f"{path}.container.image", "is missing", "name the image to run, like busybox:1.36")
        elif not isinstance(image, str):
            yield Problem(f"{path}.container.image", "is not a text", "name the image to run, like busybox:1.36")
        elif len(image) > LONGEST_IMAGE:
            yield Problem(
                f"{path}.container.image", f"is longer than {LONGEST_IMAGE} characters", "write a shorter one"
            )
        if handler.container.get("name") is not None:
            yield Problem(f"{path}.container.name", "is given by crontask", "remove it")
        yield from _environment_problems(handler.container, f"{path}.container")
    if handler.http is not None:
        yield from http_problems(handler.http, f"{path}.http")
    if handler.python is not None:
        yield from python_problems(handler.python, f"{path}.python")
    if handler.pod is not None:
        yield from _partial_problems(handler, path)
    if handler.pod_template is not None:
        yield from _template_problems(handler.pod_template, handler.result_from, path)


def _partial_problems(handler: Handler, path: str) -> Iterator[Problem]:
    if handler.container is None and handler.http is None and handler.python is None:
        yield Problem(f"{path}.pod", "goes with container, http and python only", "remove it")
    malformed = _malformed(handler.pod or {}, f"{path}.pod")
    if malformed is not None:
        yield malformed


def _template_problems(template: dict[str, Any], result_from: str | None, path: str) -> Iterator[Problem]:
    names, containers = template_container_names(template), f"{path}.podTemplate.spec.containers"
    malformed = _malformed(template, f"{path}.podTemplate")
    if malformed is not None:
        yield malformed
    elif not names:
        yield Problem(containers, "is empty", "write at least one container with a name")
    elif len(names) > MOST_CONTAINERS:
        yield Problem(containers, f"has {len(names)} containers, over {MOST_CONTAINERS}", "write fewer")
    elif max(map(len, names)) > LONGEST_CONTAINER:
        yield Problem(containers, f"has a name of over {LONGEST_CONTAINER} characters", "write a shorter one")
    elif result_from is not None and result_from not in names:
        yield Problem(f"{path}.resultFrom", f"no container is named {result_from!r}", f"name one of {', '.join(names)}")


def _malformed(template: dict[str, Any], path: str) -> Problem | None:
    """The first part of the template, of those that crontask writes into, that is of another type than a pod's."""
    spec, metadata = template.get("spec"), template.get("metadata")
    if not isinstance(spec, dict | None):
        return Problem(f"{path}.spec", "is not an object", "write containers: in it")
    if not isinstance(metadata, dict | None):
        return Problem(f"{path}.metadata", "is not an object", "write labels: or annotations: in it")
    for name in ("labels", "annotations"):
        if not isinstance((metadata or {}).get(name), dict | None):
            return Problem(f"{path}.metadata.{name}", "is not an object", "write name: value in it")
    for group in ("containers", "initContainers"):
        containers, where = (spec or {}).get(group), f"{path}.spec.{group}"
        if not isinstance(containers, list | None):
            return Problem(where, "is not a list", "write at least one container with a name")
        for index, container in enumerate(containers or ()):
            if not isinstance(container, dict) or not isinstance(container.get("name"), str | None):
                return Problem(f"{where}[{index}]", "is no container", "give it a name and an image")
            for problem in _environment_problems(container, f"{where}[{index}]"):
                return problem
    return None


def _environment_problems(container: dict[str, Any], path: str) -> Iterator[Problem]:
    variables = container.get("env")
    if not isinstance(variables, list | None) or not all(isinstance(variable, dict) for variable in variables or ()):
        yield Problem(f"{path}.env", "is not a list of variables", "write each as - name: A and value: a")


def template_container_names(template: dict[str, Any]) -> list[str]:
    """The names of the template's containers, as far as it is well formed."""
    spec = template.get("spec")
    containers = spec.get("containers") if isinstance(spec, dict) else None
    if not isinstance(containers, list):
        return []
    return [c["name"] for c in containers if isinstance(c, dict) and isinstance(c.get("name"), str)]
