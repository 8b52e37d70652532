"""The source of a module that is run without an image: read from its file, and what is refused in it.

It is loaded in the runner's image, alone: what it imports has to be there, and all can read it who may read ConfigMaps.
"""

import ast
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType

from crontask.api.problem import Problem
from crontask.client.errors import BadInput
from crontask.crons.credentials import what_it_looks_like

LONGEST_SOURCE = 64 * 1024
RUNNER_PYTHON = (3, 11)
"""The version of Python that the runner's image has."""
_OURS = "crontask"


@dataclass(frozen=True, slots=True)
class Source:
    """`name`: of the module, as its functions have it; `path`: for people, with lines behind it."""

    name: str
    path: str
    text: str


def source_of(module_name: str) -> Source:
    """The source of a module that is loaded. Raises BadInput."""
    module = sys.modules.get(module_name)
    path = getattr(module, "__file__", None)
    if module is None or not isinstance(path, str) or not path.endswith(".py"):
        fix = "write the functions into a file, or name an image= that has them"
        raise BadInput(module_name, "has no file of its own whose source could be shipped", fix)
    shown = path.removeprefix(os.getcwd() + os.sep)
    try:
        # Some editors begin it with a BOM, which Python passes over.
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(shown, f"cannot be read: {error}", "write it as text in UTF-8") from None
    return Source(_written_name(module_name, module, path), shown, text)


def problems_of(source: Source, requires: Iterable[str], *, allow_secrets: bool) -> tuple[Problem, ...]:
    """What is wrong with shipping it; the path of each is `FILE:LINE`."""
    size = len(source.text.encode())
    if size > LONGEST_SOURCE:
        fix = "move what is long into an image, and name it by image="
        return (Problem(source.path, f"has {size} bytes, over {LONGEST_SOURCE}", fix),)
    try:
        tree = ast.parse(source.text, source.path, feature_version=RUNNER_PYTHON)
    except SyntaxError as error:
        version = ".".join(map(str, RUNNER_PYTHON))
        fix = f"write it for Python {version}, which the runner's image has, or name an image="
        return (Problem(f"{source.path}:{error.lineno}", error.msg, fix),)
    found = [*_imports(source, tree, {*requires})]
    if not allow_secrets:
        found += _secrets(source, tree)
    return tuple(found)


def _written_name(name: str, module: ModuleType, path: str) -> str:
    """The module's name; of the program itself, the one that its file has."""
    if name != "__main__":
        return name
    spec = getattr(module, "__spec__", None)
    return spec.name if spec is not None else os.path.splitext(os.path.basename(path))[0]


def _imports(source: Source, tree: ast.Module, requires: set[str]) -> Iterator[Problem]:
    for node in _run(tree):
        where = f"{source.path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ImportFrom) and node.level:
            fix = "write what it needs into this file, or name an image= that has both"
            name = "." * node.level + (node.module or node.names[0].name)
            yield Problem(where, f"imports {name}, a module beside it, which is not shipped", fix)
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            if not _is_there(name, requires):
                top = name.partition(".")[0]
                if _is_beside(source, top):
                    problem = f"imports {name}, a module of yours, and a file is shipped alone"
                    yield Problem(where, problem, "write what it needs into this file, or name an image= that has both")
                    continue
                fix = f'write requires=["{top}"] if the runner\'s image has it, else name an image= that has it'
                yield Problem(where, f"imports {name}, which is not of the standard library", fix)


def _is_beside(source: Source, name: str) -> bool:
    """Whether the file's folder has a module of that name."""
    folder = os.path.dirname(os.path.abspath(source.path))
    return any(os.path.exists(os.path.join(folder, each)) for each in (f"{name}.py", os.path.join(name, "__init__.py")))


def _is_there(name: str, requires: set[str]) -> bool:
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top == _OURS:
        return True
    parts = name.split(".")
    return any(".".join(parts[:length]) in requires for length in range(1, len(parts) + 1))


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only type checkers read."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if isinstance(tree, ast.If) and _of_type_checkers(tree.test) and child in tree.body:
            continue
        yield from _run(child)


def _of_type_checkers(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return bool(name == "TYPE_CHECKING")


def _secrets(source: Source, tree: ast.Module) -> Iterator[Problem]:
    fix = "read it from the environment, given by pod= and a secretKeyRef; or, if it is none, write allow_secrets=True"
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            looks_like = what_it_looks_like(node.value)
            if looks_like:
                yield Problem(f"{source.path}:{node.lineno}", f"has a text that looks like {looks_like}", fix)
        for name, value in _named_texts(node):
            yield Problem(f"{source.path}:{value.lineno}", f"has a text named {name}, which may be a secret", fix)


def _named_texts(node: ast.AST) -> Iterator[tuple[str, ast.Constant]]:
    """Texts that are given a name of secrets: by an assignment, in a dict, as an argument."""
    from crontask.crons.credentials import is_secret_by_name

    pairs: list[tuple[str, ast.expr | None]] = []
    if isinstance(node, ast.Assign):
        pairs = [(_name(target), node.value) for target in node.targets]
    elif isinstance(node, ast.AnnAssign):
        pairs = [(_name(node.target), node.value)]
    elif isinstance(node, ast.keyword):
        pairs = [(node.arg or "", node.value)]
    elif isinstance(node, ast.Dict):
        pairs = [(_name(key), value) for key, value in zip(node.keys, node.values, strict=True)]
    for name, value in pairs:
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and is_secret_by_name(name, value.value):
            yield name, value


def _name(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return str(getattr(node, "id", getattr(node, "attr", "")))
