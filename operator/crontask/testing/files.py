"""Manifests in files, read as the command line reads them: what `kubectl apply -f` would send."""

from pathlib import Path

from crontask.cli.objects import ManifestObject, read_manifest
from crontask.cli.reading import manifest_files
from crontask.client.errors import BadInput
from crontask.client.requests import Document


def documents_in(path: Path, namespace: str) -> list[Document]:
    """The tasks and runs of a file, or of the manifests of a folder. Raises BadInput with all that is wrong.

    What else stands there, such as ConfigMaps, is left out.
    """
    found: list[Document] = []
    for file in manifest_files(str(path)):
        manifest = read_manifest(file)
        reports = [report for each in manifest.objects for report in manifest.reports_of(each) if not report.warning]
        problems = [*manifest.reports, *reports]
        if problems:
            raise BadInput("", "\n".join(map(str, problems)))
        found += [_named(each, namespace) for each in manifest.objects]
    if not found:
        raise BadInput(str(path), "has no CronTask and no ScheduledRun", "name a file that has one")
    return found


def _named(found: ManifestObject, namespace: str) -> Document:
    metadata = dict(found.value["metadata"])
    if found.name is None:
        metadata["name"] = f"{metadata.pop('generateName')}made"
    return {**found.value, "kind": found.kind, "metadata": {**metadata, "namespace": found.namespace or namespace}}
