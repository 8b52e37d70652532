"""What the run and the pod of a part are made from: which part it is, its item, and where its handler stands."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from crontask.api.handler import Handler
from crontask.api.policies import Retry
from crontask.api.scheduledrun import Item, Parent
from crontask.api.simple_handler import SimpleHandler
from crontask.api.validate import validate_run
from crontask.workload.environment import Identity, Interval
from crontask.workload.part import PartOf, build_part, pod_handlers
from crontask.workload.pod import build_pod

Document = dict[str, Any]
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
C: Document = {"container": {"image": "i"}}
TEMPLATE: Document = {"podTemplate": {"spec": {"containers": [{"name": "a", "image": "i"}]}}}
SSD: Document = {"spec": {"nodeSelector": {"disk": "ssd"}}}
# Whatever JSON has.
ITEMS = [
    None,
    True,
    0,
    -1.5,
    "",
    "a b",
    "ü😀",
    [],
    {},
    [None, [None]],
    {"id": None, "deep": {"none": None, "list": [{"x": None}]}},
    {"price": "$5", "name": "$(CRONTASK_RUN)", "both": "$$"},
    "${item}",
    "null",
]


def parent(**part: Any) -> Parent:
    return Parent(name="all", uid="u", root="top", depth=2, key="k/3-abc", **part)


def made(part: Parent, handler: Document | None = None, pod: Document | None = None, **fields: Any) -> Document:
    """The run of a part as it is created."""
    settings = {"args": {}, "retry": None, "timeout": None, "start_timeout": timedelta(minutes=15), **fields}
    of = PartOf(part, "jobs", "report", AT)
    return build_part("all-3-abc", of, SimpleHandler.model_validate(handler or C), pod, **settings)


def as_stored(body: Document) -> Document:
    """The spec as the API server gives it back: without a field of the schema that is null."""
    spec: Document = orjson.loads(orjson.dumps(body["spec"]))
    item = spec["parent"].get("item", {})
    if "value" in item and item["value"] is None:
        del item["value"]
    return spec


def read(body: Document) -> Parent:
    """Which part it is, as the operator reads it."""
    spec, problems = validate_run(as_stored(body))
    assert spec is not None, problems
    assert spec.parent is not None
    return spec.parent


def given(part: Parent) -> dict[str, str]:
    """What its container is given, as a kubelet gives it."""
    identity = Identity("report", "jobs", "all-3-abc", "uid-1", 1, parent=part)
    pod = build_pod(Handler.model_validate(C), identity, AT, Interval(), {}, runner_image="runner:1")
    (container,) = pod["spec"]["containers"]
    assert all("$(" not in each["value"].replace("$$", "") for each in container["env"])
    return {each["name"]: each["value"].replace("$$", "$") for each in container["env"]}


@pytest.mark.parametrize("item", ITEMS, ids=repr)
def test_an_item_arrives_as_it_was_written(item: Any) -> None:
    part = parent(item=Item(index=3, value=item))
    body = made(part)
    assert body["spec"]["parent"]["item"] == {"index": 3, "value": item}
    assert read(body) == part
    seen = given(read(body))
    assert orjson.loads(seen["CRONTASK_ITEM"]) == item
    assert seen["CRONTASK_ITEM_INDEX"] == "3"


def test_the_pod_of_an_item_knows_of_no_step() -> None:
    seen = given(parent(item=Item(index=0, value=1)))
    assert (seen["CRONTASK_PARENT_RUN"], seen["CRONTASK_IDEMPOTENCY_KEY"]) == ("all", "k/3-abc")
    assert "CRONTASK_STEP" not in seen


@pytest.mark.parametrize(
    ("part", "step"),
    [({"step": "fetch"}, "fetch"), ({"undo": "fetch"}, "fetch"), ({"collect": True}, None)],
)
def test_the_pod_of_another_part_knows_of_no_item(part: Document, step: str | None) -> None:
    seen = given(parent(**part))
    assert seen.get("CRONTASK_STEP") == step
    assert not {"CRONTASK_ITEM", "CRONTASK_ITEM_INDEX"} & seen.keys()
    assert seen["CRONTASK_PARENT_RUN"] == "all"


def test_a_run_of_its_own_is_no_part() -> None:
    pod = build_pod(Handler.model_validate(C), Identity("", "n", "r", "u", 1), AT, Interval(), {}, runner_image="i")
    names = {each["name"] for each in pod["spec"]["containers"][0]["env"]}
    assert not {"CRONTASK_ITEM", "CRONTASK_ITEM_INDEX", "CRONTASK_STEP", "CRONTASK_PARENT_RUN"} & names


def test_an_item_of_32_kib_fits_into_a_variable() -> None:
    # Linux has room for 128 KiB in one, and a kubelet makes one $ of two.
    seen = given(parent(item=Item(index=0, value="$" * (32 * 1024 - 2))))
    assert len(seen["CRONTASK_ITEM"]) == 32 * 1024


def test_what_collects_is_written_as_such() -> None:
    body = made(parent(collect=True), args={"total": 3, "results": [None, {"a": None}]}, timeout=timedelta(hours=1))
    assert body["spec"]["parent"] == {
        **{"name": "all", "uid": "u", "root": "top", "depth": 2, "key": "k/3-abc", "collect": True},
    }
    assert body["spec"]["args"] == {"total": 3, "results": [None, {"a": None}]}
    assert (body["spec"]["timeout"], body["spec"]["startTimeout"]) == ("1h", "15m")
    assert read(body).part == "collect"


def test_the_run_of_an_item_has_its_own_settings() -> None:
    body = made(parent(item=Item(index=3)), args={"id": None}, retry=Retry(limit=2), timeout=timedelta(seconds=90))
    assert body["metadata"]["labels"] == {"crontask.dev/parent": "all", "crontask.dev/task": "report"}
    assert body["metadata"]["ownerReferences"][0]["uid"] == "u"
    spec = body["spec"]
    assert (spec["args"], spec["retry"]["limit"], spec["timeout"]) == ({"id": None}, 2, "1m30s")
    assert spec["scheduledTime"] == "2026-03-01T12:00:00Z"
    # What it does not have is the default of a run.
    assert not made(parent(item=Item(index=3)))["spec"].keys() & {"args", "retry", "timeout"}


# (the handler, each of its handlers and where it stands)
HANDLERS: list[tuple[Document, dict[str, Document]]] = [
    (C, {"": C}),
    ({**C, "pod": SSD}, {"": {**C, "pod": SSD}}),
    ({"forEach": {"items": 1, "handler": C}}, {"forEach.handler": C}),
    (
        {"forEach": {"items": 1, "handler": C, "collect": TEMPLATE}, "pod": SSD},
        {"forEach.handler": {**C, "pod": SSD}, "forEach.collect": TEMPLATE},
    ),
    (
        {
            "forEach": {
                "items": 1,
                "handler": {**C, "pod": {"spec": {"nodeSelector": {"zone": "a"}, "hostNetwork": True}}},
                "collect": C,
            },
            "pod": SSD,
        },
        {
            "forEach.handler": {
                **C,
                "pod": {"spec": {"nodeSelector": {"disk": "ssd", "zone": "a"}, "hostNetwork": True}},
            },
            "forEach.collect": {**C, "pod": SSD},
        },
    ),
    (
        {"steps": [{"name": "a", **C, "compensate": TEMPLATE}, {"name": "b", **TEMPLATE}]},
        {"steps[0]": C, "steps[0].compensate": TEMPLATE, "steps[1]": TEMPLATE},
    ),
]


@pytest.mark.parametrize(("handler", "wanted"), HANDLERS)
def test_each_handler_of_a_pod_is_found_with_the_pod_that_it_has(
    handler: Document, wanted: dict[str, Document]
) -> None:
    parsed, problems = validate_run({"handler": handler})
    assert parsed is not None, problems
    assert parsed.handler is not None
    found = {path: each.model_dump(by_alias=True, exclude_none=True) for path, each in pod_handlers(parsed.handler)}
    assert found == wanted
