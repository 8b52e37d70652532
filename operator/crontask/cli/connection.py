"""The cluster that a verb talks to: kubectl's own options, before the verb or after it, and the connection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crontask.cli.exits import BAD_INPUT, explain, stop
from crontask.cli.parameters import DurationParam

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from crontask.client import Cluster, Flags

F = TypeVar("F", bound=Callable[..., Any])
_GIVEN = "crontask.cluster"


class _Seconds(click.ParamType[float]):
    """A number of seconds, or a duration."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse, or fail with what to write instead."""
        if str(value).isascii() and str(value).isdigit() and len(str(value)) < 9:
            return float(value)
        return float(DurationParam().convert(value, param, ctx).total_seconds())


def _keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    """What is given after the verb counts, not what is given before it."""
    if value not in (None, (), False):
        ctx.meta.setdefault(_GIVEN, {})[parameter.name] = value


def _option(*names: str, help: str, **more: Any) -> Callable[[F], F]:
    return click.option(*names, help=help, expose_value=False, callback=_keep, **more)


def _namespaces(ctx: click.Context, parameter: click.Parameter, begun: str) -> "list[CompletionItem]":
    # Only a shell that completes needs them.
    from crontask.cli import names

    return names.namespaces(ctx, parameter, begun)


def _contexts(ctx: click.Context, parameter: click.Parameter, begun: str) -> "list[CompletionItem]":
    from crontask.cli import names

    return names.contexts(ctx, parameter, begun)


_NAMESPACE = _option(
    "-n",
    "--namespace",
    metavar="NAMESPACE",
    shell_complete=_namespaces,
    help="Where; by default the namespace of the context.",
)
# Of a verb that is about one namespace it is hidden: given there, it is refused with what to write.
_EVERYWHERE, _NOT_EVERYWHERE = (
    _option("-A", "--all-namespaces", is_flag=True, hidden=hidden, help="In all namespaces.")
    for hidden in (False, True)
)
_OPTIONS = (
    _option("--context", metavar="NAME", shell_complete=_contexts, help="The context of the kubeconfig."),
    _option("--kubeconfig", metavar="FILE", help="By default that of KUBECONFIG, else ~/.kube/config."),
    _option("--as", "as_user", metavar="USER", help="Act as this user."),
    _option(
        "--as-group",
        "as_groups",
        metavar="GROUP",
        multiple=True,
        help="Act as a member of this group. May be repeated.",
    ),
    _option("--request-timeout", type=_Seconds(), help="The longest that a request may take, like 30s; 0: no limit."),
)


def cluster_options(command: F) -> F:
    """Adds kubectl's own options, of a verb that is about one namespace."""
    return _with_options(command, _NOT_EVERYWHERE)


def options_of_all_namespaces(command: F) -> F:
    """The same, of a verb that can be about all namespaces."""
    return _with_options(command, _EVERYWHERE)


def _with_options(command: F, everywhere: Callable[[F], F]) -> F:
    for option in reversed((_NAMESPACE, everywhere, *_OPTIONS)):
        command = option(command)
    return command


def namespace_option(command: F) -> F:
    """Adds -n alone: of a verb that asks no cluster."""
    return _NAMESPACE(command)


def namespace_given() -> str | None:
    """The value of -n, wherever it stands."""
    return _given().get("namespace")


def flags(ctx: click.Context | None = None) -> "Flags":
    """What the options say, for the client."""
    from crontask.client import Flags

    return Flags(**{name: value for name, value in _given(ctx).items() if name != "all_namespaces"})


def scope(cluster: "Cluster") -> str:
    """The namespace that is asked about; with -A, all of them."""
    from crontask.client import ALL

    return ALL if _given().get("all_namespaces") else cluster.namespace


def everywhere() -> bool:
    """Whether -A is given."""
    return bool(_given().get("all_namespaces"))


@contextmanager
def connected(*, all_namespaces: bool = False) -> Iterator["Cluster"]:
    """The cluster of the options. What goes wrong with it within is said, and ends the program with its exit code.

    `all_namespaces`: whether the verb can be about all of them.
    """
    from crontask.client import Cluster, errors

    if _given().get("all_namespaces") and not all_namespaces:
        verb = click.get_current_context().info_name
        stop(BAD_INPUT, f"-A does not go with {verb}; write -n NAMESPACE")
    try:
        cluster = Cluster.load(flags())
    except errors.ClientError as error:
        # Nothing was asked of it yet: it is in what was written.
        stop(BAD_INPUT, str(error))
    try:
        with cluster:
            yield cluster
    except errors.ClientError as error:
        code, message = explain(error)
        stop(code, message)


def _given(ctx: click.Context | None = None) -> dict[str, Any]:
    return dict((ctx or click.get_current_context()).meta.get(_GIVEN, {}))


def written_again(*words: str) -> str:
    """A command line of this program, beginning so, for the same cluster as now."""
    import shlex

    given = _given()
    named = {"namespace": "-n", "context": "--context", "kubeconfig": "--kubeconfig", "as_user": "--as"}
    options = [word for key, option in named.items() if key in given for word in (option, str(given[key]))]
    program = click.get_current_context().find_root().info_name or "crontask"
    return f"{program} {shlex.join([*words, *options])}"
