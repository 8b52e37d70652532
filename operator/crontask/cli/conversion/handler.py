"""What runs: the pod template of a Job as the handler of a CronTask."""

from collections.abc import Iterator
from typing import Any

from crontask.api.pod import DEFAULT_CONTAINER
from crontask.api.validate_template import RESERVED
from crontask.cli.conversion.draft import Draft, Fields, Path, RefusedError

_TEMPLATE: Path = ("spec", "handler", "podTemplate")
_SPEC: Path = (*_TEMPLATE, "spec")
# Labels that the Job controller puts on its pods.
_OF_JOBS = (
    *("job-name", "controller-uid", "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid"),
    *("batch.kubernetes.io/job-completion-index",),
)
# What an API server fills in: of no use in a manifest.
_DEFAULTS_OF_SPEC = {
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}
_DEFAULTS_OF_CONTAINER = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}


def set_handler(draft: Draft, template: Fields) -> str | None:
    """The handler. What its main container is called, None where there is none that has a name."""
    metadata = template.within("metadata")
    kept = {name: found for name in ("labels", "annotations") if (found := metadata.strings(name))}
    spec = template.take("spec")
    path = template.path("spec")
    if not isinstance(spec, dict):
        raise RefusedError(path, "is missing", "write containers: in it")
    for name in template.rest():
        draft.lose((*_TEMPLATE, name), template.path(name), "a pod template has no such field")
    spec = dict(spec)
    _set_restarts(draft, spec, path)
    _set_token(draft, spec)
    for group in ("initContainers", "containers"):
        if isinstance(spec.get(group), list):
            spec[group] = [
                _container(draft, container, (*_SPEC, group, index), f"{path}.{group}[{index}]")
                for index, container in enumerate(spec[group])
            ]
    spec = {key: value for key, value in spec.items() if not _is_default(key, value, _DEFAULTS_OF_SPEC)}
    if spec.get("serviceAccount") == spec.get("serviceAccountName"):
        spec.pop("serviceAccount", None)
    handler: dict[str, Any] = {"podTemplate": {**({"metadata": kept} if kept else {}), "spec": spec}}
    names = [c.get("name") for c in _listed(spec, "containers") if isinstance(c, dict)]
    main = _main(names, kept.get("annotations", {}))
    if len(names) > 1 and main is not None:
        others = ", ".join(str(name) for name in names if name != main)
        draft.lose(
            ("spec", "handler", "resultFrom"),
            f"{path}.containers",
            f"a Job ends when all containers have ended well; this run ends with {main}, and then stops {others}",
        )
        handler["resultFrom"] = main
    draft.spec["handler"] = handler
    _find_labels_of_jobs(draft, spec, path)
    return main


def _main(names: list[Any], annotations: dict[str, str]) -> str | None:
    marked = annotations.get(DEFAULT_CONTAINER)
    if marked in names:
        return marked
    return names[0] if names and isinstance(names[0], str) else None


def _listed(holder: dict[str, Any], key: str) -> list[Any]:
    found = holder.get(key)
    return found if isinstance(found, list) else []


def _set_restarts(draft: Draft, spec: dict[str, Any], path: str) -> None:
    policy = spec.pop("restartPolicy", None)
    if policy not in (None, "Never", "OnFailure"):
        raise RefusedError(f"{path}.restartPolicy", "must be Never or OnFailure, in a Job", "write Never")
    if policy == "OnFailure":
        draft.lose(
            (*_SPEC, "restartPolicy"),
            f"{path}.restartPolicy",
            "OnFailure: a container is not restarted within its pod; each attempt of spec.retry is a new pod, and what "
            "one wrote to an emptyDir the next does not find",
        )


def _set_token(draft: Draft, spec: dict[str, Any]) -> None:
    if spec.get("automountServiceAccountToken") is None:
        spec["automountServiceAccountToken"] = True
        draft.comment(
            (*_SPEC, "automountServiceAccountToken"),
            "As pods of CronJobs have one, unless their service account says otherwise. Remove it if nothing here asks "
            "the API server.",
        )


def _container(draft: Draft, container: Any, at: Path, path: str) -> Any:
    if not isinstance(container, dict):
        return container
    kept = {key: value for key, value in container.items() if not _is_default(key, value, _DEFAULTS_OF_CONTAINER)}
    sidecar = "initContainers" in at and kept.get("restartPolicy") == "Always"
    for key in ("restartPolicy", "restartPolicyRules"):
        if kept.get(key) and not (key == "restartPolicy" and (sidecar or kept[key] == "Never")):
            del kept[key]
            draft.lose((*at, key), f"{path}.{key}", "a container is not restarted within its pod")
    for variable in _listed(kept, "env"):
        name = variable.get("name") if isinstance(variable, dict) else None
        if isinstance(name, str) and name.startswith(RESERVED):
            message = f"{name} begins with {RESERVED}, as the variables do that crontask sets"
            raise RefusedError(f"{path}.env", message, "give it another name")
    return kept


def _is_default(key: str, value: Any, defaults: dict[str, Any]) -> bool:
    return value is None or (key in defaults and type(value) is type(defaults[key]) and value == defaults[key])


def _find_labels_of_jobs(draft: Draft, spec: dict[str, Any], path: str) -> None:
    """What in the pod counts on labels that only a Job gives to its pods."""
    for at, name in _uses_of_labels(spec, ()):
        where = path + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at)
        text = f"the label {name} is given by Jobs; crontask.dev/run is that of a run, crontask.dev/task that of a task"
        draft.lose((*_SPEC, *at), where, text)


def _uses_of_labels(value: Any, at: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _OF_JOBS:
                yield (*at, key), str(key)
            yield from _uses_of_labels(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _uses_of_labels(inner, (*at, index))
    elif isinstance(value, str):
        asked = value.removeprefix("metadata.labels['").removesuffix("']")
        field = next((step for step in reversed(at) if isinstance(step, str)), "")
        if asked in _OF_JOBS and field in ("fieldPath", "key", "matchLabelKeys"):
            yield at, asked
