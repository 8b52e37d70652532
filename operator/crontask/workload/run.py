"""The ScheduledRun that the operator creates: of a nominal time, or caused by the end of another run."""

from collections.abc import Mapping
from typing import Any

from crontask.api.base import API_VERSION
from crontask.api.names import LABEL_TASK

Document = dict[str, Any]
KIND = "ScheduledRun"


def build_run(
    namespace: str,
    name: str,
    spec: Mapping[str, Any],
    owner: Document | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Document:
    """A ScheduledRun to create. `owner`: an owner reference; the label of its task is that of the spec's taskRef."""
    task = spec.get("taskRef", {}).get("name")
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": name,
            "namespace": namespace,
            **({"labels": {LABEL_TASK: task}} if task is not None else {}),
            **({"ownerReferences": [owner]} if owner is not None else {}),
            **({"annotations": dict(annotations)} if annotations else {}),
        },
        "spec": dict(spec),
    }
