"""What is wrong with a task, for whoever writes it in Python: `retry=Retry(limit=3)`, and not YAML. Pure.

Called by the SDK, only where something is wrong.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from crontask.api.problem import NO_SUCH_FIELD, Problem
from crontask.client.actions import camel

_ADVICE = re.compile(r"(?s)(?P<begin>(?:remove it, or )?write (?:it like )?)(?P<field>[a-z]\w*)(?:: (?P<value>.+))?")
_MODELS = {"retry": "Retry", "concurrency": "Concurrency", "catchUp": "CatchUp", "after": "After", "history": "History"}
_NEWER = "a field that this version does not know in spec={…}"
# What is said of an object in which the one thing is not there that has another name.
_INCOMPLETE = ("exactly one of ", "says nothing")
_HABITS = {
    "cron": "schedule=",
    "crontab": "schedule=",
    "every": "interval=",
    "countdown": "delay=",
    "eta": "start_time=",
    "time_limit": "timeout=",
    "max_instances": "concurrency=",
    "misfire_grace_time": "starting_deadline=",
    "coalesce": "catch_up=",
    "env": "pod=",
    "retries": "retry=Retry(limit=3)",
    "max_retries": "retry=Retry(limit=3)",
}
"""What other schedulers call it."""


def snake(name: str) -> str:
    """The name of a field as an argument: `timeZone` is `time_zone`."""
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


def in_python(problem: Problem, given: Collection[str]) -> Problem:
    """The problem with its advice in Python, if it is of an argument. `given`: those, as the API has their names."""
    if problem.path == "spec.handler" and problem.message == "is missing":
        return replace(problem, fix="write one of image= (with command=), source= and url=, or handler=")
    top = _top(problem)
    if problem.message == NO_SUCH_FIELD and top in given and problem.path != f"spec.{top}":
        return _stranger(problem)
    found = _ADVICE.fullmatch(problem.fix)
    if top not in given or found is None:
        return problem
    field, value = found["field"], found["value"]
    # Of what lies deeper the advice is of its last name.
    deeper = problem.path != f"spec.{top}"
    if value is None:
        return replace(problem, fix=f"{found['begin']}{field if deeper else snake(field)}")
    written = _value(value)
    if written is None:
        return problem
    said = f'"{field}": {_literal(written)}' if deeper else f"{snake(field)}={_argument(field, written)}"
    return replace(problem, fix=f"{found['begin']}{said}")


def within_arguments(problems: Iterable[Problem], given: Collection[str]) -> tuple[Problem, ...]:
    """Those that are of arguments. `given`: these, as the API has their names."""
    return tuple(problem for problem in problems if _top(problem) in given)


def without_echoes(problems: Iterable[Problem], strangers: Iterable[Problem]) -> list[Problem]:
    """The problems, but for those that are only there since a field has another name than is meant."""
    meant, holders = set(), set()
    for stranger in strangers:
        holder = stranger.path.rpartition(".")[0]
        found = _ADVICE.fullmatch(stranger.fix)
        if found is not None:
            meant.add(f"{holder}.{found['field']}")
            holders.add(holder)
    return [
        problem
        for problem in problems
        if not (problem.path in meant and problem.message == "is missing")
        and not (problem.path in holders and problem.message.startswith(_INCOMPLETE))
    ]


def _top(problem: Problem) -> str:
    """The field of the spec in which it lies."""
    return re.split(r"[.\[]", problem.path.removeprefix("spec."), maxsplit=1)[0]


def _stranger(problem: Problem) -> Problem:
    """A field that there is not, as an argument has it: `retry["limt"]`."""
    top, *deeper = re.findall(r"[^.\[\]]+", problem.path.removeprefix("spec."))
    path = snake(top) + "".join(f"[{part}]" if part.isdigit() else f'["{part}"]' for part in deeper)
    found = _ADVICE.fullmatch(problem.fix)
    if found is not None and found["value"] is None:
        return Problem(path, problem.message, f'{found["begin"]}"{found["field"]}"')
    fix = f"remove it, or write {_NEWER}" if problem.fix == "remove it" else problem.fix
    return Problem(path, problem.message, fix)


def unknown_arguments(names: Iterable[str], known: Collection[str], problems: Iterable[Problem]) -> list[Problem]:
    """Arguments that there are not. `problems`: what is known of such fields of a manifest."""
    by_path = {problem.path: problem for problem in problems}
    return [_unknown(name, known, by_path.get(f"spec.{camel(name)}")) for name in names]


def _unknown(name: str, known: Collection[str], problem: Problem | None) -> Problem:
    from crontask.runner.fitting import nearest

    meant = _HABITS.get(name)
    if meant is None and problem is not None and problem.fix.startswith("write "):
        translated = in_python(Problem(f"spec.{camel(name)}", NO_SUCH_FIELD, problem.fix), {camel(name)})
        fix = translated.fix if "=" in translated.fix else f"{translated.fix}="
        return Problem(f"{name}=", "there is no such argument", fix)
    near = nearest(name, sorted(known))
    meant = meant or (f"{near}=" if near else None)
    fix = f"write {meant}" if meant else f"remove it, or write {_NEWER}"
    return Problem(f"{name}=", "there is no such argument", fix)


def _value(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _argument(field: str, value: Any) -> str:
    if field in _MODELS and isinstance(value, Mapping) and all(map(str.isidentifier, value)):
        inner = ", ".join(f"{snake(key)}={_literal(each)}" for key, each in value.items())
        return f"{_MODELS[field]}({inner})"
    return _literal(value)


def _literal(value: Any) -> str:
    """As people write it: with double quotes."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_literal(key)}: {_literal(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return f'"{value}"' if isinstance(value, str) and '"' not in value else repr(value)
