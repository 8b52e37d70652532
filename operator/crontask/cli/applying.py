"""What `kubectl apply` makes of an object of the cluster and of a manifest, without asking the API server.

What the manifest has counts. What it has no more goes, if it was applied before; what others have set, as `crontask
suspend` does, and the defaults that the API server has filled in, stay.
"""

from typing import Any

import orjson

Object = dict[str, Any]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_EDITABLE = ("labels", "annotations")
# Who applies what is in no file: the SDK.
_OURS = "crontask"


def applied(live: Object, manifest: Object) -> Object:
    """The object as it is once the manifest is applied: its spec, labels and annotations."""
    last = _last_applied(live)
    metadata = live["metadata"]
    changed = {
        key: _merged(_part(metadata, key), _part(manifest, "metadata", key), _part(last, "metadata", key))
        for key in _EDITABLE
    }
    spec = _merged(_part(live, "spec"), _part(manifest, "spec"), _part(last, "spec"))
    return {**live, "metadata": {**metadata, **changed}, "spec": spec}


def _merged(live: Object, written: Object, last: Object) -> Object:
    """Objects within one another are merged, all else is replaced. Null stands for nothing."""
    kept = {key: value for key, value in live.items() if key in written or key not in last}
    for key, value in written.items():
        if value is None:
            kept.pop(key, None)
        elif isinstance(value, dict):
            kept[key] = _merged(_part(live, key), value, _part(last, key))
        else:
            kept[key] = value
    return kept


def _last_applied(live: Object) -> Object:
    """The fields that were applied before: of kubectl's own record, else of the API server's, with values that lack."""
    recorded = _part(live, "metadata", "annotations").get(LAST_APPLIED)
    if isinstance(recorded, str):
        try:
            found = orjson.loads(recorded)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}
    owned: Object = {}
    for manager in live["metadata"].get("managedFields") or ():
        if manager.get("operation") == "Apply" and not str(manager.get("manager")).startswith(_OURS):
            _add_owned(owned, manager.get("fieldsV1") or {})
    return owned


def _add_owned(owned: Object, fields: Object) -> None:
    """Fields as managedFields has them, `f:spec: {f:schedule: {}}`, as an object."""
    for key, below in fields.items():
        if key.startswith("f:") and isinstance(below, dict):
            _add_owned(owned.setdefault(key.removeprefix("f:"), {}), below)


def _part(value: Any, *path: str) -> Object:
    """What stands there, if that is an object."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
