"""Args as the annotations of a handler's function have them, and its result as JSON.

Dataclasses, TypedDicts, pydantic models, dates, enumerations and whatever else pydantic knows. It is imported only for
an annotation that asks for more than JSON has: most functions start without it.
"""

import dataclasses
import json
import sys
import types
import typing
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from crontask.runner.given import BrokenInputError
from crontask.runner.result import NotJsonError

_AS_IN_JSON = (str, int, float, bool, type(None), Any, object, dict, list, Mapping)
_OF_PARTS = (list, dict, Mapping, typing.Union, types.UnionType, typing.Required, typing.NotRequired)
_MOST_TOLD = 3
# By which a class says to pydantic how it is to be read.
_HOOK = "__get_pydantic_core_schema__"


def as_in_json(annotation: Any, _open: tuple[Any, ...] = ()) -> bool:
    """Whether a value of that type is what JSON has, so that nothing is to be converted."""
    if annotation in _AS_IN_JSON:
        return True
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return True
    if origin in _OF_PARTS:
        return all(as_in_json(part, _open) for part in typing.get_args(annotation))
    if is_typed_dict(annotation):
        fields = typing.get_type_hints(annotation, include_extras=True).values()
        return annotation in _open or all(as_in_json(field, (*_open, annotation)) for field in fields)
    return False


def is_typed_dict(annotation: Any) -> bool:
    """Whether it is a TypedDict, of typing or of typing_extensions."""
    # Only what has been imported can have made it.
    beside = sys.modules.get("typing_extensions")
    return typing.is_typeddict(annotation) or (beside is not None and beside.is_typeddict(annotation))


def convert_args(function: Callable[..., Any], args: Mapping[str, Any]) -> dict[str, Any]:
    """The args, as the annotations of the function have them. Raises BrokenInputError for those that do not fit."""
    hints = _hints(function)
    return {
        name: value if as_in_json(hints.get(name, Any)) else _converted(name, hints[name], value)
        for name, value in args.items()
    }


def convert_result(function: Callable[..., Any], value: Any) -> Any:
    """What the function has returned, as JSON has it, by its annotation. Raises NotJsonError for what does not fit."""
    annotation = returned(_hints(function).get("return", Any))
    if as_in_json(annotation):
        return value
    from pydantic import PydanticSchemaGenerationError, PydanticUserError, ValidationError
    from pydantic_core import PydanticSerializationError

    try:
        adapter = adapter_of(annotation)
        return adapter.dump_python(adapter.validate_python(value), mode="json", by_alias=True)
    except (PydanticUserError, PydanticSchemaGenerationError):
        # Of a type that nobody can convert: what is returned may be JSON all the same.
        return value
    except ValidationError as error:
        raise NotJsonError(_problems(error, "result")) from error
    except (PydanticSerializationError, UnicodeError) as error:
        raise NotJsonError(f"result: {error}") from error


def returned(annotation: Any) -> Any:
    """What a caller has in the end: of an awaitable, what it gives."""
    if typing.get_origin(annotation) in (Awaitable, Coroutine):
        return typing.get_args(annotation)[-1]
    return annotation


def adapter_of(annotation: Any) -> Any:
    """The TypeAdapter of pydantic for that. Raises PydanticUserError, PydanticSchemaGenerationError."""
    from pydantic import TypeAdapter

    if sys.version_info < (3, 12):
        _teach(annotation, set())
    return TypeAdapter(annotation)


def _teach(annotation: Any, seen: set[Any]) -> None:
    """Have pydantic read the TypedDicts of typing within it, which before Python 3.12 it refuses to."""
    if is_typed_dict(annotation) or dataclasses.is_dataclass(annotation):
        if annotation in seen:
            return
        seen.add(annotation)
        if typing.is_typeddict(annotation) and not hasattr(annotation, _HOOK):
            setattr(annotation, _HOOK, classmethod(lambda cls, source, handler: handler(_twin(cls))))
        for field in typing.get_type_hints(annotation, include_extras=True).values():
            _teach(field, seen)
    for part in typing.get_args(annotation):
        _teach(part, seen)


def _twin(typed_dict: Any) -> Any:
    """The same TypedDict, as typing_extensions makes it."""
    from typing import NotRequired, Required

    from typing_extensions import TypedDict

    fields = {}
    for name, field in typing.get_type_hints(typed_dict, include_extras=True).items():
        if typing.get_origin(field) in (typing.Required, typing.NotRequired):
            (field,) = typing.get_args(field)
        fields[name] = Required[field] if name in typed_dict.__required_keys__ else NotRequired[field]
    return TypedDict(typed_dict.__name__, fields)  # type: ignore[operator]


def _converted(name: str, annotation: Any, value: Any) -> Any:
    from pydantic import PydanticSchemaGenerationError, PydanticUserError, ValidationError

    try:
        # In JSON a date is text, and the text of a number is no number.
        return adapter_of(annotation).validate_json(json.dumps(value), strict=True)
    except (PydanticUserError, PydanticSchemaGenerationError):
        return value
    except ValidationError as error:
        raise BrokenInputError(f"the arguments do not fit: {_problems(error, name)}") from error


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations. Those of a function that nobody can evaluate are as good as none."""
    if not getattr(function, "__annotations__", None):
        return {}
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError):
        return {}


def _problems(error: Any, root: str) -> str:
    """What pydantic objects to, each with its path."""
    found = error.errors(include_url=False)
    told = [f"{''.join((root, *map(_below, each['loc'])))}: {each['msg']}" for each in found[:_MOST_TOLD]]
    more = f"; and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
    return "; ".join(told) + more


def _below(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else f".{step}"
