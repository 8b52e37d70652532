"""The full cluster, one on a machine: up, down, status, one component away. Called by the command line and by tests.

`up` either ends with a cluster that works or leaves nothing behind but the logs; `down` removes all
traces and may be called at any time.
"""

import contextlib
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster import addons, binaries, images, kubeconfig, layout, machine, network, node, packages, report
from cluster import control_plane as cp
from cluster.certificates import Authority
from cluster.layout import FOLDERS
from cluster.processes import ClusterError, ComponentError, Processes

ENDPOINTS = cp.Endpoints(network.NODE, api=6443, etcd=23790, etcd_peer=23791)
CONTROLLER_MANAGER_PORT, SCHEDULER_PORT = 10257, 10259
KUBECONFIG = layout.LOCAL / "kubeconfig"
FAILED_LOGS = layout.LOCAL / "failed-up"

COMPONENTS = {
    "etcd": f"{cp.LOOPBACK}:{ENDPOINTS.etcd}",
    "kube-apiserver": f"{network.NODE}:{ENDPOINTS.api}",
    "kube-controller-manager": f"{cp.LOOPBACK}:{CONTROLLER_MANAGER_PORT}",
    "kube-scheduler": f"{cp.LOOPBACK}:{SCHEDULER_PORT}",
    "containerd": str(FOLDERS.containerd_socket),
    "kubelet": f"{network.NODE}:{node.KUBELET_PORT}",
    "kube-proxy": f"{cp.LOOPBACK}:10256",
    "coredns": f"{network.NODE}:53",
}
"""In the order of their start, with what they listen on."""

GRACE = {"kube-apiserver": 2.0, "containerd": 5.0, "kubelet": 5.0}
"""Seconds until a SIGKILL, where the usual ones are too long: nothing here needs a quiet end."""

_MEMORY = FOLDERS.state / "machine.json"
_ADMIN = FOLDERS.kubeconfigs / "admin.kubeconfig"


@dataclass(frozen=True)
class Status:
    """What `status` tells; also its JSON."""

    up: bool
    components: dict[str, dict[str, object]]
    node_ready: bool
    dns: bool
    images: list[str]
    kubeconfig: str


def up() -> bool:
    """Bring the cluster up; False if it was up already."""
    _require_root()
    with _exclusively():
        if status().up:
            _publish_kubeconfig()
            return False
        if FOLDERS.state.exists():
            with report.step("taking down what is left of a cluster"):
                _down()
        packages.ensure(packages.NODE)
        built = binaries.build()
        network.refuse_if_taken()
        try:
            _Start(built).run()
        except BaseException as error:
            logs = _keep_logs()
            with report.step("taking down what was started"):
                _down()
            if isinstance(error, ComponentError):
                raise ClusterError(str(error).replace(str(FOLDERS.processes), str(logs))) from error
            raise
        _publish_kubeconfig()
        return True


def down() -> bool:
    """Take the cluster down; False if there was nothing."""
    if not FOLDERS.state.exists() and not FOLDERS.run.exists():
        KUBECONFIG.unlink(missing_ok=True)
        return False
    _require_root()
    with _exclusively():
        _down()
    return True


def status() -> Status:
    processes = Processes(FOLDERS.processes)
    components: dict[str, dict[str, object]] = {
        name: {"pid": processes.pid(name), "listens": listens, "log": str(processes.log(name))}
        for name, listens in COMPONENTS.items()
    }
    running = all(component["pid"] for component in components.values())
    ready, dns = (_node_ready(), addons.dns_works()) if running else (False, False)
    loaded = images.loaded() if components["containerd"]["pid"] else []
    return Status(running and ready and dns, components, ready, dns, loaded, str(KUBECONFIG))


@contextmanager
def stopped(name: str, grace: float = 0) -> Iterator[None]:
    """One component away for the length of a block (killed, without a grace); the cluster works again after it."""
    _require_root()
    processes = Processes(FOLDERS.processes)
    command = processes.command(name)
    processes.stop(name, grace)
    try:
        yield
    finally:
        processes.start(name, command)
        processes.wait(name, lambda: status().up, cp.API_TIMEOUT)
        if name in _NEEDED_BY_WATCHES:
            _end_long_pauses(processes)


_NEEDED_BY_WATCHES = ("etcd", "kube-apiserver")


def _end_long_pauses(processes: Processes) -> None:
    """Start anew who, after an API server that was away, may look again only in half a minute."""
    for name in ("kube-scheduler", "kubelet"):
        command = processes.command(name)
        processes.stop(name, grace=0)
        processes.start(name, command)
    processes.wait("kubelet", lambda: status().up, cp.API_TIMEOUT)


class _Start:
    """One start of all components, in their order, each awaited before what needs it."""

    def __init__(self, built: Path) -> None:
        self.built = built
        self.processes = Processes(FOLDERS.processes)
        self.paths = node.Paths(FOLDERS)

    def run(self) -> None:
        FOLDERS.make()
        machine.remember(_MEMORY)
        with report.step("network and certificates"):
            network.up(self.paths.cni, self.paths.addresses)
            self.credentials = cp.Credentials.make(FOLDERS.certificates, network.NODE)
            self.front_proxy = Authority(FOLDERS.certificates / "front-proxy")
        with report.step("control plane"):
            self._control_plane()
        with report.step("node: containerd, basic images, kubelet"):
            self._node()
        with report.step("services and DNS"):
            self._services()
        with report.step("ready for pods"):
            self._ready_for_pods()

    def _control_plane(self) -> None:
        etcd = cp.etcd_command(self.built / "etcd", FOLDERS.state / "etcd", ENDPOINTS)
        self._start("etcd", etcd, lambda: cp.healthy(f"{ENDPOINTS.etcd_url}/health"))
        apiserver = cp.apiserver_command(
            self.built / "kube-apiserver", self.credentials, ENDPOINTS, self._apiserver_extra()
        )
        self._start("kube-apiserver", apiserver, lambda: cp.apiserver_ready(ENDPOINTS.url, self.credentials))
        kubeconfig.write(_ADMIN, ENDPOINTS.url, self.credentials.authority.certificate, self.credentials.admin)
        manager = cp.controller_manager_command(
            self.built / "kube-controller-manager",
            self._kubeconfig("kube-controller-manager", "system:kube-controller-manager"),
            self.credentials,
            CONTROLLER_MANAGER_PORT,
        )
        self._start("kube-controller-manager", manager, _loopback_health(CONTROLLER_MANAGER_PORT))
        scheduler = cp.scheduler_command(
            self.built / "kube-scheduler",
            self._kubeconfig("kube-scheduler", "system:kube-scheduler"),
            SCHEDULER_PORT,
        )
        self._start("kube-scheduler", scheduler, _loopback_health(SCHEDULER_PORT))

    def _apiserver_extra(self) -> list[str]:
        """Beyond an API server alone: a node's rights, the way to the kubelet (logs, exec), aggregated APIs."""
        authority = self.credentials.authority
        kubelet_client = authority.issue("apiserver-to-kubelet", "apiserver-to-kubelet", [cp.ADMINISTRATORS])
        front_proxy_client = self.front_proxy.issue("client", "front-proxy-client")
        return [
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--kubelet-client-certificate={kubelet_client.certificate}",
            f"--kubelet-client-key={kubelet_client.key}",
            f"--kubelet-certificate-authority={authority.certificate}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--proxy-client-cert-file={front_proxy_client.certificate}",
            f"--proxy-client-key-file={front_proxy_client.key}",
            f"--requestheader-client-ca-file={self.front_proxy.certificate}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
        ]

    def _node(self) -> None:
        server = self.credentials.authority.issue("kubelet", node.NAME, hosts=[node.NAME, network.NODE])
        machine.make_cgroup()
        node.configure(self.paths, server, self.credentials.authority.certificate)
        self._start("containerd", node.containerd_command(self.paths), FOLDERS.containerd_socket.exists)
        images.load(images.basic(self.built))
        config = self._kubeconfig("kubelet", f"system:node:{node.NAME}", "system:nodes")
        command = node.kubelet_command(self.built / "kubelet", self.paths, config)
        self._start("kubelet", command, lambda: cp.healthy(node.KUBELET_HEALTH))

    def _services(self) -> None:
        config = network.proxy_configuration(
            FOLDERS.state / "kube-proxy.yaml", self._kubeconfig("kube-proxy", "system:kube-proxy"), node.NAME
        )
        proxy = [str(self.built / "kube-proxy"), f"--config={config}"]
        self._start("kube-proxy", proxy, lambda: cp.healthy(network.PROXY_HEALTH))
        cp.kubectl(self.built / "kubectl", _ADMIN, "apply", "--server-side", "-f", "-", stdin=addons.manifests())
        corefile = addons.corefile(FOLDERS.state / "Corefile", self._kubeconfig("coredns", addons.DNS_USER))
        command = addons.coredns_command(self.built / "coredns", corefile)
        self._start("coredns", command, lambda: addons.dns_works(network.NODE))
        self.processes.wait("kube-proxy", addons.dns_works)

    def _ready_for_pods(self) -> None:
        """Awaited last: as shipped, the controller manager takes five seconds to begin, in which the rest starts."""
        self.processes.wait("kubelet", _node_ready)
        name = "kube-controller-manager"
        self.processes.wait(name, lambda: cp.has_default_service_account(ENDPOINTS.url, self.credentials))

    def _start(self, name: str, command: list[str], ready: Callable[[], bool]) -> None:
        self.processes.start(name, command)
        self.processes.wait(name, ready, timeout=cp.API_TIMEOUT)

    def _kubeconfig(self, name: str, user: str, *groups: str) -> Path:
        identity = self.credentials.authority.issue(f"{name}-client", user, groups)
        path = FOLDERS.kubeconfigs / f"{name}.kubeconfig"
        return kubeconfig.write(path, ENDPOINTS.url, self.credentials.authority.certificate, identity)


def _down() -> None:
    """The kubelet first, so that nobody restarts what is being ended; the pods by their control group."""
    processes = Processes(FOLDERS.processes)
    order = [name for name in reversed(COMPONENTS) if name not in ("kubelet", "containerd", "etcd")]
    for name in ("kubelet", *order):
        processes.stop(name, GRACE.get(name, 5))
    machine.remove_cgroup()
    machine.end_processes_with_argument(str(FOLDERS.containerd_socket))
    for name in ("containerd", "etcd"):
        processes.stop(name, GRACE.get(name, 5))
    machine.unmount_below(FOLDERS.run, FOLDERS.state)
    if _MEMORY.exists():  # Only then rules and links can be ours.
        network.down()
        machine.restore(_MEMORY)
    for folder in (FOLDERS.run, FOLDERS.state):
        shutil.rmtree(folder, ignore_errors=True)
    KUBECONFIG.unlink(missing_ok=True)


def _node_ready() -> bool:
    """Ready, and without the taint that it has until the controller manager has seen that it is."""
    kubectl = binaries.folder() / "kubectl"
    path = "jsonpath={.status.conditions[?(@.type=='Ready')].status}{.spec.taints}"
    with contextlib.suppress(ClusterError, FileNotFoundError):
        return cp.kubectl(kubectl, _ADMIN, "get", "node", node.NAME, "-o", path) == "True"
    return False


def _loopback_health(port: int) -> Callable[[], bool]:
    return lambda: cp.healthy(f"https://{cp.LOOPBACK}:{port}/healthz")


def _publish_kubeconfig() -> None:
    layout.LOCAL.mkdir(exist_ok=True)
    shutil.copy(_ADMIN, KUBECONFIG)


def _keep_logs() -> Path:
    shutil.rmtree(FAILED_LOGS, ignore_errors=True)
    shutil.copytree(FOLDERS.processes, FAILED_LOGS, ignore=shutil.ignore_patterns("*.pid"))
    return FAILED_LOGS


def _require_root() -> None:
    if os.geteuid() != 0:
        raise ClusterError("The cluster has pods, mounts and network rules: it takes root to bring it up or down.")


@contextmanager
def _exclusively() -> Iterator[None]:
    """One `up` or `down` at a time. An abstract socket is a lock that leaves no file and ends with its process."""
    with socket.socket(socket.AF_UNIX) as lock:
        try:
            lock.bind("\0crontask-cluster")
        except OSError:
            raise ClusterError("Another `up` or `down` is at work.") from None
        yield
