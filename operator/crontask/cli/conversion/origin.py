"""Whose an object is and what it is called: the metadata of a CronJob as that of a CronTask."""

import re

from crontask.api.names import DNS_LABEL
from crontask.api.validate import LONGEST_NAME
from crontask.cli.conversion.draft import Draft, Fields, RefusedError

_METADATA = ("metadata",)
# What an API server, kubectl and tools that manage a CronJob write about that one object. Taken along, an Argo CD would
# remove the CronTask as one that is not in Git.
_OF_THE_OBJECT = re.compile(
    r"kubectl\.kubernetes\.io/last-applied-configuration|cronjob\.kubernetes\.io/.*|deployment\.kubernetes\.io/.*"
    r"|meta\.helm\.sh/.*|helm\.sh/chart|argocd\.argoproj\.io/(?:tracking-id|instance)|objectset\.rio\.cattle\.io/.*"
)
_SERVER = (
    *("uid", "resourceVersion", "generation", "managedFields", "selfLink", "deletionTimestamp"),
    *("deletionGracePeriodSeconds", "generateName"),
)
_MANAGED_BY = ("app.kubernetes.io/managed-by", "Helm")


def set_metadata(draft: Draft, metadata: Fields, *, rename: bool) -> str | None:
    """Name, namespace, labels and annotations. When the CronJob was made, None where that is not known."""
    created = metadata.text("creationTimestamp")
    name = metadata.text("name")
    namespace = metadata.text("namespace")
    if name is None:
        raise RefusedError("metadata.name", "is missing", "write the name of the CronJob")
    draft.title = f"CronJob {namespace}/{name}" if namespace else f"CronJob {name}"
    draft.metadata["name"] = _name(draft, name, rename=rename)
    if namespace:
        draft.metadata["namespace"] = namespace
    for kind in ("labels", "annotations"):
        _set_labels(draft, kind, metadata.strings(kind))
    for key in _SERVER:
        metadata.take(key)
    if metadata.take("ownerReferences") is not None:
        text = "who made the CronJob does not know this task, and makes the CronJob again: change it there"
        draft.lose(_METADATA, "metadata.ownerReferences", text)
    for key in metadata.rest():
        draft.lose(_METADATA, f"metadata.{key}", "a CronTask has nothing like it")
    return created


def _name(draft: Draft, name: str, *, rename: bool) -> str:
    if len(name) <= LONGEST_NAME and DNS_LABEL.fullmatch(name):
        return name
    label = name.replace(".", "-")
    if len(label) > LONGEST_NAME or not DNS_LABEL.fullmatch(label):
        raise RefusedError("metadata.name", f"{name!r} is not a name that a CronJob can have", "correct it")
    if not rename:
        message = f"{name!r} has dots, and the name of a CronTask cannot"
        raise RefusedError("metadata.name", message, f"write --rename to have it called {label}")
    draft.comment(("metadata", "name"), f"{name!r}, renamed: the name of a CronTask has no dots.")
    return label


def _set_labels(draft: Draft, kind: str, found: dict[str, str]) -> None:
    left_out = sorted(
        key for key, value in found.items() if _OF_THE_OBJECT.fullmatch(key) or (key, value) == _MANAGED_BY
    )
    kept = {key: value for key, value in found.items() if key not in left_out}
    if kept:
        draft.metadata[kind] = kept
    left_out = [key for key in left_out if not key.startswith("kubectl.")]
    if left_out:
        draft.comment(
            ("metadata", kind), f"Without {', '.join(left_out)}: what manages the CronJob wrote that about it."
        )
