"""Taking the network down deletes the rules and chains of the cluster, and no others."""

import pytest

from cluster import network

SAVED = """\
*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SEP-AAAA - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -s 10.244.0.0/16 ! -d 10.244.0.0/16 -m comment --comment crontask-cluster -j MASQUERADE
-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SEP-AAAA
COMMIT
*filter
:INPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
COMMIT
"""

RESTORED = """\
*nat
:KUBE-SERVICES - [0:0]
:KUBE-SEP-AAAA - [0:0]
-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-D POSTROUTING -s 10.244.0.0/16 ! -d 10.244.0.0/16 -m comment --comment crontask-cluster -j MASQUERADE
-X KUBE-SERVICES
-X KUBE-SEP-AAAA
COMMIT
"""


def test_only_rules_and_chains_of_the_cluster_are_deleted() -> None:
    assert network.without_ours(SAVED) == [RESTORED]


@pytest.mark.parametrize("saved", ["", "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"])
def test_nothing_is_done_where_there_is_nothing_of_the_cluster(saved: str) -> None:
    assert network.without_ours(saved) == []
