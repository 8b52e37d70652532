"""What a registered function takes and gives back, by its signature. Pure; nothing is called."""

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from crontask.crons.refusal import refuse

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_MISSING = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument after the context. `annotation`: Any where there is none; `default`: `...` where it is required."""

    name: str
    annotation: Any
    default: Any = ...

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is ...


@dataclass(frozen=True, slots=True)
class Signature:
    """`open`: it takes arguments of any name (`**rest`). `returns`: Any where it is not said."""

    arguments: tuple[Argument, ...]
    open: bool
    returns: Any


def place_of(function: Callable[..., Any]) -> str:
    """The file and the line where it is written, as `crons.py:12`."""
    code = getattr(function, "__code__", None)
    if code is None:
        return f"{function!r}"[:80]
    path = code.co_filename
    here = os.getcwd() + os.sep
    return f"{path.removeprefix(here)}:{code.co_firstlineno}"


def check_function(function: Any) -> None:
    """Raises BadInput for what a pod could not find by its name, or call with a context."""
    if not inspect.isfunction(function):
        problem = f"{function!r:.80} is not a function"
        refuse("run", problem, "write a function of a module, like run=cleanup")
    name, place = function.__name__, place_of(function)
    if function.__qualname__ != name or not name.isidentifier():
        problem = f"{function.__qualname__} is not at the top level of its module, where a pod looks for it"
        refuse(place, problem, "move it there, and give it a name with def")
    parameters = list(inspect.signature(function).parameters.values())
    first = parameters[0] if parameters else None
    if first is None or first.kind not in (inspect.Parameter.POSITIONAL_ONLY, _BY_NAME[0], _variable()):
        refuse(place, f"{name} takes no context", f"write def {name}(ctx: Context, …)")
    for parameter in parameters[1:]:
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            problem = f"{name} takes {parameter.name} by its position alone, and args have names"
            refuse(place, problem, "remove the / from its arguments")


def check_found(function: Callable[..., Any]) -> None:
    """Raises BadInput where its module has another function by its name, which a pod would call."""
    found = getattr(sys.modules.get(function.__module__), function.__name__, None)
    if not callable(found) or inspect.unwrap(found) is not inspect.unwrap(function):
        problem = f"{function.__name__} is not what its module has by that name in the end"
        refuse(place_of(function), problem, "give each function a name of its own")


def signature_of(function: Callable[..., Any]) -> Signature:
    """The arguments after the context, and what is given back. Raises BadInput for an annotation that has no value."""
    from crontask.runner.convert import returned

    hints = _hints(function)
    first, *others = inspect.signature(function).parameters.values()
    _check_context(function, first, hints)
    arguments = tuple(
        Argument(each.name, hints.get(each.name, Any), ... if each.default is _MISSING else each.default)
        for each in others
        if each.kind in _BY_NAME
    )
    is_open = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in others)
    return Signature(arguments, is_open, returned(hints.get("return", Any)))


def given(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by their names, as they are given for a call without the context; defaults are left out.

    Raises BadInput for those that the function does not take.
    """
    signature = inspect.signature(function)
    try:
        bound = signature.bind_partial(None, *args, **kwargs).arguments
    except TypeError as error:
        problem = f"{error}; {getattr(function, '__name__', 'it')} takes {signature}"
        refuse("args", problem, "write the arguments as for a call, without ctx")
    first, *names = bound
    rest = next((p.name for p in signature.parameters.values() if p.kind is inspect.Parameter.VAR_KEYWORD), None)
    found = {name: bound[name] for name in names if name != rest and name != first}
    return {**found, **bound.get(rest, {})} if rest is not None else found


def _variable() -> Any:
    return inspect.Parameter.VAR_POSITIONAL


def _check_context(function: Callable[..., Any], first: inspect.Parameter, hints: Mapping[str, Any]) -> None:
    from crontask.runner.context import Context

    annotation = hints.get(first.name, Any)
    if annotation not in (Any, Context, object):
        name = getattr(annotation, "__name__", str(annotation))
        problem = f"the first argument of {function.__name__} is {first.name}: {name}, and a pod gives it the context"
        refuse(place_of(function), problem, f"write def {function.__name__}(ctx: Context, {first.name}: {name})")


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations, evaluated."""
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        problem = f"an annotation of {function.__name__} cannot be read: {error}"
        refuse(place_of(function), problem, "import what it names, not for type checkers alone")
    except TypeError as error:
        problem = f"an annotation of {function.__name__} cannot be read: {error}"
        refuse(place_of(function), problem, "write a type, like str or list[int]")
