"""Kubeconfig files with their certificates embedded. Called by control_plane and cluster."""

import base64
from pathlib import Path

import yaml

from cluster.certificates import Identity


def write(path: Path, url: str, authority: Path, identity: Identity) -> Path:
    """Write a kubeconfig that needs no other file, readable by its owner only."""
    name = "crontask"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": url, "certificate-authority-data": _encoded(authority)}}],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": _encoded(identity.certificate),
                    "client-key-data": _encoded(identity.key),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
