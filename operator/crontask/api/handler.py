"""What a run executes: the handler union.

Callers: the specs of both kinds, workload (which builds the pod), validate.
"""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from crontask.api.base import Model

_CORE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

# A core/v1 Container or PodTemplateSpec as the user wrote it: the API server checks it when the pod is created.
Container = Annotated[dict[str, Any], WithJsonSchema(_CORE)]
PodTemplate = Annotated[dict[str, Any], WithJsonSchema(_CORE)]


class Handler(Model):
    """What runs: exactly one of the variants."""

    container: Container | None = Field(
        default=None,
        description="A core/v1 Container without its name: the image to run, its command, args, env, resources, "
        "volumeMounts and so on. The pod is never restarted by the kubelet; a non-zero exit code is a failed run.",
    )
    pod_template: PodTemplate | None = Field(
        default=None,
        description="A core/v1 PodTemplateSpec, for whatever a single container cannot say: sidecars, volumes, node "
        "selectors. The run has ended when the first container ends, or the one named in resultFrom.",
    )
    result_from: str | None = Field(
        default=None,
        max_length=63,
        description="With podTemplate: the container whose end and termination message are the run's.",
    )
