"""The CronTasks and ScheduledRuns of a manifest, and what is wrong with it.

An object of another API is nobody's business here; one that is nearly ours is not taken for it, and a List is looked
into.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from crontask.api.base import API_VERSION, GROUP
from crontask.api.problem import Problem
from crontask.api.validate_object import SPECS, validate_object
from crontask.api.written import as_yaml, one_of, shown
from crontask.cli.document import Document, Located
from crontask.cli.misread import as_written, misread_keys
from crontask.cli.reading import read_documents, source_name

KINDS = tuple(SPECS)
_LISTS = ("List", *(f"{kind}List" for kind in KINDS))


@dataclass(frozen=True, slots=True)
class Report:
    """Something to be said about a file, or about an object in it: a problem, or a warning."""

    file: str
    line: int | None
    label: str
    problem: Problem
    warning: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line is not None else self.file
        parts = (place, "warning" if self.warning else "", self.label, self.problem.path, self.problem.message)
        return ": ".join(filter(None, parts)) + (f"; {self.problem.fix}" if self.problem.fix else "")


@dataclass(frozen=True)
class ManifestObject:
    """One of our objects as it stands in a manifest; `at`: its path in the document, empty for the whole of it."""

    kind: str
    value: dict[str, Any]
    document: Document
    at: str = ""
    problems: tuple[Located, ...] = ()

    @property
    def name(self) -> Any:
        """Whatever is written as its name."""
        metadata = self.value.get("metadata")
        return metadata.get("name") if isinstance(metadata, dict) else None

    @property
    def asked_name(self) -> Any:
        """How it is called where it is asked for: by its name, or by what the API server makes one of."""
        metadata = self.value.get("metadata")
        return self.name if self.name is not None or not isinstance(metadata, dict) else metadata.get("generateName")

    @property
    def namespace(self) -> str | None:
        """The namespace that is written in it, None without one."""
        metadata = self.value.get("metadata")
        namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
        return namespace if isinstance(namespace, str) and namespace else None

    @property
    def line(self) -> int | None:
        """The line at which it begins."""
        return self.document.locate(self.at)[1]

    @property
    def label(self) -> str:
        """What it is called in a message."""
        name = self.name if isinstance(self.name, str) and self.name else "(no name)"
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{name}"


@dataclass
class Manifest:
    """What stands in a file: our objects, others, and what is wrong with the file besides."""

    file: str
    objects: list[ManifestObject] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    others: list[ManifestObject] = field(default_factory=list)

    def of(self, kind: str) -> list[ManifestObject]:
        """The objects of a kind."""
        return [found for found in self.objects if found.kind == kind]

    def reports_of(self, found: ManifestObject) -> list[Report]:
        """All that is to be said about one of its objects."""
        verdict = validate_object(found.value, found.kind, datetime.now(UTC))
        problems = [*found.problems, *map(Located, verdict.problems)]
        reports = [self._report(found, located) for located in problems]
        said = {problem.path for problem in verdict.problems}
        misread = (
            warning for warning in misread_keys(found.value.get("spec"), found.document) if warning.path not in said
        )
        warnings = (*verdict.warnings, *misread)
        return reports + [replace(self._report(found, Located(w)), warning=True) for w in warnings]

    def report(self, found: ManifestObject, problem: Problem) -> Report:
        """A problem of one of its objects, with its line."""
        return self._report(found, Located(problem))

    def misplaced(self, namespace: str | None) -> list[Report]:
        """Of each of its objects that says another namespace than -n: that it does, as kubectl has it."""
        wrong = [found for found in self.objects if namespace is not None and found.namespace not in (None, namespace)]
        message, fix = f"is not that of -n, {namespace}", "write -n {}, or leave it out"
        return [
            self.report(found, Problem("metadata.namespace", message, fix.format(found.namespace))) for found in wrong
        ]

    def nothing_of(self, *kinds: str) -> Report:
        """That the file has no object of the kinds, and what it has instead."""
        foreign = sorted({found.kind for found in self.others})
        beside = f", but {one_of(foreign)}" if foreign else ""
        fix = f"write apiVersion: {API_VERSION} and kind: {kinds[0]}"
        return Report(self.file, None, "", Problem("", f"there is no {one_of(kinds)} in it{beside}", fix))

    def _report(self, found: ManifestObject, located: Located) -> Report:
        path = ".".join(filter(None, (found.at, located.problem.path)))
        written, line = found.document.locate(path)
        problem = as_written(located.problem, *found.document.value_at(path))
        return Report(self.file, located.line or line, found.label, replace(problem, path=written))


def read_manifest(path: str) -> Manifest:
    """What stands in a file, or in stdin for `-`."""
    documents, unreadable = read_documents(path)
    manifest = Manifest(source_name(path))
    for document in documents:
        _Sorter(manifest, document).sort_all()
    for located in unreadable:
        manifest.reports.append(Report(manifest.file, located.line, "", located.problem))
    return manifest


class _Sorter:
    """Sorts what stands in a document into objects of ours, what is wrong, and what is none of our business."""

    def __init__(self, manifest: Manifest, document: Document) -> None:
        self._manifest = manifest
        self._document = document
        self._unplaced = list(document.problems)

    def sort_all(self) -> None:
        """The whole document."""
        self.sort(self._document.value, "")
        for located in self._unplaced:
            self._add("", located.problem, located.line)

    def sort(self, value: Any, at: str) -> None:
        """The value at a path of the document."""
        if not isinstance(value, dict):
            message = f"must be an object, not {shown(value)}"
            self._add(at, Problem("", message, "write apiVersion, kind, metadata and spec"))
            return
        kind, api_version = value.get("kind"), value.get("apiVersion")
        if kind in _LISTS and (kind == "List" or api_version == API_VERSION or api_version is None):
            self._sort_list(value, at)
            return
        ours = _kind_meant(kind, api_version)
        if ours is None:
            self._report_foreign(value, at)
            return
        problems = map(Located, (*_api_version_problems(api_version), *_kind_problems(kind, ours)))
        found = ManifestObject(ours, value, self._document, at)
        self._manifest.objects.append(replace(found, problems=(*problems, *self._unreadable_within(at))))

    def _sort_list(self, value: dict[str, Any], at: str) -> None:
        items = value.get("items")
        path = f"{at}.items" if at else "items"
        if not isinstance(items, list):
            self._add(path, Problem("", f"must be a list, not {shown(items)}", "write the objects, each after a -"))
            return
        for index, item in enumerate(items):
            self.sort(item, f"{path}[{index}]")

    def _report_foreign(self, value: dict[str, Any], at: str) -> None:
        kind, api_version = value.get("kind"), value.get("apiVersion")
        if kind is None and api_version is None:
            fix = f"write apiVersion: {API_VERSION} and kind: {one_of(KINDS)}"
            self._add(at, Problem("kind", "is missing, and so is apiVersion", fix))
        elif kind is None or not isinstance(kind, str) or (isinstance(api_version, str) and _is_ours(api_version)):
            message = "is missing" if kind is None else f"must be {one_of(KINDS)}, not {shown(kind)}"
            self._add(at, Problem("kind", message, f"write kind: {one_of(KINDS)}"))
        else:
            self._manifest.others.append(ManifestObject(kind, value, self._document, at))

    def _unreadable_within(self, at: str) -> list[Located]:
        """The values of the object that JSON cannot have, each handed out once."""
        within = [located for located in self._unplaced if located.problem.path.startswith(at)]
        self._unplaced = [located for located in self._unplaced if located not in within]
        paths = [located.problem.path[len(at) :].removeprefix(".") for located in within]
        return [
            replace(located, problem=replace(located.problem, path=path))
            for located, path in zip(within, paths, strict=True)
        ]

    def _add(self, at: str, problem: Problem, known_line: int | None = None) -> None:
        path = ".".join(filter(None, (at, problem.path)))
        written, line = self._document.locate(path)
        label = f"document {self._document.number}"
        report = Report(self._manifest.file, known_line or line, label, replace(problem, path=written))
        self._manifest.reports.append(report)


def _is_ours(api_version: str) -> bool:
    return api_version.partition("/")[0] == GROUP


def _kind_meant(kind: Any, api_version: Any) -> str | None:
    """Which of our kinds is meant; None for an object of others."""
    if isinstance(kind, list) and len(kind) == 1:
        kind = kind[0]
    if not isinstance(kind, str):
        return None
    lower = {known.lower(): known for known in KINDS}
    plain = kind.lower().replace(" ", "").replace("-", "").replace("_", "")
    for candidate in (plain, plain.removesuffix("s")):
        if candidate in lower:
            return lower[candidate]
    if api_version is not None and not (isinstance(api_version, str) and _is_ours(api_version)):
        return None
    close = get_close_matches(plain, lower, 1, cutoff=0.75)
    return lower[close[0]] if close else None


def _api_version_problems(api_version: Any) -> Iterator[Problem]:
    if api_version is None:
        yield Problem("apiVersion", "is missing", f"write apiVersion: {API_VERSION}")
    elif api_version != API_VERSION:
        message = f"must be {API_VERSION}, not {shown(api_version)}"
        yield Problem("apiVersion", message, f"write apiVersion: {API_VERSION}")


def _kind_problems(kind: Any, ours: str) -> Iterator[Problem]:
    if kind != ours:
        yield Problem("kind", f"{as_yaml(kind)} is not a kind of {GROUP}", f"did you mean {ours}? write kind: {ours}")
