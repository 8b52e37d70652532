"""What is told by the document of a pod."""

from crontask.api.names import ANNOTATION_STOPPED
from crontask.ports import Document


def owner_of(pod: Document) -> str:
    """The UID of its run, or nothing."""
    return next((str(owner["uid"]) for owner in pod["metadata"].get("ownerReferences", ())), "")


def has_ended(pod: Document) -> bool:
    """Whether nothing of it runs; the pod's own end may be told later than that of its containers."""
    status = pod.get("status") or {}
    states = [container["state"] for container in status.get("containerStatuses", ())]
    return status.get("phase") in ("Succeeded", "Failed") or (bool(states) and all("terminated" in s for s in states))


def was_stopped(pod: Document) -> bool:
    """Whether its kubelet has stopped it because we asked for it."""
    asked = ANNOTATION_STOPPED in pod["metadata"].get("annotations", {})
    return asked and (pod.get("status") or {}).get("reason") == "DeadlineExceeded"
