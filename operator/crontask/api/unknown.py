"""Fields that no version of an object has: most often a name that was mistyped, put elsewhere, or a CronJob's.

The API server leaves them out, or refuses them to who asks strictly, as kubectl does; so the operator never sees any.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args

from crontask.api.base import Model
from crontask.api.core import container_fields
from crontask.api.problem import Problem
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
            yield from unknown_fields(inner, known[key], f"{path}.{key}" if path else str(key))
        else:
            where = f"{path}.{key}" if path else str(key)
            yield Problem(where, "there is no such field", _instead(str(key), inner, value, known))


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


def _fields(model: type[Model]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def model_in(annotation: Any) -> type[Model] | None:
    """The model in `Model | None` or `tuple[Model, ...]`, None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next(filter(None, map(model_in, get_args(annotation))), None)
