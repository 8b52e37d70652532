"""The command line: `python -m cluster COMMAND`."""

import dataclasses
import json
import shlex
import signal
import sys
from pathlib import Path

import click

from cluster import binaries, dockerfile, images, layout, report
from cluster import cluster as full
from cluster.processes import ClusterError, Processes

NOT_UP = 3


class Commands(click.Group):
    """Shows what went wrong without a traceback where the message says what to do."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ClusterError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A real Kubernetes cluster for tests and the demo, built from source and run on this machine.

    Example: cluster up && eval "$(cluster env)" && kubectl get nodes
    """
    # As an exception, so that `up` tidies after itself as it does after a Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


@main.command()
@click.option("--only", help="Comma-separated names, e.g. etcd,kube-apiserver; all without.")
def build(only: str | None) -> None:
    """Build the cluster's binaries into the cache; those that are there stay.

    Example: cluster build --only etcd,kube-apiserver,kubectl
    """
    names = only.split(",") if only else list(binaries.PACKAGES)
    if unknown := set(names) - set(binaries.PACKAGES):
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: not among {', '.join(binaries.PACKAGES)}")
    click.echo(binaries.build(names))


@main.command()
def up() -> None:
    """Bring the cluster up and wait until it works; nothing is done if it is up.

    Example: cluster up
    """
    if not full.up():
        report.say("The cluster is up already, and healthy.")
    click.echo(_exports())
    click.echo(f"# kubectl: {binaries.folder() / 'kubectl'}")
    click.echo("# take it down: make cluster-down, or: python -m cluster down")


@main.command()
def down() -> None:
    """Take the cluster down: processes, pods, mounts, bridge, rules, folders.

    Example: cluster down
    """
    report.say("The cluster is down." if full.down() else "There is no cluster to take down.")


@main.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def status(output: str) -> None:
    """Say what runs; the exit code is 0 if the cluster is up, 3 if not.

    Example: cluster status -o json
    """
    current = full.status()
    if output == "json":
        click.echo(json.dumps(dataclasses.asdict(current), indent=2))
    else:
        _print_status(current)
    sys.exit(0 if current.up else NOT_UP)


@main.command()
@click.argument("archives", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def load(archives: tuple[Path, ...]) -> None:
    """Import image archives (`docker save` format) into the node.

    Example: cluster load crontask.tar
    """
    for archive in archives:
        with report.step(f"loading {archive.name}"):
            images.load([archive])


@main.command()
@click.option("--tag", default="crontask:dev", show_default=True, help="The image's name.")
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="[default: CONTEXT/Dockerfile]"
)
@click.argument("context", default=layout.REPOSITORY, type=click.Path(exists=True, file_okay=False, path_type=Path))
def image(tag: str, file: Path | None, context: Path) -> None:
    """Build an image from a Dockerfile and load it into the node, if the cluster is up.

    Example: cluster image --tag crontask:dev .
    """
    archive = dockerfile.build(context, file or context / "Dockerfile", tag)
    if layout.FOLDERS.containerd_socket.exists():
        with report.step(f"loading {tag}"):
            images.load([archive])
    else:
        report.say("The cluster is not up: the image is built, but not loaded.")
    click.echo(archive)


@main.command()
def env() -> None:
    """Print shell exports: KUBECONFIG, and PATH with kubectl and helm.

    Example: eval "$(cluster env)"
    """
    click.echo(_exports())
    click.echo(f'export PATH={shlex.quote(str(binaries.folder()))}:"$PATH"')


@main.command()
@click.argument("component", type=click.Choice(list(full.COMPONENTS)))
@click.option("-n", "--lines", default=50, show_default=True)
@click.option("--path", is_flag=True, help="Print where the log is, not the log.")
def logs(component: str, lines: int, path: bool) -> None:
    """Print the end of a component's log.

    Example: cluster logs kubelet -n 100
    """
    log = Processes(layout.FOLDERS.processes).log(component)
    if not log.exists():
        raise ClusterError(f"There is no log of {component}: {log}")
    click.echo(log if path else "\n".join(log.read_text(errors="replace").splitlines()[-lines:]))


def _exports() -> str:
    return f"export KUBECONFIG={shlex.quote(str(full.KUBECONFIG))}"


def _print_status(current: full.Status) -> None:
    for name, component in current.components.items():
        pid = component["pid"]
        click.echo(f"{name:25}{f'pid {pid}' if pid else 'not running':14}{component['listens']}")
    click.echo(f"{'node':25}{'Ready' if current.node_ready else 'not ready'}")
    click.echo(f"{'DNS':25}{'works' if current.dns else 'does not answer'}")
    click.echo(f"{'images':25}{', '.join(current.images) or 'none'}")
    click.echo(f"{'kubeconfig':25}{current.kubeconfig}")


if __name__ == "__main__":
    main(prog_name="cluster")
