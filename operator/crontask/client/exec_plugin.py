"""Exec plugins of a kubeconfig (client.authentication.k8s.io): a program that prints a token or a client certificate.

Its standard error is ours, and its standard input too where it may ask something: it may have to send somebody to a
browser. Loaded only where a user has one.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crontask.client.errors import AccessError
from crontask.client.grants import Grant, KeyPair
from crontask.client.kubeconfig import Fields

_GROUP = "client.authentication.k8s.io"
_VERSIONS = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
_MODES = ("Never", "IfAvailable", "Always")
_CONFIG_EXTENSION = f"{_GROUP}/exec"
_KIND = "ExecCredential"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin as a user has it."""

    fields: Fields
    command: str
    args: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    api_version: str
    mode: str
    hint: str
    cluster: dict[str, Any] | None
    # Whether we may let it ask something.
    may_ask: bool

    @classmethod
    def of(cls, fields: Fields, cluster: Fields, may_ask: bool) -> "Plugin":
        """The plugin that is written there. Refuses what kubectl refuses, and says what to write."""
        command, version = fields.text("command"), fields.text("apiVersion")
        if not command:
            raise fields.error("command", "is missing", "write the program that prints the credential")
        if version not in _VERSIONS:
            wrong = f"is {version!r}, which Kubernetes no longer has" if version else "is missing"
            raise fields.error("apiVersion", wrong, f"write apiVersion: {' or '.join(_VERSIONS)}, as the plugin speaks")
        mode = fields.text("interactiveMode") or ("" if version == _VERSIONS[0] else "IfAvailable")
        if mode not in _MODES:
            wrong = f"is {mode!r}" if mode else "is missing"
            raise fields.error("interactiveMode", wrong, f"write one of {', '.join(_MODES)}")
        env = tuple((entry.text("name"), entry.text("value")) for entry in fields.entries("env"))
        info = _cluster_info(cluster) if fields.flag("provideClusterInfo") else None
        hint = fields.text("installHint")
        return cls(fields, command, fields.texts("args"), env, version, mode, hint, info, may_ask)

    def run(self) -> Grant:
        """Run it, and read what it prints."""
        interactive = self.may_ask and self.mode != "Never" and sys.stdin is not None and sys.stdin.isatty()
        if self.mode == "Always" and not interactive:
            raise self._error("needs a terminal (interactiveMode: Always), and there is none", "log in from a terminal")
        spec: dict[str, Any] = {"interactive": interactive}
        if self.cluster is not None:
            spec["cluster"] = self.cluster
        info = json.dumps({"apiVersion": self.api_version, "kind": _KIND, "spec": spec})
        environment = {**os.environ, **dict(self.env), "KUBERNETES_EXEC_INFO": info}
        try:
            done = subprocess.run(
                [self._program(environment), *self.args],
                env=environment,
                stdin=None if interactive else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                check=False,
            )
        except OSError as error:
            raise self._error(f"cannot be run ({error.strerror})", self.hint or "make it executable") from error
        if done.returncode != 0:
            what = f"was killed by signal {-done.returncode}" if done.returncode < 0 else f"ended {done.returncode}"
            raise self._error(what, f"run it to see why: {' '.join((self.command, *self.args))}")
        return self._read(done.stdout)

    def _program(self, environment: dict[str, str]) -> str:
        """The program's path: one with a slash is relative to the kubeconfig."""
        if os.sep in self.command:
            folder = self.fields.file.parent if self.fields.file else Path()
            found = shutil.which(str((folder / self.command).absolute()))
        else:
            found = shutil.which(self.command, path=environment.get("PATH"))
        if found is None:
            raise self._error("is not installed", self.hint or "install it, or write its whole path")
        return found

    def _read(self, printed: bytes) -> Grant:
        try:
            document = json.loads(printed)
        except ValueError as error:
            raise self._error(f"printed no JSON ({error})", f"it has to print an {_KIND}") from error
        if not isinstance(document, dict) or document.get("kind") != _KIND:
            raise self._error(f"printed no {_KIND}", f"it has to print an {_KIND}")
        if document.get("apiVersion") != self.api_version:
            said = document.get("apiVersion")
            raise self._error(f"speaks {said!r}, the kubeconfig {self.api_version}", f"write apiVersion: {said}")
        status = document.get("status")
        status = Fields(status if isinstance(status, dict) else {}, None, "status")
        token = status.text("token")
        certificate, key = status.text("clientCertificateData"), status.text("clientKeyData")
        if bool(certificate) != bool(key):
            raise self._error("printed a certificate or a key without the other", "it has to print both")
        if not token and not certificate:
            raise self._error("printed neither a token nor a client certificate", "it has to print one of them")
        pair = KeyPair(certificate.encode(), key.encode()) if certificate else None
        return Grant(f"Bearer {token}" if token else "", pair, self._until(status.text("expirationTimestamp")))

    def _until(self, text: str) -> datetime | None:
        if not text:
            return None
        try:
            until = datetime.fromisoformat(text)
        except ValueError as error:
            problem = f"printed the expirationTimestamp {text!r}, which is no time"
            raise self._error(problem, "it has to be like 2026-03-29T01:00:00Z") from error
        return until if until.tzinfo else until.replace(tzinfo=UTC)

    def _error(self, problem: str, fix: str) -> AccessError:
        return AccessError(f"{self.fields.path}: the plugin {self.command} {problem}", fix, str(self.fields.file or ""))


def _cluster_info(cluster: Fields) -> dict[str, Any]:
    """What a plugin is given of the cluster, as kubectl gives it."""
    authority = cluster.material("certificate-authority")
    extensions = {entry.text("name"): entry.values.get("extension") for entry in cluster.entries("extensions")}
    info = {
        "server": cluster.text("server"),
        "tls-server-name": cluster.text("tls-server-name"),
        "insecure-skip-tls-verify": cluster.flag("insecure-skip-tls-verify"),
        "certificate-authority-data": base64.b64encode(authority()).decode() if authority else "",
        "proxy-url": cluster.text("proxy-url"),
        "config": extensions.get(_CONFIG_EXTENSION),
    }
    return {key: value for key, value in info.items() if value}
