"""From a spec as it was and as it should be, to the patch. Pure.

A merge patch of the differences: what others change meanwhile, and fields of newer versions, stay. It cannot write a
null within a value, as args may have one; for those the whole spec is replaced, by a JSON patch.
"""

from typing import Any

from crontask.client.operations import JsonPatch
from crontask.client.requests import Document
from crontask.client.values import plain


def spec_patch(before: Document, after: Document, version: str) -> Document | JsonPatch | None:
    """The patch of an object of that version; None where nothing is to be changed. Raises BadInput."""
    # A field of the spec that is None is one that should go.
    wanted = {key: value for key, value in plain(after, "spec", free=True).items() if value is not None}
    changes = _changes(before, wanted)
    if not changes:
        return None
    # Only what is new has to keep to the rules: the rest is how somebody else wrote it.
    plain(changes, "spec")
    if _merged(before, changes) == wanted:
        return {"metadata": {"resourceVersion": version}, "spec": changes}
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/spec", "value": wanted},
    ]


def _changes(before: Document, after: Document) -> Document:
    changes: Document = {key: None for key in before if key not in after}
    for key, value in after.items():
        known = before.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            inner = _changes(known, value)
            if inner:
                changes[key] = inner
        elif key not in before or not _same(known, value):
            changes[key] = value
    return changes


def _same(one: Any, other: Any) -> bool:
    """Whether JSON has one value for both: True is no 1."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    return type(one) is type(other) and bool(one == other)


def _merged(target: Any, patch: Any) -> Any:
    """What an API server makes of it (RFC 7386), which also leaves nulls out of lists."""
    if isinstance(patch, list):
        return [_merged(None, inner) for inner in patch if inner is not None]
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged
