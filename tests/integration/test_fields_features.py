"""Good manifests of each feature on a real API server, what only validate knows, and the help that the server gives.

The tables are in tests/support/field_features.py: a field or a word that no manifest uses fails here.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from admission import Admission, admission, problems
from api_server import until
from field_cases import BATCH, EVERY, FIELDS
from field_features import DEFAULTS, FEATURES, ODD, ONLY_VALIDATE, REPEATED
from field_kinds import Schema, crd_file, defaulted, nodes, root_schema, spec_schema

from cluster.control_plane import ControlPlane
from crontask.api.base import API_VERSION
from crontask.api.validate import validate_run, validate_task

KINDS = list(FIELDS)
GOOD = [
    pytest.param(kind, spec, f"feature-{number}", id=feature)
    for number, (feature, (kind, spec)) in enumerate(FEATURES.items())
]
EXPLAINED = [
    ("crontask", "A task that runs by a schedule"),
    ("crontask.spec.schedule", "A cron expression of five fields"),
    ("crontask.spec.interval", "A fixed rate, like 10s, 5m or 1h30m"),
    ("crontask.spec.after.on", "Which ends count"),
    ("crontask.spec.skip.from", "The first date, like 2026-12-24."),
    ("crontask.spec.concurrency.policy", "Forbid skips the new time and records it"),
    ("crontask.spec.handler.container", "A core/v1 Container without its name"),
    ("crontask.spec.handler.container.image", "The image to run, like busybox:1.36."),
    ("crontask.status.nextRunTime", "The next nominal time."),
    ("scheduledrun", "One run: of a CronTask, or of a handler of its own"),
    ("scheduledrun.spec.at", "When to start, like 2026-03-29T01:00:00Z."),
    ("scheduledrun.spec.cancel", "True asks for the run's end. It never goes back."),
    (
        "scheduledrun.status.attempts.exitCode",
        "The exit code of the handler's container, or of an init container that failed.",
    ),
]


@pytest.fixture(scope="module")
def server(control_plane: ControlPlane) -> Iterator[Admission]:
    """The API server's word on manifests."""
    with admission(control_plane.kubeconfig) as asked:
        yield asked


def _parsed(kind: str, spec: dict[str, Any]) -> object:
    return validate_task(spec, "default/t")[0] if kind == "CronTask" else validate_run(spec)[0]


@pytest.mark.parametrize(("kind", "spec", "name"), GOOD)
def test_a_feature_is_stored_as_written(server: Admission, kind: str, spec: dict[str, Any], name: str) -> None:
    stored = server.stored(kind, spec, name)
    assert stored == defaulted(spec_schema(kind), spec)
    # The models' defaults are those of the schema: what was written means the same as what is stored.
    assert problems(kind, spec) == ()
    assert _parsed(kind, spec) == _parsed(kind, stored)


@pytest.mark.parametrize(("kind", "spec"), ODD)
def test_what_is_odd_but_good_is_taken_by_both(server: Admission, kind: str, spec: dict[str, Any]) -> None:
    assert server.refusal(kind, spec) == ""
    assert problems(kind, spec) == ()


@pytest.mark.parametrize(("kind", "spec", "words"), ONLY_VALIDATE)
def test_what_only_validate_knows(server: Admission, kind: str, spec: dict[str, Any], words: str) -> None:
    assert server.refusal(kind, spec) == ""
    (problem,) = problems(kind, spec)
    assert str(problem).startswith(words)


def test_an_unquoted_on_is_taken_from_yaml(control_plane: ControlPlane, namespace: str) -> None:
    text = f"""
apiVersion: {API_VERSION}
kind: CronTask
metadata: {{name: load}}
spec:
  after: {{task: extract, on: Failed}}
  handler: {{container: {{image: busybox:1.36}}}}
"""
    control_plane.kubectl("-n", namespace, "create", "-f", "-", stdin=text)
    spec = json.loads(control_plane.kubectl("-n", namespace, "get", "ct", "load", "-o", "json"))["spec"]
    assert spec["after"] == {"task": "extract", "on": "Succeeded", "true": "Failed"}
    parsed, said = validate_task(spec, f"{namespace}/load")
    assert said == ()
    assert parsed is not None
    assert parsed.after is not None
    assert parsed.after.ends == "Failed"


def _used(schema: Schema, value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each field of the schema that a manifest has, with its value."""
    if isinstance(value, list) and "items" in schema:
        for item in value:
            yield f"{path}[]", item
            yield from _used(schema["items"], item, f"{path}[]")
    if isinstance(value, dict):
        for name in value.keys() & schema.get("properties", {}).keys():
            here = f"{path}.{name}" if path else name
            yield here, value[name]
            yield from _used(schema["properties"][name], value[name], here)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_and_every_word_is_in_a_feature(kind: str) -> None:
    schema = spec_schema(kind)
    used = [found for of, spec in FEATURES.values() if of == kind for found in _used(schema, spec)]
    # The name is given by crontask: whoever writes it is refused, as is who has a
    # batch make a call.
    fields = {
        path: node
        for path, node in nodes(schema)
        if not path.endswith(".container.name") and not path.startswith(f"{EVERY}.http")
    }
    assert fields.keys() - {path for path, _ in used} == set()
    words = {(path, word) for path, node in fields.items() for word in node.get("enum", ())}
    if kind == "ScheduledRun":
        # Of a run that has a handler of its own, none is the last before it.
        words -= {(f"{BATCH}.continueFrom", "LastRun")}
    assert words - {(path, value) for path, value in used if isinstance(value, str)} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_are_the_contract_s(kind: str) -> None:
    found = {path: node["default"] for path, node in nodes(spec_schema(kind)) if "default" in node}
    own = DEFAULTS[kind].keys()
    assert {path: value for path, value in found.items() if path in own or not path.startswith(REPEATED)} == DEFAULTS[
        kind
    ]
    for path, value in found.items():
        mount = next((mount for mount in REPEATED if path.startswith(mount) and path not in own), None)
        if mount is not None:
            part = path.removeprefix(mount)
            assert value == DEFAULTS[kind][part if part.startswith("retry") else f"handler.{part}"], path


@pytest.mark.parametrize("kind", KINDS)
def test_a_crd_file_is_small(kind: str) -> None:
    assert 10_000 < crd_file(kind).stat().st_size < 400_000


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_a_description_in_the_file(kind: str) -> None:
    properties = root_schema(kind)["properties"]
    described = dict(nodes({"properties": {part: properties[part] for part in ("spec", "status")}}))
    assert len(described) > 100
    assert [path for path, node in described.items() if not path.endswith("[]") and not node.get("description")] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_server_publishes_every_description(control_plane: ControlPlane, kind: str) -> None:
    def published() -> Schema | None:
        answer = json.loads(control_plane.kubectl("get", "--raw", f"/openapi/v3/apis/{API_VERSION}"))
        found = answer["components"]["schemas"].get(f"dev.crontask.v1alpha1.{kind}")
        return dict(found) if found else None

    schema: Schema = until("the schema is published", published, 30)
    properties = schema["properties"]
    found = dict(nodes({"properties": {part: properties[part] for part in ("spec", "status")}}))
    assert {path.removeprefix("spec.") for path in found if path.startswith("spec.")} >= FIELDS[kind].keys()
    assert [path for path, node in found.items() if not path.endswith("[]") and not node.get("description")] == []


@pytest.mark.parametrize(("field", "words"), EXPLAINED)
def test_kubectl_explains(control_plane: ControlPlane, field: str, words: str) -> None:
    told = " ".join(control_plane.kubectl("explain", field).split())
    assert words in told
    assert "<empty>" not in told
    assert "<no description>" not in told
