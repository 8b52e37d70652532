"""The parts of a run, and theirs, from the cluster."""

from typing import TYPE_CHECKING

from crontask.api.names import LABEL_PARENT
from crontask.client.tree import Parts, is_composite

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.client.requests import Document


def parts_of(cluster: "Cluster", run: "Document") -> Parts:
    """Everything below the run: one request where no part has parts itself, else two."""
    from crontask.api.resources import SCHEDULED_RUN

    if not is_composite(run):
        return Parts(())
    namespace, name = run["metadata"]["namespace"], run["metadata"]["name"]
    below = cluster.list(SCHEDULED_RUN, namespace=namespace, fields=f"spec.parent.name={name}")["items"]
    if any(map(is_composite, below)):
        below = cluster.list(SCHEDULED_RUN, namespace=namespace, selector=LABEL_PARENT)["items"]
    return Parts(below)
