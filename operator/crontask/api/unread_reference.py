"""What looks like a reference where none is read, or is written as another tool has it: it is handed over as it is.

Shells, and many a program, have a `${…}` of their own: only what begins with a root that a reference has, and goes on
as no variable of a shell can, is taken for one.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Any

from crontask.api.near_reference import meant
from crontask.api.problem import Problem
from crontask.api.simple_handler import SimpleHandler
from crontask.api.written import shown

# A name with a dot is none that a shell has.
_DOTTED = re.compile(r"(?<!\$)\$\{\s*(?:args|run|steps|trigger|item|batch)\.\w[^{}]*\}")
_BARE = re.compile(r"(?<!\$)\$\{\s*(?:args|run|steps|trigger|item|index|cursor|batch|size)\s*[}.[][^{}]*\}?")
# Argo's, Jinja's and Ansible's; Tekton's; and one without its braces.
_BRACES = re.compile(r"\{\{-?\s*(?:steps|tasks|inputs|outputs|workflow|item|args|run|params|trigger)\s*[.[|}][^{}]*\}+")
_PARENTHESES = re.compile(r"\$\((?:steps|tasks|inputs|params|context|args|run|item)[.[][^()]*\)")
_WITHOUT = re.compile(r"\$(?:steps|args|run|item)\.\w\S*")
_STEP = "the step"
# What a shell would call so too: a reference where nothing gives the variable a value.
_OF_A_PART = {"forEach": ("item", "index"), "batch": ("cursor", "batch", "size")}
_IN_A_POD = ("container", "podTemplate", "pod", "http")
_ALONE = {_STEP: "a reference works in args and in when.value alone"}
_IN_ARGS = "write it into args of {}, which"
_INSTEAD = {
    "body": f"{_IN_ARGS} are the body where none is written",
    "http": "build the call in {} with python, which is handed its args",
    "python": f"{_IN_ARGS} are handed to the function",
}
_IN_THE_ENVIRONMENT = f"{_IN_ARGS} the pod is given as JSON in CRONTASK_ARGS"


def in_a_handler(handler: SimpleHandler, path: str, of: str = _STEP) -> Iterator[Problem]:
    """What looks like a reference in what runs in a pod. `of`: what that belongs to, for people."""
    texts = [(field, *found) for field in _IN_A_POD for found in _texts(_document(handler, field), f"{path}.{field}")]
    own = tuple(_own_names(_OF_A_PART.get(of, ()), [text for _, _, text in texts]))
    for field, where, text in texts:
        # A URL and a header have no variables.
        found = _first(text, *((_BARE,) if field == "http" else (_DOTTED, *own)), _BRACES)
        if found is not None:
            yield _not_read(found, where, "body" if where.endswith(".http.body") else field, of)
    if handler.python is not None and handler.python.source is not None:
        found = _in_source(handler.python.source)
        if found is not None:
            yield _not_read(found, f"{path}.python.source", "python", of)


def in_args(value: Any, path: str, example: str = "${steps.fetch.result.id}") -> Iterator[Problem]:
    """What is a reference as another tool has it, in what is looked into for references."""
    for where, text in _texts(value, path):
        found = _first(text, _BRACES, _PARENTHESES, _WITHOUT)
        if found is not None:
            better = meant(text)
            fix = f"write {better}" if better is not None else f'write a reference, like "{example}"'
            yield Problem(where, f"{shown(found)} is handed over as it is", fix)


def in_data(value: Any, path: str, why: str, fix: str) -> Iterator[Problem]:
    """What looks like a reference in what is data alone."""
    for where, text in _texts(value, path):
        found = _first(text, _DOTTED, _BRACES)
        if found is not None:
            yield Problem(where, f"{shown(found)} is taken as it is: {why}", fix)


def _own_names(names: tuple[str, ...], texts: list[str]) -> Iterator["re.Pattern[str]"]:
    """What would be found of each that no environment and no line of a script gives a value."""
    for name in names:
        given = re.compile(rf"{name}|.*(?:\b{name}=|\bfor\s+{name}\b|\bread\b[^;\n]*\b{name}\b).*", re.DOTALL)
        if not any(map(given.fullmatch, texts)):
            yield re.compile(rf"(?<!\$)\$\{{\s*{name}\s*\}}")


def _not_read(found: str, path: str, field: str, of: str) -> Problem:
    where = "a step" if field == "http" and of == _STEP else of
    alone = _ALONE.get(of, "a reference works in args alone")
    fix = _INSTEAD.get(field, _IN_THE_ENVIRONMENT).format(where)
    return Problem(path, f"{shown(found)} is taken as it is: {alone}", fix)


def _first(text: str, *forms: "re.Pattern[str]") -> str | None:
    return next((match[0] for form in forms if (match := form.search(text)) is not None), None)


def _document(handler: SimpleHandler, field: str) -> Any:
    if field == "podTemplate":
        return handler.pod_template
    value = getattr(handler, field)
    return value.model_dump(mode="json", by_alias=True, exclude_none=True) if field == "http" and value else value


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """The strings of a value, with their paths."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{path}[{index}]")


def _in_source(source: str) -> str | None:
    """In a string of the code, not in what is computed (`f"${item.price}"`), and not in what describes it."""
    if _first(source, _DOTTED, _BRACES) is None:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Of another Python, in its own image.
        return None
    described = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    strings = (node for node in ast.walk(module) if isinstance(node, ast.Constant) and id(node) not in described)
    texts = (node.value for node in strings if isinstance(node.value, str))
    return next(filter(None, (_first(text, _DOTTED, _BRACES) for text in texts)), None)
