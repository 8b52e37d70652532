"""`crontask convert`: CronJobs, of files or of the cluster, and crontabs, as manifests of CronTasks with comments."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from crontask.api.problem import Problem
from crontask.api.validate_object import validate_object
from crontask.api.written import one_of
from crontask.cli.connection import connected, options_of_all_namespaces, scope
from crontask.cli.conversion.commented import as_commented_yaml
from crontask.cli.conversion.cronjob import convert_cronjob
from crontask.cli.conversion.crontab import MOST_LINES, convert_entry, read_crontab
from crontask.cli.conversion.draft import Draft, RefusedError
from crontask.cli.document import Document, UnreadableError
from crontask.cli.exits import BAD_INPUT, INTERRUPTED, LOST, STILL_WAITING
from crontask.cli.objects import Report
from crontask.cli.parameters import DurationParam, refuse
from crontask.cli.reading import manifest_files, read_documents, read_text, source_name
from crontask.timetable import ZoneError, load_zone

_API_VERSIONS = ("batch/v1", "batch/v1beta1")
_CLUSTER = "cluster"
# Where a problem of the pod stands in the CronJob.
_TEMPLATE, _TEMPLATE_OF_JOBS = "spec.handler.podTemplate", "spec.jobTemplate.spec.template"


@dataclass(frozen=True)
class Source:
    """An object that may be a CronJob: where it stands. `at`: its path in the document, empty for the whole of it."""

    file: str
    value: Any
    document: Document | None = None
    at: str = ""

    def report(self, label: str, problem: Problem, *, warning: bool = False) -> Report:
        """Something to be said of it, with the line where there is one."""
        line = None
        if self.document is not None:
            line = self.document.locate(".".join(filter(None, (self.at, problem.path))))[1]
        return Report(self.file, line, label, problem, warning)


@dataclass
class _Converting:
    """What has come out so far."""

    lossy: bool
    drafts: list[Draft] = field(default_factory=list)
    refused: list[Report] = field(default_factory=list)
    lost: int = 0
    passed_over: dict[str, dict[str, int]] = field(default_factory=dict)
    names: set[tuple[str, str]] = field(default_factory=set)

    def add(self, draft: Draft, source: Source) -> None:
        """A draft that is a valid CronTask, or why not."""
        key = (str(draft.metadata.get("namespace") or ""), str(draft.metadata["name"]))
        found = validate_object(draft.document, "CronTask", datetime.now(UTC)).problems
        problems = [replace(problem, path=problem.path.replace(_TEMPLATE, _TEMPLATE_OF_JOBS)) for problem in found]
        if key in self.names:
            problems.append(Problem("metadata.name", f"there is a {key[1]} already", "rename one of them"))
        if problems:
            self.refused += [source.report(draft.title, problem) for problem in problems]
            return
        self.names.add(key)
        self.drafts.append(draft)
        self.lost += len(draft.lost)
        for problem in draft.lost:
            click.echo(str(source.report(draft.title, problem, warning=True)), err=True)

    def pass_over(self, file: str, kind: str) -> None:
        """An object of another kind."""
        counts = self.passed_over.setdefault(file, {})
        counts[kind] = counts.get(kind, 0) + 1


@click.command("convert")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "-f", "--file", "paths", multiple=True, metavar="FILE", help="Manifests of CronJobs, or a folder of them; -: stdin."
)
@click.option("--from-cluster", is_flag=True, help="The CronJobs of the cluster: those with a NAME, or all.")
@click.option("--crontab", metavar="FILE", help="A crontab; -: stdin.")
@click.option("--image", help="The image in which the commands of a crontab run.")
@click.option("--system", is_flag=True, help="A user stands before each command, as in /etc/crontab.")
@click.option("--source-zone", metavar="ZONE", help="The time zone of what names none, like Europe/Berlin.")
@click.option("--rename", is_flag=True, help="Names with dots become names without.")
@click.option("--lossy", is_flag=True, help="Exit with 0 even if something is not carried over.")
@click.option(
    "--switch", is_flag=True, help="Let the CronTask of each NAME take over from its CronJob, in the cluster."
)
@click.option("--back", is_flag=True, help="Let the CronJob of each NAME take over again.")
@click.option(
    "--gap",
    type=click.Choice(["latest", "all", "none"]),
    default="latest",
    show_default=True,
    help="Which of the times that pass during a switch are made up for.",
)
@click.option(
    "--drain-timeout",
    type=DurationParam(),
    default="10m",
    show_default=True,
    help="How long a switch waits for what runs.",
)
@click.option("--force", is_flag=True, help="Switch even what Helm, Flux or Argo CD manages.")
@options_of_all_namespaces
def convert_command(
    names: tuple[str, ...],
    paths: tuple[str, ...],
    from_cluster: bool,
    crontab: str | None,
    image: str | None,
    system: bool,
    source_zone: str | None,
    rename: bool,
    lossy: bool,
    switch: bool,
    back: bool,
    gap: str,
    drain_timeout: timedelta,
    force: bool,
) -> None:
    """Convert CronJobs, or a crontab, to manifests of CronTasks on stdout.

    What is not carried over stands in a comment at the field that it is about, and on stderr. Only --switch and --back
    change anything: they may be killed, and go on when they are run again. Exit code 0; 2: some could not be converted,
    or bad input; 3: what runs did not end in time; 8: something is not carried over, unless --lossy; 7, 9: the API
    server refused, or was not reached.

    Example: crontask convert -f cronjobs.yaml > crontasks.yaml
    """
    if sum((bool(paths), from_cluster, crontab is not None, switch, back)) != 1:
        choices = "-f FILE, --from-cluster, --crontab FILE, --switch NAME and --back NAME"
        refuse([f"nothing, or too much, is asked for; write one of {choices}"])
    if names and (paths or crontab is not None):
        refuse(["names are of CronJobs in the cluster; write --from-cluster, or -f before the name of each file"])
    _check_zone(source_zone)
    if crontab is not None:
        converting = _Converting(lossy)
        _convert_crontab(converting, crontab, image, source_zone, system=system)
        _finish(converting)
        return
    settings: dict[str, Any] = {"rename": rename, "source_zone": source_zone}
    converting = _Converting(lossy)
    if paths:
        sources: Iterable[Source] = _from_files(converting, paths)
    else:
        if switch or back:
            how = {"drain": drain_timeout, "gap": gap, "force": force}
            _switch(names, back=back, lossy=lossy, settings=settings, **how)
            return
        sources = _from_cluster(names)
    for source in sources:
        _convert(converting, source, **settings)
    _finish(converting)


def _check_zone(name: str | None) -> None:
    if name is not None:
        try:
            load_zone(name)
        except ZoneError as error:
            refuse([f"--source-zone: {error.message}; {error.fix}"])


def _convert(converting: _Converting, source: Source, *, rename: bool, source_zone: str | None) -> None:
    try:
        draft = convert_cronjob(source.value, rename=rename, source_zone=source_zone)
    except RefusedError as error:
        converting.refused.append(source.report(_label(source.value), error.problem))
    else:
        converting.add(draft, source)


def _label(value: dict[str, Any]) -> str:
    metadata = value.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    name, namespace = known.get("name"), known.get("namespace")
    shown = name if isinstance(name, str) and name else "(no name)"
    return f"CronJob {namespace}/{shown}" if isinstance(namespace, str) and namespace else f"CronJob {shown}"


def _from_files(converting: _Converting, paths: tuple[str, ...]) -> Iterator[Source]:
    for path in paths:
        for file in manifest_files(path):
            documents, unreadable = read_documents(file)
            shown = source_name(file)
            converting.refused += [Report(shown, each.line, "", each.problem) for each in unreadable]
            for document in documents:
                for located in document.problems:
                    converting.refused.append(Report(shown, located.line, "", located.problem))
                if not document.problems:
                    yield from _cronjobs(converting, Source(shown, document.value, document))


def _cronjobs(converting: _Converting, source: Source) -> Iterator[Source]:
    """The CronJobs in a document; what else there is is passed over."""
    value = source.value
    kind, api_version = (value.get("kind"), value.get("apiVersion")) if isinstance(value, dict) else (None, None)
    if not isinstance(kind, str):
        problem = Problem("kind", "is missing", "write apiVersion: batch/v1 and kind: CronJob")
        converting.refused.append(source.report("", problem))
    elif kind in ("List", "CronJobList"):
        items = value.get("items")
        for index, item in enumerate(items if isinstance(items, list) else []):
            at = f"{source.at}.items[{index}]".removeprefix(".")
            if kind == "CronJobList" and isinstance(item, dict):
                item = {"apiVersion": api_version, "kind": "CronJob", **item}
            yield from _cronjobs(converting, Source(source.file, item, source.document, at))
    elif kind == "CronJob" and api_version in _API_VERSIONS:
        yield source
    else:
        converting.pass_over(source.file, kind if kind != "CronJob" else f"CronJob of {api_version}")


def _from_cluster(names: tuple[str, ...]) -> list[Source]:
    from crontask.api.resources import CRON_JOB

    with connected(all_namespaces=not names) as cluster:
        if names:
            return [Source(_CLUSTER, cluster.get(CRON_JOB, name)) for name in names]
        namespace = scope(cluster)
        found = cluster.list(CRON_JOB, namespace=namespace)["items"]
        where = f" in namespace {namespace}" if namespace else ""
    if not found:
        refuse([f"there is no CronJob{where}"])
    return [Source(_CLUSTER, value) for value in found]


def _switch(names: tuple[str, ...], *, back: bool, lossy: bool, settings: dict[str, Any], **how: Any) -> None:
    from crontask.cli.switch_advice import AGAIN
    from crontask.cli.switching import StoppedError, Switch
    from crontask.client import errors

    def convert(cronjob: dict[str, Any]) -> dict[str, Any]:
        converting = _Converting(lossy)
        _convert(converting, Source(_CLUSTER, cronjob), **settings)
        if converting.refused:
            refuse(converting.refused)
        _stop_where_lost(converting)
        return converting.drafts[0].document

    begun: set[str] = set()

    def say(what: str) -> None:
        begun.add(name)
        click.echo(what)

    if not names:
        refuse(["which CronJob is meant is not said; write --switch NAME"])
    for name in names:
        with connected() as cluster:
            switch = Switch(cluster, name, convert, say, **how)
            try:
                if back:
                    switch.backward(name.replace(".", "-"))
                else:
                    switch.forward()
            except StoppedError as error:
                click.echo(str(error), err=True)
                sys.exit(STILL_WAITING if error.waited else BAD_INPUT)
            except KeyboardInterrupt:
                click.echo(f"{name}: stopped in the middle; {AGAIN}", err=True)
                sys.exit(INTERRUPTED)
            except errors.ClientError:
                if name in begun:
                    click.echo(f"{name}: stopped in the middle; once this is mended {AGAIN}:", err=True)
                raise


def _convert_crontab(
    converting: _Converting, path: str, image: str | None, source_zone: str | None, *, system: bool
) -> None:
    if not image:
        refuse(["--crontab needs --image IMAGE: what its commands run in"])
    file = source_name(path)
    try:
        text = read_text(path)
    except UnreadableError as error:
        refuse([Report(file, error.line, "", error.problem)])
    if text.count("\n") > MOST_LINES:
        refuse([f"{file}: has more than {MOST_LINES} lines; split it into several files"])
    names: set[str] = set()
    for entry in read_crontab(text, system=system):
        number = entry[0] if isinstance(entry, tuple) else entry.line
        source = Source(f"{file}:{number}", None)
        try:
            if isinstance(entry, tuple):
                raise entry[1]
            draft = convert_entry(entry, image, names, source_zone)
        except RefusedError as error:
            label = "" if isinstance(entry, tuple) else entry.label
            converting.refused.append(source.report(label, error.problem))
        else:
            names.add(str(draft.metadata["name"]))
            converting.add(draft, source)
    if not converting.drafts and not converting.refused:
        refuse([f"{file}: there is no line with a command in it"])


def _finish(converting: _Converting) -> None:
    click.echo("---\n".join(as_commented_yaml(draft.document, draft.comments) for draft in converting.drafts), nl=False)
    _report_passed_over(converting)
    if converting.refused:
        refuse(converting.refused)
    if not converting.drafts:
        kinds = sorted({kind for counts in converting.passed_over.values() for kind in counts})
        refuse([f"there is no CronJob in it{f', but {one_of(kinds)}' if kinds else ''}; name a file that has one"])
    _stop_where_lost(converting)


def _stop_where_lost(converting: _Converting) -> None:
    if converting.lost and not converting.lossy:
        click.echo(
            f"{_count(converting.lost, 'thing is', 'things are')} not carried over; write --lossy to accept that",
            err=True,
        )
        sys.exit(LOST)


def _report_passed_over(converting: _Converting) -> None:
    for file, counts in converting.passed_over.items():
        shown = ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in sorted(counts.items()))
        click.echo(f"{file}: passed over: {shown}", err=True)


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
