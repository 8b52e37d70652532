"""What is read of a pod. Pure."""

from crontask.api.names import MAIN_CONTAINER
from crontask.client.requests import Document


def handler_container(pod: Document) -> str:
    """The container whose log is the run's: the one of the handler's name, else the first."""
    names = [str(container["name"]) for container in pod["spec"]["containers"]]
    return MAIN_CONTAINER if MAIN_CONTAINER in names else names[0]
