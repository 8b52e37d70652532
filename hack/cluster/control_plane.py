"""etcd and kube-apiserver: their command lines, and the two alone as a context manager for tests and benchmarks.

The commands are also the full cluster's (cluster.cluster). A ControlPlane lives in a temporary folder, on
free loopback ports, and ends with its owner. It is not for hostile neighbours: etcd listens without TLS on
loopback, and forgets to sync its disk.
"""

import os
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cluster import binaries, kubeconfig, layout
from cluster.certificates import Authority, Identity, make_signing_key
from cluster.processes import ClusterError, Processes, environment

SERVICES = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
API_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    API_SERVICE,
    "127.0.0.1",
)
LOOPBACK = "127.0.0.1"
ADMINISTRATORS = "system:masters"
API_TIMEOUT = 90.0
"""Seconds; an API server is ready in six on two idle cores, and tests start while others build."""


@dataclass(frozen=True)
class Endpoints:
    """Where etcd and the API server listen."""

    address: str
    api: int
    etcd: int
    etcd_peer: int

    @property
    def url(self) -> str:
        return f"https://{self.address}:{self.api}"

    @property
    def etcd_url(self) -> str:
        return f"http://{LOOPBACK}:{self.etcd}"


@dataclass(frozen=True)
class Credentials:
    """What the API server shows and accepts."""

    authority: Authority
    server: Identity
    admin: Identity
    signing_key: Path

    @classmethod
    def make(cls, folder: Path, address: str) -> Self:
        authority = Authority(folder)
        return cls(
            authority,
            server=authority.issue("kube-apiserver", "kube-apiserver", hosts={*API_NAMES, address}),
            admin=authority.issue("admin", "admin", [ADMINISTRATORS]),
            signing_key=make_signing_key(folder / "service-accounts.key"),
        )


def etcd_command(binary: Path, data: Path, at: Endpoints) -> list[str]:
    peer = f"http://{LOOPBACK}:{at.etcd_peer}"
    return [
        str(binary),
        "--name=default",
        f"--data-dir={data}",
        f"--listen-client-urls={at.etcd_url}",
        f"--advertise-client-urls={at.etcd_url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # The data is thrown away.
        "--log-level=warn",
    ]


def apiserver_command(binary: Path, credentials: Credentials, at: Endpoints, extra: Sequence[str] = ()) -> list[str]:
    return [
        str(binary),
        f"--etcd-servers={at.etcd_url}",
        f"--bind-address={at.address}",
        f"--advertise-address={at.address}",
        f"--secure-port={at.api}",
        f"--tls-cert-file={credentials.server.certificate}",
        f"--tls-private-key-file={credentials.server.key}",
        f"--client-ca-file={credentials.authority.certificate}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={credentials.signing_key}",
        f"--service-account-signing-key-file={credentials.signing_key}",
        f"--service-cluster-ip-range={SERVICES}",
        "--allow-privileged=true",
        *extra,
    ]


def controller_manager_command(
    binary: Path, config: Path, credentials: Credentials, port: int, extra: Sequence[str] = ()
) -> list[str]:
    return [
        str(binary),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        "--leader-elect=false",  # There is one, and an election costs seconds at the start.
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={credentials.signing_key}",
        f"--root-ca-file={credentials.authority.certificate}",
        f"--cluster-signing-cert-file={credentials.authority.certificate}",
        f"--cluster-signing-key-file={credentials.authority.identity.key}",
        *extra,
    ]


def scheduler_command(binary: Path, config: Path, port: int) -> list[str]:
    return [
        str(binary),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        "--leader-elect=false",
    ]


def healthy(url: str, authority: Path | None = None, client: Identity | None = None) -> bool:
    """Whether a GET is answered by 200. Without an authority, the certificate of an https URL is not verified."""
    context = ssl.create_default_context(cafile=authority)
    if authority is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if client:
        context.load_cert_chain(client.certificate, client.key)
    # No proxy, whatever the environment says: everything here is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def apiserver_ready(url: str, credentials: Credentials) -> bool:
    """Ready, and the namespace `default` there (the server itself makes it a moment after it is ready)."""
    paths = ("/readyz", "/api/v1/namespaces/default")
    return all(_admin_can_get(url + path, credentials) for path in paths)


def has_default_service_account(url: str, credentials: Credentials) -> bool:
    """Whether the controller manager has come to make it: pods are refused until then."""
    return _admin_can_get(f"{url}/api/v1/namespaces/default/serviceaccounts/default", credentials)


def _admin_can_get(url: str, credentials: Credentials) -> bool:
    return healthy(url, credentials.authority.certificate, credentials.admin)


def kubectl(binary: Path, config: Path, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl and return what it prints; raise ClusterError with its message."""
    command = [str(binary), f"--kubeconfig={config}", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment(), check=False)
    if done.returncode != 0:
        raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


class ControlPlane:
    """A context manager: etcd and kube-apiserver, and kube-controller-manager if arguments for it are given.

    The API server is an ordinary one (RBAC, default limits), but without a controller manager nobody makes
    the default service accounts, so then pods are admitted without.
    """

    def __init__(
        self, *, apiserver_args: Sequence[str] = (), controller_manager_args: Sequence[str] | None = None
    ) -> None:
        self._apiserver_args = apiserver_args
        self._controller_manager_args = controller_manager_args
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        needed = ["etcd", "kube-apiserver", "kubectl"]
        if self._controller_manager_args is not None:
            needed.append("kube-controller-manager")
        self._binaries = binaries.find(needed)
        self._folder = Path(tempfile.mkdtemp(prefix="crontask-control-plane-"))
        self._processes = Processes(self._folder)
        self._cleanup.callback(_release, start_reaper(self._folder))
        self._cleanup.callback(self._stop)
        try:
            self._start()
        except BaseException:
            self._cleanup.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    @property
    def url(self) -> str:
        return self._endpoints.url

    @property
    def kubeconfig(self) -> Path:
        """An administrator's."""
        return self._folder / "admin.kubeconfig"

    @property
    def kubectl_path(self) -> Path:
        return self._binaries["kubectl"]

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as the administrator and return what it prints; raise ClusterError with its message."""
        return kubectl(self.kubectl_path, self.kubeconfig, *arguments, stdin=stdin)

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig by which the API server takes the client for this user, with what RBAC gives to it."""
        number = len(list(self._folder.glob("user-*.kubeconfig")))
        identity = self._credentials.authority.issue(f"user-{number}", user, groups)
        path = self._folder / f"user-{number}.kubeconfig"
        return kubeconfig.write(path, self.url, self._credentials.authority.certificate, identity)

    def log(self, component: str) -> Path:
        return self._processes.log(component)

    def pid(self, component: str) -> int | None:
        """The pid of `etcd`, `kube-apiserver` or `kube-controller-manager`, to measure it."""
        return self._processes.pid(component)

    def start_apiserver(self) -> None:
        """Start the API server on the port and the data that it had, and wait until it is ready."""
        command = apiserver_command(
            self._binaries["kube-apiserver"], self._credentials, self._endpoints, self._apiserver_extra()
        )
        self._processes.start("kube-apiserver", command)
        self._processes.wait("kube-apiserver", lambda: apiserver_ready(self.url, self._credentials), API_TIMEOUT)

    def stop_apiserver(self, grace: float = 3) -> None:
        """Stop the API server; it waits for its watches to end, so it is killed after the grace (0: at once)."""
        self._processes.stop("kube-apiserver", grace)

    def _start(self) -> None:
        api, etcd, peer = free_ports(3)
        self._endpoints = Endpoints(LOOPBACK, api, etcd, peer)
        command = etcd_command(self._binaries["etcd"], self._folder / "etcd", self._endpoints)
        self._processes.start("etcd", command)
        self._credentials = Credentials.make(self._folder / "certificates", LOOPBACK)
        kubeconfig.write(self.kubeconfig, self.url, self._credentials.authority.certificate, self._credentials.admin)
        self._processes.wait("etcd", lambda: healthy(f"{self._endpoints.etcd_url}/health"))
        self.start_apiserver()
        if self._controller_manager_args is not None:
            self._start_controller_manager(self._controller_manager_args)

    def _stop(self) -> None:
        for name in self._processes.names():
            self._processes.stop(name, grace=0)

    def _start_controller_manager(self, arguments: Sequence[str]) -> None:
        name, (port,) = "kube-controller-manager", free_ports(1)
        command = controller_manager_command(self._binaries[name], self.kubeconfig, self._credentials, port, arguments)
        self._processes.start(name, command)
        self._processes.wait(name, lambda: healthy(f"https://{LOOPBACK}:{port}/healthz"))
        self._processes.wait(name, lambda: has_default_service_account(self.url, self._credentials))

    def _apiserver_extra(self) -> list[str]:
        # The server's own endpoint cannot be on loopback, so none is published.
        extra = ["--authorization-mode=RBAC", "--endpoint-reconciler-type=none"]
        if self._controller_manager_args is None:
            extra.append("--disable-admission-plugins=ServiceAccount")
        return [*extra, *self._apiserver_args]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; all are held until all are known, so that they differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def start_reaper(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "cluster.reaper", str(folder)]
    importing = os.environ | {"PYTHONPATH": str(layout.IMPORT_ROOT)}
    return subprocess.Popen(command, env=importing, stdin=subprocess.PIPE, start_new_session=True)


def _release(reaper: subprocess.Popen[bytes]) -> None:
    """Let the reaper remove the folder, and end."""
    reaper.communicate()
