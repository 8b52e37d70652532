"""The certificate that the chart makes: kept by an upgrade, and made anew where somebody has damaged it."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import chart
import pytest
from cryptography import x509

from cluster import binaries
from cluster.control_plane import ControlPlane

RELEASE = "certified-crontask"
SECRET = f"{RELEASE}-webhook"
MADE = "crontask.dev/certificate-made"
NEVER_MADE = {"crds.enabled=false", "admissionPolicy.enabled=false", "userRoles.enabled=false", "replicas=0"}


class Installed:
    """The chart in a namespace of a cluster where nothing runs."""

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        self._control_plane = control_plane
        self._namespace = namespace

    def upgrade(self, *values: str) -> None:
        """Install it, or upgrade it; raises RuntimeError."""
        settings = [part for value in (*NEVER_MADE, *values) for part in ("--set", value)]
        self.helm("upgrade", "--install", RELEASE, str(chart.CHART), *settings)

    def helm(self, *arguments: str) -> None:
        """Raises RuntimeError with what it says."""
        helm = str(binaries.find(["helm"])["helm"])
        environment = {**os.environ, "KUBECONFIG": str(self._control_plane.kubeconfig)}
        command = [helm, *arguments, "--namespace", self._namespace]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            raise RuntimeError(done.stderr)

    def data(self) -> dict[str, bytes]:
        """What the Secret has. Its certificate is believed by the API server, and its CA's text is one."""
        secret = self._json("secret", SECRET)
        data = {name: base64.b64decode(content) for name, content in secret["data"].items()}
        (hook, _) = self._json("validatingwebhookconfiguration", f"{RELEASE}-{self._namespace}")["webhooks"]
        assert base64.b64decode(hook["clientConfig"]["caBundle"]) == data["ca.crt"]
        return data

    def patch(self, patch: dict[str, Any]) -> None:
        """Change the Secret by a merge patch."""
        here = ("-n", self._namespace, "patch", "secret", SECRET, "--type=merge", "-p", json.dumps(patch))
        self._control_plane.kubectl(*here)

    def _json(self, kind: str, name: str) -> dict[str, Any]:
        return dict(json.loads(self._control_plane.kubectl("-n", self._namespace, "get", kind, name, "-o", "json")))


@pytest.fixture
def installed(control_plane: ControlPlane, namespace: str) -> Iterator[Installed]:
    found = Installed(control_plane, namespace)
    found.upgrade()
    yield found
    found.helm("uninstall", RELEASE)


def test_an_upgrade_keeps_it(installed: Installed) -> None:
    before = installed.data()
    installed.upgrade("startRate=7")
    assert installed.data() == before


@pytest.mark.parametrize(
    "damage",
    [
        {"data": {"tls.crt": "eA=="}},
        {"data": {"tls.key": ""}},
        {"data": {"ca.crt": "eA=="}},
        {"data": {"ca.crt": None}},
        {"metadata": {"annotations": {MADE: "99999999999"}}},
        {"metadata": {"annotations": {MADE: "long ago"}}},
    ],
    ids=str,
)
def test_what_somebody_has_damaged_is_made_anew(installed: Installed, damage: dict[str, Any]) -> None:
    before = installed.data()["tls.crt"]
    installed.patch(damage)
    installed.upgrade()
    after = installed.data()
    (served,) = x509.load_pem_x509_certificates(after["tls.crt"])
    believed = x509.load_pem_x509_certificates(after["ca.crt"])
    assert served in believed
    assert after["tls.crt"] != before
    # The pods show the one before until they have the new one.
    kept = "data" not in damage or "tls.crt" not in damage["data"]
    assert (x509.load_pem_x509_certificate(before) in believed) == kept
    installed.upgrade()
    assert installed.data() == after


def test_its_secret_is_not_somebody_s_own(installed: Installed) -> None:
    before = installed.data()
    with pytest.raises(RuntimeError, match="is the Secret that this chart has made, and helm would remove it"):
        installed.upgrade(f"webhook.secretName={SECRET}")
    assert installed.data() == before
