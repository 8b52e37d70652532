"""The manifests of the chart, as helm renders them."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import yaml
from api_server import ROOT

from cluster import binaries

RELEASE = "somewhere"
NAME = f"{RELEASE}-crontask"
"""What its objects are called."""


def rendered(*settings: str) -> list[dict[str, Any]]:
    """All of them, with these arguments of helm."""
    helm = binaries.find(["helm"])["helm"]
    command = [str(helm), "template", RELEASE, str(ROOT / "charts" / "crontask"), *settings]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def policies(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The admission policies and their bindings."""
    return [manifest for manifest in manifests if manifest["kind"].startswith("ValidatingAdmissionPolicy")]


def as_text(manifests: list[dict[str, Any]], like: Callable[[dict[str, Any]], bool] = lambda manifest: True) -> str:
    """For kubectl."""
    return "\n---\n".join(json.dumps(manifest) for manifest in manifests if like(manifest))
