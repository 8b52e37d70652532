"""crontask on a cluster, for the demo and the end-to-end tests: which cluster, the image, the chart.

The cluster is the one that CRONTASK_KUBECONFIG names (make … KUBECONFIG=file), or else the throw-away one: that is
brought up, and the image is built for it.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import operator_image
from cluster import binaries, cluster, images, layout, report

NAMESPACE = "crontask-system"
READY = "CRONTASK_IS_INSTALLED"
"""Set in the environment of tests that find the cluster up and crontask on it."""
CHART = layout.REPOSITORY / "charts" / "crontask"


@dataclass(frozen=True)
class Tools:
    """kubectl and helm, for one cluster. `throw_away`: it is ours, and taken down at the end."""

    kubeconfig: Path
    kubectl_path: str
    helm_path: str
    throw_away: bool

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """The standard output of kubectl. Raises CalledProcessError, with its standard error in the message."""
        return self._run([self.kubectl_path, *arguments], stdin, check)

    def helm(self, *arguments: str) -> str:
        """The standard output of helm. Raises CalledProcessError."""
        return self._run([self.helm_path, *arguments], None, True)

    def create_namespace(self, name: str) -> None:
        """A namespace in which pods can be made, which is once the controller manager has made its service account."""
        self.kubectl("create", "namespace", name)
        self.kubectl("-n", name, "wait", "--for=create", "serviceaccount/default", "--timeout=120s")

    def _run(self, command: list[str], stdin: str | None, check: bool) -> str:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
        return done.stdout if check else done.stdout + done.stderr


def named_cluster() -> Path | None:
    """The kubeconfig of a cluster that was handed over, None if it is to be the throw-away one."""
    named = os.environ.get("CRONTASK_KUBECONFIG")
    return Path(named) if named else None


def ready_cluster() -> Tools:
    """The tools for a cluster that is up, with the operator's image on it."""
    named = named_cluster()
    if named is not None:
        report.say(f"Using the cluster of {named}.")
    else:
        if os.environ.get("KUBECONFIG"):
            report.say("KUBECONFIG is set, but was not handed over (make … KUBECONFIG=file): it is left alone.")
        cluster.up()
        archive = operator_image.build()
        with report.step(f"loading {operator_image.TAG}"):
            images.load([archive])
    tools = known_tools()
    _start_anew(tools)
    return tools


def _start_anew(tools: Tools) -> None:
    """An operator that is there takes the image that there is now: its tag is the same after a new build."""
    operator = ("--namespace", NAMESPACE, "deployment/crontask")
    if tools.kubectl("get", "--ignore-not-found", "-o", "name", *operator):
        tools.kubectl("rollout", "restart", *operator)


def known_tools() -> Tools:
    """The tools for the cluster, which is left as it is."""
    named = named_cluster()
    if named is not None:
        return Tools(named, "kubectl", "helm", throw_away=False)
    folder = binaries.folder()
    return Tools(cluster.KUBECONFIG, str(folder / "kubectl"), str(folder / "helm"), throw_away=True)


def install(tools: Tools, *values: str) -> None:
    """Install or upgrade the chart, and wait until the operator is ready. `values`: as for helm's --set."""
    sets = [part for setting in (*values, *image_values(tools)) for part in ("--set", setting)]
    with report.step("installing the chart"):
        tools.helm(
            *("upgrade", "--install", "crontask", str(CHART), "--namespace", NAMESPACE, "--create-namespace"),
            *("--wait", "--timeout", "120s", *sets),
        )
        tools.kubectl("wait", "--for=condition=Established", "crd/crontasks.crontask.dev", "--timeout=30s")


def image_values(tools: Tools) -> list[str]:
    """The values of the chart that say which image the cluster has."""
    image = operator_image.TAG if tools.throw_away else os.environ.get("CRONTASK_IMAGE")
    repository, _, tag = (image or "").rpartition(":")
    return [f"image.repository={repository}", f"image.tag={tag}"] if image else []


def uninstall(tools: Tools) -> None:
    """Remove the operator, its CRDs, and with them every task and run."""
    with report.step("removing crontask"):
        tools.helm("uninstall", "crontask", "--namespace", NAMESPACE, "--ignore-not-found", "--wait")
        tools.kubectl(
            *("delete", "crd", "crontasks.crontask.dev", "scheduledruns.crontask.dev", "--ignore-not-found"),
            "--timeout=60s",
        )
        tools.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s")
