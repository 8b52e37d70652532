"""The validation of a handler: what runs."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from pydantic.alias_generators import to_camel

from crontask.api.base import Model
from crontask.api.core import CONTAINER, POD_TEMPLATE, type_problems, unknown_fields
from crontask.api.handler import Handler
from crontask.api.names import DNS_LABEL
from crontask.api.problem import Problem
from crontask.api.simple_handler import SimpleHandler
from crontask.api.simple_parts import simple_parts
from crontask.api.validate_call import http_problems, python_problems
from crontask.api.validate_template import container_problems, partial_problems, template_problems
from crontask.api.written import one_of, shown

SIMPLE_VARIANTS = ("container", "pod_template", "http", "python")
_VARIANTS = (*SIMPLE_VARIANTS, "steps", "for_each", "batch")
PART_VARIANTS = (*SIMPLE_VARIANTS, "task")
STEP_VARIANTS = (*PART_VARIANTS, "approval")
ONE_OF_PART = f"exactly one of {', '.join(map(to_camel, PART_VARIANTS))} must be set"
ONE_HANDLER = f"exactly one of {', '.join(map(to_camel, SIMPLE_VARIANTS))} must be set"
ONE_OF_STEP = f"exactly one of {', '.join(map(to_camel, STEP_VARIANTS))} must be set"
ONE_VARIANT = f"exactly one of {', '.join(map(to_camel, _VARIANTS))} must be set"
LONGEST_COMPOSITE = 64 * 1024
_BESIDE_STEPS = ("on_failure", "max_parallel", "step_result_from")


def timeout_problems(timeout: timedelta | None, path: str) -> Iterator[Problem]:
    """What is wrong with the longest time that something may take."""
    if timeout is not None and timeout < timedelta(seconds=1):
        yield Problem(path, "is shorter than a second", "write at least 1s")


def handler_problems(handler: Handler, path: str = "spec.handler") -> Iterator[Problem]:
    """Everything that is wrong with it."""
    yield from variant_problems(handler, _VARIANTS, ONE_VARIANT, path)
    if handler.steps is None:
        for name in _BESIDE_STEPS:
            if getattr(handler, name) is not None:
                yield Problem(f"{path}.{to_camel(name)}", "goes with steps only", "remove it")
    yield from simple_problems(handler, path, pod_goes_too=handler.composite)
    if handler.steps is not None:
        # Few handlers have them: the others do not wait for what looks at them.
        from crontask.api.validate_steps import steps_problems

        yield from steps_problems(handler, path)
    if handler.for_each is not None:
        from crontask.api.validate_items import items_problems

        yield from items_problems(handler.for_each, f"{path}.forEach")
    if handler.batch is not None:
        from crontask.api.validate_batch import batch_problems

        yield from batch_problems(handler.batch, f"{path}.batch")
    if handler.composite:
        yield from _size_problems(handler, path)


def _size_problems(handler: Handler, path: str) -> Iterator[Problem]:
    size = len(handler.model_dump_json(by_alias=True, exclude_none=True).encode())
    if size > LONGEST_COMPOSITE:
        message = f"has {size} bytes as JSON, over {LONGEST_COMPOSITE}"
        yield Problem(path, message, "move code and data to ConfigMaps, or parts of it to tasks of their own")


def task_problems(part: Model, names: Iterable[str], path: str) -> Iterator[Problem]:
    """What is wrong with a part that is a CronTask's: its name, and what is that task's to say."""
    task: str = getattr(part, "task")  # noqa: B009
    if not DNS_LABEL.fullmatch(task):
        yield Problem(f"{path}.task", f"{shown(task)} is not the name of a CronTask", "write its metadata.name")
    for name in names:
        if getattr(part, name) is not None:
            message = f"does not go with task: it is that of CronTask {task}"
            yield Problem(f"{path}.{to_camel(name)}", message, "remove it, or set it there")


def variant_problems(handler: Model, variants: tuple[str, ...], one: str, path: str) -> Iterator[Problem]:
    """What is wrong where not exactly one of the variants is set; `one` says so."""
    given = [to_camel(name) for name in variants if getattr(handler, name) is not None]
    if not given:
        yield Problem(path, one, 'write one of them, like container: {image: "busybox:1.36"}')
    elif len(given) > 1:
        yield Problem(path, one, f"keep one of {one_of(given)}")


def simple_problems(handler: SimpleHandler, path: str, *, pod_goes_too: bool = False) -> Iterator[Problem]:
    """What is wrong with the handler of a pod, whatever else is set. `pod_goes_too`: even where nothing is."""
    if handler.result_from is not None and handler.pod_template is None:
        yield Problem(f"{path}.resultFrom", "goes with podTemplate only", "remove it")
    if handler.container is not None:
        found = container_problems(handler.container, f"{path}.container")
        yield from _with_types(found, handler.container, CONTAINER, f"{path}.container")
    if handler.http is not None:
        yield from http_problems(handler.http, f"{path}.http")
    if handler.python is not None:
        yield from python_problems(handler.python, f"{path}.python")
    if handler.pod is not None:
        if not pod_goes_too and handler.container is None and handler.http is None and handler.python is None:
            yield Problem(f"{path}.pod", "goes with container, http and python only", "remove it")
        found = partial_problems(handler.pod, f"{path}.pod")
        yield from _with_types(found, handler.pod, POD_TEMPLATE, f"{path}.pod")
    if handler.pod_template is not None:
        found = template_problems(handler.pod_template, handler.result_from, path)
        yield from _with_types(found, handler.pod_template, POD_TEMPLATE, f"{path}.podTemplate")


def handler_warnings(handler: Handler, path: str = "spec.handler") -> Iterator[Problem]:
    """Fields of its pods that Kubernetes does not have."""
    if handler.composite:
        yield from _simple_warnings(handler, path)
    for part in simple_parts(handler, path):
        yield from _simple_warnings(part.handler, part.path)


def _simple_warnings(handler: SimpleHandler, path: str) -> Iterator[Problem]:
    yield from unknown_fields(handler.container, CONTAINER, f"{path}.container")
    yield from unknown_fields(handler.pod, POD_TEMPLATE, f"{path}.pod")
    yield from unknown_fields(handler.pod_template, POD_TEMPLATE, f"{path}.podTemplate")


def _with_types(found: Iterable[Problem], value: Any, type_: str, path: str) -> Iterator[Problem]:
    """The problems, and the wrong types elsewhere than where they are."""
    known = set[str]()
    for problem in found:
        known.add(problem.path)
        yield problem
    yield from (problem for problem in type_problems(value, type_, path) if problem.path not in known)
