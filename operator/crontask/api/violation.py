"""Where a value does not fit a JSON Schema, with a message that says what it must be.

Every kind of violation has its message here, so that nobody reads those of the library.
"""

from collections.abc import Callable, Iterator
from typing import Any

from jsonschema_rs import ValidationError

from crontask.api.times import cut
from crontask.api.written import as_yaml, one_of, shown

_LONGEST = 300
_NOUNS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a string",
    "array": "a list",
    "object": "an object",
    "boolean": "true or false",
    "null": "null",
}
_MOST_NAMED = 20


def violations_of(error: ValidationError) -> Iterator[tuple[str, str]]:
    """The path in the value (`.region`, `[0].name`, empty for itself) and what is wrong there."""
    path, kind = _path(error.instance_path), type(error.kind).__name__
    details = error.kind.as_dict()
    if kind == "Required":
        yield f"{path}.{details['property']}", "is missing"
    elif kind in ("AdditionalProperties", "UnevaluatedProperties"):
        yield from ((f"{path}.{name}", "is not a field of the schema") for name in details["unexpected"])
    elif kind == "FalseSchema" and error.schema_path[-1:] == ["additionalProperties"]:
        # Its path is that of the object, which field it is about is not said.
        yield path, "has a field that is not one of the schema"
    else:
        yield path, cut(_message(error), _LONGEST)


def _message(error: ValidationError) -> str:
    kind = type(error.kind).__name__
    if kind in WHOLE:
        return WHOLE[kind]
    return f"must {_asked(error)}, not {shown(error.instance)}"


def _asked(error: ValidationError) -> str:
    """What a value must do to fit, as in `must …`."""
    asked = ASKED.get(type(error.kind).__name__, _fit)
    details = error.kind.as_dict()
    if "context" in details:
        firsts = [alternative[0] for alternative in details["context"] if alternative]
        details["firsts"] = [first for first in firsts if first.instance_path == error.instance_path]
    return asked(details)


def _path(parts: Any) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)


def _fit(details: dict[str, Any]) -> str:
    return "be as its schema says"


def _type(details: dict[str, Any]) -> str:
    return f"be {one_of([_NOUNS.get(name, name) for name in details['types']])}"


def _enum(details: dict[str, Any]) -> str:
    options = [as_yaml(option) for option in details["options"]]
    return f"be {one_of(options if len(options) <= _MOST_NAMED else [*options[:_MOST_NAMED], '…'])}"


def _format(details: dict[str, Any]) -> str:
    if details["format"] == "regex":
        return "be a regular expression, without look-around and back-references"
    return f"be a valid {details['format']}"


def _alternatives(details: dict[str, Any]) -> str:
    """Each alternative by the first thing that is wrong with it, where that is the value itself."""
    if len(details["firsts"]) < len(details["context"]):
        return "fit one of the alternatives of its schema"
    asked = dict.fromkeys(map(_asked, details["firsts"]))
    return " or ".join(asked).replace(" or be ", " or ")


def _name(details: dict[str, Any]) -> str:
    return f"have names that {_asked(details['error']).replace('be ', 'are ', 1)}"


def _limit(asks: str, unit: str = "") -> Callable[[dict[str, Any]], str]:
    """What it asks for, with the limit, and the unit it counts."""

    def asked(details: dict[str, Any]) -> str:
        limit = details["limit"]
        return f"{asks} {limit}" + (f" {unit}{'s' if limit != 1 else ''}" if unit else "")

    return asked


ASKED: dict[str, Callable[[dict[str, Any]], str]] = {
    **dict.fromkeys(
        ("AdditionalProperties", "UnevaluatedProperties"), lambda details: "have only fields of its schema"
    ),
    "Required": lambda details: f"have the field {details['property']}",
    "AdditionalItems": _limit("have at most", "item"),
    "AnyOf": _alternatives,
    "Constant": lambda details: f"be {as_yaml(details['expected_value'])}",
    "Contains": lambda details: "have an item as its schema asks for",
    "ContentEncoding": lambda details: f"be encoded as {details['content_encoding']}",
    "ContentMediaType": lambda details: f"be {details['content_media_type']}",
    "Custom": _fit,
    "Enum": _enum,
    "ExclusiveMaximum": _limit("be less than"),
    "ExclusiveMinimum": _limit("be more than"),
    "Format": _format,
    "FromUtf8": lambda details: "be UTF-8",
    "MaxItems": _limit("have at most", "item"),
    "MaxLength": _limit("have at most", "character"),
    "MaxProperties": _limit("have at most", "field"),
    "Maximum": _limit("be at most"),
    "MinItems": _limit("have at least", "item"),
    "MinLength": _limit("have at least", "character"),
    "MinProperties": _limit("have at least", "field"),
    "Minimum": _limit("be at least"),
    "MultipleOf": lambda details: f"be a multiple of {details['multiple_of']}",
    "Not": lambda details: "be something that its schema does not exclude",
    "OneOfMultipleValid": lambda details: "fit only one of the alternatives of its schema",
    "OneOfNotValid": _alternatives,
    "Pattern": lambda details: f"match the pattern {details['pattern']}",
    "PropertyNames": _name,
    "Type": _type,
    "UniqueItems": lambda details: "have each item only once",
}
"""What each kind of violation asks for."""
WHOLE = {
    "BacktrackLimitExceeded": "cannot be held against the pattern of its schema",
    "FalseSchema": "must not be there",
    "Referencing": "cannot be checked: its schema refers to what is not there",
    "RegexEngineFailure": "cannot be held against the pattern of its schema",
    "UnevaluatedItems": "has items that the schema does not have",
}
"""What is said of the others, whatever the value."""
