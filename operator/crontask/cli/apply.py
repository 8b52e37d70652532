"""`crontask apply`: crons in code, in the cluster as they are in the file."""

from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

from crontask.cli.connection import cluster_options, connected, namespace_given
from crontask.cli.crons_file import crons_argument, load_crons
from crontask.cli.exits import BAD_INPUT, FORBIDDEN, KUBERNETES_EDIT, STILL_WAITING, forbidden, stop
from crontask.cli.parameters import DurationParam

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crontask.client.requests import Document
    from crontask.crons.registry import Crons
    from crontask.crons.sync import Change, Synced


@click.command("apply")
@crons_argument
@click.option(
    "--prune", is_flag=True, help="What its owner no longer registers: suspend it, wait for its runs, then delete it."
)
@click.option(
    "--dry-run", is_flag=True, help="Have the API server check all, say which fields would change, and write nothing."
)
@click.option(
    "--revision",
    type=click.IntRange(min=0),
    metavar="NUMBER",
    help="Grows with each deployment, like a build number; nothing is changed if a higher one has been applied.",
)
@click.option(
    "--allow-empty", is_flag=True, help="Even if nothing is registered; with --prune everything is deleted then."
)
@click.option("--take-over", is_flag=True, help="Overwrite fields that others have set with what the file says.")
@click.option(
    "--drain-timeout",
    type=DurationParam(),
    default="10m",
    show_default=True,
    help="How long to wait for runs of what is pruned.",
)
@click.option("-o", "--output", type=click.Choice(["name", "json", "yaml"]), help="The objects.")
@cluster_options
def apply_command(
    given: str,
    prune: bool,
    dry_run: bool,
    revision: int | None,
    allow_empty: bool,
    take_over: bool,
    drain_timeout: timedelta,
    output: str | None,
) -> None:
    """Apply crons in code: what FILE registers is what runs afterwards.

    FILE[:NAME]: a file like crons.py with a Crons, or a module like shop.crons; NAME: which, if it has several. A task
    that somebody has paused stays paused. Nothing is written unless all would be taken.

    Exit code 3: runs of what is pruned had not ended in time; their tasks stay suspended, for the next apply --prune.

    Example: crontask apply crons.py --prune --revision "$(git rev-list --count HEAD)"
    """
    from crontask.client import errors as client_errors
    from crontask.sdk import errors

    crons = load_crons(given)
    namespace = namespace_given()
    if crons.namespace and namespace and crons.namespace != namespace:
        stop(BAD_INPUT, f"-n is {namespace}, but {given} says namespace={crons.namespace!r}; leave one of them out")
    with connected() as cluster:
        from crontask.crons.sync import sync
        from crontask.sdk.aio import AsyncClient
        from crontask.sdk.port import Blocking, blocking

        client = AsyncClient.over(Blocking(cluster), crons.owner)
        try:
            synced: Synced = blocking(
                sync(
                    crons,
                    client,
                    prune=prune,
                    revision=revision,
                    allow_empty=allow_empty,
                    take_over=take_over,
                    drain_timeout=drain_timeout,
                    dry_run=dry_run,
                    say=lambda line: click.echo(line, err=True),
                )
            )
        except client_errors.Forbidden as error:
            # One role for all that it needs: whoever binds one after the other hears of the next each time.
            stop(FORBIDDEN, forbidden(error, KUBERNETES_EDIT if _ships(crons) else ""))
        except errors.FieldConflict as error:
            stop(BAD_INPUT, str(error).replace("register with take_over=True", "write --take-over"))
        except client_errors.BadInput as error:
            stop(BAD_INPUT, str(error).replace("allow_empty=True", "--allow-empty"))
    _show(synced, output, dry_run)
    for change in synced.changes:
        for line in details(change, dry_run):
            click.echo(line, err=True)
    if synced.newer is not None:
        click.echo(
            f"revision {revision} is older than {synced.newer}, which has been applied: nothing is changed", err=True
        )
    if still := synced.names("still running"):
        said = "suspended, and deleted by the next apply --prune after the end of its runs"
        for name in still:
            click.echo(f"{name} is not deleted yet: {said}", err=True)
        click.get_current_context().exit(STILL_WAITING)


def _ships(crons: "Crons") -> bool:
    """Whether it needs ConfigMaps beside its tasks."""
    from crontask.api.resources import CONFIG_MAP
    from crontask.crons.manifests import manifests

    return any(body["kind"] == CONFIG_MAP.kind for body in manifests(crons))


def _show(synced: "Synced", output: str | None, dry_run: bool) -> None:
    """What became of each object; with -o, those that are there."""
    if output is None:
        for change in synced.changes:
            click.echo(f"{_name(change)} {change.what}{' (server dry run)' if dry_run else ''}")
        return
    there = [change for change in synced.changes if change.what != "pruned"]
    if output == "name":
        for change in there:
            click.echo(_name(change))
        return
    from crontask.cli.output import show_document, without_managers

    documents = [without_managers(change.document) for change in there]
    whole = {"apiVersion": "v1", "items": documents, "kind": "List", "metadata": {"resourceVersion": ""}}
    show_document(documents[0] if len(documents) == 1 else whole, output)


def details(change: "Change", dry_run: bool) -> "Iterator[str]":
    """What is said of a change besides: the fields that were taken over; of a dry run, the fields that differ."""
    name = change.document["metadata"]["name"]
    for path, owner in change.taken.items():
        yield f"{name}: {path} {'would be' if dry_run else 'is'} taken over from {owner}"
    if dry_run and change.what == "configured" and change.before is not None:
        from crontask.cli.changed import changed_fields, value_shown

        for each in changed_fields(_compared(change.before), _compared(change.document)):
            where, old, new = _first_line(each.old, each.new)
            yield f"{name}: {each.path}{where}: {value_shown(old)} -> {value_shown(new)}"


def _first_line(old: Any, new: Any) -> tuple[str, Any, Any]:
    """Of texts of several lines, as files are, where they begin to differ, and how."""
    if not (isinstance(old, str) and isinstance(new, str) and "\n" in old + new):
        return "", old, new
    lines = zip_longest(old.splitlines(keepends=True), new.splitlines(keepends=True), fillvalue="")
    number, before, after = next((number, *both) for number, both in enumerate(lines, 1) if both[0] != both[1])
    return f", from line {number}", before.rstrip("\n") or None, after.rstrip("\n") or None


def _compared(document: "Document") -> "Document":
    metadata = {key: document["metadata"].get(key) or {} for key in ("labels", "annotations")}
    return {"spec": document.get("spec"), "data": document.get("data"), "metadata": metadata}


def _name(change: "Change") -> str:
    """As kubectl names it."""
    group = change.document.get("apiVersion", "").rpartition("/")[0]
    return f"{change.kind.lower()}{'.' + group if group else ''}/{change.name}"
