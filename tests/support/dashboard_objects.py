"""Tasks and runs as the API server has them, for what the page makes of them; and who looks at them, and when."""

from datetime import UTC, datetime
from typing import Any

from crontask.dashboard.address import Links
from crontask.dashboard.moments import Clock
from crontask.dashboard.views import Renderer, Scene

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CREATED = "2026-03-01T00:00:00Z"
EVERYTHING = frozenset({"run", "steer", "pause", "logs", "events"})
LINKS = Links("/p", "shop")
RENDERER = Renderer()


def scene(may: frozenset[str] = EVERYTHING, zone: str = "task") -> Scene:
    return Scene(LINKS, Clock(NOON, zone), may)


def task(name: str, status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "creationTimestamp": CREATED, "generation": 1}
    body = {"handler": {"container": {"image": "busybox:1.36"}}, **spec}
    return {"apiVersion": "crontask.dev/v1alpha1", "kind": "CronTask", "metadata": metadata, "spec": body} | (
        {"status": status} if status is not None else {}
    )


def run(name: str, status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "creationTimestamp": CREATED, "generation": 1}
    body = {"taskRef": {"name": "sync"}, **spec}
    return {"apiVersion": "crontask.dev/v1alpha1", "kind": "ScheduledRun", "metadata": metadata, "spec": body} | (
        {"status": status} if status is not None else {}
    )
