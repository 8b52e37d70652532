"""Which tasks `suspend` and `resume` are about: names, labels, or all of the namespace."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from crontask.cli import names as completed
from crontask.cli.exits import BAD_INPUT, FORBIDDEN, OPERATE, forbidden, stop
from crontask.cli.named import find_task

if TYPE_CHECKING:
    from crontask.client import Cluster
    from crontask.client.requests import Document

F = TypeVar("F", bound=Callable[..., Any])


def chosen_options(command: F) -> F:
    """Adds names, -l and --all."""
    names = click.argument("names", metavar="[TASK...]", nargs=-1, shell_complete=completed.tasks)
    selector = click.option("-l", "--selector", metavar="LABELS", help="Those with these labels, like app=shop.")
    everything = click.option("--all", "everything", is_flag=True, help="All of the namespace.")
    return names(selector(everything(command)))


def chosen(cluster: "Cluster", names: tuple[str, ...], selector: str | None, everything: bool) -> "list[Document]":
    """The tasks. Ends the program where it is not said once which."""
    from crontask.api.resources import CRON_TASK

    if bool(names) + (selector is not None) + everything != 1:
        stop(BAD_INPUT, "name the tasks, or choose them by -l LABELS, or write --all: one of the three")
    if selector is not None and not selector.strip():
        # As of a variable that is not set: nobody means all of them by that.
        stop(BAD_INPUT, "-l is empty; write labels, like app=shop, or --all for all of the namespace")
    if names:
        # First all of them, so that a name that is wrong changes none.
        return [find_task(cluster, name) for name in dict.fromkeys(names)]
    found: list[Document] = cluster.list(CRON_TASK, selector=selector or "")["items"]
    if not found:
        click.echo(f"No resources found in {cluster.namespace} namespace.", err=True)
    return found


class Refusals:
    """The tasks that may not be changed. Each is said, and the others are changed all the same."""

    def __init__(self) -> None:
        self._any = False

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Within it, the task of that name is changed."""
        from crontask.client import errors

        try:
            yield
        except errors.Forbidden as error:
            self._any = True
            click.echo(f"{name} is left as it is: {forbidden(error, OPERATE)}", err=True)

    def end(self) -> None:
        """Ends the program where there is one."""
        if self._any:
            click.get_current_context().exit(FORBIDDEN)


def paused_by(task: "Document") -> str:
    """By what its spec pauses it, for people; nothing of one that its spec does not pause."""
    from crontask.api.names import ANNOTATION_SUSPENDED_BY

    spec = task["spec"]
    if not spec.get("suspend") and not spec.get("suspendUntil"):
        return ""
    until = f" until {spec['suspendUntil']}" if spec.get("suspendUntil") else ""
    by = (task["metadata"].get("annotations") or {}).get(ANNOTATION_SUSPENDED_BY)
    reason = f" ({spec['suspendReason']})" if spec.get("suspendReason") else ""
    return f"suspended{until}{f' by {by}' if by else ''}{reason}"
