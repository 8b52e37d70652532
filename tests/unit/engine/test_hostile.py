"""Objects of any shape, straight into the store: they end nothing, and what is decided of them can be written."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hostile_drawn import few
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from task_views import Decided, decided_about

from crontask.api.base import format_micro_time, format_time
from crontask.api.names import ANNOTATION_RESERVED
from crontask.api.phases import RunPhase
from crontask.api.scheduledrun import ScheduledRunStatus
from crontask.api.task_status import CronTaskStatus
from crontask.decide.decisions import Launch, Reserve, RunDecisions
from crontask.decide.model import Config
from crontask.decide.refusal import Refusal
from crontask.decide.run.decide import decide_run
from crontask.engine.store import Store
from crontask.ports import Kind, ObjectKey

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
HANDLER = {"handler": {"container": {"image": "busybox:1.36"}}}
MOST = 2**63 - 1
LATEST = "9999-12-31T23:59:59Z"
KINDS = (Kind.CRON_TASK, Kind.SCHEDULED_RUN, Kind.POD)
MANY = settings(derandomize=True, max_examples=250, suppress_health_check=list(HealthCheck))


def raw(name: str, spec: Any, status: Any = None, **metadata: Any) -> bytes:
    meta = {
        "name": name,
        "namespace": "n",
        "uid": f"uid-{name}",
        "resourceVersion": "5",
        "generation": 1,
        "creationTimestamp": "2026-03-01T12:00:00Z",
        **metadata,
    }
    return orjson.dumps({"metadata": meta, "spec": spec, "status": status})


def owned_by(name: str) -> list[dict[str, Any]]:
    return [{"apiVersion": "v1", "kind": "Any", "name": name, "uid": f"uid-{name}", "controller": True}]


def store_with_witness() -> Store:
    store = Store()
    store.on_object(Kind.CRON_TASK, raw("witness", {"interval": "1s", **HANDLER}))
    return store


def decided_task(store: Store, name: str) -> Decided:
    view = store.task_view(ObjectKey(Kind.CRON_TASK, "n", name), NOW)
    assert view is not None
    decided = decided_about(view, Config(), NOW)
    _assert_writable(decided.status)
    return decided


def recorded_status(store: Store, name: str) -> CronTaskStatus:
    """The status of a task once nothing is to be started or pre-created any more."""
    for _ in range(20):
        actions = decided_task(store, name).actions
        if not actions:
            return decided_task(store, name).status
        for action in actions:
            assert isinstance(action, Launch | Reserve)
            spec = {"taskRef": {"name": name}, "scheduledTime": format_time(action.nominal)}
            ahead = {"annotations": {ANNOTATION_RESERVED: "true"}} if isinstance(action, Reserve) else {}
            attempts = [{"number": 1, "pod": f"{action.name}-1"}]
            status = {"phase": "Running", "attempts": attempts} if isinstance(action, Launch) else None
            made = raw(action.name, spec, status, ownerReferences=owned_by(name), **ahead)
            store.on_object(Kind.SCHEDULED_RUN, made)
    raise AssertionError(f"the actions do not settle: {actions}")


def decided_run(store: Store, name: str) -> RunDecisions:
    view = store.run_view(ObjectKey(Kind.SCHEDULED_RUN, "n", name))
    assert view is not None
    decided = decide_run(view, NOW)
    _assert_writable(decided.status)
    return decided


def _assert_writable(status: CronTaskStatus | ScheduledRunStatus) -> None:
    """It is JSON, within the bounds of the schema."""
    text = orjson.dumps({"metadata": {}, "status": status.model_dump(by_alias=True, exclude_none=True)})
    type(status).model_validate(orjson.loads(text)["status"])


def assert_witness_is_served(store: Store) -> None:
    assert decided_task(store, "witness").actions


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.fixture
def deepest() -> Iterator[None]:
    """As the operator's process does."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(12_000)
    yield
    sys.setrecursionlimit(before)


META = '"name":"x","namespace":"n","uid":"u","resourceVersion":"5","creationTimestamp":"2026-03-01T12:00:00Z"'
FIELDS = ("labels", "annotations", "ownerReferences", "generation", "resourceVersion", "uid", "namespace", "name")
TIMES = ("creationTimestamp", "deletionTimestamp")
ODD = ("null", "7", '"x"', "[]", "{}", "[null]", '{"crontask.dev/resume":7}', "1e30", str(10**30), "true")
FREE = ("null", "7", '"x"', "[]", "{}", "true", '{"":null}', deep(1000), deep(5000), f'{{"args":{deep(5000)}}}')
SHAPES = (
    *("", "null", "7", '"x"', "[]", "{", "{}", "\x00", "NaN", "[" * 20_000, '{"metadata":null}', '{"metadata":[]}'),
    *('{"metadata":{}}', '{"metadata":{"name":7}}', '{"metadata":{"name":"x"}}', f'{{"metadata":{{{META}'),
    *(f'{{"metadata":{{{META},"{name}":{value}}}}}' for name in (*FIELDS, *TIMES) for value in ODD),
    *(f'{{"metadata":{{{META}}},"{part}":{value}}}' for part in ("spec", "status") for value in FREE),
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", SHAPES, ids=lambda text: f"{text:.80}")
def test_whatever_comes_in_is_read_or_left_and_harms_no_other(kind: Kind, text: str, deepest: None) -> None:
    store = store_with_witness()
    store.on_object(kind, text.encode())
    store.on_object(kind, text.encode("utf-16"))
    assert_witness_is_served(store)
    if store.task(ObjectKey(Kind.CRON_TASK, "n", "x")) is not None:
        decided_task(store, "x")
    if store.run(ObjectKey(Kind.SCHEDULED_RUN, "n", "x")) is not None:
        decided_run(store, "x")


@MANY
@given(few("CronTask", "spec", 8, 4), few("CronTask", "status", 8, 4))
def test_a_task_of_any_spec_and_status_is_decided(spec: Any, status: Any) -> None:
    store = store_with_witness()
    store.on_object(Kind.CRON_TASK, raw("x", {**HANDLER, **spec}, status))
    ready = next(c for c in recorded_status(store, "x").conditions if c.type == "Ready")
    assert ready.status == "True" or "spec" in ready.message
    assert_witness_is_served(store)


@MANY
@given(few("ScheduledRun", "spec", 8, 4), few("ScheduledRun", "status", 8, 4), st.booleans())
def test_a_run_of_any_spec_and_status_is_decided_and_so_is_its_task(spec: Any, status: Any, owned: bool) -> None:
    store = store_with_witness()
    store.on_object(Kind.CRON_TASK, raw("t", {"interval": "1h", **HANDLER}))
    base = {"taskRef": {"name": "t"}} if owned else HANDLER
    owner = {"ownerReferences": owned_by("t")} if owned else {}
    store.on_object(Kind.SCHEDULED_RUN, raw("x", {**base, **spec}, status, **owner))
    decided = decided_run(store, "x")
    if decided.status.phase is RunPhase.FAILED and status.get("phase") != "Failed":
        assert decided.status.message
    decided_task(store, "t")
    assert_witness_is_served(store)


@pytest.mark.parametrize("kind", [Kind.CRON_TASK, Kind.SCHEDULED_RUN])
@pytest.mark.parametrize("levels", [200, 260, 1000, 1030, 9900])
@pytest.mark.parametrize("maps", [False, True])
def test_what_is_nested_too_deeply_says_so(kind: Kind, levels: int, maps: bool, deepest: None) -> None:
    store = store_with_witness()
    value = '{"a":' * levels + "1" + "}" * levels if maps else deep(levels)
    text = raw("x", {**HANDLER, "args": {"a": "DEEP"}}, {}, managedFields="DEEP").decode().replace('"DEEP"', value)
    store.on_object(kind, text.encode())
    if kind is Kind.CRON_TASK:
        assert "nested more than" in decided_task(store, "x").status.conditions[0].message
    else:
        status = decided_run(store, "x").status
        assert status.phase is RunPhase.FAILED
        assert "nested more than" in (status.message or "")


def test_what_can_be_read_of_a_deep_status_is_kept(deepest: None) -> None:
    store = store_with_witness()
    for number, levels in enumerate((240, 260, 1000, 5000)):
        status = {"phase": "Running", "podName": f"x{number}-1", "result": "DEEP"}
        text = raw(f"x{number}", HANDLER, status).decode().replace('"DEEP"', deep(levels))
        store.on_object(Kind.SCHEDULED_RUN, text.encode())
        known = store.run(ObjectKey(Kind.SCHEDULED_RUN, "n", f"x{number}"))
        assert known is not None
        assert known.valid
        assert known.status.pod_name == f"x{number}-1"
        decided_run(store, f"x{number}")


@pytest.mark.parametrize("name", ["t-zzzzzzzz", "t-0", "t-99999999", "t-4zzzzzz"])
def test_a_run_whose_name_is_no_time_that_there_is_harms_no_task(name: str) -> None:
    store = store_with_witness()
    store.on_object(Kind.CRON_TASK, raw("t", {"interval": "1s", **HANDLER}))
    spec = {"taskRef": {"name": "t"}, "scheduledTime": LATEST}
    store.on_object(Kind.SCHEDULED_RUN, raw(name, spec, ownerReferences=owned_by("t")))
    decided_run(store, name)
    assert decided_task(store, "t").actions


@pytest.mark.parametrize("field", ["startTime", "endTime", "suspendUntil"])
def test_a_time_between_the_last_second_and_the_end_of_time_is_a_problem(field: str) -> None:
    store = store_with_witness()
    store.on_object(Kind.CRON_TASK, raw("x", {"interval": "1s", field: "9999-12-31T23:59:59.5Z", **HANDLER}))
    ready = decided_task(store, "x").status.conditions[0]
    assert ready.message.startswith(f"spec.{field}: is before 1970 or after 9999")


@pytest.mark.parametrize("size", [1024, 1025, 250_000])
def test_a_long_value_of_the_annotation_resume_is_as_good_as_any(size: int) -> None:
    store = store_with_witness()
    annotations = {"crontask.dev/resume": "x" * size}
    spec = {"interval": "1s", "suspendAfterFailures": 1, **HANDLER}
    store.on_object(Kind.CRON_TASK, raw("x", spec, {"consecutiveFailures": 1}, annotations=annotations))
    tripped = recorded_status(store, "x")
    assert tripped.phase == "Suspended"
    again = raw(
        "x",
        spec,
        orjson.loads(tripped.model_dump_json(by_alias=True)),
        annotations={"crontask.dev/resume": "y" * size},
        resourceVersion="6",
    )
    store.on_object(Kind.CRON_TASK, again)
    assert recorded_status(store, "x").tripped is None


def test_counts_that_are_as_large_as_can_be_can_still_be_counted_on() -> None:
    store = store_with_witness()
    counts = dict.fromkeys(("succeeded", "failed", "missed", "skipped"), MOST)
    status = {
        "counts": counts,
        "scheduledCount": MOST,
        "consecutiveFailures": MOST,
        "lastScheduledTime": "2026-03-01T11:00:00Z",
    }
    store.on_object(Kind.CRON_TASK, raw("t", {"interval": "10s", "catchUp": {"policy": "None"}, **HANDLER}, status))
    ended = {"phase": "Failed", "completionTime": "2026-03-01T12:00:10Z", "lostAttempts": MOST}
    store.on_object(Kind.SCHEDULED_RUN, raw("r", {"taskRef": {"name": "t"}}, ended, ownerReferences=owned_by("t")))
    written = recorded_status(store, "t")
    assert written.counts.failed == 10**15 + 1
    # The time that is due has started.
    assert written.scheduled_count == 10**15 + 1


@pytest.mark.parametrize("number", [1, 10**9, MOST])
def test_an_attempt_of_any_number_is_followed_by_one_that_can_be_written(number: int) -> None:
    store = store_with_witness()
    attempt = {"number": number, "pod": "x", "startTime": LATEST, "completionTime": LATEST}
    store.on_object(Kind.SCHEDULED_RUN, raw("r", HANDLER, {"phase": "Retrying", "attempts": [attempt]}))
    known = store.run(ObjectKey(Kind.SCHEDULED_RUN, "n", "r"))
    assert known is not None
    expected = known.status.expected_attempt
    recorded = {"phase": "Running", "attempts": [{**attempt, "number": expected, "completionTime": None}]}
    decided_run(store, "r")
    store.on_object(Kind.SCHEDULED_RUN, raw("r", HANDLER, recorded, resourceVersion="6"))
    again = store.run(ObjectKey(Kind.SCHEDULED_RUN, "n", "r"))
    assert again is not None
    assert again.status.expected_attempt == expected


FAR = ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", LATEST, "9999-12-31T23:59:59-14:00")


@pytest.mark.parametrize("time", FAR)
@pytest.mark.parametrize("phase", list(RunPhase))
@pytest.mark.parametrize("timing", [{"interval": "1s"}, {"delay": "3660d"}, {"schedule": "* * * * *"}])
def test_times_at_the_ends_of_time_in_every_status_can_be_counted_with(time: str, phase: RunPhase, timing: Any) -> None:
    store = store_with_witness()
    run = {"name": "r", "phase": "Succeeded", "startTime": time, "completionTime": time, "scheduledTime": time}
    of_task = {"lastScheduledTime": time, "timing": {"hash": "x", "since": time, "resumed": time}, "recentRuns": [run]}
    far = {"startingDeadline": "3660d", "ttlAfterFinished": "3660d"} if "delay" not in timing else {}
    spec = {**timing, **far, "jitter": "3660d", "totalTimeout": "3660d", **HANDLER}
    store.on_object(Kind.CRON_TASK, raw("t", spec, of_task))
    condition = {"type": "Failed", "status": "True", "reason": "x", "lastTransitionTime": time}
    attempt = {"number": 1, "pod": "r-1", "startTime": time, "completionTime": time}
    of_run = {"phase": phase, "startTime": time, "completionTime": time, "nextRetryTime": time, "scheduledTime": time}
    status = {**of_run, "conditions": [condition], "attempts": [attempt]}
    store.on_object(Kind.SCHEDULED_RUN, raw("r", {"taskRef": {"name": "t"}}, status, ownerReferences=owned_by("t")))
    decided_run(store, "r")
    decided_task(store, "t")


def test_years_have_four_digits() -> None:
    first = datetime(1, 1, 1, tzinfo=UTC)
    assert format_time(first) == "0001-01-01T00:00:00Z"
    assert format_micro_time(first) == "0001-01-01T00:00:00.000000Z"
    assert format_time(NOW + timedelta(microseconds=999_999)) == "2026-03-01T12:00:30Z"


POD_STATES: tuple[dict[str, Any], ...] = (
    {"running": {"startedAt": LATEST}},
    {"running": {"startedAt": "0001-01-01T00:00:00Z"}},
    {"running": {"startedAt": None}},
    {"terminated": {"exitCode": 1, "startedAt": LATEST, "finishedAt": LATEST}},
    {"terminated": {"exitCode": 1, "startedAt": FAR[0], "finishedAt": FAR[0]}},
    {"terminated": {"exitCode": -(2**31), "message": '{"status": ["failed"], "processedCount": 1e300}'}},
    {"terminated": {"exitCode": 0, "message": "{" * 4096}},
    {"terminated": {"exitCode": 0, "message": '{"result": ' + deep(200) + "}"}},
    {"waiting": {}},
    {},
)


@pytest.mark.parametrize("state", POD_STATES)
@pytest.mark.parametrize(
    "deleted", [{}, {"deletionTimestamp": "2026-03-01T12:00:10Z", "deletionGracePeriodSeconds": MOST}]
)
def test_a_pod_whose_times_cannot_be_is_decided(state: Any, deleted: Any) -> None:
    store = store_with_witness()
    limits = {"timeout": "3660d", "startTimeout": "3660d", "totalTimeout": "3660d", "retry": {"limit": 100}}
    store.on_object(Kind.SCHEDULED_RUN, raw("x", {**HANDLER, **limits}))
    status = {"phase": "Running", "containerStatuses": [{"name": "main", "state": state}]}
    pod = raw("x-1", {"containers": [{"name": "main"}]}, status, ownerReferences=owned_by("x"), **deleted)
    store.on_object(Kind.POD, pod)
    view = store.run_view(ObjectKey(Kind.SCHEDULED_RUN, "n", "x"))
    assert view is not None
    assert view.pod is not None
    decided_run(store, "x")


@pytest.mark.parametrize("final", [True, False])
def test_a_refusal_of_any_length_has_room_in_the_status(final: bool) -> None:
    store = store_with_witness()
    store.on_object(Kind.SCHEDULED_RUN, raw("x", HANDLER))
    known = store.run(ObjectKey(Kind.SCHEDULED_RUN, "n", "x"))
    assert known is not None
    refusal = Refusal("PodRejected", "\u00e9" * 100_000, final, NOW, NOW - timedelta(hours=0 if final else 9))
    store.memory.set_refusal(known, refusal)
    status = decided_run(store, "x").status
    assert (status.message or "").count("\u00e9") > 900
    assert status.phase is RunPhase.FAILED


def test_problems_of_any_number_and_length_have_room_in_the_status() -> None:
    store = store_with_witness()
    bad = dict.fromkeys(("at", "delay", "timeout", "startTimeout", "scheduledTime", "retry", "cancel"), "x" * 9000)
    store.on_object(Kind.SCHEDULED_RUN, raw("x", {**HANDLER, **bad}))
    store.on_object(Kind.CRON_TASK, raw("y", {**HANDLER, "schedules": ["x" * 256] * 20, "interval": "x" * 9000}))
    assert "spec.at: 'xxx" in (decided_run(store, "x").status.message or "")
    assert "spec.interval: 'xxx" in decided_task(store, "y").status.conditions[0].message
