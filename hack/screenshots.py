"""`make screenshots`: the pictures of docs/the-page.md, taken in Chromium of a page of a real API server.

The tasks and runs are made up, with statuses as the operator writes them: nothing runs, and the pictures are the same
whenever they are taken, but for the times.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from dashboard_site import Visitor, chromium, dashboard_site, visitor
from playwright.sync_api import Page

from cluster import layout
from cluster.control_plane import ControlPlane
from crontask.decide.task.coming import coming_times
from crontask.engine.parse import parse_task

FOLDER = layout.REPOSITORY / "docs" / "images"
NAMESPACE = "shop"
NOW = datetime.now(UTC).replace(microsecond=0)
API_VERSION = "crontask.dev/v1alpha1"
Document = dict[str, Any]
SCHEMA = {
    "type": "object",
    "required": ["days"],
    "properties": {
        "days": {"type": "integer", "minimum": 1, "maximum": 90, "description": "How many days back."},
        "region": {"type": "string", "enum": ["eu", "us", "ap"]},
        "dryRun": {"type": "boolean", "description": "Only say what would be done."},
    },
}
HANDLER = {"container": {"image": "registry.example/shop/jobs:4.2"}}


def at(**ago: float) -> str:
    """A time so long ago, as the API has it."""
    return (NOW - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def ready(phase: str = "Active", **more: Any) -> Document:
    """A status of a task that is as it should be."""
    conditions = [_condition("Ready", "True", "Scheduled"), *more.pop("conditions", [])]
    return {"phase": phase, "observedGeneration": 1, "conditions": conditions, **more}


def _condition(type_: str, status: str, reason: str, message: str = "") -> Document:
    return {"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": at(days=1)}


def last(name: str, phase: str, ago: timedelta, took: str, message: str = "") -> Document:
    """The run that ended last."""
    ended = NOW - ago
    return {"name": name, "phase": phase, "completionTime": f"{ended:%Y-%m-%dT%H:%M:%SZ}", "duration": took} | (
        {"message": message} if message else {}
    )


def decided(text: str, seconds: int) -> Document:
    """A record of times; `seconds`: how long all of it is."""
    return {"decided": text, "decidedSince": at(seconds=seconds)}


HOUR, DAY = 3600, 86400
_AFTER_HALF_PAST_TWO = NOW.astimezone(ZoneInfo("America/New_York")) - timedelta(hours=2, minutes=30)
LAST_NIGHT = _AFTER_HALF_PAST_TWO - _AFTER_HALF_PAST_TWO.replace(hour=0, minute=0, second=0)
"""How long ago it was half past two in New York."""
FAILED = _condition("LastRunSucceeded", "False", "Failed")
TASKS: dict[str, tuple[Document, Document]] = {
    "import-orders": (
        {
            "schedule": "*/15 6-22 * * 1-6",
            "timeZone": "Europe/Berlin",
            "args": {"days": 3, "region": "eu"},
            "argsSchema": SCHEMA,
            "retry": {"limit": 3},
            "timeout": "10m",
        },
        ready(
            **decided("S900x14 P900 S900x9 F900 S900x5", 30 * 900),
            lastRun=last("import-orders-t81f2", "Succeeded", timedelta(minutes=8), "48s"),
            lastSuccessfulTime=at(minutes=8),
            counts={"succeeded": 4127, "partial": 12, "failed": 31, "missed": 2},
        ),
    ),
    "nightly-report": (
        {"schedule": "30 2 * * *", "timeZone": "America/New_York"},
        ready(
            **decided(f"S{DAY}x18 F{DAY} S{DAY}x2", 21 * DAY + int(LAST_NIGHT.total_seconds())),
            lastRun=last("nightly-report-t7xq4", "Succeeded", LAST_NIGHT - timedelta(minutes=3), "3m12s"),
        ),
    ),
    "sync-billing": (
        {"interval": "5m"},
        ready(
            conditions=[FAILED],
            **decided("S300x22 F300x8", 9000),
            consecutiveFailures=8,
            lastRun=last(
                "sync-billing-t81g0",
                "Failed",
                timedelta(minutes=3),
                "4s",
                "https://billing.example/api/v2/invoices: 503 Service Unavailable",
            ),
        ),
    ),
    "migrate-customers": (
        {"handler": {"batch": {"size": 500, "handler": HANDLER}}},
        ready(activeCount=1, active=["migrate-customers-a4"]),
    ),
    "rebuild-search": (
        {"schedule": "H */4 * * *"},
        ready(
            **decided(f"S{4 * HOUR}x9 s{4 * HOUR} S{4 * HOUR}x6", 16 * 4 * HOUR),
            activeCount=1,
            lastRun=last("rebuild-search-t80a1", "Succeeded", timedelta(hours=3), "41m"),
        ),
    ),
    "clean-sessions": (
        {"delay": "10m", "suspend": True, "suspendReason": "migration of the sessions table"},
        ready("Suspended", **decided("S640x18", 18 * 640), lastRun=last("c-1", "Succeeded", timedelta(hours=5), "2s")),
    ),
    "checkout": (
        {"handler": {"steps": [{"name": "reserve", **HANDLER}]}},
        ready(lastRun=last("checkout-7f3a", "Canceled", timedelta(minutes=11), "9s", "the customer has gone")),
    ),
    "monthly-invoices": (
        {"schedule": "0 6 L * *", "timeZone": "Europe/Berlin"},
        ready(
            **decided(f"S{30 * DAY}x3", 90 * DAY),
            lastRun=last("monthly-invoices-t5", "Succeeded", timedelta(days=27), "12m"),
        ),
    ),
}


def parts() -> list[tuple[str, Document, Document]]:
    """Runs: their names, specs and statuses."""
    steps = [
        {"name": "load-orders", "dependsOn": [], **HANDLER},
        {"name": "load-customers", "dependsOn": [], **HANDLER},
        {"name": "join", "dependsOn": ["load-orders", "load-customers"], **HANDLER},
        {"name": "approve", "dependsOn": ["join"], "approval": {"message": "1,204 rows change; go on?"}},
        {"name": "publish", "dependsOn": ["approve"], **HANDLER},
        {"name": "notify", "always": True, **HANDLER},
    ]

    def step(name: str, phase: str, start: float = 0, end: float = 0, **more: Any) -> Document:
        times = {"startTime": at(seconds=start)} if start else {}
        return {"name": name, "phase": phase, **times, **({"completionTime": at(seconds=end)} if end else {}), **more}

    workflow = {
        "phase": "Running",
        "origin": "Manual",
        "scheduledTime": at(minutes=4),
        "startTime": at(minutes=4),
        "message": "waits for approval: approve",
        "progress": "3/6 steps",
        "plan": {"handler": {"steps": steps}},
        "steps": [
            step("load-orders", "Succeeded", 240, 198, result={"rows": 1204}),
            step("load-customers", "Succeeded", 240, 171, result={"rows": 861}),
            step("join", "Succeeded", 170, 132),
            step("approve", "Waiting", 131, message="waits for approval: 1,204 rows change; go on?"),
            step("publish", "Pending", message="waits for approve"),
            step("notify", "Pending"),
        ],
    }
    ends = [("Succeeded", 48), ("Succeeded", 51), ("Failed", 12), ("Succeeded", 47), ("Succeeded", 95), ("Partial", 60)]
    messages = {"Failed": "orders.example:5432: connection refused", "Partial": "3 of 412 orders"}
    runs: list[tuple[str, Document, Document]] = [("publish-prices-a91c", {"handler": {"steps": steps}}, workflow)]
    for number, (phase, took) in enumerate(ends):
        start = timedelta(minutes=9 + 15 * number)
        status = {
            "phase": phase,
            "origin": "Schedule",
            "scheduledTime": f"{NOW - start:%Y-%m-%dT%H:%M:%SZ}",
            "startTime": f"{NOW - start:%Y-%m-%dT%H:%M:%SZ}",
            "completionTime": f"{NOW - start + timedelta(seconds=took):%Y-%m-%dT%H:%M:%SZ}",
            "duration": f"{took}s",
            "message": messages.get(phase, ""),
        }
        runs.append((f"import-orders-t81{number}", {"taskRef": {"name": "import-orders"}}, status))
    running = {"phase": "Running", "origin": "Schedule", "scheduledTime": at(minutes=31), "startTime": at(minutes=31)}
    runs.append(("rebuild-search-t81b", {"taskRef": {"name": "rebuild-search"}}, running))
    failed = {"phase": "Failed", "origin": "Schedule", "startTime": at(minutes=3), "completionTime": at(minutes=3)}
    message = "https://billing.example/api/v2/invoices: 503 Service Unavailable"
    for number in range(3):
        name, task = f"sync-billing-t81{number}", {"taskRef": {"name": "sync-billing"}}
        runs.append((name, task, {**failed, "duration": "4s", "message": message}))
    items = {"total": 240, "succeeded": 172, "failed": 3, "running": 10, "pending": 55, "ends": "S88FS40F2S44R10-55"}
    fan = {**running, "plan": {}, "items": items, "progress": "175/240 items"}
    runs.append(("thumbnails-b2", {"handler": {"forEach": {"items": list(range(240)), "handler": HANDLER}}}, fan))
    return runs


def coming(name: str, spec: Document) -> Document:
    """The times to come, by the operator's own timetable."""
    metadata = {"name": name, "namespace": NAMESPACE, "uid": name, "creationTimestamp": at(days=90)}
    task = parse_task(orjson.dumps({"metadata": metadata, "spec": spec}), lambda meta: None)
    if spec.get("suspend"):
        return {}
    times = [f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in coming_times(task, NOW, 5, None)]
    return {"nextRunTime": times[0], "upcoming": times} if times else {}


def fill(control_plane: ControlPlane) -> None:
    """Make the tasks and runs."""

    def make(kind: str, plural: str, name: str, spec: Document, status: Document) -> None:
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}}
        control_plane.kubectl("create", "-f", "-", stdin=json.dumps({**body, "spec": spec}))
        patch = json.dumps({"status": status})
        where = ("-n", NAMESPACE, "patch", plural, name, "--subresource=status", "--type=merge", "-p", patch)
        control_plane.kubectl(*where)

    control_plane.kubectl("create", "namespace", NAMESPACE)
    for name, (spec, status) in TASKS.items():
        whole = {"handler": HANDLER, **spec}
        make("CronTask", "ct", name, whole, {**status, **coming(name, whole)})
    for name, spec, status in parts():
        make("ScheduledRun", "sr", name, spec, status)


def _unfold(page: Page) -> None:
    page.click("summary:has-text('Run now')")


PICTURES: dict[str, tuple[str, dict[str, bool], Callable[[Page], object] | None]] = {
    "page-tasks": ("tasks", {}, None),
    "page-tasks-dark-phone": ("tasks", {"dark": True, "phone": True}, None),
    "page-task": ("tasks/import-orders", {}, None),
    "page-run-now": ("tasks/import-orders", {}, _unfold),
    "page-backfill": ("tasks/nightly-report/backfill?from=5d&only=all", {}, None),
    "page-workflow": ("runs/publish-prices-a91c", {}, None),
    "page-items": ("runs/thumbnails-b2", {"dark": True}, None),
    "page-now": ("now", {}, None),
}


def take(looking: Visitor, path: str, then: Callable[[Page], object] | None, file: Path) -> None:
    """One picture."""
    page = looking.go(f"/ns/{NAMESPACE}/{path}")
    if then is not None:
        then(page)
    # Once the stream has said all that it has to say.
    page.wait_for_load_state("load")
    page.mouse.move(0, 0)
    phone = (page.viewport_size or {"width": 0})["width"] < 500
    page.screenshot(path=file, full_page=not phone)


def main() -> int:
    """Take all of them."""
    FOLDER.mkdir(exist_ok=True)
    with ControlPlane() as control_plane:
        control_plane.kubectl("apply", "--server-side", "-f", str(layout.REPOSITORY / "crds"))
        control_plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        fill(control_plane)
        with dashboard_site(control_plane.kubeconfig, NAMESPACE) as site, chromium() as browser:
            site.log_in()
            for name, (path, how, then) in PICTURES.items():
                with visitor(browser, site, **how) as looking:
                    take(looking, path, then, FOLDER / f"{name}.png")
                    print(f"docs/images/{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
