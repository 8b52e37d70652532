"""`crontask completion`: what a shell needs to complete verbs, options, and names of the cluster."""

import click

from crontask.cli.exits import BAD_INPUT, stop
from crontask.cli.main import main

_PROGRAM, _VARIABLE = "crontask", "_CRONTASK_COMPLETE"
_KUBECTL = """#!/bin/sh
# kubectl looks for this program, by the name kubectl_complete-crontask, in PATH.
exec kubectl-crontask completion --complete -- "$@"
"""
# As cobra has it: nothing but these, and no files.
_NO_FILES = ":4"
_SHELLS = ("bash", "zsh", "fish")


def _shells(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    return [shell for shell in _SHELLS if shell.startswith(begun)]


@click.command("completion")
@click.argument("words", metavar="bash|zsh|fish", nargs=-1, type=click.UNPROCESSED, shell_complete=_shells)
@click.option("--kubectl", "for_kubectl", is_flag=True, help="A program for kubectl's own completion.")
@click.option("--complete", "completes", is_flag=True, hidden=True)
def completion_command(words: tuple[str, ...], for_kubectl: bool, completes: bool) -> None:
    """Print a script that has the shell complete verbs, options and names.

    \b
    bash:    source <(crontask completion bash)       in ~/.bashrc
    zsh:     source <(crontask completion zsh)        in ~/.zshrc, after compinit
    fish:    crontask completion fish > ~/.config/fish/completions/crontask.fish
    kubectl: crontask completion --kubectl > /usr/local/bin/kubectl_complete-crontask, and chmod +x it

    Example: crontask completion bash
    """
    from click.shell_completion import get_completion_class

    if completes:
        _complete(words)
    elif len(words) + for_kubectl != 1 or (words and words[0] not in _SHELLS):
        stop(BAD_INPUT, "for whom is not said once; write one of bash, zsh, fish and --kubectl")
    elif for_kubectl:
        click.echo(_KUBECTL, nl=False)
    else:
        kind = get_completion_class(words[0])
        assert kind is not None
        click.echo(kind(main, {}, _PROGRAM, _VARIABLE).source(), nl=False)


def _complete(line: tuple[str, ...]) -> None:
    """A line for each candidate, as kubectl reads them; the last argument is the one that was begun."""
    from click.shell_completion import ShellComplete

    *before, begun = line or ("",)
    for item in ShellComplete(main, {}, _PROGRAM, _VARIABLE).get_completions(before, begun):
        if item.type == "plain":
            click.echo(f"{item.value}\t{item.help}" if item.help else item.value)
    click.echo(_NO_FILES)
