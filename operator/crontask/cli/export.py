"""`crontask export`: the manifests of crons in code, for Git."""

import click

from crontask.cli.connection import namespace_given, namespace_option
from crontask.cli.crons_file import crons_argument, load_crons
from crontask.cli.exits import BAD_INPUT, stop


@click.command("export")
@crons_argument
@click.option("--revision", type=click.IntRange(min=0), metavar="NUMBER", help="Written on each object: see apply.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
@namespace_option
def export_command(given: str, revision: int | None, output: str) -> None:
    """Print the manifests of crons in code, for Git: ConfigMaps first. No cluster is needed.

    FILE[:NAME]: a file like crons.py with a Crons, or a module like shop.crons; NAME: which, if it has several.

    Example: crontask export crons.py > crons.yaml
    """
    from crontask.client import errors

    crons = load_crons(given)
    if not len(crons):
        stop(BAD_INPUT, f"{given}: {crons.owner} registers nothing; import the modules that do")
    try:
        documents = crons.manifests(namespace=namespace_given(), revision=revision)
    except errors.ClientError as error:
        stop(BAD_INPUT, str(error))
    if output == "json":
        from crontask.cli.output import as_json

        click.echo(as_json({"apiVersion": "v1", "items": documents, "kind": "List"}))
        return
    from crontask.cli.conversion.commented import as_commented_yaml

    click.echo("---\n".join(as_commented_yaml(document, {}) for document in documents), nl=False)
