"""What somebody meant who wrote a reference nearly as it is written here, or as another tool has it.

Only what is wrong, or is warned of, needs this: nothing here is ever resolved.
"""

import json
import re
from collections.abc import Collection
from dataclasses import replace

from crontask.api.reference import PathPart, Reference
from crontask.api.written import as_yaml

KNOWN_ROOTS = ("args", "run", "steps", "trigger", "item", "index", "cursor", "batch", "size")
# `${ x }`, `${{x}}`, `{{ x }}`, `$(x)`, `$x`: also with a bracket at the end that is missing, or one too many.
_WRAPPED = re.compile(r"\s*(?:\$\{+|\{\{+-?|\$\(+|\$)\s*(.*?)(?:\s|-(?=\})|[)}])*", re.DOTALL)
_LONGEST = 500
_ROOT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PART = re.compile(
    r"""\s*\??\.\s*(?P<key>[A-Za-z0-9_-]+)|"""
    r"""\s*\[\s*(?:(?P<index>\d{1,9})|(['"])(?P<quoted>[^'"\\]*)\3|(?P<bare>[A-Za-z_][\w-]*))\s*\]""",
    re.ASCII,
)
# `x || 0`, `x ?? 0`, `x:-0`, `x | default(0)`.
_OR = re.compile(r"\s*(?:\|\||\?\?|:-)\s*(?P<value>.+)|\s*\|\s*default\s*\(?(?P<filtered>[^()]*)\)?", re.DOTALL)
# How others call them; what is between the two names is left out.
_ARGS = frozenset({"inputs", "input", "params", "parameters", "arguments", "arg", "vars"})
_STEPS = frozenset({"tasks", "step", "task", "nodes"})
_RESULTS = frozenset({"outputs", "output", "results", "outcome", "return"})
_BETWEEN = frozenset({"parameters", "result"})


def meant(text: str, steps: Collection[str] = ()) -> str | None:
    """What to write instead of a text, as YAML; None where nobody knows. `steps`: the names of the steps."""
    # Who means a reference does not write more; and blanks without end would be gone through again and again.
    wrapped = _WRAPPED.fullmatch(text) if len(text) <= _LONGEST else None
    if wrapped is None:
        return None
    reference, rest = _read(wrapped[1])
    if reference is None:
        return None
    known = translated(reference, steps)
    if known.root not in KNOWN_ROOTS:
        return None
    default = _OR.fullmatch(rest)
    if default is not None:
        value = default["value"] if default["value"] is not None else default["filtered"]
        return f'{{"$ref": "${{{known}}}", "default": {_as_json(value)}}}'
    return None if rest.strip() else in_quotes(known)


def what_is_wrong(text: str) -> str:
    """With a text that was meant as a reference, and is none; nothing where that is not plain."""
    if "}" not in text:
        return ": its } is missing"
    if re.search(r"\s", text.strip()):
        return ": it has a blank in it"
    return ""


def in_quotes(reference: Reference) -> str:
    """As it is written in a manifest."""
    text = f"${{{reference}}}"
    return as_yaml(text) if '"' not in text or "'" in text else f"'{text}'"


def translated(reference: Reference, steps: Collection[str] = ()) -> Reference:
    """The same by the names that there are here, if it is known by those of others."""
    root, path = reference.root, reference.path
    lower = root.lower()
    if root in steps:
        root, path = "steps", (root, *path)
    elif lower in _ARGS:
        root, path = "args", path[1:] if path[:1] == ("parameters",) and path[1:] else path
    elif lower == "workflow" and path[:1] in (("parameters",), ("inputs",)):
        root, path = "args", path[1:]
    elif lower in ("workflow", "context") and path == ("name",):
        root = "run"
    elif lower in _STEPS:
        root = "steps"
    elif lower in KNOWN_ROOTS:
        root = lower
    return Reference(root, _of_a_step(path) if root == "steps" else path)


def _of_a_step(path: tuple[PathPart, ...]) -> tuple[PathPart, ...]:
    """`a.outputs.parameters.id` as `a.result.id`."""
    if len(path) < 2 or not isinstance(path[1], str):
        return path
    if path[1] in ("status", "conclusion", "state"):
        return (path[0], "phase", *path[2:])
    if path[1] not in _RESULTS:
        return path
    return (path[0], "result", *(path[3:] if path[2:3] and path[2] in _BETWEEN else path[2:]))


def _read(text: str) -> tuple[Reference | None, str]:
    """The reference with which a text begins, and what follows it."""
    root = _ROOT.match(text)
    if root is None:
        return None, text
    reference, at = Reference(root[0], ()), root.end()
    while (part := _PART.match(text, at)) is not None:
        reference, at = replace(reference, path=(*reference.path, _part(part))), part.end()
    return reference, text[at:]


def _part(match: "re.Match[str]") -> PathPart:
    if match["index"] is not None:
        return int(match["index"])
    if match["quoted"] is not None:
        return match["quoted"]
    key: str = match["key"] if match["key"] is not None else match["bare"]
    # A list has numbers; who means a key of digits writes it in quotes.
    return int(key) if key.isdecimal() and len(key) < 10 else key


def _as_json(text: str) -> str:
    """The value that a text is, else the text."""
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return json.dumps(text.strip("'\" "))
