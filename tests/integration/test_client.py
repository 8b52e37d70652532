"""The client's two transports against a real API server: one suite, run with both."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.control_plane import ControlPlane
from crontask.api.resources import CRON_TASK
from crontask.client import AsyncCluster, Cluster, Flags, errors, load


class Awaited:
    """An AsyncCluster with the methods of a Cluster, so that one suite is for both."""

    def __init__(self, cluster: AsyncCluster, runner: asyncio.Runner) -> None:
        self._cluster, self._runner = cluster, runner

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._cluster, name)

        def call(*arguments: Any, **named: Any) -> Any:
            called = method(*arguments, **named)
            if hasattr(called, "__aiter__"):
                return self._iterate(called)
            return self._runner.run(called)

        return call if callable(method) else method

    def _iterate(self, stream: Any) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(stream, None)

        try:
            while (item := self._runner.run(following())) is not None:
                yield item
        finally:
            self._runner.run(stream.aclose())


@pytest.fixture(params=["sync", "async"])
def cluster(request: pytest.FixtureRequest, control_plane: ControlPlane, namespace: str) -> Iterator[Any]:
    access = load(Flags(kubeconfig=str(control_plane.kubeconfig), namespace=namespace))
    if request.param == "sync":
        with Cluster(access) as made:
            yield made
        return
    with asyncio.Runner() as runner:
        awaited = Awaited(AsyncCluster(access), runner)
        yield awaited
        awaited.close()


def task(name: str, **spec: Any) -> dict[str, Any]:
    body = {"schedule": "30 2 * * *", "handler": {"container": {"image": "busybox:1.36"}}, **spec}
    return {
        "apiVersion": "crontask.dev/v1alpha1",
        "kind": "CronTask",
        "metadata": {"name": name},
        "spec": body,
    }


def test_an_object_is_created_read_patched_and_deleted(cluster: Any, namespace: str) -> None:
    created = cluster.create(CRON_TASK, task("nightly"), manager="test")
    assert created["metadata"]["namespace"] == namespace
    changed = cluster.patch(CRON_TASK, "nightly", {"spec": {"suspend": True}}, manager="test")
    assert cluster.get(CRON_TASK, "nightly") == changed
    again = cluster.patch(CRON_TASK, "nightly", [{"op": "replace", "path": "/spec/suspend", "value": False}])
    assert (changed["spec"]["suspend"], again["spec"]["suspend"]) == (True, False)
    cluster.delete(CRON_TASK, "nightly", uid=created["metadata"]["uid"])
    with pytest.raises(errors.NotFound) as caught:
        cluster.get(CRON_TASK, "nightly")
    assert 'crontasks.crontask.dev "nightly" not found' in caught.value.message
    assert not caught.value.unknown_resource
