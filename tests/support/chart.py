"""The manifests of the chart, as helm renders them."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from api_server import ROOT

from cluster import binaries

RELEASE = "somewhere"
NAME = f"{RELEASE}-crontask"
"""What its objects are called."""


CHART = ROOT / "charts" / "crontask"
OF_THE_CLUSTER = CHART / "charts" / "crontask-crds"
"""What an administrator can install apart."""


def rendered(*settings: str, chart: Path = CHART, release: str = RELEASE) -> list[dict[str, Any]]:
    """All of them, with these arguments of helm."""
    helm = binaries.find(["helm"])["helm"]
    command = [str(helm), "template", release, str(chart), *settings]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [manifest for manifest in yaml.load_all(text, yaml.CSafeLoader) if manifest]


def policies(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The admission policies and their bindings."""
    return [manifest for manifest in manifests if manifest["kind"].startswith("ValidatingAdmissionPolicy")]


def as_text(manifests: list[dict[str, Any]], like: Callable[[dict[str, Any]], bool] = lambda manifest: True) -> str:
    """For kubectl."""
    return "\n---\n".join(json.dumps(manifest) for manifest in manifests if like(manifest))
