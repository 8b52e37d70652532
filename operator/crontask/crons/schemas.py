"""The annotations of a function as JSON Schemas of its args and its result, and Python values as its args have them.

By pydantic, as the pod converts them back.
"""

from collections.abc import Mapping
from typing import Any, NotRequired, Required

from pydantic import ConfigDict, PydanticSchemaGenerationError, PydanticUserError, ValidationError, with_config
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core import PydanticSerializationError
from typing_extensions import TypedDict

from crontask.api.json_schema import violations
from crontask.client import values
from crontask.client.errors import BadInput
from crontask.client.requests import Document
from crontask.crons.cron import Cron
from crontask.crons.function import Argument, place_of, signature_of
from crontask.runner.convert import adapter_of, as_in_json

_FIX = "write text, numbers, a date, a list, a dataclass, a TypedDict or a pydantic model"

# As pydantic writes them in JSON.
_DURATION = r"^[-+]?P([0-9]+[YMWD])*(T([0-9]+([.][0-9]+)?[HMS])+)?$"
_DATETIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}"


class _Plain(GenerateJsonSchema):
    """Without titles, which say what the names say, and without what our validator does not take."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """See GenerateJsonSchema."""
        return False

    def decimal_schema(self, schema: Any) -> Any:
        """Without a pattern that looks ahead: those are not matched in linear time."""
        return {"type": ["number", "string"]} if self.mode == "validation" else {"type": "string"}

    def timedelta_schema(self, schema: Any) -> Any:
        """Also one below zero, with parts of a second, or of P1Y35D, which JSON Schema's format does not take."""
        return {"type": "string", "pattern": _DURATION}

    def datetime_schema(self, schema: Any) -> Any:
        """A datetime need not have a zone in Python, unless its annotation says so; in JSON Schema's format it has."""
        if schema.get("tz_constraint") == "aware":
            return super().datetime_schema(schema)
        return {"type": "string", "pattern": _DATETIME}

    def time_schema(self, schema: Any) -> Any:
        """A time of day has no zone in Python; in JSON Schema's format it has one."""
        return {"type": "string"}


def args_schema(cron: Cron[Any, Any]) -> Document:
    """A JSON Schema of the arguments after the context. Raises BadInput."""
    signature = signature_of(cron.function)
    fields = {each.name: (Required if each.required else NotRequired)[each.annotation] for each in signature.arguments}
    whole = with_config(ConfigDict(extra="allow" if signature.open else "forbid"))(TypedDict("args", fields))  # type: ignore[operator]
    schema = _schema(cron, whole, "validation", "its arguments")
    schema.pop("title", None)
    for each in signature.arguments:
        found = schema["properties"][each.name]
        if not each.required and "$ref" not in found and each.default is not None:
            found["default"] = _dumped(cron, each, each.default)
    return {key: value for key, value in schema.items() if value != {} or key != "properties"}


def result_schema(cron: Cron[Any, Any]) -> Document | None:
    """A JSON Schema of what the function gives back; None where it does not say, or gives back nothing."""
    annotation = signature_of(cron.function).returns
    if annotation in (Any, object, None, type(None)):
        return None
    return _schema(cron, annotation, "serialization", "its result")


def args_of(cron: Cron[Any, Any], given: Mapping[str, Any]) -> Document:
    """Python values as the args of a run. Raises BadInput for those that do not fit the function's annotations."""
    takes = {each.name: each for each in signature_of(cron.function).arguments}
    args = {name: _dumped(cron, takes.get(name, Argument(name, Any)), value) for name, value in given.items()}
    # The others may be those of the task.
    schema = {key: part for key, part in args_schema(cron).items() if key != "required"}
    for path, message in violations(schema, args):
        name = cron.function.__name__
        raise BadInput(f"args{path}", message, f"write what {name} takes, at {place_of(cron.function)}")
    return args


def _dumped(cron: Cron[Any, Any], argument: Argument, value: Any) -> Any:
    where = f"args.{argument.name}"
    if as_in_json(argument.annotation):
        return values.plain(value, where, free=True)
    try:
        adapter = _adapter(cron, argument)
        return adapter.dump_python(adapter.validate_python(value), mode="json", by_alias=True)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        path = "".join(f".{step}" for step in found["loc"])
        raise BadInput(where + path, found["msg"], f"write what {cron.function.__name__} takes") from None
    except (PydanticSerializationError, UnicodeError) as error:
        raise BadInput(where, str(error), _FIX) from None


def _adapter(cron: Cron[Any, Any], argument: Argument) -> Any:
    try:
        return adapter_of(argument.annotation)
    except (PydanticUserError, PydanticSchemaGenerationError) as error:
        raise _no_schema(cron, f"its argument {argument.name}", error) from None


def _schema(cron: Cron[Any, Any], annotation: Any, mode: JsonSchemaMode, what: str) -> Document:
    try:
        found: Document = adapter_of(annotation).json_schema(
            mode=mode, by_alias=True, ref_template="#/$defs/{model}", schema_generator=_Plain
        )
    except (PydanticUserError, PydanticSchemaGenerationError, PydanticInvalidForJsonSchema) as error:
        raise _no_schema(cron, what, error) from None
    return found


def _no_schema(cron: Cron[Any, Any], what: str, error: Exception) -> BadInput:
    why = str(error).splitlines()[0].partition(" Set `arbitrary_types_allowed")[0].rstrip(".")
    problem = f"{what} cannot be written as JSON: {why}"
    return BadInput(f"{place_of(cron.function)}: {cron.function.__name__}", problem, _FIX)
