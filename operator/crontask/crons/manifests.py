"""The objects of a registry: a ConfigMap for each module that is shipped, then its CronTasks. Nothing is sent."""

import os
import sys
from typing import Any

from crontask.api import resources
from crontask.api.names import LABEL_OWNER, shortened
from crontask.client.errors import BadInput
from crontask.client.requests import Document
from crontask.crons.cron import Cron
from crontask.crons.function import check_found, place_of
from crontask.crons.registry import Crons
from crontask.crons.schemas import args_of, args_schema, result_schema
from crontask.crons.shipped import Source, problems_of, source_of
from crontask.sdk.errors import InvalidTask
from crontask.sdk.fields import manifest

REVISION = "crontask.dev/revision"
"""The annotation that says by which deployment an object was written."""


class InvalidCrons(BadInput):
    """A registry that cannot be applied: `problems` has all that is wrong with it. Nothing was sent."""

    def __init__(self, owner: str, problems: tuple[str, ...]) -> None:
        first, *others = problems
        super().__init__("", "\n".join((first, *others)))
        self.owner = owner
        self.problems = problems


def manifests(crons: Crons, *, namespace: str | None = None, revision: int | None = None) -> list[Document]:
    """ConfigMaps, then CronTasks, in the order in which they are registered. Raises InvalidCrons.

    `namespace`: where the registry says none; without one the objects say none.
    """
    where = crons.namespace or namespace
    problems: list[str] = []
    sources: dict[str, Source] = {}
    requires: dict[str, set[str]] = {}
    for cron in crons:
        module = cron.function.__module__
        if cron.image is None:
            requires.setdefault(module, set()).update(cron.requires)
            if module not in sources:
                try:
                    sources[module] = source_of(module)
                except BadInput as error:
                    problems.append(str(error))
    config_maps: dict[str, Document] = {}
    for module, source in sources.items():
        found = problems_of(source, requires[module], allow_secrets=crons.allow_secrets)
        problems += map(str, found)
        made = _config_map(crons.owner, source)
        name = made["metadata"]["name"]
        if name in config_maps:
            problems.append(f"{source.path}: another module is shipped as ConfigMap {name} too; rename one of them")
        config_maps[name] = made
    tasks = []
    for cron in crons:
        try:
            tasks.append(_task(cron, crons.owner, sources.get(cron.function.__module__), where))
        except InvalidTask as error:
            takes = f"write what {cron.function.__name__} takes"
            problems += [
                f"{_place(cron)}: {problem}".replace("write what spec.argsSchema asks for", takes)
                for problem in error.problems
            ]
        except BadInput as error:
            placed = str(error).startswith(place_of(cron.function))
            text = str(error).removeprefix(f"CronTask {cron.name}: ").removeprefix(f"CronTask {cron.name} ")
            problems.append(str(error) if placed else f"{_place(cron)}: {text}")
    if problems:
        raise InvalidCrons(crons.owner, tuple(dict.fromkeys(problems)))
    return [_finished(body, where, revision) for body in (*config_maps.values(), *tasks)]


def _place(cron: Cron[Any, Any]) -> str:
    """Where a task is said: by its function."""
    return f"{place_of(cron.function)}: CronTask {cron.name}"


def config_map_name(owner: str, module: str) -> str:
    """The ConfigMap of a module. A dot ends the owner, which has none: two owners never share a ConfigMap."""
    parts = [part.strip("-") or "0" for part in module.lower().replace("_", "-").split(".")]
    return shortened(f"crons-{owner}.{'.'.join(parts)}", 253)


def _config_map(owner: str, source: Source) -> Document:
    kind = resources.CONFIG_MAP
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": config_map_name(owner, source.name), "labels": {LABEL_OWNER: owner}},
        "data": {_key(source): source.text},
    }


def _key(source: Source) -> str:
    return f"{source.name.rpartition('.')[2]}.py"


def _task(cron: Cron[Any, Any], owner: str, source: Source | None, namespace: str | None) -> Document:
    check_found(cron.function)
    if REVISION in cron.annotations:
        problem = f"{REVISION} is written by each deployment that says its revision"
        raise BadInput("annotations", problem, "remove it, and write sync(client, revision=…), or apply --revision")
    python: Document
    if cron.image is not None:
        python = {"image": cron.image, "entrypoint": f"{_importable(cron)}:{cron.function.__name__}"}
    elif source is not None:
        reference = {"name": config_map_name(owner, source.name), "key": _key(source)}
        python = {"configMapKeyRef": reference, "entrypoint": cron.function.__name__}
    else:
        # That there is none has been said; what else is wrong is said too.
        python = {"source": f"def {cron.function.__name__}(ctx): ...", "entrypoint": cron.function.__name__}
    fields: Any = {**cron.fields, "handler": {"python": python}}
    if cron.pod is not None:
        fields["handler"]["pod"] = cron.pod
    if fields.get("args") is not None:
        fields["args"] = args_of(cron, fields["args"])
    fields.setdefault("args_schema", args_schema(cron))
    fields.setdefault("result_schema", result_schema(cron))
    return manifest(
        cron.name,
        None,
        fields,
        (namespace, "default"),
        on_demand=cron.on_demand,
        labels={**cron.labels, LABEL_OWNER: owner},
        annotations=cron.annotations,
    )


def _importable(cron: Cron[Any, Any]) -> str:
    """The name by which the image has the module: of the program itself, the one of its file."""
    name = cron.function.__module__
    if name != "__main__":
        return name
    module = sys.modules[name]
    spec = getattr(module, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    return os.path.splitext(os.path.basename(cron.function.__code__.co_filename))[0]


def _finished(body: Document, namespace: str | None, revision: int | None) -> Document:
    metadata = {**body["metadata"]}
    metadata.pop("namespace", None)
    if namespace is not None:
        metadata["namespace"] = namespace
    if revision is not None:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), REVISION: str(revision)}
    return {**body, "metadata": metadata}
