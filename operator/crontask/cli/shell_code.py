"""Args that a shell reads as code: `$(CRONTASK_ARGS)`, which Kubernetes replaces in a command before it starts.

`"$CRONTASK_ARGS"` is read by the shell itself, as a value: nothing in it is run.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from crontask.api.problem import Problem

# What people and programs put into them is not known when the manifest is written.
_GIVEN = ("CRONTASK_ARGS", "CRONTASK_ITEM", "CRONTASK_CURSOR", "CRONTASK_TRIGGER")
_SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"}
_TAKES_CODE = re.compile(r"-[a-zA-Z]*c[a-zA-Z]*")
# `$$(NAME)` stays as it is.
_REPLACED = re.compile(r"(?<!\$)(?:\$\$)*\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_EVALUATED = re.compile(r"\beval\b[^\n;]*\$\{?(CRONTASK_(?:ARGS|ITEM|CURSOR|TRIGGER))\b")
Document = dict[str, Any]


def shell_code(document: Document) -> Iterator[Problem]:
    """Of each container of the object's handlers whose shell would run what it is given."""
    yield from _within((document.get("spec") or {}).get("handler") if _has_spec(document) else None, "spec.handler")


def _has_spec(document: Document) -> bool:
    return isinstance(document.get("spec"), dict)


def _within(value: Any, path: str) -> Iterator[Problem]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _within(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        yield from _of_container(value, path)
        for key, below in value.items():
            yield from _within(below, f"{path}.{key}")


def _of_container(container: Document, path: str) -> Iterator[Problem]:
    words = [(f"{path}.{key}[{index}]", word) for key in ("command", "args") for index, word in _words(container, key)]
    code = _code_of(words)
    if code is None:
        return
    where, text = code
    given = _variables(container)
    for name in dict.fromkeys([*_REPLACED.findall(text), *_EVALUATED.findall(text)]):
        if name in given:
            message = f"has {given[name]} in the code of a shell: whoever chooses the args chooses what it runs"
            fix = f'write "${name}", which the shell reads as a value, or read it in a program'
            yield Problem(where, message, fix)


def _words(container: Document, key: str) -> list[tuple[int, str]]:
    words = container.get(key)
    return [(i, word) for i, word in enumerate(words) if isinstance(word, str)] if isinstance(words, list) else []


def _code_of(words: list[tuple[str, str]]) -> tuple[str, str] | None:
    """What follows `sh -c`, also behind `env` and the like, and where it is."""
    seen_shell = False
    for index, (_, word) in enumerate(words):
        if PurePosixPath(word).name in _SHELLS:
            seen_shell = True
        elif seen_shell and _TAKES_CODE.fullmatch(word):
            return words[index + 1] if index + 1 < len(words) else None
        elif not word.startswith("-"):
            seen_shell = False
    return None


def _variables(container: Document) -> dict[str, str]:
    """The variables whose value others choose: ours, and those that the container makes of them."""
    found = {name: f"$({name})" for name in _GIVEN}
    env = container.get("env")
    for variable in env if isinstance(env, list) else ():
        value = variable.get("value") if isinstance(variable, dict) else None
        if isinstance(value, str) and any(name in found for name in _REPLACED.findall(value)):
            found[str(variable.get("name"))] = f"$({variable.get('name')}), made of args,"
    return found
