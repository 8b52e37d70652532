"""`crontask`: its verbs, each in a module of its own that is loaded when it is called."""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import click

from crontask.cli.streams import standard_streams
from crontask.version import __version__

# What the help says of each verb, as the first line of its own help does. `next` is next_command in the module next.
_VERBS = {
    "convert": "Convert CronJobs, or a crontab, to manifests of CronTasks on stdout.",
    "next": "Show the coming times of a CronTask, from a manifest or from the cluster.",
    "operator": "Run the operator against the cluster of KUBECONFIG, or the one that it runs in.",
    "simulate": "Show what the operator would decide about a CronTask or a run, a line a decision, without a cluster.",
    "validate": "Check manifests of CronTasks and ScheduledRuns, without a cluster.",
}


class _Verbs(MutableMapping[str, click.Command]):
    """The verbs by their names. Whoever gets one has its module loaded."""

    def __init__(self) -> None:
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            if name not in _VERBS:
                raise KeyError(name)
            self._loaded[name] = getattr(import_module(f"crontask.cli.{name}"), f"{name}_command")
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**_VERBS, **self._loaded})

    def __len__(self) -> int:
        return len({**_VERBS, **self._loaded})


class _Crontask(click.Group):
    """The command itself."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See Group. Loads no verb."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_VERBS.items()))

    def main(self, *args: Any, **extra: Any) -> Any:
        """See Group. Always ends by SystemExit."""
        with standard_streams():
            return super().main(*args, **extra)


@click.group(
    cls=_Crontask,
    commands=_Verbs(),
    context_settings={"auto_envvar_prefix": "CRONTASK", "help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__)
def main() -> None:
    """Scheduled work on Kubernetes."""


if __name__ == "__main__":
    main()
