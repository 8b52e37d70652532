"""`crontask`, or `kubectl crontask`: its verbs, each in a module of its own that is loaded when it is called."""

import os
import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from crontask.cli.connection import options_of_all_namespaces
from crontask.cli.exits import INTERRUPTED
from crontask.cli.streams import standard_streams
from crontask.version import __version__

# What the help says of each verb, as the first line of its own help does. `next` is next_command in the module next.
_VERBS = {
    "apply": "Apply crons in code: what a file registers is what runs afterwards.",
    "audit": "Show what became of each nominal time of a CronTask: on time, late, skipped, missed, not known, and why.",
    "backfill": "Run a CronTask again for nominal times that have passed.",
    "cancel": "End runs, before they start or while they run.",
    "completion": "Print a script that has the shell complete verbs, options and names.",
    "convert": "Convert CronJobs, or a crontab, to manifests of CronTasks on stdout.",
    "dashboard": "Open a page with all tasks, what runs and what comes, and buttons to run, pause and cancel.",
    "describe": "Show a task or a run: what it does, what it waits for, why it ended so.",
    "diff": "Show what an edit changes: fields, and which of the coming times come, go or move.",
    "doctor": "Look for what is wrong with the installation, your rights and your tasks.",
    "export": "Print the manifests of crons in code, for Git.",
    "history": "Show what became of the times of a CronTask, newest first.",
    "list": "List CronTasks with their state, last run and next run.",
    "logs": "Show the logs of a run, of all its attempts and parts.",
    "new": "Print a manifest to begin with.",
    "next": "Show the coming times of a CronTask, from a manifest or from the cluster.",
    "operator": "Run the operator against the cluster of KUBECONFIG, or the one that it runs in.",
    "rerun": "Run a finished run again: what had succeeded is not done again.",
    "resume": "Resume CronTasks that are suspended.",
    "run": "Run something once: an image, a Python file, or a call of a URL.",
    "runs": "List runs, newest first.",
    "simulate": "Show what the operator would decide about a CronTask or a run, a line a decision, without a cluster.",
    "suspend": "Suspend CronTasks: nothing of them starts on schedule.",
    "trigger": "Run a CronTask now, or later, with other args.",
    "validate": "Check manifests of CronTasks and ScheduledRuns, without a cluster or with one.",
    "wait": "Wait until runs have ended; the exit code says how.",
}
# In the meta of the context: the verb, and what follows it.
_WORDS = "crontask.words"
_AS_PLUGIN = "kubectl-crontask"


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

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """See Group. Loads no verb either."""
        verbs = [CompletionItem(name, help=text) for name, text in _VERBS.items() if name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def main(self, *args: Any, **extra: Any) -> Any:
        """See Group. Always ends by SystemExit."""
        if os.path.basename(sys.argv[0]).startswith(_AS_PLUGIN):
            extra.setdefault("prog_name", _AS_PLUGIN.replace("-", " "))
        with standard_streams():
            return super().main(*args, **extra)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See Group. Of a verb that there is not, what it is called here."""
        ctx.meta[_WORDS] = args
        if args[0] not in self.commands and not args[0].startswith("-") and not ctx.resilient_parsing:
            from crontask.cli.habits import of_verb

            raise click.UsageError(
                f"there is no verb {args[0]!r}; {of_verb(args[0], list(_VERBS), ctx.info_name or 'crontask')}", ctx
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """See Group. Ctrl-C has an exit code of its own, as shells give it; other programs' options get a hint."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except click.UsageError as error:
            verb, *words = ctx.meta.get(_WORDS) or [""]
            if verb in self.commands:
                from crontask.cli.habits import of_error

                if hint := of_error(error, verb, words, ctx.info_name or "crontask"):
                    # Not what click takes for near: that is another option.
                    said = error.message or error.format_message()
                    raise click.UsageError(f"{said.rstrip('.')}; {hint}", error.ctx) from error
            raise


@click.group(
    cls=_Crontask,
    commands=_Verbs(),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@options_of_all_namespaces
@click.version_option(__version__)
def main() -> None:
    """Scheduled work on Kubernetes.

    The options may stand after the verb as well: those that verbs about a cluster take.
    """


if __name__ == "__main__":
    main()
