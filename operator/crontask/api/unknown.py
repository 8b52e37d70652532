"""Fields that no version of a spec has: most often a word that was mistyped.

The API server leaves them out, or refuses them to who asks strictly, as kubectl does; so the operator never sees any.
Callers: cli; validate (for the models within models).
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args

from crontask.api.base import Model
from crontask.api.problem import Problem


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
            yield from unknown_fields(inner, known[key], f"{path}.{key}")
        else:
            close = get_close_matches(str(key), known, 1)
            yield Problem(f"{path}.{key}", "there is no such field", f"write {close[0]}" if close else "remove it")


def model_in(annotation: Any) -> type[Model] | None:
    """The model in `Model | None` or `tuple[Model, ...]`, None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next(filter(None, map(model_in, get_args(annotation))), None)
