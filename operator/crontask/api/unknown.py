"""Fields that no version of an object has: most often a name that was mistyped, put elsewhere, or a CronJob's.

The API server leaves them out, or refuses them to who asks strictly, as kubectl does; so the operator never sees any.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from crontask.api.base import Model
from crontask.api.core import container_fields
from crontask.api.problem import NO_SUCH_FIELD, Problem
from crontask.api.written import as_yaml, one_of

# What people write who know CronJob, or another scheduler, with what it is here; `{}`: the value.
_ELSEWHERE = {
    "concurrencyPolicy": ("concurrency: {{policy: {}}}",),
    "startingDeadlineSeconds": ("startingDeadline: {}s",),
    "successfulJobsHistoryLimit": ("history: {{succeeded: {}}}",),
    "failedJobsHistoryLimit": ("history: {{failed: {}}}",),
    "backoffLimit": ("retry: {{limit: {}}}",),
    "activeDeadlineSeconds": ("totalTimeout: {}s",),
    "ttlSecondsAfterFinished": ("ttlAfterFinished: {}s",),
    "cron": ("schedule: {}",),
    "cronSchedule": ("schedule: {}",),
    "every": ("interval: {}",),
    "image": ("handler: {{container: {{image: {}}}}}", "container: {{image: {}}}"),
}
_TEMPLATES = ("template", "jobTemplate")
_MOST_HOLDERS = 3


def unknown_fields(value: Any, model: type[Model] | None, path: str) -> Iterator[Problem]:
    """Each field of the value that the model does not have; of what is free-form, none."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown_fields(item, model, f"{path}[{index}]")
    if not isinstance(value, dict) or model is None:
        return
    known = {field.alias or name: model_in(field.annotation) for name, field in model.model_fields.items()}
    for key, inner in value.items():
        if key in known:
            where = f"{path}.{key}" if path else str(key)
            if _is_map_of_items(inner, model, key):
                # That it has to be a list is said elsewhere.
                for name, item in inner.items():
                    yield from unknown_fields(item, known[key], f"{where}.{name}")
                continue
            yield from unknown_fields(inner, known[key], where)
        else:
            where = f"{path}.{key}" if path else str(key)
            of_a_workflow = _of_a_workflow(str(key), inner, value, known)
            yield Problem(where, *(of_a_workflow or (NO_SUCH_FIELD, _instead(str(key), inner, value, known))))


def _of_a_workflow(
    key: str, value: Any, beside: dict[str, Any], known: dict[str, type[Model] | None]
) -> tuple[str, str] | None:
    if not known.keys() & {"steps", "dependsOn", "notIn", "container"}:
        return None
    # Only who has steps, and a mistyped field, waits for it.
    from crontask.api.unknown_steps import of_a_workflow

    return of_a_workflow(key, value, beside, known)


def _instead(key: str, value: Any, beside: dict[str, Any], known: dict[str, type[Model] | None]) -> str:
    """What was meant: a field that is not there yet, or one within another."""
    if isinstance(value, str | int):
        for written in _ELSEWHERE.get(key, ()):
            if written.partition(":")[0] in known.keys() - beside.keys():
                return f"write {written.format(as_yaml(value))}"
    if key in _TEMPLATES and "handler" in known:
        return "write handler: {podTemplate: …}, with the template of the pod"
    if "container" in known and key in container_fields():
        return f"write it within container: container: {{{key}: {as_yaml(value)}}}"
    lower = {name.lower(): name for name in known}
    close = get_close_matches(key.lower(), lower, 1, cutoff=0.7)
    if close:
        name = lower[close[0]]
        return f"remove it: {name} is there already" if name in beside else f"write {name}"
    holders = [name for name, inner in known.items() if inner is not None and key in _fields(inner)]
    return f"write it within {one_of(holders)}" if 0 < len(holders) <= _MOST_HOLDERS else "remove it"


def _is_map_of_items(value: Any, model: type[Model], key: str) -> bool:
    """Whether the items of a list are written as an object, by their names."""
    field = next(field for name, field in model.model_fields.items() if (field.alias or name) == key)
    item = model_in(field.annotation)
    if not isinstance(value, dict) or item is None or not _is_list(field.annotation):
        return False
    return "name" in _fields(item) and not _fields(item) & value.keys()


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is tuple or any(map(_is_list, get_args(annotation)))


def _fields(model: type[Model]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def model_in(annotation: Any) -> type[Model] | None:
    """The model in `Model | None` or `tuple[Model, ...]`, None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next(filter(None, map(model_in, get_args(annotation))), None)
