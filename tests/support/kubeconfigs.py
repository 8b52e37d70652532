"""Kubeconfigs for tests: certificates that are real, and files written of short rows."""

import base64
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from certificates import self_signed

SERVER = "https://api.example.com:6443"


@cache
def authority() -> str:
    """A certificate in PEM."""
    return self_signed(["api.example.com"])[0]


@cache
def own() -> tuple[str, str]:
    """A client certificate and its key, PEM."""
    return self_signed(["ann"])


def encoded(text: str) -> str:
    """As in the fields that end in -data."""
    return base64.b64encode(text.encode()).decode()


def config(
    cluster: dict[str, Any] | None = None,
    user: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
    name: str = "dev",
) -> dict[str, Any]:
    """A kubeconfig of one cluster, one user and the context of both."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": SERVER, **(cluster or {})}}],
        "users": [{"name": name, "user": user or {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, **(context or {})}}],
    }


def write(folder: Path, content: Any, name: str = "config") -> Path:
    """The file of a kubeconfig, with the files that it may name beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = own()
    beside = {"ca.crt": authority(), "ann.crt": certificate, "ann.key": key, "token": "from-file\n", "empty": ""}
    for file, text in beside.items():
        (folder / file).write_text(text)
    path = folder / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    return path
