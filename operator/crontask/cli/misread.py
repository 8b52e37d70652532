"""What YAML reads as something else than was written: an `n` without quotes is false, and so is a key."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from crontask.api.problem import Problem
from crontask.api.written import as_yaml
from crontask.cli.document import Document

# Of after, whose field this is to whoever writes `on`.
_OURS = ("true", "on")


def as_written(problem: Problem, value: Any, text: str | None) -> Problem:
    """A problem of a value that is no text, with the text as which it was written in the advice to quote it."""
    plain = as_yaml(str(value).lower() if isinstance(value, bool) else str(value))
    if text is None or text == str(value) or plain not in problem.fix:
        return problem
    was = as_yaml(value)
    message = problem.message
    if message.endswith(f", not {was}") and text != was:
        message = f"{message.removesuffix(was)}{text}, which YAML reads as {was}"
    return replace(problem, message=message, fix=problem.fix.replace(plain, f'"{text}"'))


def misread_keys(value: Any, document: Document, path: str = "spec") -> Iterator[Problem]:
    """A warning for each key that is another than was written."""
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from misread_keys(inner, document, f"{path}[{index}]")
    if not isinstance(value, dict):
        return
    known = document.places.get(id(value), {})
    for key, inner in value.items():
        written = known[key].written if key in known else key
        if written != key and not written.startswith("*") and (path, key, written) != ("spec.after", *_OURS):
            message = f'is the key "{key}" to YAML, as it has no quotes'
            yield Problem(f"{path}.{key}", message, f'write "{written}" in quotes')
        yield from misread_keys(inner, document, f"{path}.{key}")
