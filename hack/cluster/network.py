"""The node's network: a bridge whose address is the node's, pods beside it, kube-proxy's rules. Called by cluster.

The node needs an address that is not on loopback (Kubernetes refuses those as endpoints) and that nobody
else uses, on any machine: so the bridge is made first and its own address is the node's.
"""

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

from cluster.machine import run
from cluster.processes import ClusterError

BRIDGE = "crontask0"
PODS = "10.244.0.0/16"
NODE = "10.244.0.1"
NETWORK = "crontask-cluster"
PROXY_HEALTH = "http://127.0.0.1:10256/healthz"

RULES = (
    ("filter", f"-I FORWARD -i {BRIDGE} -m comment --comment {NETWORK} -j ACCEPT"),
    ("filter", f"-I FORWARD -o {BRIDGE} -m comment --comment {NETWORK} -j ACCEPT"),
    ("nat", f"-A POSTROUTING -s {PODS} ! -d {PODS} -m comment --comment {NETWORK} -j MASQUERADE"),
)
"""Once for all pods, not a chain for each pod by the CNI plugins: adding a pod stays cheap."""

OURS = re.compile(rf"\b(KUBE|CNI)-|\b{NETWORK}\b")
"""Rules and chains of kube-proxy, kubelet, CNI plugins and ours."""


def refuse_if_taken() -> None:
    """Another cluster's rules cannot be told from ours, and another network on our addresses would not work."""
    if "KUBE-SERVICES" in run("iptables-save"):
        raise ClusterError("A kube-proxy has rules on this machine already: another cluster runs on it.")
    routes = [route for route in json.loads(run("ip", "-json", "route")) if route.get("dst") == PODS]
    if routes:
        raise ClusterError(f"The pods' network {PODS} is in use on this machine, by {routes[0].get('dev')}.")


def up(configuration: Path, addresses: Path) -> None:
    """Make the bridge, the static rules and the CNI configuration (in a folder of its own)."""
    # Where the kernel has it as a module; without it, answers of a service on the same bridge bypass the rules.
    if shutil.which("modprobe"):
        subprocess.run(["modprobe", "--all", "br_netfilter", "overlay"], capture_output=True, check=False)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{NODE}/{PODS.partition('/')[2]}", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    for table, rule in RULES:
        run("iptables", "--wait", "--table", table, *rule.split())
    configuration.mkdir(parents=True, exist_ok=True)
    (configuration / "10-crontask.conflist").write_text(json.dumps(_cni(addresses), indent=2))


def down() -> None:
    """Remove bridge, rules and chains, and what the CNI library remembers of our pods."""
    for link in _links():
        with contextlib.suppress(ClusterError):  # A pod's pair goes with its namespace, maybe meanwhile.
            run("ip", "link", "delete", link)
    for family in ("iptables", "ip6tables"):
        if shutil.which(family):
            for transaction in without_ours(run(f"{family}-save")):
                run(f"{family}-restore", "--noflush", stdin=transaction)
    for result in Path("/var/lib/cni/results").glob(f"{NETWORK}-*"):
        result.unlink()


def proxy_configuration(path: Path, kubeconfig: Path, node: str) -> Path:
    """kube-proxy's. Zeros mean: leave the kernel's connection tracking as it is (it may be read-only)."""
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "clusterCIDR": PODS,
        "hostnameOverride": node,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"localhostNodePorts": False, "minSyncPeriod": "0.1s"},
    }
    path.write_text(yaml.safe_dump(configuration))
    return path


def _cni(addresses: Path) -> dict[str, object]:
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isDefaultGateway": True,
        "hairpinMode": True,  # A pod reaches itself by its service.
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": PODS, "gateway": NODE}]],
            "dataDir": str(addresses),
        },
    }
    return {
        "cniVersion": "0.4.0",
        "name": NETWORK,
        "plugins": [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}],
    }


def _links() -> Iterator[str]:
    """The bridge's ports, then the bridge."""
    links = json.loads(run("ip", "-json", "link"))
    yield from (link["ifname"] for link in links if link.get("master") == BRIDGE)
    yield from (link["ifname"] for link in links if link["ifname"] == BRIDGE)


def without_ours(saved: str) -> list[str]:
    """Input for iptables-restore, one transaction a table: the rules that lead into our chains go, then the chains."""
    transactions = []
    for table, block in re.findall(r"^\*(\w+)\n(.*?)^COMMIT", saved, re.MULTILINE | re.DOTALL):
        ours = [line for line in block.splitlines() if OURS.search(line)]
        chains = [line.split()[0].removeprefix(":") for line in ours if line.startswith(":")]
        rules = [line for line in ours if line.startswith("-A") and line.split()[1] not in chains]
        if chains or rules:
            flush = [f":{chain} - [0:0]" for chain in chains]
            delete = [line.replace("-A", "-D", 1) for line in rules]
            remove = [f"-X {chain}" for chain in chains]
            transactions.append("\n".join([f"*{table}", *flush, *delete, *remove, "COMMIT", ""]))
    return transactions
