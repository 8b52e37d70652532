"""Where a run stands among those that wait for their turn."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.client.requests import Document


def position(cluster: "Cluster", run: "Document") -> str:
    """`2 of 5`, of the queue of its task; nothing of a run that does not queue."""
    from crontask.api.resources import SCHEDULED_RUN

    task = (run["spec"].get("taskRef") or {}).get("name")
    if (run.get("status") or {}).get("phase") != "Queued" or not task:
        return ""
    fields = f"spec.taskRef.name={task},status.phase=Queued"
    waiting = sorted(
        cluster.list(SCHEDULED_RUN, namespace=run["metadata"]["namespace"], fields=fields)["items"], key=_turn
    )
    names = [each["metadata"]["name"] for each in waiting]
    name = run["metadata"]["name"]
    return f"{names.index(name) + 1} of {len(names)}" if name in names else ""


def _turn(run: "Document") -> tuple[str, str]:
    return str((run.get("status") or {}).get("scheduledTime") or ""), str(run["metadata"]["name"])
