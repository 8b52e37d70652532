"""The registry of a file, or of a module, that `apply` and `export` are given: loaded, or why it cannot be."""

import contextlib
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crontask.cli.exits import BAD_INPUT, stop

if TYPE_CHECKING:
    from crontask.crons.registry import Crons

F = TypeVar("F", bound=Callable[..., Any])
_FIX = 'write crons = Crons(owner="shop") at its top level'
_GUARD = 'put what runs it under if __name__ == "__main__":'
# Of an error of the user's code: the last of its lines.
_FRAMES = 3
_LONGEST = 500
_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_NOT_GIVEN = ("<frozen ", *(path + os.sep for path in (_OURS, os.path.dirname(os.__file__))))


def crons_argument(command: F) -> F:
    """Adds FILE: a file, or a module, with crons."""
    return click.argument("given", metavar="FILE[:NAME]", type=click.Path())(command)


def load_crons(given: str) -> "Crons":
    """The registry in `crons.py`, `crons.py:NAME`, `package.module` or `package.module:NAME`. Ends the program if none.

    What the code prints goes to stderr: stdout is for data.
    """
    path, name = _parted(given)
    try:
        return _registry(_loaded(path), path, name)
    except _UnfitError as error:
        stop(BAD_INPUT, *error.messages)


class _UnfitError(Exception):
    """What is given has no registry that could be used; the messages say why."""

    def __init__(self, *messages: str) -> None:
        super().__init__(*messages)
        self.messages = messages


def _parted(given: str) -> tuple[str, str]:
    if os.path.exists(given):
        return given, ""
    path, colon, name = given.rpartition(":")
    return (path, name) if colon else (given, "")


def _loaded(path: str) -> ModuleType:
    """The module. Raises _UnfitError, also where its code does not run to its end."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return _load(path)
    except SystemExit as error:
        message = f"{path}: ended the program when it was loaded (exit code {error.code}); {_GUARD}"
        raise _UnfitError(message) from error
    except SyntaxError as error:
        line = f":{error.lineno}" if error.lineno else ""
        raise _UnfitError(f"{_shown(error.filename or path)}{line}: {error.msg}; correct it") from error
    except _UnfitError:
        raise
    except Exception as error:
        from crontask.runner.failure import describe_error

        message = f"{path}: cannot be loaded: {_described(describe_error(error))}"
        raise _UnfitError(message, *_places(error)) from error


def _load(path: str) -> ModuleType:
    if os.path.exists(path):
        return _load_file(path)
    if path and all(part.isidentifier() for part in path.split(".")) and not path.endswith(".py"):
        return _load_module(path)
    fix = "write a file like crons.py, or a module like shop.crons"
    raise _UnfitError(f"{path or 'FILE'}: there is no such file; {fix}")


def _load_file(path: str) -> ModuleType:
    """As `python FILE` would, but with the name that its package gives it: so an image has its functions."""
    full = os.path.abspath(path)
    if os.path.isdir(full):
        raise _UnfitError(
            f"{path}: is a folder; write the file with the registry, like {os.path.join(path, 'crons.py')}"
        )
    folder, base = os.path.split(full)
    stem, extension = os.path.splitext(base)
    if extension != ".py" or not stem.isidentifier():
        raise _UnfitError(f"{path}: is not the name of a Python module; write one like crons.py")
    parts = [stem] if stem != "__init__" else []
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    name = ".".join(parts)
    there = sys.modules.get(name)
    other = there is not None and os.path.abspath(getattr(there, "__file__", None) or "") != full
    if other or name in sys.stdlib_module_names:
        raise _UnfitError(f"{path}: another module is called {name}; rename the file, to one like {stem}_crons.py")
    _look_in(folder)
    if len(parts) > 1:
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(name, full)
    loader = spec.loader if spec is not None else None
    assert spec is not None, "a file whose name ends in .py has a loader"
    assert loader is not None, "a file whose name ends in .py has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _load_module(name: str) -> ModuleType:
    _look_in(os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        fix = "write a file like crons.py, or a module like shop.crons that is here or installed"
        raise _UnfitError(f"{name}: there is no such file, and no module {error.name}; {fix}") from error


def _look_in(folder: str) -> None:
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _registry(module: ModuleType, path: str, name: str) -> "Crons":
    from crontask.crons.registry import Crons

    if name:
        found = getattr(module, name, None)
        if not isinstance(found, Crons):
            what = "there is no such name in it" if found is None else f"it is a {type(found).__name__}"
            raise _UnfitError(f"{path}:{name}: {what}; name a Crons")
        return found
    registries = {id(value): (key, value) for key, value in vars(module).items() if isinstance(value, Crons)}
    if not registries:
        raise _UnfitError(f"{path}: has no registry; {_FIX}")
    if len(registries) > 1:
        names = [key for key, _ in registries.values()]
        raise _UnfitError(f"{path}: has {len(names)} registries, {', '.join(names)}; write one, as {path}:{names[0]}")
    ((_, only),) = registries.values()
    return only


def _places(error: BaseException) -> list[str]:
    """The last lines of the code that was given, outermost first: not those of Python, ours and what is installed."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_NOT_GIVEN)]
    return [f"  {_shown(frame.filename)}:{frame.lineno} in {frame.name}: {frame.line}" for frame in frames[-_FRAMES:]]


def _described(text: str) -> str:
    """Without the name of an error of ours, whose text says all."""
    return text.removeprefix("BadInput: ")[:_LONGEST]


def _shown(path: str) -> str:
    return path.removeprefix(os.getcwd() + os.sep)
