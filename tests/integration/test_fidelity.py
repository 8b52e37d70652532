"""The API server in memory behaves like the real one: the same operations have the same answers and events."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cluster.control_plane import ControlPlane
from crontask.engine.informer import PODS_ALIVE
from crontask.kube.client import HttpApi
from crontask.kube.connection import connect
from crontask.ports import Api, ApiError, Document, Kind, ObjectKey
from crontask.simulation.memory_api import MemoryApi

KINDS = (Kind.CRON_TASK, Kind.SCHEDULED_RUN, Kind.POD)
HANDLER = {"container": {"image": "busybox:1.36"}}
SPECS: dict[Kind, Document] = {
    Kind.CRON_TASK: {"schedule": "* * * * *", "handler": HANDLER},
    Kind.SCHEDULED_RUN: {"taskRef": {"name": "t"}},
    Kind.POD: {"containers": [{"name": "main", "image": "busybox:1.36"}], "schedulerName": "nobody"},
}
# No `spec: {}`-like oddities: what people and the operator change, with repeats, so that some change nothing.
SPEC_PATCHES: dict[Kind, list[Document]] = {
    Kind.CRON_TASK: [
        {"suspend": True},
        {"suspend": False},
        {"suspend": None},
        {"schedule": "5 * * * *"},
        {"noSuchField": 1},
        {"history": {"succeeded": 5}},
        {"history": None},
    ],
    Kind.SCHEDULED_RUN: [{"cancelReason": "enough"}, {"cancelReason": None}, {"cancel": False}, {"noSuchField": 1}],
    Kind.POD: [
        {"activeDeadlineSeconds": 60},
        {"activeDeadlineSeconds": 30},
        {"activeDeadlineSeconds": None},
        {"hostname": "other"},
    ],
}
STATUSES: dict[Kind, list[Document | None]] = {
    Kind.CRON_TASK: [{"activeCount": 1}, {"activeCount": None}, {"counts": {"failed": 2}}, {}, None],
    Kind.SCHEDULED_RUN: [{"phase": "Running"}, {"phase": "Queued"}, {"message": "m"}, {}, None],
    Kind.POD: [{"phase": "Running"}, {"phase": "Succeeded"}, {"phase": "Failed"}, {"message": "m"}],
}
LABELS: list[Document] = [{"color": "red"}, {"color": "blue"}, {"color": None}, {"size": "1"}]
SELECTORS = ("", "color", "color=red", "color=red,size")


@dataclass(frozen=True)
class Operation:
    """One request. `number` chooses among the variants of what is said."""

    verb: str
    kind: Kind
    slot: int
    number: int
    stale: bool
    bound: bool


OPERATIONS = st.builds(
    Operation,
    verb=st.sampled_from(
        [
            "create",
            "create",
            "spec",
            "spec",
            "status",
            "status",
            "whole-status",
            "labels",
            "both",
            "delete",
            "wrong-uid",
            "get",
            "list",
        ]
    ),
    kind=st.sampled_from(KINDS),
    slot=st.integers(0, 1),
    number=st.integers(0, 11),
    stale=st.sampled_from([False, False, False, True]),
    bound=st.booleans(),
)


class _Clock:
    """The real time: this test waits for a real server anyway."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Side:
    """One of the two servers, and what this test knows of the objects there."""

    def __init__(self, api: Api, namespace: str, prefix: str) -> None:
        self._api = api
        self._namespace = namespace
        self._prefix = prefix
        self._versions: dict[Kind, str] = {}
        self._first: dict[ObjectKey, str] = {}
        self._known: dict[ObjectKey, Document] = {}

    async def begin(self) -> None:
        for kind in KINDS:
            self._versions[kind] = (await self._api.list_page(kind)).resource_version

    async def do(self, operation: Operation) -> Any:
        """What an operation did, in words that both sides share."""
        key = ObjectKey(operation.kind, self._namespace, f"{self._prefix}-{operation.slot}")
        if operation.verb == "list":
            return await self._list(operation)
        before = self._known.get(key)
        try:
            raw = await self._send(operation, key)
        except ApiError as error:
            return error.status, error.reason
        if raw is None:
            return 200, await self._look(key, before)
        return 200, self._learn(key, orjson.loads(raw), before)

    async def _send(self, operation: Operation, key: ObjectKey) -> bytes | None:
        kind, number = operation.kind, operation.number
        uid = str(self._known.get(key, {}).get("metadata", {}).get("uid", "none"))
        if operation.verb == "create":
            return await self._api.create(kind, self._namespace, self._body(operation, key))
        if operation.verb == "get":
            return await self._api.get(key)
        if operation.verb in ("delete", "wrong-uid"):
            wanted = uid if operation.verb == "delete" else "00000000-0000-0000-0000-000000000000"
            version = self._first.get(key, "") if operation.stale else ""
            await self._api.delete(key, uid=wanted, version=version, grace_seconds=(None, 0, 20, 40)[number % 4])
            return None
        whole = STATUSES[kind][number % len(STATUSES[kind])]
        if operation.verb == "whole-status" and kind is not Kind.POD and whole is not None:
            version = str(self._known.get(key, {}).get("metadata", {}).get("resourceVersion", "1"))
            version = self._first.get(key, "1") if operation.stale else version
            return await self._api.update_status(key, uid=uid, version=version, status=whole)
        body: Document = {}
        if operation.verb in ("spec", "both"):
            body["spec"] = SPEC_PATCHES[kind][number % len(SPEC_PATCHES[kind])]
        if operation.verb in ("status", "whole-status", "both"):
            body["status"] = STATUSES[kind][number % len(STATUSES[kind])]
        if operation.verb == "labels":
            body["metadata"] = {"labels": LABELS[number % len(LABELS)]}
        if operation.stale and key in self._first:
            body.setdefault("metadata", {})["resourceVersion"] = self._first[key]
        subresource = "status" if operation.verb in ("status", "whole-status") else ""
        return await self._api.patch(key, body, subresource=subresource)

    def _body(self, operation: Operation, key: ObjectKey) -> Document:
        api_version = operation.kind.prefix.split("/", 1)[1]
        metadata: Document = {"name": key.name}
        if operation.number % 2:
            metadata["labels"] = {"color": "red"}
        spec = dict(SPECS[operation.kind])
        if operation.kind is Kind.POD and operation.bound:
            spec["nodeName"] = "nowhere"
        # A status that is sent with it is not taken.
        status = {"phase": "Running"} if operation.kind is not Kind.CRON_TASK else {"activeCount": 3}
        kind = operation.kind.kind
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec, "status": status}

    def _learn(self, key: ObjectKey, document: Document, before: Document | None) -> Document:
        metadata = document["metadata"]
        same = before is not None and before["metadata"]["uid"] == metadata["uid"]
        moved = not same or before is None or before["metadata"]["resourceVersion"] != metadata["resourceVersion"]
        if not same:
            self._first[key] = metadata["resourceVersion"]
        self._known[key] = document
        return {"moved": moved, "same": same, **_shared(key.kind, document)}

    async def _look(self, key: ObjectKey, before: Document | None) -> Any:
        try:
            return self._learn(key, orjson.loads(await self._api.get(key)), before)
        except ApiError as error:
            return error.status

    async def _list(self, operation: Operation) -> list[Any]:
        selector, names, token = SELECTORS[operation.number % len(SELECTORS)], [], ""
        fields = PODS_ALIVE if operation.kind is Kind.POD and operation.bound else ""
        while True:
            page = await self._api.list_page(
                operation.kind, selector=selector, fields=fields, limit=1, continue_token=token
            )
            names += [orjson.loads(raw)["metadata"]["name"] for raw in page.items]
            token = page.continue_token
            if not token:
                return [name for name in names if name.startswith(self._prefix)]

    async def events(self, kind: Kind, selector: str) -> list[Any]:
        """All that a watch from the beginning tells, up to a last object that is made to know the end."""
        name = f"{self._prefix}-last-{SELECTORS.index(selector)}"
        labels = {"color": "red", "size": "1"}
        body = {"apiVersion": kind.prefix.split("/", 1)[1], "kind": kind.kind, "spec": SPECS[kind]}
        await self._api.create(kind, self._namespace, {**body, "metadata": {"name": name, "labels": labels}})
        told: list[Any] = []
        async with asyncio.timeout(20):
            async for event in self._api.watch(kind, resource_version=self._versions[kind], selector=selector):
                document = orjson.loads(event.object)
                if document["metadata"].get("name") == name:
                    return told
                if event.type != "BOOKMARK" and document["metadata"]["name"].startswith(self._prefix):
                    told.append((event.type, document["metadata"]["name"], _shared(kind, document)))
        raise AssertionError("the watch ended before the last object")


def _shared(kind: Kind, document: Document) -> Document:
    """What both servers must say alike."""
    metadata, spec = document["metadata"], document["spec"]
    shown = ("labels", "generation", "deletionGracePeriodSeconds")
    told = {name: metadata.get(name) for name in shown}
    told["deleting"] = "deletionTimestamp" in metadata
    if kind is Kind.POD:
        status = document.get("status", {})
        told["deadline"] = spec.get("activeDeadlineSeconds")
        return told | {"status": (status.get("phase"), status.get("message"))}
    return told | {"spec": spec, "status": document.get("status")}


_EXAMPLES = count()


async def _compare(control_plane: ControlPlane, namespace: str, operations: list[Operation]) -> None:
    prefix = f"o{next(_EXAMPLES)}"
    async with HttpApi(connect(str(control_plane.kubeconfig))) as http:
        sides = [Side(api, namespace, prefix) for api in (http, MemoryApi(_Clock()))]
        for side in sides:
            await side.begin()
        for operation in operations:
            real, memory = [await side.do(operation) for side in sides]
            assert memory == real, operation
        for kind in KINDS:
            for selector in SELECTORS:
                real, memory = [await side.events(kind, selector) for side in sides]
                assert memory == real, (kind, selector)


@pytest.fixture
def compare(control_plane: ControlPlane, namespace: str) -> Callable[[list[Operation]], None]:
    def run(operations: list[Operation]) -> None:
        asyncio.run(_compare(control_plane, namespace, operations))

    return run


def _pod_and(*verbs: str, number: int = 0, bound: bool = False) -> list[Operation]:
    return [Operation(verb, Kind.POD, slot=0, number=number, stale=False, bound=bound) for verb in ("create", *verbs)]


@settings(max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(OPERATIONS, min_size=4, max_size=25))
@example(operations=_pod_and("delete"))
@example(operations=_pod_and("delete", bound=True))
@example(operations=_pod_and("delete", "delete", number=1, bound=True))
@example(operations=_pod_and("status", "delete", number=1, bound=True))
def test_the_same_operations_have_the_same_effects(
    compare: Callable[[list[Operation]], None], operations: list[Operation]
) -> None:
    compare(operations)
