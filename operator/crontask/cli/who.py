"""Who we are to the API server: what a pause is signed with."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crontask.client import Cluster


def me(cluster: "Cluster") -> str:
    """The name by which the API server knows us; that of the kubeconfig where it does not say."""
    from crontask.client import errors, operations, requests

    try:
        review = cluster.run(operations.once(requests.who()))
    except (errors.Forbidden, errors.NotFound):
        return cluster.access.user
    return str(((review.get("status") or {}).get("userInfo") or {}).get("username") or cluster.access.user)
