"""What each button does, as a command line of `kubectl crontask`. Pure."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any


def trigger_line(namespace: str, task: str, args: Mapping[str, Any] | None = None, *, as_json: bool = False) -> str:
    """A run of a task. `as_json`: its args are handed to it as JSON, as lists and objects are in any case.

    `--set` takes those only where a schema asks for them, and where a schema allows text, it takes all else for text.
    """
    given = args or {}
    if given and (as_json or not all(_is_settable(key, value) for key, value in given.items())):
        written = shlex.quote(json.dumps(given, ensure_ascii=False))
        return f"printf %s {written} | {_line(namespace, 'trigger', task, '--args-file', '-')}"
    sets: list[str] = []
    for key, value in given.items():
        path = key.replace(".", "\\.")
        sets += (
            ["--set-string", f"{path}={value}"] if isinstance(value, str) else ["--set", f"{path}={json.dumps(value)}"]
        )
    return _line(namespace, "trigger", task, *sets)


def _is_settable(key: str, value: Any) -> bool:
    return bool(key) and not set(key) & set("=\\") and not isinstance(value, dict | list)


def suspend_line(namespace: str, task: str, reason: str = "", until: str = "") -> str:
    """A pause of a task."""
    more = [*(["--reason", reason] if reason else ()), *(["--until", until] if until else ())]
    return _line(namespace, "suspend", task, *more)


def resume_line(namespace: str, task: str) -> str:
    """Its end."""
    return _line(namespace, "resume", task)


def backfill_line(namespace: str, task: str, asked: Mapping[str, str], *, yes: bool, force: bool) -> str:
    """A task again for times that have passed. `asked`: `from`, `to`, `only` and `parallel`, as its form has them."""
    words = ["--from", asked["from"], "--to", asked["to"], "--only", asked["only"]]
    words += ["--parallel", asked["parallel"]] if asked["parallel"] != "1" else []
    return _line(namespace, "backfill", task, *words, *(["--yes"] if yes else []), *(["--force"] if force else []))


def cancel_line(namespace: str, run: str) -> str:
    """The end of a run."""
    return _line(namespace, "cancel", run)


def rerun_line(namespace: str, run: str) -> str:
    """A finished run again."""
    return _line(namespace, "rerun", run)


def logs_line(namespace: str, run: str, *, follow: bool) -> str:
    """The logs of a run."""
    return _line(namespace, "logs", *(["-f"] if follow else []), run)


def hold_line(namespace: str, run: str, *, held: bool) -> str:
    """A run that is held, or let go."""
    patch = json.dumps({"spec": {"suspend": held}})
    return shlex.join(["kubectl", "patch", "sr", run, "-n", namespace, "--type", "merge", "-p", patch])


def answer_line(namespace: str, run: str, annotation: str, step: str) -> str:
    """An answer to a step that asks for approval; an earlier step may have had one, which counts already."""
    return shlex.join(["kubectl", "annotate", "--overwrite", "-n", namespace, "sr", run, f"{annotation}={step}"])


def _line(namespace: str, verb: str, *words: str) -> str:
    parts: Sequence[str] = ("kubectl", "crontask", verb, *words, "-n", namespace)
    return shlex.join(parts)
