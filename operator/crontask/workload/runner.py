"""The containers of the handlers that need no image: they run `crontask-runner`, which does what the handler says.

What it is to do is handed over in its environment; a secret stays a reference, so that only the pod is given it.
"""

from math import ceil
from typing import Any

import orjson

from crontask.api.names import MAIN_CONTAINER
from crontask.api.pod import message_bytes
from crontask.api.scheduledrun import ReusedPod
from crontask.api.simple_handler import Header, Http, KeyRef, Python
from crontask.workload.environment import variable

Document = dict[str, Any]
# A variable may have 128 KiB: so many characters of up to four bytes.
_PIECE = 30_000
# Bytes of a termination message that the runner needs at least.
_LEAST_MESSAGE = 256
# A kubelet's own; and what the runner may take, once a batch has ended, to say how.
_LEAST_GRACE, _TO_SAY_SO = 30, 5
_SOURCE = "CRONTASK_SOURCE"
_TEMPORARY = "crontask-tmp"
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def http_template(http: Http, image: str) -> Document:
    """A pod template that makes the call. Header values of secrets come by variables of their own."""
    handler = http.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"headers"})
    secrets = []
    handler["headers"] = headers = []
    for number, header in enumerate(http.headers, 1):
        given: Document = {"name": header.name}
        if header.value_from is None:
            given["value"] = header.value
        else:
            given["env"] = name = f"CRONTASK_HEADER_{number}"
            secrets.append(_secret(name, header))
        headers.append(given)
    return _template("http", handler, image, secrets)


def python_template(python: Python, image: str) -> Document:
    """A pod template that runs the lines, in the image given or else in the runner's."""
    handler: Document = {"entrypoint": python.entrypoint}
    variables = []
    if python.source is not None:
        handler["source"] = python.source
    if python.config_map_key_ref is not None:
        handler["sourceEnv"] = _SOURCE
        handler["sourceFile"] = python.config_map_key_ref.key
        variables.append({"name": _SOURCE, "valueFrom": {"configMapKeyRef": _plain(python.config_map_key_ref)}})
    if python.image is not None:
        return _template("python", handler, python.image, variables, own=False)
    return _template("python", handler, image, variables)


def message_limit(spec: Document) -> int:
    """Bytes of the termination message that a kubelet keeps of each container of the pod."""
    containers = len(spec.get("containers") or ()) + len(spec.get("initContainers") or ())
    return max(_LEAST_MESSAGE, message_bytes(containers))


def grace_of(reuse: ReusedPod) -> int:
    """Seconds that a pod which does one batch after the other is given to end the one under way."""
    longest = reuse.timeout if reuse.timeout is not None else reuse.for_
    return max(_LEAST_GRACE, ceil(longest.total_seconds()) + _TO_SAY_SO)


def _template(verb: str, handler: Document, image: str, variables: list[Document], *, own: bool = True) -> Document:
    """`own`: the image is ours, which is known to need neither root nor a disk."""
    container: Document = {
        "name": MAIN_CONTAINER,
        "image": image,
        "command": ["crontask-runner", verb],
        "env": [*_pieces(orjson.dumps(handler).decode()), *variables],
    }
    spec: Document = {"containers": [container]}
    if own:
        container["securityContext"] = _RESTRICTED
        container["volumeMounts"] = [{"name": _TEMPORARY, "mountPath": "/tmp"}]
        spec["volumes"] = [{"name": _TEMPORARY, "emptyDir": {}}]
    return {"spec": spec}


def _pieces(text: str) -> list[Document]:
    """The text in as many variables as it takes."""
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    names = ["CRONTASK_HANDLER", *(f"CRONTASK_HANDLER_{number}" for number in range(2, len(pieces) + 1))]
    return [variable(name, piece) for name, piece in zip(names, pieces, strict=True)]


def _secret(name: str, header: Header) -> Document:
    assert header.value_from is not None, "only of a header whose value comes from a secret"
    return {"name": name, "valueFrom": {"secretKeyRef": _plain(header.value_from.secret_key_ref)}}


def _plain(reference: KeyRef) -> Document:
    return reference.model_dump(mode="json", by_alias=True)
