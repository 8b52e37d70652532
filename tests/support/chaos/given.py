"""What the first container of a pod is given."""

from crontask.ports import Document


def given_to(pod: Document) -> dict[str, str]:
    """Its environment; nothing where a pod has no container."""
    return {
        each["name"]: each.get("value", "")
        for container in pod["spec"]["containers"][:1]
        for each in container.get("env", ())
    }
