"""A session that ends while a page of it is open: the page itself, and a log on its own, show who has to log in."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from dashboard_site import DashboardSite, dashboard_site, visitor
from playwright.sync_api import Browser, Page, expect
from verbs import Verbs, container

from cluster.control_plane import ControlPlane

# With one stream each: of what changes, and of a log.
PAGES = ["tasks", "runs/going/log"]
_HIDDEN = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def verbs(control_plane: ControlPlane) -> Verbs:
    """A namespace with a run that goes on, and whose pod is not there yet."""
    made = Verbs(control_plane, f"it-{uuid4().hex[:8]}")
    control_plane.kubectl("create", "namespace", made.namespace)
    made.make("ScheduledRun", "going", {"handler": container()})
    running = json.dumps({"status": {"phase": "Running", "podName": "going-1"}})
    made.kubectl("patch", "sr", "going", "--subresource=status", "--type=merge", "-p", running)
    return made


@pytest.fixture
def site(verbs: Verbs) -> Iterator[DashboardSite]:
    with dashboard_site(verbs.kubeconfig, verbs.namespace) as running:
        running.log_in()
        yield running


def opened(page: Page, address: str) -> None:
    """The page, once its stream is there."""
    with page.expect_response("**/live/**") as answered:
        page.goto(address)
    assert answered.value.status == 200


@pytest.mark.parametrize("path", PAGES)
def test_while_somebody_looks(browser: Browser, site: DashboardSite, verbs: Verbs, path: str) -> None:
    with visitor(browser, site) as looking:
        opened(looking.page, f"{site.address}/ns/{verbs.namespace}/{path}")
        # As from another window of the same browser.
        assert site.act("/logout").status == 303
        expect(looking.page.locator("h1")).to_have_text("Log in")


@pytest.mark.parametrize("path", PAGES)
def test_while_nobody_looks(browser: Browser, site: DashboardSite, verbs: Verbs, path: str) -> None:
    with visitor(browser, site) as looking:
        opened(looking.page, f"{site.address}/ns/{verbs.namespace}/{path}")
        looking.page.evaluate(_HIDDEN, True)
        assert site.act("/logout").status == 303
        with looking.page.expect_response("**/live/**") as refused:
            looking.page.evaluate(_HIDDEN, False)
        assert refused.value.status == 401
        expect(looking.page.locator("h1")).to_have_text("Log in")


def test_a_log_that_has_not_begun_says_so(browser: Browser, site: DashboardSite, verbs: Verbs) -> None:
    with visitor(browser, site) as looking:
        page = looking.go(f"/ns/{verbs.namespace}/runs/going")
        expect(page.locator("pre.log")).to_have_text("Its container has not started yet.")
