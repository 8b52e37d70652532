"""containerd and the kubelet: their configuration and command lines. Called by cluster.

All is under the cluster's own folders. Some settings are there for machines that are containers
themselves: no right to lower an OOM score, control groups of version 1, a disk shared with others.
"""

from dataclasses import dataclass
from pathlib import Path

import yaml

from cluster.certificates import Identity
from cluster.images import PAUSE
from cluster.layout import Folders
from cluster.machine import CGROUP
from cluster.network import NODE
from cluster.packages import cni_plugins

NAME = "crontask-node"
DNS_SERVICE = "10.96.0.10"
KUBELET_PORT = 10250
KUBELET_HEALTH = "http://127.0.0.1:10248/healthz"


@dataclass(frozen=True)
class Paths:
    """The node's files within the cluster's folders."""

    folders: Folders

    @property
    def containerd_config(self) -> Path:
        return self.folders.state / "containerd.toml"

    @property
    def kubelet_config(self) -> Path:
        return self.folders.state / "kubelet.yaml"

    @property
    def cni(self) -> Path:
        return self.folders.state / "cni" / "net.d"

    @property
    def addresses(self) -> Path:
        return self.folders.state / "cni" / "addresses"


def configure(paths: Paths, server: Identity, authority: Path) -> None:
    """Write the configuration of both; `server` is what the kubelet shows to the API server."""
    paths.containerd_config.write_text(_containerd(paths))
    paths.kubelet_config.write_text(yaml.safe_dump(_kubelet(paths, server, authority)))


def containerd_command(paths: Paths) -> list[str]:
    return ["containerd", f"--config={paths.containerd_config}"]


def kubelet_command(binary: Path, paths: Paths, kubeconfig: Path) -> list[str]:
    return [
        str(binary),
        f"--config={paths.kubelet_config}",
        f"--kubeconfig={kubeconfig}",
        f"--root-dir={paths.folders.state}/kubelet",
        f"--hostname-override={NAME}",
        f"--node-ip={NODE}",
    ]


def _containerd(paths: Paths) -> str:
    state, run = paths.folders.state, paths.folders.run
    return f"""\
version = 2
root = "{state}/containerd"
state = "{run}/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
address = "{paths.folders.containerd_socket}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
# Lowering the score of a sandbox takes CAP_SYS_RESOURCE, which a container does not have.
restrict_oom_score_adj = true
# Not /run/netns, so that all that is mounted lies below our folders.
netns_mounts_under_state_dir = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{cni_plugins()}"
conf_dir = "{paths.cni}"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
Root = "{run}/runc"
"""


def _kubelet(paths: Paths, server: Identity, authority: Path) -> dict[str, object]:
    state = paths.folders.state
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE,
        "port": KUBELET_PORT,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(authority)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(server.certificate),
        "tlsPrivateKeyFile": str(server.key),
        "containerRuntimeEndpoint": f"unix://{paths.folders.containerd_socket}",
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": "cluster.local",
        "registerNode": True,
        "maxPods": 250,
        "serializeImagePulls": False,
        "podLogsDir": f"{state}/pod-logs",
        "volumePluginDir": f"{state}/volume-plugins",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        # The disk is shared: pods are not evicted, nor images removed, because others fill it.
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
            "imagefs.inodesFree": "1%",
        },
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }
