"""What the page looks like where names, messages and values are as long as they may be, and on small screens."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from dashboard_site import DashboardSite, Visitor, dashboard_site, visitor
from playwright.sync_api import Browser, expect
from verbs import Verbs, container

from cluster.control_plane import ControlPlane
from crontask.client.timing import distance

LONG = "x" * 1024
# As many letters as a step may have.
STEP = "step-with-the-longest-n1"
AT, ENDED = "2024-02-27T03:00:00Z", "2024-02-27T04:00:59Z"
FAILED = {"phase": "Failed", "startTime": AT, "completionTime": ENDED, "duration": "1h59s", "message": LONG}
BATCH = {"batches": 1234, "processedCount": 61500, "errorCount": 7, "total": 200000, "percent": 30}
RUNS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "failed": ({"taskRef": {"name": "task"}, "scheduledTime": AT}, FAILED),
    # A name that no task can have.
    "crooked": ({"taskRef": {"name": "task-"}}, FAILED),
    "batches": (
        {"handler": container()},
        {"phase": "Running", "startTime": AT, "plan": {}, "batch": {**BATCH, "cursor": {"after": LONG}}},
    ),
    "steps": (
        {"handler": {"steps": [{"name": STEP, **container()}]}},
        {**FAILED, "plan": {}, "steps": [{"name": STEP, "phase": "Failed", "message": LONG}]},
    ),
    "items": (
        {"handler": {"forEach": {"items": list(range(1000)), "handler": container()}}},
        {"phase": "Running", "plan": {}, "items": {"total": 1000, "failed": 2, "ends": "S500F2-498"}},
    ),
}
# Rows in which texts of two cells stand on each other.
_OVERLAPS = """() => [...document.querySelectorAll("tbody tr")].filter((row) => {
  const texts = [...row.querySelectorAll("th, td")].map((cell) => {
    const found = [];
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      if (!walker.currentNode.parentElement.closest(".clamp, .note")) found.push(...range.getClientRects());
    }
    return found;
  });
  const meet = (a, b) =>
    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  return texts.some((one, at) => texts.slice(at + 1).some((other) => one.some((a) => other.some((b) => meet(a, b)))));
}).map((row) => row.id)"""


@pytest.fixture(scope="module")
def verbs(control_plane: ControlPlane) -> Verbs:
    """A task and runs, with statuses as an operator writes them."""
    made = Verbs(control_plane, f"it-{uuid4().hex[:8]}")
    control_plane.kubectl("create", "namespace", made.namespace)
    made.make("CronTask", "task", {"schedule": "0 3 * * *", "timeZone": "Europe/Berlin", "handler": container()})
    for name, (spec, status) in RUNS.items():
        made.make("ScheduledRun", name, spec)
        made.kubectl("patch", "sr", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
    return made


@pytest.fixture(scope="module")
def site(verbs: Verbs) -> Iterator[DashboardSite]:
    with dashboard_site(verbs.kubeconfig, verbs.namespace) as running:
        running.log_in()
        yield running


@pytest.fixture
def looking(browser: Browser, site: DashboardSite) -> Iterator[Visitor]:
    with visitor(browser, site) as found:
        yield found


@pytest.mark.parametrize("width", [320, 390, 640, 900, 1280])
def test_nothing_is_wider_than_the_screen_or_stands_on_something_else(
    looking: Visitor, verbs: Verbs, width: int
) -> None:
    looking.page.set_viewport_size({"width": width, "height": 900})
    found = {}
    for path in ("tasks", "now", "tasks/task", *(f"runs/{name}" for name in RUNS)):
        page = looking.go(f"/ns/{verbs.namespace}/{path}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found[path] = "wider than the screen"
        elif overlapping := page.evaluate(_OVERLAPS):
            found[path] = f"cells on each other: {overlapping}"
    assert found == {}


def test_a_step_with_a_long_name_stays_in_its_box(looking: Visitor, verbs: Verbs) -> None:
    page = looking.go(f"/ns/{verbs.namespace}/runs/steps")
    box, name = page.locator("svg.graph rect").bounding_box(), page.locator("svg.graph .name").bounding_box()
    assert box is not None
    assert name is not None
    assert name["x"] + name["width"] < box["x"] + box["width"]
    expect(page.locator("svg.graph title")).to_contain_text(STEP)


def test_how_far_batches_are(looking: Visitor, verbs: Verbs) -> None:
    page = looking.go(f"/ns/{verbs.namespace}/runs/batches")
    expect(page.locator("section[aria-labelledby=batches]")).to_contain_text(
        "1,234 batches done: 61,500 of 200,000 processed, 7 failed"
    )


def test_a_run_of_a_task_that_cannot_be_is_shown_without_buttons(looking: Visitor, verbs: Verbs) -> None:
    page = looking.go(f"/ns/{verbs.namespace}/runs/crooked")
    expect(page.locator("h1")).to_have_text("crooked")
    expect(page.locator(".acts *")).to_have_count(0)
    expect(page.get_by_role("link", name="Events")).to_be_visible()


def test_relative_times_are_told_as_the_server_tells_them(looking: Visitor, verbs: Verbs) -> None:
    looking.go(f"/ns/{verbs.namespace}/tasks")
    module = looking.page.locator("script[type=module]").get_attribute("src") or ""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    for seconds in (0, 1, 59, 60, 61, 3600, 3633, 3661, 86399, 86400, 86460, 90000, 400 * 86400 + 13):
        for at in (now - timedelta(seconds=seconds), now + timedelta(seconds=seconds)):
            told = looking.page.evaluate(
                "async ([module, at, now]) => (await import(module)).relative(at, now)",
                [module.replace("page.js", "times.js"), at.timestamp() * 1000, now.timestamp() * 1000],
            )
            assert told == distance(at, now)


def test_escape_folds_a_form_up(looking: Visitor, verbs: Verbs) -> None:
    page = looking.go(f"/ns/{verbs.namespace}/tasks/task")
    page.focus("#act-pause summary")
    page.keyboard.press("Enter")
    page.fill("[name=reason]", "a deploy")
    page.press("[name=reason]", "Escape")
    expect(page.locator("#act-pause")).not_to_have_attribute("open", "")
    expect(page.locator("#act-pause summary")).to_be_focused()


def test_one_who_is_in_utc_has_one_button_for_it(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    context = browser.new_context(timezone_id="UTC")
    looking = Visitor(context, site)
    page = looking.go(f"/ns/{verbs.namespace}/tasks")
    page.wait_for_load_state("load")
    assert page.locator(".zones button:visible").all_inner_texts() == ["the task’s zone", "UTC"]
    context.close()
