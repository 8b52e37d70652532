"""A second operator, for two namespaces: it has no right in the whole cluster, and the first one leaves them to it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import pytest
import yaml
from bench import EXAMPLES, Bench
from faults import LAUNCHED
from on_cluster import namespace_of_its_own

from installation import CHART, Tools, image_values

VALUES = EXAMPLES / "install" / "two-namespaces.yaml"
OF_THE_CLUSTER = ("ClusterRole", "ClusterRoleBinding")
TASK = """
apiVersion: crontask.dev/v1alpha1
kind: CronTask
metadata: {name: ticks}
spec:
  interval: 2s
  concurrency: {policy: Allow}
  handler: {container: {image: "busybox:1.36", command: ["true"]}}
"""


@dataclass(frozen=True)
class Team:
    """Its own namespace, with the release of the same name, and the two that its operator decides in."""

    home: Bench
    shop: Bench
    billing: Bench

    @property
    def operator(self) -> str:
        """The Deployment, and its service account."""
        return f"{self.home.namespace}-crontask"


@pytest.fixture
def team(tools: Tools) -> Iterator[Team]:
    """Two namespaces with a task each, which the operator of the cluster decides in, and one for the second."""
    with ExitStack() as stack:
        home, shop, billing = (stack.enter_context(namespace_of_its_own(tools)) for _ in range(3))
        yield Team(home, shop, billing)
        tools.helm("uninstall", home.namespace, "--namespace", home.namespace, "--ignore-not-found", "--wait")


def _install(team: Team) -> None:
    watched = f"watchNamespaces={{{team.shop.namespace},{team.billing.namespace}}}"
    sets = [part for value in (watched, *image_values(team.home.tools)) for part in ("--set", value)]
    name = team.home.namespace
    team.home.tools.helm(
        *("install", name, str(CHART), "--namespace", name, "--values", str(VALUES), "--wait", "--timeout", "180s"),
        *sets,
    )


def _is_claimed(team: Team, bench: Bench) -> bool:
    claim = bench.get("lease", "crontask-claim")
    return team.home.namespace in str(claim.get("spec", {}).get("holderIdentity", ""))


def _said(team: Team) -> list[dict[str, str]]:
    """What its operators have logged, as objects."""
    text = team.home.kubectl("logs", "-l", "app.kubernetes.io/name=crontask", "--tail=-1", "--prefix=false")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def _launches(team: Team, bench: Bench) -> bool:
    """Whether its operators have started pods there, twice or more."""
    launches = [line["namespace"] for line in _said(team) if line.get("reason") == LAUNCHED]
    return launches.count(bench.namespace) >= 2


def test_an_operator_of_two_namespaces_decides_there_and_has_no_right_elsewhere(team: Team) -> None:
    for bench in (team.shop, team.billing):
        bench.apply(TASK)
        bench.until("the operator of the cluster starts runs", partial(bench.runs, "ticks"))
    _install(team)
    rendered = team.home.tools.helm("get", "manifest", team.home.namespace, "--namespace", team.home.namespace)
    assert [each["kind"] for each in yaml.safe_load_all(rendered) if each and each["kind"] in OF_THE_CLUSTER] == []
    for bench in (team.shop, team.billing):
        bench.until("the namespace is its own", partial(_is_claimed, team, bench), 90)
        bench.until("it starts runs there", partial(_launches, team, bench), 90)
        times = [run["spec"]["scheduledTime"] for run in bench.runs("ticks", pre_created=True)]
        assert len(set(times)) == len(times)
    assert _granted(team, team.home) == {"leases.coordination.k8s.io"}
    assert _granted(team, team.shop) >= {"crontasks.crontask.dev", "scheduledruns.crontask.dev", "pods"}
    assert [line for line in _said(team) if line.get("level") in ("error", "critical")] == []
    team.home.tools.helm("test", team.home.namespace, "--namespace", team.home.namespace)


def _granted(team: Team, bench: Bench) -> set[str]:
    """The resources in a namespace of which its account may do something, beyond what everybody may."""
    account = f"--as=system:serviceaccount:{team.home.namespace}:{team.operator}"
    nobody = f"--as=system:serviceaccount:{team.home.namespace}:default"
    ours, everybody = (bench.kubectl("auth", "can-i", "--list", "--no-headers", who) for who in (account, nobody))
    return {line.split()[0] for line in ours.splitlines() if line not in everybody.splitlines()}
