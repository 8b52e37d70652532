"""Who manages an object: what would write it anew, or remove it, if somebody else changed it."""

from typing import Any

_HELM = "meta.helm.sh/release-name"
_FLUX = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
_ARGO = ("argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance")


def manager_of(document: dict[str, Any]) -> str | None:
    """What manages the object, and what to change there; None if nothing is known to."""
    metadata = document["metadata"]
    written = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    for keys, who in ((_FLUX, "Flux"), (_ARGO, "Argo CD"), ((_HELM,), "Helm")):
        for key in keys:
            if key in written:
                return f"{who} ({key}: {written[key]})"
    if written.get("app.kubernetes.io/managed-by") == "Helm":
        return "Helm (app.kubernetes.io/managed-by)"
    owner = next((each for each in metadata.get("ownerReferences") or () if each.get("controller")), None)
    return f"{owner['kind']} {owner['name']}" if owner is not None else None
