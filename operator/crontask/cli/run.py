"""`crontask run`: something that runs once, of no task."""

from typing import Any

import click

from crontask.cli.connection import cluster_options, connected
from crontask.cli.exits import BAD_INPUT, stop
from crontask.cli.given_args import BadArgsError, args_options, given_args, read_args
from crontask.cli.parameters import TextFile
from crontask.cli.starting import Asked, start, start_options, when_options


@click.command("run")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option("--image", metavar="IMAGE", help="Run this image; beside --python, the code in it.")
@click.option("--python", "source", type=TextFile(), metavar="FILE", help="Run a file of Python; -: stdin.")
@click.option("--url", metavar="URL", help="Call this URL.")
@click.option("--method", metavar="METHOD", help="The method of the call; by default the operator's.")
@click.option("--name", help="The name of the run; by default run- and random letters.")
@args_options
@when_options
@click.option("--rm", "remove", is_flag=True, help="Wait until it has ended, then delete it.")
@start_options
@cluster_options
def run_command(
    command: tuple[str, ...],
    image: str | None,
    source: Any,
    url: str | None,
    method: str | None,
    name: str | None,
    values: tuple[str, ...],
    texts: tuple[str, ...],
    args_file: str | None,
    **options: Any,
) -> None:
    """Run something once: an image, a Python file, or a call of a URL.

    Example: crontask run --image busybox:1.36 --logs --rm -- echo hello
    """
    from crontask.client import actions, errors

    asked = Asked.of(options)
    if sum(each is not None for each in (source, url)) + (image is not None and source is None) != 1:
        stop(BAD_INPUT, "what runs is not said once; write one of --image IMAGE, --python FILE and --url URL")
    for option, given, of in (("-- COMMAND", command, image), ("--method", method, url)):
        if given and (of is None or source is not None):
            stop(BAD_INPUT, f"{option} goes with {'--image' if option == '-- COMMAND' else '--url'} alone; remove it")
    what: dict[str, Any] = {"image": image, "url": url, "method": method, "command": list(command) or None}
    try:
        what["source"] = source.read() if source is not None else None
        handler = actions.handler(**what)
        args = given_args(values, texts, read_args(args_file) if args_file is not None else {}, {}, None)
        body = actions.one_off(handler, name=name or actions.drawn("run"), args=args or None, **asked.when)
    except UnicodeDecodeError:
        stop(BAD_INPUT, f"--python {source.name}: this is not text in UTF-8")
    except (BadArgsError, errors.BadInput) as error:
        stop(BAD_INPUT, str(error))
    with connected() as cluster:
        start(cluster, body, asked)
