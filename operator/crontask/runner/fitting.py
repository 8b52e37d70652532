"""Whether a run that is asked for fits its task: there is one of that name, and its argsSchema has such names. Pure.

By the standard library alone, for images that have nothing else: types and bounds of a schema the operator judges.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_MOST_NAMED = 20


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The one that is nearly that, if one is."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, known, 1, cutoff=0.5)), None)


def no_such_task(name: str, namespace: str, there: Iterable[str]) -> tuple[str, str]:
    """What is wrong, and what to write, where the namespace has other tasks than that."""
    near = nearest(name, [*there])
    meant = f"did you mean {near}? " if near else ""
    fix = f"{meant}Register it first, or write missing_ok=True for a run that waits for it"
    return f"there is no task {name} in namespace {namespace}", fix if near else f"{fix[0].lower()}{fix[1:]}"


def misfit(task: Mapping[str, Any], args: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Of args that the schema of the task has no name for, or lacks: where, what is wrong, what to write."""
    spec = task.get("spec") or {}
    schema = spec.get("argsSchema")
    if not isinstance(schema, Mapping):
        return None
    known = [*(schema.get("properties") or {})]
    name = (task.get("metadata") or {}).get("name")
    takes = f"{name} takes {', '.join(known[:_MOST_NAMED]) or 'no args'}"
    if schema.get("additionalProperties") is False and not schema.get("patternProperties"):
        for key in args:
            if key not in known:
                near = nearest(key, known)
                return f"args.{key}", f"is not one of the args of {name}", f"did you mean {near}?" if near else takes
    given = {**(spec.get("args") or {}), **args}
    for key in schema.get("required") or ():
        if key not in given:
            return f"args.{key}", "is missing", f'write args={{"{key}": …}}: {takes}'
    return None
