"""Kubeconfig files: read, merged as kubectl merges them, with a message for each thing that is wrong.

Of files that are merged the first that has a cluster, user or context of a name gives it, whole; relative paths are
relative to the file that they are in. Called by `access`.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crontask.client.errors import AccessError

# What is never shown.
_SECRETS = ("token", "password", "client-key-data", "clientKeyData")
_LISTS = {"clusters": "cluster", "contexts": "context", "users": "user"}


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping in a kubeconfig, and where it is. Each getter refuses a value of the wrong type."""

    values: Mapping[str, Any] = field(repr=False)
    file: Path | None = None
    path: str = ""

    def text(self, name: str) -> str:
        """A text, empty where there is none."""
        value = self.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            if name in _SECRETS:
                raise self.error(name, f"must be a text, not {type(value).__name__}", "write it in quotes")
            raise self.error(name, f"must be a text, not {value!r}", f'write {name}: "{value}"')
        return value

    def flag(self, name: str) -> bool:
        """true or false; false where there is neither."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(name, f"must be true or false, not {value!r}", f"write {name}: true")
        return bool(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self.values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(name, f"must be a list of texts, not {value!r}", f"write {name}: [a, b]")
        return tuple(value)

    def below(self, name: str) -> "Fields | None":
        """A mapping in it."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.error(name, f"must be a mapping, not {value!r}", "write name: value below it")
        return Fields(value, self.file, self._at(name))

    def entries(self, name: str) -> Iterator["Fields"]:
        """The mappings of a list."""
        value = self.values.get(name)
        if value is None:
            return
        if not isinstance(value, list):
            raise self.error(name, f"must be a list, not {value!r}", "write its items below it, each after a dash")
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise self.error(f"{name}[{index}]", f"must be a mapping, not {item!r}", "write name: value in it")
            yield Fields(item, self.file, self._at(f"{name}[{index}]"))

    def data(self, name: str) -> bytes | None:
        """What is written in base64."""
        text = self.text(name)
        if not text:
            return None
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except binascii.Error as error:
            instead = f"write the file's path as {name.removesuffix('-data')}, or its content encoded by base64 -w0"
            raise self.error(name, f"is not base64 ({error})", instead) from error

    def file_path(self, name: str) -> Path | None:
        """A path, relative to the kubeconfig."""
        text = self.text(name)
        if not text:
            return None
        return self.file.parent / text if self.file else Path(text)

    def material(self, name: str) -> Callable[[], bytes] | None:
        """A certificate or key: what is written in the kubeconfig itself, else what is in the file that it names."""
        data, file = self.data(f"{name}-data"), self.file_path(name)
        if data is not None:
            return lambda: data
        return (lambda: read_file(file, f"{self._at(name)} in {self.file}")) if file is not None else None

    def error(self, name: str, problem: str, fix: str = "") -> AccessError:
        """What is wrong with a field."""
        return AccessError(f"{self._at(name)} {problem}", fix, str(self.file or ""))

    def _at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path and name else self.path or name


@dataclass
class Kubeconfig:
    """What some files say together."""

    files: tuple[Path, ...]
    current: str = ""
    clusters: dict[str, Fields] = field(default_factory=dict)
    contexts: dict[str, Fields] = field(default_factory=dict)
    users: dict[str, Fields] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing says where a cluster is."""
        return not (self.clusters or self.contexts or self.users or self.current)

    @property
    def shown(self) -> str:
        """The files, for messages."""
        return ", ".join(map(str, self.files)) or "kubeconfig"

    def context(self, name: str | None) -> tuple[str, Fields]:
        """The context of that name, else the current one."""
        wanted = name or self.current
        if not wanted:
            known = f": one of {', '.join(self.contexts)}" if self.contexts else ""
            raise AccessError("no context is the current one", f"set current-context, or --context{known}", self.shown)
        if wanted not in self.contexts:
            said = "--context" if name else "current-context"
            raise self._missing(f"{said} is {wanted!r}, but no context has that name", "context", wanted, self.contexts)
        return wanted, self.contexts[wanted]

    def cluster_of(self, name: str, context: Fields) -> Fields:
        """The cluster of a context."""
        cluster = context.text("cluster")
        if not cluster:
            raise context.error("cluster", f"is missing in context {name!r}", "write the name of a cluster")
        if cluster not in self.clusters:
            problem = f"context {name!r} wants cluster {cluster!r}, and there is none of that name"
            raise self._missing(problem, "cluster", cluster, self.clusters)
        return self.clusters[cluster]

    def user_of(self, name: str, context: Fields) -> Fields:
        """The user of a context; without one we are nobody in particular."""
        user = context.text("user")
        if user and user not in self.users:
            problem = f"context {name!r} wants user {user!r}, and there is none of that name"
            raise self._missing(problem, "user", user, self.users)
        return self.users[user] if user else Fields({}, context.file, "user")

    def _missing(self, problem: str, what: str, wanted: str, known: Mapping[str, Fields]) -> AccessError:
        from difflib import get_close_matches

        near = get_close_matches(wanted, known, n=1)
        some = f"write one of: {', '.join(known)}" if known else f"add a {what} of that name"
        return AccessError(problem, f"did you mean {near[0]}?" if near else some, self.shown)


def read_files(paths: Iterable[Path]) -> Kubeconfig:
    """What these files say together; each has to be there."""
    files = tuple(paths)
    merged = Kubeconfig(files)
    for file in files:
        document = _read(file)
        merged.current = merged.current or document.text("current-context")
        for plural, singular in _LISTS.items():
            known: dict[str, Fields] = getattr(merged, plural)
            for entry in document.entries(plural):
                name = entry.text("name")
                if not name:
                    raise entry.error("name", "is missing", f"write the name by which a context knows this {singular}")
                of_entry = entry.below(singular) or Fields({}, file, entry._at(singular))
                known.setdefault(name, Fields(of_entry.values, file, f"{plural}[{name}].{singular}"))
    return merged


def read_file(file: Path, named: str) -> bytes:
    """The content of a file that a kubeconfig names."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise AccessError(f"{named} cannot be read ({error.strerror})", "name a file that can", str(file)) from error
    except ValueError as error:
        raise AccessError(f"{named} is not a path that a file can have", "name a file", repr(str(file))) from error


def _read(file: Path) -> Fields:
    import yaml

    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise AccessError(f"cannot be read ({error.strerror})", _instead(error), str(file)) from error
    except UnicodeDecodeError as error:
        raise AccessError("is not a text in UTF-8", "write a kubeconfig, which is YAML", str(file)) from error
    except ValueError as error:
        raise AccessError("is not a path that a file can have", "name a kubeconfig", repr(str(file))) from error
    try:
        value = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        at = getattr(error, "problem_mark", None)
        line = f"line {at.line + 1}: " if at else ""
        problem = getattr(error, "problem", None) or str(error)
        raise AccessError(f"{line}is not YAML: {problem}", "mend that line", str(file)) from error
    if value is None:
        return Fields({}, file)
    if not isinstance(value, dict):
        raise AccessError(f"holds {type(value).__name__} and not a mapping", "write a kubeconfig", str(file))
    kind = value.get("kind")
    if kind not in (None, "Config"):
        raise AccessError(f"is a {kind} and not a kubeconfig", "name a file of kind: Config", str(file))
    return Fields(value, file)


def _instead(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "name a kubeconfig that there is"
    if isinstance(error, PermissionError):
        return "make it readable for who runs this"
    return "name a file"
