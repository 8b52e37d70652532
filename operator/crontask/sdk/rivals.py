"""Fields of a task of which one alone can be set: who has set another than ours, and the patch that replaces it. Pure.

A schedule that somebody has made an interval is no conflict of server-side apply: the fields are others. Applied beside
it the task is refused, and so it says nothing of who has set the other.
"""

from collections.abc import Iterator

from crontask.client.operations import JsonPatch
from crontask.client.requests import Document

Path = tuple[str, ...]
GROUPS: dict[Path, tuple[str, ...]] = {
    ("spec",): ("schedule", "schedules", "interval", "delay", "after"),
    ("spec", "handler"): ("container", "podTemplate", "http", "python", "steps", "forEach", "batch"),
}
"""Where they stand, and of which fields one alone can be set."""
BESIDE = {"steps": ("onFailure", "maxParallel", "stepResultFrom"), "container": ("resultFrom",)}
"""What goes with one of them alone."""


def rivals(wanted: Document, found: Document, manager: str) -> dict[Path, str]:
    """What others have set beside one of ours, and who: `manager` gives up by itself what it has applied."""
    owned = {path: _owner(path, found, manager) for path in _beside_ours(wanted, found)}
    return {path: owner for path, owner in owned.items() if owner}


def replacing(wanted: Document, found: Document, rivals: dict[Path, str]) -> JsonPatch:
    """The patch of the task as it was found that sets ours instead of these."""
    version = found["metadata"]["resourceVersion"]
    patch: JsonPatch = [{"op": "replace", "path": "/metadata/resourceVersion", "value": version}]
    patch += [{"op": "remove", "path": _pointer(path)} for path in rivals]
    for parent in dict.fromkeys(path[:-1] for path in rivals):
        ours = _at(wanted, parent)
        for key in GROUPS[parent]:
            if key in ours:
                patch.append({"op": "add", "path": _pointer((*parent, key)), "value": ours[key]})
    return patch


def without_manager(found: Document, manager: str) -> JsonPatch | None:
    """The patch by which a manager owns nothing any more; None where it owns nothing."""
    entries = found["metadata"].get("managedFields") or []
    kept = [entry for entry in entries if entry.get("manager") != manager]
    if len(kept) == len(entries):
        return None
    version = found["metadata"]["resourceVersion"]
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/metadata/managedFields", "value": kept},
    ]


def _beside_ours(wanted: Document, found: Document) -> Iterator[Path]:
    for parent, group in GROUPS.items():
        ours, theirs = _at(wanted, parent), _at(found, parent)
        if any(key in ours for key in group):
            for key in group:
                for name in (key, *BESIDE.get(key, ())):
                    if key not in ours and name in theirs and name not in ours:
                        yield (*parent, name)


def _owner(path: Path, found: Document, manager: str) -> str:
    """Who has set it, empty if nobody else."""
    for entry in found["metadata"].get("managedFields") or ():
        fields = entry.get("fieldsV1") or {}
        for step in path:
            fields = fields.get(f"f:{step}")
            if fields is None:
                break
        else:
            if entry.get("manager") != manager:
                return str(entry.get("manager"))
            if entry.get("operation") != "Apply":
                return f"{manager}, by update()"
    return ""


def _at(document: Document, path: Path) -> Document:
    for step in path:
        document = document.get(step) or {}
    return document


def _pointer(path: Path) -> str:
    return "".join(f"/{step}" for step in path)
