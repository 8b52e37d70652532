"""A crontab as CronTasks: a task a line, its command run by the shell of an image."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from crontask.api.validate import LONGEST_NAME
from crontask.api.validate_template import RESERVED
from crontask.cli.conversion.draft import Draft, RefusedError
from crontask.cli.conversion.times import set_crontab_times

_VARIABLE = re.compile(r"\s*([A-Za-z_]\w*|\"[^\"]+\"|'[^']+')\s*=\s*(.*?)\s*", re.ASCII)
_MACRO = re.compile(r"(@\w+)\s+(.*)", re.ASCII | re.DOTALL)
_FIELDS = re.compile(r"-?(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)", re.DOTALL)
_PERCENT = re.compile(r"(?<!\\)%")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.ASCII | re.DOTALL)
# What stands before a command, and is not what it does; of some the first argument is not the command either.
_BEFORE = frozenset({"env", "nice", "ionice", "nohup", "sudo", "exec", "time", "chronic", "flock", "timeout", "setsid"})
_TAKE_ONE = frozenset({"flock", "timeout", "-u"})
_INTERPRETERS = re.compile(r"(?:ba|da|z|k)?sh|python[\d.]*|perl|php[\d.]*|ruby|node|java|cd|test|\[")
_DEFAULT_SHELL = "/bin/sh"
_MAIL = ("MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING")
_DOLLARS = re.compile(r"(\$+)(?:\((\w+)\))?", re.ASCII)
_END = "CRONTASK_STDIN"
MOST_LINES = 10_000


@dataclass(frozen=True)
class Entry:
    """A line with a command, and what the lines before it have set."""

    line: int
    schedule: str
    command: str
    user: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    comments: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it is called in a message."""
        return f"{self.schedule} {self.command}"[:80]


def read_crontab(text: str, *, system: bool = False) -> Iterator[Entry | tuple[int, RefusedError]]:
    """The entries of a crontab, and the lines that are none. `system`: a user stands before each command."""
    variables: dict[str, str] = {}
    comments: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped:
            comments = []
        elif stripped.startswith("#"):
            comments.append(stripped.lstrip("# "))
        elif (match := _VARIABLE.fullmatch(line)) is not None and not _MACRO.match(stripped):
            variables = {**variables, _unquoted(match[1]): _unquoted(match[2])}
            comments = []
        else:
            try:
                yield _entry(stripped, number, variables, tuple(filter(None, comments)), system=system)
            except RefusedError as error:
                yield number, error
            comments = []


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _entry(text: str, number: int, variables: dict[str, str], comments: tuple[str, ...], *, system: bool) -> Entry:
    match = _MACRO.fullmatch(text) or _FIELDS.fullmatch(text)
    if match is None:
        fix = "write five fields and a command, like 0 3 * * * /usr/local/bin/backup"
        raise RefusedError("", f"is not a line of a crontab: {text[:60]!r}", fix)
    schedule, command, user = " ".join(match[1].split()), match[2], ""
    if system:
        user, _, command = command.partition(" ")
    if not command.strip():
        raise RefusedError("", f"has no command{' after its user' if system else ''}: {text[:60]!r}", "write one")
    return Entry(number, schedule, command.strip(), user, variables, comments)


def convert_entry(entry: Entry, image: str, taken: set[str], source_zone: str | None) -> Draft:
    """What a line becomes; its name is one that is not `taken`. Raises RefusedError."""
    draft = Draft(entry.label)
    for text in entry.comments:
        draft.comment((), text)
    draft.comment((), f"Line {entry.line}: {entry.schedule} {entry.command}")
    variables = dict(entry.variables)
    zone = variables.pop("CRON_TZ", None) or source_zone
    shell = variables.pop("SHELL", "") or _DEFAULT_SHELL
    delay = variables.pop("RANDOM_DELAY", "")
    set_crontab_times(draft, entry.schedule, zone, "schedule")
    if re.fullmatch(r"[1-9]\d{0,4}", delay, re.ASCII) and "schedule" in draft.spec:
        draft.spec["jitter"] = f"{delay}m"
    if "schedule" in draft.spec:
        draft.comment(("spec", "concurrency"), "As cron does. Forbid, the default here, is often what was meant.")
        draft.spec["concurrency"] = {"policy": "Allow"}
        draft.comment(("spec", "catchUp"), "As cron does: what came while the machine was down is gone.")
        draft.spec["catchUp"] = {"policy": "None"}
    _lose_what_is_of_a_machine(draft, entry, variables)
    command = _with_input(entry.command)
    container: dict[str, Any] = {"image": image, "command": [shell, "-c"], "args": [_escaped(command, variables)]}
    if variables:
        container["env"] = [{"name": name, "value": _escaped(value, variables)} for name, value in variables.items()]
    draft.spec["handler"] = {"container": container}
    draft.metadata["name"] = _free_name(entry.command, taken)
    return draft


def _lose_what_is_of_a_machine(draft: Draft, entry: Entry, variables: dict[str, str]) -> None:
    mail = {name: value for name in _MAIL if (value := variables.pop(name, None)) is not None}
    if mail.get("MAILTO"):
        text = "nothing is mailed; what it prints is its pod's log, and a run that fails is a metric"
        draft.lose(("spec", "handler"), f"MAILTO={mail['MAILTO']}", text)
    if entry.user not in ("", "root"):
        text = "it runs as the user of the image, or as that of securityContext.runAsUser"
        draft.lose(("spec", "handler"), f"the user {entry.user}", text)


def _with_input(command: str) -> str:
    """The command without what cron makes of %: the first begins its input, others end lines of that."""
    head, *rest = _PERCENT.split(command)
    head, rest = head.replace("\\%", "%"), [part.replace("\\%", "%") for part in rest]
    if not rest:
        return head
    end = _END
    while end in rest:
        end += "_"
    return "\n".join([f"{{ {head}", f"}} <<'{end}'", *rest, end]) + "\n"


def _escaped(text: str, variables: dict[str, str]) -> str:
    """The text as a kubelet reads it as that: to it $$ is a $, and $(NAME) the value of a variable that there is."""

    def escape(match: re.Match[str]) -> str:
        name = match[2] or ""
        alone = len(match[1]) == 1 and name not in variables and not name.startswith(RESERVED)
        return match[0] if alone else match[1] * 2 + match[0][len(match[1]) :]

    return _DOLLARS.sub(escape, text)


def _free_name(command: str, taken: set[str]) -> str:
    base = _name_of(command)
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base[: LONGEST_NAME - len(str(number)) - 1]}-{number}"
    return name


def _name_of(command: str) -> str:
    """A name made of what the command runs."""
    for part in re.split(r"&&|\|\||[;|%]", command):
        for word in _candidates(part):
            base = word.rstrip("/").rpartition("/")[2]
            base = re.sub(r"\.(?:sh|bash|py|pl|php|rb|js|jar)\Z", "", base)
            label = re.sub("[^a-z0-9]+", "-", base.lower()).strip("-")[:LONGEST_NAME].strip("-")
            if label and re.search("[a-z]", label):
                return label
    return "command"


def _candidates(part: str) -> Iterator[str]:
    """What in a simple command may say what it does, the best first."""
    try:
        words = shlex.split(part, comments=False)
    except ValueError:
        words = part.split()
    own, after = [], ""
    for word in words:
        option = word.startswith("-")
        if not option and not _ASSIGNMENT.fullmatch(word) and after not in _TAKE_ONE:
            own.append(word)
        # An option may stand before what a command takes first; that of sudo takes something itself.
        after = after if option and word not in _TAKE_ONE else word.rpartition("/")[2]
    if own and own[0] in ("cd", "test", "["):
        return
    names = [word for word in own if word.rpartition("/")[2] not in _BEFORE]
    said = [word for word in names if not _INTERPRETERS.fullmatch(word.rpartition("/")[2])]
    yield from said
    yield from names
