"""From JSON to a model, with everything that is wrong with it at once.

A part that the model does not take does not hide what is wrong elsewhere: the rules across fields are tried with values
that stand in for it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import islice
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from crontask.api.base import Model
from crontask.api.numbers import NO_TEXT, NO_WHOLE, WHOLE, is_text, visible
from crontask.api.problem import TOO_DEEP, Problem
from crontask.api.unknown import model_in, unknown_fields

M = TypeVar("M", bound=Model)
Rules = Callable[[M], Iterable[Problem]]
Path = tuple[str | int, ...]
# Each is looked into for what was meant.
_MOST_EXPLAINED = 100
_DEEPEST = 200
_ONCE_MENDED = "correct it; what may be written is said once the other problems are corrected"


def parse(model: type[M], value: dict[str, Any], root: str, rules: Rules[M]) -> tuple[M | None, tuple[Problem, ...]]:
    """The model of an object (None if it cannot be used), and its problems, also those that the rules find.

    `root` is the path of the object, like `spec`.
    """
    text = _as_json(value, model)
    if text is None:
        return None, tuple(_not_json(value, root)) or (TOO_DEEP,)
    try:
        parsed = _read(model, text)
    except ValidationError as error:
        if error.error_count() == 1 and error.errors(include_url=False)[0]["type"] == "json_invalid":
            return None, (TOO_DEEP,)
        return None, tuple(_problems(model, orjson.loads(text), root, rules))
    found = tuple(rules(parsed))
    return (None if found else parsed), found


def said_anyway(model: type[M], value: dict[str, Any], rules: Rules[M]) -> tuple[Problem, ...]:
    """What rules say of an object that may be bad: where it is, of the rest of it. `spec` is its path."""
    text = _as_json(value, model)
    try:
        return tuple(rules(_read(model, text))) if text is not None else ()
    except ValidationError as error:
        if error.errors(include_url=False)[0]["type"] == "json_invalid":
            return ()
    from crontask.api.structure import structural

    schema = structural(model)
    shortened = _shortened(orjson.loads(text or b"null"), schema, (), [])
    bad = tuple(_without_echoes(_errors(model, shortened)))
    both = [_with_stand_ins(shortened, bad, schema, which) for which in (0, 1)]
    return tuple(_of_the_rest(model, both, bad, "spec", rules))


def _read(model: type[M], text: bytes) -> M:
    # Strict and from JSON: as the CRD's schema, neither "yes" is a boolean nor "3" a number.
    return model.model_validate_json(text, strict=True, by_alias=True, by_name=False)


def _as_json(value: Any, model: type[Model]) -> bytes | None:
    """The value's text; None if it has none, or is nested too deeply."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
        # As the API server does before it looks.
        return orjson.dumps(_without_nulls(orjson.loads(text), model)) if b"null" in text else text
    except (TypeError, ValueError):
        return None


def _without_nulls(value: Any, model: type[Model] | None) -> Any:
    """The value without the model's fields that are null: they count as left out. Free-form values are kept."""
    if isinstance(value, list):
        return [_without_nulls(item, model) for item in value]
    if not isinstance(value, dict) or model is None:
        return value
    known = {field.alias or name: model_in(field.annotation) for name, field in model.model_fields.items()}
    return {
        key: _without_nulls(inner, known.get(key))
        for key, inner in value.items()
        if inner is not None or key not in known
    }


def _not_json(value: Any, path: str, depth: int = 0) -> Iterator[Problem]:
    """The values in it that JSON cannot have, as far down as anybody reads."""
    if isinstance(value, dict) and depth < _DEEPEST:
        for key, inner in value.items():
            name = visible(str(key))
            if isinstance(key, str) and not is_text(key):
                yield Problem(f"{path}.{name}", *NO_TEXT)
            yield from _not_json(inner, f"{path}.{name}", depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        for index, inner in enumerate(value):
            yield from _not_json(inner, f"{path}[{index}]", depth + 1)
    elif isinstance(value, int) and value not in WHOLE:
        yield Problem(path, *NO_WHOLE)
    elif isinstance(value, str) and not is_text(value):
        yield Problem(path, *NO_TEXT)
    elif not isinstance(value, dict | list | str | float | bool | int | None):
        yield Problem(path, "is not a value that JSON has", "write a string, a number, a list or an object")


def _problems(model: type[M], value: Any, root: str, rules: Rules[M]) -> Iterator[Problem]:
    """What the model says of the value, and what the rules say of the rest of it."""
    # Only what is wrong needs them: a good spec does not wait for their making.
    from crontask.api.explain import Fields, explain, path_text
    from crontask.api.structure import structural

    schema = structural(model)
    too_long: list[ErrorDetails] = []
    value = _shortened(value, schema, (), too_long)
    bad = tuple(_without_echoes(_errors(model, value)))
    both = [_with_stand_ins(value, bad, schema, which) for which in (0, 1)]

    def takes(path: Path, candidate: Any) -> bool:
        changed = _put(both[0], path, candidate)
        if path[0] != "args" and "args" in changed:
            changed["args"] = {}
        found = _found(model, changed, rules)
        if found is None:
            return False
        left = (*found, *unknown_fields(changed, model, root))
        return not any(within(problem.path, path_text(root, path)) for problem in left)

    fields = Fields(root, schema, takes)
    errors = (*too_long, *bad)
    yield from (explain(error, fields) for error in islice(errors, _MOST_EXPLAINED))
    if len(errors) > _MOST_EXPLAINED:
        yield Problem(root, f"has {len(errors) - _MOST_EXPLAINED} more problems", "correct these first")
    yield from _of_the_rest(model, both, bad, root, rules)


def _of_the_rest(
    model: type[M], both: Sequence[Any], bad: Sequence[ErrorDetails], root: str, rules: Rules[M]
) -> Iterator[Problem]:
    """What the rules say of the value with the one and the other stand-in: what depends on these is not so."""
    from crontask.api.explain import path_text

    first, second = (_found(model, other, rules) or () for other in both)
    named = [path_text(root, error["loc"]) for error in bad]
    fixes = {(other.path, other.message): other.fix for other in second}
    for found in first:
        fix = fixes.get((found.path, found.message))
        if fix is not None and not any(within(found.path, path) for path in named):
            # What to write may name what stands in.
            yield found if fix == found.fix else Problem(found.path, found.message, _ONCE_MENDED)


def _errors(model: type[Model], value: Any) -> Sequence[ErrorDetails]:
    try:
        _read(model, orjson.dumps(value))
    except ValidationError as error:
        return error.errors(include_url=False)
    return ()


def _found(model: type[M], value: Any, rules: Rules[M]) -> tuple[Problem, ...] | None:
    """What the rules say; None for what the model does not take."""
    text = _as_json(value, model)
    try:
        return tuple(rules(_read(model, text))) if text is not None else None
    except ValidationError:
        return None


def _shortened(value: Any, schema: dict[str, Any], path: Path, errors: list[ErrorDetails]) -> Any:
    """The value with as many items in each list as it may have: the others are one error, and not looked at."""
    if isinstance(value, list) and "items" in schema:
        most = schema.get("maxItems", len(value))
        if len(value) > most:
            errors.append({"type": "too_long", "loc": path, "input": value, "msg": ""})
        return [_shortened(item, schema["items"], (*path, at), errors) for at, item in enumerate(value[:most])]
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        return {
            key: _shortened(inner, known[key], (*path, key), errors) if key in known else inner
            for key, inner in value.items()
        }
    return value


def _without_echoes(errors: Sequence[ErrorDetails]) -> Iterator[ErrorDetails]:
    """The errors without those of a list that is too short only because an item of it is bad."""
    holders = {error["loc"][:size] for error in errors for size in range(len(error["loc"]))}
    yield from (error for error in errors if error["type"] != "too_short" or error["loc"] not in holders)


def _with_stand_ins(value: Any, errors: Sequence[ErrorDetails], schema: dict[str, Any], which: int) -> Any:
    """The value with the one or the other stand-in where each error is."""
    from crontask.api.structure import node_at
    from crontask.api.takes import stand_ins

    result = deepcopy(value)
    for error in errors:
        *holders, last = error["loc"]
        holder = result
        for part in holders:
            holder = holder[part]
        node = node_at(schema, error["loc"]) or {}
        meant = _as_text(error.get("input"), node) if which == 0 else None
        holder[last] = meant if meant is not None else deepcopy(stand_ins(node)[which])
    return result


def _as_text(written: Any, node: dict[str, Any]) -> str | None:
    """What is written without its quotes, where others may name it: a step that is called 5."""
    plain = node.get("type") == "string" and not node.keys() & {"pattern", "format", "enum"}
    if not plain or not isinstance(written, bool | int | float):
        return None
    text = str(written).lower()
    return text if len(text) <= node.get("maxLength", len(text)) else None


def _put(value: Any, path: Path, inner: Any) -> Any:
    """A copy of the value with another part at the path; shallow, but for what holds the part."""
    if not path:
        return inner
    first, *rest = path
    if isinstance(first, int):
        return [_put(item, tuple(rest), inner) if index == first else item for index, item in enumerate(value)]
    return {**value, first: _put(value.get(first), tuple(rest), inner)}


def within(path: str, outer: str) -> bool:
    return path == outer or (path.startswith(outer) and path[len(outer)] in ".[")
