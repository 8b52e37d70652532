"""CronTasks that stand in for those that an object names and that are not simulated: their runs go as parts go."""

from collections.abc import Iterable

from crontask.ports import Document

_HANDLER: Document = {"container": {"image": "stand-in"}}
_CONCURRENCY: Document = {"policy": "Allow"}


def stand_ins(documents: Iterable[Document]) -> list[Document]:
    """One for each CronTask that a part names, but for those among the documents."""
    documents = list(documents)
    known = {document["metadata"]["name"] for document in documents if document["kind"] == "CronTask"}
    named = set().union(*map(_tasks_of_parts, documents)) - known
    namespaces = {document["metadata"]["namespace"] for document in documents}
    return [_stand_in(name, namespace) for name in sorted(named) for namespace in namespaces]


def _tasks_of_parts(document: Document) -> set[str]:
    """The CronTasks whose runs are parts of a run of it."""
    handler = document["spec"].get("handler") or {}
    parts = [*(handler.get("steps") or ()), (handler.get("forEach") or {}).get("handler") or {}]
    return {part["task"] for part in parts if part.get("task")}


def _stand_in(name: str, namespace: str) -> Document:
    spec = {"handler": _HANDLER, "concurrency": _CONCURRENCY}
    return {"kind": "CronTask", "metadata": {"name": name, "namespace": namespace}, "spec": spec}
