"""What an API server does to a document: merge patches, label selectors, the defaults and limits of our schemas."""

import copy
from decimal import Decimal
from functools import cache
from typing import Any

import orjson

from crontask.api.crd import cron_task_crd, scheduled_run_crd
from crontask.api.numbers import WHOLE
from crontask.ports import Document, Kind

# From here on it writes an exponent; and what our clients read as a whole number.
_IN_DIGITS = 1e21
_READ_AS_WHOLE = range(WHOLE[0], 2**64)
_OPEN = "x-kubernetes-preserve-unknown-fields"


def copied(document: Document) -> Document:
    """A document of its own, as JSON has it: what somebody does to the one changes nothing in the other."""
    return dict(orjson.loads(orjson.dumps(document)))


def as_stored(value: Any) -> Any:
    """A value as the API server gives it back: 1.0 and -0.0 come as 1 and 0, and what has more than 64 bits rounded."""
    if isinstance(value, dict):
        return {key: as_stored(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_stored(inner) for inner in value]
    if isinstance(value, bool) or not isinstance(value, int | float) or (isinstance(value, int) and value in WHOLE):
        return value
    number = float(value)
    if not number.is_integer() or abs(number) >= _IN_DIGITS:
        return number
    # It writes the fewest digits that lead to the same number, and then zeros.
    digits = int(Decimal(repr(number)))
    return digits if digits in _READ_AS_WHOLE else number


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: a new document, which shares its parts with both; null removes."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def selected(document: Document | None, selector: str) -> bool:
    """Whether the labels are as a comma list of `key` and `key=value` wants them. Nothing is never selected."""
    if document is None:
        return False
    labels = document["metadata"].get("labels") or {}
    for requirement in filter(None, selector.split(",")):
        key, equals, value = requirement.replace("==", "=").partition("=")
        if key not in labels or (equals and labels[key] != value):
            return False
    return True


def has_fields(document: Document, fields: str) -> bool:
    """Whether the fields are as a comma list of `path=value` and `path!=value` wants them."""
    for requirement in filter(None, fields.split(",")):
        path, _, value = requirement.partition("=")
        found: Any = document
        for part in path.rstrip("!").split("."):
            found = (found or {}).get(part)
        if ((found or "") == value) is path.endswith("!"):
            return False
    return True


def structured(kind: Kind, document: Document) -> Document:
    """As the schema of the kind would have it stored: unknown fields dropped, defaults filled in."""
    schemas = _schemas().get(kind)
    if schemas is None:
        return document
    result = dict(document)
    for part in ("spec", "status"):
        if part in document:
            result[part] = _structured(schemas[part], document[part])
    return result


@cache
def _schemas() -> dict[Kind, dict[str, Any]]:
    crds = {Kind.CRON_TASK: cron_task_crd(), Kind.SCHEDULED_RUN: scheduled_run_crd()}
    return {kind: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"] for kind, crd in crds.items()}


def _structured(schema: dict[str, Any], value: Any) -> Any:
    if isinstance(value, list) and "items" in schema:
        return [_structured(schema["items"], item) for item in value]
    if not isinstance(value, dict) or schema.get(_OPEN):
        return value
    if isinstance(schema.get("additionalProperties"), dict):
        return {key: _structured(schema["additionalProperties"], item) for key, item in value.items()}
    properties = schema.get("properties", {})
    known = {key: item for key, item in value.items() if key in properties}
    # Null is a value where anything is.
    left_out = [key for key, item in known.items() if item is None and not properties[key].get(_OPEN)]
    result = {key: _structured(properties[key], item) for key, item in known.items() if key not in left_out}
    for key, inner in properties.items():
        if key not in result and "default" in inner:
            result[key] = _structured(inner, copy.deepcopy(inner["default"]))
    return result
