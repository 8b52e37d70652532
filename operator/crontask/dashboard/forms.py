"""The form of a run's args, made of the task's argsSchema; and the args that a filled form says. Pure.

A field for each property that is a text, a number, a choice or yes or no; JSON for what is nested. Without a schema,
all args are one field of JSON. What is left as it was is not sent: the task's own args go on to count.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from crontask.api.json_schema import SchemaError, check_schema, violations
from crontask.client.requests import Document
from crontask.dashboard.command_lines import trigger_line
from crontask.dashboard.plain import as_json, one_line, plain

PREFIX = "arg."
WHOLE = "args"
_MOST_FIELDS = 60


class BadFormError(ValueError):
    """What was written cannot be meant: in which field, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form. `kind`: text, number, choice, switch or json; `key` is empty for all args as JSON."""

    key: str
    kind: str
    value: str
    help: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: str = ""
    maximum: str = ""
    step: str = "any"

    @property
    def name(self) -> str:
        """In the form; of a key that does not show all that it is, encoded."""
        return f"{PREFIX}{self.key if self.label == self.key else quote(self.key, safe='')}" if self.key else WHOLE

    @property
    def label(self) -> str:
        """The key for people: one line, without what is invisible or turns the direction of the text."""
        return one_line(self.key)


@dataclass(frozen=True, slots=True)
class RunForm:
    """The form. `line`: what it does as it stands, in a terminal."""

    fields: tuple[Field, ...]
    line: str
    has_schema: bool


def run_form(task: Document, given: Mapping[str, str] | None = None) -> RunForm:
    """The form for a run of the task; `given`: what somebody wrote in it before."""
    spec = task.get("spec") or {}
    schema, own = spec.get("argsSchema"), spec.get("args") or {}
    fields = tuple(_fields(schema, own)) if isinstance(schema, dict) else ()
    if not fields:
        fields = (Field("", "json", as_json(own, 2, "{}") if own else "{}"),)
    if given:
        fields = tuple(_filled(field, given) for field in fields)
    metadata = task["metadata"]
    return RunForm(fields, trigger_line(metadata["namespace"], metadata["name"]), isinstance(schema, dict))


def args_of(task: Document, form: Mapping[str, str]) -> dict[str, Any]:
    """The args that differ from the task's own. Raises BadFormError."""
    spec = task.get("spec") or {}
    schema, own = spec.get("argsSchema"), spec.get("args") or {}
    found: dict[str, Any] = {}
    for field in run_form(task).fields:
        if field.key:
            found.update(_read(field, form))
        else:
            found = _json_object(form.get(WHOLE, ""))
    changed = {key: value for key, value in found.items() if key not in own or not _equal(own[key], value)}
    if isinstance(schema, dict):
        _refuse_what_does_not_fit(schema, {**own, **changed})
    return changed


def _fields(schema: Document, own: Mapping[str, Any]) -> Iterator[Field]:
    properties = schema.get("properties")
    if not isinstance(properties, dict) or len(properties) > _MOST_FIELDS:
        return
    required = schema.get("required") or ()
    for key, part in properties.items():
        if isinstance(part, dict):
            value = own[key] if key in own else part.get("default")
            yield _field(str(key), part, value, key in required)
    rest = {key: value for key, value in own.items() if key not in properties}
    for key, value in rest.items():
        yield Field(key, "json", as_json(value, too_deep=""))


def _field(key: str, part: Document, value: Any, required: bool) -> Field:
    help_ = one_line(part.get("description") or part.get("title") or "")
    kind = part.get("type")
    choices = part.get("enum")
    base = Field(key, "json", "" if value is None else as_json(value, too_deep=""), help_, required)
    if isinstance(choices, list) and all(isinstance(each, str) for each in choices):
        return replace(base, kind="choice", value=str(value or ""), choices=tuple(choices))
    if kind == "string" and (value is None or isinstance(value, str)):
        return replace(base, kind="text", value=value or "")
    if kind == "boolean" and (value is None or isinstance(value, bool)):
        return replace(base, kind="switch", value="true" if value else "")
    if kind in ("integer", "number") and (value is None or isinstance(value, int | float)):
        step = "1" if kind == "integer" else "any"
        low, high = _number(part.get("minimum")), _number(part.get("maximum"))
        return replace(base, kind="number", value=_number(value), minimum=low, maximum=high, step=step)
    return base


def _number(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return json.dumps(value) if is_number else ""


def _filled(field: Field, given: Mapping[str, str]) -> Field:
    if field.kind == "switch":
        return replace(field, value="true" if field.name in given else "")
    return replace(field, value=given.get(field.name, field.value))


def _read(field: Field, form: Mapping[str, str]) -> dict[str, Any]:
    """The arg of a field; nothing where it is left empty."""
    text = form.get(field.name, "").replace("\r\n", "\n")
    if field.kind == "switch":
        # One that the task does not set, and nobody has set: it stays unset.
        return {field.key: True} if field.name in form else {field.key: False} if field.value else {}
    if field.kind in ("text", "choice"):
        return {field.key: text} if text or field.value else {}
    if not text.strip():
        return {}
    return {field.key: _json(text, field.label)}


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        written = one_line(text)[:40]
        raise BadFormError(f'{where}: {written!r} is not JSON; write a number, "text", true, [1, 2] or {{}}') from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _json_object(text: str) -> dict[str, Any]:
    found = _json(text, "args") if text.strip() else {}
    if not isinstance(found, dict):
        raise BadFormError('args: must be one object, like {"days": 3}')
    return found


def _equal(one: Any, other: Any) -> bool:
    try:
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    except RecursionError:
        return False


def _refuse_what_does_not_fit(schema: Document, args: dict[str, Any]) -> None:
    try:
        check_schema(schema)
    except SchemaError:
        # The operator says what is wrong with the task; that is not what is asked for here.
        return
    try:
        found = violations(schema, args)
    except RecursionError:
        raise BadFormError("args: are nested too deeply to be checked") from None
    if found:
        raise BadFormError("\n".join(plain(f"args{path}: {message}") for path, message in found))
