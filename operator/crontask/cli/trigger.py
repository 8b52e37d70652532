"""`crontask trigger`: a run of a task, now or later, with other args."""

from typing import TYPE_CHECKING, Any

import click

from crontask.cli import names as completed
from crontask.cli.connection import cluster_options, connected
from crontask.cli.exits import BAD_INPUT, stop
from crontask.cli.given_args import BadArgsError, args_options, doubts, given_args, read_args, unknown_keys
from crontask.cli.named import find_task
from crontask.cli.starting import Asked, start, start_options, when_options

if TYPE_CHECKING:
    from crontask.client.requests import Document


@click.command("trigger")
@click.argument("task", shell_complete=completed.tasks)
@args_options
@when_options
@click.option("--key", metavar="TEXT", help="Asking again with the same key gives the same run.")
@start_options
@cluster_options
def trigger_command(
    task: str, values: tuple[str, ...], texts: tuple[str, ...], args_file: str | None, key: str | None, **options: Any
) -> None:
    """Run a CronTask now, or later, with other args.

    A value of --set is what the task's argsSchema says, where a string stays text; without a schema it is a number,
    true, false or null as JSON has them, else text.

    Example: crontask trigger import --set days=3 --set mail.to=a@b.c --wait --timeout 10m
    """
    from crontask.client import actions

    asked = Asked.of(options)
    with connected() as cluster:
        found = find_task(cluster, task)
        name = found["metadata"]["name"]
        args = args_of(found, values, texts, args_file)
        run = actions.drawn(name) if key is None else actions.name_by_key(name, key)
        start(cluster, actions.trigger(name, name=run, key=key, args=args or None, **asked.when), asked)


def args_of(task: "Document", values: tuple[str, ...], texts: tuple[str, ...], file: str | None) -> dict[str, Any]:
    """The args of a run of that task. Ends the program where they cannot be meant, or do not fit its argsSchema."""
    own, schema = task["spec"].get("args") or {}, task["spec"].get("argsSchema")
    try:
        args = given_args(values, texts, read_args(file) if file is not None else {}, own, schema)
    except BadArgsError as error:
        stop(BAD_INPUT, str(error))
    if not args:
        return {}
    if unknown := list(unknown_keys(args, schema)):
        stop(BAD_INPUT, *unknown)
    for doubt in doubts(args, own, schema):
        click.echo(f"warning: {doubt}", err=True)
    if schema is not None:
        _refuse_what_does_not_fit({**own, **args}, schema)
    return args


def _refuse_what_does_not_fit(args: dict[str, Any], schema: dict[str, Any]) -> None:
    from crontask.api.json_schema import SchemaError, check_schema, violations

    try:
        check_schema(schema)
    except SchemaError:
        # The operator says what is wrong with the task; that is not what is asked for here.
        return
    if found := violations(schema, args):
        stop(BAD_INPUT, *(f"args{path}: {message}" for path, message in found))
