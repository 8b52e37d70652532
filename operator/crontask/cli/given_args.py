"""The args of a run, as `--set`, `--set-string` and `--args-file` give them. Pure but for the reading of the file.

A value is what the task's argsSchema says at that path: a string stays text. Without a schema it is a JSON scalar, else
text. A run's top-level keys replace the task's, so that `a.b=v` begins with the task's own `a`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from difflib import get_close_matches
from typing import Any, TypeVar

import click

from crontask.api.written import shown

F = TypeVar("F", bound=Callable[..., Any])
_SCALARS = (str, int, float, bool, type(None))
_NOUNS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "integer": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "number": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "array": ('a list, like ["a"]', lambda value: isinstance(value, list)),
    "object": ('an object, like {"a": 1}', lambda value: isinstance(value, dict)),
    "null": ("null", lambda value: value is None),
}
_MOST_REFERENCES = 20


class BadArgsError(ValueError):
    """Args that cannot be meant, with what to write instead."""


def args_options(command: F) -> F:
    """Adds --set, --set-string and --args-file."""
    assigned = "PATH=VALUE"
    options = (
        click.option("--set", "values", multiple=True, metavar=assigned, help="An arg, like days=3 or mail.to=a@b.c."),
        click.option("--set-string", "texts", multiple=True, metavar=assigned, help="An arg that is text as it is."),
        click.option("--args-file", metavar="FILE", help="Args as JSON or YAML; -: stdin. Options above go first."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def given_args(
    values: Iterable[str],
    texts: Iterable[str],
    file: Mapping[str, Any],
    own: Mapping[str, Any],
    schema: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The args of the run alone. `own`: those of the task. Raises BadArgsError."""
    args: dict[str, Any] = dict(file)
    for written, is_text in (*((value, False) for value in values), *((text, True) for text in texts)):
        option = "--set-string" if is_text else "--set"
        path, value = _parted(written, option)
        at = ".".join(path)
        if path[0] not in args and len(path) > 1:
            args[path[0]] = deepcopy(own.get(path[0], {}))
        target: Any = args
        for key in path[:-1]:
            target = target.setdefault(key, {})
            if not isinstance(target, dict):
                raise BadArgsError(f"{option} {written}: {key} is {shown(target)}, and has nothing below it")
        target[path[-1]] = value if is_text else _typed(value, _schema_at(schema, path), f"{option} {at}")
    return args


def doubts(args: Mapping[str, Any], own: Mapping[str, Any], schema: Mapping[str, Any] | None) -> Iterator[str]:
    """What a user may have mistyped: keys that the task does not know, and that are nearly ones that it knows."""
    known = sorted({*own, *((schema or {}).get("properties") or {})})
    for key in args:
        if key not in known and (near := get_close_matches(key, known, 1)):
            yield f"args has no {key} in this task; did you mean {near[0]}?"


def unknown_keys(args: Mapping[str, Any], schema: Mapping[str, Any] | None) -> Iterator[str]:
    """Keys that the schema refuses, each with the nearest that it knows."""
    if schema is None or schema.get("additionalProperties") is not False or schema.get("patternProperties"):
        return
    known = list(schema.get("properties") or {})
    for key in args:
        if key not in known:
            near = get_close_matches(key, known, 1, cutoff=0.5)
            fix = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}" if known else "there are none"
            yield f"args.{key} is not one of the task's args; {fix}"


def read_args(path: str) -> dict[str, Any]:
    """The args in a file. Raises BadArgsError."""
    from crontask.cli.reading import read_documents

    documents, unreadable = read_documents(path)
    problems = [*unreadable, *(problem for document in documents for problem in document.problems)]
    if problems:
        line = f":{problems[0].line}" if problems[0].line else ""
        raise BadArgsError(f"--args-file {path}{line}: {problems[0].problem.message}; {problems[0].problem.fix}")
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise BadArgsError(f"--args-file {path}: must hold one object, like {{days: 3}}")
    return dict(documents[0].value)


def _parted(written: str, option: str) -> tuple[list[str], str]:
    path, equals, value = written.partition("=")
    # A dot that belongs to a key is written \.
    keys = [key.replace("\0", ".") for key in path.replace("\\.", "\0").split(".")]
    if not equals or not all(keys):
        raise BadArgsError(f"{option} {written!r}: write PATH=VALUE, like days=3 or mail.to=a@b.c")
    return keys, value


def _schema_at(schema: Any, path: list[str]) -> Mapping[str, Any] | None:
    """What the schema says of a value at the path; None where it says nothing that can be followed."""
    found = _followed(schema, schema)
    for key in path:
        if found is None:
            return None
        properties = found.get("properties") or {}
        below = properties[key] if key in properties else found.get("additionalProperties")
        found = _followed(below, schema)
    return found


def _followed(part: Any, root: Any) -> Mapping[str, Any] | None:
    """The subschema that a part is, or refers to."""
    for _ in range(_MOST_REFERENCES):
        if not isinstance(part, Mapping):
            return None
        reference = part.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return part
        part = root
        for step in reference[2:].split("/"):
            part = part.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(part, Mapping) else None
    return None


def _typed(text: str, schema: Mapping[str, Any] | None, where: str) -> Any:
    kinds = (schema or {}).get("type")
    allowed = [kinds] if isinstance(kinds, str) else [kind for kind in kinds or () if isinstance(kind, str)]
    value = _json(text)
    if not allowed:
        return value if isinstance(value, _SCALARS) else text
    for kind in allowed:
        fits = kind in _NOUNS and value is not _NO_JSON and _NOUNS[kind][1](value)
        # Where text is allowed too, only null is anything else.
        if fits and ("string" not in allowed or kind == "null"):
            return value
    if "string" in allowed:
        return text
    nouns = " or ".join(_NOUNS[kind][0] for kind in allowed if kind in _NOUNS)
    raise BadArgsError(f"{where}: {text!r} is not {nouns}, as argsSchema asks for")


_NO_JSON = object()


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda name: _NO_JSON)
    except (ValueError, RecursionError):
        return _NO_JSON
