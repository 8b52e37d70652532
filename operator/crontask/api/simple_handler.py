"""Handlers of one pod: what a run of its own, a step, an item and a batch can run."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, WithJsonSchema

from crontask.api.base import Model
from crontask.api.structure import SHORTHAND

_CORE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_ANY = {"x-kubernetes-preserve-unknown-fields": True}

# A core/v1 Container or PodTemplateSpec as the user wrote it: the API server checks it when the pod is created.
_CONTAINER = {"image": "busybox:1.36"}
Container = Annotated[dict[str, Any], WithJsonSchema({**_CORE, "examples": [_CONTAINER], SHORTHAND: "image"})]
PodTemplate = Annotated[
    dict[str, Any],
    WithJsonSchema({**_CORE, "examples": [{"spec": {"containers": [{"name": "main", **_CONTAINER}]}}]}),
]
PartialPodTemplate = Annotated[
    dict[str, Any], WithJsonSchema({**_CORE, "examples": [{"spec": {"nodeSelector": {"disk": "ssd"}}}]})
]
Args = Annotated[dict[str, Any], WithJsonSchema({**_CORE, "examples": [{"region": "eu"}]})]
Anything = Annotated[Any, WithJsonSchema(_ANY)]


class KeyRef(Model):
    """A key of a Secret or ConfigMap of the namespace."""

    name: str = Field(min_length=1, max_length=253, examples=["token"], description="The name of the object.")
    key: str = Field(min_length=1, max_length=253, examples=["value"], description="The key in it.")


class ValueFrom(Model):
    """Where a value comes from."""

    secret_key_ref: KeyRef = Field(description="A key of a Secret. The operator never reads it: the pod is given it.")


class Header(Model):
    """A header of the request, with its value or what holds it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "X-Token", "value": "abc"}]})

    name: str = Field(min_length=1, max_length=256, examples=["X-Token"], description="The header's name.")
    value: str | None = Field(default=None, max_length=4096, examples=["abc"], description="Its value, as it is.")
    value_from: ValueFrom | None = Field(default=None, description="Where its value comes from.")


class Expect(Model):
    """Which answers are a success."""

    status: tuple[
        Annotated[str, Field(pattern=r"^[1-5]([0-9][0-9]|xx)$", max_length=3, examples=["200", "2xx"])], ...
    ] = Field(default=("2xx",), max_length=20, description='Status codes, like "200" or "2xx".')
    json_path: str | None = Field(
        default=None,
        max_length=1024,
        examples=["$.id"],
        description="A JSONPath (RFC 9535) that must find something in the answer, like $.id.",
    )


class Http(Model):
    """A call of a URL, made by a pod of the runner's image."""

    url: str | None = Field(
        default=None,
        min_length=1,
        max_length=2048,
        examples=["https://example.com/path"],
        description="The URL, https or http.",
    )
    url_template: str | None = Field(
        default=None,
        min_length=1,
        max_length=2048,
        examples=["https://example.com/orders/{id}"],
        description="In place of url: a template (RFC 6570) over args, with {id} in the path, {?id} at its end, {&id} "
        "after a ?. With * these two take lists and objects.",
    )
    method: str = Field(
        default="POST", min_length=1, max_length=16, examples=["GET"], description="The method, in upper case."
    )
    headers: tuple[Header, ...] = Field(default=(), max_length=50, description="Headers of the request.")
    body: str | None = Field(
        default=None,
        max_length=100_000,
        examples=['{"a": 1}'],
        description="The body; by default args as JSON, with POST, PUT and PATCH.",
    )
    expect: Expect | None = Field(default=None, description="Which answers are a success; by default 2xx.")
    ca_bundle: str | None = Field(
        default=None, max_length=100_000, description="Certificates (PEM) to trust instead of the system's."
    )


class Python(Model):
    """A few lines of Python: handler(ctx, **args), sync or async. Its return value is the result."""

    source: str | None = Field(
        default=None, max_length=262_144, examples=["def handler(ctx): return 1"], description="The code."
    )
    config_map_key_ref: KeyRef | None = Field(default=None, description="The key of a ConfigMap that holds the code.")
    entrypoint: str = Field(
        default="handler",
        max_length=256,
        examples=["handler", "package.module:handler"],
        description="The function; with image and no source, package.module:function.",
    )
    image: str | None = Field(
        default=None,
        max_length=1024,
        examples=["registry/image:tag"],
        description="By default the runner's image; another has the package crontask installed.",
    )


class SimpleHandler(Model):
    """A handler of one pod: exactly one of container, podTemplate, http and python."""

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
        examples=["main"],
        description="With podTemplate: the container whose end and termination message are the run's.",
    )
    http: Http | None = Field(default=None, description="A call of a URL.")
    python: Python | None = Field(default=None, description="A few lines of Python.")
    pod: PartialPodTemplate | None = Field(
        default=None,
        description="Beside container, http and python: a partial PodTemplateSpec, like spec.nodeSelector. What has a "
        "name is merged by it: a container named main adds to the handler's own.",
    )
