"""Cluster DNS: CoreDNS, a process of the node behind the usual service kube-system/kube-dns. Called by cluster."""

import socket
import struct
from pathlib import Path
from typing import Any

import yaml

from cluster.control_plane import API_SERVICE
from cluster.network import NODE
from cluster.node import DNS_SERVICE

DNS_USER = "system:coredns"
API_NAME = "kubernetes.default.svc.cluster.local"


def corefile(path: Path, kubeconfig: Path) -> Path:
    """Names of the cluster from the API server, others from the machine's own resolver."""
    path.write_text(f"""\
.:53 {{
    bind {NODE}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }}
    forward . /etc/resolv.conf
    cache 5
}}
""")
    return path


def coredns_command(binary: Path, corefile: Path) -> list[str]:
    return [str(binary), "-conf", str(corefile)]


def manifests() -> str:
    """The service, its one endpoint on the node, and what CoreDNS may read."""
    return yaml.safe_dump_all([_role(), _role_binding(), _service(), _endpoint_slice()])


def dns_works(server: str = DNS_SERVICE) -> bool:
    """Whether the server knows the API's service; asked by the DNS service's address, this tells of kube-proxy too."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in API_NAME.split("."))
    query = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        try:
            client.sendto(query, (server, 53))
            return client.recv(512).endswith(socket.inet_aton(API_SERVICE))
        except OSError:
            return False


def _role() -> dict[str, Any]:
    core = {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]}
    slices = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": DNS_USER},
        "rules": [core, slices],
    }


def _role_binding() -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": DNS_USER},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": DNS_USER},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": DNS_USER}],
    }


def _service() -> dict[str, Any]:
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
        "spec": {"clusterIP": DNS_SERVICE, "ports": ports},
    }


def _endpoint_slice() -> dict[str, Any]:
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kube-dns-node",
            "namespace": "kube-system",
            "labels": {"kubernetes.io/service-name": "kube-dns"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [NODE], "conditions": {"ready": True}}],
        "ports": ports,
    }
