"""Merging a partial pod template into the one that a handler makes.

What has a name is merged by it, as `kubectl apply` does; other lists and values of the partial template replace.
"""

from typing import Any

Document = dict[str, Any]
# The field by which the items of a list are distinguished; those of other lists are not.
_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
}


def merged(whole: Any, part: Any, name: str = "") -> Any:
    """The whole with the part in it; neither is changed. `name`: the field whose value they are."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return {**whole, **{key: merged(whole[key], part[key], key) if key in whole else part[key] for key in part}}
    if isinstance(whole, list) and isinstance(part, list) and name in _KEYS:
        return _merged_list(whole, part, _KEYS[name])
    return part


def _merged_list(whole: list[Any], part: list[Any], key: str) -> list[Any]:
    """The items of the whole, each with its namesake of the part, and then the others of the part."""
    named = {name: item for item in part if (name := _name(item, key)) is not None}
    met = {_name(item, key) for item in whole} - {None}
    kept = [merged(item, named[name]) if (name := _name(item, key)) in named else item for item in whole]
    return kept + [item for item in part if _name(item, key) not in met]


def _name(item: Any, key: str) -> str | int | None:
    """By which an item is identified; None if it has nothing of the kind."""
    name = item.get(key) if isinstance(item, dict) else None
    return name if isinstance(name, str | int) else None
