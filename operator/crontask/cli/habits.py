"""What people write who know other programs, and what it is called here: of verbs, of options, of arguments.

Loaded only where a command line could not be read.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from itertools import pairwise

import click

# `$` stands for how the program was called.
_SUSPEND, _RESUME, _LIST = "$ suspend TASK", "$ resume TASK", "$ list, or $ runs"
_DELETE = "kubectl delete crontask NAME for a task; $ cancel RUN ends a run"
_VERBS = {
    **dict.fromkeys(("pause", "disable", "stop-schedule"), _SUSPEND),
    **dict.fromkeys(("unpause", "enable", "unsuspend", "continue"), _RESUME),
    **dict.fromkeys(("get", "ls", "ps"), f"{_LIST}; $ describe NAME shows one"),
    **dict.fromkeys(("status", "show", "info", "inspect", "explain"), "$ describe NAME, or $ list"),
    **dict.fromkeys(("delete", "remove", "rm"), _DELETE),
    **dict.fromkeys(("stop", "kill", "abort", "terminate", "end"), "$ cancel RUN"),
    **dict.fromkeys(("log", "tail"), "$ logs RUN"),
    **dict.fromkeys(("retry", "restart", "replay", "resubmit"), "$ rerun RUN"),
    **dict.fromkeys(("start", "fire", "submit"), "$ trigger TASK; $ run is for what is no task"),
    **dict.fromkeys(("create", "init", "generate"), "$ new NAME, and kubectl apply -f FILE"),
    **dict.fromkeys(("check", "lint"), "$ validate -f FILE"),
    **dict.fromkeys(("edit", "patch"), "kubectl edit crontask NAME"),
    **dict.fromkeys(("events", "top"), "$ describe NAME"),
    **dict.fromkeys(("schedule", "upcoming"), "$ next TASK"),
    **dict.fromkeys(("ui", "web", "open"), "$ dashboard"),
    "version": "$ --version",
    "help": "$ --help",
}
_FILE_OF_MANIFESTS = "write the file without it: $ apply crons.py; of manifests: kubectl apply -f FILE"
_NO_LIMIT = "the newest come first: write | head -20, or --since 24h"
_ARGS = "write --set KEY=VALUE for each, or --args-file FILE"
_OPTIONS: dict[tuple[str, str], str] = {
    **dict.fromkeys((("apply", "-f"), ("apply", "--file"), ("apply", "--filename")), _FILE_OF_MANIFESTS),
    **dict.fromkeys((("export", "-f"), ("export", "--file")), "write the file without it: $ export crons.py"),
    **dict.fromkeys((("validate", "--filename"), ("next", "--filename"), ("diff", "--filename")), "write -f FILE"),
    ("wait", "--for"): "leave it out: wait is for the end of runs, and its exit code says how they ended",
    ("suspend", "--for"): "write --until, which takes how long too: --until 2h",
    ("backfill", "--since"): "write --from",
    ("audit", "--since"): "write --from",
    ("backfill", "--start"): "write --from",
    ("backfill", "--end"): "write --to",
    ("logs", "--follow-all"): "write -f",
    ("runs", "--status"): "write --phase",
    ("runs", "--state"): "write --phase",
    ("cancel", "--all"): "write the names: $ cancel RUN...",
    ("cancel", "--force"): "write --immediate, with which nothing is undone",
    ("apply", "--force"): "write --take-over",
    ("apply", "--force-conflicts"): "write --take-over",
}
_OPTIONS.update(((verb, option), _NO_LIMIT) for verb in ("runs", "history") for option in ("--limit", "--last"))
_OPTIONS.update(
    ((verb, option), _ARGS) for verb in ("trigger", "run") for option in ("--args", "--arg", "--param", "-p")
)
# So near to an option is one of ours, mistyped.
_TYPING_MISTAKE = 0.8
_FILES = (".py", ".yaml", ".yml", ".json", "/")
_OF_CRONS = {
    "validate": "$ apply --dry-run {}",
    "diff": "$ apply --dry-run {}",
    "next": "$ export {} | $ next -f -",
    "simulate": "$ export {} | $ simulate -f -",
}


def of_verb(name: str, known: Sequence[str], program: str) -> str:
    """What to write instead of a verb that there is not; nothing where nobody knows."""
    if name in _VERBS:
        return f"write {_VERBS[name].replace('$', program)}"
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else f"{program} --help lists them all"


def of_error(error: click.UsageError, verb: str, following: Sequence[str], program: str) -> str:
    """What to write instead, for a verb and what follows it; nothing where click says enough."""
    if isinstance(error, click.NoSuchOption):
        return _of_option(verb, error, following).replace("$", program)
    plain = [word for word in following if not word.startswith("-")]
    if verb == "runs" and plain and "unexpected extra argument" in error.message:
        return f"write --task {plain[0]}"
    files = [word for word in plain if word.endswith(_FILES)]
    if isinstance(error, click.MissingParameter) and verb in ("validate", "diff") and files:
        return of_file(verb, files[0], program)
    return ""


def of_file(verb: str, path: str, program: str) -> str:
    """How to have that verb look at a file."""
    if path.endswith(".py") and verb in _OF_CRONS:
        return f"for crons in code write {_OF_CRONS[verb].format(path).replace('$', program)}"
    return f"write -f {path}"


def _of_option(verb: str, error: click.NoSuchOption, following: Sequence[str]) -> str:
    option = error.option_name
    if (verb, option) in _OPTIONS:
        return _OPTIONS[verb, option]
    if get_close_matches(option, error.possibilities or (), 1, _TYPING_MISTAKE):
        return ""
    if verb in ("trigger", "run") and option.startswith("--") and len(option) > 3:
        key = option.removeprefix("--")
        after = [value for word, value in pairwise((*following, "-")) if word == option]
        value = after[0] if after and not after[0].startswith("-") else "VALUE"
        given = [word.partition("=")[2] for word in following if word.startswith(f"{option}=")]
        return f"an arg of the run is written --set {key}={given[0] if given else value}"
    return ""
