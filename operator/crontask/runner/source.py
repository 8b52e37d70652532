"""Finds the function of a Python handler: in its source, or in a module of the image."""

import importlib
import linecache
import os
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from crontask.runner.given import BrokenInputError

_FILE = "handler.py"
_MODULE = "handler"


def load_function(handler: Mapping[str, Any], environ: Mapping[str, str]) -> Callable[..., Any]:
    """The function to call. Runs the module's own code, and lets what that raises through; else BrokenInputError."""
    entrypoint = handler.get("entrypoint")
    if not isinstance(entrypoint, str) or not entrypoint:
        raise BrokenInputError("CRONTASK_HANDLER has no entrypoint")
    source = _source(handler, environ)
    # Before all else, so that modules in the working directory are found, and not others of their name.
    sys.path.insert(0, os.getcwd())
    if source is not None:
        if not entrypoint.isidentifier():
            raise BrokenInputError(f"the entrypoint {entrypoint!r} has to be the name of a function in the source")
        file = _file_of(handler)
        return _function(_execute(source, file), entrypoint, file)
    module_name, _, name = entrypoint.partition(":")
    if not (name.isidentifier() and all(part.isidentifier() for part in module_name.split("."))):
        raise BrokenInputError(
            f"the entrypoint {entrypoint!r} has to be like package.module:function, since there is no source"
        )
    return _function(_import(module_name), name, f"the module {module_name}")


def _source(handler: Mapping[str, Any], environ: Mapping[str, str]) -> str | None:
    source, variable = handler.get("source"), handler.get("sourceEnv")
    if source is None and variable is not None:
        source = environ.get(variable) if isinstance(variable, str) else None
        if source is None:
            raise BrokenInputError(f"the variable {variable}, which is to hold the source, is missing")
    if source is not None and not isinstance(source, str):
        raise BrokenInputError("the source in CRONTASK_HANDLER has to be text")
    return source


def _file_of(handler: Mapping[str, Any]) -> str:
    """What people call the source: the key of its ConfigMap, as crons.py."""
    file = handler.get("sourceFile")
    return file if isinstance(file, str) and file.endswith(".py") else _FILE


def _execute(source: str, file: str) -> ModuleType:
    # Without a time no check drops it: there is no such file, and tracebacks shall show its lines.
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    try:
        code = compile(source, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _unreadable(error) from error
    except ValueError as error:
        raise BrokenInputError(f"{file} cannot be read: {error}") from error
    module = ModuleType(_MODULE)
    module.__file__ = file
    sys.modules[_MODULE] = module
    exec(code, vars(module))
    return module


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except SyntaxError as error:
        raise _unreadable(error) from error
    except ModuleNotFoundError as error:
        # Only if it is the handler's module, or a package of it: one that the handler imports is an error of its code.
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise BrokenInputError(f"there is no module {error.name} in the image, nor in {os.getcwd()}") from error


def _unreadable(error: SyntaxError) -> BrokenInputError:
    name = error.filename or _FILE
    shown = os.path.relpath(name) if os.path.isabs(name) and name.startswith(os.getcwd() + os.sep) else name
    line = f": {error.text.strip()[:80]}" if error.text and error.text.strip() else ""
    return BrokenInputError(f"{type(error).__name__}: {error.msg}, at {shown}:{error.lineno}{line}")


def _function(module: ModuleType, name: str, place: str) -> Callable[..., Any]:
    function = getattr(module, name, None)
    if function is None:
        raise BrokenInputError(f"there is no function {name} in {place}")
    if not callable(function):
        raise BrokenInputError(f"{name} in {place} is not a function but {type(function).__name__}")
    return function  # type: ignore[no-any-return]
