"""What the API server says against manifests, by a dry run of each object: `validate --server`.

Schemas, rules, policies and webhooks of that cluster are asked, ours and those of others. Nothing is stored.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from crontask.api.problem import Problem
from crontask.api.resources import CRON_JOB, CRON_TASK, SCHEDULED_RUN, Resource
from crontask.cli.applying import LAST_APPLIED, applied
from crontask.cli.manifest import as_document
from crontask.cli.objects import Manifest, ManifestObject, Report
from crontask.cli.strict import Name
from crontask.client import Cluster, errors, operations, requests

if TYPE_CHECKING:
    from crontask.ports import Document

_KINDS = {"CronTask": CRON_TASK, "ScheduledRun": SCHEDULED_RUN}
_MANAGER = "crontask"
# In front of what a policy or a webhook says, in whatever order.
_DENIED = re.compile(r"(?s).*?\bdenied (?:the )?request: (.*)")
_WITH_PATH = re.compile(r"((?:spec|metadata)\b[^\s:]*): (.*)")
# Where a whole object is wrong, its value says nothing.
_NO_VALUE = re.compile(r'^Invalid value: (?:"?(?:object|null)"?: |(?=spec\b))')


def server_reports(manifest: Manifest, found: ManifestObject, cluster: Cluster) -> list[Report]:
    """What is said against one object; nothing if it would be stored. Raises errors.Forbidden without the right."""
    try:
        _dry_run(as_document(found, cluster.namespace), _KINDS[found.kind], found.name is None, cluster)
    except errors.Invalid as error:
        return [manifest.report(found, problem) for problem in _problems(error)]
    except errors.Forbidden as error:
        if not error.by_admission:
            raise
        return [manifest.report(found, problem) for problem in _said(error.message)]
    except errors.NotFound as error:
        if error.unknown_resource:
            raise
        # It may be among what is applied before: kubectl apply has no order.
        problem = Problem("metadata.namespace", f"was not asked about: {error.message}", "create the namespace first")
        report = manifest.report(found, problem)
        return [Report(report.file, report.line, report.label, report.problem, warning=True)]
    return []


def active_cron_jobs(cluster: Cluster, namespaces: set[str]) -> list[Name]:
    """The CronJobs of these namespaces that are not suspended. Raises errors.Forbidden without the right to look."""
    found = [job for namespace in sorted(namespaces) for job in cluster.list(CRON_JOB, namespace=namespace)["items"]]
    return [(job["metadata"]["namespace"], job["metadata"]["name"]) for job in found if not job["spec"].get("suspend")]


def _dry_run(document: "Document", kind: Resource, drawn: bool, cluster: Cluster) -> None:
    """Create it, or change the one that is there as kubectl apply would."""
    metadata = document["metadata"]
    if drawn:
        document = {**document, "metadata": {key: value for key, value in metadata.items() if key != "name"}}
    namespace, name = metadata["namespace"], metadata["name"]
    live = None if drawn else cluster.run(operations.known(requests.get(kind, name, namespace)))
    if live is None:
        cluster.create(kind, document, namespace=namespace, manager=_MANAGER, dry_run=True)
        return
    wanted = applied(live, document)
    annotations = {key: value for key, value in wanted["metadata"]["annotations"].items() if key != LAST_APPLIED}
    change: list[Document] = [
        {"op": "add", "path": "/spec", "value": wanted["spec"]},
        {"op": "add", "path": "/metadata/labels", "value": wanted["metadata"]["labels"]},
        {"op": "add", "path": "/metadata/annotations", "value": annotations},
    ]
    cluster.patch(kind, name, change, namespace=namespace, manager=_MANAGER, dry_run=True)


def _problems(error: errors.Invalid) -> Iterator[Problem]:
    if not error.causes:
        yield from _said(error.message)
    for cause in error.causes:
        if cause.field and not _DENIED.match(cause.message):
            yield Problem(cause.field, _NO_VALUE.sub("", cause.message))
        else:
            yield from _said(cause.message)


def _said(message: str) -> Iterator[Problem]:
    """What a policy or a webhook says: ours say a problem a line, each with its path."""
    denied = _DENIED.match(message)
    found = [_WITH_PATH.fullmatch(line) for line in denied[1].splitlines()] if denied is not None else []
    ours = [match for match in found if match is not None]
    if ours and len(ours) == len(found):
        yield from (Problem(match[1], match[2]) for match in ours)
    else:
        yield Problem("", f"is refused by the API server: {message}")
